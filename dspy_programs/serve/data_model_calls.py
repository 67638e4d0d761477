"""What the servers ask the data room with a model, if there is one: pairs judged by a rubric, pairs made of seeds.

Guarantees nothing is stored or cached. What one pair or seed cannot have is its own problem; a model that never answers is the
           request's. A server is asked about _AT_ONCE pairs at a time, so after a stop as many calls under way end.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from dspy.utils.exceptions import LMError
from pydantic import BaseModel

from dspy_programs.data import DataPair
from dspy_programs.data.judging import Health, Judgment, ModelJudge, Outcome, Panel, RulesJudge, Unjudged, outcomes
from dspy_programs.errors import ModelFailing, UsageError
from dspy_programs.lm import is_embedded, running_on
from dspy_programs.model_in_use import model_in_use
from dspy_programs.programs.data_generator import RETRIES, DataGenerator, DataGeneratorResult, Rejected
from dspy_programs.registry import load
from dspy_programs.rubric import rubric_of
from dspy_programs.serve import data_requests as asked
from dspy_programs.serve.data_calls import ReadPair, read_pairs
from dspy_programs.serve.problems import Unavailable
from dspy_programs.serve.worker_pool import Progress
from dspy_programs.types import Pair

_AT_ONCE = 4  # pairs that a server judges
_MOST_LOST = 3  # seeds in a row for which the model did not answer
_NO_ANSWER = "the language model did not answer"


class JudgedPair(BaseModel):
    """The outcome of one pair: its judgment, or why it has none. index: its place in the request."""

    index: int
    judgment: Judgment | None
    problem: str | None


class JudgedTotals(BaseModel):
    """Of the pairs that have a judgment. mean_overall: from 0 to 10."""

    judged: int
    passed: int
    failed: int
    pass_rate: float
    mean_overall: float
    answered_by: dict[str, int]


class JudgedPairs(BaseModel):
    """Every pair of the request with its outcome, in order. failed: pairs without a judgment."""

    judge_model: str
    results: list[JudgedPair]
    totals: JudgedTotals


class NewPair(Pair):
    """id: made of the content, as `data ingest` does."""

    id: str


class GrownSeed(BaseModel):
    """What one seed gave. index: its place in the request; problem: why there is nothing."""

    index: int
    pairs: list[NewPair]
    rejected: list[Rejected]
    answered_by: Literal["model", "rules"] | None
    problem: str | None


class GeneratedPairs(BaseModel):
    """Every seed of the request with its pairs, in order, and how many pairs there are."""

    results: list[GrownSeed]
    generated: int
    rejected: int


def calls_to_judge(request: asked.JudgePairs) -> int:
    return len(request.pairs) * request.use_llm


def calls_to_generate(request: asked.GeneratePairs) -> int:
    return len(request.seeds) * (request.per_seed + RETRIES) * request.use_llm


def judge_pairs(request: asked.JudgePairs, progress: Progress) -> JudgedPairs:
    """Judge pairs. Raises UsageError for a rubric that cannot be used, Unavailable if the model never answers."""
    rubric = rubric_of(request.rubric if isinstance(request.rubric, str) else request.rubric.model_dump())
    lm = model_in_use() if request.use_llm else None
    judge = RulesJudge(rubric) if lm is None else ModelJudge(lm, rubric)
    panel = Panel([judge], rubric, tag=judge.name)
    at_once = 1 if lm is None or is_embedded(lm) else _AT_ONCE
    read, found = read_pairs(request.pairs, progress), dict[int, Outcome]()
    for outcome in _judged(read, panel, at_once, progress):
        found[int(outcome.pair_id)] = outcome
        progress(len(found), len(read))
    results = [_result_of(place, each, found.get(place)) for place, each in enumerate(read)]
    return JudgedPairs(judge_model=judge.name, results=results, totals=_totals_of(results))


def _judged(read: list[ReadPair], panel: Panel, at_once: int, progress: Progress) -> Iterator[Outcome]:
    """Yield outcomes by the places of their pairs: two of them may have one id."""
    pairs = [each.pair.model_copy(update={"id": str(place)}) for place, each in enumerate(read) if each.pair]

    def may_go_on() -> bool:
        progress(0, 0)
        return True

    try:
        yield from outcomes(pairs, panel, at_once, Health(), may_go_on)
    except ModelFailing as error:
        is_readable = not (isinstance(error.__cause__, Unjudged) and error.__cause__.kind == "reply")
        said = "does not answer" if is_readable else "answers, but no reply could be read"
        raise Unavailable(f"the language model {said}; nothing was judged") from None


def _result_of(place: int, read: ReadPair, outcome: Outcome | None) -> JudgedPair:
    """The words of a provider stay here: they may quote keys."""
    problem = None
    if read.pair is None:
        problem = f"not a pair: {read.problem}"
    elif outcome is None:
        problem = "not judged: the language model stopped answering"
    elif outcome.failure is not None:
        problem = f"unreadable reply: {outcome.failure.reason}" if outcome.failure.kind == "reply" else _NO_ANSWER
    elif outcome.judgment is not None:
        judgment = outcome.judgment.model_copy(update={"pair_id": read.pair.id})
        return JudgedPair(index=place, judgment=judgment, problem=None)
    return JudgedPair(index=place, judgment=None, problem=problem)


def _totals_of(results: list[JudgedPair]) -> JudgedTotals:
    judged = [each.judgment for each in results if each.judgment]
    passed, count = sum(each.passed for each in judged), len(judged)
    return JudgedTotals(
        judged=count,
        passed=passed,
        failed=len(results) - count,
        pass_rate=passed / count if count else 0.0,
        mean_overall=round(sum(each.overall for each in judged) / count, 4) if count else 0.0,
        answered_by=dict(Counter(each.answered_by for each in judged)),
    )


def generate_pairs(request: asked.GeneratePairs, progress: Progress) -> GeneratedPairs:
    """Make pairs of seeds. Raises LMError if the model does not answer for the first one."""
    lm = model_in_use() if request.use_llm else None
    program = DataGenerator() if lm is None else load("data_generator", lm.model)
    results, lost = list[GrownSeed](), 0
    for place, seed in enumerate(request.seeds):
        progress(place, len(request.seeds))
        if lost >= _MOST_LOST:
            results.append(_nothing(place, "not asked: the language model stopped answering"))
            continue
        try:
            results.append(_grown(place, _new_pairs(program, seed, request)))
            lost = 0
        except UsageError as error:
            results.append(_nothing(place, str(error)))
        except LMError:
            if not any(each.answered_by == "model" for each in results):
                raise
            lost += 1
            results.append(_nothing(place, _NO_ANSWER))
    generated, rejected = (sum(len(getattr(each, name)) for each in results) for name in ("pairs", "rejected"))
    return GeneratedPairs(results=results, generated=generated, rejected=rejected)


def _new_pairs(program: DataGenerator, seed: str | asked.SeedPair, request: asked.GeneratePairs) -> DataGeneratorResult:
    given = asked.SeedPair(instruction=seed) if isinstance(seed, str) else seed
    pair = Pair(instruction=given.instruction, input=given.input, output=given.output)
    with running_on(model_in_use() if request.use_llm else None):
        return program(pair, request.template, given.failures, request.per_seed)


def _grown(place: int, found: DataGeneratorResult) -> GrownSeed:
    pairs = [NewPair(**pair.model_dump(), id=DataPair(**pair.model_dump()).identified().id) for pair in found.pairs]
    return GrownSeed(index=place, pairs=pairs, rejected=found.rejected, answered_by=found.answered_by, problem=None)


def _nothing(place: int, problem: str) -> GrownSeed:
    return GrownSeed(index=place, pairs=[], rejected=[], answered_by=None, problem=problem)
