"""Typed DSPy programs for people who build LM agents, each compiled to your own language model.

from dspy_programs import load, use

planner = load("planner")
with use("local/qwen2.5-coder-1.5b"):
    plan = planner(goal="...", tools=[{"name": "...", "description": "..."}])
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.actor import Actor, ActorResult
    from dspy_programs.data_generator import DataGenerator, DataGeneratorResult, Rejected
    from dspy_programs.failure_judge import FailureJudge, FailureJudgeResult
    from dspy_programs.failure_rules import Finding
    from dspy_programs.few_shot import FewShot
    from dspy_programs.lm import configure, connect, use
    from dspy_programs.memory_summarizer import Fact, MemorySummarizer, MemorySummarizerResult
    from dspy_programs.planner import Plan, Planner, PlannerResult
    from dspy_programs.quality_judge import QualityJudge, QualityJudgeResult
    from dspy_programs.reasoning import add_reasoning
    from dspy_programs.registry import load
    from dspy_programs.reply import Failure
    from dspy_programs.rubric import read_rubric
    from dspy_programs.section_scorer import SectionScorer, SectionScorerResult, overall_without
    from dspy_programs.types import Call, Criterion, Entry, Function, Pair, Rubric, Section, Task, Tool, Trace, Turn

__version__ = "0.1.0"

_HOMES = {
    "Actor": "actor",
    "ActorResult": "actor",
    "DataGenerator": "data_generator",
    "DataGeneratorResult": "data_generator",
    "Rejected": "data_generator",
    "FailureJudge": "failure_judge",
    "FailureJudgeResult": "failure_judge",
    "Finding": "failure_rules",
    "FewShot": "few_shot",
    "configure": "lm",
    "connect": "lm",
    "use": "lm",
    "Fact": "memory_summarizer",
    "MemorySummarizer": "memory_summarizer",
    "MemorySummarizerResult": "memory_summarizer",
    "Plan": "planner",
    "Planner": "planner",
    "PlannerResult": "planner",
    "QualityJudge": "quality_judge",
    "QualityJudgeResult": "quality_judge",
    "add_reasoning": "reasoning",
    "load": "registry",
    "Failure": "reply",
    "read_rubric": "rubric",
    "SectionScorer": "section_scorer",
    "SectionScorerResult": "section_scorer",
    "overall_without": "section_scorer",
    "Call": "types",
    "Criterion": "types",
    "Entry": "types",
    "Function": "types",
    "Pair": "types",
    "Rubric": "types",
    "Section": "types",
    "Task": "types",
    "Tool": "types",
    "Trace": "types",
    "Turn": "types",
}
__all__ = [
    "Actor",
    "ActorResult",
    "Call",
    "Criterion",
    "DataGenerator",
    "DataGeneratorResult",
    "Entry",
    "Fact",
    "Failure",
    "FailureJudge",
    "FailureJudgeResult",
    "FewShot",
    "Finding",
    "Function",
    "MemorySummarizer",
    "MemorySummarizerResult",
    "Pair",
    "Plan",
    "Planner",
    "PlannerResult",
    "QualityJudge",
    "QualityJudgeResult",
    "Rejected",
    "Rubric",
    "Section",
    "SectionScorer",
    "SectionScorerResult",
    "Task",
    "Tool",
    "Trace",
    "Turn",
    "add_reasoning",
    "configure",
    "connect",
    "load",
    "overall_without",
    "read_rubric",
    "use",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
