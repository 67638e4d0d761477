"""Requests under way, by the keys that let them in: they end soon after their key is withdrawn.

A request may last for hours: a client listens to an MCP session, an A2A task or a run of the agent.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from dspy_programs.serve.keys import Keys
from dspy_programs.serve.problems import NoKey

_SECONDS = 1.0  # between looks at the keys


class OpenRequests:
    """One per server."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._open: dict[asyncio.Timeout, tuple[Sequence[str], str]] = {}
        self._looked_at = keys.names
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def request(self, given: Sequence[str], name: str) -> AsyncIterator[None]:
        """Do in this block what a client asked for, who sent these keys. Raises NoKey when they hold no more."""
        try:
            async with asyncio.timeout(None) as end:
                self._open[end] = (given, name)
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._look)
                try:
                    yield
                finally:
                    del self._open[end]
        except TimeoutError:
            if end.expired():
                raise NoKey("the key was withdrawn") from None
            raise

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_SECONDS, self._look) if self._open else None
        self.keys.look()
        if self.keys.names is self._looked_at:
            return
        self._looked_at = self.keys.names
        for end, (given, name) in self._open.items():
            if not self.keys.holds(given, name):
                end.reschedule(loop.time())
