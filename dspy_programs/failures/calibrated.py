"""Calibration: turns a detector's confidence into the probability that its finding is right.

Input      mode: one of the eight modes or "none"; confidence: float in [0, 1], as the detectors give it (not a model's).
Output     probability in (0, 1), never falling as the confidence rises; None for a mode without labels, or if the file with
           the curves is missing.
Guarantees the curves are data: piecewise linear, in calibration.json next to this file, read once and checked.
Raises     DatasetError if that file exists but is invalid.
Source     fitted on labels by `python -m optimizers.calibrate`; datasets/failure_judge/CARD.md says which, and how well it
           does on unseen runs. A probability is valid for runs like those: half of the human-labelled ones are chats made to
           sound harmful.
"""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dspy_programs.errors import DatasetError, first_fault
from dspy_programs.types import FailureMode

FILE = "calibration.json"
SCHEMA_VERSION = 1

Share = Annotated[float, Field(ge=0, le=1)]
_Inner = Annotated[float, Field(gt=0, lt=1)]
Curve = list[tuple[Share, _Inner]]  # (confidence, probability), by rising confidence


class FittedOn(BaseModel):
    """labels: mode -> labeller -> number of findings; rows_sha256: of the file with them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str
    rows_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    labels: dict[FailureMode, dict[str, int]]


class Calibration(BaseModel):
    """The curves, how and on what they were fitted, and how well they do on unseen rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(ge=1, le=SCHEMA_VERSION)
    method: str
    shrinkage: float = Field(ge=0)
    fitted_on: FittedOn
    versions: dict[str, str]
    figures: dict[str, Any]
    curves: dict[FailureMode, Curve]

    @field_validator("curves")
    @classmethod
    def rise(cls, curves: dict[FailureMode, Curve]) -> dict[FailureMode, Curve]:
        for mode, curve in curves.items():
            if not curve:
                raise ValueError(f"{mode} has no points")
            for (x, p), (next_x, next_p) in pairwise(curve):
                if next_x <= x or next_p < p:
                    raise ValueError(f"{mode} falls at confidence {next_x}")
        return curves


def probability_of(mode: str, confidence: float) -> float | None:
    """Return the share of findings like this one that are right; None without labels."""
    calibration = shipped()
    curve = calibration.curves.get(mode) if calibration is not None else None  # type: ignore[call-overload]
    return round(value_at(curve, confidence), 3) if curve else None


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
