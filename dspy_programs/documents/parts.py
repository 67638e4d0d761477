"""A text in parts that a model can read at once, and which of them are likeliest to answer a question.

Guarantees the parts are the text, in order, cut between paragraphs where there are any, else between sentences, else words.
Source     BM25 (Robertson and Zaragoza 2009), as SQLite's FTS5 ranks
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from dspy_programs.database import Database
from dspy_programs.text import CJK_RUN, content_stems, words

_CUTS = (re.compile(r"\n\s*\n"), re.compile(r"\n|(?<=[.!?])\s+"), re.compile(r"\s+"))


def parts_of(text: str, most_tokens: int, count: Callable[[str], int]) -> list[str]:
    """Cut a text into as few parts as hold at most so many tokens each.

    A single word without spaces that is longer than a part is cut between characters.
    """
    parts: list[list[str]] = []
    sizes: list[int] = []  # at most: pieces together have hardly more tokens than each for itself
    for piece in _pieces(text, most_tokens, count):
        size = count(piece)
        if parts and sizes[-1] + size <= most_tokens:
            parts[-1].append(piece)
            sizes[-1] += size
        else:
            parts.append([piece])
            sizes.append(size)
    return [fitting for part in parts for fitting in _pieces("".join(part), most_tokens, count)]


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
    """Return the numbers of the parts that share words with a question, the likeliest first.

    In scripts without spaces, pairs of characters are the words.
    """
    pairs = [pair for run in CJK_RUN.findall(question) for pair in content_stems(run)]
    asked = " OR ".join(f'"{word}"' for word in dict.fromkeys(words(CJK_RUN.sub(" ", question))))
    by_words = (
        "SELECT number FROM words JOIN texts ON texts.id = words.rowid WHERE words MATCH ? AND corpus = ? ORDER BY bm25(words)"
    )
    found = [row["number"] for row in database.rows(by_words, [asked, corpus])] if asked else []
    return list(dict.fromkeys([*_having_pairs(database, corpus, pairs), *found])) if pairs else found


def _having_pairs(database: Database, corpus: str, pairs: Sequence[str]) -> list[int]:
    """Return the numbers of the parts that have some of these pairs, those with more of the rare ones first."""
    held: dict[int, set[str]] = {
        row["number"]: {pair for pair in pairs if pair in row["text"]}
        for row in database.rows("SELECT number, text FROM texts WHERE corpus = ? ORDER BY number", [corpus])
    }
    having = Counter(pair for each in held.values() for pair in each)
    weights = {number: sum(math.log(1 + len(held) / having[pair]) for pair in each) for number, each in held.items()}
    return sorted((number for number in held if held[number]), key=lambda number: -weights[number])
