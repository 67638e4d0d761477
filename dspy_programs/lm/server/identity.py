"""Which model a private server runs under a name: what it says beside the name tells one file or version from another.

Output     served_model(lm) -> a text that changes with the model; None where the server does not say, or is not private.
           ServedModel(lm).now() -> the same for a long time; Unasked where the server cannot be asked.
Guarantees at most one request, GET /models; moments and permissions are left out, for some servers make them anew each time.
Source     the lists of models of vLLM, llama.cpp, SGLang, TGI and LM Studio, which extend OpenAI's
"""

import contextlib
import http
import http.client
import json
import math
import threading
import time
import urllib.error
from collections.abc import Callable
from typing import Any

import dspy

from dspy_programs.lm.named_servers import fetched, items
from dspy_programs.lm.server.lm_wrapper import endpoint_of
from dspy_programs.lm.server.redaction import is_key

_TELLING = ("root", "parent", "meta", "max_model_len", "digest", "revision", "quantization", "arch")
_SECONDS = 10.0  # that an answer holds


class Unasked(Exception):
    """The server does not answer now, so nobody knows what it runs."""


def served_model(lm: dspy.LM) -> str | None:
    """Ask the server of `lm` what runs under its model's name."""
    with contextlib.suppress(Unasked):
        return _asked(lm)
    return None


class ServedModel:
    """What a model's server says about it, also when it begins to run another one. Threads may share it."""

    def __init__(self, lm: dspy.LM, clock: Callable[[], float] = time.monotonic) -> None:
        self.lm, self.clock = lm, clock
        self._lock = threading.Lock()
        self._said: str | None = None
        self._until = -math.inf

    def now(self) -> str | None:
        """Return what it said in the last ten seconds, else ask. Raises Unasked."""
        with self._lock:
            if self.clock() >= self._until:
                self._said = _asked(self.lm)
                self._until = self.clock() + _SECONDS
            return self._said


def _asked(lm: dspy.LM) -> str | None:
    if (base := endpoint_of(lm)) is None:
        return None
    key = str(getattr(getattr(lm, "engine", None), "lm", lm).kwargs.get("api_key") or "")
    try:
        listed = items(fetched(f"{base.rstrip('/')}/models", key if is_key(key) else None), "data")
    except (ValueError, RecursionError):
        return None
    except urllib.error.HTTPError as error:
        if error.code < 500 and error.code != http.HTTPStatus.TOO_MANY_REQUESTS:
            return None  # it has no such list
        raise Unasked from None
    except (OSError, http.client.HTTPException):
        raise Unasked from None
    return _told_of(lm.model.partition("/")[2], listed)


def _told_of(name: str, listed: list[dict[str, Any]]) -> str | None:
    """Return what tells the model apart. llama.cpp lists its one model by its file, whatever it is called."""
    found = [each for each in listed if each.get("id") == name] or (listed if len(listed) == 1 else [])
    if not found:
        return None
    told = {field: found[0][field] for field in _TELLING if found[0].get(field)}
    if found[0].get("id") != name:
        told["id"] = found[0].get("id")
    return json.dumps(told, sort_keys=True) if told else None
