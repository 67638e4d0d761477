"""What a client gets when a request fails: one line, an error code, an HTTP status. Never a traceback.

Output     Fault (the body of every error), ServeError and its kinds, to_serve_error(error) -> ServeError.
Guarantees the log line of an internal error says where it happened but no values: exception messages quote requests.
"""

import logging
import traceback
import uuid
from typing import Any, Literal

from dspy.utils.exceptions import LMError
from pydantic import BaseModel, Field

from dspy_programs.errors import LanguageModelError, ProgramsError

LOG = logging.getLogger("dspy_programs.serve")
_LONGEST = 500  # characters of a line

_Code = Literal[
    "malformed", "no_key", "forbidden", "not_found", "method", "unusable", "too_large", "invalid", "busy", "spent",
    "internal", "upstream", "unavailable", "too_slow", "slow_client",
]  # fmt: skip


class Fault(BaseModel):
    """Why there is no answer. `id` is in the server's log if the fault is the server's."""

    error: str = Field(description="one line: what is wrong and what to do")
    code: _Code
    id: str | None = None


class ServeError(Exception):
    """A request that gets no answer. `retry_after`: seconds after which a retry is worthwhile."""

    status, code = 500, "internal"
    retry_after: int | None = None

    def __init__(self, line: str, id_: str | None = None) -> None:
        super().__init__(" ".join(line.split())[:_LONGEST])
        self.id = id_

    def problem(self) -> Fault:
        return Fault.model_validate({"error": str(self), "code": self.code, "id": self.id})


class Malformed(ServeError):
    status, code = 400, "malformed"


class NoKey(ServeError):
    status, code = 401, "no_key"


class Forbidden(ServeError):
    status, code = 403, "forbidden"


class NotFound(ServeError):
    status, code = 404, "not_found"


class WrongMethod(ServeError):
    status, code = 405, "method"


class SlowClient(ServeError):
    status, code = 408, "slow_client"


class Unusable(ServeError):
    """Valid but cannot be done: a trace of unknown format, a budget below the protected part."""

    status, code = 409, "unusable"


class TooLarge(ServeError):
    status, code = 413, "too_large"


class Invalid(ServeError):
    status, code = 422, "invalid"


class Busy(ServeError):
    status, code, retry_after = 429, "busy", 1


class Spent(ServeError):
    """The key has used up what it may today."""

    status, code = 429, "spent"

    def __init__(self, line: str, retry_after: int) -> None:
        super().__init__(line)
        self.retry_after = retry_after


class BadGateway(ServeError):
    """The models that the router asked have failed."""

    status, code = 502, "upstream"


class Unavailable(ServeError):
    status, code, retry_after = 503, "unavailable", 5


class TooSlow(ServeError):
    status, code = 504, "too_slow"


def to_serve_error(error: Exception) -> ServeError:
    """Return the client's version of an exception; unexpected ones get an id and are logged."""
    if isinstance(error, ServeError):
        return error
    refused = next((one for one in (error, error.__cause__) if isinstance(one, LMError)), None)
    if refused is not None:  # the provider's message may quote keys and prompts
        LOG.error("the language model does not answer: %s", type(refused).__name__)
        return Unavailable(f"the language model does not answer ({type(refused).__name__})")
    if isinstance(error, LanguageModelError):
        return Unavailable(f"the language model does not answer: {error}")
    if isinstance(error, ProgramsError):
        return Unusable(str(error))
    id_ = uuid.uuid4().hex[:12]
    LOG.error("internal error %s: %s at %s", id_, type(error).__name__, where(error))
    return ServeError(f"internal error {id_}; the server's log says where it happened", id_)


def openai_fault(error: ServeError) -> dict[str, Any]:
    """Return an error in the form of OpenAI's protocol."""
    return {"message": str(error), "type": error.code, "code": error.code, "param": None}


def where(error: BaseException) -> str:
    """Return the last calls of a traceback, innermost first, without their arguments."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)) or "nowhere"


def from_fault(fault: Fault) -> ServeError:
    """Return the error that another process told."""
    kind = next(kind for kind in (ServeError, Malformed, Unusable, TooLarge, Invalid, Unavailable) if kind.code == fault.code)
    return kind(fault.error, fault.id)
