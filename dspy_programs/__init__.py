"""Typed DSPy programs for people who build LM agents, each compiled to your own language model.

from dspy_programs import load, use

planner = load("planner")
with use("local/qwen2.5-coder-1.5b"):
    plan = planner(goal="...", tools=[{"name": "...", "description": "..."}])
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.actor import Actor
    from dspy_programs.data_generator import DataGenerator
    from dspy_programs.failure_judge import FailureJudge
    from dspy_programs.few_shot import FewShot
    from dspy_programs.lm import configure, connect, use
    from dspy_programs.memory_summarizer import MemorySummarizer
    from dspy_programs.planner import Plan, Planner
    from dspy_programs.quality_judge import QualityJudge
    from dspy_programs.reasoning import add_reasoning
    from dspy_programs.registry import load
    from dspy_programs.rubric import read_rubric
    from dspy_programs.section_scorer import SectionScorer, overall_without
    from dspy_programs.types import Call, Criterion, Entry, Function, Pair, Rubric, Section, Task, Tool, Trace, Turn

__version__ = "0.1.0"

_HOMES = {
    "Actor": "actor",
    "DataGenerator": "data_generator",
    "FailureJudge": "failure_judge",
    "FewShot": "few_shot",
    "configure": "lm",
    "connect": "lm",
    "use": "lm",
    "MemorySummarizer": "memory_summarizer",
    "Plan": "planner",
    "Planner": "planner",
    "QualityJudge": "quality_judge",
    "add_reasoning": "reasoning",
    "load": "registry",
    "read_rubric": "rubric",
    "SectionScorer": "section_scorer",
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
    "Call",
    "Criterion",
    "DataGenerator",
    "Entry",
    "FailureJudge",
    "FewShot",
    "Function",
    "MemorySummarizer",
    "Pair",
    "Plan",
    "Planner",
    "QualityJudge",
    "Rubric",
    "Section",
    "SectionScorer",
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

__getattr__ = exports(__name__, _HOMES)
