"""MCP sessions over HTTP that do not run out: clients that never say goodbye leave them behind.

Guarantees where there are too many, the one that was idle longest is closed, never one with a request on its way; one key has
           at most half of them, so it shuts nobody else out: then one of its own goes, or it alone is refused (503); a client
           whose session is gone gets the protocol's 404, and begins anew; half a surrogate pair in a message is read as a
           question mark, as by the other servers.
"""

import asyncio
from collections import Counter
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext, authorization_context
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
        if not session:
            await self._make_room(_owner_in(scope))
        elif session in self._server_instances:  # now the last of them to go
            self._server_instances[session] = self._server_instances.pop(session)
        self._busy[session] += 1
        try:
            await self.handle_request(scope, await _readable(scope, receive), send)
        finally:
            self._busy[session] -= 1
            self._busy += Counter()  # drops the zeros

    async def _make_room(self, owner: AuthorizationContext | None) -> None:
        """Close what was idle longest: of the owner's where those are too many, and of all where all are."""
        await self._close(self._of(owner), self._most_of(owner))
        await self._close(list(self._server_instances), self.most)

    async def _close(self, sessions: list[str], most: int) -> None:
        idle = [session for session in sessions if not self._busy[session]]
        for session in idle[: max(0, len(sessions) - most + 1)]:
            if (transport := self._server_instances.get(session)) is not None:  # it may have ended while another was closed
                await self._discard_session(session, transport)

    def _admit_session(self, asker: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        """Refuse one more of a key that has too many: many may have asked at once since there was room."""
        full = len(self._of(asker)) >= self._most_of(asker)
        return None if full else super()._admit_session(asker)

    def _of(self, owner: AuthorizationContext | None) -> list[str]:
        return [session for session in self._server_instances if self._session_owners.get(session) == owner]

    def _most_of(self, owner: AuthorizationContext | None) -> int:
        return self.most if owner is None else max(1, self.most // 2)  # without keys there is nobody else


def _owner_in(scope: Scope) -> AuthorizationContext | None:
    user = scope.get("user")
    return authorization_context(user) if isinstance(user, AuthenticatedUser) else None


async def _readable(scope: Scope, receive: Receive) -> Receive:
    """Deliver a body that the SDK can read, if there is one: JSON may hold halves of surrogate pairs, and it refuses them."""
    if scope["method"] != "POST":
        return receive
    return replayed(await asyncio.to_thread(sound_json, await Request(scope, receive).body()), receive)
