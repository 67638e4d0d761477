"""Numbers that grow by rows: a few bytes a row, and not all of them in memory at once."""

import hashlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Growing:
    """A column of numbers of one type, filled a batch at a time; in a file without a name until it is asked for."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._file = tempfile.TemporaryFile("w+b")

    def add(self, values: "Sequence[int] | NDArray[Any]") -> None:
        self._file.write(np.asarray(values, self._kind).tobytes())

    def all(self) -> NDArray[Any]:
        """Return them as one array, read anew each time."""
        self._file.seek(0)
        return np.frombuffer(self._file.read(), self._kind)


def number_of(text: str) -> int:
    """Return 64 bits that stand for a text, in lower case and with single spaces; 0 for one without a letter."""
    plain = " ".join(text.lower().split())
    return int.from_bytes(hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()) if plain else 0
