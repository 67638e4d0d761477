"""What was found in a block of lines, and how it travels between processes: JSON and plain arrays, never pickle."""

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BAD, ERROR, PERSONAL = 1, 2, 4  # flags: not a pair; an error of whatever kind; personal data
_TYPES = {"numbers": np.int64, "offsets": np.uint32, "lengths": np.uint32, "flags": np.uint8, "digests": np.uint64}


class CheckedBlock(NamedTuple):
    """counts: as in a report. issues: each a line of JSON. reasons: row -> why it is dropped. The rest: one value a row.

    offsets and lengths are in bytes from the beginning of the block; bands has a row for each band.
    """

    counts: dict[str, int]
    issues: list[bytes]
    reasons: dict[int, str]
    numbers: "list[int] | NDArray[np.int64]"
    offsets: NDArray[np.uint32]
    lengths: NDArray[np.uint32]
    flags: NDArray[np.uint8]
    digests: NDArray[np.uint64]
    bands: NDArray[np.uint32] | None

    def as_parts(self) -> list[bytes]:
        """Return it as pieces of bytes."""
        header = {"counts": self.counts, "reasons": self.reasons, "bands": None if self.bands is None else len(self.bands)}
        arrays = [np.ascontiguousarray(getattr(self, name), kind).tobytes() for name, kind in _TYPES.items()]
        bands = b"" if self.bands is None else self.bands.tobytes()
        return [json.dumps(header).encode(), b"\n".join(self.issues), *arrays, bands]

    @classmethod
    def from_parts(cls, parts: list[bytes]) -> "CheckedBlock":
        header: dict[str, Any] = json.loads(parts[0])
        arrays = {name: np.frombuffer(part, kind) for part, (name, kind) in zip(parts[2:-1], _TYPES.items(), strict=True)}
        bands = None if header["bands"] is None else np.frombuffer(parts[-1], np.uint32).reshape(header["bands"], -1)
        reasons = {int(row): reason for row, reason in header["reasons"].items()}
        return cls(header["counts"], parts[1].split(b"\n") if parts[1] else [], reasons, bands=bands, **arrays)
