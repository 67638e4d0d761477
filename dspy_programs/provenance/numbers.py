"""Numbers by meaning: separators, currencies and units aside, spelled out, converted, and what arithmetic gives.

Guarantees a look-up costs at most a few hundred steps, however many numbers were seen.
"""

import re
from collections.abc import Iterable

from dspy_programs.provenance.moments import MONTHS

_FIGURE = re.compile(r"(?<![\d.,])-?\d[\d.,'\u2019\u00a0\u202f]*")
_SCALED = re.compile(r"\s?(k|m|mn|bn|million|billion|thousand|%|percent|mio|mrd|dozen|hundred)\b|\s?(%)", re.IGNORECASE)
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9, "mrd": 1e9, "billion": 1e9,
    "%": 0.01, "percent": 0.01, "dozen": 12, "hundred": 100,
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_FIGURE = 25  # characters; anything longer is data
_MOST = 300  # numbers, the latest, with which is calculated
_MOST_IN_THREES = 24
_EXACT = 1e-6
_ROUNDED = 0.006
_UNITS = (60.0, 3600.0, 24.0, 7.0, 30.0, 12.0, 1000.0, 100.0, 1e6)
"""Minutes, hours, days, weeks, months; thousandths; hundredths: factors between units of one amount."""


def _spelled() -> dict[str, float]:
    lists = (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty",
        "null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf",
        "zero un deux trois quatre cinq six sept huit neuf dix onze douze",
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
        "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici",
        "zero um dois tres quatro cinco seis sete oito nove dez onze doze",
        "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf",
        "none first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
        "no once twice thrice",
        "no a couple",
        "no an pair",
        "no ein beide",
        "no eine doppelt",
        "no une",
        "no una",
        "no einen",
        "no single double triple",
    )
    known = {word: float(number) for words in lists for number, word in enumerate(words.split())}
    tens = "thirty forty fifty sixty seventy eighty ninety hundred".split()
    known |= {word: 10.0 * (place + 3) for place, word in enumerate(tens)}
    return known | {"half": 0.5, "halb": 0.5, "quarter": 0.25, "dozen": 12.0, "thousand": 1000.0, "million": 1e6} | _cjk()


def _cjk() -> dict[str, float]:
    return {digit: float(number) for number, digit in enumerate("〇一二三四五六七八九十")} | {"两": 2.0, "半": 0.5}


_SPELLED = _spelled()
_IMPLIED = [
    (word, number)
    for number, words in {
        1.0: "next daily day week month year",
        6.0: "dice die",
        7.0: "week weeks weekly woche wochen semaine semana settimana",
        14.0: "fortnight weeks",
        30.0: "month months monthly monat mois mes mese",
        4.0: "quarterly",
        10.0: "decade decades",
        12.0: "monthly year annual",
        52.0: "deck weekly",
        100.0: "century centuries",
        365.0: "year daily annual",
    }.items()
    for word in words.split()
]
"""Numbers that everybody knows to be in a word: the days of a week, the cards of a deck."""
WORDS_OF: dict[float, list[str]] = {}
for _word, _number in [*_SPELLED.items(), *_IMPLIED, *MONTHS.items()]:
    WORDS_OF.setdefault(_number, []).append(_word)


def number_of(figure: str) -> list[float]:
    """Read a figure in digits with separators: "1,200" is 1200; "1.200" is 1.2 or 1200, and "1,5" is 1.5 or 15."""
    plain = "".join(c for c in figure if c not in "'\u2019\u00a0\u202f").rstrip(".,")
    if len(plain) > _LONGEST_FIGURE:
        return []
    readings = {plain.replace(",", "")}
    if "," in plain or plain.count(".") > 1 or _groups_by_dot(plain):
        readings |= {plain.replace(".", "").replace(",", "."), plain.replace(".", "").replace(",", "")}
    return [found for reading in readings if (found := _float_of(reading)) is not None]


def _groups_by_dot(plain: str) -> bool:
    return "." in plain and len(plain.rpartition(".")[2]) == 3


def _float_of(text: str) -> float | None:
    try:
        return float(text) if text.isascii() else float(int(text))
    except ValueError:
        return None


def numbers_in(text: str) -> list[float]:
    """Return the numbers of a text, in order; "20 %" is 20 and 0.2, "3k" is 3 and 3000."""
    found: list[float] = []
    for match in _FIGURE.finditer(text):
        values = number_of(match.group())
        found += values
        if scaled := _SCALED.match(text, match.end()):
            factor = _SCALES[(scaled[1] or scaled[2]).lower()]
            found += [value * factor for value in values]
    return found


class Numbers:
    """The numbers that a run has shown, in order."""

    def __init__(self) -> None:
        self._turns: dict[float, int] = {}
        self._parts: list[list[float]] = []  # those of one text or list, for sums
        self._most_counted = 0

    def read(self, text: str, turn: int) -> None:
        """Read a folded text; numbers that are spelled out, too."""
        spelled = [_SPELLED[word] for word in _WORD.findall(text) if word in _SPELLED]
        self.add([*numbers_in(text), *spelled], turn)

    def add(self, numbers: Iterable[float], turn: int) -> None:
        new = [round(abs(number), 6) for number in numbers if abs(number) < 1e18]
        for number in new:
            self._turns.setdefault(number, turn)
        if 2 <= len(new) <= _MOST:
            self._parts.append(new)

    def count(self, length: int) -> None:
        self._most_counted = max(self._most_counted, length)

    def turn_of(self, value: float) -> int | None:
        """Return the turn that showed a number, in this or another unit."""
        value = round(abs(value), 6)
        if value in self._turns:
            return self._turns[value]
        for factor in _UNITS if value else ():
            for other in (round(value * factor, 6), round(value / factor, 6)):
                if other in self._turns and other > 0:
                    return self._turns[other]
        return None

    def is_computed(self, value: float) -> bool:
        """Return whether counting, or arithmetic on two or three seen numbers or on all of one list, gives a number."""
        value = abs(value)
        if value <= self._most_counted and value == int(value):
            return True
        known = list(self._turns)[-_MOST:]
        rounded = {round(number, 2) for number in known}
        return self._of_two(value, known, rounded) or self._of_list(value) or _of_three(value, known, rounded)

    def _of_two(self, value: float, known: list[float], rounded: set[float]) -> bool:
        for x in known:
            if round(value - x, 2) in rounded or round(value + x, 2) in rounded or round(x - value, 2) in rounded:
                return True
            if not x or not value:
                continue
            for y in (value / x, x / value, x * value):
                near = round(y, 2)
                if near in rounded and near not in (0, 1):
                    if abs(y - near) <= max(_EXACT, _ROUNDED * near / max(value, 1)):
                        return True
        return self._is_share(value, known)

    def _is_share(self, value: float, known: list[float]) -> bool:
        """Percent of one seen number in another, or a number changed by a percentage."""
        if len(known) > 60 or value > 1e12:
            return False
        for x in known:
            for y in known:
                if not y:
                    continue
                for result in (100 * x / y, x * y / 100, x * (1 + y / 100), x * (1 - y / 100), x / y, 100 * abs(x - y) / y):
                    if abs(result - value) <= max(_EXACT, min(_ROUNDED, 0.001 * value)) or round(result) == value > 9:
                        return True
        return False

    def _of_list(self, value: float) -> bool:
        for part in self._parts[-20:]:
            total = sum(part)
            for result in (total, total / len(part), max(part) - min(part)):
                if abs(result - value) <= _ROUNDED or (value > 9 and round(result) == value):
                    return True
        return False


def _of_three(value: float, known: list[float], rounded: set[float]) -> bool:
    some = known[-_MOST_IN_THREES:]
    for i, x in enumerate(some):
        for y in some[i + 1 :]:
            for part in (x + y, abs(x - y), x * y):
                if round(value - part, 2) in rounded or round(part - value, 2) in rounded or round(value + part, 2) in rounded:
                    return True
    return False
