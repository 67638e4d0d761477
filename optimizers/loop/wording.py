"""A request worded anew by a model, so that generated rows are not all built like those they come from.

The answer is fixed before: the model writes only what a user would say, and a wording that loses a value of the answer is
not used. One call for a wording.
"""

import dspy
from dspy.utils.exceptions import ContextWindowExceededError
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.predict import Failure, ask
from dspy_programs.text import sendable, shortened

_LONGEST = 300  # characters that a model may write
_LONGEST_FEEDBACK = 160


# No docstring: it would be a part of the prompt.
class Wording(BaseModel):
    model_config = ConfigDict(extra="forbid")

    request: str = Field(min_length=1, max_length=_LONGEST)


class WordRequest(dspy.Signature):
    """Write the request of another user who wants exactly the same, in other words. Every name, number and id of the answer that is in the request stays as it is written, and nothing else is asked for."""  # noqa: E501

    mistake: str = dspy.InputField(desc="what went wrong with such requests earlier")
    request: str = dspy.InputField(desc="what a user said")
    answer: str = dspy.InputField(desc="what is right to do")
    worded: Wording = dspy.OutputField(desc="the same request in other words")


def in_other_words(request: str, answer: str, feedback: str) -> str | None:
    """Return the request in other words, by the model in `dspy.settings`; None if it cannot be used."""
    inputs = {"mistake": shortened(feedback, _LONGEST_FEEDBACK), "request": request, "answer": answer}
    try:
        reply = ask(dspy.Predict(WordRequest), **inputs)
    except ContextWindowExceededError:
        return None
    return None if isinstance(reply, Failure) else sendable(reply.worded.request.strip(), _LONGEST)
