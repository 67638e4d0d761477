"""Which pairs belong together, so that a split does not part them.

Output     a number of each pair's group, the same on every machine.
Formats    hash: the same question, whatever its case, spaces and signs: two answers to one question are one group.
           group: questions that are nearly the same, too. A field's name: the same value, such as category or metadata.topic;
           a pair without one is grouped by its question.
"""

import hashlib
import re
import unicodedata
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.export.formats import as_json, messages_of
from dspy_programs.data.export.splits import Groups
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import UsageError
from dspy_programs.text import CJK_RUN, words

GroupOf: TypeAlias = Callable[[Iterable[DataPair]], Groups]
"""Takes the pairs as a stream; returns the group of each, in order."""

FIELDS = ("category", "difficulty", "instruction", "input", "context", "source_seed", "cycle_id")
_NOT_WORDS = re.compile(r"[\W_]+")
_SIGNATURE = 64  # minima a pair: 128 bytes of memory
_BAND = 4  # minima that have to meet: 16 bands
_ALIKE = 0.7  # of the words and pairs of words of two questions, the share that both have
_CHUNK = 1 << 16


def group_of(by: str) -> GroupOf:
    """Return the grouping of a name. Raises UsageError for what is neither a grouping nor a field."""
    if by == "hash":
        return lambda pairs: _each(pairs, question_key)
    if by == "group":
        return near_groups
    if by in FIELDS or by.startswith("metadata."):
        return lambda pairs: _by_field(pairs, by)
    raise UsageError(f"--by {by!r}: give hash, group, metadata.KEY or one of {', '.join(FIELDS)}")


def question_key(pair: DataPair) -> int:
    """Return a number of what is asked: that of its answer, if nothing is."""
    asked = _question(pair)
    text = _normal(asked) or asked.strip() or _normal(pair.output) or pair.output
    return _number(text)


def near_groups(pairs: Iterable[DataPair]) -> Groups:
    """Group questions that share most of their words and pairs of words, and those alike to one of the same group.

    Two questions that have 0.8 in common are in one group with a probability above 0.97, with 0.5 below 0.01 (MinHash).
    """
    keys, minima = array("Q"), array("H")
    for pair in pairs:
        question = _question(pair)
        keys.append(question_key(pair))
        minima.frombytes(_signature(question).tobytes())
    if not keys:
        return np.empty(0, np.uint64)
    groups = _Union(len(keys))
    sketch = np.frombuffer(minima, np.uint16).reshape(-1, _SIGNATURE)
    _join_equal(groups, np.frombuffer(keys, np.uint64))
    for start in range(0, _SIGNATURE, _BAND):
        band = np.ascontiguousarray(sketch[:, start : start + _BAND]).view(np.uint64).ravel()
        for one, other in _neighbours(band):
            alike = (sketch[one] == sketch[other]).mean(axis=1) >= _ALIKE
            groups.join(one[alike], other[alike])
    firsts = groups.firsts()
    return np.frombuffer(keys, np.uint64)[firsts]


class _Union:
    """Sets that are joined; each is known by its first member."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, ones: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        for one, other in zip(ones.tolist(), others.tolist(), strict=True):
            first, second = self._first(one), self._first(other)
            self._above[max(first, second)] = min(first, second)

    def firsts(self) -> NDArray[np.int64]:
        return np.array([self._first(number) for number in range(len(self._above))], np.int64)

    def _first(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number


def _neighbours(band: Groups) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield rows that meet in a band: each with the one before it and with the first of those that meet."""
    order = np.argsort(band, kind="stable")
    same = np.flatnonzero(band[order[1:]] == band[order[:-1]]) + 1
    begins = np.flatnonzero(np.concatenate([[True], band[order[1:]] != band[order[:-1]]]))
    first = begins[np.searchsorted(begins, same, "right") - 1]
    for start in range(0, len(same), _CHUNK):
        some = slice(start, start + _CHUNK)
        yield order[same[some] - 1], order[same[some]]
        yield order[first[some]], order[same[some]]


def _join_equal(groups: _Union, keys: Groups) -> None:
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
    groups.join(order[same - 1], order[same])


_RANDOM = np.random.default_rng(20261130)
_MULTIPLIERS = (_RANDOM.integers(1 << 31, size=_SIGNATURE, dtype=np.uint64) * np.uint64(2) + np.uint64(1)).astype(np.uint32)
_ADDENDS = _RANDOM.integers(1 << 32, size=_SIGNATURE, dtype=np.uint64).astype(np.uint32)


def _signature(text: str) -> NDArray[np.uint16]:
    found = words(CJK_RUN.sub(lambda run: " ".join(run.group()), text[:20_000]))
    parts = {*found, *(f"{one} {other}" for one, other in pairwise(found))} or {text}
    hashes = np.array([zlib.crc32(part.encode("utf-8", "replace")) for part in parts], np.uint32)
    least = (hashes[:, None] * _MULTIPLIERS + _ADDENDS).min(axis=0)
    mixed = (least ^ (least >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    signature: NDArray[np.uint16] = (mixed >> np.uint32(16)).astype(np.uint16)
    return signature


def _question(pair: DataPair) -> str:
    if pair.messages:
        asked = [turn.get("content") for turn in messages_of(pair) if turn.get("role") != "assistant"]
        return "\n".join(text if isinstance(text, str) else as_json(text) for text in asked)
    return f"{pair.instruction}\n{pair.input}\n{pair.context}"


def _by_field(pairs: Iterable[DataPair], field: str) -> Groups:
    """Group by a field. Raises UsageError if no pair has it."""
    found = False

    def key(pair: DataPair) -> int:
        nonlocal found
        value = pair.metadata.get(field.removeprefix("metadata.")) if "." in field else getattr(pair, field)
        if value in (None, ""):
            return question_key(pair)
        found = True
        return _number(f"{field}={as_json(value)}")

    groups = _each(pairs, key)
    if len(groups) and not found:
        raise UsageError(f"--by {field}: no pair has it")
    return groups


def _each(pairs: Iterable[DataPair], key: Callable[[DataPair], int]) -> Groups:
    return np.frombuffer(array("Q", map(key, pairs)).tobytes(), np.uint64)


def _normal(text: str) -> str:
    return _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
