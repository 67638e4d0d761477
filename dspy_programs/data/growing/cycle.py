"""One cycle: ask for pairs out of each seed, refuse what is near to one that exists, check, judge.

Guarantees a failed generation is no pair; a pair without a verdict is neither passed nor failed. What comes out depends on the
           seeds, the pairs that exist and the answers alone, however many are asked at once: the same answers give the same
           cycle, which is how one that was cut is finished.
Raises     ModelFailing where a model stopped answering, be it for the last request; what `may_go_on` raises.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.data.growing.asking import answers_of
from dspy_programs.data.growing.cycle_state import CycleState, Refused, metrics_of
from dspy_programs.data.growing.diversity import Known
from dspy_programs.data.growing.drafts import Written
from dspy_programs.data.growing.faults import tidied
from dspy_programs.data.growing.request import Request, Settings, requests_of
from dspy_programs.data.growing.seed import Seed
from dspy_programs.data.growing.writing import Write
from dspy_programs.data.judging.judges import Unjudged
from dspy_programs.data.judging.judgment import OVERALL, Judgment
from dspy_programs.data.judging.run import Health
from dspy_programs.data.pair import DataPair
from dspy_programs.programs.data_generator import Rejected
from dspy_programs.text import sendable
from dspy_programs.types import Pair

_LONGEST_REPLY = 300  # characters of one that could not be read
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
    cycle = _Cycle(tools, watch, known, began)
    new = list(cycle.new_pairs(list(requests_of(number, seeds, settings))))
    judgments = cycle.judgments([each for each in new if not each.faults], most_passed)
    passed = [judgment for judgment in judgments if judgment.passed]
    ids = {judgment.pair_id for judgment in passed}
    faulty = {each.pair.id: each.faults for each in new if each.faults}
    metrics = metrics_of(judgments, len(faulty))
    state = CycleState(
        cycle_id=number,
        seeds=[seed.instruction for seed in seeds],
        generated_pairs=[each.pair for each in new],
        judgments=judgments,
        passed_pairs=[each.pair for each in new if each.pair.id in ids],
        passed_judgments=passed,
        failed_checks=faulty,
        refused=cycle.refused,
        refused_counts=dict(Counter(each.stage for each in cycle.refused)),
        eval_metrics=metrics,
        answered_by=dict(Counter(str(each.pair.metadata["answered_by"]) for each in new)),
        judged_by=dict(Counter(judgment.judge_model for judgment in judgments)),
        start_time=began,
        end_time=_now(),
        duration_seconds=round(time.monotonic() - clock, 3),
        pass_rate=metrics["pass_rate"],
        avg_quality_score=metrics[f"avg_{OVERALL}"],
    )
    return state, list(_failed_seeds(new, judgments))


class _Cycle:
    """A cycle at work. refused: so far."""

    def __init__(self, tools: Tools, watch: Watch, known: Known, began: str) -> None:
        self.tools, self.watch, self.known, self.began = tools, watch, known, began
        self.here = Known(known.by_meaning)
        self.refused: list[Refused] = []

    def new_pairs(self, requests: Sequence[Request]) -> Iterator[_New]:
        """Ask for pairs, and yield those that are new: not near what is known, nor one another."""
        tools, go_on = self.tools, self.watch.may_go_on
        answers = answers_of(tools.write, requests, tools.at_once, tools.writing, _unreadable, go_on)
        for place, (request, found) in enumerate(answers, 1):
            self.watch.step(len(requests) - place)
            seed = request.seed.instruction
            if isinstance(found, Unjudged):
                self.refused.append(Refused(stage="generation", reason=found.reason, seed=seed))
                continue
            self.refused += [_refused_draft(each, seed) for each in found.rejected]
            if not found.pairs and not found.rejected and found.answered_by == "rules":
                self.refused.append(Refused(stage="generation", reason="the rules make no pair of so short a text", seed=seed))
            drafts = (
                _pair_of(tidied(draft), request, found.answered_by, self.tools.write.name, self.began) for draft in found.pairs
            )
            for pair in itertools.islice(filter(self._is_new, drafts), request.pairs):
                yield _New(pair, request.seed, self.tools.check(pair))

    def _is_new(self, pair: DataPair) -> bool:
        """Return whether a pair is new, which it is no more from then on; note why not."""
        if near := self.known.near(pair) or self.here.near(pair):
            self.refused.append(Refused(stage="diversity", reason=str(near), seed=pair.source_seed, pair=_plain(pair)))
            return False
        self.here.add([pair], "this cycle")
        return True

    def judgments(self, new: Sequence[_New], most_passed: int | None) -> list[Judgment]:
        found: list[Judgment] = []
        passed = 0
        tools, go_on = self.tools, self.watch.may_go_on
        answers = answers_of(lambda each: tools.judge(each.pair), new, tools.at_once, tools.judging, may_go_on=go_on)
        for place, (each, verdict) in enumerate(answers, 1):
            self.watch.step(len(new) - place)
            if isinstance(verdict, Unjudged):
                seed = each.seed.instruction
                self.refused.append(
                    Refused(stage="judge", reason=verdict.reason, seed=seed, pair=_plain(each.pair), reply=verdict.sample)
                )
                continue
            found.append(verdict)
            passed += verdict.passed
            if passed == most_passed:
                break
        return found


def _unreadable(found: Written) -> Unjudged | None:
    """Return why a request brought nothing; pairs beside a reply that could not be read are something."""
    return Unjudged(found.unreadable) if found.unreadable and not found.pairs else None


def _refused_draft(rejected: Rejected, seed: str) -> Refused:
    reply = sendable(rejected.raw, _LONGEST_REPLY)
    return Refused(stage="generation", reason=rejected.reason, seed=seed, pair=rejected.pair, reply=reply)


def _plain(pair: DataPair) -> Pair:
    return Pair(instruction=pair.instruction, input=pair.input, output=pair.output)


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
    """Yield a seed for each failed pair: what was asked, and what was wrong with the answer.

    What has a fault may have been asked wrongly too: there the pair's own seed is tried again, with the fault as the lesson.
    """
    verdicts = {judgment.pair_id: judgment for judgment in judgments}
    for each in new:
        verdict = verdicts.get(each.pair.id)
        if each.faults:
            yield each.seed.model_copy(update={"failures": each.faults})
        elif verdict is not None and not verdict.passed:
            reason = [verdict.judgment_reasoning] if verdict.judgment_reasoning else []
            yield Seed(instruction=each.pair.instruction, input=each.pair.input, failures=reason)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
