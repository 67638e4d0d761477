"""A program that learns while it is used: it records, proposes in the background, and promotes behind the gate.

    online = Online(program, metric, history="traces/gepa_history.jsonl")
    answer = online(question="...")

Half of the live calls, drawn by their inputs, are what proposals are made from; the others are held back. When enough calls
have failed, a worker has a new instruction proposed, and the challenger answers the held-back calls beside the champion:
those on record, and each new one. Its answers are compared and never given to anybody. The gate promotes it, or not.

Guarantees a caller always gets the champion's answer, or its exception; threads may call at once; processes that share a
           history take over each other's promotions; a call that raised is a failure with the score 0. A restart goes on with
           the last prompt that was put into use. The worker's own errors end no call: they are in the history.
Limits     it learns instructions only. Responses are redacted in the history; the instructions are not. A challenger is
           really called on the held-back inputs: do not wrap what acts on the world, but what decides about it.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dspy

from metrics.score import Score
from optimizers.loop.failures_read import FailuresRead, Instructions, Propose
from optimizers.loop.learner import Learner
from optimizers.loop.log import Log
from optimizers.loop.worker import Worker
from optimizers.promotion import LEVEL, MARGIN
from optimizers.scoring import UserMetric, as_metric
from optimizers.search import Choice


class Online:
    """Wraps a program. Call it like the program; `close` it, or use it in a with block, to end its worker."""

    def __init__(
        self,
        program: dspy.Module,
        metric: UserMetric,
        history: str | Path = "traces/gepa_history.jsonl",
        *,
        reflection_lm: dspy.LM | None = None,
        propose: Propose | None = None,
        proposer: Choice = "auto",
        every: int = 5,
        most_rows: int = 300,
        level: float = LEVEL,
        margin: float = MARGIN,
        shadow: bool = False,
    ) -> None:
        """Wrap a program; it is not changed.

        Args:
            program: Any dspy.Module.
            metric: (row, prediction) -> a score in [0, 1], a bool, or score and feedback; the row has the inputs of a call.
            history: The JSONL file for everything that is recorded and decided.
            reflection_lm: The model that proposes; by default the one that the program is called with.
            propose: Your own proposer: (instructions by predictor, failures) -> new instructions, or None.
            proposer: Which of ours: "rules", "dspy" or "auto".
            every: Failures after which a challenger is proposed.
            most_rows: Held-back calls after which a challenger that has not won is refused.
            level: Share of challengers that are no better and may be promoted.
            margin: A gain below it is not worth a change.
            shadow: Compare and record, and promote nothing.
        """
        failures = FailuresRead(every, reflection_lm, propose, proposer)
        self.log = Log(Path(history))
        self._learner = Learner(
            program, as_metric(metric), self.log, failures, most_rows=most_rows, level=level, margin=margin, shadow=shadow
        )
        self._worker = Worker("online", self._learner.tell)

    def __call__(self, **inputs: Any) -> Any:
        """Return the champion's answer, and record it. Raises what the program raises; that counts as a failure."""
        champion, instructions = self._learner.champion
        settings = {"lm": dspy.settings.lm, "adapter": dspy.settings.adapter}
        try:
            answer = champion(**inputs)
        except Exception as error:
            told = Score(0.0, f"It raised {type(error).__name__}: {error}", {})
            self._take(inputs, dspy.Prediction(error=str(error)), instructions, settings, told)
            raise
        self._take(inputs, answer, instructions, settings, None)
        return answer

    def _take(
        self,
        inputs: Mapping[str, Any],
        answer: Any,
        instructions: Instructions,
        settings: Mapping[str, Any],
        score: Score | None,
    ) -> None:
        row = dspy.Example(**inputs).with_inputs(*inputs)
        self._worker.give(lambda: self._learner.record(row, answer, instructions, settings, score))

    @property
    def instructions(self) -> Instructions:
        """The champion's instructions, by predictor."""
        return self._learner.champion[1]

    def rollback(self) -> Instructions:
        """Go back to the prompt before the last one put into use, and finally to the program's own; return it."""
        self.wait()
        self._learner.go_back()
        return self.instructions

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the worker has nothing left to do; return whether that is so."""
        return self._worker.wait(seconds)

    def close(self) -> None:
        """Finish what is waiting, and end the worker."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
