"""Answers in a file, which outlives the process and which several processes may share."""

from typing import Any

import platformdirs

from dspy_programs.lm import AnswerCache
from dspy_programs.router.catalogue import Cache
from dspy_programs.router.upstreams.upstream import Json


class SqliteAnswers:
    """The file of `cache.path`, by default in the user's cache folder; only its owner can read it."""

    backend = "sqlite"

    def __init__(self, cache: Cache) -> None:
        path = cache.path or platformdirs.user_cache_path("dspy-programs") / "router.sqlite"
        self._file = AnswerCache(path, cache.ttl_seconds, most_bytes=cache.max_bytes)

    def get(self, key: str) -> Json | None:
        answer = self._file.get(key)
        return answer if isinstance(answer, dict) else None

    def put(self, key: str, answer: Json) -> None:
        self._file.put(key, answer)

    def clear(self) -> int:
        return self._file.clear()

    def is_connected(self) -> bool:
        return self._file.works

    def stats(self) -> dict[str, Any]:
        count, size = self._file.size()
        told = {"backend": "sqlite", "connected": self._file.works, "cached_entries": count, "used_memory": size}
        return {**told, "path": str(self._file.path)}

    def close(self) -> None:
        self._file.close()
