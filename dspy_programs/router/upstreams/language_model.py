"""A model that DSPy reaches: embedded ones, and providers with protocols of their own. Its answer becomes a chat completion."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.exceptions import (
    LMAuthError,
    LMBillingError,
    LMConfigurationError,
    LMError,
    LMInvalidRequestError,
    LMTimeoutError,
    LMUnsupportedFeatureError,
    LMUnsupportedModelError,
)

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import call_inner, connect, without_keys
from dspy_programs.router.catalogue import Model
from dspy_programs.router.upstreams.upstream import Json, UpstreamError

_FINISH = {"stop": "stop", "length": "length", "tool_call": "tool_calls", "content_filter": "content_filter", "error": "stop"}
_OF_THE_MODEL = (LMAuthError, LMBillingError, LMConfigurationError, LMUnsupportedModelError, LMTimeoutError)
_OF_THE_REQUEST = (LMInvalidRequestError, LMUnsupportedFeatureError)


class LanguageModel:
    """One model."""

    def __init__(self, model: Model, seconds: float) -> None:
        self.lm = model_of(model, seconds)

    def complete(self, body: Json, seconds: float) -> Json:
        try:
            asked = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
            request = lm15.request_from_openai_chat({**asked, "model": self.lm.model})
        except lm15.LM15Error as error:
            raise UpstreamError(str(error), "refused", status=400) from None
        except (ValueError, TypeError) as error:
            raise UpstreamError(f"no chat completion: {error}", "refused", status=400) from None
        with failing():
            return completion_of(call_inner(self.lm, request), self.lm.model)

    def stream(self, body: Json, seconds: float) -> Iterator[Json]:
        return iter([self.complete(body, seconds)])


def model_of(model: Model, seconds: float) -> dspy.LM:
    """Return the language model of an entry, which is asked once: the router has its own retries."""
    key = model.key if model.key_env or model.api_base else None
    lm = connect(model.spec, timeout=seconds, api_base=model.api_base, api_key=key)
    lm.num_retries = 0
    return lm


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """Turn DSPy's errors into what to do about them."""
    try:
        yield
    except LMError as error:
        status = getattr(error, "status", None)
        wait = getattr(error, "retry_after", None)
        cure: Any = "next" if isinstance(error, _OF_THE_MODEL) else "refused" if isinstance(error, _OF_THE_REQUEST) else "retry"
        is_late = isinstance(error, LMTimeoutError)
        raise UpstreamError(without_keys(f"{type(error).__name__}: {error}"), cure, wait, status, may_cost=is_late) from error
    except LanguageModelError as error:
        raise UpstreamError(without_keys(str(error)), "next") from error


def completion_of(response: lm15.Response, name: str) -> Json:
    """Return an answer as OpenAI's protocol has it."""
    calls = [
        {
            "id": part.id,
            "type": "function",
            "function": {"name": part.name, "arguments": json.dumps(_plain(part.input), ensure_ascii=False)},
        }
        for part in response.message.parts
        if isinstance(part, lm15.ToolCallPart)
    ]
    message: Json = {"role": "assistant", "content": response.message.text or None} | ({"tool_calls": calls} if calls else {})
    completion: Json = {
        "id": response.id or f"chatcmpl-{time.time_ns():x}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": name,
        "choices": [{"index": 0, "message": message, "finish_reason": _FINISH[response.finish_reason]}],
    }
    usage = response.usage
    if usage and usage.input_tokens is not None and usage.output_tokens is not None:
        used = usage.input_tokens, usage.output_tokens
        completion["usage"] = {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}
    return completion


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
