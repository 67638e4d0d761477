"""Numbers that grow by rows: on the disk until they are asked for, since a million rows have too many for the memory."""

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Growing:
    """A column of numbers of one type, filled a batch at a time; in a file without a name, so that nothing stays of it."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._file = tempfile.TemporaryFile("w+b")

    def add(self, values: "Sequence[int] | NDArray[Any]") -> None:
        self._file.write(np.ascontiguousarray(values, self._kind).data)

    def all(self) -> NDArray[Any]:
        """Return them as one array, read anew each time."""
        self._file.seek(0)
        return np.frombuffer(self._file.read(), self._kind)

    def close(self) -> None:
        self._file.close()
