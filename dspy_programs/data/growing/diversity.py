"""Is a new pair near one that exists? By words, and by meaning where WordLlama is installed.

Rule       what is asked counts: two requests are near if their inputs have nearly the same words, a Jaccard index of words
           and pairs of words of at least NEAR, and their instructions have too, or embeddings with a cosine of at least SAME.
           The same numbers must be in both: two sums of one form are two exercises.
Guarantees all pairs that exist are compared with by words: about 250 bytes each; the last MOST_EMBEDDED also by meaning.
           The first 2,000 characters of a field count.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.minhash import BANDS, bands_of
from dspy_programs.data.checks.word_hashes import words_of
from dspy_programs.embedding import embed_texts
from dspy_programs.errors import MissingExtra
from dspy_programs.text import words
from dspy_programs.types import Pair

NEAR = 0.7
SAME = 0.88  # static embeddings hardly see order or opposites: lower, they refuse what is new
MOST_EMBEDDED = 50_000
_READ = 2000  # characters
_BATCH = 500

Features = NDArray[np.uint32]
T = TypeVar("T")


class Near(NamedTuple):
    """where: the pair that exists. likeness: in [0, 1]. by: "words" or "meaning"."""

    where: str
    likeness: float
    by: str

    def __str__(self) -> str:
        return f"near {self.where} ({self.by} {self.likeness:.2f})"


class _Sketches(NamedTuple):
    """Of a batch of pairs, each."""

    bands: NDArray[np.uint32]
    asked: list[Features]
    given: list[Features]
    numbers: NDArray[np.uint32]


class Known:
    """The pairs that exist. by_meaning: compare embeddings too; by default if WordLlama is installed."""

    def __init__(self, by_meaning: bool | None = None, most_embedded: int = MOST_EMBEDDED) -> None:
        self.by_meaning = _has_embeddings() if by_meaning is None else by_meaning
        self._most = most_embedded
        self._count = 0
        self._bands = np.empty((BANDS, 64), np.uint32)
        self._numbers = np.empty(64, np.uint32)
        self._splits = np.zeros((64, 3), np.int64)  # where in the features instruction and input begin, and the end
        self._features = np.empty(1024, np.uint32)
        self._vectors = np.empty((0, 0), np.float32)  # of the instructions of the last pairs
        self._unread: deque[str] = deque(maxlen=most_embedded)  # those that have no embedding yet
        self._origins: list[tuple[int, str]] = []  # number of the first pair, and what it is from

    def __len__(self) -> int:
        return self._count

    def add(self, pairs: Iterable[Pair], origin: str) -> None:
        """Note pairs that exist. origin: what they are from, for the reason of a refusal."""
        self._origins.append((self._count, origin))
        for batch in _batches(pairs):
            if self.by_meaning:
                self._unread.extend(pair.instruction[:_READ] for pair in batch)
            self._append(_sketches(batch))

    def near(self, pair: Pair) -> Near | None:
        """Return the nearest pair if it is near."""
        if not self._count:
            return None
        sketch = _sketches([pair])
        return self._by_words(sketch) or self._by_meaning(sketch, pair.instruction[:_READ])

    def _by_words(self, sketch: _Sketches) -> Near | None:
        met = (self._bands[:, : self._count] == sketch.bands).any(0) & (self._numbers[: self._count] == sketch.numbers[0])
        best, place = 0.0, -1
        for candidate in np.flatnonzero(met):
            begin, middle, end = self._splits[candidate]
            likeness = min(
                _jaccard(self._features[begin:middle], sketch.asked[0]), _jaccard(self._features[middle:end], sketch.given[0])
            )
            if likeness > best:
                best, place = likeness, int(candidate)
        return Near(self._name(place), best, "words") if best >= NEAR else None

    def _by_meaning(self, sketch: _Sketches, instruction: str) -> Near | None:
        if not self.by_meaning:
            return None
        self._embed()
        places = np.arange(self._count - len(self._vectors), self._count)
        likeness = np.where(
            self._numbers[places] == sketch.numbers[0], self._vectors @ embed_texts([instruction])[0].astype(np.float32), 0.0
        )
        for each in sorted(np.flatnonzero(likeness >= SAME), key=lambda each: -likeness[each]):
            _, middle, end = self._splits[places[each]]
            if _jaccard(self._features[middle:end], sketch.given[0]) >= NEAR:
                return Near(self._name(int(places[each])), min(1.0, float(likeness[each])), "meaning")
        return None

    def _name(self, place: int) -> str:
        first, origin = next((first, origin) for first, origin in reversed(self._origins) if first <= place)
        return f"pair {place - first + 1} of {origin}"

    def _append(self, found: _Sketches) -> None:
        for place in range(len(found.numbers)):
            asked, given = found.asked[place], found.given[place]
            begin = int(self._splits[self._count - 1, 2]) if self._count else 0
            self._bands = _with_room(self._bands, self._count + 1, axis=1)
            self._numbers = _with_room(self._numbers, self._count + 1)
            self._splits = _with_room(self._splits, self._count + 1)
            self._features = _with_room(self._features, begin + len(asked) + len(given))
            self._bands[:, self._count] = found.bands[:, place]
            self._numbers[self._count] = found.numbers[place]
            middle = begin + len(asked)
            end = middle + len(given)
            self._features[begin:middle], self._features[middle:end] = asked, given
            self._splits[self._count] = begin, middle, end
            self._count += 1

    def _embed(self) -> None:
        """Embed what was added since the last time: of a large data set only the end is."""
        if not self._unread:
            return
        fresh = [embed_texts(batch).astype(np.float32) for batch in _batches(self._unread)]
        self._unread.clear()
        kept = [self._vectors, *fresh] if len(self._vectors) else fresh
        self._vectors = np.concatenate(kept)[-self._most :]


def _sketches(pairs: list[Pair]) -> _Sketches:
    asked, given = [pair.instruction[:_READ] for pair in pairs], [pair.input[:_READ] for pair in pairs]
    both = [f"{one}\n{other}" for one, other in zip(asked, given, strict=True)]
    bands = bands_of(words_of(both), np.zeros(len(pairs), np.uint64))
    return _Sketches(bands, _features(asked), _features(given), np.array([_numbers_in(text) for text in both], np.uint32))


def _has_embeddings() -> bool:
    try:
        embed_texts(["a"])
    except MissingExtra:
        return False
    return True


def _numbers_in(text: str) -> int:
    """Return a number for the numbers of a text, in whatever order."""
    return zlib.crc32(" ".join(sorted(word for word in words(text) if word[0].isdigit())).encode("utf-8", "replace"))


def _features(texts: list[str]) -> list[Features]:
    """Return the words and pairs of words of each text as numbers."""
    found = words_of(texts)
    single, double = ((each >> np.uint64(32)).astype(np.uint32) for each in (found.hashes, found.pairs))
    spans = zip(found.starts[:-1], found.starts[1:], strict=True)
    return [np.union1d(single[begin:end], double[begin : max(begin, end - 1)]) for begin, end in spans]


def _jaccard(one: Features, other: Features) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    every = len(one) + len(other) - shared
    return shared / every if every else 1.0


def _with_room(array: NDArray[Any], size: int, axis: int = 0) -> NDArray[Any]:
    """Return an array that holds `size`, twice as large if it must grow."""
    if array.shape[axis] >= size:
        return array
    shape = list(array.shape)
    shape[axis] = max(size, 2 * shape[axis])
    larger = np.zeros(shape, array.dtype)
    larger[tuple(slice(length) for length in array.shape)] = array
    return larger


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    batch: list[T] = []
    for thing in things:
        batch.append(thing)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
