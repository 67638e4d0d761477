"""A model behind an API, held to JSON schemas where it can hold them.

DSPy sends no schema to a model it does not know, and it does not know what runs behind an api base. vLLM, Ollama,
LM Studio and llama.cpp all take one, and a small model needs it. A provider or server that refuses the schema (some take
no bounds on strings) is asked again without, once and for all.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.exceptions import LMInvalidRequestError, LMUnsupportedFeatureError


class ServerEngine:
    """Pass requests on to `lm`, which knows the address, the key and how to retry."""

    supported_params = frozenset({"response_format", "temperature", "max_tokens", "top_p", "stop", "seed"})

    def __init__(self, lm: dspy.LM, *, own: bool = True) -> None:
        """own: the server is the user's own, so DSPy's table of models says nothing about it."""
        self.lm, self.own = lm, own
        self.refuses_schemas = False

    @property
    def supports_response_schema(self) -> bool:
        return not self.refuses_schemas and (self.own or bool(self.lm.supports_response_schema))

    @property
    def supports_function_calling(self) -> bool:
        return not self.own and bool(self.lm.supports_function_calling)

    @property
    def supports_reasoning(self) -> bool:
        return not self.own and bool(self.lm.supports_reasoning)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ServerEngine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        with dspy.context(disable_history=True):
            if not (self.supports_response_schema and request.config.response_format):
                return self.lm(request=without_schema(request))
            try:
                return self.lm(request=request)
            except (LMInvalidRequestError, LMUnsupportedFeatureError):
                response = self.lm(request=without_schema(request))
                self.refuses_schemas = True  # for without it, it answered
                return response

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        self.lm.close()


def without_schema(request: lm15.Request) -> lm15.Request:
    return dataclasses.replace(request, config=dataclasses.replace(request.config, response_format=None))
