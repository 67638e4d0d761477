"""A text in parts that a model can read at once, and which of them are likeliest to answer a question.

Guarantees the parts are the text, in order, cut between paragraphs where there are any, else between sentences, else words.
Source     BM25 (Robertson and Zaragoza 2009), as SQLite's FTS5 ranks
"""

import re
from collections.abc import Callable, Iterator

from dspy_programs.database import Database
from dspy_programs.text import words

_CUTS = (re.compile(r"\n\s*\n"), re.compile(r"\n|(?<=[.!?])\s+"), re.compile(r"\s+"))


def parts_of(text: str, most_tokens: int, count: Callable[[str], int]) -> list[str]:
    """Cut a text into as few parts as hold at most so many tokens each.

    A single word without spaces that is longer than a part is cut between characters.
    """
    parts: list[str] = []
    for piece in _pieces(text, most_tokens, count):
        if parts and count(joined := parts[-1] + piece) <= most_tokens:
            parts[-1] = joined
        else:
            parts.append(piece)
    return parts


def _pieces(text: str, most: int, count: Callable[[str], int], level: int = 0) -> Iterator[str]:
    """Yield pieces of a text that each fit, and together are it."""
    if count(text) <= most:
        yield text
    elif level == len(_CUTS):
        half = len(text) // 2
        yield from _pieces(text[:half], most, count, level)
        yield from _pieces(text[half:], most, count, level)
    else:
        start = 0
        for cut in [*(match.end() for match in _CUTS[level].finditer(text)), len(text)]:
            if cut > start:
                yield from _pieces(text[start:cut], most, count, level + 1)
            start = cut


def likeliest(database: Database, corpus: str, question: str) -> list[int]:
    """Return the numbers of the parts that share words with a question, the likeliest first."""
    asked = " OR ".join(f'"{word}"' for word in dict.fromkeys(words(question)))
    if not asked:
        return []
    chosen = "SELECT number FROM parts WHERE parts MATCH ? AND corpus = ? ORDER BY bm25(parts)"
    return [row["number"] for row in database.rows(chosen, [f"text : ({asked})", corpus])]
