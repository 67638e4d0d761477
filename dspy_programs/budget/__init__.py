"""Find the smallest prompt that scores as well as the full one.

from dspy_programs.budget import Negotiator, OfflineScorer, read_prompt

result = Negotiator(OfflineScorer()).negotiate(sections=read_prompt("prompt.yaml"), rubric="qa")
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.budget.analysis import Analysis, analyze
    from dspy_programs.budget.judge import JudgeScorer
    from dspy_programs.budget.negotiator import DEFAULT_RUBRIC as DEFAULT_RUBRIC, NegotiationResult, Negotiator
    from dspy_programs.budget.outputs import OutputsScorer
    from dspy_programs.budget.prompt import PromptSection, SectionType, joined, read_prompt
    from dspy_programs.budget.scorers import OfflineScorer, Score, Scorer, SectionsScorer

_HOMES = {
    "DEFAULT_RUBRIC": "negotiator",
    "Analysis": "analysis",
    "analyze": "analysis",
    "JudgeScorer": "judge",
    "NegotiationResult": "negotiator",
    "Negotiator": "negotiator",
    "OutputsScorer": "outputs",
    "PromptSection": "prompt",
    "SectionType": "prompt",
    "joined": "prompt",
    "read_prompt": "prompt",
    "OfflineScorer": "scorers",
    "Score": "scorers",
    "Scorer": "scorers",
    "SectionsScorer": "scorers",
}
__all__ = [
    "Analysis",
    "JudgeScorer",
    "NegotiationResult",
    "Negotiator",
    "OfflineScorer",
    "OutputsScorer",
    "PromptSection",
    "Score",
    "Scorer",
    "SectionType",
    "SectionsScorer",
    "analyze",
    "joined",
    "read_prompt",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
