"""Answers in Redis, which several routers share; in this process's memory while Redis is away.

Guarantees a Redis that is not there costs a fraction of a second at the start, and once in `_AWAY` seconds afterwards; that it
           went and came back is logged in one line each, without the URL's password; only keys of the router are touched. A
           value there that is no answer is a miss, and the next answer takes its place.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.router.answers.memory import MemoryAnswers
from dspy_programs.router.upstreams.upstream import Json

LOG = logging.getLogger("dspy_programs.serve.router")
_PREFIX = "router:cache:"
_SECONDS = 0.25  # for one call of Redis
_AWAY = 5.0  # seconds between tries
_FRESH = 1.0  # seconds for which an answer shows that it is there
T = TypeVar("T")


class RedisAnswers:
    """memory: also gets every answer, so that those given here are still known when Redis goes."""

    backend = "redis"

    def __init__(
        self, url: str, ttl_seconds: float, memory: MemoryAnswers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Connect. Raises MissingExtra, and UsageError for a URL that is none."""
        try:
            import redis
        except ImportError:
            raise MissingExtra('redis: not installed; pip install "dspy-programs[router]"') from None
        self._failures, self._refused = (redis.RedisError, OSError), redis.ResponseError
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=None, protocol=2
            )
            parts = urlsplit(url)
            self.place = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
            self._redis.connection_pool.make_connection()
        except (ValueError, TypeError):  # what they say quotes the URL, and with it a password
            raise UsageError("redis_url: not like redis://:PASSWORD@HOST:PORT/NUMBER; write / in a password as %2F") from None
        self._ttl, self._memory, self._clock = ttl_seconds, memory, clock
        self._lock = threading.Lock()
        self._tried, self._seen, self.connected = clock(), -math.inf, True
        self.is_connected()

    def get(self, key: str) -> Json | None:
        told: Any = self._ask(lambda: self._get(_PREFIX + key), None)
        if told is None:
            return self._memory.get(key) if not self.connected else None
        try:
            answer = json.loads(told)
        except ValueError:
            return None  # the next answer takes its place
        return answer if isinstance(answer, dict) else None

    def put(self, key: str, answer: Json) -> None:
        self._memory.put(key, answer)
        told = json.dumps(answer)
        self._ask(lambda: self._redis.set(_PREFIX + key, told, px=max(1, int(self._ttl * 1000))), None)

    def clear(self) -> int:
        count = self._memory.clear()
        return self._ask(self._clear, count)

    def is_connected(self) -> bool:
        """Return whether it answers now, or did a moment ago: whoever asks for /health needs no key."""
        if self._clock() - self._seen >= _FRESH:
            self._ask(self._redis.ping, False)
        return self.connected

    def stats(self) -> dict[str, Any]:
        count = self._ask(lambda: sum(1 for _ in self._keys()), None)
        told = {"backend": "redis", "connected": self.connected, "place": self.place}
        if count is None:
            return {**self._memory.stats(), **told, "fallback": "memory"}
        used: Any = self._ask(lambda: self._redis.info("memory"), {})
        return {**told, "cached_entries": count, "used_memory": used.get("used_memory")}

    def close(self) -> None:
        self._redis.close()

    def _get(self, key: str) -> Any:
        try:
            return self._redis.get(key)
        except self._refused as error:
            if str(error).startswith("WRONGTYPE"):  # a list, a set: somebody else's
                return None
            raise

    def _keys(self) -> Any:
        return self._redis.scan_iter(match=f"{_PREFIX}*", count=1000)

    def _clear(self) -> int:
        count, some = 0, list[Any]()
        for key in self._keys():
            some.append(key)
            if len(some) == 1000:
                count, some = count + int(self._redis.unlink(*some)), []
        return count + (int(self._redis.unlink(*some)) if some else 0)

    def _ask(self, call: Callable[[], T], otherwise: Any) -> Any:
        """Ask Redis, unless it was away a moment ago; return `otherwise` if it does not answer."""
        if not self.connected:
            with self._lock:
                if self._clock() - self._tried < _AWAY:
                    return otherwise
                self._tried = self._clock()
        try:
            answer = call()
        except self._failures as error:
            if self.connected:
                LOG.warning("Redis at %s does not answer (%s): answers are kept in memory", self.place, type(error).__name__)
            self.connected, self._tried = False, self._clock()
            return otherwise
        self._seen = self._clock()
        if not self.connected:
            self.connected = True
            LOG.info("Redis at %s answers again", self.place)
        return answer
