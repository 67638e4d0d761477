"""Typed DSPy programs for people who build LM agents, each compiled to your own language model.

from dspy_programs import load, use

planner = load("planner")
with use("local/qwen2.5-coder-1.5b"):
    plan = planner(goal="...", tools=[{"name": "...", "description": "..."}])
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.edits import Edit
    from dspy_programs.lm import configure, connect, use
    from dspy_programs.predict import Failure, FewShot, add_reasoning
    from dspy_programs.programs.actor import Actor, ActorResult, MissingArgument
    from dspy_programs.programs.code_editor import CodeEditor, CodeEditorResult
    from dspy_programs.programs.code_summarizer import CodeSummarizer, CodeSummarizerResult
    from dspy_programs.programs.command_planner import CommandPlanner, CommandPlannerResult
    from dspy_programs.programs.data_generator import DataGenerator, DataGeneratorResult, Rejected
    from dspy_programs.programs.document_qa import DocumentQA, DocumentQAResult, Quote
    from dspy_programs.programs.failure_judge import FailureJudge, FailureJudgeResult, Finding
    from dspy_programs.programs.log_context import KeyPoint, LogContext, LogContextResult
    from dspy_programs.programs.loop_explainer import LoopExplainer, LoopExplainerResult
    from dspy_programs.programs.memory_summarizer import Fact, MemorySummarizer, MemorySummarizerResult
    from dspy_programs.programs.orchestrator import Orchestrator, OrchestratorResult
    from dspy_programs.programs.planner import Plan, Planner, PlannerResult
    from dspy_programs.programs.quality_judge import QualityJudge, QualityJudgeResult
    from dspy_programs.programs.section_scorer import SectionScorer, SectionScorerResult, overall_without
    from dspy_programs.registry import load
    from dspy_programs.rubric import read_rubric
    from dspy_programs.types import (
        Call,
        Criterion,
        Entry,
        Function,
        Pair,
        Rubric,
        Section,
        Task,
        Tool,
        Trace,
        Turn,
    )

__version__ = "0.1.0"

_HOMES = {
    "Actor": "programs.actor",
    "ActorResult": "programs.actor",
    "MissingArgument": "programs.actor",
    "CodeEditor": "programs.code_editor",
    "CodeEditorResult": "programs.code_editor",
    "CodeSummarizer": "programs.code_summarizer",
    "CodeSummarizerResult": "programs.code_summarizer",
    "CommandPlanner": "programs.command_planner",
    "CommandPlannerResult": "programs.command_planner",
    "DataGenerator": "programs.data_generator",
    "DataGeneratorResult": "programs.data_generator",
    "Rejected": "programs.data_generator",
    "DocumentQA": "programs.document_qa",
    "DocumentQAResult": "programs.document_qa",
    "Quote": "programs.document_qa",
    "FailureJudge": "programs.failure_judge",
    "FailureJudgeResult": "programs.failure_judge",
    "Finding": "programs.failure_judge",
    "Edit": "edits",
    "FewShot": "predict",
    "configure": "lm",
    "connect": "lm",
    "use": "lm",
    "KeyPoint": "programs.log_context",
    "LogContext": "programs.log_context",
    "LogContextResult": "programs.log_context",
    "LoopExplainer": "programs.loop_explainer",
    "LoopExplainerResult": "programs.loop_explainer",
    "Fact": "programs.memory_summarizer",
    "MemorySummarizer": "programs.memory_summarizer",
    "MemorySummarizerResult": "programs.memory_summarizer",
    "Orchestrator": "programs.orchestrator",
    "OrchestratorResult": "programs.orchestrator",
    "Plan": "programs.planner",
    "Planner": "programs.planner",
    "PlannerResult": "programs.planner",
    "QualityJudge": "programs.quality_judge",
    "QualityJudgeResult": "programs.quality_judge",
    "add_reasoning": "predict",
    "load": "registry",
    "Failure": "predict",
    "read_rubric": "rubric",
    "SectionScorer": "programs.section_scorer",
    "SectionScorerResult": "programs.section_scorer",
    "overall_without": "programs.section_scorer",
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
    "CodeEditor",
    "CodeEditorResult",
    "CodeSummarizer",
    "CodeSummarizerResult",
    "CommandPlanner",
    "CommandPlannerResult",
    "Criterion",
    "DataGenerator",
    "DataGeneratorResult",
    "DocumentQA",
    "DocumentQAResult",
    "Edit",
    "Entry",
    "Fact",
    "Failure",
    "FailureJudge",
    "FailureJudgeResult",
    "FewShot",
    "Finding",
    "Function",
    "KeyPoint",
    "LogContext",
    "LogContextResult",
    "LoopExplainer",
    "LoopExplainerResult",
    "MemorySummarizer",
    "MemorySummarizerResult",
    "MissingArgument",
    "Orchestrator",
    "OrchestratorResult",
    "Pair",
    "Plan",
    "Planner",
    "PlannerResult",
    "QualityJudge",
    "QualityJudgeResult",
    "Quote",
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
