"""Probes, and whether what is sent still answers them.

Input      a probe: what is asked in words, and `needs`: for each thing that must be there, the forms in which it counts.
           A form that ends in * stands for every word that begins so; an underscore and a space are the same.
Output     span(probe, text): the characters of the shortest part of the text that has all needs, None if there is none.
           answered(probe, text): whether it is at most `within` characters long.
Guarantees deterministic; "$1,200.00" is 1200, "May 20th, 2024" is 2024-05-20, and a number is never part of a longer one.
"""

import functools
import html
import re
import unicodedata
from typing import NamedTuple

_MONTHS = (
    ("january", "januar", "jan"),  # codespell:ignore
    ("february", "februar", "feb"),  # codespell:ignore
    ("march", "märz", "mar"),
    ("april", "apr"),
    ("may", "mai"),
    ("june", "juni", "jun"),  # codespell:ignore
    ("july", "juli", "jul"),  # codespell:ignore
    ("august", "aug"),
    ("september", "sept", "sep"),
    ("october", "oktober", "oct", "okt"),  # codespell:ignore
    ("november", "nov"),
    ("december", "dezember", "dec", "dez"),  # codespell:ignore
)
_NUMBER = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_NAME = "|".join(sorted(_NUMBER, key=len, reverse=True))
_MONTH_DAY = re.compile(rf"\b({_NAME})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (20\d\d|19\d\d))?(?![\d:])")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)? (?:of )?({_NAME})\b\.?(?:,? (20\d\d|19\d\d))?")
_DOTTED = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(20\d\d)\b")
_SIGNS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "\u00a0": " "})


class Probe(NamedTuple):
    """One question about a conversation. id: of the probe; conversation: its id."""

    id: str
    conversation: str
    kind: str
    question: str
    needs: list[list[str]]
    within: int
    origin: str = ""
    """Where the question and its answer come from: "later call", "gold action", "person's answer"..."""


def answered(probe: Probe, text: str) -> bool:
    """text: as `normalised` returns it."""
    found = span(probe, text)
    return found is not None and found <= probe.within


def span(probe: Probe, text: str) -> int | None:
    """Return the length of the shortest part of a normalised text that has all needs."""
    places = []
    for number, forms in enumerate(probe.needs):
        here = [(at.start(), at.end(), number) for form in forms for at in _pattern(form).finditer(text)]
        if not here:
            return None
        places += here
    places.sort()
    last: dict[int, tuple[int, int]] = {}
    best = None
    for start, end, number in places:
        last[number] = (start, end)
        if len(last) == len(probe.needs):
            length = max(e for _, e in last.values()) - min(s for s, _ in last.values())
            best = length if best is None else min(best, length)
    return best


def missing(probe: Probe, text: str) -> list[str]:
    """Return the first form of each need that the text has nowhere."""
    return [forms[0] for forms in probe.needs if not any(_pattern(form).search(text) for form in forms)]


@functools.lru_cache(maxsize=20_000)
def _pattern(form: str) -> re.Pattern[str]:
    stem = form.endswith("*")
    words = [re.escape(word) for word in re.split(r"[\s_]+", normalised(form.removesuffix("*"))) if word]
    ending = "" if stem else r"(?![^\W_])(?![.,]\d)"
    return re.compile(rf"(?<![^\W_])(?<!\d[.,]){r'[ _]+'.join(words)}{ending}")


def normalised(text: str) -> str:
    """Return a text in small letters, with one form for each number, amount and date."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda at: chr(int(at[1], 16)), text)
    text = unicodedata.normalize("NFKC", html.unescape(text)).translate(_SIGNS).lower()
    text = " ".join(re.sub(r'\\+[nt"/]', " ", text).split())
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d\d-\d\d)t(?=\d\d:)", " ", text)
    text = _DOTTED.sub(lambda at: f"{at[3]}-{int(at[2]):02}-{int(at[1]):02}", text)
    text = _MONTH_DAY.sub(lambda at: _date(at[3], at[1], at[2]), text)
    text = _DAY_MONTH.sub(lambda at: _date(at[3], at[2], at[1]), text)
    return re.sub(r"(?<=\d)\.0+(?!\d|\.\d)", "", text)


def _date(year: str | None, month: str, day: str) -> str:
    return f"{year}-{_NUMBER[month]:02}-{int(day):02}" if year else f"{_NUMBER[month]:02}-{int(day):02}"
