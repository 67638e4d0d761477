"""Dates and times by meaning: written in any usual form, told relative to today, and a start plus a duration.

A date that is told without its year fits any year. Where something is told relative to today ("next Friday") and nobody said
which day today is, any date may be meant, and is taken for computed.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

_DAY = 24 * 60  # minutes
_MONTHS = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "january february march april may june july august september october november december",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "january february march april may june july august sept october november december",
)
MONTHS = {word: number for words in _MONTHS for number, word in enumerate(words.split(), 1)}
_WEEKDAYS = (
    "mon tue wed thu fri sat sun",
    "monday tuesday wednesday thursday friday saturday sunday",
    "mondays tuesdays wednesdays thursdays fridays saturdays sundays",
    "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miercoles jueves viernes sabado domingo",
    "lunedi martedi mercoledi giovedi venerdi sabato domenica",
    "segunda terca quarta quinta sexta sabado domingo",
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
)
WEEKDAYS = {word: number for words in _WEEKDAYS for number, word in enumerate(words.split())}
_NEAR = {
    0: "today tonight heute hoy aujourd oggi hoje vandaag now 今天 今日 今晚",
    1: "tomorrow morgen manana demain domani amanha 明天 明日",
    -1: "yesterday gestern ayer hier ieri ontem gisteren 昨天 昨日",
    2: "ubermorgen 后天",
}
OFFSETS = {word: days for days, words in _NEAR.items() for word in words.split()}
_SPANS = {
    7: "day days tag tage tagen jour jours dia dias giorno giorni dag dagen",
    14: "week weeks weekend weekly woche wochen semaine semana semanas settimana week upcoming soon recent 周 週",
    62: "month months monthly monat monate mois mes meses mese mesi maand 月",
    190: "quarter quarters season",
    800: "year years annual annually yearly jahr jahre ano anos annee anno jaar last past previous first earliest latest"
    " since seit desde depuis",
}
SPANS = {word: days for days, words in _SPANS.items() for word in words.split()}
_PARTS_OF_DAY = frozenset(
    "morning afternoon evening night lunch lunchtime noon midday midnight breakfast dinner before after end start early late "
    "until till all-day whole day daily today available free slot morgens abends mittag manana tarde noche matin soir".split()
)
_WHOLE_DAYS = (0, _DAY - 1, _DAY)
_DATE = re.compile(
    r"(?<!\d)(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?!\d)"
    r"|(?<![\d.])(?P<a>\d{1,2})(?P<t>[-/.])(?P<b>\d{1,2})(?P=t)(?P<c>\d{4}|\d{2})(?!\d)"
    r"|(?<!\d)(?P<d2>\d{1,2})(?:st|nd|rd|th|\.|o)?[ -](?:of |de |d')?(?P<w2>[^\W\d_]{3,10})\.?"
    r"(?:[ ,-]{1,2}(?:of |de )?(?P<y2>\d{4})(?!\d))?"
    r"|(?P<w3>[^\W\d_]{3,10})\.? (?:the )?(?P<d3>\d{1,2})(?:st|nd|rd|th)?(?![\d:])(?:,? (?P<y3>\d{4})(?!\d))?"
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
_DURATION = re.compile(
    r"(?<![\d.])(?P<n>\d{1,4}(?:\.\d{1,2})?)[ -]?"
    r"(?P<u>h\b|hours?|hrs?|minutes?|mins?|m\b|stunden?|minuten|horas?|minutos?|heures?|ore|ora)"
    r"|(?P<half>half(?: an)?[ -]hour)|(?P<one>(?:an?|one|eine|una|une)[ -](?:hour|stunde|hora|heure|ora))"
    r"|(?P<quarter>quarter of an hour)"
)
_IN = re.compile(r"(?P<n>\d{1,4}|\ban?|one|two|three|four|five|six|seven|ten|few|couple of)[ -](?P<u>day|week|month|year)")
_NUMERALS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "few": 7}
_UNIT_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
_TODAY = re.compile(r"(?:today|current (?:date|time|day)|(?:date|time) (?:is|now)|now)\b[^\n]{0,40}")
_WORD = re.compile(r"[^\W\d_]+")
_MOST_DURATIONS = 20


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


def durations_in(text: str) -> Iterator[int]:
    """Yield the durations in a text in lower case, in minutes."""
    for match in _DURATION.finditer(text):
        if match["n"]:
            unit = 60 if match["u"][0] in "hso" else 1
            yield int(float(match["n"]) * unit)
        else:
            yield 60 if match["one"] else 30 if match["half"] else 15


class Moments:
    """The days and times that a run has shown."""

    def __init__(self, today: date | None = None) -> None:
        self._today = today
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
        for minutes in minutes_in(text):
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
        self._vague_time = self._vague_time or bool(words & _PARTS_OF_DAY)
        if self._today is None and (told := _TODAY.search(text)):
            full = [day for day in days_in(told.group()) if day.year and day.month and day.day]
            self._today = _date_of(full[0]) if full else None

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
            for start in ((minutes - length) % _DAY, (minutes + length) % _DAY):
                if start in self._minutes:
                    return False, None
        return None


def _date_of(day: Moment) -> date | None:
    try:
        return None if None in day[:3] else date(day.year or 0, day.month or 0, day.day or 0)
    except ValueError:
        return None
