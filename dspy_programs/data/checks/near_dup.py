"""Are two pairs nearly the same? What meets in a band of the sketches is compared word by word.

Rule       the Jaccard index of the words and pairs of words of the whole pairs is at least the threshold; and what is asked,
           and what is answered, each is similar by itself, a short text equal in its words: "positive" is not "negative",
           however long the review. Numbers in what is asked, and in a short answer, must be the same: two sums of one form are
           two exercises. Nor is a question with another name in it, or "odd" for "even", where the answer changes with it.
           Pairs that differ by `input` only are never near duplicates, however little differs: the input is what a model
           learns to look at. Short inputs, and contexts, must be the same.
Source     words and pairs of words instead of longer runs, so that one changed word of ten leaves 0.73.
"""

import itertools
import re
import zlib
from functools import cached_property
from typing import NamedTuple

from dspy_programs.data.checks.finding import contents_of
from dspy_programs.data.pair import DataPair
from dspy_programs.text import CJK, TELLING, content_stems

_SHORT_INPUT = 120  # characters
_SHORT = 5  # words
_SHORT_ANSWER = 12  # words
_LONG = 30  # words; a longer answer may have another number in it
_ANSWER, _QUESTION = 0.85, 0.6  # of the threshold
_WORD = re.compile(f"[{CJK}\u0e00-\u0e7f]|[^\\W_{CJK}\u0e00-\u0e7f]+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_CODE = re.compile(r"\breturn\b|\bdef \w+\(|[;{]\s*$|```|\w = \w", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SYSTEM = ("system", "developer")
_SIGN = re.compile(r"[^\w\s.,!?;:'\"]")

Features = frozenset[str | int]


class Text(str):
    """A text that is compared with several others: its words are looked for once."""

    @cached_property
    def words(self) -> list[str]:
        """The words as the sketches know them: in lower case, each Chinese or Japanese character one."""
        return (_ASCII_WORD if self.isascii() else _WORD).findall(self.lower())

    @cached_property
    def features(self) -> Features:
        """Its words, and the hashes of its pairs of words: numbers take less memory than pairs."""
        return frozenset(self.words).union(map(hash, itertools.pairwise(self.words)))

    @cached_property
    def stems(self) -> set[str]:
        """The stems of the words that carry meaning; among them small ones that are often all that differs."""
        return {*content_stems(self), *TELLING.intersection(self.words)}

    @cached_property
    def numbers(self) -> list[str]:
        return sorted(_NUMBER.findall(self))


class Shape(NamedTuple):
    """A pair as it is compared. given: input and context; system: what a conversation's system messages say."""

    asked: Text
    given: Text
    answered: Text
    system: str
    is_chat: bool


def key_of(pair: DataPair) -> int:
    """Return a number that two pairs must share to be compared: of a short input and a context."""
    given = pair.input if len(pair.input) < _SHORT_INPUT else ""
    return zlib.crc32(f"{given.strip()}\0{pair.context.strip()}".encode("utf-8", "replace")) if given or pair.context else 0


def shape_of(pair: DataPair) -> Shape:
    if pair.messages is None:
        given = f"{pair.input.strip()}\n{pair.context.strip()}" if pair.context else pair.input.strip()
        return Shape(Text(pair.instruction), Text(given), Text(f"{pair.output}\n{pair.rejected or ''}"), "", False)
    said: dict[bool, list[str]] = {True: [], False: []}
    system: list[str] = []
    for turn in pair.messages:
        if turn.get("role") in _SYSTEM:
            system += contents_of(turn)
        else:
            said[turn.get("role") == "user"] += contents_of(turn)
    asked, answered = Text("\n".join(said[True])), Text("\n".join(said[False]))
    return Shape(asked, Text(pair.input.strip()), answered, "\n".join(system), True)


def similarity(one: Shape, other: Shape, threshold: float) -> float:
    """Return the Jaccard index of two pairs if they are near duplicates, 0.0 if they are not."""
    if one.is_chat != other.is_chat or one.system != other.system:
        return 0.0
    if one.given != other.given:
        short = min(len(one.given), len(other.given)) < _SHORT_INPUT
        if short or (one.asked == other.asked and one.answered == other.answered):
            return 0.0
        if not _alike(one.given, other.given, threshold):
            return 0.0
    if one.asked.numbers != other.asked.numbers or not _alike(one.asked, other.asked, _QUESTION * threshold):
        return 0.0
    if not _alike(one.answered, other.answered, _ANSWER * threshold):
        return 0.0
    index = _jaccard(_features(one), _features(other))
    return 0.0 if index < threshold or (one.asked != other.asked and _is_other_task(one, other)) else index


def _is_other_task(one: Shape, other: Shape) -> bool:
    """Return whether what is asked differs as two tasks of one form do: "odd" for "even", another name.

    That is so if the answer has the same word changed or other numbers, or if it is too short to tell and each question has a
    word of its own.
    """
    own = [one.asked.stems - other.asked.stems, other.asked.stems - one.asked.stems]
    changed = [one.answered.stems - other.answered.stems, other.answered.stems - one.answered.stems]
    if any({word[:3] for word in one} & {word[:3] for word in two} for one, two in zip(own, changed, strict=True)):
        return True  # the beginnings of words, since "minimum" is `min` in code
    if all(own) and one.answered.numbers != other.answered.numbers:
        return True
    is_asked_otherwise = all(own) or sorted(_SIGN.findall(one.asked)) != sorted(_SIGN.findall(other.asked))
    if is_asked_otherwise and one.answered.split() != other.answered.split() and _CODE.search(one.answered):
        return True  # in code one sign makes it the other task
    return len(one.answered.words) < _SHORT_ANSWER and (all(own) or max(map(len, own)) > 2)


def _features(shape: Shape) -> Features:
    """Return the words and pairs of words of a whole pair, as if it were one text."""
    texts = [text for text in (shape.asked, shape.given, shape.answered) if text.words]
    between = [hash((one.words[-1], other.words[0])) for one, other in itertools.pairwise(texts)]
    return frozenset(between).union(*(text.features for text in texts))


def _alike(one: Text, other: Text, threshold: float) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < threshold / 3 * max(len(one), len(other)):
        return False  # so much shorter that it cannot be: a third, since words are of many lengths
    if one.words == other.words:
        return True
    shorter, longer = sorted((len(one.words), len(other.words)))
    if shorter < max(_SHORT, threshold / 2 * longer):
        return False
    if shorter < _LONG and one.numbers != other.numbers:
        return False
    return _jaccard(one.features, other.features) >= threshold


def _jaccard(one: Features, other: Features) -> float:
    shared = len(one & other)
    every = len(one) + len(other) - shared
    return shared / every if every else 0.0
