"""Numbers that grow by rows: plain arrays, a few bytes a row."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Growing:
    """A column of numbers of one type, filled a batch at a time."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._parts: list[NDArray[Any]] = []

    def add(self, values: "Sequence[int] | NDArray[Any]") -> None:
        self._parts.append(np.asarray(values, self._kind))

    def all(self) -> NDArray[Any]:
        """Return them as one array; the parts are given up for it."""
        if len(self._parts) != 1:
            self._parts = [np.concatenate(self._parts) if self._parts else np.empty(0, self._kind)]
        return self._parts[0]


def number_of(text: str) -> int:
    """Return 64 bits that stand for a text, in lower case and with single spaces; 0 for one without a letter."""
    plain = " ".join(text.lower().split())
    return int.from_bytes(hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()) if plain else 0
