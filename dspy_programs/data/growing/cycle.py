"""One cycle: ask for pairs out of each seed, refuse what is near to one that exists, check, judge.

Guarantees a failed generation is no pair; a pair without a verdict is neither passed nor failed. What comes out depends on the
           seeds, the pairs that exist and the answers alone, however many are asked at once: the same answers give the same
           cycle, which is how one that was cut is finished.
Raises     ModelFailing where a model stopped answering; what `may_go_on` raises.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from pydantic import JsonValue

from dspy_programs.data.growing.cycle_state import CycleState, Refused, metrics_of
from dspy_programs.data.growing.diversity import Known
from dspy_programs.data.growing.drafts import Written
from dspy_programs.data.growing.in_order import in_order
from dspy_programs.data.growing.request import Request, Settings, requests_of
from dspy_programs.data.growing.seed import Seed
from dspy_programs.data.growing.writing import Write
from dspy_programs.data.judging.judges import Unjudged
from dspy_programs.data.judging.judgment import OVERALL, Judgment
from dspy_programs.data.judging.run import Health, Outcome
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import ModelFailing
from dspy_programs.types import Pair

T = TypeVar("T")
Check = Callable[[DataPair], list[str]]
"""What is wrong with a pair, in words; [] for a good one."""
Judge = Callable[[DataPair], Judgment]
"""Raises Unjudged."""


@dataclass
class Tools:
    """What a growth works with. at_once: requests and pairs in progress."""

    write: Write
    check: Check
    judge: Judge
    at_once: int = 1
    writing: Health = field(default_factory=Health)
    judging: Health = field(default_factory=Health)


@dataclass(frozen=True)
class Watch:
    """Called in between. may_go_on: before each request and judgment, may raise; step: after each, with how many are left."""

    may_go_on: Callable[[], None] = lambda: None
    step: Callable[[int], None] = lambda left: None


class _New(NamedTuple):
    """A new pair, and what its checks found."""

    pair: DataPair
    seed: Seed
    faults: list[str]


def cycle_of(
    number: int, seeds: Sequence[Seed], settings: Settings, tools: Tools, known: Known, watch: Watch, most_passed: int | None
) -> tuple[CycleState, list[Seed]]:
    """Run a cycle; return it, and the seeds that its failed pairs make. most_passed: pairs after which to stop."""
    began, clock = _now(), time.monotonic()
    refused: list[Refused] = []
    answered: Counter[str] = Counter()
    new = list(_new_pairs(number, seeds, settings, tools, known, watch, refused, answered, began))
    good = [each for each in new if not each.faults]
    judgments = _judged(good, tools, watch, refused, most_passed)
    passed_ids = {judgment.pair_id for judgment in judgments if judgment.passed}
    faulty = {each.pair.id: each.faults for each in new if each.faults}
    metrics = metrics_of(judgments, len(faulty))
    state = CycleState(
        cycle_id=number,
        seeds=[seed.instruction for seed in seeds],
        generated_pairs=[each.pair for each in new],
        judgments=judgments,
        passed_pairs=[each.pair for each in good if each.pair.id in passed_ids],
        passed_judgments=[judgment for judgment in judgments if judgment.passed],
        failed_checks=faulty,
        refused=refused,
        refused_counts=dict(Counter(each.stage for each in refused)),
        eval_metrics=metrics,
        answered_by=dict(answered),
        judged_by=dict(Counter(judgment.judge_model for judgment in judgments)),
        start_time=began,
        end_time=_now(),
        duration_seconds=round(time.monotonic() - clock, 3),
        pass_rate=metrics["pass_rate"],
        avg_quality_score=metrics[f"avg_{OVERALL}"],
    )
    return state, list(_failed_seeds(new, judgments))


def _new_pairs(
    number: int,
    seeds: Sequence[Seed],
    settings: Settings,
    tools: Tools,
    known: Known,
    watch: Watch,
    refused: list[Refused],
    answered: Counter[str],
    at: str,
) -> Iterator[_New]:
    """Ask for pairs, and yield those that are new: not near what is known, nor one another."""
    here = Known(known.by_meaning)
    asked = list(requests_of(number, seeds, settings))

    def written(request: Request) -> tuple[Request, Written | Unjudged]:
        try:
            return request, tools.write(request)
        except Unjudged as failure:
            return request, failure

    for place, (request, found) in enumerate(in_order(written, _watched(asked, watch), tools.at_once), 1):
        seed = request.seed.instruction
        watch.step(len(asked) - place)
        if isinstance(found, Unjudged):
            _note(tools.writing, found)
            refused.append(Refused(stage="generation", reason=found.reason, seed=seed))
            continue
        _note(tools.writing, Unjudged(found.unreadable) if found.unreadable and not found.pairs else None)
        refused += [Refused(stage="generation", reason=each.reason, seed=seed, pair=each.pair) for each in found.rejected]
        if not found.pairs and not found.rejected and found.answered_by == "rules":
            refused.append(Refused(stage="generation", reason="the rules make no pair of so short a text", seed=seed))
        taken = 0
        for draft in found.pairs:
            if taken == request.pairs:
                break
            pair = _pair_of(draft, request, found.answered_by, tools.write.name, at)
            if near := known.near(pair) or here.near(pair):
                refused.append(Refused(stage="diversity", reason=str(near), seed=seed, pair=draft))
                continue
            here.add([pair], "this cycle")
            taken += 1
            answered[found.answered_by] += 1
            yield _New(pair, request.seed, tools.check(pair))


def _judged(new: Sequence[_New], tools: Tools, watch: Watch, refused: list[Refused], most_passed: int | None) -> list[Judgment]:
    def judged(each: _New) -> tuple[_New, Judgment | Unjudged]:
        try:
            return each, tools.judge(each.pair)
        except Unjudged as failure:
            return each, failure

    found: list[Judgment] = []
    passed = 0
    for place, (each, verdict) in enumerate(in_order(judged, _watched(new, watch), tools.at_once), 1):
        watch.step(len(new) - place)
        if isinstance(verdict, Unjudged):
            _note(tools.judging, verdict)
            draft = Pair(instruction=each.pair.instruction, input=each.pair.input, output=each.pair.output)
            refused.append(Refused(stage="judge", reason=verdict.reason, seed=each.seed.instruction, pair=draft))
            continue
        _note(tools.judging, None)
        found.append(verdict)
        passed += verdict.passed
        if passed == most_passed:
            break
    return found


def _watched(things: Sequence[T], watch: Watch) -> Iterator[T]:
    for thing in things:
        watch.may_go_on()
        yield thing


def _note(health: Health, failure: Unjudged | None) -> None:
    """Count an answer or a failure. Raises ModelFailing when asking on is no use; at once if there never was an answer."""
    health.note(Outcome("", None, failure))
    if failure is not None and failure.kind == "lost" and not health.answers:
        health.stopped = health.stopped or f"the model does not answer: {failure.reason}"
    if health.stopped:
        raise ModelFailing(health.stopped) from failure


def _pair_of(draft: Pair, request: Request, answered_by: str, writer: str, at: str) -> DataPair:
    metadata: dict[str, JsonValue] = {"source": "grown", "answered_by": answered_by, "generator": writer}
    if answered_by == "model":
        metadata["strategy"] = request.strategy
        metadata["failures"] = list[JsonValue](request.seed.failures)  # rules teach none
    return DataPair(
        instruction=draft.instruction,
        input=draft.input,
        output=draft.output,
        category=request.template.lower(),
        metadata=metadata,
        source_seed=request.seed.instruction,
        cycle_id=request.cycle,
        created_at=at,
    ).identified()


def _failed_seeds(new: Sequence[_New], judgments: Sequence[Judgment]) -> Iterator[Seed]:
    """Yield a seed for each failed pair: what was asked, and what was wrong with the answer."""
    verdicts = {judgment.pair_id: judgment for judgment in judgments}
    for each in new:
        verdict = verdicts.get(each.pair.id)
        if each.faults or (verdict is not None and not verdict.passed):
            reason = "; ".join(each.faults) if each.faults else verdict.judgment_reasoning if verdict else ""
            yield Seed(instruction=each.pair.instruction, input=each.pair.input, failures=[reason] if reason else [])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
