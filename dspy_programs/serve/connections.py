"""The connections of clients, and how long a silent one is kept. uvicorn bounds neither; its `http=` takes a protocol class.

Guarantees a request's head arrives in limited time, however slowly its bytes come; a client that does not read its answer is
           cut off; connections that are idle, whose body has not come, or that do not read, turn nobody away, because the
           oldest of them makes room for a new one; one address cannot hold them all; one read stops the event loop for a few
           hundredths of a second at most, however it is cut into chunks; what is no HTTP gets one answer (400), or the end of
           the connection if its answer has begun.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import Malformed, ServeError, Unavailable

_AT_ONCE = 256  # connections that are accepted in one step of the event loop: more would stop it for a while
_FEWEST_BYTES = 64 * 1024  # that a client must read of its answer in `seconds_to_write`
_MOST_CHUNKS = 1_000  # of a body in one read of up to 256 KB: h11 takes 5 microseconds or more for each, in the event loop
_MOST_SMALL_CHUNKS = 20_000  # of one request: a tenth of a second of work or more
_SMALL = 64  # bytes


class Config(uvicorn.Config):
    """uvicorn's settings and our limits."""

    def __init__(self, app: object, limits: Limits) -> None:
        super().__init__(
            app,  # type: ignore[arg-type]
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            backlog=_AT_ONCE,
            timeout_graceful_shutdown=max(1, round(limits.seconds_to_stop)),
        )
        self.limits = limits
        self.of_addresses: Counter[str] = Counter()  # connections


class _Chunks(h11.Connection):
    """h11's reader, which gives a client up that sends its body in crumbs.

    Chunks are what a client hands to its socket at once, usually kilobytes: a thousand in one read are under 256 bytes each,
    and nobody but an attacker sends them. They cost the same before and after a request is refused.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        super().__init__(h11.SERVER)
        self._give_up = give_up
        self._of_read = self._small = 0

    def receive_data(self, data: bytes) -> None:
        self._of_read = 0
        super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Data) and event.chunk_start:
            self._of_read += 1
            self._small += bool(event.chunk_end and len(event.data) < _SMALL)
            if self._of_read > _MOST_CHUNKS or self._small > _MOST_SMALL_CHUNKS:
                self._give_up()
                return h11.NEED_DATA
        elif isinstance(event, h11.Request):
            self._small = 0
        return event


class Connection(H11Protocol):
    """One connection of a client."""

    config: Config
    _waits_since = 0.0
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _unwritten = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.conn = _Chunks(transport.abort)
        super().connection_made(transport)
        self.config.of_addresses[self.address] += 1
        self._waits_since = self.loop.time()
        self._expect_head()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._waits_since = self.loop.time()
        if not self.is_idle:
            self._forget_head_timer()
        elif self._head_timer is None:
            self._expect_head()

    def on_response_complete(self) -> None:
        self._waits_since = self.loop.time()
        super().on_response_complete()
        self._expect_reading()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_reading()  # closing waits until everything is written

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP. uvicorn's own raises if the request that goes wrong was answered already."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._refuse(Malformed("this is no HTTP request, or the end of its body is malformed"))
        self._end()

    def pause_writing(self) -> None:
        self._waits_since = self.loop.time()
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_write_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head_timer()
        self._forget_write_timer()
        self._forget_place()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered: it has sent none, or only a part of its head."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def waits(self) -> bool:
        """Whether the client is to do something before anything can be done for it: send a request, or the rest, or read."""
        return self.is_idle or self.flow.write_paused or (self.cycle.more_body and not self.cycle.response_started)

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.config.limits.seconds_for_head, self.transport.abort)

    def _forget_head_timer(self) -> None:
        _cancel(self._head_timer)
        self._head_timer = None

    def _forget_write_timer(self) -> None:
        _cancel(self._write_timer)
        self._write_timer = None

    def _expect_reading(self) -> None:
        """Begin to watch whether the client reads what is to be written, if anything is."""
        self._unwritten = self.transport.get_write_buffer_size()
        if self._unwritten and self._write_timer is None:
            self._write_timer = self.loop.call_later(self.config.limits.seconds_to_write, self._look_at_reading)

    def _look_at_reading(self) -> None:
        self._write_timer, before = None, self._unwritten
        if before - self.transport.get_write_buffer_size() < min(before, _FEWEST_BYTES):
            self.transport.abort()
        else:
            self._expect_reading()

    def _make_room(self) -> None:
        """Close the connection that waits longest where there are too many, or this one if all others are being answered."""
        limits, of_addresses = self.config.limits, self.config.of_addresses
        if of_addresses[self.address] > limits.connections_of_one:
            self._close_one(lambda one: one.address == self.address)
        elif len(self.connections) > limits.connections:
            self._close_one(lambda one: True)

    def _close_one(self, is_meant: "Callable[[Connection], bool]") -> None:
        waiting = (one for one in self.connections if isinstance(one, Connection) and one.waits and is_meant(one))
        min(waiting, key=lambda one: (one is self, one._waits_since))._leave()

    def _forget_place(self) -> None:
        if self in self.connections:
            self.connections.discard(self)
            self.config.of_addresses[self.address] -= 1
            if not self.config.of_addresses[self.address]:
                del self.config.of_addresses[self.address]

    def _leave(self) -> None:
        many = len(self.connections)
        self._forget_place()
        if self.transport.get_write_buffer_size():  # it would keep its socket until it has read
            return self.transport.abort()
        if self.cycle is None or not self.is_idle:  # else it may take this for the answer to its next request
            self._refuse(Unavailable(f"{many} connections are open; try again in a few seconds"))
        self._end()

    def _refuse(self, error: ServeError) -> None:
        """Write the answer to a request that the app has not answered."""
        body = error.problem().model_dump_json(exclude_none=True)
        fields = {"Connection": "close", "Content-Type": "application/json", "Content-Length": str(len(body))}
        fields |= {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        head = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}", *(f"{name}: {fields[name]}" for name in fields)]
        self.transport.write("\r\n".join([*head, "", body]).encode())

    def _end(self) -> None:
        """Close the connection once all is written; what the app still says is for nobody."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
        self._expect_reading()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
