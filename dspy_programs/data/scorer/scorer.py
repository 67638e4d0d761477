"""Scores a data set: reads it once, then runs the eleven checks on what was counted."""

from collections.abc import Callable, Iterable, Sequence

from dspy_programs.data.scorer.config import ScorerConfig
from dspy_programs.data.scorer.field_check import field_consistency_check
from dspy_programs.data.scorer.kept_rows import KeptRows
from dspy_programs.data.scorer.label_check import label_check
from dspy_programs.data.scorer.ready import Ready
from dspy_programs.data.scorer.result import CheckScore, DatasetScore
from dspy_programs.data.scorer.row_checks import (
    instruction_check,
    json_check,
    missing_check,
    text_length_check,
    token_length_check,
)
from dspy_programs.data.scorer.set_checks import diversity_check, duplicates_check, language_check, near_duplicates_check
from dspy_programs.data.scorer.tally import Taker, Tally, Unreadable
from dspy_programs.errors import DatasetError, MissingExtra
from dspy_programs.tables import Found

CHECKS: Sequence[Callable[[Ready], CheckScore]] = (
    json_check,
    field_consistency_check,
    missing_check,
    duplicates_check,
    near_duplicates_check,
    diversity_check,
    text_length_check,
    token_length_check,
    instruction_check,
    language_check,
    label_check,
)


def score_rows(rows: Iterable[Found], name: str = "data", config: ScorerConfig | None = None) -> DatasetScore:
    """Score rows, or what is wrong with those that cannot be read.

    Args:
        rows: As `dspy_programs.tables` reads them, in any order.
        name: Of the data set, for the report.
        config: Weights and thresholds.

    Returns:
        Total (0 to 100), band, and each check's score with findings and examples.

    Raises:
        DatasetError: There is no row, or none that can be read.
        UnknownModel: The configuration's tokenizer is of no known model.
    """
    from dspy_programs.tokens import counter_named

    config = config or ScorerConfig()
    counter = counter_named(config.tokenizer)
    with KeptRows() as kept:
        tally = Tally(kept)
        Taker(tally, config, counter.count, detector_if_there()).take(rows, config.examples)
        require_rows(tally.rows, next(iter(tally.first_unreadable), None), name)
        ready = Ready(tally, config)
        checks = [check(ready) for check in CHECKS]
        formats = {format_: count for format_, count in sorted(tally.formats.items())}
        return DatasetScore(
            name,
            tally.rows,
            tally.unreadable,
            ready.distinct,
            tally.format,
            formats,
            checks,
            config.bands.model_dump(),
            ready.digests,
            config.fewest_rows,
        )


def require_rows(rows: int, first_unreadable: Unreadable | None, name: str) -> None:
    """Raise DatasetError if there is nothing to score."""
    if not rows:
        where = first_unreadable
        raise DatasetError(f"{where.where}: no row can be read: {where.reason}" if where else f"{name}: no rows")


def detector_if_there() -> "Callable[[str], tuple[str, float]] | None":
    """Return what names a language, None without the package for it."""
    from dspy_programs.data.checks.lang import detector

    try:
        return detector()
    except MissingExtra:
        return None
