"""Find code by a question in words, or by a name.

Input      an Index, a question, and how many hits.
Output     list[Hit], the best first. score: 1 for the best, and shares of it; by BM25 over names, paths and text, better for a
           symbol that the question names and for one that has more of its words, worse for tests that nobody asked for.
Calls      no model.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from textwrap import dedent
from typing import NamedTuple

from dspy_programs.code.files.source_files import read_bytes, text_in
from dspy_programs.code.index.index import Index
from dspy_programs.code.index.words import asked_words, names_asked
from dspy_programs.text import f1, stem

_NAME, _PATH, _TEXT, _HUMPS = 8.0, 2.0, 1.0, 0.5  # weights of BM25
_CANDIDATES = 60
_NAMED = 2.0  # factor for a symbol that the question names
_OF_A_TEST = 0.5  # factor
_BETWEEN = 0.7  # factor for lines between definitions, such as imports
_SAID_BY_NAME = 1.5  # added to the factor if a symbol's name has the words of the question and no others
_STUB = 0.6  # factor for .pyi files: their definitions are elsewhere, with a body
_TESTING = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|examples?|benchmarks?)(/|$)|(^|/)test_|_test\.|\.(test|spec)\.", re.I
)
_SNIPPET = 3  # lines
_LONGEST_LINE = 160  # characters


class Hit(NamedTuple):
    """A place in the code. path: relative to the folder; line, end_line: from 1; symbol: dotted, "" outside of any."""

    path: str
    line: int
    end_line: int
    symbol: str
    snippet: str
    score: float


def search(index: Index, question: str, k: int = 10) -> list[Hit]:
    """Return the places that a question is about; [] for a question without words."""
    return as_hits(index, lexical_ranking(index, question, k)[:k], asked_words(question))


class Place(NamedTuple):
    """A chunk, as a ranking has it."""

    path: str
    symbol: str
    line: int
    end_line: int
    text: str
    score: float

    @property
    def key(self) -> tuple[str, str, int]:
        """What overloads have in common."""
        return self.path, self.symbol, 0 if self.symbol else self.line


def lexical_ranking(index: Index, question: str, most: int) -> list[Place]:
    """Return the places that have words of the question, the best first."""
    words = asked_words(question)
    if not words:
        return []
    asked = " OR ".join(f'"{word}"' for word in words)
    rows = index.database.rows(
        f"SELECT rowid AS id, -bm25(chunks, {_NAME}, {_PATH}, {_TEXT}, {_HUMPS}) AS score FROM chunks WHERE chunks MATCH ? "
        "ORDER BY score DESC LIMIT ?",
        (asked, max(_CANDIDATES, 3 * most)),
    )
    found = places_of(index, {row["id"]: row["score"] for row in rows})
    named, stems = names_asked(question), Counter({stem(word): 1 for word in words})
    weighed = [one._replace(score=one.score * _weight(one, question, named, stems)) for one in found]
    return each_once(sorted(weighed, key=lambda one: -one.score))


def places_of(index: Index, scores: Mapping[int, float]) -> list[Place]:
    """Return chunks by their ids, with these scores."""
    rows = index.database.rows(
        "SELECT places.id, files.path, places.symbol, places.line, places.end_line, chunks.text FROM places "
        "JOIN files ON files.id = places.file JOIN chunks ON chunks.rowid = places.id "
        f"WHERE places.id IN ({', '.join('?' * len(scores))})",
        list(scores),
    )
    return [Place(row["path"], row["symbol"], row["line"], row["end_line"], row["text"], scores[row["id"]]) for row in rows]


def each_once(ranked: Sequence[Place]) -> list[Place]:
    """Return the best of each place: overloads are one."""
    best: dict[tuple[str, str, int], Place] = {}
    for one in ranked:
        best.setdefault(one.key, one)
    return list(best.values())


def as_hits(index: Index, ranked: Sequence[Place], words: Sequence[str]) -> list[Hit]:
    """Return places as they are shown; words: of the question."""
    best = ranked[0].score if ranked else 1.0
    return [
        Hit(one.path, one.line, one.end_line, one.symbol, _snippet(index, one, words), round(one.score / best, 3))
        for one in ranked
    ]


def _weight(one: Place, question: str, named: Collection[str], asked: Counter[str]) -> float:
    weight, symbol = reluctance(one, question), one.symbol.lower()
    if any(symbol == name or symbol.endswith(f".{name}") for name in named):
        weight *= _NAMED
    return weight * (1 + _SAID_BY_NAME * _told_by_name(one.symbol, asked)) if symbol else weight


def reluctance(one: Place, question: str) -> float:
    """Return a factor below 1 for what is seldom looked for: tests, stubs, lines between definitions."""
    factor = 1.0 if one.symbol else _BETWEEN
    if "test" not in question.lower() and _TESTING.search(one.path):
        factor *= _OF_A_TEST
    return factor * _STUB if one.path.endswith(".pyi") else factor


def _told_by_name(symbol: str, asked: Counter[str]) -> float:
    """Return how well the words of a dotted name and those of the question agree, in [0, 1]."""
    return f1(Counter({stem(word): 1 for word in asked_words(symbol)}), asked)


def _snippet(index: Index, one: Place, words: Sequence[str]) -> str:
    """Return the first line of a place, and the lines after it that say most about the question, as they are in the file."""
    data = read_bytes(index.folder / one.path)
    lines = ((text_in(data) if data else None) or one.text).split("\n")[one.line - 1 : one.end_line]
    stems = [word[: max(3, len(word) - 2)] for word in words]
    own = {
        line for line in one.text.split("\n") if line.strip()
    }  # a class's span has its methods', which are hits of their own
    scored = [(sum(stem in line.lower() for stem in stems), -number) for number, line in enumerate(lines) if line in own]
    head = -scored[0][1] if scored else 0
    best = sorted(-number for count, number in sorted(scored, reverse=True)[: _SNIPPET - 1] if count and -number != head)
    return dedent("\n".join(_cut(lines[number]) for number in dict.fromkeys([head, *best]) if number < len(lines)))


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} [cut]"
