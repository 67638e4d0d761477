"""Fits, to labelled findings, how often a finding of a given mode and confidence is right.

Input      Record: one verdict of the rules (mode, confidence), whether its label says that it is right, and where from.
Output     Fit: for each mode a rising piecewise linear curve; Figures: calibration error and Brier score, before and after.
Guarantees isotonic (pool adjacent violators, Ayer et al. 1955) or Platt's sigmoid (1999), and how far a mode is drawn to
           the curve of all modes, are chosen by log loss in cross-validation over groups; no curve reaches 0 or 1.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.failures import Curve, value_at
from dspy_programs.types import FailureMode
from optimizers.scoring import group_interval

_SHRINKAGES = (5.0, 20.0, 80.0)  # weight of the curve of all modes, in findings
_FOLDS = 5
_BINS = 10
_STEPS = 50  # of Newton's method; it has long converged by then
_RIDGE = 1e-3  # keeps it finite where all labels are alike

_Point = tuple[float, bool]  # confidence, right
_Measured = tuple[float, float, float]  # value, low and high end of its interval


class Record(BaseModel):
    """One verdict of the rules on one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str = Field(pattern="^(?:train|val|test)$")
    source: str
    kind: str
    group: str
    mode: FailureMode
    confidence: float = Field(ge=0, le=1)
    right: bool


class Fit(NamedTuple):
    method: str
    shrinkage: float
    curves: dict[FailureMode, Curve]


class _Figures(NamedTuple):
    """Each is (value, low, high), of the raw confidence and then of the probability; 95 % bootstrap over groups.

    error: expected calibration error, over bins of a tenth. error_by_mode: the same over bins of each mode, in which one
    mode's boasting cannot make up for another's modesty. brier: mean squared error.
    """

    records: int
    error: tuple[_Measured, _Measured]
    error_by_mode: tuple[_Measured, _Measured]
    brier: tuple[_Measured, _Measured]


def isotonic(points: Sequence[_Point]) -> Curve:
    """Fit the rising steps nearest to the labels in squares: neighbours that fall are pooled until none does.

    One label more that is right at the lowest place, and one that is wrong at the highest, keep the ends off 0 and 1.
    """
    totals: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    places = [x for x, _ in points]
    for x, is_right in [*points, (min(places), True), (max(places), False)]:
        totals[x][0] += is_right
        totals[x][1] += 1
    blocks: list[tuple[list[float], int, int]] = []  # confidences, how many are right, how many
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
    target = np.where([is_right for _, is_right in points], (right + 1) / (right + 2), 1 / (wrong + 2))
    middle = x.mean()
    rows = np.column_stack([x - middle, np.ones_like(x)])
    known = np.array([0.0, level])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(rows @ known, -30, 30)))
        hessian = rows.T @ (rows * (p * (1 - p))[:, None]) + _RIDGE * np.eye(2)
        known = known - np.linalg.solve(hessian, rows.T @ (p - target) + _RIDGE * known)
    slope, height = known if known[0] >= 0 else (0.0, level)
    return [(i / 20, 1 / (1 + math.exp(-max(-30.0, min(30.0, slope * (i / 20 - middle) + height))))) for i in range(21)]


METHODS: Mapping[str, Callable[[Sequence[_Point]], Curve]] = {"isotonic": isotonic, "platt": platt}


def curves_of(records: Sequence[Record], method: str, shrinkage: float) -> dict[FailureMode, Curve]:
    """Fit each mode, drawn to the curve of all failures by `shrinkage` findings' worth; "none" stands for itself."""
    by_mode: dict[FailureMode, list[_Point]] = defaultdict(list)
    for record in records:
        by_mode[record.mode].append((record.confidence, record.right))
    failures = [point for mode, points in by_mode.items() if mode != "none" for point in points]
    common = METHODS[method](failures) if failures else []
    curves: dict[FailureMode, Curve] = {}
    for mode, points in sorted(by_mode.items()):
        own = METHODS[method](points)
        curve = own if mode == "none" else drawn_to(common, own, shrinkage / (shrinkage + len(points)))
        curves[mode] = [(x, round(p, 4)) for x, p in curve]
    return curves


def drawn_to(common: Curve, own: Curve, share: float) -> Curve:
    """Mix two curves; a mix of rising curves rises."""
    places = sorted({x for x, _ in own} | {x for x, _ in common})
    return [(x, share * value_at(common, x) + (1 - share) * value_at(own, x)) for x in places]


def fit(records: Sequence[Record]) -> tuple[Fit, dict[str, float]]:
    """Choose method and shrinkage by cross-validation; return the fit on all records, and the log loss of each choice."""
    losses = {}
    for method in METHODS:
        for shrinkage in _SHRINKAGES:
            losses[method, shrinkage] = _cross_validated(records, method, shrinkage)
    method, shrinkage = min(losses, key=losses.__getitem__)
    found = Fit(method, shrinkage, curves_of(records, method, shrinkage))
    return found, {f"{name}, shrinkage {pull:g}": round(loss, 4) for (name, pull), loss in losses.items()}


def _cross_validated(records: Sequence[Record], method: str, shrinkage: float) -> float:
    """Return the mean log loss on groups that were left out of the fit."""
    fold_of = {group: place % _FOLDS for place, group in enumerate(sorted({r.group for r in records}))}
    losses = []
    for fold in range(_FOLDS):
        curves = curves_of([r for r in records if fold_of[r.group] != fold], method, shrinkage)
        for record in records:
            if fold_of[record.group] == fold and record.mode in curves:
                p = value_at(curves[record.mode], record.confidence)
                losses.append(-math.log(p if record.right else 1 - p))
    return sum(losses) / len(losses)


def figures(records: Sequence[Record], curves: Mapping[FailureMode, Curve]) -> _Figures:
    """Measure raw confidence and probability on records of modes that have a curve."""
    known = [r for r in records if r.mode in curves]
    raw = [r.confidence for r in known]
    calibrated = [value_at(curves[r.mode], r.confidence) for r in known]
    measured = []
    for measure, by_mode in ((_calibration_error, False), (_calibration_error, True), (brier, False)):
        before, after = (_measured_on(tables_of(known, said, by_mode), measure) for said in (raw, calibrated))
        measured.append((before, after))
    return _Figures(len(known), *measured)


def _measured_on(tables: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]) -> _Measured:
    low, high = group_interval(tables, measure)
    return round(float(measure(tables.sum(axis=0))), 4), round(low, 4), round(high, 4)


def tables_of(records: Sequence[Record], said: Sequence[float], by_mode: bool = False) -> np.ndarray:
    """Sum up, for each group and bin of a tenth: records, what was said, what was right, squared error."""
    places = {group: place for place, group in enumerate(dict.fromkeys(r.group for r in records))}
    modes = {mode: place * by_mode for place, mode in enumerate(sorted({r.mode for r in records}))}
    tables = np.zeros((len(places), _BINS * (max(modes.values()) + 1), 4))
    for record, p in zip(records, said, strict=True):
        cell = modes[record.mode] * _BINS + min(_BINS - 1, int(p * _BINS))
        tables[places[record.group], cell] += (1, p, record.right, (p - record.right) ** 2)
    return tables


def _calibration_error(table: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean distance, over bins, of what was said from what was right."""
    return np.abs(table[..., 1] - table[..., 2]).sum(axis=-1) / table[..., 0].sum(axis=-1)


def brier(table: np.ndarray) -> np.ndarray:
    """Mean squared distance of what was said from 1 where it was right and 0 where it was wrong."""
    return table[..., 3].sum(axis=-1) / table[..., 0].sum(axis=-1)
