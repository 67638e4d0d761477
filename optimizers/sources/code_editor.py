"""Defects in small functions with the report of a user and a test that fails, as rows of code_editor.

Input      raw: a folder with site-packages, which has the packages of repair_cases/packages.toml, and with
           code/mbpp/mbpp.jsonl and code/humaneval/HumanEval.jsonl.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, task, code, feedback, checks, fixed, why, kind, source,
           package, version, licence}.
Guarantees the same input gives the same rows, bit for bit. The tests of every row were run: they fail on its code and pass on
           the right code; `feedback` is what the first one that fails said. A package is in one split only, and no code is
           like one of another split.
Raises     DatasetError if a package is missing or says no licence, or if tests do not fail or pass as they should.
Source     the packages, MBPP (Austin et al. 2021) and HumanEval (Chen et al. 2021), as the data card names them.
"""

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Any

from dspy_programs.edits import edits_between
from dspy_programs.errors import DatasetError
from metrics.code_editor import Checks
from optimizers.recipes import checked
from optimizers.sources.mutations import mutants
from optimizers.sources.packages import licence_of
from optimizers.sources.problems import Problem, problems_of
from optimizers.sources.reading import home
from optimizers.sources.repair_case import checks_of, made

SEED = 20261202
_MUTATED = {"train": ("mbpp", 110), "val": ("humaneval", 12)}
"""split -> where the functions are from, and how many rows are made of them."""
_ALIKE = 0.5  # share of common runs of five words, from which two texts of code are near-duplicates
_LONGEST_FEEDBACK = 700
_ATTEMPTS = 3  # defects of a function that are tried until a test notices
_WHY = {
    "comparison": "The comparison in {} is wrong.",
    "condition": "The condition in {} is wrong.",
    "arithmetic": "The operator in {} is wrong.",
    "off_by_one": "A bound in {} is off by one.",
    "index": "The index in {} is wrong.",
    "wrong_function": "{} calls the wrong function.",
    "arguments": "The arguments in {} are swapped.",
    "missing_call": "{} lacks a call.",
    "state": "{} overwrites what should grow.",
    "forgotten_case": "A case is not handled.",
}
_WORDINGS = (
    "{name} should {what}. {call} gives {got}, and it should be {want}.",
    "Wrong result: I expected {want} from {call}, and got {got}. It is meant to {what}.",
    "{call} returns {got} where {want} is right. The function is there to {what}.",
    "{name}: {got} for {call}. Should be {want}.",
)
_RAISED = (
    "{name} should {what}. {call} stops with {got}.",
    "{call} raises {got}. The function is there to {what}.",
)
_VAGUE = "Since the last change {name} is wrong for some inputs. It should {what}."

Row = dict[str, Any]


def build(raw: Path) -> dict[str, list[Row]]:
    """Make the rows of each split."""
    splits: dict[str, list[Row]] = {}
    cases = [*_hand_made(raw)]
    for split in ("train", "val", "test"):
        draw = random.Random(f"{SEED} {split}")
        by_hand = [row for where, row in cases if where == split]
        draw.shuffle(by_hand)
        others = [row for where, row in cases if where != split] + [row for rows in splits.values() for row in rows]
        mutated = _mutated(raw, *_MUTATED[split], others, draw) if split in _MUTATED else []
        rows = [row for pair in zip_longest(by_hand, mutated) for row in pair if row]
        splits[split] = [{"id": f"{split}-{at:03}", **row} for at, row in enumerate(rows)]
    _check_apart(splits)
    return splits


def _hand_made(raw: Path) -> Iterator[tuple[str, Row]]:
    """Yield the split and the row of each case."""
    packages = home(raw, "site-packages")
    known = {each.metadata["Name"]: each for each in distributions(path=[str(packages)])}
    cases = []
    for file in sorted((Path(__file__).parent / "repair_cases").glob("*.toml")):
        cases += tomllib.loads(file.read_text(encoding="utf-8"))["case"]
    for case in cases:
        if (package := case.get("package", "")) and package not in known:
            raise DatasetError(f"{packages}: {package} is not installed there; install what requirements.lock names")
    for case in cases:
        package = case.get("package", "")
        told = {"source": "package" if package else "algorithm", "package": package, "version": "", "licence": ""}
        if package:
            told |= {"version": known[package].version, "licence": licence_of(known[package], package)}
        yield case["split"], _row_of(case, packages) | told


def _row_of(case: Row, raw: Path) -> Row:
    files = made(case, raw)
    row = _verified(files.path, files.broken, files.fixed, files.checks)
    if row is None:
        raise DatasetError(f"{files.path}: the tests do not pass on the right code and fail on the other: {case['task']!r}")
    return {"task": case["task"], **row, "why": case["why"], "kind": case["kind"]}


def _verified(path: str, broken: str, fixed: str, checks: Checks) -> Row | None:
    """Run the tests on both, return the fields of a row that come of it; None if they do not fail and pass as they should."""
    right, wrong = (checked({path: code, **checks.files}, [checks.tests])[0] for code in (fixed, broken))
    if not right.passed or checks.says not in right.output or wrong.passed or "Traceback" not in wrong.output:
        return None
    return {
        "code": {path: broken},
        "feedback": first_failure(wrong.output),
        "checks": checks.model_dump(exclude_none=True),
        "fixed": {path: fixed},
    }


def first_failure(output: str) -> str:
    """Return what unittest says of the first test that fails: its name, the traceback, and the first line of the message.

    Of errors that led to one another, the last one counts.
    """
    block = re.split(r"^={70}\n", output, flags=re.MULTILINE)[1]
    head, _, rest = block.partition("-" * 70 + "\n")
    *_, rest = re.split(r"^(?:During handling|The above exception) .*\n\n", rest, flags=re.MULTILINE)
    lines = [line for line in rest.splitlines() if not re.fullmatch(r"\s*[~^]+", line)]
    end = next((at for at, line in enumerate(lines) if at and line[:1].isalpha()), len(lines) - 1)
    text = head + "\n".join(lines[: end + 1])
    return text if len(text) <= _LONGEST_FEEDBACK else f"{text[:300]}\n...\n{text[300 - _LONGEST_FEEDBACK :]}"


def _mutated(raw: Path, source: str, most: int, others: Sequence[Row], draw: random.Random) -> list[Row]:
    """Plant defects in functions of a public set, the kinds in turn as far as they come. others: the rows of other splits."""
    taken = [_shingles(*row["fixed"].values()) for row in others]
    problems = [*problems_of(raw, source)]
    draw.shuffle(problems)
    count, rows = dict.fromkeys(_WHY, 0), list[Row]()
    for problem in problems:
        if any(_alike(_shingles(problem.code), theirs) for theirs in taken):
            continue
        found = [*mutants(problem.code)]
        draw.shuffle(found)
        found.sort(key=lambda each: count[each[0]])
        checks = checks_of(f"{problem.stem}.py", problem.code, problem.tests)
        for kind, broken in found[:_ATTEMPTS]:
            row = _verified(f"{problem.stem}.py", broken, problem.code, checks)
            if row is not None:
                count[kind] += 1
                rows.append({"task": _task(problem, row["feedback"], draw), **row, **_told(problem, kind, broken, source)})
                break
        if len(rows) == most:
            return rows
    raise DatasetError(f"{raw}: {source} gives {len(rows)} rows, not {most}")


def _told(problem: Problem, kind: str, broken: str, source: str) -> Row:
    edits = edits_between("a.py", broken, problem.code)
    changed = [line.strip() for line in edits[0].old.splitlines() if line not in edits[0].new.splitlines()]
    why = _WHY[kind].format(f"`{changed[0]}`") if changed else _WHY["forgotten_case"]
    return {"why": why, "kind": kind, "source": source, "package": "", "version": "", "licence": problem.licence}


def _task(problem: Problem, feedback: str, draw: random.Random) -> str:
    """Report the first failure as a user would, without saying where the defect is."""
    call = re.search(r"self\.assert\w+\((.*)\)$", feedback, re.MULTILINE)
    said = feedback.splitlines()[-1]
    values = re.search(r"^AssertionError: (?:\w+ differ: )?(.+?) (?:!=|is not) (.+)$", said)
    fields = {"name": problem.name, "what": problem.what}
    made = problem.call_in(call[1]) if call else ""
    if made and len(made) < 90 and values and len(said) < 160 and " chars]" not in said:
        return draw.choice(_WORDINGS).format(call=made, got=values[1], want=values[2], **fields)
    if made and len(made) < 90 and not said.startswith("AssertionError") and len(said) < 120:
        return draw.choice(_RAISED).format(call=made, got=said, **fields)
    return _VAGUE.format(**fields)


def _check_apart(splits: dict[str, list[Row]]) -> None:
    """Refuse rows of two splits whose code is nearly the same."""
    shingles = {split: [(row["id"], _shingles(*row["fixed"].values())) for row in rows] for split, rows in splits.items()}
    for one, other in combinations(splits, 2):
        for name, mine in shingles[one]:
            for twin, theirs in shingles[other]:
                if _alike(mine, theirs):
                    raise DatasetError(f"{name} and {twin} have nearly the same code")


def _alike(mine: set[tuple[str, ...]], theirs: set[tuple[str, ...]]) -> bool:
    return len(mine & theirs) > _ALIKE * min(len(mine), len(theirs))


def _shingles(*texts: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+|[^\w\s]", " ".join(texts))
    return {tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4))}
