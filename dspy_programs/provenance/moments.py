"""Dates and times by meaning: written in any usual form, told relative to today, and a start plus a duration.

A date that is told without its year fits any year. Where something is told relative to today ("next Friday") and nobody said
which day today is, any date may be meant, and is taken for computed.
"""

import itertools
import re
from datetime import date, timedelta

from dspy_programs.provenance.calendar_words import MONTHS, OFFSETS, PARTS_OF_DAY, SPANS, WEEKDAYS
from dspy_programs.provenance.moment_reading import DAY, Moment, days_in, durations_in, minutes_in, spelled_minutes_in

_WHOLE_DAYS = (0, DAY - 1, DAY)
_IN = re.compile(r"(?P<n>\d{1,4}|\ban?|one|two|three|four|five|six|seven|ten|few|couple of)[ -](?P<u>day|week|month|year)")
_NUMERALS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "few": 7}
_UNIT_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
_TODAY = re.compile(r"(?:today|current (?:date|time|day)|(?:date|time) (?:is|now)|now)\b[^\n]{0,40}")
_WORD = re.compile(r"[^\W\d_]+")
_MOST_DURATIONS = 20


class Moments:
    """The days and times that a run has shown."""

    def __init__(self, today: date | None = None) -> None:
        """today: until a text says which day it is."""
        self._today = today
        self._is_told = False
        self._days: dict[Moment, int] = {}
        self._minutes: dict[int, int] = {}
        self._durations: set[int] = set()
        self._weekdays: set[int] = set()
        self._offsets: set[int] = set()
        self._months: set[int] = set()
        self._span = 0  # days around today that the words told may mean
        self._vague_time = False

    def read(self, text: str, turn: int) -> None:
        """Read a text in lower case."""
        for day in days_in(text):
            self._days.setdefault(day, turn)
        for minutes in itertools.chain(minutes_in(text), spelled_minutes_in(text)):
            self._minutes.setdefault(minutes, turn)
        if len(self._durations) < _MOST_DURATIONS:
            self._durations.update(durations_in(text))
        words = set(_WORD.findall(text))
        self._weekdays.update(WEEKDAYS[word] for word in words & WEEKDAYS.keys())
        self._offsets.update(OFFSETS[word] for word in words & OFFSETS.keys())
        self._months.update(MONTHS[word] for word in words & MONTHS.keys())
        if not text.isascii():
            self._offsets.update(days for word, days in OFFSETS.items() if not word.isascii() and word in text)
        self._span = max([self._span, *(SPANS[word] for word in words & SPANS.keys())])
        for match in _IN.finditer(text):
            count = _NUMERALS.get(match["n"]) or (int(match["n"]) if match["n"].isdigit() else 7)
            self._span = max(self._span, min(count * _UNIT_DAYS[match["u"]], 20_000))
        self._vague_time = self._vague_time or bool(words & PARTS_OF_DAY)
        if not self._is_told and (told := _TODAY.search(text)):
            full = [day for day in days_in(told.group()) if day.year and day.month and day.day]
            self._is_told = bool(full)
            self._today = _date_of(full[0]) if full else self._today

    def origin_of(self, text: str) -> tuple[bool, int | None] | None:
        """Return (whether it was told as it is, the turn that told the day or the time), or None if nothing did.

        text: a day, a time or both, in any form, in lower case.
        """
        days, times = list(days_in(text)), list(minutes_in(text))
        if not days and not times:
            return None
        told: list[tuple[bool, int | None]] = []
        if days:
            found = next((origin for day in days if (origin := self._of_day(day)) is not None), None)
            if found is None:
                return None
            told.append(found)
        if times:
            found = next((origin for minutes in times if (origin := self._of_time(minutes)) is not None), None)
            if found is None:
                return None
            told.append(found)
        return all(exact for exact, _ in told), next((turn for _, turn in told if turn is not None), None)

    def turn_of_clock(self, number: float) -> int | None:
        """Return the turn that told a time which this number writes: 23 and 2300 are 11 PM."""
        hours, minutes = divmod(int(number), 100) if number > 24 else (int(number), 0)
        return self._minutes.get(hours * 60 + minutes) if number == int(number) and minutes < 60 else None

    def _of_day(self, day: Moment) -> tuple[bool, int | None] | None:
        forms = [day, day._replace(year=None), day._replace(year=None, month=None)]
        for form in forms:
            if form in self._days:
                return True, self._days[form]
        if day.day is None:
            return self._of_month(day)
        if day.year is None and (turn := self._in_any_year(day)) is not None:
            return True, turn
        exact = _date_of(day)
        if exact is None:
            return (False, None) if self._is_relative else None
        return (False, None) if self._is_computed(exact) else None

    def _of_month(self, day: Moment) -> tuple[bool, int | None] | None:
        if any(seen.month == day.month and seen.year in (None, day.year) for seen in self._days):
            return True, None
        return (False, None) if day.month in self._months or self._is_relative else None

    def _in_any_year(self, day: Moment) -> int | None:
        return next((turn for seen, turn in self._days.items() if seen[1:3] == day[1:3]), None)

    @property
    def _is_relative(self) -> bool:
        return bool(self._weekdays or self._offsets or self._span)

    def _is_computed(self, day: date) -> bool:
        if self._today is None and self._is_relative:
            return True
        if self._today is not None:
            away = (day - self._today).days
            if away in self._offsets or abs(away) <= self._span or (day.weekday() in self._weekdays and abs(away) <= 14):
                return True
        if day.month in self._months and (day.day == 1 or (day + timedelta(days=1)).day == 1):
            return True
        return any(self._is_beside(day, seen) for seen in list(self._days)[-100:])

    def _is_beside(self, day: date, seen: Moment) -> bool:
        """Whether it is the day before or after one that was told: the end of a range."""
        other = _date_of(seen if seen.year else seen._replace(year=day.year))
        return other is not None and abs((day - other).days) <= max(1, self._span if self._today is None else 0)

    def _of_time(self, minutes: int) -> tuple[bool, int | None] | None:
        if minutes in self._minutes:
            return True, self._minutes[minutes]
        if minutes in _WHOLE_DAYS or self._vague_time:
            return False, None
        for length in self._durations:
            for start in ((minutes - length) % DAY, (minutes + length) % DAY):
                if start in self._minutes:
                    return False, None
        return None


def _date_of(day: Moment) -> date | None:
    try:
        return None if None in day[:3] else date(day.year or 0, day.month or 0, day.day or 0)
    except ValueError:
        return None
