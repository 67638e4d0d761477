"""A small world for the search: a program whose score on a row is what a function of its prompt says.

The scripted model replies with the number that `worth` gives for (instruction, ids of the rows shown, id of the row asked
about), and the metric reads that number.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import dspy

from dspy_programs.predict import Failure, FewShot, ask
from metrics.score import Score
from optimizers.calls import Journal, Meter, recorded
from optimizers.recipes import Recipe
from optimizers.scoring import RowRun, Runner
from optimizers.search import Job
from optimizers.search.adapter import ProgramAdapter
from optimizers.training import job_of
from tests.fakes import level_of, scripted_lm

Worth = Callable[[str, Sequence[str], str], float]


class Guess(dspy.Signature):
    """Guess. LEVEL-0"""

    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class Guesser(dspy.Module):
    """Guess once."""

    def __init__(self) -> None:
        super().__init__()
        self.guess = FewShot(Guess)

    def forward(self, question: str) -> dspy.Prediction:
        reply = ask(self.guess, question=question)
        failed = isinstance(reply, Failure)
        return dspy.Prediction(answer="" if failed else reply.answer, failure=reply if failed else None)


class TwoGuessers(dspy.Module):
    """Guess, and guess again from that: two predictors of one signature."""

    def __init__(self) -> None:
        super().__init__()
        self.first = FewShot(Guess)
        self.second = FewShot(Guess)

    def forward(self, question: str) -> dspy.Prediction:
        first = self.first(question=question)
        second = self.second(question=f"again {question}")
        return dspy.Prediction(answer=second.answer, first=first.answer, failure=None)


def row(id_: str, answer: str = "1.0") -> dspy.Example:
    return dspy.Example(id=id_, question=f"row {id_}", answer=answer).with_inputs("question")


def rows(name: str, number: int) -> list[dspy.Example]:
    return [row(f"{name}{i}") for i in range(number)]


def answer_given(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    if pred.failure is not None:
        return Score(0.0, f"could not be read: {pred.failure.raw_reply}", {})
    value = float(pred.answer)
    return Score(value, "Perfect." if value >= 1 else f"answer {value:.2f}: worth more", {})


def recipe_of(program: type[dspy.Module] = Guesser, metric=answer_given, shown: int = 3) -> Recipe:
    predictors = [name for name, _ in program().named_predictors()]
    return Recipe(
        name="toy",
        program=program,
        metric=metric,
        labels={"answer": str},
        demonstrate=lambda row: {name: {"question": row.question, "answer": row.answer} for name in predictors},
        kind=lambda row: 0,
        demonstrations=shown,
        val_rows=8,
    )


def toy_job(
    train: int = 12, val: int = 8, program: type[dspy.Module] = Guesser, metric=answer_given, before=None, **more
) -> Job:
    made = {"train": rows("t", train), "val": rows("v", val)}
    return job_of(recipe_of(program, metric, **more), made, 0, before=before or {})


def asked(prompt: str) -> tuple[list[str], str]:
    """Return the ids of the rows that a prompt shows, and of the one that it asks about."""
    *shown, row = re.findall(r"\]\]\n(?:again )?row (\S+)", prompt)
    return shown, row


def task_model(worth: Worth) -> dspy.LM:
    return scripted_lm(lambda prompt: json.dumps({"answer": str(worth(prompt, *asked(prompt)))}), "scripted/task")


def reflector(rule: str = "Prefer search before payment actions") -> dspy.LM:
    """Raise the level by one; asked for a rule, give always the same."""

    def answer(prompt: str) -> str:
        if "new_instruction" in prompt:
            return json.dumps({"new_instruction": f"Guess. LEVEL-{level_of(prompt) + 1}"})
        return json.dumps({"proposal": {"rule": rule}})

    return scripted_lm(answer, "scripted/reflection")


def adapter_of(job: Job, worth: Worth, threads: int = 1) -> tuple[ProgramAdapter, Meter, dspy.LM]:
    lm, meter = task_model(worth), Meter()
    return ProgramAdapter(job, Runner(recorded(lm, "task", Journal(), meter), meter, threads)), meter, lm


@dataclass
class Scores:
    """In the place of an adapter: the score of a row is worth(texts, its id), at once and with no program.

    `before` is told the number of each row before it is run.
    """

    worth: Callable[[dict[str, str], str], float]
    before: Callable[[int], None] = lambda number: None
    ran: list[tuple[str, str]] = field(default_factory=list)

    def run(self, rows: Sequence[dspy.Example], texts: dict[str, str]) -> Iterator[RowRun]:
        for each in rows:
            self.before(len(self.ran))
            self.ran.append((json.dumps(texts, sort_keys=True), each.id))
            value = self.worth(texts, each.id)
            yield RowRun(each, dspy.Prediction(answer=str(value), failure=None), Score(value, f"answer {value:.2f}: more", {}))
