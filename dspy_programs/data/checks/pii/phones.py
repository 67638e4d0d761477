r"""Phone numbers: a form that nothing else has ("+44 20 7946 0958", "(415) 555-0134"), or a word before it that names one.

Holds      a number touches no letter but those of scripts without spaces between words (A-Za-z0-9_\u00c0-\u04ff below);
           at least nine digits, or eight where the word is there: seven are never one, nor is a date, an ISBN, an amount.
"""

import re
from collections.abc import Iterator

_BEFORE = 40
_INTERNATIONAL = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u04ff+.=*/-])(?:\+|(?<!\d[ .])00)(?P<digits>[1-9]\d{0,2}(?:[ .\u00a0-]{0,2}\(?\d{1,5}\)?){2,7})"
    r"(?![A-Za-z0-9_\u00c0-\u04ff-]|\.\d)"
)
_AMERICAN = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u04ff+.,/$#=-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?[2-9]\d{2}[-. ]|[2-9]\d{2}(?P<sep>[-.])"
    r"[2-9]\d{2}(?P=sep))\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,5})?(?![A-Za-z0-9_\u00c0-\u04ff-]|[.,]\d)",
    re.IGNORECASE,
)
_NATIONAL = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u04ff+.,/$#=-])(?:\(0[1-9]\d{0,3}\) ?\d{3,4}[ -]?\d{3,4}|"
    r"0[1-9]\d{0,3}[ /-]\d{2,4}(?:[ -]\d{2,4}){1,3}|0[1-9]\d{0,2}[ /-]\d{7,8}|0[1-9](?:[ .]\d{2}){4}"
    r"|8 ?\(\d{3}\) ?\d{3}-\d{2}-\d{2}|\(\d{2}\) ?9?\d{4}-\d{4}|0\d{4} \d{6})(?![A-Za-z0-9_\u00c0-\u04ff-]|[.,:]\d)"
)
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u04ff+.,/$#=-])\(?\d(?:[ ./()-]{0,2}\d){7,13}(?![A-Za-z0-9_\u00c0-\u04ff-]|[.,]\d)"
)
_WORDS = re.compile(
    r"(?:phone|\btel\b|\btel[.:]|telef|téléphone|telephone|\bcall(?:ed|ing)?\b|mobile?\b|\bmob[.:]|"
    r"\bcell\b|celular|\bfax\b|whats ?app"
    r"|\btext (?:me|us|him|her)\b|\bsms\b|dial\b|reach (?:me|us|him|her)\b|ring (?:me|us)\b|"
    r"\bring\b|hotline|handy|rufnummer|móvil"
    r"|portable|cellulare|komórk|gsm|телефон|тел\.|звон|手机|电话|電話|携帯|휴대폰|전화|연락처|फ़ोन|मोबाइल|هاتف|"
    r"جوال|טלפון|numéro|num[ée]ro|appel|chiam|llam|\bbel\b)[^\d\n(={}\[\]]{0,24}$",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:isbn|issn|order|invoice|ticket|case|serial|account|tracking|sku|ref(?:erence)?|part|model|item|batch|policy|claim"
    r"|confirmation|booking|id|订单|заказ|bestell|pedido|commande)\W{0,3}(?:no\.?|nr\.?|number|num|#|id|号)?\W{0,4}$",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d{2}[-./ ]?(?:0?[1-9]|1[0-2])[-./ ]?(?:0?[1-9]|[12]\d|3[01])(?!\d)|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d{2}(?!\d)"
)


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
