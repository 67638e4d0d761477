"""Sketches of texts, so that those with nearly the same words meet without comparing all with all (MinHash, LSH).

Source     Broder, "On the resemblance and containment of documents" (1997); Leskovec, Rajaraman, Ullman, "Mining of Massive
           Datasets", chapter 3. A sketch is 20 bands of 3 minima: two texts whose words and pairs of words have a Jaccard
           index of 0.7 share three bands with a probability of 0.986, of 0.75 of 0.998, of 0.8 of 0.9999, of 0.3 of 0.014.
"""

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.word_hashes import Words, mixed

BANDS = 20
_ROWS = 3
_SEED = 20261130

Bands = NDArray[np.uint32]


def _multipliers() -> list[np.uint32]:
    drawn = np.random.default_rng(_SEED).integers(1 << 31, size=BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return list(drawn.astype(np.uint32))


_MULTIPLIERS = _multipliers()


def bands_of(words: Words, keys: NDArray[np.uint64]) -> Bands:
    """Return the bands of each text, an array of BANDS by texts. keys: texts of two keys never share a band.

    A text without words has the bands of its key alone.
    """
    texts = len(keys)
    bands = np.empty((BANDS, texts), np.uint32)
    some = np.flatnonzero(words.counts)
    if len(some) < texts:
        bands[:] = (mixed(keys) >> np.uint64(32)).astype(np.uint32)
    if not len(some):
        return bands
    starts = words.starts[some]
    single = (words.hashes >> np.uint64(32)).astype(np.uint32)
    double = (words.pairs >> np.uint64(32)).astype(np.uint32)
    keyed = mixed(keys[some])
    one, other = np.empty_like(single), np.empty_like(double)  # reused: fresh memory would cost more than the work
    for band in range(BANDS):
        joined = keyed + np.uint64(band)
        for multiplier in _MULTIPLIERS[band * _ROWS : (band + 1) * _ROWS]:
            np.multiply(single, multiplier, out=one)
            np.multiply(double, multiplier, out=other)
            np.minimum(one, other, out=one)
            joined = joined * np.uint64(0x9E3779B97F4A7C15) + np.minimum.reduceat(one, starts)
        bands[band, some] = (mixed(joined) >> np.uint64(32)).astype(np.uint32)
    return bands


def digests_of(words: Words) -> NDArray[np.uint64]:
    """Return a number of each text's words in order: equal for texts that differ in case, spaces and signs only."""
    digests = np.zeros(len(words.starts) - 1, np.uint64)
    some = np.flatnonzero(words.counts)
    if len(some):
        place = np.arange(len(words.hashes), dtype=np.uint64) - np.repeat(words.starts[:-1], words.counts).astype(np.uint64)
        summed = np.add.reduceat(mixed(words.hashes + place * np.uint64(0xC2B2AE3D27D4EB4F)), words.starts[some])
        digests[some] = mixed(summed)
    return digests
