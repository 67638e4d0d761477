"""Labels for many pairs at once: by a filter, or by what a judge found.

Output     Tally. Pairs are read and labels written as a stream.
Guarantees with `resume`, a pair that has just that label gets no second line, so that a run that was killed goes on, and one
           that ended writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dspy_programs.cli import Progress
from dspy_programs.data.expressions import Expression
from dspy_programs.data.judging.judged import Judgments, overall_of
from dspy_programs.data.known_rows import Known, known_rows, row_of
from dspy_programs.data.labels.label import Label, Labeler, Status, now, user
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.errors import UsageError

REJECT_BELOW = 3.5  # of 10
BY_PEOPLE = ("interactive", "web")


@dataclass
class Tally:
    """What became of the pairs. written: labels by status; same: had that label already; peoples: a person's was replaced."""

    pairs: int = 0
    written: Counter[str] = field(default_factory=Counter)
    same: int = 0
    peoples: int = 0
    unjudged: int = 0


Verdict = Callable[[Known], tuple[Status, str] | None]
"""What a pair is, and the tag that says why; None for no label."""


def by_filter(where: Expression, status: Status, tag: str) -> Verdict:
    return lambda known: (status, tag) if where(row_of(known)) else None


def by_judge(reject_below: float, where: Expression | None, tag: str = "") -> Verdict:
    """Return: passed is approved, overall under the limit, which is on the judgments' scale, rejected, else needs_edit."""

    def verdict(known: Known) -> tuple[Status, str] | None:
        if known.judgment is None or (where and not where(row_of(known))):
            return None
        overall = overall_of(known.judgment)
        why = f"overall={overall:.1f}" if overall >= 1 or overall == 0 else f"overall={overall:.2f}"
        said = f"{tag} {why}" if tag else why
        if known.judgment.get("passed") is True:
            return "approved", said
        return ("rejected" if overall < reject_below else "needs_edit"), said

    return verdict


def label_many(
    path: Path,
    store: LabelStore,
    judgments: Judgments | None,
    verdict: Verdict,
    labeler: Labeler,
    note: str = "",
    resume: bool = False,
    where: Expression | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Label every pair of the file that the verdict is about. where: the filter in it, for keys that no pair has."""
    tally, at, by = Tally(), now(), user()

    def labels() -> Iterator[Label]:
        for known in known_rows(path, store, judgments):
            tally.pairs += 1
            if progress and tally.pairs % 1000 == 0:
                progress(tally.pairs, 0)
            tally.unjudged += judgments is not None and known.judgment is None
            if (found := verdict(known)) is None:
                continue
            status, tag = found
            label = Label(pair_id=known.original.id, status=status, tag=tag, note=note, labeler=labeler, labeled_at=at, by=by)
            if resume and label.says_as(known.label):
                tally.same += 1
                continue
            tally.peoples += known.label is not None and known.label.labeler in BY_PEOPLE and known.label.status != status
            tally.written[status] += 1
            yield label
        if where and tally.pairs:
            where.require_metadata()
        if judgments is not None and tally.unjudged == tally.pairs:
            raise UsageError(f"{judgments.path}: its judgments are of no pair in {path}")

    store.append_all(labels())
    return tally
