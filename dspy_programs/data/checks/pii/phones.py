"""Phone numbers: a form that nothing else has ("+44 20 7946 0958", "(415) 555-0134"), or a word before it that names one.

Holds      at least nine digits, or eight where the word is there; so seven digits are never one, nor a date, an ISBN, an amount.
"""

import re
from collections.abc import Iterator

_BEFORE = 40
_INTERNATIONAL = re.compile(r"(?<![\w+.=*/-])(?:\+|00)(?P<digits>[1-9]\d{0,2}(?:[ .\u00a0-]{0,2}\(?\d{1,5}\)?){2,7})(?![\w-]|\.\d)")
_AMERICAN = re.compile(
    r"(?<![\w+.,/$#=-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,5})?(?![\w-]|[.,]\d)",
    re.IGNORECASE,
)
_NATIONAL = re.compile(
    r"(?<![\w+.,/$#=-])(?:\(0\d{1,4}\) ?\d{3,4}[ -]?\d{3,4}|0\d{1,4}[ -/]\d{2,4}(?:[ -]\d{2,4}){1,3}|0[1-9](?:[ .]\d{2}){4}"
    r"|8 ?\(\d{3}\) ?\d{3}-\d{2}-\d{2}|\(\d{2}\) ?9?\d{4}-\d{4}|0\d{4} \d{6})(?![\w-]|[.,:]\d)"
)
_NAMED = re.compile(r"(?<![\w+.,/$#=-])\(?\d(?:[ ./()-]{0,2}\d){7,13}(?![\w-]|[.,]\d)")
_WORDS = re.compile(
    r"(?:phone|\btel\b|\btel[.:]|telef|téléphone|telephone|\bcall(?:ed|ing)?\b|mobile?\b|\bmob[.:]|\bcell\b|celular|\bfax\b|whats ?app"
    r"|\btext (?:me|us|him|her)\b|\bsms\b|dial\b|reach (?:me|us|him|her)\b|ring (?:me|us)\b|\bring\b|hotline|handy|rufnummer|móvil"
    r"|portable|cellulare|komórk|gsm|телефон|тел\.|звон|手机|电话|電話|携帯|휴대폰|전화|연락처|फ़ोन|मोबाइल|هاتف|جوال|טלפון|numéro|num[ée]ro)[^\d\n]{0,24}$",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:isbn|issn|order|invoice|ticket|case|serial|account|tracking|sku|ref(?:erence)?|part|model|item|batch|policy|claim"
    r"|confirmation|booking|id|订单|заказ|bestell|pedido|commande)\W{0,3}(?:no\.?|nr\.?|number|num|#|id|号)?\W{0,4}$",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d{2}[-./ ]?(?:0?[1-9]|1[0-2])[-./ ]?(?:0?[1-9]|[12]\d|3[01])|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d{2}")


def phones_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where phone numbers are, as (start, end); the same place may come twice."""
    for match in _INTERNATIONAL.finditer(text):
        digits = _count(match["digits"])
        if 8 <= digits <= 15 and not (match.group().startswith("00") and not _is_named(text, match.start()) and digits < 10):
            yield match.span()
    for match in _AMERICAN.finditer(text):
        if not _is_other(text, match.start()):
            yield match.span()
    for match in _NATIONAL.finditer(text):
        if 9 <= _count(match.group()) <= 12 and not _is_other(text, match.start()) and not _DATE.match(match.group()):
            yield match.span()
    for match in _NAMED.finditer(text):
        if _is_named(text, match.start()) and not _is_other(text, match.start()) and not _DATE.match(match.group()):
            yield match.span()


def _count(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_named(text: str, start: int) -> bool:
    return _WORDS.search(text[max(0, start - _BEFORE) : start]) is not None


def _is_other(text: str, start: int) -> bool:
    """Return whether the word before names another kind of number."""
    return _OTHER.search(text[max(0, start - 24) : start]) is not None
