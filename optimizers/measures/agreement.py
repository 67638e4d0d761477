"""How far to trust a judge: its agreement with people, how far that exceeds chance, and the gate.

Kappa is Cohen's; its interval is a bootstrap over instructions, not rows: rows of one instruction share their responses.
A reply that could not be read is a verdict that nobody else has given.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dspy
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.errors import JudgeNotTrusted
from dspy_programs.registry import compiled_store
from metrics.score import Score
from optimizers.data import as_text
from optimizers.scoring import Runner, group_interval

VERDICTS = ("first", "second", "tie")
_UNREAD = "unread"
_MIRROR = {"first": "second", "second": "first"}
_WITHOUT_MODEL = "rules"


class Agreement(BaseModel):
    """What was measured, of which judge, on which rows. Shares are in [0, 1], kappa and its interval in [-1, 1]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: str
    lm: str
    state_sha256: str
    data_sha256: str
    rows: int
    unread: int
    agreement: float
    chance: float
    kappa: float
    low: float
    high: float
    consistency: float

    @property
    def usable_as_gate(self) -> bool:
        """Whether the judge is better than chance beyond the noise of these rows."""
        return self.low > 0

    def __str__(self) -> str:
        return f"kappa {self.kappa:.3f} [{self.low:.3f}, {self.high:.3f}], {self.rows} rows"


def agreement_with_people(
    judge: dspy.Module,
    rows: Sequence[dspy.Example],
    runner: Runner,
    name: str,
) -> Agreement:
    """Judge every row as it stands and with its responses swapped; compare with the people's verdicts.

    Raises whatever stopped the meter.
    """
    swapped = [row.copy(response=row.other, other=row.response) for row in rows]
    found = _verdicts_of(judge, [*rows, *swapped], runner)
    verdicts, mirrored = found[: len(rows)], [_MIRROR.get(verdict, verdict) for verdict in found[len(rows) :]]
    tables = confusion([row.verdict for row in rows], verdicts, [f"{row.instruction}\n{row.input}" for row in rows])
    kappa, (low, high) = kappa_of(tables.sum(axis=0)), kappa_interval(tables)
    agree = [a == b != _UNREAD for a, b in zip(verdicts, mirrored, strict=True)]
    return Agreement(
        program=name,
        lm=runner.lm.model if runner.lm else _WITHOUT_MODEL,
        state_sha256=state_sha256(judge),
        data_sha256=compiled_store.digest("\n".join(as_text(dict(row)) for row in rows)),
        rows=len(rows),
        unread=verdicts.count(_UNREAD),
        agreement=float(np.trace(tables.sum(axis=0)) / len(rows)),
        chance=float(_chance_of(tables.sum(axis=0))),
        kappa=float(kappa),
        low=float(low),
        high=float(high),
        consistency=sum(agree) / len(rows),
    )


def _verdicts_of(judge: dspy.Module, rows: Sequence[dspy.Example], runner: Runner) -> list[str]:
    """Return a verdict for each row, in order: UNREAD where the reply could not be read or the call failed."""
    found = runner.run(lambda row: judge, rows, lambda gold, pred: Score(0.0, "", {}))
    return [verdict_of(run.prediction) for run in found]


def verdict_of(pred: dspy.Prediction) -> str:
    verdict = getattr(pred, "verdict", None)
    return verdict if verdict in VERDICTS and getattr(pred, "failure", None) is None else _UNREAD


def confusion(gold: Sequence[str], found: Sequence[str], groups: Sequence[str]) -> np.ndarray:
    """Count, for each group of rows, how often people said a and the judge said b."""
    labels = {label: place for place, label in enumerate((*VERDICTS, _UNREAD))}
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    tables = np.zeros((len(places), len(labels), len(labels)))
    for a, b, group in zip(gold, found, groups, strict=True):
        tables[places[group], labels[a], labels[b]] += 1
    return tables


def _chance_of(table: np.ndarray) -> Any:
    """Return the agreement of two who say each word as often as these two, but at random. Tables may be stacked."""
    total = table.sum(axis=(-2, -1))
    return (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1) / total**2


def kappa_of(table: np.ndarray) -> Any:
    """Return Cohen's kappa (1960); 0 where both only ever say one and the same: that shows nothing."""
    agreed = np.trace(table, axis1=-2, axis2=-1) / table.sum(axis=(-2, -1))
    chance = _chance_of(table)
    return np.divide(agreed - chance, 1 - chance, out=np.zeros_like(chance), where=chance < 1)


def kappa_interval(tables: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the percentile bootstrap interval of kappa, drawing whole groups."""
    return group_interval(tables, kappa_of, seed)


def state_sha256(judge: dspy.Module) -> str:
    """Name a judge's state: another instruction or other demonstrations are another judge."""
    return compiled_store.digest(json.dumps(judge.dump_state(), sort_keys=True))


def calibration_path(program: str, lm: str, root: Path | None = None) -> Path:
    """Return where a calibration is kept: beside the user's compiled programs."""
    folder = (root or compiled_store.user_directory()) / program / "calibration"
    return folder / f"{compiled_store.file_name(lm)}.json"


def save_agreement(calibration: Agreement) -> Path:
    path = calibration_path(calibration.program, calibration.lm)
    compiled_store.write_atomically(path, calibration.model_dump_json(indent=2) + "\n")
    return path


def gate(judge: dspy.Module, program: str, lm: str) -> Agreement:
    """Return the calibration of a judge that may decide what is kept; raise JudgeNotTrusted for any other.

    Looks for a calibration of this very state with this language model: the user's first, then what is shipped.
    """
    again = f"measure it: python -m optimizers.agreement --module {program} " + (
        "--rules" if lm == _WITHOUT_MODEL else f"--lm {lm}"
    )
    paths = [calibration_path(program, lm, root) for root in (None, compiled_store.shipped_directory())]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise JudgeNotTrusted(f"{program} with {lm} has never been compared with people; {again}")
    try:
        calibration = Agreement.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise JudgeNotTrusted(f"{path}: not a calibration that can be read; {again}") from error
    if (calibration.program, calibration.lm, calibration.state_sha256) != (program, lm, state_sha256(judge)):
        raise JudgeNotTrusted(f"{path}: belongs to another judge, model, instruction or demonstrations; {again}")
    return require_trusted(calibration)


def require_trusted(calibration: Agreement) -> Agreement:
    """Raise JudgeNotTrusted where the interval of kappa reaches down to chance."""
    if not calibration.usable_as_gate:
        raise JudgeNotTrusted(
            f"{calibration.program} with {calibration.lm} is no better than chance ({calibration}), so it may not decide "
            "what is kept: use a stronger --lm, compile it, or calibrate on more rows"
        )
    return calibration


def summary(calibration: Agreement) -> Mapping[str, str]:
    """Return what a person wants to read, by name."""
    better = "better than chance" if calibration.usable_as_gate else "no better than chance: refused as a gate"
    return {
        "agreement": f"{calibration.agreement:.3f} with the human majority, {calibration.chance:.3f} expected by chance",
        "kappa": f"{calibration.kappa:.3f} [{calibration.low:.3f}, {calibration.high:.3f}] (95 % bootstrap over instructions)",
        "consistency": f"{calibration.consistency:.3f} of the verdicts are the same with the responses swapped",
        "rows": f"{calibration.rows}, of which {calibration.unread} could not be judged",
        "verdict": better,
    }
