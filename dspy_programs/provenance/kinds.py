"""What kind of value an argument is, by its form and name: what a detector or an actor may ask of it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from pydantic import JsonValue

from dspy_programs.provenance.calendar_words import MONTHS

Kind = Literal["nothing", "choice", "id", "e-mail", "number", "moment", "path", "text"]

_EMAIL = re.compile(r"[^\s@<>\"',;:]{1,64}@[^\s@<>\"',;:]{1,190}")
_BETWEEN_EMAILS = re.compile(r"\s*[,;]\s*")
_ID = re.compile(r"(?=.{0,79}\d)[^\W_](?:[\w#:.-]{0,78}[^\W_])?")
_FORMED = re.compile(r"[\d@/\\.]")
_COMPACT_DATE = re.compile(r"20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_WORD = re.compile(r"[\w.-]{3,80}")
_NUMBER = re.compile(r"[^\w\d]{0,3}\d[\d,.' ]{0,30}[^\W\d]{0,12}[^\w\d]{0,3}")
_MOMENT = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[T ].{0,20})?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?: .{0,20})?|\d{4}/\d{1,2}/\d{1,2}(?: .{0,20})?"
    r"|(?:19|20)\d\d-(?:0[1-9]|1[0-2])"
    r"|\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?\s?(?:[aApP]\.?[mM]\.?)?|\d{1,2}\s?(?:[aApP]\.?[mM]\.?)"
    r"|(?:\w{3,9},?\s)?(?:\d{1,2}(?:st|nd|rd|th)?\.?\s(?:of\s)?(?P<a>[^\W\d_]{3,10})\.?|(?P<b>[^\W\d_]{3,10})\.?\s\d{1,2}(?:st|nd|rd|th)?)"
    r"(?:,?\s(?:of\s)?\d{4})?"
)
_PATH = re.compile(r"[\w.~:-]{0,80}[/\\][^\s\"'<>|]{0,400}|[\w-]{1,80}\.[A-Za-z]\w{0,5}")
_NAMES_ID = re.compile(
    r"(?:^|[_\s.-])(?:ids?|uuid|guid|key|token|number|no|code|ref|reference|sku|handle)$|[a-z](?:Id|ID|Ids)$"
)
_IN_GROUPS = re.compile(r"(?:[A-Z0-9]{2,5}[ -]){2,9}[A-Z0-9]{1,5}")  # the number of an account, or of a card
_FEWEST_IN_GROUPS = 9  # digits
_LARGEST = 1e15
_LONGEST_NAME = 60  # characters of an argument's name, its last, that say what it is
_LONGEST = 500  # characters of a value with a form


def kind_of(value: JsonValue, name: str = "", schema: Mapping[str, JsonValue] | None = None) -> Kind:
    """Return the kind of a scalar. `name` is the argument's name, `schema` the argument's own."""
    if value is None or value == "":
        return "nothing"
    name = name[-_LONGEST_NAME:]
    if isinstance(value, bool) or (schema and ("enum" in schema or "const" in schema)):
        return "choice"
    if isinstance(value, (int, float)):
        if not -_LARGEST < value < _LARGEST:  # or no number at all
            return "id" if isinstance(value, int) else "nothing"
        return "id" if _names_an_id(name) and isinstance(value, int) and abs(value) > 99 else "number"
    return _kind_of_text(value.strip(), name) if isinstance(value, str) else "nothing"


def _kind_of_text(text: str, name: str) -> Kind:
    if not text:
        return "nothing"
    if len(text) > _LONGEST:
        return "text"
    if not _FORMED.search(text):  # words, as most values are
        return "id" if _names_an_id(name) and _WORD.fullmatch(text) else "text"
    if text.isdigit():
        return _kind_of_digits(text, name)
    if "@" in text and all(_EMAIL.fullmatch(part) for part in _BETWEEN_EMAILS.split(text)):
        return "e-mail"
    if (match := _MOMENT.fullmatch(text)) and ((match["a"] or match["b"] or "may").lower() in MONTHS):
        return "moment"
    if _IN_GROUPS.fullmatch(text) and sum(map(str.isdigit, text)) >= _FEWEST_IN_GROUPS:
        return "id"
    if _NUMBER.fullmatch(text):
        return "number"
    if _PATH.fullmatch(text):
        return "path"
    return "id" if _ID.fullmatch(text) or (_names_an_id(name) and _WORD.fullmatch(text)) else "text"


@lru_cache(maxsize=4096)
def _names_an_id(argument: str) -> bool:
    return _NAMES_ID.search(argument) is not None


def _kind_of_digits(text: str, name: str) -> Kind:
    """Digits that count nothing are an id: "00000123", or those of an argument that is named as one."""
    if _COMPACT_DATE.fullmatch(text):
        return "moment"
    counts_nothing = (text[0] == "0" and len(text) > 1) or len(text) > 7 or (len(text) > 2 and _names_an_id(name))
    return "id" if counts_nothing else "number"
