"""Access control: who may use the server, how large a request may be, and what a client sees when something fails.

Input      an ASGI app; keys or None; Limits.
Guarantees without keys only loopback is served, and only requests addressed to it (Host and Origin are checked against DNS
           rebinding); the app knows whose key it was (`scope["user"]`, CALLER); a request ends when its key is withdrawn; a
           body is read up to its limit, in limited time, before the app sees it; an exception in the app becomes a 500 with
           an id. Nothing here logs a header, a query or a body.
"""

import asyncio
import contextlib
import functools
import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dspy_programs.serve.keys import CALLER, Keys
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.logins import WrongKeys
from dspy_programs.serve.open_requests import OpenRequests
from dspy_programs.serve.problems import (
    Busy,
    Forbidden,
    Malformed,
    NoKey,
    ServeError,
    SlowClient,
    TooLarge,
    openai_fault,
    to_serve_error,
)

_OPEN_PATHS = ("/healthz", "/health", "/agent")  # reveal only that there is a server, and which
_WELL_KNOWN = "/.well-known/"  # the agent card; what else clients ask for there is not found, which a 401 would not say
_OPENAI = ("/v1/chat/completions", "/v1/models")
_EXTRA_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address.lower() == "localhost"


class AccessMiddleware:
    """The outermost ASGI layer of the server."""

    def __init__(self, app: ASGIApp, keys: Keys | None, limits: Limits, public_url: str | None = None) -> None:
        """public_url: where a proxy in front is reached; it may pass another Host on, and pages there may call this server."""
        self.app, self.keys, self.limits = app, keys, limits
        self._proxy = _name_in(public_url or "") or None
        self.open = OpenRequests(keys) if keys is not None else None
        self.wrong_keys = WrongKeys(limits)
        self._bytes = 0  # of the bodies that are here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None  # websockets are not offered
        started, held = False, list[int]()

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _EXTRA_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            headers = Headers(scope=scope)
            async with contextlib.AsyncExitStack() as stack:
                if (name := await self.admit(scope["path"], headers, scope.get("client"))) is not None:
                    scope = {**scope, "user": _user(name)}
                    CALLER.set(name)
                    if self.open is not None:
                        await stack.enter_async_context(self.open.request(keys_in(headers), name))
                if not is_open(scope["path"]):  # those take no body, and anybody could fill the memory with one
                    receive = replayed(await self.body(headers, receive, held), receive)
                await self.app(scope, receive, sending)
        except Exception as error:  # the outermost boundary: otherwise the client hangs and the log gets the request's values
            response = response_to(to_serve_error(error), scope["path"])
            if not started:
                await response(scope, receive, sending)
        finally:
            self._bytes -= sum(held)

    async def admit(self, path: str, headers: Headers, client: Sequence[Any] | None) -> str | None:
        """Return the name of the key that was sent, if one was needed. Raises NoKey or Forbidden."""
        host = _name_in(f"//{headers.get('host', '')}")
        origin = headers.get("origin")
        if origin is not None and _name_in(origin) not in (host, self._proxy):
            raise Forbidden("Origin: pages from other hosts may not call this server")
        if self.keys is None:
            if not is_loopback(host):
                raise Forbidden("Host: this server has no key and answers only to localhost")
            return None
        if is_open(path):
            return None
        given = keys_in(headers)
        if (name := self.keys.owner(given)) is None:
            if given:
                await self.wrong_keys.wait(str(client[0]) if client else "")
            raise NoKey("a key is required: send X-API-Key: KEY, or Authorization: Bearer KEY")
        return name

    async def body(self, headers: Headers, receive: Receive, held: list[int]) -> bytes:
        """Return the whole body. Raises TooLarge as soon as that is known, Busy, SlowClient or Malformed.

        held: receives the size of each piece, which counts until the request ends.
        """
        limit = self.limits.body_bytes
        too_large = f"the body is too large; send at most {limit} bytes"
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise TooLarge(too_large)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.seconds_to_read):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Malformed("the connection was closed before the body ended")
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    held.append(len(chunks[-1]))
                    self._bytes += len(chunks[-1])
                    if self._bytes > self.limits.bytes_at_once:
                        raise Busy("other requests fill the memory; try again in a second")
                    if size > limit:
                        raise TooLarge(too_large)
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            raise SlowClient(f"the body did not arrive within {self.limits.seconds_to_read:g} s") from None


def is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_WELL_KNOWN)


def keys_in(headers: Headers) -> list[str]:
    """Return what was sent, one at most in each way: a request is one try."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = [headers.get("x-api-key", ""), *([token.strip()] if scheme.lower() == "bearer" else [])]
    return [one for one in given if one]


@functools.cache  # as many as there are keys
def _user(name: str) -> AuthenticatedUser:
    """Return a client as both SDKs want it: A2A gives tasks to it, and MCP sessions."""
    return AuthenticatedUser(AccessToken(token="", client_id=name, scopes=[]))


def _name_in(url: str) -> str:
    """Return a URL's host in lower case, "" if it is missing or invalid."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def replayed(body: bytes, receive: Receive) -> Receive:
    """Deliver the body once, then pass through what follows: the client's disconnect."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def response_to(error: ServeError, path: str = "") -> JSONResponse:
    """Return a problem as its client reads it: those of OpenAI's protocol have a form of their own."""
    error.__traceback__ = None  # its frames hold the request's body, and some of them this error: a ring
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if isinstance(error, NoKey):
        headers["WWW-Authenticate"] = "Bearer"
    told = {"error": openai_fault(error)} if path in _OPENAI else error.problem().model_dump(exclude_none=True)
    return JSONResponse(told, status_code=error.status, headers=headers)
