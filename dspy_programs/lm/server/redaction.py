"""Removes keys from providers' messages: some providers echo a rejected key, and errors are printed and stored.

Known keys are replaced, including those in the environment, and anything shaped like one.
"""

import os
import re
from collections.abc import Iterable, Iterator

SHOWN = "[key]"
_SHORTEST = 8  # characters; anything shorter may be part of any word
NO_KEY = "none"  # sent to private servers that require none
_SHAPES = re.compile(r"(?i)(?<=bearer )[^\s\"',;]{8,}|\bsk-[A-Za-z0-9_-]{8,}")
_NAMES = re.compile(r"(?:^|_)(?:API_?KEY|SERVER_KEY|ACCESS_?KEY|SECRET|TOKEN)S?$")


def without_keys(text: str, keys: Iterable[str] = ()) -> str:
    """Replace the given keys where they appear as words, those in the environment anywhere, and anything shaped like a key."""
    keys = tuple(keys)
    for key in {key for key in keys if key and key != NO_KEY}:
        text = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", SHOWN, text)
    for key in known_keys(keys):
        text = text.replace(key, SHOWN)
    return _SHAPES.sub(SHOWN, text)


def known_keys(keys: Iterable[str] = ()) -> list[str]:
    """Return these keys and those in the environment that are no part of any word, the longest first."""
    found = {value for name, value in os.environ.items() if _NAMES.search(name)}
    return sorted(filter(is_key, {*found, *keys}), key=len, reverse=True)


def is_key(key: str) -> bool:
    """Return whether a text can be a key: not a placeholder for none, and too long to be part of any word."""
    return len(key) >= _SHORTEST and key != NO_KEY


def redact(error: BaseException, keys: Iterable[str] = ()) -> None:
    """Remove the keys from an error and all its causes."""
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
