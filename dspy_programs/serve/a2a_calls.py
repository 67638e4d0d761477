"""JSON-RPC calls of A2A, before the SDK reads them and after it has answered.

Output     light(body) -> a call that protobuf reads in time, or Refused; answered(call, response) -> the response with the
           right error code.
Guarantees what is no JSON, or is nested too deeply to be read, is a parse error (-32700); wrong parameters are that (-32602) in
           the older protocol too, where the SDK calls them an invalid request, and where they are nested too deeply for
           protobuf; half a surrogate pair becomes a question mark.
"""

import json
from typing import Any

from starlette.responses import JSONResponse, Response

from dspy_programs.jsonable import sound_json
from dspy_programs.serve.light_calls import MOST_LEVELS, MOST_VALUES, has_many, is_deep, lighten

_PARSE_ERROR, _INVALID_REQUEST, _INVALID_PARAMS = -32700, -32600, -32602


class Refused(Exception):
    """A call that the SDK need not see. response: what the client gets."""

    def __init__(self, code: int, line: str, call: Any = None) -> None:
        super().__init__(line)
        error = {"code": code, "message": line}
        self.response = JSONResponse({"jsonrpc": "2.0", "id": _id_of(call), "error": error})


def light(body: bytes) -> tuple[bytes, Any]:
    """Return a call with its data parts as JSON text, which costs protobuf nothing, and the call. Raises Refused."""
    try:
        call = json.loads(sound_json(body))
    except (ValueError, RecursionError):
        raise Refused(_PARSE_ERROR, "the body is not JSON, or is nested too deeply") from None
    try:
        lighten(call)
    except RecursionError:  # what could just be read cannot always be written
        raise Refused(_INVALID_PARAMS, "the data part is nested too deeply", call) from None
    if has_many(call):
        raise Refused(_INVALID_PARAMS, f"a call has at most {MOST_VALUES:,} values beside its data part", call)
    if is_deep(call):
        raise Refused(_INVALID_PARAMS, f"a call has at most {MOST_LEVELS} levels beside its data part", call)
    return json.dumps(call).encode(), call


def answered(call: Any, response: Response) -> Response:
    """Return the response, with the code for wrong parameters if the call itself is right."""
    if not isinstance(response, JSONResponse) or not _is_right(call):
        return response
    said = json.loads(bytes(response.body))
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict) or error.get("code") != _INVALID_REQUEST:
        return response
    return JSONResponse({**said, "error": {**error, "code": _INVALID_PARAMS, "message": "Invalid params"}})


def _is_right(call: Any) -> bool:
    """Return whether this is a request as JSON-RPC wants it, whatever its parameters."""
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or not isinstance(call.get("method"), str):
        return False
    return bool(call["method"]) and _id_of(call) is not None


def _id_of(call: Any) -> str | int | None:
    id_ = call.get("id") if isinstance(call, dict) else None
    return id_ if type(id_) in (str, int) else None
