"""Full-text search over a folder, and web_search over any backend.

Input      for the index: a folder; texts of up to MOST_BYTES are taken in passages. For the web: the address of a server that
           answers like SearxNG (`/search?q=...&format=json`).
Output     search_tool(backend): the tool web_search. Hits have a title, where they are, and a passage.
Guarantees the index follows the folder: changed files are read again, deleted ones forgotten; a query is words, never syntax;
           files with other names outside (hard links) and binary ones are left out. Nothing is written to disk.
Raises     ToolError when the server does not answer as it should.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

from dspy_programs.agent.tools.files import encoding_of
from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError, tool
from dspy_programs.agent.tools.web import fetch
from dspy_programs.agent.workspace.workspace import Workspace

MOST_BYTES = 2_000_000
_PASSAGE = 1_200  # characters
_MOST_FILES = 20_000
_HITS = 5
_SAYS_LITTLE = frozenset(
    "a an the of in on at to for from by with and or is are was were be do does did how what which who when where why i me my "
    "we you it this that can could should would there about find search page pages".split()
)
_TOKENS = "porter unicode61 remove_diacritics 2"
_SHOWN = 300  # characters of a passage


class Hit(NamedTuple):
    title: str
    place: str
    text: str


class SearchBackend(Protocol):
    """Something that can be searched."""

    def search(self, query: str, count: int, seconds: float) -> list[Hit]: ...


def search_tool(backend: SearchBackend) -> AgentTool:
    """Return the tool web_search over a backend."""

    def web_search(scope: Scope, query: str) -> str:
        """Search for pages about a few words. Returns titles, where they are, and a passage of each."""
        if not query.strip():
            raise ToolError("the query is empty; give a few words")
        hits = backend.search(query.strip()[:500], _HITS, scope.seconds)
        shown = (f"{number}. {hit.title} ({hit.place})\n{_short(hit.text)}" for number, hit in enumerate(hits, 1))
        return "\n".join(shown) or f"[nothing found about {query}]"

    return tool(web_search, effect="reads" if isinstance(backend, FolderIndex) else "runs")


class FolderIndex:
    """The texts of a folder, in SQLite's full-text index, in memory."""

    def __init__(self, folder: str | Path | Workspace) -> None:
        self._folder = folder if isinstance(folder, Workspace) else Workspace(folder)
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, int]] = {}
        """path -> size and time of what was read."""
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute(f"CREATE VIRTUAL TABLE passages USING fts5(path UNINDEXED, title, text, tokenize='{_TOKENS}')")

    def search(self, query: str, count: int, seconds: float) -> list[Hit]:
        words = re.findall(r"\w+", query)[:30]
        words = [word for word in words if word.casefold() not in _SAYS_LITTLE] or words
        if not words:
            return []
        rows: list[tuple[str, str, str]] = []
        with self._lock:
            self._refresh()
            for between in (" AND ", " OR "):  # passages with all of the words first
                rows += self._index.execute(
                    "SELECT path, title, text FROM passages WHERE passages MATCH ? ORDER BY bm25(passages, 0, 4, 1) LIMIT ?",
                    (between.join(f'"{word}"' for word in words), count * 4),
                )
        best: dict[str, Hit] = {}
        for path, title, text in rows:
            best.setdefault(path, Hit(title, path, _around(text, words)))
        return list(best.values())[:count]

    def _refresh(self) -> None:
        """Read what is new or changed, forget what is gone."""
        seen = {}
        for number, found in enumerate(self._folder.walk()):
            if number >= _MOST_FILES:
                break
            if found.kind == "file" and not found.shared and found.size <= MOST_BYTES:
                seen[found.path] = found.size, found.changed
        for path in self._held.keys() - {path for path, state in seen.items() if self._held.get(path) == state}:
            self._index.execute("DELETE FROM passages WHERE path = ?", (path,))
            del self._held[path]
        for path in seen.keys() - self._held.keys():
            self._index.executemany("INSERT INTO passages VALUES (?, ?, ?)", self._passages(path))
            self._held[path] = seen[path]

    def _passages(self, path: str) -> Iterator[tuple[str, str, str]]:
        try:
            data = self._folder.read(path, MOST_BYTES)
            text = data.decode(encoding_of(data[:8192], path), "replace")
        except ToolError:
            return  # binary, or gone
        heading = re.search(r"^#+ +(.+)$", text, re.M)
        title = heading[1].strip()[:200] if heading else path
        for start in range(0, max(1, len(text)), _PASSAGE):
            yield path, title, text[start : start + _PASSAGE + 200]


class SearxNG:
    """A server of the user's choice that answers like SearxNG."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def search(self, query: str, count: int, seconds: float) -> list[Hit]:
        url = f"{self._address}/search?{urlencode({'q': query, 'format': 'json'})}"
        page = fetch(url, seconds=seconds, anywhere=True)
        try:
            if page.status != 200:
                raise ValueError(f"status {page.status}")
            found = json.loads(page.text)["results"]
            return [Hit(str(one["title"]), str(one["url"]), str(one.get("content") or "")) for one in found[:count]]
        except (ValueError, KeyError, TypeError) as error:
            said = f"{type(error).__name__}: {error}"
            raise ToolError(f"{self._address}: does not answer searches ({said}); is JSON among its formats?") from None


def _around(text: str, words: list[str]) -> str:
    """Return the part of a passage where the first of the words stands."""
    found = re.search("|".join(map(re.escape, words)), text, re.I)
    start = max(0, found.start() - _SHOWN // 3) if found else 0
    return text[start : start + _SHOWN]


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]} [cut]"
