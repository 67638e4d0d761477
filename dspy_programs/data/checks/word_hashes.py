"""The words of many texts at once, as numbers: what near duplicates, swear words and test sets are looked up by.

A word is a run of letters and digits, in lower case; a Chinese or Japanese character is a word of its own. Its number is its
polynomial hash modulo 2^64, mixed: of all words of a batch together in a few passes over the bytes, which is ten times faster
than a loop over them in Python.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from dspy_programs.text import CJK

Hashes = NDArray[np.uint64]
_LONGEST = 200_000  # characters of a text that are looked at, at most five times as many bytes
_MOST = 1 << 20  # bytes at once
_FACTOR = 0x9E3779B97F4A7C15
_BEYOND = re.compile("[\x80-\U0010ffff]+")  # ASCII
_SCRIPT = re.compile(f"([{CJK}\u0e00-\u0e7f])|[^\\w\\s]")  # written without spaces; signs


@dataclass(frozen=True)
class Words:
    """Words of texts in order. starts: index of each text's first word, and the number of words at the end."""

    hashes: Hashes
    starts: NDArray[np.int64]
    lone: NDArray[np.bool_]  # of each word, whether it is a single letter
    digits: NDArray[np.int64]  # of each text, how many
    longest: NDArray[np.int64]  # of each text, bytes of the longest run without a space that has a digit
    masks: tuple[tuple[int, str], ...]  # a text and its run that has a letter, one of @ $ * !, a letter or such a sign: "f*ck"
    stretched: NDArray[np.bool_]  # of each text, whether a letter comes three times in a row

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    @cached_property
    def pairs(self) -> Hashes:
        """The number of each word with the one after it; the last word of a text stands alone."""
        after = np.empty_like(self.hashes)
        after[:-1] = self.hashes[1:]
        after[self.starts[1:][self.counts > 0] - 1] = 0
        return mixed(self.hashes * np.uint64(3) + after)


def mixed(hashes: Hashes) -> Hashes:
    """Return numbers whose every bit depends on every bit of the given ones."""
    hashes = hashes ^ (hashes >> np.uint64(32))
    hashes = hashes * np.uint64(0xD6E8FEB86659FD93)
    return hashes ^ (hashes >> np.uint64(32))


def words_of(texts: Sequence[str]) -> Words:
    """Return the words of texts; of a text beyond 200,000 characters those of its beginning."""
    parts = [_words_of(group) for group in _groups(texts)]
    if len(parts) == 1:
        return parts[0]
    starts, masks, first, texts_before = [np.zeros(1, np.int64)], [], 0, 0
    for part in parts:
        starts.append(part.starts[1:] + first)
        masks += [(text + texts_before, run) for text, run in part.masks]
        first += int(part.starts[-1])
        texts_before += len(part.digits)
    names = [field.name for field in fields(Words) if field.name not in ("starts", "masks")]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Words(starts=np.concatenate(starts), masks=tuple(masks), **joined)


def hash_of_words(words: Iterable[str]) -> Hashes:
    """Return the numbers of single words."""
    return words_of([" ".join(words)]).hashes


def hash_of_pair(pair: str) -> Hashes:
    """Return the number of a word with the one after it."""
    return words_of([pair]).pairs[:1]


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for text in texts:
        if len(text) > _LONGEST:
            text = text[:_LONGEST]
        if group and size + (1 if text.isascii() else 5) * len(text) > _MOST - 2:
            yield group
            group, size = [], 0
        group.append(text)
        size += (1 if text.isascii() else 5) * len(text) + 1
    yield group


def _powers() -> tuple[Hashes, Hashes]:
    factors = np.full(_MOST + 1, _FACTOR, np.uint64)
    inverse = np.full(_MOST + 1, pow(_FACTOR, -1, 1 << 64), np.uint64)
    factors[0] = inverse[0] = 1
    return np.multiply.accumulate(factors), np.multiply.accumulate(inverse)


_POWERS: list[Hashes] = []  # made at first use: importing does nothing


def _plain(text: str) -> str:
    """Return a text whose words are apart for one who only knows ASCII's signs."""
    return text if text.isascii() else _BEYOND.sub(lambda match: _apart(match[0]), text)


@lru_cache(maxsize=4096)
def _apart(run: str) -> str:
    return _SCRIPT.sub(lambda match: f" {match[1]} " if match[1] else " ", run)


def _places(kind: NDArray[np.uint8], of: int) -> NDArray[np.int64]:
    return np.flatnonzero((kind & of) > 0)  # of truth values: of numbers it takes thrice as long


_WORD, _SPACE, _DIGIT, _SIGN, _BORDER = 1, 2, 4, 8, 16  # what a byte is
_KINDS = {b"abcdefghijklmnopqrstuvwxyz0123456789": _WORD, bytes(range(128, 256)): _WORD, b"0123456789": _DIGIT}
_KINDS |= {b"\0\t\n\v\f\r ": _SPACE, b"\0": _BORDER, b"@$*!": _SIGN}
_KIND = bytes(sum(kind for those, kind in _KINDS.items() if byte in those) for byte in range(256))
_FIRST_LETTER = ord("a")  # all is in lower case


def _words_of(texts: list[str]) -> Words:
    joined = "\0".join(texts)
    if joined.count("\0") != len(texts) - 1:
        joined = "\0".join(text.replace("\0", " ") for text in texts)
    if not joined.isascii():
        joined = "\0".join(map(_plain, joined.split("\0")))
    encoded = b"\0" + joined.lower().encode("utf-8", "replace") + b"\0"
    raw, kind = np.frombuffer(encoded, np.uint8), np.frombuffer(encoded.translate(_KIND), np.uint8)
    borders = _places(kind, _BORDER)  # before each text, and after the last
    is_word = kind & _WORD
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    begins, ends = edges[::2], edges[1::2]
    hashes = _hashes(raw, begins, ends)
    lone = (ends - begins == 1) & (raw[begins] >= _FIRST_LETTER)
    spaces = _places(kind, _SPACE)
    runs = np.diff(spaces)
    numerals = _places(kind, _DIGIT)
    of = np.searchsorted(borders, numerals) - 1
    digits = np.bincount(of, minlength=len(texts))
    longest = np.zeros(len(texts), np.int64)
    np.maximum.at(longest, of, runs[np.searchsorted(spaces, numerals) - 1])
    inner = _places(kind, _SIGN)
    inner = inner[(raw[inner - 1] >= _FIRST_LETTER) & (kind[inner + 1] & (_WORD | _SIGN) > 0)]
    around = np.unique(np.searchsorted(spaces, inner))
    of = (np.searchsorted(borders, spaces[around]) - 1).tolist()
    begins_of, ends_of = (spaces[around - 1] + 1).tolist(), spaces[around].tolist()
    masks = [(text, encoded[begin:end].decode()) for text, begin, end in zip(of, begins_of, ends_of, strict=True)]
    stretched = np.zeros(len(texts), np.bool_)
    thrice = np.flatnonzero((raw[2:] == raw[1:-1]) & (raw[1:-1] == raw[:-2]) & (raw[2:] >= _FIRST_LETTER))
    stretched[np.searchsorted(borders, thrice) - 1] = True
    return Words(hashes, np.searchsorted(begins, borders).astype(np.int64), lone, digits, longest, tuple(masks), stretched)


def _hashes(raw: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Hashes:
    if not _POWERS:
        _POWERS.extend(_powers())
    powers, inverse = _POWERS
    if len(raw) > len(powers):
        raise ValueError("more bytes at once than there are powers")
    sums = np.cumsum(raw * powers[: len(raw)], dtype=np.uint64)
    return mixed((sums[ends - 1] - sums[begins - 1]) * inverse[begins])
