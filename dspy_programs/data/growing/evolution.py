"""Make another task of a seed's: deeper, under one more constraint, more concrete, or of the same field but rarer.

Source     Evol-Instruct: Xu et al. 2023, "WizardLM".
"""

from collections.abc import Iterator

import dspy

from dspy_programs.data.growing.changes import CHANGES
from dspy_programs.data.growing.drafts import Written, written
from dspy_programs.data.growing.examples import CHANGED
from dspy_programs.data.growing.request import Request
from dspy_programs.predict import Failure, ask
from dspy_programs.programs.data_generator import MEANING, DraftPair
from dspy_programs.types import Pair


class ChangeTask(dspy.Signature):
    """Make a new training example out of a task: change the task as told, so that it can still be answered, and give the right and complete answer, short."""  # noqa: E501

    kind: str = dspy.InputField(desc="what the example must be")
    failures: list[str] = dspy.InputField(desc="mistakes made earlier; the example teaches to do this right")
    task: str = dspy.InputField(desc="the task to change")
    task_input: str = dspy.InputField(desc="the text that it works on; may be empty")
    change: str = dspy.InputField(desc="how to change it")
    pair: DraftPair = dspy.OutputField(desc="the changed task, its input if it needs one, and the answer")


def evolved(request: Request) -> Written:
    return written(_replies(request), request.seed.instruction, CHANGED)


def _replies(request: Request) -> Iterator[Pair | Failure]:
    predictor, seed, kinds = dspy.Predict(ChangeTask), request.seed, list(CHANGES)
    predictor.demos = list(CHANGED)
    for nth in range(request.pairs):
        change = kinds[(request.turn + nth) % len(kinds)]
        reply = ask(
            predictor,
            kind=f"{request.template}: {MEANING[request.template]}",  # type: ignore[index]  # checked before
            failures=seed.failures,
            task=seed.instruction,
            task_input=seed.input,
            change=CHANGES[change],
        )
        yield reply if isinstance(reply, Failure) else reply.pair
