"""The table that links each built-in program to its data, its metric and its budget."""

from collections.abc import Callable
from dataclasses import replace
from inspect import isfunction
from typing import Annotated, Any, Literal

import dspy
from pydantic import Field

from dspy_programs.embedding import embed_texts
from dspy_programs.errors import UsageError
from dspy_programs.pair_quality import heuristic_quality
from dspy_programs.programs.actor import Actor
from dspy_programs.programs.code_editor import CodeEditor
from dspy_programs.programs.code_summarizer import CodeSummarizer
from dspy_programs.programs.command_planner import CommandPlanner
from dspy_programs.programs.data_generator import DataGenerator
from dspy_programs.programs.document_qa import DocumentQA
from dspy_programs.programs.failure_judge import FailureJudge
from dspy_programs.programs.log_context import LogContext
from dspy_programs.programs.loop_explainer import LoopExplainer
from dspy_programs.programs.memory_summarizer import MemorySummarizer
from dspy_programs.programs.orchestrator import Orchestrator
from dspy_programs.programs.planner import MOST_TASKS, Planner
from dspy_programs.programs.quality_judge import QualityJudge
from dspy_programs.programs.section_scorer import SectionScorer
from dspy_programs.registry import call_without_arguments, is_own, object_named, source_of
from dspy_programs.types import FailureMode, Pair, Task, plan_problems
from metrics.actor import AcceptedCall, calls_match
from metrics.code_editor import Checks, edits_pass
from metrics.code_summarizer import summary_says_it
from metrics.command_planner import commands_cover
from metrics.data_generator import pairs_are_useful
from metrics.document_qa import document_answers
from metrics.failure_judge import AcceptedVerdict, judge_agrees
from metrics.log_context import log_is_explained
from metrics.loop_explainer import Harness, explanation_holds
from metrics.memory_summarizer import Probe, memory_recalls
from metrics.orchestrator import tool_answers
from metrics.planner import plan_matches
from metrics.quality_judge import prefers_as_people_do
from metrics.section_scorer import coverage_agrees
from optimizers.cli import ALL
from optimizers.recipes.checks import checked, checked_over
from optimizers.recipes.definition import Recipe
from optimizers.recipes.demonstrations import (
    actor,
    code_editor,
    code_summarizer,
    command_planner,
    data_generator,
    document_qa,
    failure_judge,
    log_context,
    loop_explainer,
    memory_summarizer,
    orchestrator,
    planner,
    quality_judge,
    section_scorer,
)
from optimizers.recipes.harness import results_of


def _calls_of_other_tools(row: dspy.Example) -> list[str]:
    """Report the labelled calls of tools that are not offered."""
    offered = {tool.name for tool in row.tools}
    return [f"the call of {call.tool!r}, which is not one of the tools" for call in row.calls if call.tool not in offered]


# What our own sources say about a row, and a user's row need not.
_TOLD = Annotated[str, Field(default="")]
_NO_TEXTS = Annotated[list[str], Field(default=[])]

RECIPES: dict[str, Recipe] = {
    "actor": Recipe(
        name="actor",
        program=Actor,
        metric=calls_match,
        labels={"calls": list[AcceptedCall], "kind": _TOLD},
        faults=_calls_of_other_tools,
        demonstrate=actor.as_demonstration,
        kind=lambda row: "step" if row.trajectory else min(len(row.calls), 2),  # a later step; no call, one, several
        demonstrations=4,
        val_rows=12,
        groups=("kind",),
    ),
    "code_editor": Recipe(
        name="code_editor",
        program=CodeEditor,
        metric=edits_pass(checked, over=checked_over),
        labels={
            "checks": Checks,
            "fixed": Annotated[dict[str, str], Field(default={})],
            "why": _TOLD,
            "kind": _TOLD,
            "source": _TOLD,
            "package": _TOLD,
            "version": _TOLD,
            "licence": _TOLD,
        },
        demonstrate=code_editor.as_demonstration,
        kind=lambda row: row.kind,  # kinds of defects in turn
        asks=code_editor.asks,  # not where the rules are sure
        demonstrations=3,
        val_rows=12,
        test_rows=60,
        groups=("source", "kind"),
    ),
    "code_summarizer": Recipe(
        name="code_summarizer",
        program=CodeSummarizer,
        metric=summary_says_it,
        labels={
            "keywords": list[str],
            "reference": _TOLD,
            "package": _TOLD,
            "version": _TOLD,
            "licence": _TOLD,
            "path": _TOLD,
        },
        demonstrate=code_summarizer.as_demonstration,
        kind=lambda row: bool(row.get("ask")),  # all of it, and a question, in turn
        demonstrations=3,
        val_rows=16,
        test_rows=40,
        groups=("package",),
    ),
    "command_planner": Recipe(
        name="command_planner",
        program=CommandPlanner,
        metric=commands_cover,
        labels={"plan_keywords": list[str], "commands_keywords": list[str], "topic": _TOLD, "wording": _TOLD},
        demonstrate=command_planner.as_demonstration,
        kind=lambda row: row.topic,  # tests, builds, git, ... in turn
        demonstrations=5,
        val_rows=15,
        test_rows=61,
        groups=("wording",),
    ),
    "data_generator": Recipe(
        name="data_generator",
        program=DataGenerator,
        metric=pairs_are_useful(heuristic_quality, embed_texts),  # a judge no better than chance must not be a gate
        labels={"examples": list[Pair], "others": _NO_TEXTS, "practise": _NO_TEXTS},
        demonstrate=data_generator.as_demonstration,
        kind=lambda row: row.template,
        demonstrations=5,
        val_rows=16,
        groups=("template",),
    ),
    "document_qa": Recipe(
        name="document_qa",
        program=DocumentQA,
        metric=document_answers,
        labels={"answers": list[str], "evidence": _TOLD, "kind": _TOLD},
        demonstrate=document_qa.as_demonstration,
        kind=lambda row: bool(row.answers),  # with an answer, and without, in turn
        demonstrations=4,
        val_rows=16,
        test_rows=40,
        groups=("kind",),
    ),
    "failure_judge": Recipe(
        name="failure_judge",
        program=FailureJudge,
        metric=judge_agrees,
        labels={
            "mode": FailureMode | None,
            "turn": int | None,
            "cause": _TOLD,
            "label_kind": Annotated[Literal["human", "reviewed", "rule-made", "constructed"], Field(default="human")],
            "source": _TOLD,
            "also": Annotated[list[AcceptedVerdict], Field(default=[])],
        },
        demonstrate=failure_judge.as_demonstration,
        kind=failure_judge.question_asked,  # a true and a false one of each mode in turn
        asks=lambda row: failure_judge.question_asked(row) is not None,  # the rules are sure of most rows
        demonstrations=6,
        val_rows=400,  # all: few of them ask
        test_rows=312,
        max_metric_calls=90,
        groups=("mode", "label_kind"),
    ),
    "log_context": Recipe(
        name="log_context",
        program=LogContext,
        metric=log_is_explained,
        labels={
            "context_keywords": list[str],
            "key_points_keywords": list[str],
            "answer": _TOLD,
            "evidence": _NO_TEXTS,
            "source": _TOLD,
            "kind": _TOLD,
        },
        demonstrate=log_context.as_demonstration,
        kind=lambda row: (bool(row.context_keywords), row.kind),  # incidents, runs, and logs in which all is well, in turn
        demonstrations=3,
        val_rows=12,
        test_rows=40,
        groups=("kind",),
    ),
    "loop_explainer": Recipe(
        name="loop_explainer",
        program=LoopExplainer,
        metric=explanation_holds(results_of),
        labels={
            "variables": list[str],
            "cost": str,
            "rewrite": str,
            "harness": Annotated[Harness | None, Field(default=None)],
            "source": _TOLD,
            "package": _TOLD,
            "version": _TOLD,
            "licence": _TOLD,
        },
        faults=loop_explainer.faults_of,
        demonstrate=loop_explainer.as_demonstration,
        kind=lambda row: row.pattern,  # the twelve patterns in turn
        demonstrations=4,
        val_rows=12,
        test_rows=36,
        groups=("pattern", "source"),
    ),
    "memory_summarizer": Recipe(
        name="memory_summarizer",
        program=MemorySummarizer,
        metric=memory_recalls,
        labels={"probes": list[Probe], "reference": _TOLD, "source": _TOLD, "label_kind": _TOLD},
        demonstrate=memory_summarizer.as_demonstration,
        kind=lambda row: row.source,  # a meeting, or a conversation with tools
        demonstrations=2,
        val_rows=10,
        groups=("source",),
    ),
    "orchestrator": Recipe(
        name="orchestrator",
        program=Orchestrator,
        metric=tool_answers,
        labels={
            "targets": list[str],
            "calls": list[AcceptedCall],
            "missing": _NO_TEXTS,
            "topic": _TOLD,
            "wording": _TOLD,
        },
        faults=orchestrator.faults_of,
        demonstrate=orchestrator.as_demonstration,
        kind=lambda row: row.topic,  # the tools in turn
        demonstrations=6,
        val_rows=18,
        test_rows=74,
        groups=("topic", "wording"),
    ),
    "planner": Recipe(
        name="planner",
        program=Planner,
        metric=plan_matches,
        labels={"tasks": Annotated[list[Task], Field(min_length=1, max_length=MOST_TASKS)]},
        faults=lambda row: plan_problems(row.tasks, [tool.name for tool in row.tools]),
        demonstrate=planner.as_demonstration,
        kind=lambda row: min(len(row.tasks), 3),  # two tasks, or more: in turn, about as often as they come
        demonstrations=3,
        val_rows=10,
    ),
    "quality_judge": Recipe(
        name="quality_judge",
        program=QualityJudge,
        metric=prefers_as_people_do,
        labels={"verdict": Literal["first", "second", "tie"], "unanimous": Annotated[bool, Field(default=True)]},
        demonstrate=quality_judge.as_demonstration,
        kind=lambda row: row.verdict,  # a good response, a bad one and one between, in turn
        demonstrations=5,
        val_rows=12,
        groups=("verdict",),
    ),
    "section_scorer": Recipe(
        name="section_scorer",
        program=SectionScorer,
        metric=coverage_agrees,
        labels={
            "gold": dict[str, float],
            "covering": dict[str, list[str]],
            "overall": float,
            "group": _TOLD,
            "hard": _TOLD,
            "source": _TOLD,
        },
        demonstrate=section_scorer.as_demonstration,
        kind=section_scorer.kind_shown,
        demonstrations=6,
        val_rows=64,
        test_rows=48,
        max_metric_calls=160,
        groups=("hard", "source"),
    ),
}


def recipe(name: str, metric: str | None = None) -> Recipe:
    """Return the recipe of this name, ours or your own; an unknown name lists them. metric: for your own Module."""
    if name in RECIPES:
        if metric:
            raise UsageError(f"--metric: {name} has its own; omit the flag")
        return RECIPES[name]
    if not is_own(name):
        known = ", ".join(sorted(RECIPES))
        raise UsageError(f"unknown module {name!r}; choose from {known}, or name your own as package.module:attribute")
    thing = object_named(name)
    thing = call_without_arguments(thing, name) if isfunction(thing) else thing
    found = thing if isinstance(thing, Recipe) else Recipe(source_of(thing, name), _named_metric(metric, name))
    return replace(found, name=name, **({"metric": object_named(metric)} if metric else {}))


def _named_metric(metric: str | None, name: str) -> Callable[..., Any]:
    """Import the metric of a Module that has no recipe."""
    if metric is None:
        raise UsageError(f"{name} is a program without a metric; add --metric package.module:function, or name a Recipe")
    found: Callable[..., Any] = object_named(metric)
    return found


def recipes(name: str, metric: str | None = None) -> list[Recipe]:
    """Return one recipe, or every one of ours for "all"."""
    return [RECIPES[each] for each in sorted(RECIPES)] if name == ALL else [recipe(name, metric)]
