"""python -m tests.validate_speed: how fast `data validate` is, and how much memory it takes.

validate   a million pairs of mixed lengths (instructions, inputs, conversations; exact and near duplicates, pairs that differ
           by input only, swear words, keys, e-mail addresses, refusals), by the command itself in a process of its own.
           Told: pairs a second, by the clock and by processor time; the peak memory of all its processes together; which
           share of the planted near duplicates was found, and how many pairs that differ by input only were merged.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import ast
import json
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.text import sentences as split_sentences

ROOT = Path(__file__).resolve().parents[1]
FAST = "schema,length,dedup,near_dup,profanity,secrets,refusals,placeholders,fences,turns"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keeps the rows for the next run; default: a temporary one")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        validate(told.pairs, told.folder or Path(folder))


class Measured(NamedTuple):
    seconds: float
    processor_seconds: float
    peak: float  # MB, of all processes together
    said: str


def measured(command: list[str]) -> Measured:
    """Run a command to its end."""
    before, start = os.times(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peaks = [0.0]
    watching = threading.Thread(target=watch, args=(process, peaks), daemon=True)
    watching.start()
    said = process.communicate()[0]
    seconds, after = time.monotonic() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert process.returncode == 0, said
    return Measured(seconds, used, max(peaks), said)


def watch(process: "subprocess.Popen[str]", peaks: list[float]) -> None:
    """Add up the memory of a process and its children, five times a second; a page that n share counts as 1/n for each."""
    while process.poll() is None:
        total = 0
        for pid in [process.pid, *children_of(process.pid)]:
            try:
                status = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("Pss:")), 0)
        peaks.append(total / 1024)
        time.sleep(0.2)


def children_of(pid: int) -> list[int]:
    try:
        return [int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()]
    except OSError:
        return []


def validate(pairs: int, folder: Path) -> None:
    path, known = folder / "user" / "speed.jsonl", folder / "planted.json"
    if not known.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(json.dumps([sorted(lines) for lines in write_rows(path, pairs)]))
    planted = Planted(*map(set, json.loads(known.read_text())))
    print(f"validate: {pairs:,} pairs, {path.stat().st_size / pairs:.0f} bytes each")
    for name, checks in (("without pii and lang", FAST), ("the default checks", ""), ("pii", "pii"), ("lang", "lang")):
        clean = folder / "clean.jsonl"
        command = [sys.executable, "-m", "dspy_programs", "data", "validate", "-d", "speed", "--data", str(folder)]
        if checks:
            command += ["--checks", checks, "--write-clean", str(clean)]
        told = measured(command)
        print(
            f"  {name:20} {told.seconds:6.1f} s {pairs / told.seconds:9,.0f} pairs/s by the clock,"
            f" {pairs / told.processor_seconds:9,.0f} for each core's second, {told.peak:5.0f} MB"
        )
        if checks == FAST:
            print(f"  {'':20} {found_of(planted, clean.with_name('clean.rejects.jsonl'))}")


class Planted(NamedTuple):
    """Numbers of the lines that are planted."""

    near: set[int]
    by_input: set[int]
    same: set[int]


def found_of(planted: Planted, rejects: Path) -> str:
    reasons = {}
    with rejects.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            reasons[row["line"]] = row["reason"]
    duplicates = {line for line, reason in reasons.items() if "duplicate of" in reason}
    near = len(planted.near & reasons.keys()) / max(1, len(planted.near))
    others = len(duplicates - planted.near - planted.same - planted.by_input)
    return (
        f"near duplicates found {near:.4f} of {len(planted.near):,}, exact {len(planted.same & reasons.keys()):,} of"
        f" {len(planted.same):,}; differing by input only and merged: {len(planted.by_input & duplicates)} of"
        f" {len(planted.by_input):,}; not planted: {others:,}"
    )


def write_rows(path: Path, count: int, seed: int = 7) -> Planted:
    """Write rows, in the form of `ingest`; return what is planted among them."""
    planted = Planted(set(), set(), set())
    draw = random.Random(seed)
    pieces = sentences()
    recent: list[dict] = []
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, count + 1):
            kind = draw.random()
            if recent and kind < 0.025:
                row = dict(draw.choice(recent))
                planted.same.add(number)
            elif recent and kind < 0.05 and (row := changed(draw.choice(recent), draw)):
                planted.near.add(number)
            elif recent and kind < 0.075:
                row = {**draw.choice(recent), "input": " ".join(draw.choices(WORDS, k=2)) + str(number)}
                row.pop("messages", None)
                planted.by_input.add(number)
            else:
                row = fresh(draw, pieces)
                recent.append(row)
                if len(recent) > 2000:
                    recent[draw.randrange(2000)] = recent.pop()
            named = {"id": f"{number:032x}", **row, "metadata": {"source": "user"}, "created_at": "2026-11-30T00:00:00Z"}
            file.write(json.dumps(named, ensure_ascii=False) + "\n")
    return planted


WORDS = "river table seven number letter house garden winter paper engine signal market window forest bridge castle".split()
ASKED = (
    "Explain what {} means.", "Write a short note about {}.", "Summarise the text about {}.", "Translate into French: {}",
    "Why does {} matter in {}?", "List the steps to build {} with {}.", "What is the difference between {} and {}?",
    "Fix the error in the code that reads {}.", "Give three examples of {} for {}.", "Rewrite the sentence about {} politely.",
)  # fmt: skip
RARE = (
    "Oh shit, that went wrong.", "Use the key sk-a8Kd93jfLq02mXz7Pw4T to log in.", "Write to {}@example.org for it.",
    "Call +44 20 7946 0958 before noon.", "```python\nprint({})\n```", "See https://example.org/a/very/long/path/{}?x=1.",
)  # fmt: skip


def fresh(draw: random.Random, pieces: list[str]) -> dict:
    about = [" ".join(draw.choices(draw.choice(pieces).split(), k=draw.randint(1, 4))) for _ in range(2)]
    asked = draw.choice(ASKED).format(*about)
    length = min(60, max(1, int(draw.lognormvariate(1.2, 0.8))))
    said = " ".join(joined(draw, pieces) for _ in range(length))
    if draw.random() < 0.02:
        said += " " + draw.choice(RARE).format(draw.choice(WORDS))
    if draw.random() < 0.005:
        said = "I'm sorry, but I can't help with that request about " + about[0]
    if draw.random() < 0.06:
        more = joined(draw, pieces)
        turns = [("user", asked), ("assistant", joined(draw, pieces)), ("user", more), ("assistant", said)]
        return {"instruction": asked, "output": said, "messages": [{"role": role, "content": text} for role, text in turns]}
    given = joined(draw, pieces) if draw.random() < 0.3 else ""
    return {"instruction": asked, "input": given, "output": said}


def joined(draw: random.Random, pieces: list[str]) -> str:
    """Return the beginning of a sentence with the end of another: a million rows would repeat some thousand sentences."""
    one, other = draw.choice(pieces).split(), draw.choice(pieces).split()
    return " ".join([*one[: (len(one) + 1) // 2], *other[len(other) // 2 :]])


def changed(row: dict, draw: random.Random) -> dict:
    """Return a near duplicate: of an answer of at least 15 words one in twenty is another, at least one. Of others: {}."""
    words = row["output"].split()
    if len(words) < 15:
        return {}
    for place in draw.sample(range(len(words)), max(1, len(words) // 20)):
        words[place] = draw.choice(WORDS)
    output = " ".join(words)
    if "messages" in row:
        return {**row, "output": output, "messages": [*row["messages"][:-1], {"role": "assistant", "content": output}]}
    return {**row, "output": output}


def sentences() -> list[str]:
    """Return sentences of 5 to 40 words: of the shipped data sets, and for each four of these one of Python's docstrings."""
    prose = [text for text in sentences_of_data_sets() if 5 <= len(text.split()) <= 40]
    technical = [text for text in sentences_of_docstrings() if 5 <= len(text.split()) <= 40]
    return prose + technical[: len(prose) // 4]


def sentences_of_data_sets() -> Iterator[str]:
    for name in ("quality_judge", "data_generator", "planner", "memory_summarizer"):
        for line in (ROOT / "datasets" / name / "train.jsonl").read_text(encoding="utf-8").splitlines():
            for value in json.loads(line).values():
                if isinstance(value, str):
                    yield from split_sentences(value)


def sentences_of_docstrings() -> Iterator[str]:
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (text := ast.get_docstring(node)):
                yield from split_sentences(text)


if __name__ == "__main__":
    main()
