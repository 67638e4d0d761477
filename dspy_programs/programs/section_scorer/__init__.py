"""From the sections of a prompt and a rubric to what each section covers."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.section_scorer.coverage import shares_by_rules as shares_by_rules
    from dspy_programs.programs.section_scorer.section_scorer import (
        DOUBT as DOUBT,
        MOST_SECTIONS as MOST_SECTIONS,
        SectionScorer as SectionScorer,
        SectionScorerResult as SectionScorerResult,
        as_shown as as_shown,
        best as best,
        checked_sections as checked_sections,
        overall_without as overall_without,
        pairs_in_doubt as pairs_in_doubt,
    )

_HOMES = {
    "shares_by_rules": "coverage",
    "DOUBT": "section_scorer",
    "MOST_SECTIONS": "section_scorer",
    "SectionScorer": "section_scorer",
    "SectionScorerResult": "section_scorer",
    "as_shown": "section_scorer",
    "best": "section_scorer",
    "checked_sections": "section_scorer",
    "overall_without": "section_scorer",
    "pairs_in_doubt": "section_scorer",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
