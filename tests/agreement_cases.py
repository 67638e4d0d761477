"""The runs that failures_agreement.py judges, part by part, with what is known of each.

"Seen" are the groups of train and val of datasets/failure_judge, where rules were written and runs were read; "unseen" all
others.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dspy_programs.tables import rows_in
from dspy_programs.types import Trace
from optimizers.data import data_directory
from optimizers.sources.failure_labels import UNSEEN, Home, Labelled, homes, workbench, xstest
from optimizers.sources.failure_outcomes import Ended, tau_ended, who_and_when_ended, workbench_ended
from optimizers.sources.failure_reviews import Review, reviews

SEED = 20261129


@dataclass(frozen=True)
class Case:
    """One run. went_well: None if unknown or not asked. changes: whether a right run changes something.

    told: the outcome that the judge is told. truth: the mode, where a plain rule says it. label, safe: those of XSTest.
    turn: the one that people blame.
    """

    trace: Trace
    group: str
    seen: bool
    model: str = ""
    went_well: bool | None = None
    told: bool | None = None
    changes: bool = True
    truth: str = ""
    label: str = ""
    safe: bool = False
    turn: int | None = None
    review: Review | None = None


def cases(raw: Path) -> dict[str, list[Case]]:
    """Return the runs of every part."""
    home = homes(raw)
    unseen = {row["id"] for name in ("test", "transfer_test") for row in _rows(name)}
    blamed = [replace(_ended(run, home), seen=run.group not in unseen, told=False) for run in who_and_when_ended(raw)]
    return {
        "workbench": [_ended(run, home) for run in workbench_ended(raw)],
        "one-fault": [_labelled(run) for run in workbench(raw, home) if run.truth != "none"],
        "tau": [_ended(run, home) for run in tau_ended(raw)],
        "who-and-when": [run for run in blamed if run.turn is not None],
        "xstest": [_labelled(run) for run in xstest(raw, home)],
        "reviewed": [_review(review) for review in reviews()],
    }


def _rows(name: str) -> Iterable[Mapping[str, object]]:
    return (row for _, _, row in rows_in(data_directory("failure_judge") / f"{name}.jsonl"))


def _ended(run: Ended, home: Mapping[str, Home]) -> Case:
    seen = home.get(run.group, UNSEEN).split != "test"
    return Case(run.trace, run.group, seen, run.model, run.went_well, changes=run.changes, turn=run.turn)


def _labelled(run: Labelled) -> Case:
    return Case(run.trace, run.group, run.home.seen, label=run.label, truth=run.truth or "", safe=bool(run.safe))


def _review(review: Review) -> Case:
    return Case(review.trace, f"{review.source} {review.group}", True, review.model, review.is_successful, review=review)


def sampled(parts: Mapping[str, Sequence[Case]], count: int) -> dict[str, list[Case]]:
    """Draw `count` runs of each part and kind of outcome, always the same ones."""
    return {name: _sample(runs, count, _kind_of) for name, runs in parts.items()}


def _kind_of(case: Case) -> str:
    return f"{case.went_well} {case.truth} {case.label} {case.safe}"


def _sample(runs: Sequence[Case], count: int, kind: Callable[[Case], str]) -> list[Case]:
    piles: dict[str, list[Case]] = {}
    for run in runs:
        piles.setdefault(kind(run), []).append(run)
    draw = random.Random(SEED)
    return [run for name in sorted(piles) for run in draw.sample(piles[name], min(count, len(piles[name])))]
