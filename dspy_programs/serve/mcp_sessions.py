"""MCP sessions over HTTP that do not run out: clients that never say goodbye leave them behind.

Guarantees where there are too many, the key that has most gives up the one that was idle longest; where none of its own is
           idle, and it has at least two more than the newcomer, one that listens or is being answered. So no number of keys
           can hold all of them. One key has at most half: then one of its own goes, or it alone is refused (503). A client
           whose session is gone gets the protocol's 404, and begins anew; half a surrogate pair in a message is read as a
           question mark, as by the other servers.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from dspy_programs.jsonable import sound_json
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.security import replayed


class Sessions(StreamableHTTPSessionManager):
    """The ASGI app of the sessions. The SDK's manager alone refuses new ones instead."""

    def __init__(self, server: Server[Any], limits: Limits) -> None:
        super().__init__(
            server,
            session_idle_timeout=limits.idle_seconds,
            max_sessions=limits.sessions,
            max_request_body_size=limits.body_bytes,  # AccessMiddleware has counted
        )
        self.most = limits.sessions
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = Headers(scope=scope).get("mcp-session-id", "")
        if session in self._server_instances:  # now the last of them to go
            self._server_instances[session] = self._server_instances.pop(session)
        with self._at_work(session):
            await self.handle_request(scope, await _readable(scope, receive), send)

    async def _serve_opening_request(
        self, http_transport: StreamableHTTPServerTransport, scope: Scope, receive: Receive, send: Send
    ) -> None:
        with self._at_work(http_transport.mcp_session_id or ""):
            await super()._serve_opening_request(http_transport, scope, receive, send)

    @contextlib.contextmanager
    def _at_work(self, session: str) -> Iterator[None]:
        self._busy[session] += 1
        try:
            yield
        finally:
            self._busy[session] -= 1
            self._busy += Counter()  # drops the zeros

    def _admit_session(self, asker: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        """Make room for one more session of a key. None: there is none to be had."""
        held = self._by_key()
        own = held.get(_name_of(asker), [])
        most = self.most if asker is None else max(1, self.most // 2)  # without keys there is nobody else
        goes: str | None = None
        if len(own) >= most:
            goes = next(self._idle(own), None)
        elif len(self._server_instances) >= self.most:
            goes = self._from_most(held, len(own))
        if goes is not None:
            self._close(goes)
        elif len(own) >= most:
            return None
        return super()._admit_session(asker)

    def _by_key(self) -> dict[str | None, list[str]]:
        """Return the sessions of each key, the one that was used last at the end."""
        held = defaultdict[str | None, list[str]](list)
        for session in self._server_instances:
            held[_name_of(self._session_owners.get(session))].append(session)
        return held

    def _idle(self, sessions: Iterable[str]) -> Iterator[str]:
        return (session for session in sessions if not self._busy[session])

    def _from_most(self, held: dict[str | None, list[str]], own: int) -> str | None:
        """Return the session that goes for somebody who has `own`."""
        for sessions in sorted(held.values(), key=len, reverse=True):
            if (idle := next(self._idle(sessions), None)) is not None:
                return idle
            if len(sessions) > own + 1:
                return sessions[0]
        return None

    def _close(self, session: str) -> None:
        """Forget a session at once, and end what it still does soon."""
        transport = self._server_instances.pop(session)
        self._session_owners.pop(session, None)
        assert self._task_group is not None  # else no session could be asked for
        self._task_group.start_soon(self._discard_session, session, transport)


def _name_of(owner: AuthorizationContext | None) -> str | None:
    return owner and owner["client_id"]


async def _readable(scope: Scope, receive: Receive) -> Receive:
    """Deliver a body that the SDK can read, if there is one: JSON may hold halves of surrogate pairs, and it refuses them."""
    if scope["method"] != "POST":
        return receive
    return replayed(await asyncio.to_thread(sound_json, await Request(scope, receive).body()), receive)
