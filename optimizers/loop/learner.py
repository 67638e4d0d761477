"""What a program in use learns from its calls: a champion, the failures it has made, a challenger on trial.

Input      each call, with the champion's answer or what it raised.
Output     the champion and its instructions; a line of the history for each call, decision and change.
Guarantees any thread may read the champion; calls are recorded by one thread, in order. A winner is put into use only if no
           other process has changed the champion since it was proposed.
"""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import dspy

from dspy_programs.text import shortened
from metrics.score import Metric, Score
from optimizers.harvesting import Redactor
from optimizers.json_text import as_json
from optimizers.loop.challengers import prompt_of
from optimizers.loop.comparison import digest_of_inputs
from optimizers.loop.failures_read import FailuresRead, Instructions
from optimizers.loop.log import Line, Log
from optimizers.loop.prompts_used import before_last, challengers_since, in_use, is_settled
from optimizers.loop.trial import Held, Trial
from optimizers.promotion import Verdict, level_for
from optimizers.search import with_instructions

FAILED = 1.0  # a score below it is a failure to learn from
_KEPT = 500  # held-back calls on record
_LONGEST = 2000  # characters of a response in the history


class Learner:
    """See `Online` for what the numbers mean."""

    def __init__(
        self,
        program: dspy.Module,
        metric: Metric,
        log: Log,
        failures: FailuresRead,
        *,
        most_rows: int,
        level: float,
        margin: float,
        shadow: bool,
    ) -> None:
        self._metric, self._log, self._failures = metric, log, failures
        self._most_rows, self._level, self._margin, self._shadow = most_rows, level, margin, shadow
        self._lock = threading.RLock()
        self._original = program
        self._seed = {name: predictor.signature.instructions for name, predictor in program.named_predictors()}
        self._champion, self._instructions = program.deepcopy(), dict(self._seed)
        self._held: deque[Held] = deque(maxlen=_KEPT)
        self._trial: Trial | None = None
        self._catch_up()

    @property
    def champion(self) -> tuple[dspy.Module, Instructions]:
        """The program in use, and its instructions by predictor."""
        with self._lock:
            return self._champion, dict(self._instructions)

    def tell(self, error: Exception) -> None:
        """Write down an error of the one who learns: it ends no call."""
        self._log.append({"kind": "error", "prompt": "", "response": f"{type(error).__name__}: {error}", "score": 0.0})

    def go_back(self) -> None:
        """Put the prompt before the last one into use again, and finally the program's own."""
        self._use(before_last(self._log.lines(), self._seed), "rolled back", 0.0)

    def record(
        self,
        row: dspy.Example,
        answer: Any,
        instructions: Instructions,
        settings: Mapping[str, Any],
        score: Score | None,
    ) -> None:
        """Score a call, write it down, and learn from it or compare on it. score: None where the metric has to tell it."""
        with dspy.context(**settings):
            score = score or self._metric(row, answer)
            told = {
                "kind": "call",
                "prompt": prompt_of(instructions),
                "response": Redactor().text(shortened(_text(answer), _LONGEST)),
            }
            key = digest_of_inputs(row)[:16]
            held = _is_held_back(key)
            self._log.append({**told, "score": round(score.value, 6), "held_back": held, "inputs": key})
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
            if self._trial is not None and (found := self._trial.verdict_on(list(self._held), self._metric)):
                self._decide(self._trial, found)

    def _propose(self) -> None:
        """Have a challenger proposed from the failures so far, and put it on trial if it was not refused before."""
        found = self._failures.proposal(dict(self._instructions))
        if found is None:
            return
        if is_settled(self._log.lines(), prompt_of(found), self._shadow):
            return
        number = challengers_since(self._log.lines()) + 1  # of all processes, before a restart too
        level = level_for(number, self._level)
        program = with_instructions(self._original, found)
        self._trial = Trial(program, found, number, level, self._margin, self._most_rows)

    def _decide(self, challenger: Trial, found: Verdict) -> None:
        """Write the decision down; put a winner into use unless another process has changed the champion meanwhile."""
        self._trial = None
        lock = self._log.locked()
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
                "shadow": self._shadow,
                **{name: getattr(found, name) for name in ("rows", "mean", "low", "high", "level")},
                "number": challenger.number,
                "challenger": prompt_of(challenger.instructions),
            }
            self._log.append(told)
            if wins and not superseded and not self._shadow:
                self._use(challenger.instructions, "promoted", found.mean)
        finally:
            lock.release()

    def _use(self, instructions: Instructions, kind: str, score: float) -> None:
        before = prompt_of(self._instructions)
        new = {"new_prompt": prompt_of(instructions), "instructions": instructions}
        self._log.append({"kind": kind, "prompt": before, "response": kind, "score": round(score, 6), **new})
        self._adopt(instructions)

    def _adopt(self, instructions: Instructions) -> None:
        with self._lock:
            self._instructions = dict(instructions)
            self._champion = with_instructions(self._original, instructions)
        self._held.clear()
        self._failures.clear()
        self._trial = None

    def _catch_up(self) -> None:
        """Go on from the history: the last prompt put into use, by whatever process."""
        kept = in_use(self._log, self._seed)
        if kept and kept != self._instructions:
            self._adopt(kept)


def _is_held_back(key: str) -> bool:
    return int(key[-1], 16) % 2 == 1


def _text(answer: Any) -> str:
    return as_json(answer.toDict() if isinstance(answer, dspy.Prediction) else answer)
