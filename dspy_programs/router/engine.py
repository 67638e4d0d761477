"""`router/balanced` as a language model: each call of a program goes to the model that is best for it.

Input      a spec `router/PRIORITY`; the catalogue of DSPY_PROGRAMS_ROUTER, else the shipped one.
Output     a dspy.LM for `use`, `configure`, --lm, agents and training. Which model answered stands in the response.
Guarantees the request reaches each model as `connect` of its spec would send it, schema and all. What was measured for the
           program that asks counts. Answers are not cached here: tools and training have their own stores.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import dspy
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import call_inner, wrap
from dspy_programs.router.asking import Got
from dspy_programs.router.catalogue import WEIGHTS, Cache, Model, Priority
from dspy_programs.router.catalogue_file import read_catalogue
from dspy_programs.router.errors import NoneAnswered
from dspy_programs.router.needs import Needs, needs_of
from dspy_programs.router.router import Router
from dspy_programs.router.upstreams.language_model import failing, model_of
from dspy_programs.router.upstreams.upstream import UpstreamError, believed


class RouterEngine:
    """Sits between DSPy and the models of a catalogue."""

    def __init__(self, router: Router, priority: Priority) -> None:
        self.router, self.priority = router, priority
        self.url = f"router:{router.catalogue.fingerprint}"  # in the keys of stored answers
        self._models: dict[str, dspy.LM] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "RouterEngine":
        return self

    @property
    def supported_params(self) -> frozenset[str]:
        """Return what every model takes."""
        return frozenset.intersection(*(frozenset(lm.supported_params) for lm in self._all()))

    @property
    def supports_response_schema(self) -> bool:
        return all(lm.supports_response_schema for lm in self._all())

    @property
    def supports_function_calling(self) -> bool:
        return all(lm.supports_function_calling for lm in self._all())

    @property
    def supports_reasoning(self) -> bool:
        return all(lm.supports_reasoning for lm in self._all())

    def complete(self, request: lm15.Request) -> lm15.Response:
        needs = self._needs(request)
        failures, empty = list[BaseException](), list[lm15.Response]()

        def send(model: Model, seconds: float) -> Got[lm15.Response]:
            lm = self._model(model)
            try:
                with failing():
                    response = call_inner(lm, replace(request, model=lm.model))
            except UpstreamError as error:
                failures.append(error.__cause__ or error)
                raise
            if not (response.message.text or any(part.type == "tool_call" for part in response.message.parts)):
                empty.append(response)
                raise UpstreamError("its answer is empty", "next", may_cost=True)
            usage = response.usage
            return Got(response, usage and believed(usage.input_tokens, usage.output_tokens))

        try:
            decision = self.router.decide(needs)
            asked = self.router.asker.ask(decision.order(), needs, send)
        except NoneAnswered as error:
            self.router.figures.failed()
            if empty:
                return empty[-1]  # no model has more to say; what that means is the program's to tell
            raise failures[-1] from error  # in DSPy's terms, which ReAct shortens a prompt by
        model = self.router.catalogue.models[asked.place]
        self.router.figures.answered(model.id, asked.ms, False, len(asked.attempts))
        return replace(asked.value, model=model.id)

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        self.router.close()

    def _needs(self, request: lm15.Request) -> Needs:
        told = request_to_dict(request)
        said = [told[name] for name in ("system", "messages", "tools") if name in told]
        seen = needs_of({"messages": [{"content": text} for text in _texts(said)], "max_tokens": request.config.max_tokens})
        images = any(part.type == "image" for message in request.messages for part in message.parts)
        asked = next((message.text or "" for message in reversed(request.messages) if message.role == "user"), "")
        return replace(
            seen, priority=self.priority, tools=bool(request.tools), images=images, program=self._program(), text=asked
        )

    def _program(self) -> str | None:
        """Return the program that asks, if something was measured of it: the outermost one is what rows were scored for."""
        callers = dspy.settings.caller_modules or ()
        known = {*self.router.quality.known, *([self.router.easy.program] if self.router.easy else [])}
        return next((name for name in map(_name_of, callers) if name in known), None)

    def _model(self, model: Model) -> dspy.LM:
        if (known := self._models.get(model.id)) is None:
            known = self._models.setdefault(model.id, model_of(model, self.router.catalogue.fallback.timeout_seconds))
        return known

    def _all(self) -> list[dspy.LM]:
        return [self._model(model) for model in self.router.catalogue.models]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in ("data", "url"):  # the bytes of a picture
                yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)


def _name_of(module: dspy.Module) -> str:
    """Return a program's name: FailureJudge -> failure_judge."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(module).__name__).lower()


def connect_router(name: str, timeout: float | None = None, **decoding: Any) -> dspy.LM:
    """Return the language model of `router/NAME`; NAME is a priority. Raises LanguageModelError, UsageError.

    timeout: seconds of one attempt, instead of the catalogue's.
    """
    if name not in WEIGHTS:
        raise LanguageModelError(f"router/{name}: no such priority; choose router/{', router/'.join(WEIGHTS)}")
    catalogue = read_catalogue()
    changed: dict[str, Any] = {"cache": Cache(backend="none")}
    if timeout is not None:
        changed["fallback"] = catalogue.fallback.model_copy(update={"timeout_seconds": timeout})
    router = Router(catalogue.model_copy(update=changed))
    return wrap(RouterEngine(router, name), f"router/{name}", **decoding)
