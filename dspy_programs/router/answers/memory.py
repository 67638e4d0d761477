"""Answers in this process's memory, bounded in bytes and in time: the one that was used least lately goes first."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from cachetools import TTLCache

from dspy_programs.router.upstreams.upstream import Json


class MemoryAnswers:
    """Answers are kept as JSON, so that nobody can change one that is there."""

    backend = "memory"

    def __init__(self, ttl_seconds: float, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: TTLCache[str, bytes] = TTLCache(max_bytes, ttl_seconds, clock, len)
        self._lock = threading.Lock()

    def get(self, key: str) -> Json | None:
        with self._lock:
            answer = self._kept.get(key)
        return None if answer is None else json.loads(answer)

    def put(self, key: str, answer: Json) -> None:
        told = json.dumps(answer).encode()
        with self._lock:
            if len(told) <= self._kept.maxsize:
                self._kept[key] = told

    def clear(self) -> int:
        with self._lock:
            self._kept.expire()
            count = len(self._kept)
            self._kept.clear()
        return count

    def is_connected(self) -> bool:
        return True

    def stats(self) -> dict[str, Any]:
        with self._lock:
            self._kept.expire()
            size, count = int(self._kept.currsize), len(self._kept)
        return {"backend": "memory", "connected": True, "cached_entries": count, "used_memory": size}

    def close(self) -> None:
        pass
