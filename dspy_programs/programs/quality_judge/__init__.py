"""From one or two responses and a rubric to scores and a verdict."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.quality_judge.logprobs import (
        asking as asking,
        option_probabilities as option_probabilities,
    )
    from dspy_programs.programs.quality_judge.quality_judge import (
        BEST as BEST,
        QualityJudge as QualityJudge,
        QualityJudgeResult as QualityJudgeResult,
        quoted_text as quoted_text,
    )
    from dspy_programs.programs.quality_judge.response_checks import (
        scores_by_checks as scores_by_checks,
        worst_fault as worst_fault,
    )

_HOMES = {
    "BEST": "quality_judge",
    "QualityJudge": "quality_judge",
    "QualityJudgeResult": "quality_judge",
    "asking": "logprobs",
    "option_probabilities": "logprobs",
    "quoted_text": "quality_judge",
    "scores_by_checks": "response_checks",
    "worst_fault": "response_checks",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
