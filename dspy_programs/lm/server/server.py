"""A model behind an API, constrained to JSON schemas and asked for log-probabilities if it provides them.

DSPy sends no schema to a model it does not know, and it does not know what runs behind an api base. vLLM, Ollama, LM Studio
and llama.cpp all accept one, and a small model needs it. A server that rejects a schema is asked in another form
(`schema_forms`), and the form it accepts is remembered for that schema only. One that rejects log-probabilities is not asked
for them again.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import dspy
from dspy import lm15
from dspy.clients.engines.lm15_engine import LM15Engine

from dspy_programs.control_tokens import said
from dspy_programs.lm.hearing import answered
from dspy_programs.lm.server.answers import events_without_keys, without_keys_in
from dspy_programs.lm.server.lm_wrapper import transport_of
from dspy_programs.lm.server.redaction import known_keys, redact
from dspy_programs.lm.server.schema_forms import Form, Kind, forms_to_try, read_back
from dspy_programs.lm.server.transport import seconds_left, with_transport

PARAMS = frozenset({"response_format", "temperature", "max_tokens", "top_p", "stop", "seed"})
_LOGPROBS = frozenset({"logprobs", "top_logprobs"})
_REFUSALS = (lm15.InvalidRequestError, lm15.UnsupportedFeatureError, lm15.ServerError)
_OTHERWISE = (lm15.ContextLengthError, lm15.UnsupportedModelError)  # such an error mentions the schema only by coincidence
_OF_LOGPROBS = re.compile(r"(?i)log[ _-]?prob")
_OF_SCHEMA = re.compile(r"(?i)response[ _.-]?format|schema|grammar|structured[ _-]?output|guided|output_(?:format|config)")
_OF_TYPE = re.compile(r"(?i)response_format\W{0,3}type")
LONGEST_WAIT = 60.0  # seconds before a retry, even if the server asks for more: else a command would sleep for hours, silently
_FIRST_WAIT = 1.0  # seconds of DSPy's own choice, which it doubles after each refusal
_WAIT = 2.0  # seconds before a retry that must end in time
_REMEMBERED = 10_000  # schemas; each set of tools makes a new one

T = TypeVar("T")


class ServerEngine:
    """Talks to the server of `lm`, which knows the URL and the key. A request is tried once: DSPy handles retries."""

    def __init__(self, lm: dspy.LM, *, own: bool = True, any_object: bool = False) -> None:
        """Choose how to ask.

        own: the server is the user's own, so DSPy's model table does not apply; any_object: it is asked for some JSON object,
        never for one of a schema.
        """
        self.lm, self.own, self.any_object = lm, own, any_object
        self.gives_logprobs = self.streams = True  # until it refuses, or sends a complete answer instead of a stream
        self.taken: dict[str, Kind] = {}  # digest of a rejected schema -> the form accepted instead
        self._transport: LM15Engine | None = None

    @property
    def supported_params(self) -> frozenset[str]:
        gives = self.gives_logprobs and (self.own or "logprobs" in self.lm.supported_params)
        return PARAMS | _LOGPROBS if gives else PARAMS

    @property
    def supports_response_schema(self) -> bool:
        return self.own or bool(self.lm.supports_response_schema)

    @property
    def supports_function_calling(self) -> bool:
        return not self.own and bool(self.lm.supports_function_calling)

    @property
    def supports_reasoning(self) -> bool:
        return not self.own and bool(self.lm.supports_reasoning)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ServerEngine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        return answered(request, self._whole, self.stream)

    def _whole(self, request: lm15.Request) -> lm15.Response:
        with self.keeping_the_key():
            return without_keys_in(self.taken_form(said(request), self.answer), self.keys())

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        """Yield the answer's events as they come, or all at the end if nulls must be removed."""
        with self.keeping_the_key():
            yield from events_without_keys(self.taken_form(said(request), self.events), self.keys())

    def keys(self) -> list[str]:
        """Return what no answer may tell."""
        return known_keys([str(self.lm.kwargs.get("api_key") or "")])

    def close(self) -> None:
        engine, self._transport = self._transport, None
        if engine is not None:
            engine.config.transport.close()
        self.lm.close()

    @contextlib.contextmanager
    def keeping_the_key(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            redact(error, [str(self.lm.kwargs.get("api_key") or "")])
            if isinstance(error, lm15.LM15Error):
                error.retry_after = _wait_before_retry(error.retry_after)
            raise

    def taken_form(self, request: lm15.Request, send: Callable[[lm15.Request, Form], T]) -> T:
        """Send the request in the first form that the server accepts, which is remembered. Raises the last refusal."""
        logprobs = request.config.logprobs is not None and self.gives_logprobs
        forms = self.forms(request)
        while True:
            try:
                answer = send(_in_form(request, forms[0], logprobs), forms[0])
                break
            except _REFUSALS as error:
                if logprobs and refuses(_OF_LOGPROBS, error):
                    logprobs = False
                elif len(forms) > 1 and refuses(_OF_SCHEMA, error):
                    forms = _left_after(forms, error)
                else:
                    raise
        self.remember(request, forms[0], logprobs)
        return answer

    def forms(self, request: lm15.Request) -> list[Form]:
        asked = request.config.response_format
        if asked is None or not self.supports_response_schema:
            return [Form("none", None)]
        forms, taken = forms_to_try(asked, self.own), self.taken.get(_digest_of(asked))
        if self.any_object:
            return [form for form in forms if form.kind in ("object", "none")]
        return list(itertools.dropwhile(lambda form: form.kind != taken, forms)) or forms

    def remember(self, request: lm15.Request, form: Form, logprobs: bool) -> None:
        self.gives_logprobs = self.gives_logprobs and (logprobs or request.config.logprobs is None)
        if (asked := request.config.response_format) and form.kind != forms_to_try(asked, self.own)[0].kind:
            if len(self.taken) >= _REMEMBERED:
                self.taken.clear()
            self.taken[_digest_of(asked)] = form.kind

    def answer(self, request: lm15.Request, form: Form) -> lm15.Response:
        engine, routed = self.transport(request)
        response: lm15.Response = engine.complete(routed)
        return without_nulls(response, form.nulls) if form.nulls else response

    def events(self, request: lm15.Request, form: Form) -> Iterator[Any]:
        if form.nulls or not self.streams:
            return iter(lm15.response_to_events(self.answer(request, form)))
        engine, routed = self.transport(request)
        events = engine.stream(routed)
        try:
            first = next(events)  # a refusal comes here
        except (StopIteration, lm15.StreamAssemblyError):
            self.streams = False
            return self.events(request, form)
        return itertools.chain([first], events)

    def transport(self, request: lm15.Request) -> tuple[Any, lm15.Request]:
        engine, routed = transport_of(self.lm, request)
        if not isinstance(engine, LM15Engine):
            return engine, routed
        if self._transport is None:
            seconds = self.lm.kwargs.get("timeout")
            self._transport = with_transport(engine, seconds if isinstance(seconds, (int, float)) else None)
        return self._transport, routed


def _wait_before_retry(asked: float | None) -> float | None:
    """Return the seconds that DSPy shall wait, None for its own choice; never beyond the end of the request."""
    if (left := seconds_left()) is not None:
        return min(_WAIT if asked is None else asked, left, LONGEST_WAIT)
    if asked is None or 0 < asked <= _FIRST_WAIT:  # many that were refused together would come back together, and be refused
        return None
    return min(asked, LONGEST_WAIT)


def _in_form(request: lm15.Request, form: Form, logprobs: bool) -> lm15.Request:
    asked = {"response_format": form.response_format, "logprobs": request.config.logprobs if logprobs else None}
    return dataclasses.replace(request, config=dataclasses.replace(request.config, **asked))


def refuses(what: re.Pattern[str], error: Exception) -> bool:
    return not isinstance(error, _OTHERWISE) and what.search(f"{error} {getattr(error, 'feature', '')}") is not None


def _left_after(forms: list[Form], error: Exception) -> list[Form]:
    """Return the forms still to try: none of the same type if the server says it does not know the type."""
    unknown = forms[0].type if _OF_TYPE.search(str(error)) else None
    return [form for form in forms[1:] if unknown is None or form.type != unknown]


def _digest_of(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def without_nulls(response: lm15.Response, schema: Any) -> lm15.Response:
    parts = [
        dataclasses.replace(part, text=read_back(part.text, schema)) if isinstance(part, lm15.TextPart) else part
        for part in response.message.parts
    ]
    return dataclasses.replace(response, message=dataclasses.replace(response.message, parts=tuple(parts)))
