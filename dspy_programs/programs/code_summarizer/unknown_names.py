"""Names in a summary that do not stand in the code."""

import keyword
import re

_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_QUOTED = re.compile(r"`([^`]+)`")
_LIKE_CODE = re.compile(r"\b[A-Za-z]\w*_\w+|\b[A-Za-z_]\w*(?=\(\))")
_COMMON = frozenset(
    (*keyword.kwlist, *"str int float bool bytes list dict set tuple object self null nil undefined true false".split())
)


def foreign_names(text: str, code: str, *others: str) -> list[str]:
    """Return what a text names, in backticks or as code is written, that stands in neither the code nor the other texts."""
    known = _COMMON.union(*(_NAME.findall(each) for each in (code, *others)))
    said = [name for span in _QUOTED.findall(text) for name in _NAME.findall(span)] + _LIKE_CODE.findall(_QUOTED.sub(" ", text))
    return [name for name in dict.fromkeys(said) if name not in known]
