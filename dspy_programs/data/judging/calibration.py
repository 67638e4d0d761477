"""Is a judge right? Its verdicts against people's labels, with intervals, by category, and at the best threshold.

Input      pairs with a judgment and a label. A status that is neither approved nor a negative leaves the pair out: one that was
           skipped, or needs an edit, says nothing of a verdict unless asked to.
Output     Calibration, in the data flywheel's keys and ours. Shares in [0, 1], kappa in [-1, 1], scores from 0 to 10.
Guarantees the threshold is chosen on one half of the pairs and reported on the other. A judge is trusted only if the
           interval of its kappa lies above 0: with few labels, or one kind of label, it does not.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from dspy_programs.data.judging.joined import Judges, Labelled, LabelsRead
from dspy_programs.data.judging.statistics import bootstrap, kappa_interval, kappa_of, prf_of
from dspy_programs.errors import JudgeNotTrusted
from dspy_programs.failures import Interval, wilson

_LEAST = 8  # pairs of a half; fewer choose a threshold by luck


class Measured(BaseModel):
    """Precision: of what the judge passed, the share that people approved; recall: of what they approved, what it passed."""

    model_config = ConfigDict(extra="forbid")

    precision: float
    recall: float
    f1: float
    accuracy: float
    tp: int
    fp: int
    tn: int
    fn: int
    kappa: float
    intervals: dict[str, Interval]
    n_evaluated: int


class Threshold(BaseModel):
    """The overall score from which on a pair would pass: chosen for its kappa on one half, measured on the other."""

    model_config = ConfigDict(extra="forbid")

    overall: float
    chosen_on: int
    kappa_where_chosen: float
    on_the_other: Measured


class Calibration(Measured):
    dataset: str
    tag: str
    approved_is: str
    negatives: list[str]
    judge_model: str | None
    rubric: str | None
    judge: str | None
    """A digest of all that decides but the pair, as in the lines; None if several judges made them."""
    labels: dict[str, int]
    """Status -> judged pairs that have it."""
    left_out: int
    """Judged pairs whose status is neither approved nor a negative."""
    by_judge: int
    """Lines of labels that were derived from judgments, and are not counted: a judge agrees with itself."""
    broken_labels: int
    """Lines of labels that were cut off when their writer was killed."""
    threshold: Threshold | None
    slices: dict[str, Measured]
    better_than_chance: bool

    def __str__(self) -> str:
        low, high = self.intervals["kappa"]
        return f"kappa {self.kappa:.3f} [{low:.3f}, {high:.3f}], {self.n_evaluated} labelled pairs"


def calibrated(
    rows: Iterable[Labelled],
    judges: Judges,
    dataset: str,
    tag: str,
    approved: str,
    negatives: Collection[str],
    read: LabelsRead,
) -> Calibration:
    """Measure a judge. approved, negatives: statuses; read: what was not counted of the file of labels."""
    statuses: Counter[str] = Counter()
    used: list[Labelled] = []  # as many as people have labelled
    for row in rows:
        statuses[row.status] += 1
        if row.status == approved or row.status in negatives:
            used.append(row)
    passed, truth = (
        np.array([row.passed for row in used], dtype=bool),
        np.array([row.status == approved for row in used], dtype=bool),
    )
    whole = measured(passed, truth)
    names = sorted({row.slice for row in used})
    slices = {}
    for name in names if len(names) > 1 else []:
        inside = np.array([row.slice == name for row in used])
        slices[name] = measured(passed[inside], truth[inside])
    return Calibration(
        **dict(whole),
        dataset=dataset,
        tag=tag,
        approved_is=approved,
        negatives=sorted(negatives),
        judge_model=judges.judge_model,
        rubric=judges.rubric,
        judge=judges.digest,
        labels=dict(sorted(statuses.items())),
        left_out=statuses.total() - len(used),
        by_judge=read.by_judge,
        broken_labels=read.broken,
        threshold=threshold_of(used, truth),
        slices=slices,
        better_than_chance=whole.intervals["kappa"].low > 0,
    )


def measured(passed: np.ndarray, truth: np.ndarray) -> Measured:
    table = _table_of(passed, truth)
    (tp, fp), (fn, tn) = table.tolist()
    figures = prf_of(tp, fp, tn, fn)
    intervals = {
        "precision": wilson(tp, tp + fp),
        "recall": wilson(tp, tp + fn),
        "f1": _f1_interval(table),
        "accuracy": wilson(tp + tn, len(truth)),
        "kappa": kappa_interval(table) if truth.any() and not truth.all() else Interval(-1.0, 1.0),
    }
    return Measured(**figures, kappa=float(kappa_of(table)), intervals=intervals, n_evaluated=len(truth))


def _f1_interval(table: np.ndarray) -> Interval:
    """Return the interval of F1; as for kappa, Wilson's is the lower end where not one verdict is wrong.

    F1 is 2 s / (1 + s) of s, the share of right verdicts among the pairs that either side approves.
    """
    (tp, fp), (fn, _) = table.tolist()
    if not tp:
        return Interval(0.0, 1.0)
    if fp or fn:
        return bootstrap(table, _f1_of)
    least = wilson(tp, tp).low
    return Interval(2 * least / (1 + least), 1.0)


def _f1_of(tables: np.ndarray) -> Any:
    twice = 2 * tables[..., 0, 0]
    return twice / np.maximum(twice + tables[..., 0, 1] + tables[..., 1, 0], 1)


def threshold_of(rows: Sequence[Labelled], truth: np.ndarray) -> Threshold | None:
    """Return the best threshold; None if a half is small, or has one kind of label only. Halves are drawn by the pairs' ids."""
    here = np.array([hashlib.sha256(row.pair_id.encode("utf-8", "replace")).digest()[0] % 2 == 0 for row in rows], dtype=bool)
    scores = np.array([row.overall for row in rows], dtype=float)
    if min(here.sum(), (~here).sum()) < _LEAST or any(len(set(truth[half])) < 2 for half in (here, ~here)):
        return None
    levels = np.unique(scores[here])
    if len(levels) < 2:
        return None
    cuts = (levels[:-1] + levels[1:]) / 2
    kappas = [float(kappa_of(_table_of(scores[here] >= cut, truth[here]))) for cut in cuts]
    best = int(np.argmax(kappas))
    other = measured(scores[~here] >= cuts[best], truth[~here])
    return Threshold(
        overall=round(float(cuts[best]), 4), chosen_on=int(here.sum()), kappa_where_chosen=kappas[best], on_the_other=other
    )


def _table_of(passed: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.array([[(passed & truth).sum(), (passed & ~truth).sum()], [(~passed & truth).sum(), (~passed & ~truth).sum()]])


def require_trusted(calibration: Calibration, judge: str | None = None) -> Calibration:
    """Return the calibration of a judge that may decide what is kept.

    judge: the digest of the judge in use, which must be the one that was calibrated. Raises JudgeNotTrusted for any other.
    """
    again = f"judge labelled pairs and measure: data calibrate -d {calibration.dataset} --tag {calibration.tag}"
    if judge is not None and judge != calibration.judge:
        raise JudgeNotTrusted(f"the calibration of tag {calibration.tag!r} is of another judge, model or rubric; {again}")
    if not calibration.better_than_chance:
        raise JudgeNotTrusted(
            f"{calibration.judge_model or 'the judge'} is no better than chance ({calibration}), so it may not decide what is "
            "kept: use a stronger model, another rubric, or label more pairs of both kinds"
        )
    return calibration
