"""Find a smaller prompt whose outputs are as good as the full one's.

from dspy_programs.budget import Negotiator, OutputsScorer, read_examples, read_prompt

scorer = OutputsScorer(lm, read_examples("examples.jsonl"))
result = Negotiator(scorer, quality_threshold=0.9).negotiate(sections=read_prompt("prompt.yaml"))
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.budget.analysis import Analysis, analyze
    from dspy_programs.budget.measuring.judge import JudgeScorer
    from dspy_programs.budget.measuring.outputs import Example, OutputsScorer, read_examples
    from dspy_programs.budget.measuring.scorers import OfflineScorer, Score, Scorer, SectionsScorer
    from dspy_programs.budget.negotiator import DEFAULT_RUBRIC as DEFAULT_RUBRIC, Negotiator
    from dspy_programs.budget.prompts.binding import Binding, binding_sentences
    from dspy_programs.budget.prompts.prompt import PromptSection, SectionType, joined, read_prompt
    from dspy_programs.budget.result import NegotiationResult

_HOMES = {
    "DEFAULT_RUBRIC": "negotiator",
    "Analysis": "analysis",
    "Binding": "prompts.binding",
    "binding_sentences": "prompts.binding",
    "analyze": "analysis",
    "JudgeScorer": "measuring.judge",
    "NegotiationResult": "result",
    "Negotiator": "negotiator",
    "Example": "measuring.outputs",
    "OutputsScorer": "measuring.outputs",
    "read_examples": "measuring.outputs",
    "PromptSection": "prompts.prompt",
    "SectionType": "prompts.prompt",
    "joined": "prompts.prompt",
    "read_prompt": "prompts.prompt",
    "OfflineScorer": "measuring.scorers",
    "Score": "measuring.scorers",
    "Scorer": "measuring.scorers",
    "SectionsScorer": "measuring.scorers",
}
__all__ = [
    "Analysis",
    "Binding",
    "Example",
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
    "binding_sentences",
    "joined",
    "read_examples",
    "read_prompt",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
