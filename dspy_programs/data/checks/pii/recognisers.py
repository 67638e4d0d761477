"""Where a text has what identifies a person, and of what kind.

A number with check digits counts only if they are right; one without needs a form that nothing else has, or a word before it
that names it ("call", "SSN", "born"). Seven digits alone are never a phone, nor are version numbers addresses.
Limits     no names of people and no postal addresses: those need a model.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dspy_programs.data.checks.pii import numbers
from dspy_programs.data.checks.pii.phones import phones_in

KINDS = ("email", "phone", "card", "iban", "ip", "ssn", "national_id", "birth_date", "passport", "mac")


class PiiSpan(NamedTuple):
    """A place in a text, in characters."""

    kind: str
    start: int
    end: int


_LETTERS = r"A-Za-z0-9_\u00c0-\u04ff"  # of an address; Chinese or Korean letters are the text around it
_EMAIL = re.compile(
    rf"(?<![{_LETTERS}.+%@/-])(?P<local>[{_LETTERS}!#$%&'*+/=?^`{{|}}~.-]{{1,64}})@"
    rf"(?P<domain>(?:[{_LETTERS}](?:[{_LETTERS}-]{{0,61}}[{_LETTERS}])?\.){{1,8}}(?:[a-z\u00c0-\u04ff]{{2,24}}|xn--[a-z0-9-]{{2,59}}))"
    rf"(?![{_LETTERS}@]|-[{_LETTERS}]|\.[{_LETTERS}]+\(|:[{_LETTERS}.~-]+/)",
    re.IGNORECASE,
)
_SPELLED_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}\s?(?:\[at\]|\(at\)|\{at\})\s?(?:[a-z0-9-]{1,63}\s?(?:\[dot\]|\(dot\)|\{dot\}|\.)\s?){1,4}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_NO_DOMAIN = re.compile(r"\.(?:py|js|ts|json|png|jpe?g|gif|svg|css|html?|txt|csv|sh|md|java|cpp)$", re.IGNORECASE)
_Finder = Callable[[str], Iterator[tuple[int, int]]]


def pii_in(text: str) -> list[PiiSpan]:
    """Return what identifies a person, in order; of two that overlap the one of the surer kind."""
    found: list[PiiSpan] = []
    taken: list[tuple[int, int]] = []
    for kind, finder in _FINDERS:
        for start, end in finder(text):
            if all(end <= first or start >= last for first, last in taken):
                taken.append((start, end))
                found.append(PiiSpan(kind, start, end))
    return sorted(found, key=lambda span: span.start)


def redacted(text: str) -> str:
    """Return a text with its kind in place of each thing that identifies a person: "[EMAIL]"."""
    for span in reversed(pii_in(text)):
        text = f"{text[: span.start]}[{span.kind.upper()}]{text[span.end :]}"
    return text


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            local = match["local"]
            skipped = len(local) - len(local.lstrip(".'`*{|=/"))
            if local[skipped:].rstrip(".") and not _NO_DOMAIN.search(match["domain"]) and any(map(str.isalnum, local)):
                yield match.start() + skipped, match.end()
    if "at" in text or "AT" in text:
        yield from (match.span() for match in _SPELLED_EMAIL.finditer(text))


_FINDERS: tuple[tuple[str, _Finder], ...] = (
    ("email", _emails),
    ("mac", numbers.macs),
    ("iban", numbers.ibans),
    ("card", numbers.cards),
    ("national_id", numbers.national_ids),
    ("ssn", numbers.ssns),
    ("ip", numbers.ips),
    ("birth_date", numbers.birth_dates),
    ("passport", numbers.passports),
    ("phone", phones_in),
)
