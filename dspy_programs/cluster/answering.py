"""What runs in a worker: one model, and answers to requests. All that passes is JSON.

Keys do not pass: a worker takes the model's key from its own environment. So they are in no argument, log or page of Ray.
"""

import json
import os
from typing import Any, NamedTuple

import dspy
from dspy import lm15
from dspy._vendor.lm15.serde import request_from_dict, response_to_dict
from dspy.utils.exceptions import ContextWindowExceededError, LMError

import dspy_programs
from dspy_programs.errors import ProgramsError
from dspy_programs.lm import Sample, asked_as, call_inner, connect, prepare, without_keys

KEY_VARIABLE = "DSPY_PROGRAMS_API_KEY"


class Described(NamedTuple):
    """A model as a worker connects to it. keyed: its key is in the worker's environment; seconds: for one answer."""

    spec: str
    api_base: str | None
    keyed: bool
    seconds: float | None


class Answerer:
    """One worker. Every method returns JSON; an error is told as `error`, its class, and `message`."""

    def __init__(self, described: str) -> None:
        self._described = Described(**json.loads(described))
        self._lm: dspy.LM | None = None

    def ready(self) -> str:
        """Connect, load the weights of an embedded model, and say what this worker is."""
        key = os.environ.get(KEY_VARIABLE) if self._described.keyed else None
        spec, api_base, keyed, seconds = self._described
        try:
            self._lm = connect(spec, api_base=api_base, api_key=key, timeout=seconds)
            prepare(self._lm)
        except ProgramsError as error:
            return _told(error)
        return json.dumps({"lacks_key": keyed and not key, "pid": os.getpid(), **versions()})

    def answer(self, request: str, sample: Sample) -> str:
        """Answer a request. The model's own retries, and the waits that a server asks for, happen here."""
        if self._lm is None and "error" in json.loads(said := self.ready()):  # this worker took the place of a lost one
            return said
        assert self._lm is not None
        try:
            with asked_as(sample):
                response = call_inner(self._lm, request_from_dict(json.loads(request)))
        except (LMError, lm15.LM15Error, ProgramsError) as error:
            return _told(error)
        return json.dumps({"response": response_to_dict(response)})


def versions() -> dict[str, str]:
    """Return what driver and workers must have the same of: an answer must not depend on where it was asked for."""
    return {"dspy-programs": dspy_programs.__version__, "dspy": dspy.__version__}


def _told(error: Exception) -> str:
    cause: Any = error.__cause__ if isinstance(error.__cause__, ProgramsError) else error
    kind = ContextWindowExceededError if isinstance(cause, ContextWindowExceededError) else type(cause)
    return json.dumps({"error": kind.__name__, "message": without_keys(str(cause))})
