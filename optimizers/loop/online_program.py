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
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import dspy

from dspy_programs.lm import running_on
from dspy_programs.text import shortened
from metrics.score import Metric, Score
from optimizers.calls import Meter
from optimizers.harvesting import Redactor
from optimizers.json_text import as_json
from optimizers.loop.challengers import prompt_of
from optimizers.loop.comparison import digest_of_inputs
from optimizers.loop.log import Line, Log
from optimizers.loop.worker import Worker
from optimizers.promotion import LEVEL, MARGIN, Verdict, level_for, verdict
from optimizers.scoring import UserMetric, as_metric
from optimizers.search import Choice, NoNewRule, Record, kinds_for, proposer_of, with_instructions

FAILED = 1.0  # a score below it is a failure to learn from
_KEPT = 500  # held-back calls on record
_CASES = 12
_LONGEST = 2000  # characters of a response in the history

Instructions = dict[str, str]
Propose = Callable[[Instructions, list[Record]], Instructions | None]


class _Held(NamedTuple):
    """A held-back call: its inputs with whatever the metric needs, and the champion's score."""

    row: dspy.Example
    score: float


class _Challenger(NamedTuple):
    instructions: Instructions
    number: int
    differences: list[float]
    seen: set[str]


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
        self.every, self.most_rows, self.level, self.margin, self.shadow = every, most_rows, level, margin, shadow
        self._reflection, self._own_proposer, self._choice = reflection_lm, propose, proposer
        self._lock = threading.RLock()
        self._original = program
        self._seed = {name: predictor.signature.instructions for name, predictor in program.named_predictors()}
        self._champion, self._instructions = program.deepcopy(), dict(self._seed)
        self._failures: deque[Record] = deque(maxlen=_CASES)
        self._new_failures = 0
        self._held: deque[_Held] = deque(maxlen=_KEPT)
        self._challenger: _Challenger | None = None
        self._count = 0
        self._proposers: dict[str, Any] = {}
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
                self._held.append(_Held(row, score.value))
            elif score.value < FAILED:
                case = {
                    "Inputs": dict(row.inputs()),
                    "Generated Outputs": {"answer": _text(answer)},
                    "Feedback": score.feedback,
                }
                self._failures.append(case)
                self._new_failures += 1
            if self._challenger is None and self._new_failures >= self.every:
                self._propose()
            if self._challenger is not None:
                self._compare(self._challenger)

    def _propose(self) -> None:
        """Have a challenger proposed from the failures so far."""
        self._new_failures = 0
        found = (self._own_proposer or self._proposed)(dict(self._instructions), list(self._failures))
        if not found or found == self._instructions:
            return
        if any(line.get("challenger") == prompt_of(found) for line in self.log.lines() if line.get("kind") == "decision"):
            return  # it was compared before
        self._count += 1
        self._challenger = _Challenger({**self._instructions, **found}, self._count, [], set())

    def _proposed(self, instructions: Instructions, cases: list[Record]) -> Instructions | None:
        lm = self._reflection or dspy.settings.lm
        if lm is None:
            return None
        for kind in kinds_for(lm, self._choice):
            proposer = self._proposers.setdefault(kind, proposer_of(kind, lm, Meter(), essential=False))
            name = next(iter(instructions))
            try:
                with running_on(lm):
                    return {**instructions, **proposer(instructions, {name: cases}, [name])}
            except NoNewRule:
                continue
        return None

    def _compare(self, challenger: _Challenger) -> None:
        """Let the challenger answer the held-back calls that it has not seen, until the gate decides."""
        program = with_instructions(self._original, challenger.instructions)
        for held in list(self._held):
            key = digest_of_inputs(held.row)
            if key in challenger.seen:
                continue
            challenger.seen.add(key)
            try:
                score = self.metric(held.row, program(**held.row.inputs())).value
            except Exception:  # what the challenger raises is its failure
                score = 0.0
            challenger.differences.append(max(-1.0, min(1.0, score - held.score)))
            ended = len(challenger.differences) >= self.most_rows
            level = level_for(challenger.number, self.level)
            found = verdict(challenger.differences, level=level, margin=self.margin, ended=ended)
            if found.decision != "continue":
                self._decide(challenger, found)
                return

    def _decide(self, challenger: _Challenger, found: Verdict) -> None:
        """Write the decision down; put a winner into use unless another process has changed the champion meanwhile."""
        self._challenger = None
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
        self._new_failures = 0
        self._challenger = None
        self._count = 0

    # State ------------------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Go on from the history: the last prompt put into use, by whatever process, and how many challengers there were."""
        line = self.log.warm_start()
        self._count = 0
        for each in self.log.lines():
            self._count = self._count + 1 if each.get("kind") == "decision" else 0 if "new_prompt" in each else self._count
        if line is None:
            return
        kept = line.get("instructions")
        if not isinstance(kept, dict) or kept.keys() != self._seed.keys():  # GEPA-AIME's, or another program's
            kept = {next(iter(self._seed)): line["new_prompt"]} if len(self._seed) == 1 else None
        if kept and kept != self._instructions:
            self._adopt({name: str(text) for name, text in kept.items()})

    @property
    def instructions(self) -> Instructions:
        """The champion's instructions, by predictor."""
        with self._lock:
            return dict(self._instructions)

    def rollback(self) -> Instructions:
        """Go back to the prompt before the last one put into use, and finally to the program's own; return it."""
        self.wait()
        used = [self._seed]
        for line in self.log.lines():
            if line.get("kind") == "promoted" and isinstance(line.get("instructions"), dict):
                used.append(line["instructions"])
            elif line.get("kind") == "rolled back" and len(used) > 1:
                used.pop()
        self._use(used[-2] if len(used) > 1 else self._seed, "rolled back", 0.0)
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
