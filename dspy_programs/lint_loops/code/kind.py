"""A kind of value: the type's name, the kind of its elements, and its size where the code fixes it."""

from collections.abc import Sequence
from typing import NamedTuple, Optional

HASHABLE = frozenset({"str", "bytes", "int", "float", "range", "path"})
UNCHANGING = frozenset({"str", "bytes", "int", "float", "tuple", "range", "frozenset", "path"})


class Kind(NamedTuple):
    """What a value is. name: str, bytes, int, float, list, tuple, set, frozenset, dict, deque, range, iterator, file, ...

    element: of a list, set or iterator, and the keys of a dict; value: the values of a dict; size: of a literal.
    """

    name: str
    element: Optional["Kind"] = None
    size: int | None = None
    value: Optional["Kind"] = None

    @property
    def is_hashable(self) -> bool:
        """Return whether a set can surely hold the value."""
        return self.name in HASHABLE or (self.name == "tuple" and self.element is not None and self.element.is_hashable)


def same(kinds: Sequence[Kind | None]) -> Kind | None:
    """Return what all kinds have in common; None if one is not known, or they differ."""
    if not kinds or kinds[0] is None:
        return None
    first = kinds[0]
    for kind in kinds[1:]:
        if kind is None or kind.name != first.name:
            return None
        first = Kind(
            first.name, _both(first.element, kind.element, kind, first), None, _both(first.value, kind.value, kind, first)
        )
    return first


def _both(one: Kind | None, other: Kind | None, of_other: Kind, of_one: Kind) -> Kind | None:
    """Agree on elements; an empty collection leaves them to the other."""
    if of_one.size == 0:
        return other
    if of_other.size == 0:
        return one
    return same([one, other])
