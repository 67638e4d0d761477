"""What the scorer is told: weights, thresholds, which column is the label. From a YAML file, unknown names forbidden.

checks:
  duplicates: {weight: 0.2, half: 0.05}
languages: [en, fr]
max_tokens: 2048

Source     the weights and bands are those of the Dataset Quality Scorer; the rest is ours.
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dspy_programs import strict_yaml
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.text_stream import text_in

CheckName = Literal[
    "json",
    "field_consistency",
    "missing",
    "duplicates",
    "near_duplicates",
    "diversity",
    "text_length",
    "token_length",
    "instruction",
    "language",
    "label",
]
_LARGEST_FILE = 100_000  # bytes
_Share = Annotated[float, Field(ge=0, le=1)]
_Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_Half = Annotated[float, Field(ge=0.0001, le=0.5)]


class Measure(BaseModel):
    """How a check counts: its weight against the others', and the share of bad rows that halves its score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: _Weight
    half: _Half


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weight: _Weight | None = None
    half: _Half | None = None


MEASURES: dict[CheckName, Measure] = {
    "json": Measure(weight=0.08, half=0.05),
    "field_consistency": Measure(weight=0.16, half=0.10),
    "missing": Measure(weight=0.16, half=0.05),
    "duplicates": Measure(weight=0.12, half=0.10),
    "near_duplicates": Measure(weight=0.08, half=0.15),
    "diversity": Measure(weight=0.07, half=0.30),
    "text_length": Measure(weight=0.07, half=0.10),
    "token_length": Measure(weight=0.07, half=0.10),
    "instruction": Measure(weight=0.05, half=0.10),
    "language": Measure(weight=0.04, half=0.50),
    "label": Measure(weight=0.10, half=0.10),
}


class Bands(BaseModel):
    """The lowest total, 0 to 100, of each band."""

    model_config = ConfigDict(extra="forbid")

    READY: float = Field(default=92, ge=0, le=100)
    CAUTION: float = Field(default=80, ge=0, le=100)
    NEEDS_WORK: float = Field(default=60, ge=0, le=100)

    @model_validator(mode="after")
    def _falling(self) -> "Bands":
        if not self.READY > self.CAUTION > self.NEEDS_WORK:
            raise ValueError("READY must be above CAUTION, and CAUTION above NEEDS_WORK")
        return self


class ScorerConfig(BaseModel):
    """All settings of the scorer. Shares are in [0, 1]."""

    model_config = ConfigDict(extra="forbid")

    checks: dict[CheckName, _Change] = Field(default_factory=dict)
    bands: Bands = Field(default_factory=Bands)
    pass_score: _Share = 0.8
    """A check passes if its score, rounded as it is shown, is at least this."""
    fewest_rows: Annotated[int, Field(ge=0)] = 50
    """A data set of fewer distinct rows is never READY: so few show too little. 0 for no such limit."""
    expected_field: Annotated[float, Field(gt=0.5, le=1)] = 0.9
    """A field that at least this share of rows has is missed where it is not."""
    stray_field: Annotated[float, Field(ge=0, lt=0.5)] = 0.01
    """A field that at most this share of rows has does not belong there."""
    near_threshold: Annotated[float, Field(ge=0.5, le=1)] = 0.72
    """Jaccard index of words and pairs of words from which two rows are near duplicates."""
    shortest_request: Annotated[int, Field(ge=0)] = 3
    """Characters."""
    longest_text: Annotated[int, Field(ge=1)] = 200_000
    """Characters of a whole row."""
    length_factor: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 50
    """A row is an outlier if it is this many times as long as the median, or an answer as short."""
    max_tokens: Annotated[int, Field(ge=1)] = 8192
    """Tokens of a whole row that fit into training."""
    tokenizer: str | None = None
    """The model whose tokens count, as provider/name; none: an OpenAI vocabulary."""
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(default_factory=list)
    """The languages that are meant, as ISO 639-1; none: the most common one is."""
    label: str | None = None
    """The column that is a class label; none: one that is named so; "" for no label at all."""
    largest_class: Annotated[float, Field(gt=0, le=1)] = 0.95
    """A class may have this share of the rows; those beyond it teach nothing new."""
    ignore: list[str] = Field(default_factory=list)
    """Columns that nothing is made of, such as hashes: rows that differ only there are the same."""
    examples: Annotated[int, Field(ge=0, le=100)] = 5
    """Rows shown for each finding."""

    def measure(self, check: CheckName) -> Measure:
        """Return the weight and half of a check."""
        change = self.checks.get(check)
        return MEASURES[check].model_copy(update=change.model_dump(exclude_none=True)) if change else MEASURES[check]

    @model_validator(mode="after")
    def _weighs_something(self) -> "ScorerConfig":
        if not any(self.measure(check).weight for check in MEASURES):
            raise ValueError("every check has the weight 0")
        return self


def read_config(path: Path | None) -> ScorerConfig:
    """Return the settings in a YAML file, or the defaults. Raises UsageError, as "file: field: why"."""
    if path is None:
        return ScorerConfig()
    text = text_in(path, _LARGEST_FILE, "a configuration of the scorer")
    try:
        return ScorerConfig.model_validate(strict_yaml.load(text) or {})
    except ValidationError as error:
        unknown = next((fault["loc"] for fault in error.errors() if fault["type"] == "extra_forbidden"), ())
        names = f"; choose from {', '.join(ScorerConfig.model_fields)}" if len(unknown) == 1 else ""
        raise UsageError(f"{path}: {first_fault(error, 'configuration')}{names}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from error
