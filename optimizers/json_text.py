"""A value as JSON text, including pydantic models; rows and demonstrations are compared by it, also with another process's."""

import hashlib
import json
import pickle
import re
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of an object in memory, in its text


def as_json(value: Any, sort_keys: bool = False) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=sort_keys, default=plain)


def plain(value: Any) -> Any:
    """Return a value that JSON lacks as one that it has, the same in every process: a resumed run must know its rows again."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=as_json)
    if hasattr(value, "model_dump"):
        return value.model_dump()
    text = str(value)
    return f"{_ADDRESS.sub('', text)} {_digest(value)}".strip() if _ADDRESS.search(text) else text


def _digest(value: Any) -> str:
    """Return a digest of what an object holds, such as an image; "" if it cannot be read. Nothing is ever unpickled."""
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()[:16]
    except Exception:  # whatever an object raises that is not made to be pickled
        return ""
