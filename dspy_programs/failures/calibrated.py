"""Calibration: turns a detector's confidence into the probability that its finding is right.

Input      mode: a failure mode or "none"; confidence: float in [0, 1], as the detectors give it (not a model's); the kind of
           run: "tools" if it has a call or was offered tools, else "chat".
Output     probability in (0, 1), never falling as the confidence rises; None where too few labels by hand or outcomes say
           how often findings of this mode and confidence are right, for FACTS, and if the file with the curves is missing.
Guarantees the curves are data: piecewise linear, in calibration.json next to this file, read once and checked.
Raises     DatasetError if that file exists but is invalid.
Source     fitted on labels by `python -m optimizers.calibrate`; datasets/failure_judge/CARD.md says which, and how well it
           does on unseen runs and on sources left out. A probability is valid for runs like those: most of the human-labelled
           ones are chats made to sound harmful.
"""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dspy_programs.errors import DatasetError, first_fault
from dspy_programs.types import FailureMode, Trace

FILE = "calibration.json"
SCHEMA_VERSION = 2
FACTS: frozenset[FailureMode] = frozenset({"NO_ANSWER", "CRASH", "UNKNOWN"})
"""Modes that are observed, not inferred: how the run ended, or what was recorded of it."""

RunKind = Literal["tools", "chat"]

Share = Annotated[float, Field(ge=0, le=1)]
_Inner = Annotated[float, Field(gt=0, lt=1)]
Curve = list[tuple[Share, _Inner]]  # (confidence, probability), by rising confidence


class FittedOn(BaseModel):
    """labels: kind of run -> mode -> labeller -> number of findings; rows_sha256: of the file with them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str
    rows_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    labels: dict[RunKind, dict[FailureMode, dict[str, int]]]


class Calibration(BaseModel):
    """The curves, how and on what they were fitted, and how well they do on unseen rows.

    methods: kind of run -> method, and how many findings' worth a mode is drawn to the curve of all
    not_measured: kind of run -> modes without a probability, because labels by hand and outcomes are too few
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)
    methods: dict[RunKind, tuple[str, float]]
    fitted_on: FittedOn
    versions: dict[str, str]
    figures: dict[str, Any]
    not_measured: dict[RunKind, list[FailureMode]]
    curves: dict[RunKind, dict[FailureMode, Curve]]

    @field_validator("curves")
    @classmethod
    def rise(cls, curves: dict[RunKind, dict[FailureMode, Curve]]) -> dict[RunKind, dict[FailureMode, Curve]]:
        for mode, curve in ((mode, curve) for of_kind in curves.values() for mode, curve in of_kind.items()):
            if not curve:
                raise ValueError(f"{mode} has no points")
            for (x, p), (next_x, next_p) in pairwise(curve):
                if next_x <= x or next_p < p:
                    raise ValueError(f"{mode} falls at confidence {next_x}")
        return curves


def kind_of(trace: Trace) -> RunKind:
    """Return whether a run had tools; one that was offered some and called none is no chat, but more often a failure."""
    return "tools" if trace.tools or any(turn.role == "tool" or turn.tool_name for turn in trace.turns) else "chat"


def probability_of(mode: FailureMode, confidence: float, kind: RunKind) -> float | None:
    """Return the share of findings like this one, in runs of this kind, that are right; None if it is not measured."""
    calibration = shipped()
    curve = calibration.curves.get(kind, {}).get(mode) if calibration is not None else None
    return round(value_at(curve, confidence), 3) if curve and holds_at(curve, confidence) else None


def holds_at(curve: Curve, x: float) -> bool:
    """Return whether a curve was fitted on labels near a confidence."""
    return curve[0][0] <= x <= curve[-1][0]


def value_at(curve: Curve, x: float) -> float:
    """Evaluate a piecewise linear curve; constant outside its points."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (left, low), (right, high) in pairwise(curve):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return curve[-1][1]


def calibration_file() -> Path:
    return Path(__file__).with_name(FILE)


@lru_cache(maxsize=1)
def shipped() -> Calibration | None:
    return read_calibration(calibration_file())


def read_calibration(path: Path) -> Calibration | None:
    """Read and check the curves; None if there is no such file. Raises DatasetError."""
    again = "create it again: python -m optimizers.calibrate"
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}; {again}") from error
    except ValidationError as error:
        raise DatasetError(f"{path}: {first_fault(error, 'file')}; {again}") from error
