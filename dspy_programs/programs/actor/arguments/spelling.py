"""Names in another case or spacing."""

import re
from collections.abc import Iterable
from typing import Any


def unambiguous(names: Iterable[str]) -> dict[str, str]:
    """Map each name, folded in case and spacing, to the original, if that is unambiguous."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(fold(name), []).append(name)
    return {key: same[0] for key, same in folded.items() if len(same) == 1 and key}


def fold(name: Any) -> str:
    return re.sub(r"[\s_-]+", "", name[:200]).casefold() if isinstance(name, str) else ""
