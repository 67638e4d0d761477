"""Fits, to labelled findings, how often a finding of a given mode and confidence is right, in runs of a given kind.

A reader says whether a finding is right. An outcome only says whether the run failed, and a wrong finding may be made on a
run that failed for another reason: as often as runs of its source and model fail, its `by_chance`. So a finding on a failed
run is right with probability p / (p + (1 - p) by_chance), p being that of such findings: expectation maximisation over p.
Such a label tells less than a reader's: it weighs (1 - by_chance) / (1 + by_chance) of one, the ratio of their Fisher
information at p = 0.5. What has less than a few labels' worth of information has no probability, whatever the figures say.

Input      Record: one verdict of the rules (kind of run, mode, confidence), what its label says, and where from.
Output     Fit: for each kind of run and mode that has enough labels a rising piecewise linear curve; Figures: calibration
           error and Brier score, before and after.
Guarantees labels that the rules' authors made (constructed runs) decide nothing; a curve ends where its labels do.
           Isotonic (pool adjacent violators, Ayer et al. 1955) or Platt's sigmoid (1999), and how far a mode is drawn to the
           curve of all modes, are chosen by log loss in cross-validation over groups; no curve reaches 0 or 1.
Source     Dempster, Laird and Rubin 1977.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.failures import FACTS, Curve, RunKind, holds_at, value_at
from dspy_programs.types import FailureMode
from optimizers.scoring import group_interval

_SHRINKAGES = (5.0, 20.0, 80.0)  # weight of the curve of all modes, in findings
_FOLDS = 5
_BINS = 10
_STEPS = 50  # of Newton's method, at most
_STILL = 1e-10  # a step that is none
_RIDGE = 1e-3  # keeps it finite where all labels are alike

_ROUNDS = 30  # of expectation maximisation; the curves no longer move by then
_FEWEST = 10  # labels by readers, or as much as that many tell, below which a mode has no curve
_FEWEST_GROUPS = 5  # that these come from
_FEWEST_BEYOND = 5  # of such labels at an end of a curve or beyond it
_REACH = 0.05  # of confidence: how far past its ends a curve still holds
INDEPENDENT = ("human", "reviewed", "outcome")  # labellers who did not make the run to fit the rules

_Point = tuple[float, float]  # confidence, right: 1, 0, or how likely
Curves = dict[RunKind, dict[FailureMode, Curve]]
_Measured = tuple[float, float, float]  # value, low and high end of its interval


class Record(BaseModel):
    """One verdict of the rules on one run.

    right: what the label says of it; from an outcome, whether the run went as the verdict has it. by_chance: how often runs
    of its source and model fail, and so how often an outcome calls a wrong finding right; 0 where a reader judged it. Some
    runs were read because they had failed (`of_failed`), and a finding is likelier to be right there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str = Field(pattern="^(?:train|val|test)$")
    source: str
    kind: str
    group: str
    run: RunKind
    mode: FailureMode
    confidence: float = Field(ge=0, le=1)
    right: bool
    by_chance: float = Field(default=0, ge=0, le=1)
    of_failed: bool = False

    @property
    def weight(self) -> float:
        """How much its label tells, in labels by readers."""
        return 1.0 if self.of_failed else (1 - self.by_chance) / (1 + self.by_chance)

    def called_right(self, p: float) -> float:
        """Return how likely its label calls a verdict right that is so with probability p."""
        failed = p + (1 - p) * self.by_chance
        return p / failed if self.of_failed else failed

    def likely_right(self, p: float) -> float:
        """Return how likely the verdict is right, its label being known."""
        known = self.of_failed or not self.by_chance
        return float(self.right) if known or not self.right else p / self.called_right(p)


class Fit(NamedTuple):
    """methods: kind of run -> (method, shrinkage); losses: kind of run -> choice -> log loss in cross-validation."""

    methods: dict[RunKind, tuple[str, float]]
    losses: dict[RunKind, dict[str, float]]
    curves: Curves


class _Figures(NamedTuple):
    """Each is (value, low, high), of the raw confidence and then of the probability; 95 % bootstrap over groups.

    right: share whose label calls it right. expected: the mean of what was said of the labels.
    error: expected calibration error, over bins of a tenth. error_by_mode: the same over bins of each mode, in which one
    mode's boasting cannot make up for another's modesty. brier: mean squared error.
    """

    records: int
    right: _Measured
    expected: tuple[float, float]
    error: tuple[_Measured, _Measured]
    error_by_mode: tuple[_Measured, _Measured]
    brier: tuple[_Measured, _Measured]


def isotonic(points: Sequence[_Point]) -> Curve:
    """Fit the rising steps nearest to the labels in squares: neighbours that fall are pooled until none does.

    One label more that is right at the lowest place, and one that is wrong at the highest, keep the ends off 0 and 1.
    """
    totals: dict[float, list[float]] = defaultdict(lambda: [0, 0])
    places = [x for x, _ in points]
    for x, is_right in [*points, (min(places), 1.0), (max(places), 0.0)]:
        totals[x][0] += is_right
        totals[x][1] += 1
    blocks: list[tuple[list[float], float, float]] = []  # confidences, how many are right, how many
    for x, (right, count) in sorted(totals.items()):
        block = ([x], right, count)
        while blocks and blocks[-1][1] * block[2] >= block[1] * blocks[-1][2]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    return [(x, right / count) for xs, right, count in blocks for x in xs]


def platt(points: Sequence[_Point]) -> Curve:
    """Fit a sigmoid by Newton's method, with Platt's targets short of 0 and 1; a falling one is made level."""
    right = sum(is_right for _, is_right in points)
    wrong = len(points) - right
    level = math.log((right + 1) / (wrong + 1))
    x = np.array([x for x, _ in points])
    low, high = 1 / (wrong + 2), (right + 1) / (right + 2)
    target = low + (high - low) * np.array([is_right for _, is_right in points])
    middle = x.mean()
    rows = np.column_stack([x - middle, np.ones_like(x)])
    known = np.array([0.0, level])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(rows @ known, -30, 30)))
        hessian = rows.T @ (rows * (p * (1 - p))[:, None]) + _RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, rows.T @ (p - target) + _RIDGE * known)
        known = known - step
        if np.abs(step).max() < _STILL:
            break
    slope, height = known if known[0] >= 0 else (0.0, level)
    return [(i / 20, 1 / (1 + math.exp(-max(-30.0, min(30.0, slope * (i / 20 - middle) + height))))) for i in range(21)]


METHODS: Mapping[str, Callable[[Sequence[_Point]], Curve]] = {"isotonic": isotonic, "platt": platt}


def curves_of(records: Sequence[Record], method: str, shrinkage: float) -> Curves:
    """Fit each mode in each kind of run, drawn to the curve of all failures there by `shrinkage` findings' worth.

    "none" stands for itself. A mode with too few independent labels has no curve.
    """
    cells: dict[tuple[RunKind, FailureMode], list[Record]] = defaultdict(list)
    for record in records:
        if record.kind in INDEPENDENT and record.mode not in FACTS:
            cells[record.run, record.mode].append(record)
    curves: Curves = {}
    for run in sorted({run for run, _ in cells}):
        failures = [r for (of, mode), part in cells.items() if of == run and mode != "none" for r in part]
        common = _curve_of(failures, method) if failures else []
        for (of, mode), part in sorted(cells.items()):
            if of == run and _enough(part):
                own = _curve_of(part, method)
                curve = own if mode == "none" else drawn_to(common, own, shrinkage / (shrinkage + _told_by(part)))
                curves.setdefault(run, {})[mode] = [(x, round(p, 4)) for x, p in within(curve, part)]
    return curves


def _told_by(records: Sequence[Record]) -> float:
    return sum(record.weight for record in records)


def _enough(records: Sequence[Record]) -> bool:
    return _told_by(records) >= _FEWEST and len({record.group for record in records}) >= _FEWEST_GROUPS


def within(curve: Curve, records: Sequence[Record]) -> Curve:
    """Cut a curve to where its labels are: nothing is known of confidences that hardly any of them has."""
    rising = sorted(records, key=lambda record: record.confidence)
    low, high = round(max(0.0, _end_of(rising) - _REACH), 4), round(min(1.0, _end_of(rising[::-1]) + _REACH), 4)
    inner = [(x, p) for x, p in curve if low < x < high]
    return [(low, value_at(curve, low)), *inner, (high, value_at(curve, high))]


def _end_of(records: Sequence[Record]) -> float:
    """Return the confidence up to which the first of them tell enough."""
    told = itertools.accumulate(record.weight for record in records)
    return next(record.confidence for record, so_far in zip(records, told, strict=True) if so_far >= _FEWEST_BEYOND - 1e-9)


def _curve_of(records: Sequence[Record], method: str) -> Curve:
    """Fit a curve to how likely each finding is right, and that to the curve, in turns."""
    likely = [float(record.right) for record in records]
    curve: Curve = []
    for _ in range(_ROUNDS if any(record.by_chance for record in records) else 1):
        curve = METHODS[method]([(r.confidence, y) for r, y in zip(records, likely, strict=True)])
        said = [value_at(curve, record.confidence) for record in records]
        likely = [record.likely_right(p) for record, p in zip(records, said, strict=True)]
    return curve


def drawn_to(common: Curve, own: Curve, share: float) -> Curve:
    """Mix two curves; a mix of rising curves rises."""
    places = sorted({x for x, _ in own} | {x for x, _ in common})
    return [(x, share * value_at(common, x) + (1 - share) * value_at(own, x)) for x in places]


def fit(records: Sequence[Record]) -> Fit:
    """Choose method and shrinkage for each kind of run by cross-validation, and fit on all records."""
    found = Fit({}, {}, {})
    for run in sorted({record.run for record in records if record.kind in INDEPENDENT}):
        part = [record for record in records if record.run == run]
        losses = {(m, pull): _cross_validated(part, m, pull) for m in METHODS for pull in _SHRINKAGES}
        found.methods[run] = best = min(losses, key=losses.__getitem__)
        found.losses[run] = {f"{name}, shrinkage {pull:g}": round(loss, 4) for (name, pull), loss in losses.items()}
        found.curves.update(curves_of(part, *best))
    return found


def refitted(records: Sequence[Record], methods: Mapping[RunKind, tuple[str, float]]) -> Curves:
    """Fit on other records by the methods that were chosen."""
    curves: Curves = {}
    for run, chosen in methods.items():
        curves.update(curves_of([record for record in records if record.run == run], *chosen))
    return curves


def _cross_validated(records: Sequence[Record], method: str, shrinkage: float) -> float:
    """Return the mean log loss on groups that were left out of the fit."""
    fold_of = {group: place % _FOLDS for place, group in enumerate(sorted({r.group for r in records}))}
    losses = []
    for fold in range(_FOLDS):
        curves = curves_of([r for r in records if fold_of[r.group] != fold], method, shrinkage)
        for record in records:
            if fold_of[record.group] == fold and (said := _said_of(record, curves)) is not None:
                losses.append(-math.log(said if record.right else 1 - said))
    return sum(losses) / len(losses) if losses else 0.0


def _said_of(record: Record, curves: Curves) -> float | None:
    """Return how likely the label of a record calls it right, by the curves; None without one."""
    curve = curves.get(record.run, {}).get(record.mode)
    if curve is None or record.kind not in INDEPENDENT or not holds_at(curve, record.confidence):
        return None
    return record.called_right(value_at(curve, record.confidence))


def with_curve(records: Sequence[Record], curves: Curves) -> list[tuple[Record, float]]:
    """Return the independently labelled records whose mode has a curve, with what is said of their labels."""
    return [(record, said) for record in records if (said := _said_of(record, curves)) is not None]


def figures(records: Sequence[Record], curves: Curves) -> _Figures:
    """Measure raw confidence and probability on what `with_curve` returns."""
    pairs = with_curve(records, curves)
    known, calibrated = [record for record, _ in pairs], [said for _, said in pairs]
    raw = [record.called_right(record.confidence) for record in known]
    right = _measured_on(tables_of(known, calibrated), lambda table: table[..., 2].sum(-1) / table[..., 0].sum(-1))
    expected = (round(sum(raw) / len(raw), 4), round(sum(calibrated) / len(calibrated), 4))
    measured = []
    for measure, by_mode in ((_calibration_error, False), (_calibration_error, True), (brier, False)):
        before, after = (_measured_on(tables_of(known, said, by_mode), measure) for said in (raw, calibrated))
        measured.append((before, after))
    return _Figures(len(known), right, expected, *measured)


def _measured_on(tables: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]) -> _Measured:
    low, high = group_interval(tables, measure)
    return round(float(measure(tables.sum(axis=0))), 4), round(low, 4), round(high, 4)


def tables_of(records: Sequence[Record], said: Sequence[float], by_mode: bool = False) -> np.ndarray:
    """Sum up, for each group and bin of a tenth: records, what was said, what was right, squared error."""
    places = {group: place for place, group in enumerate(dict.fromkeys(r.group for r in records))}
    modes = {cell: place * by_mode for place, cell in enumerate(sorted({(r.run, r.mode) for r in records}))}
    tables = np.zeros((len(places), _BINS * (max(modes.values()) + 1), 4))
    for record, p in zip(records, said, strict=True):
        cell = modes[record.run, record.mode] * _BINS + min(_BINS - 1, int(p * _BINS))
        tables[places[record.group], cell] += (1, p, record.right, (p - record.right) ** 2)
    return tables


def _calibration_error(table: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean distance, over bins, of what was said from what was right."""
    return np.abs(table[..., 1] - table[..., 2]).sum(axis=-1) / table[..., 0].sum(axis=-1)


def brier(table: np.ndarray) -> np.ndarray:
    """Mean squared distance of what was said from 1 where it was right and 0 where it was wrong."""
    return table[..., 3].sum(axis=-1) / table[..., 0].sum(axis=-1)
