"""Numbers by meaning: separators, currencies and units aside, spelled out, converted, and what arithmetic gives.

Guarantees a look-up costs at most a few hundred steps, however many numbers were seen.
"""

import re
from collections.abc import Iterable

from dspy_programs.provenance.moments import MONTHS

_FIGURE = re.compile(r"(?<![\w.,:/#-])-?\d[\d.,'\u2019\u00a0\u202f]*(?![\d:/-]|[a-z]\d)")
_SCALED = re.compile(r"\s?(k|m|mn|bn|million|billion|thousand|%|percent|mio|mrd|dozen|hundred)\b|\s?(%)", re.IGNORECASE)
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9, "mrd": 1e9, "billion": 1e9,
    "%": 0.01, "percent": 0.01, "dozen": 12, "hundred": 100,
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_FIGURE = 25  # characters; anything longer is data
_LARGEST = 1e18
_MOST = 300  # numbers in a pool
_MOST_POOLS = 60  # the latest
_MOST_TOLD = 8  # of the user's numbers, with which all others are combined
_MOST_IN_TWOS, _MOST_IN_THREES = 30, 12  # numbers in a pool of which sums of two and of three are tried
_MOST_TIMES = 9
_ROUNDED = 0.006
USER = "user"  # the pool of what the user says
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
_ARTICLES = frozenset("a an ein eine einen un une una um een no".split())  # one, but not one metre, which is 100 centimetres
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
    """The numbers that a run has shown, by turn, and in pools of like ones, in which one may calculate."""

    def __init__(self) -> None:
        self._turns: dict[float, int] = {}
        self._pools: dict[str, list[float]] = {}
        self._told: list[float] = []  # by the user
        self._most_counted = 0

    def read(self, text: str, turn: int, pool: str) -> None:
        """Read the figures of a folded text, and the numbers that are spelled out."""
        spelled = [_SPELLED[word] for word in _WORD.findall(text) if word in _SPELLED and word not in _ARTICLES]
        self.add([*numbers_in(text), *spelled], turn, pool)

    def add(self, numbers: Iterable[float], turn: int, pool: str) -> None:
        """Add numbers of one kind: those of one key in JSON, or of one text."""
        new = [round(abs(number), 6) for number in numbers if abs(number) < _LARGEST]
        for number in new:
            self._turns.setdefault(number, turn)
        known = self._told if pool == USER else self._pools.setdefault(pool, [])
        known += new[: _MOST - len(known)]

    def count(self, length: int) -> None:
        """Add the length of a list: so many things can be counted."""
        self._most_counted = max(self._most_counted, length)

    def turn_of(self, value: float) -> int | None:
        """Return the turn that showed a number, in this or another unit."""
        value = round(abs(value), 6)
        if value in self._turns:
            return self._turns[value]
        for factor in _UNITS if value else ():
            for other in (round(value * factor, 6), round(value / factor, 6)):
                if other > 0 and other in self._turns:
                    return self._turns[other]
        return None

    def is_computed(self, value: float) -> bool:
        """Return whether counting, or arithmetic on a few like numbers and those that the user told, gives a number.

        Like ones only, and few: of fifty numbers, two will give any number by chance.
        """
        value = abs(value)
        if value <= self._most_counted and value == int(value):
            return True
        told = self._told[-_MOST_TOLD:]
        return any(_gives(value, pool, told) for pool in [self._told, *list(self._pools.values())[-_MOST_POOLS:]])


def _gives(value: float, pool: list[float], told: list[float]) -> bool:
    if not pool:
        return False
    total = sum(pool)
    if any(_equals(result, value) for result in (total, total / len(pool), max(pool) - min(pool))):
        return True
    few = list(dict.fromkeys([*pool, *told]))
    if len(few) > _MOST_IN_TWOS:
        return False
    near = {round(number, 2) for number in few}
    for x in few:
        if round(value - x, 2) in near or round(value + x, 2) in near or round(x - value, 2) in near:
            return True
        if 2 <= (times := value / x if x else 0) <= _MOST_TIMES and times == int(times):
            return True
    return len(few) <= _MOST_IN_THREES and (_by_product(value, few) or _of_three(value, few, near))


def _by_product(value: float, few: list[float]) -> bool:
    """Products, quotients and percentages of two."""
    for x in few:
        for y in few:
            if _equals(x * y, value) or _equals(x * y / 100, value) or _equals(x * (100 + y) / 100, value):
                return True
            if _equals(x * (100 - y) / 100, value) or (y and (_equals(x / y, value) or _equals(100 * x / y, value))):
                return True
            if y and _equals(100 * abs(x - y) / y, value):
                return True
    return False


def _of_three(value: float, few: list[float], near: set[float]) -> bool:
    for i, x in enumerate(few):
        for y in few[i:]:
            for part in (x + y, abs(x - y), x * y):
                if round(value - part, 2) in near or round(part - value, 2) in near or round(value + part, 2) in near:
                    return True
    return False


def _equals(result: float, value: float) -> bool:
    """Whether a result is a value, perhaps rounded to whole numbers, or to two digits behind the point."""
    return abs(result - value) <= _ROUNDED or (value > 9 and round(result) == value)
