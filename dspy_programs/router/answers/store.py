"""What a place for answers can do, and which one a catalogue asks for."""

import hashlib
import json
from typing import Any, Protocol

from dspy_programs.router.catalogue import Cache, Model
from dspy_programs.router.upstreams.upstream import Json

_NOT_OF_THE_ANSWER = ("stream", "stream_options", "user", "safety_identifier")  # who asks, and in how many pieces


class Answers(Protocol):
    """A place for answers, which threads may share."""

    backend: str

    def get(self, key: str) -> Json | None: ...

    def put(self, key: str, answer: Json) -> None: ...

    def clear(self) -> int:
        """Remove all, and return how many there were."""

    def is_connected(self) -> bool:
        """Return whether it can be asked now."""

    def stats(self) -> dict[str, Any]:
        """Return backend, connected, cached_entries, used_memory (bytes), and what else is to be said."""

    def close(self) -> None: ...


def key_of(model: Model, body: Json) -> str:
    """Return digits of everything that changes an answer: the model, where it runs, and the whole body but `stream`."""
    asked = {name: value for name, value in body.items() if name not in _NOT_OF_THE_ANSWER}
    whole = {"spec": model.spec, "base": model.api_base, "body": {**asked, "model": model.id}}
    text = json.dumps(whole, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def answers_for(cache: Cache) -> Answers | None:
    """Return the place that a catalogue asks for; None for none. Raises MissingExtra."""
    if cache.backend == "none":
        return None
    from dspy_programs.router.answers.memory import MemoryAnswers

    if cache.backend == "memory":
        return MemoryAnswers(cache.ttl_seconds, cache.max_bytes)
    if cache.backend == "sqlite":
        from dspy_programs.router.answers.sqlite import SqliteAnswers

        return SqliteAnswers(cache)
    from dspy_programs.router.answers.redis import RedisAnswers

    return RedisAnswers(cache.redis_url, cache.ttl_seconds, MemoryAnswers(cache.ttl_seconds, cache.max_bytes))
