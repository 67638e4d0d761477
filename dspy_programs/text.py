"""Measures of text that programs and metrics share: words, n-grams, overlaps. No model, no file, no random draw."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any

WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Return the words of a text in order, lower case, without punctuation."""
    return WORD.findall(text.lower())


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return the distinct runs of n words; of a shorter text, all its words as one run; nothing of no text."""
    found = words(text)
    return {tuple(found[i : i + n]) for i in range(max(1, len(found) - n + 1))} if found else set()


def jaccard(a: Iterable[Hashable], b: Iterable[Hashable]) -> float:
    """Return the share of what either has that both have, in [0, 1]; 1.0 when both are empty."""
    a, b = frozenset(a), frozenset(b)
    return len(a & b) / len(a | b) if a or b else 1.0


def f1(gold: Counter[Any], found: Counter[Any]) -> float:
    """Return the F1 of two bags: 1.0 when both are empty, 0.0 when only one is."""
    if not gold and not found:
        return 1.0
    return 2 * (gold & found).total() / (gold.total() + found.total())


def shortened(text: str, characters: int) -> str:
    """Cut a text at the last word that fits."""
    return text if len(text) <= characters else text[:characters].rsplit(" ", 1)[0]
