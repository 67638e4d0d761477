"""What a user writes, for type checkers to read: test_typed.py runs mypy and pyright on it. Nothing runs it.

`assert_type` fails where the type is another one, `Any` too. A line that is wrong on purpose carries the comment that
silences it, and both checkers report a comment that silences nothing.
"""

from typing import Any, Literal, assert_type

import dspy

import dspy_programs
import optimizers
from dspy_programs import (
    Actor,
    ActorResult,
    Call,
    CodeEditor,
    CodeSummarizer,
    CommandPlanner,
    DataGenerator,
    DataGeneratorResult,
    Fact,
    Failure,
    FailureJudge,
    FailureJudgeResult,
    Finding,
    LogContext,
    LoopExplainer,
    MemorySummarizer,
    MemorySummarizerResult,
    MissingArgument,
    Orchestrator,
    Pair,
    Planner,
    PlannerResult,
    QualityJudge,
    QualityJudgeResult,
    Rejected,
    Rubric,
    Section,
    SectionScorer,
    SectionScorerResult,
    Task,
    Trace,
    load,
    overall_without,
    read_rubric,
    use,
)
from dspy_programs.budget import Analysis, NegotiationResult, Negotiator, OfflineScorer, analyze, read_prompt
from dspy_programs.failures import AutoParser, FailureClassifier, FailureReport, TraceRecorder, read_traces
from dspy_programs.memory import (
    CompressionReport,
    ContextBuilder,
    MemoryCompressor,
    MemoryStore,
    compress_session,
)
from optimizers import CompiledProgram, Recipe, compile_program
from optimizers.training.conclusion import Report

Mode = Literal[
    "HALLUCINATION",
    "TOOL_MISUSE",
    "CONTEXT_LOSS",
    "CIRCULAR_REASONING",
    "GOAL_DRIFT",
    "OVER_REFUSAL",
    "SCHEMA_ERROR",
    "TIMEOUT_CASCADE",
    "NO_ANSWER",
    "CRASH",
    "UNKNOWN",
    "none",
]
Who = Literal["model", "rules"]


def book(city: str) -> str:
    """Book a room."""
    return city


def loading(name: str, router: "TicketRouter") -> None:
    assert_type(load("actor"), Actor)
    assert_type(load("code_editor"), CodeEditor)
    assert_type(load("code_summarizer"), CodeSummarizer)
    assert_type(load("command_planner"), CommandPlanner)
    assert_type(load("data_generator"), DataGenerator)
    assert_type(load("failure_judge"), FailureJudge)
    assert_type(load("log_context"), LogContext)
    assert_type(load("loop_explainer"), LoopExplainer)
    assert_type(load("memory_summarizer"), MemorySummarizer)
    assert_type(load("orchestrator"), Orchestrator)
    assert_type(load("planner", "openai/gpt-4.1-mini", strict=True), Planner)
    assert_type(load("quality_judge", path="shared/"), QualityJudge)
    assert_type(load("section_scorer"), SectionScorer)
    assert_type(load(name), dspy.Module)
    assert_type(load("my_package.router:recipe"), dspy.Module)
    assert_type(load(TicketRouter), TicketRouter)
    assert_type(load(router, name="router"), TicketRouter)
    assert_type(load(Planner), Planner)
    load("planner", portabel=True)  # type: ignore[call-overload]


def planning() -> None:
    planner = load("planner")
    plan = planner(goal="Book a room", tools=[book, {"name": "mail", "description": "sends"}], progress="")
    assert_type(plan, PlannerResult)
    assert_type(plan.tasks, list[Task])
    assert_type([task.tool for task in plan.tasks], list[str])
    assert_type(plan.rationale, str)
    assert_type(plan.problems, list[str])
    assert_type(plan.answered_by, Who)
    assert_type(plan.failure, Failure | None)
    planner("Book a room", book)
    planner()  # type: ignore[call-arg]
    planner(gaol="Book a room")  # type: ignore[call-arg]
    planner(goal=3)  # type: ignore[arg-type]
    PlannerResult(tasks=[], rationale="", problems=[], answered_by="model", failure=None)
    PlannerResult(tasks=[], rationale="", problems=[], answered_by="nobody", failure=None)  # type: ignore[arg-type]
    PlannerResult(tasks=[], problems=[], answered_by="model", failure=None)  # type: ignore[call-arg]


async def awaiting() -> None:
    assert_type(await load("planner").acall(goal="Book a room"), PlannerResult)
    assert_type(await Actor().acall(task="Book a room"), ActorResult)
    await Planner().acall(gaol="Book a room")  # type: ignore[call-arg]


def answers(trace: Trace, rubric: Rubric, sections: list[Section]) -> None:
    step = load("actor")(task="Book a room", tools=book, trajectory=[{"turn_number": 0, "role": "user"}, *trace.turns])
    assert_type(step, ActorResult)
    assert_type((step.calls, step.finish, step.cannot), tuple[list[Call], str | None, str | None])
    assert_type((step.repairs, step.problems), tuple[list[str], list[str]])
    assert_type(step.missing, list[MissingArgument])
    assert_type((step.missing[0].tool, step.missing[0].argument, step.missing[0].why), tuple[str, str, str])
    made = load("data_generator")(seed="Name a river", template="QA", failures=["too long"], n=2)
    assert_type(made, DataGeneratorResult)
    assert_type((made.pairs, made.rejected), tuple[list[Pair], list[Rejected]])
    load("data_generator")(seed="Name a river", template="POEM")  # type: ignore[arg-type]
    verdict = load("failure_judge")(goal="Book a room", turns=trace.turns, tools=["book"])
    assert_type(verdict, FailureJudgeResult)
    assert_type(load("failure_judge").of(trace), FailureJudgeResult)
    assert_type((verdict.mode, verdict.turn, verdict.confidence), tuple[Mode, int | None, float])
    assert_type((verdict.cause, verdict.evidence), tuple[str, str])
    assert_type((verdict.fixes, verdict.findings), tuple[list[str], list[Finding]])
    memory = load("memory_summarizer")(entries=[{"turn": 0, "role": "user", "content": "Hello"}], token_budget=100)
    assert_type(memory, MemorySummarizerResult)
    assert_type((memory.summary, memory.decisions, memory.facts), tuple[str, list[Fact], list[Fact]])
    assert_type((memory.text, memory.tokens, memory.within_budget), tuple[str, int, bool])
    judged = load("quality_judge")(instruction="Name a river", response="The Mur", other="The Inn", rubric="qa")
    assert_type(judged, QualityJudgeResult)
    assert_type((judged.scores, judged.overall, judged.passed), tuple[dict[str, float], float, bool])
    assert_type(judged.verdict, Literal["pass", "fail", "first", "second", "tie"])
    assert_type(judged.other_overall, float | None)
    scored = load("section_scorer")(sections=sections, rubric=rubric, task="")
    assert_type(scored, SectionScorerResult)
    assert_type((scored.scores, scored.covered_by), tuple[dict[str, float], dict[str, str]])
    assert_type(overall_without(scored.shares, rubric, "style"), float)
    assert_type(read_rubric("rubric.yaml"), Rubric)


class Route(dspy.Signature):
    """Route the ticket."""

    ticket: str = dspy.InputField()
    queue: str = dspy.OutputField()


class TicketRouter(dspy.Module):
    """A program of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.route = dspy.Predict(Route)

    def forward(self, ticket: str) -> dspy.Prediction:
        return self.route(ticket=ticket)


def same_queue(row: dspy.Example, prediction: dspy.Prediction, trace: object = None) -> bool:
    return bool(row.queue == prediction.queue)


def nothing(row: dspy.Example, prediction: dspy.Prediction) -> None:
    return None


def compiling(rows: list[dspy.Example]) -> None:
    compiled = compile_program(TicketRouter, metric=same_queue, trainset=rows, auto="light")
    assert_type(compiled, CompiledProgram[TicketRouter])
    assert_type(compiled.program, TicketRouter)
    program, report = compile_program(TicketRouter(), metric=same_queue, trainset=[{"ticket": "", "queue": ""}])
    assert_type(program, TicketRouter)
    assert_type(report, Report)
    compile_program(TicketRouter, metric=same_queue, trainset=rows, auto="lite")  # type: ignore[call-overload]
    compile_program(TicketRouter, metric=nothing, trainset=rows)  # pyright: ignore
    assert_type(Recipe(TicketRouter, same_queue).data is None, bool)


def tools(sections: list[Section], store: MemoryStore) -> None:
    with use("openai/gpt-4.1-mini"), TraceRecorder(goal="Book a room", tools=["book"]) as run:
        assert_type(run, TraceRecorder)
    assert_type(FailureClassifier().classify(AutoParser().parse_file("run.json")), FailureReport)
    assert_type([item.trace for item in read_traces(["runs"])], list[Trace | None])
    assert_type(analyze(read_prompt("prompt.yaml")), Analysis)
    assert_type(Negotiator(OfflineScorer()).negotiate(sections, "qa"), NegotiationResult)
    assert_type(MemoryCompressor().compress(store), CompressionReport)
    assert_type(ContextBuilder().get_context_stats(store)["total_tokens"], int)
    messages, report = compress_session([{"role": "user", "content": "Hello"}], 100)
    assert_type(messages, list[dict[str, str] | dict[str, Any]])
    assert_type(report, CompressionReport)


def misspelled() -> object:
    return dspy_programs.laod  # type: ignore[attr-defined]


def misspelled_too() -> object:
    return optimizers.compile_programs  # type: ignore[attr-defined]
