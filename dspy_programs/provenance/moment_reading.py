"""Days, times of the day and durations in a folded text, written in any usual form."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dspy_programs.provenance.calendar_words import MONTHS
from dspy_programs.provenance.numbers import WORDS_OF

DAY = 24 * 60  # minutes
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATE = re.compile(
    r"(?<!\d)(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?!\d)"
    r"|(?<![\d.])(?P<a>\d{1,2})(?P<t>[-/.])(?P<b>\d{1,2})(?P=t)(?P<c>\d{4}|\d{2})(?!\d)"
    rf"|(?<!\d)(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.|o)?[ -](?:of |de |d')?(?P<w2>{_MONTH})\b\.?"
    r"(?:[ ,-]{1,2}(?:of |de )?(?P<y2>\d{4})(?!\d))?"
    rf"|\b(?P<w3>{_MONTH})\.? (?:the )?(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:,? (?P<y3>\d{{4}})(?!\d))?"
    r"|(?<!\d)(?P<y4>(?:19|20)\d\d)(?P<m4>0[1-9]|1[0-2])(?P<d4>[0-3]\d)(?!\d)"
    r"|(?:(?P<y5>\d{4})年)?(?P<m5>\d{1,2})月(?P<d5>\d{1,2})[日号]?"
    r"|(?<![\d.:])(?P<d6>\d{1,2})(?:st|nd|rd|th)\b"
    r"|(?<![\d-])(?P<y8>(?:19|20)\d\d)-(?P<m8>0[1-9]|1[0-2])(?![\d-])"
    r"|(?<![\d/.])(?P<a7>\d{1,2})[/.](?P<b7>\d{1,2})(?![\d/])"
)
_WHOLE_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}")  # what is no time
_TIME = re.compile(
    r"(?<![\d:.])(?P<h>\d{1,2})[:h.](?P<min>\d{2})(?!\d)(?::\d{2}(?:\.\d{1,9})?)?\s?(?P<half>[ap]\.?m\b)?"
    r"|(?<![\d:.])(?P<h2>\d{1,2})\s?(?P<half2>[ap]\.?m\b)"
    r"|(?<![\d:.])(?P<h3>\d{1,2})\s?(?:h\b|uhr|o'?clock|heures|[点點時시])"
    r"|\b(?:at|from|to|until|till|by|um|ab|bis|las|and)\s?(?P<h4>\d{1,2})(?![\d:.%/])"
    r"|(?P<noon>\bnoon\b|\bmidday\b)|(?P<night>\bmidnight\b)"
)
_PARTS = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "viertel": 15, "zehn": 10}
_HOURS = {word: hour for hour in range(1, 13) for word in WORDS_OF[hour] if word.isalpha() and len(word) > 2}
_HOUR = "|".join(sorted(_HOURS, key=len, reverse=True))
_SPELLED_TIME = re.compile(
    rf"\b(?:(?P<part>{'|'.join(_PARTS)}) (?P<way>past|to|after|before|nach|vor) |(?P<half>halb )|(?:at|by|um|from|until) )"
    rf"(?P<hour>{_HOUR})\b"
)
_DURATION = re.compile(
    r"(?<![\d.])(?P<n>\d{1,4}(?:\.\d{1,2})?)[ -]?"
    r"(?P<u>h\b|hours?|hrs?|minutes?|mins?|m\b|stunden?|minuten|horas?|minutos?|heures?|ore|ora)"
    r"|(?P<half>half(?: an)?[ -]hour)|(?P<one>(?:an?|one|eine|una|une)[ -](?:hour|stunde|hora|heure|ora))"
    r"|(?P<quarter>quarter of an hour)"
)


class Moment(NamedTuple):
    """A day, as far as it is told, and a time of the day in minutes. None: not told."""

    year: int | None
    month: int | None
    day: int | None
    minutes: int | None = None


def days_in(text: str) -> Iterator[Moment]:
    """Yield the days that a text in lower case names; both readings of 3/4/2024."""
    place = 0
    while match := _DATE.search(text, place):
        found = list(_days_of(match.groupdict()))
        yield from found
        place = match.end() if found or not match["w3"] else match.start("d3")  # "on the 12th": the word is no month


def _days_of(g: Mapping[str, str | None]) -> Iterator[Moment]:
    if g["y"]:
        yield from _day(g["y"], g["m"], g["d"])
    elif g["c"]:
        yield from _day(_full_year(g["c"]), g["a"], g["b"])
        yield from _day(_full_year(g["c"]), g["b"], g["a"])
    elif g["w2"] in MONTHS:
        yield from _day(g["y2"], MONTHS[g["w2"]], g["d2"])
    elif g["w3"] in MONTHS:
        yield from _day(g["y3"], MONTHS[g["w3"]], g["d3"])
    elif g["y4"]:
        yield from _day(g["y4"], g["m4"], g["d4"])
    elif g["m5"]:
        yield from _day(g["y5"], g["m5"], g["d5"])
    elif g["d6"]:
        yield from _day(None, None, g["d6"])
    elif g["y8"] and g["m8"]:
        yield Moment(int(g["y8"]), int(g["m8"]), None)
    elif g["a7"]:
        yield from _day(None, g["a7"], g["b7"])
        yield from _day(None, g["b7"], g["a7"])


def _full_year(year: str) -> str:
    return year if len(year) == 4 else f"20{year}"


def _day(year: str | None, month: str | int | None, day: str | None) -> Iterator[Moment]:
    y, m, d = (None if part is None else int(part) for part in (year, month, day))
    if d is not None and 1 <= d <= 31 and (m is None or 1 <= m <= 12) and (y is None or 1000 <= y <= 9999):
        yield Moment(y, m, d)


def minutes_in(text: str) -> Iterator[int]:
    """Yield the times of the day in a text in lower case; "at 3" and "3:00" may be in the afternoon, too."""
    for match in _TIME.finditer(_WHOLE_DATE.sub(" ", text)):
        if match["noon"] or match["night"]:
            yield 720 if match["noon"] else 0
            continue
        hour = int(match["h"] or match["h2"] or match["h3"] or match["h4"])
        minute = int(match["min"] or 0)
        half = match["half"] or match["half2"]
        if hour > 24 or minute > 59 or (half and hour > 12):
            continue
        if half:
            yield (hour % 12 + 12 * half.startswith("p")) * 60 + minute
        else:
            yield hour % 24 * 60 + minute
            if hour < 12 and len(match["h"] or "1") == 1:
                yield (hour + 12) * 60 + minute


def spelled_minutes_in(text: str) -> Iterator[int]:
    """Yield the times that are told in words, of the morning and of the afternoon: "quarter past seven", "halb acht"."""
    for match in _SPELLED_TIME.finditer(text):
        away = -30 if match["half"] else _PARTS.get(match["part"], 0) * (-1 if match["way"] in ("to", "before", "vor") else 1)
        for start in (_HOURS[match["hour"]] % 12 * 60, _HOURS[match["hour"]] % 12 * 60 + DAY // 2):
            yield (start + away) % DAY


def durations_in(text: str) -> Iterator[int]:
    """Yield the durations in a text in lower case, in minutes."""
    for match in _DURATION.finditer(text):
        if match["n"]:
            unit = 60 if match["u"][0] in "hso" else 1
            yield int(float(match["n"]) * unit)
        else:
            yield 60 if match["one"] else 30 if match["half"] else 15
