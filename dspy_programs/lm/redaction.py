"""Take keys out of what a provider says: some echo the key that they refuse, and errors are printed and kept.

Known keys are replaced, those of the environment too, and what is shaped like one.
"""

import os
import re
from collections.abc import Iterable, Iterator

SHOWN = "[key]"
SHORTEST = 8  # characters; what is shorter may be a part of any word
NO_KEY = "none"  # sent to servers of one's own that want none
SHAPES = re.compile(r"(?i)(?<=bearer )[^\s\"',;]{8,}|\bsk-[A-Za-z0-9_-]{8,}")
NAMES = re.compile(r"(?:^|_)(?:API_?KEY|SERVER_KEY|ACCESS_?KEY|SECRET|TOKEN)S?$")


def without_keys(text: str, keys: Iterable[str] = ()) -> str:
    """Replace the keys where they stand as words, those of the environment anywhere, and what looks like one."""
    for key in {key for key in keys if key and key != NO_KEY}:
        text = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", SHOWN, text)
    known = {value for name, value in os.environ.items() if NAMES.search(name) and len(value) >= SHORTEST}
    for key in sorted({*known, *(key for key in keys if len(key) >= SHORTEST)}, key=len, reverse=True):
        text = text.replace(key, SHOWN)
    return SHAPES.sub(SHOWN, text)


def redact(error: BaseException, keys: Iterable[str] = ()) -> None:
    """Take the keys out of an error and of all that it came from."""
    keys = tuple(keys)
    for each in chain(error):
        each.args = tuple(without_keys(arg, keys) if isinstance(arg, str) else arg for arg in each.args)
        for name, value in vars(each).items():
            if isinstance(value, str):
                setattr(each, name, without_keys(value, keys))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
