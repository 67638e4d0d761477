"""A program behind GEPA's adapter interface: run a candidate on rows, and show a proposer what went wrong.

`gepa.optimize` could drive it unchanged (a test does). Our own loop (search.py) drives it instead, because GEPA's engine
scores each candidate, starting with the uncompiled program, on all validation rows at once.

Source     the contract of gepa/core/adapter.py: order kept, one score per row, no exception for a row that merely failed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dspy
from gepa.core.adapter import EvaluationBatch, GEPAAdapter

from dspy_programs.lm import running_on
from dspy_programs.text import sendable
from optimizers.scoring import RowRun, Runner, failure_in, feedback_on
from optimizers.search.candidate import Job, Texts
from optimizers.search.own_demonstrations import bootstrapped
from optimizers.search.proposers import Proposer

GOOD = 0.9  # score from which a program's reply can be shown as an example
Record = Mapping[str, Any]
"""What a proposer sees of one row: Inputs, Generated Outputs, Feedback."""


class ProgramAdapter(GEPAAdapter[dspy.Example, RowRun, dspy.Prediction]):
    """Runs the candidates of one job. Instructions are rewritten elsewhere: see `propose`."""

    def __init__(self, job: Job, runner: Runner) -> None:
        self.job, self.runner = job, runner
        self._train = {id(row) for row in job.trainset}
        self._built: dict[tuple[tuple[str, str], ...], Callable[[dspy.Example], dspy.Module]] = {}

    def run(self, rows: Sequence[dspy.Example], texts: Texts) -> Iterator[RowRun]:
        """Yield each row's run in order. No row is shown its own answer."""

        for run in self.runner.run(self.program(texts), rows, self.job.metric):
            self.learn(run)
            yield run

    def learn(self, run: RowRun) -> None:
        """Keep a good reply to a train row, to show on others."""
        if self.job.store.learns and run.score.value >= GOOD and id(run.row) in self._train:
            self.job.store.remember(run.row, bootstrapped(self.job.program, run.steps))

    def program(self, texts: Texts) -> Callable[[dspy.Example], dspy.Module]:
        key = tuple(sorted(texts.items()))
        if key not in self._built:
            self._built[key] = self.job.for_rows(texts)
        return self._built[key]

    def evaluate(
        self, batch: list[dspy.Example], candidate: dict[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[RowRun, dspy.Prediction]:
        runs = list(self.run(batch, candidate))
        return EvaluationBatch(
            outputs=[run.prediction for run in runs],
            scores=[run.score.value for run in runs],
            trajectories=runs if capture_traces else None,
            objective_scores=[dict(run.score.components) for run in runs],
        )

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],
        eval_batch: EvaluationBatch[RowRun, dspy.Prediction],
        components_to_update: list[str],
    ) -> dict[str, list[Record]]:
        return {name: self.records(eval_batch.trajectories or [], name) for name in components_to_update}

    def records(self, runs: Sequence[RowRun], predictor: str) -> list[Record]:
        """Return what the predictor read and wrote in each run (in its last failed call, else its last), and the feedback.

        A metric with GEPA's five arguments is asked about that call, and may call the task model.
        """
        with running_on(self.runner.lm), dspy.context(disable_history=True):
            return [found for run in runs if (found := self.record(run, predictor))]

    def record(self, run: RowRun, predictor: str) -> Record | None:
        calls = [number for number, (name, _, _) in enumerate(run.steps) if name == predictor]
        failed = [number for number in calls if "unreadable_reply" in run.steps[number][2]]
        if calls:
            number = (failed or calls)[-1]
            _, inputs, outputs = run.steps[number]
            feedback = run.score.feedback if failed else feedback_on(run, predictor, number, self.job.metric, self.runner.meter)
            return _told_of(inputs, outputs, feedback)
        if failure := failure_in(run.prediction):  # of a reply that cannot be assigned to a predictor
            return _told_of(run.row.inputs(), {"reply": failure.raw_reply}, run.score.feedback)
        return None


def _told_of(inputs: Mapping[str, Any], outputs: Mapping[str, Any], feedback: str) -> Record:
    seen = {name: value for name, value in inputs.items() if name not in ("demos", "config", "lm")}
    return {"Inputs": seen, "Generated Outputs": dict(outputs), "Feedback": feedback}


def propose(
    proposer: Proposer, reflection_lm: dspy.LM, texts: Texts, dataset: Mapping[str, Sequence[Record]], predictor: str
) -> dict[str, str]:
    """Return the candidate with the predictor's instruction rewritten. Raises what the proposer raises."""
    instructions = {name: text for name, text in texts.items() if ":" not in name}
    with dspy.context(lm=reflection_lm, disable_history=True):
        proposed = proposer(instructions, dataset, [predictor])
    return dict(texts) | {name: sendable(text, len(text)) for name, text in proposed.items()}
