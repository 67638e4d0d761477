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

import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dspy

from dspy_programs.text import shortened
from metrics.score import Metric, Score
from optimizers.harvesting import Redactor
from optimizers.json_text import as_json
from optimizers.loop.challengers import prompt_of
from optimizers.loop.comparison import digest_of_inputs
from optimizers.loop.failures_read import FailuresRead, Instructions, Propose
from optimizers.loop.log import Line, Log
from optimizers.loop.prompts_used import before_last, challengers_since, in_use, is_settled
from optimizers.loop.trial import Held, Trial
from optimizers.loop.worker import Worker
from optimizers.promotion import LEVEL, MARGIN, Verdict, level_for
from optimizers.scoring import UserMetric, as_metric
from optimizers.search import Choice, with_instructions

FAILED = 1.0  # a score below it is a failure to learn from
_KEPT = 500  # held-back calls on record
_LONGEST = 2000  # characters of a response in the history


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
        self.metric: Metric = as_metric(metric)
        self.log = Log(Path(history))
        self.most_rows, self.level, self.margin, self.shadow = most_rows, level, margin, shadow
        self._failures = FailuresRead(every, reflection_lm, propose, proposer)
        self._lock = threading.RLock()
        self._original = program
        self._seed = {name: predictor.signature.instructions for name, predictor in program.named_predictors()}
        self._champion, self._instructions = program.deepcopy(), dict(self._seed)
        self._held: deque[Held] = deque(maxlen=_KEPT)
        self._trial: Trial | None = None
        self._count = 0
        self._catch_up()
        self._worker = Worker("online", self._tell)

    # Calls ------------------------------------------------------------------------------------------------------------

    def __call__(self, **inputs: Any) -> Any:
        """Return the champion's answer, and record it. Raises what the program raises; that counts as a failure."""
        with self._lock:
            champion, instructions = self._champion, self._instructions
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
        self._worker.give(lambda: self._record(row, answer, instructions, settings, score))

    # The worker -------------------------------------------------------------------------------------------------------

    def _tell(self, error: Exception) -> None:
        self.log.append({"kind": "error", "prompt": "", "response": f"{type(error).__name__}: {error}", "score": 0.0})

    def _record(
        self,
        row: dspy.Example,
        answer: Any,
        instructions: Instructions,
        settings: Mapping[str, Any],
        score: Score | None,
    ) -> None:
        """Score a call, write it down, and learn from it or compare on it."""
        with dspy.context(**settings):
            score = score or self.metric(row, answer)
            told = {
                "kind": "call",
                "prompt": prompt_of(instructions),
                "response": Redactor().text(shortened(_text(answer), _LONGEST)),
            }
            key = digest_of_inputs(row)[:16]
            held = _is_held_back(key)
            self.log.append({**told, "score": round(score.value, 6), "held_back": held, "inputs": key})
            if instructions != self._instructions:
                return  # a champion of before: its scores say nothing about the present one
            if held:
                self._held.append(Held(row, score.value))
            elif score.value < FAILED:
                case = {
                    "Inputs": dict(row.inputs()),
                    "Generated Outputs": {"answer": _text(answer)},
                    "Feedback": score.feedback,
                }
                self._failures.add(case)
            if self._trial is None and self._failures.is_due:
                self._propose()
            if self._trial is not None and (found := self._trial.verdict_on(list(self._held), self.metric)):
                self._decide(self._trial, found)

    def _propose(self) -> None:
        """Have a challenger proposed from the failures so far, and put it on trial if it was not refused before."""
        found = self._failures.proposal(dict(self._instructions))
        if found is None:
            return
        if is_settled(self.log.lines(), prompt_of(found), self.shadow):
            return
        self._count += 1
        level = level_for(self._count, self.level)
        program = with_instructions(self._original, found)
        self._trial = Trial(program, found, self._count, level, self.margin, self.most_rows)

    def _decide(self, challenger: Trial, found: Verdict) -> None:
        """Write the decision down; put a winner into use unless another process has changed the champion meanwhile."""
        self._trial = None
        lock = self.log.locked()
        try:
            before = dict(self._instructions)
            self._catch_up()
            wins = found.decision == "promote"
            superseded = before != self._instructions
            told: Line = {
                "kind": "decision",
                "prompt": prompt_of(before),
                "response": f"{found.decision}: {found.reason}",
                "score": round(found.mean, 6),
                "decision": "superseded" if wins and superseded else "won" if wins else "refused",
                "shadow": self.shadow,
                **{name: getattr(found, name) for name in ("rows", "mean", "low", "high", "level")},
                "number": challenger.number,
                "challenger": prompt_of(challenger.instructions),
            }
            self.log.append(told)
            if wins and not superseded and not self.shadow:
                self._use(challenger.instructions, "promoted", found.mean)
        finally:
            lock.release()

    def _use(self, instructions: Instructions, kind: str, score: float) -> None:
        before = prompt_of(self._instructions)
        new = {"new_prompt": prompt_of(instructions), "instructions": instructions}
        self.log.append({"kind": kind, "prompt": before, "response": kind, "score": round(score, 6), **new})
        self._adopt(instructions)

    def _adopt(self, instructions: Instructions) -> None:
        with self._lock:
            self._instructions = dict(instructions)
            self._champion = with_instructions(self._original, instructions)
        self._held.clear()
        self._failures.clear()
        self._trial = None
        self._count = 0

    # State ------------------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Go on from the history: the last prompt put into use, by whatever process, and how many challengers there were."""
        self._count = challengers_since(self.log.lines())
        kept = in_use(self.log, self._seed)
        if kept and kept != self._instructions:
            self._adopt(kept)

    @property
    def instructions(self) -> Instructions:
        """The champion's instructions, by predictor."""
        with self._lock:
            return dict(self._instructions)

    def rollback(self) -> Instructions:
        """Go back to the prompt before the last one put into use, and finally to the program's own; return it."""
        self.wait()
        self._use(before_last(self.log.lines(), self._seed), "rolled back", 0.0)
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


def _is_held_back(key: str) -> bool:
    return int(key[-1], 16) % 2 == 1


def _text(answer: Any) -> str:
    return as_json(answer.toDict() if isinstance(answer, dspy.Prediction) else answer)
