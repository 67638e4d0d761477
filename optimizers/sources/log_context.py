"""Logs of things that really went wrong, and of services made up here, as rows of log_context.

Input      raw: a folder of installed packages (site-packages), which the runs import.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, task, logs, context_keywords, key_points_keywords, answer,
           evidence, source, kind}.
Guarantees a source of runs, an incident and a form of log are in one split only; no two rows have the same log; an answer says
           every keyword, and its evidence is the log's. The same packages and programs give the same rows, bit for bit.
Raises     DatasetError for a run that does not give what it should, or a program that is not installed.
Source     the packages and programs that the data card names; the incidents are ours.
"""

import random
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from metrics.log_context import holds
from optimizers.sources.log_formats import FORMS, Form
from optimizers.sources.log_incidents import INCIDENTS, NOISE, WORDS, Incident
from optimizers.sources.log_runs import Run, log_of, read_runs

SEED = 20261202
_TOLD = {"train": 6, "val": 5, "test": 5}  # rows of each incident
_LEVELS = {"i": "info", "w": "warning", "e": "error", "f": "fatal"}
_STARRED = re.compile(r"\*([^*]+)\*")

Row = dict[str, Any]


def build(raw: Path, runs: Sequence[Run] | None = None) -> dict[str, list[Row]]:
    """Make the rows of each split: real runs, by default those of log_run_cases.toml, and incidents in turn."""
    splits, runs = {}, read_runs() if runs is None else runs
    for split in ("train", "val", "test"):
        draw = random.Random(f"{SEED} {split}")
        real = [_of_run(run, raw) for run in runs if run.split == split]
        rows = [*real, *_of_incidents([each for each in INCIDENTS if each.split == split], FORMS[split], draw)]
        draw.shuffle(rows)
        splits[split] = [{"id": f"{split}-{at:03}", **row} for at, row in enumerate(rows)]
    return splits


def _of_run(run: Run, raw: Path) -> Row:
    return _row(run.task, log_of(run, raw), run.says, run.proofs, "run", run.source)


def _of_incidents(incidents: Sequence[Incident], forms: Sequence[Form], draw: random.Random) -> Iterator[Row]:
    for at, incident in enumerate(incidents):
        for number in range(_TOLD[incident.split]):
            yield _told(incident, forms[(at + number) % len(forms)], draw)


def _told(incident: Incident, form: Form, draw: random.Random) -> Row:
    """Tell an incident in a form of log."""
    words = _words(draw)
    at = datetime(2026, draw.randrange(1, 13), draw.randrange(1, 28), draw.randrange(24), draw.randrange(60))
    pids: dict[str, int] = {}
    lines = []
    for line in _mixed([line.format(**words) for line in incident.lines], draw):
        level, who, said = line.split(" ", 2)
        at += timedelta(milliseconds=draw.randrange(40, 9_000))
        lines.append(form(at, _LEVELS[level], who, said, pids.setdefault(who, draw.randrange(1000, 30_000))))
    proofs = [proof.format(**words) for proof in incident.proofs]
    task, says = incident.task.format(**words), incident.says.format(**words)
    return _row(task, "\n".join(lines), says, proofs, "incident", form.__name__[1:])


def _words(draw: random.Random) -> dict[str, str]:
    drawn = {name: draw.choice(choices) for name, choices in WORDS.items()}
    numbers = {"n": (20, 99), "m": (3, 19), "port": (3000, 9999), "id": (10_000, 99_999)}
    return drawn | {name: str(draw.randrange(*between)) for name, between in numbers.items()}


def _mixed(lines: Sequence[str], draw: random.Random) -> Iterator[str]:
    """Yield the lines with others before, between and after them."""
    for line in lines:
        yield from (noise.format(**_words(draw)) for noise in draw.sample(NOISE, draw.randrange(0, 3)))
        yield line
    yield from (noise.format(**_words(draw)) for noise in draw.sample(NOISE, draw.randrange(1, 3)))


def _row(task: str, log: str, says: str, proofs: Sequence[str], kind: str, source: str) -> Row:
    """Return a row. Raises DatasetError if the log has not what it should, or the answer says not every keyword."""
    wanted = [re.sub(r"[`]", "", span) for span in _STARRED.findall(says)]
    answer = _STARRED.sub(lambda span: span[1].split("|")[0], says)
    evidence = []
    for proof in proofs:
        lines = [line for line in log.split("\n") if proof in line]
        if not lines:
            raise DatasetError(f"{source}: the log has no {proof!r}, but {log[-300:]!r}")
        evidence += [lines[0].strip()] if lines[0].strip() not in evidence else []
    if missing := [keyword for keyword in wanted if not holds(answer, keyword)]:
        raise DatasetError(f"{source}: {answer!r} does not say {missing}")
    return {
        "task": task,
        "logs": log,
        "context_keywords": wanted if proofs else [],
        "key_points_keywords": list(proofs),
        "answer": answer,
        "evidence": evidence,
        "source": source,
        "kind": kind,
    }
