"""Judgments that were paid for: what a judge found about a text, by all that could change it.

The key covers the text as it is shown, the criteria with their descriptions, the model with its address and decoding, and the
program's instruction, demonstrations and code. The pass condition is not in it: the verdict is computed anew each time.

Guarantees safe for several threads and processes; only readable replies are stored, so a failure is asked again; JSON in
           SQLite, never code. The largest age and size are those of lm/cached.py.
"""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dspy_programs.data.judging.judgment import Opinion

if TYPE_CHECKING:
    from dspy_programs.lm import AnswerCache

_FILE = "judgments.sqlite"


class JudgmentCache:
    """Opinions by key.

    root: its folder. reads: whether known opinions are used; new ones are stored in any case. hits, misses, writes: counts.
    """

    def __init__(self, root: Path, reads: bool = True) -> None:
        self.path, self.reads = root / _FILE, reads
        self.hits = self.misses = self.writes = 0
        self._lock = threading.Lock()
        self._file: AnswerCache | None = None

    def get(self, key: str) -> Opinion | None:
        known = self._read(key) if self.reads else None
        with self._lock:
            self.hits, self.misses = self.hits + (known is not None), self.misses + (known is None)
        return known

    def _read(self, key: str) -> Opinion | None:
        try:
            return Opinion.model_validate(self._opened().get(key))
        except ValidationError:
            return None  # none, or one of another version

    def put(self, key: str, opinion: Opinion) -> None:
        self._opened().put(key, json.loads(opinion.model_dump_json()))
        with self._lock:
            self.writes += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> "AnswerCache":
        from dspy_programs.lm import AnswerCache

        with self._lock:
            if self._file is None:
                self._file = AnswerCache(self.path)
            return self._file
