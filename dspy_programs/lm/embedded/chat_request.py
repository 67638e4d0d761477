"""A request as llama.cpp's chat completion, its reply as a response, and its errors as DSPy's.

JSON schemas become grammars: a reply cannot leave its schema, and no token is spent on indentation.
"""

from collections.abc import Mapping
from typing import Any

from dspy import lm15

from dspy_programs.lm.embedded.machine import import_xllamacpp

_REPLY_TOKENS = 1536  # if a request sets no limit: an unbounded reply of a small model can run for minutes


def chat_request(request: lm15.Request, seed: int = 0, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Convert a canonical request to llama.cpp's chat completion; greedy, and seeded by `seed`, unless it says otherwise.

    more: of llama.cpp's own fields, as the slot that must answer.
    """
    config = request.config
    body: dict[str, Any] = {
        "messages": _messages_of(request),
        "max_tokens": config.max_tokens or _REPLY_TOKENS,
        "temperature": config.temperature or 0.0,
        "seed": seed if config.seed is None else config.seed,
        "cache_prompt": True,
        **(more or {}),
    }
    if config.top_p is not None:
        body["top_p"] = config.top_p
    if config.stop:
        body["stop"] = list(config.stop)
    if config.logprobs is not None:  # of the model itself, before the grammar masks tokens
        body |= {"logprobs": True, "top_logprobs": config.logprobs}
    if config.response_format:
        body |= grammar_of(config.response_format)
    return body


def _messages_of(request: lm15.Request) -> list[dict[str, str]]:
    system = request.system
    text = system if isinstance(system, str) or system is None else "".join(part.text for part in system)
    messages = [{"role": "system", "content": text}] if text else []
    return messages + [{"role": message.role, "content": message.text or ""} for message in request.messages]


def grammar_of(response_format: dict[str, Any]) -> dict[str, Any]:
    """Turn a JSON schema into a grammar for JSON on one line, as Python's `json.dumps` writes it.

    Left to itself, a model indents, which takes many tokens; without any spaces it writes worse, because it has hardly
    ever seen such JSON.
    """
    if response_format.get("type") != "json_schema":
        return {"response_format": response_format}
    spacing = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    schema = {**response_format["schema"], "x-guidance": spacing}
    return {"grammar": import_xllamacpp().json_schema_to_grammar(schema)}


def engine_error(reply: dict[str, Any]) -> Exception:
    """Map llama.cpp's error to DSPy's: an overlong prompt is the row's fault, everything else the engine's."""
    error = reply.get("error", reply)
    message = str(error.get("message", error) if isinstance(error, dict) else error)
    if "context" in message:
        return lm15.ContextLengthError(message)
    return lm15.InvalidRequestError(message) if "400" in str(error) else lm15.ServerError(message)
