"""Which contents were seen: digests of 16 bytes in one block of memory.

Guarantees 24 to 48 bytes a digest, where a set of Python takes more than 100; half as much again while it grows.
"""

_BYTES = 16
_EMPTY = bytes(_BYTES)
_FIRST = 1 << 12  # slots


class Seen:
    """A set of digests. A digest is 16 bytes, not all zero, and its last seven are as good as random."""

    def __init__(self) -> None:
        self._table, self._mask, self._count = bytearray(_FIRST * _BYTES), _FIRST - 1, 0

    def __len__(self) -> int:
        return self._count

    def add(self, digest: bytes) -> bool:
        """Return whether the digest is new, and remember it."""
        place = self._place_of(digest)
        if self._table[place : place + _BYTES] == digest:
            return False
        self._table[place : place + _BYTES] = digest
        self._count += 1
        if 3 * self._count > 2 * self._mask:
            self._grow()
        return True

    def _place_of(self, digest: bytes) -> int:
        """Return where the digest is, or the empty place where it belongs."""
        slot = int.from_bytes(digest[9:], "little") & self._mask
        while True:
            place = slot * _BYTES
            there = self._table[place : place + _BYTES]
            if there == digest or there == _EMPTY:
                return place
            slot = (slot + 1) & self._mask

    def _grow(self) -> None:
        old, slots = self._table, 2 * (self._mask + 1)
        self._table, self._mask = bytearray(slots * _BYTES), slots - 1
        for start in range(0, len(old), _BYTES):
            digest = bytes(old[start : start + _BYTES])
            if digest != _EMPTY:
                place = self._place_of(digest)
                self._table[place : place + _BYTES] = digest
