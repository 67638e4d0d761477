"""Find code by a question in words, or by a name.

Input      an Index, a question, and how many hits.
Output     list[Hit], the best first. score: 1 for the best, and shares of it; by BM25 over names, paths and text, better for a
           symbol that the question names and for one that has more of its words, worse for tests that nobody asked for.
Calls      no model.
"""

import re
from collections import Counter
from collections.abc import Sequence
from textwrap import dedent
from typing import NamedTuple

from dspy_programs.code.files import read_bytes, text_in
from dspy_programs.code.index import Index
from dspy_programs.code.words import asked_words, names_asked
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
    words = asked_words(question)
    if not words:
        return []
    asked = " OR ".join(f'"{word}"' for word in words)
    rows = index.database.rows(
        f"SELECT rowid AS id, -bm25(chunks, {_NAME}, {_PATH}, {_TEXT}, {_HUMPS}) AS score FROM chunks WHERE chunks MATCH ? "
        "ORDER BY score DESC LIMIT ?",
        (asked, max(_CANDIDATES, 3 * k)),
    )
    found = [_Candidate(row["id"], row["score"]) for row in rows]
    best_of: dict[tuple[str, str, int], _Ranked] = {}
    for one in sorted(_weighed(index, found, question, words), key=lambda one: -one.score):
        best_of.setdefault((one.path, one.symbol, 0 if one.symbol else one.line), one)  # overloads are one place
    ranked = list(best_of.values())[:k]
    best = ranked[0].score if ranked else 1.0
    return [one.hit(index, words, best) for one in ranked]


class _Candidate(NamedTuple):
    id: int
    score: float


class _Ranked(NamedTuple):
    path: str
    symbol: str
    line: int
    end_line: int
    text: str
    score: float

    def hit(self, index: Index, words: Sequence[str], best: float) -> Hit:
        snippet = _snippet(index, self, words)
        return Hit(self.path, self.line, self.end_line, self.symbol, snippet, round(self.score / best, 3))


def _weighed(index: Index, found: Sequence[_Candidate], question: str, words: Sequence[str]) -> list[_Ranked]:
    named, wants_tests = names_asked(question), "test" in question.lower()
    scores = dict(found)
    rows = index.database.rows(
        "SELECT places.id, files.path, places.symbol, places.line, places.end_line, chunks.text FROM places "
        "JOIN files ON files.id = places.file JOIN chunks ON chunks.rowid = places.id "
        f"WHERE places.id IN ({', '.join('?' * len(scores))})",
        list(scores),
    )
    asked = Counter({stem(word): 1 for word in words})
    ranked = []
    for row in rows:
        score, symbol = scores[row["id"]], row["symbol"].lower()
        if any(symbol == name or symbol.endswith(f".{name}") for name in named):
            score *= _NAMED
        if not wants_tests and _TESTING.search(row["path"]):
            score *= _OF_A_TEST
        if row["path"].endswith(".pyi"):
            score *= _STUB
        score *= (1 + _SAID_BY_NAME * _told_by_name(row["symbol"], asked)) if symbol else _BETWEEN
        ranked.append(_Ranked(row["path"], row["symbol"], row["line"], row["end_line"], row["text"], score))
    return ranked


def _told_by_name(symbol: str, asked: Counter[str]) -> float:
    """Return how well the words of a dotted name and those of the question agree, in [0, 1]."""
    return f1(Counter({stem(word): 1 for word in asked_words(symbol)}), asked)


def _snippet(index: Index, one: _Ranked, words: Sequence[str]) -> str:
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
