"""Measures of text that programs and metrics share: words, n-grams, overlaps. No model, no file, no random draw."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any

WORD = re.compile(r"\w+")
UNSENDABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # control characters, halves of surrogate pairs
REFUSAL = re.compile(
    r"\W*(?:(?:i[’']m |i am )?(?:very |so )?sorry\b[,.]? ?(?:but )?)?"
    r"(?:as an ai\b|i(?: am|[’']m) (?:unable|not able) to\b"
    r"|i (?:cannot|can ?not|can[’']t|won[’']t) (?:help|assist|provide|comply|answer|do|fulfil|generate|create|complete)\b)",
    re.IGNORECASE,
)
PLACEHOLDER = re.compile(
    r"\W*(?:generation failed|n/a|todo|tbd|placeholder|lorem ipsum.*|your \w+ here|insert [\w ]{1,40} here)\W*"
    r"|\s*\[[a-z]+(?: [a-z]+)+\]\s*|\s*<(?:your|insert|the|output|input|answer|text)\b[^<>]{0,60}>\s*|[.…\s]*",
    re.IGNORECASE,
)


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


def containment(part: Iterable[Hashable], whole: Iterable[Hashable]) -> float:
    """Return the share of `part` that is also in `whole`, in [0, 1]; 0.0 of no part."""
    part = frozenset(part)
    return len(part & frozenset(whole)) / len(part) if part else 0.0


def sendable(text: str, characters: int) -> str:
    """Drop what no request can carry or no reader sees (see UNSENDABLE), and cut what is too long to be read."""
    return UNSENDABLE.sub("", text[: 2 * characters]).strip()[:characters]


def is_refusal(text: str) -> bool:
    """Tell whether a text opens by declining to do what was asked."""
    return REFUSAL.match(text) is not None


def is_placeholder(text: str) -> bool:
    """Tell whether a text only holds the place of one: nothing, dots, "[Generation failed]", "your answer here"."""
    return len(text) <= 200 and PLACEHOLDER.fullmatch(text) is not None
