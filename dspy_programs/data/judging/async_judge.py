"""Judge pairs from Python, several at once, with a model, a rubric and a cache of one's own."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dspy_programs.data.judging.cache import JudgmentCache
from dspy_programs.data.judging.judges import Judge, ModelJudge, RulesJudge, Unjudged
from dspy_programs.data.judging.judgment import Judgment
from dspy_programs.data.judging.panel import Panel
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import UsageError
from dspy_programs.rubric import DEFAULT, rubric_of
from dspy_programs.types import Rubric

if TYPE_CHECKING:
    import dspy


def default_rubric() -> Rubric:
    return rubric_of(DEFAULT)


class AsyncQualityJudge:
    """A judge.

    Args:
        backend: The model, as from get_backend; None for the rules.
        rubric: By default "quality".
        cache: Where opinions are kept; None for nowhere.
        backend_name: The tag of the judgments.

    Raises:
        UsageError: The rubric cannot be used.
    """

    def __init__(
        self,
        backend: "dspy.LM | None" = None,
        rubric: Rubric | None = None,
        cache: JudgmentCache | None = None,
        backend_name: str = "",
    ) -> None:
        rubric = rubric or default_rubric()
        judge: Judge = RulesJudge(rubric) if backend is None else ModelJudge(backend, rubric)
        self.panel = Panel([judge], rubric, cache=cache, tag=backend_name)
        self.failures: dict[str, Unjudged] = {}
        """Of the last batch: pair id -> why it has no judgment."""

    async def judge(self, pair: DataPair) -> Judgment:
        """Judge one pair. Raises Unjudged if the model did not answer, or not so that it can be read."""
        return await asyncio.to_thread(self.panel.judgment, pair)

    async def judge_batch(self, pairs: Iterable[DataPair], concurrency: int = 4) -> list[Judgment]:
        """Judge pairs, so many at once; return the judgments in their order.

        A pair that could not be judged has none: `failures` says why. Raises UsageError for no concurrency.
        """
        if concurrency < 1:
            raise UsageError(f"concurrency {concurrency}: give a number above 0")
        room, self.failures = asyncio.Semaphore(concurrency), {}

        async def judged(pair: DataPair) -> Judgment | None:
            async with room:
                try:
                    return await self.judge(pair)
                except Unjudged as failure:
                    self.failures[pair.identified().id] = failure
                    return None

        found = await asyncio.gather(*(judged(pair) for pair in pairs))
        return [judgment for judgment in found if judgment is not None]
