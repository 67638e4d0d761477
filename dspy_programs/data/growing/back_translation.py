"""From an answer back to what asks for it: a seed's output, or its text where it has none, is the output of a new pair.

Source     instruction backtranslation: Li et al. 2023, "Self-Alignment with Instruction Backtranslation".
"""

from collections.abc import Iterator

import dspy
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.data.growing.drafts import Written, written
from dspy_programs.data.growing.request import Request
from dspy_programs.predict import Failure, ask
from dspy_programs.programs.data_generator import MEANING
from dspy_programs.types import Pair


# No docstring: it would be a part of the prompt.
class DraftRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    instruction: str = Field(min_length=1, max_length=200)
    input: str = Field(max_length=200)


class AskForAnswer(dspy.Signature):
    """Write the instruction to which the given text is the right and complete answer, with the input that it needs, if any. It does not quote the text."""  # noqa: E501

    kind: str = dspy.InputField(desc="what instruction and answer must be together")
    answer: str = dspy.InputField(desc="the answer")
    request: DraftRequest = dspy.OutputField(desc="what asks for it")


def back_translated(request: Request) -> Written:
    """One answer has one request, however many pairs are asked for."""
    return written(_replies(request), request.seed.instruction if request.seed.output else "")


def _replies(request: Request) -> Iterator[Pair | Failure]:
    answer = request.seed.output or request.seed.instruction
    kind = f"{request.template}: {MEANING[request.template]}"  # type: ignore[index]  # checked before
    reply = ask(dspy.Predict(AskForAnswer), kind=kind, answer=answer)
    if isinstance(reply, Failure):
        yield reply
    else:
        yield Pair(instruction=reply.request.instruction, input=reply.request.input, output=answer)
