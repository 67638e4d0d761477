"""Numbers by meaning: separators, currencies and units aside, spelled out, converted, and what arithmetic gives.

Guarantees a look-up costs at most a few hundred steps, however many numbers were seen.
"""

import itertools
import re
from collections.abc import Iterable
from typing import NamedTuple

_FIGURE = re.compile(r"(?:(?<![a-z0-9_.,:/#-])|(?<=\dm))-?\d[\d.,'\u2019\u00a0\u202f]*+(?!\d|[:/-]\d|[a-z]\d)")
_SCALED = re.compile(r"\s?(k|m|mn|bn|million|billion|thousand|%|percent|mio|mrd|dozen|hundred)\b|\s?(%)", re.IGNORECASE)
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9, "mrd": 1e9, "billion": 1e9,
    "%": 0.01, "percent": 0.01, "dozen": 12, "hundred": 100,
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_FIGURE = 25  # characters; anything longer is data
_BETWEEN_THOUSANDS = dict.fromkeys(map(ord, "'\u2019\u00a0\u202f"))
_LARGEST = 1e18
_MOST = 300  # numbers in a pool
_MOST_ROUNDED = 5000
_LEAST = 1e-9
_MOST_POOLS = 60  # the latest
_MOST_TOLD = 8  # of the user's numbers, with which all others are combined
_MOST_IN_TWOS, _MOST_IN_THREES = 30, 12  # numbers in a pool of which sums of two and of three are tried
_MOST_TIMES = 9
_ALL = "all"
USER, SYSTEM = "user", "system"  # the pool of what the user says; how those of a system's texts begin
_UNITS_OF_TIME = (60.0, 3600.0, 24.0, 7.0, 30.0, 12.0)  # to minutes, hours, days, weeks, months
_THOUSANDS = (1000.0, 1e6)
_TIME = re.compile(
    r"hour|minute|second|\bday|week|month|year|stunde|woche|monat|\bhora|minuto|semana|heure|semaine|giorn|settiman|時間|小时|分"
)
_ONE_OF_TIME = re.compile(r"\b(?:an?|one|1|each|per|eine?[rn]?|una?|une) (?:hour|day|week|month|year|minute|stunde|hora|heure)")
_MEASURE = re.compile(r"\d\s?(?:kg|km|g|kilo\w{0,8}|grams?|ml|l|lit(?:er|re)s?|mm?|met(?:er|re)s?|[kmgt]i?b|ms|k)\b")
_CJK_NUMERALS = "〇一二三四五六七八九十"
_COUNTED_UP = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty",
    "null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf",
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze",
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici",
    "zero um dois tres quatro cinco seis sete oito nove dez onze doze",
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf",
    "none first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    "no once twice thrice",
    " ".join(_CJK_NUMERALS),
)
_OTHER_NUMBERS = {
    0.25: "quarter",
    0.5: "half halb 半",
    1: "a an ein eine einen une una single",
    2: "couple pair both beide doppelt double 两",
    3: "triple",
    12: "dozen",
    1000: "thousand",
    1e6: "million",
}
SPELLED = {word: float(number) for words in _COUNTED_UP for number, word in enumerate(words.split())}
SPELLED |= {word: float(number) for number, words in _OTHER_NUMBERS.items() for word in words.split()}
SPELLED |= {word: 10.0 * tens for tens, word in enumerate("thirty forty fifty sixty seventy eighty ninety hundred".split(), 3)}
WORDS_OF: dict[float, list[str]] = {}
"""number -> the words for it"""
for _word, _number in SPELLED.items():
    WORDS_OF.setdefault(_number, []).append(_word)


class Reading(NamedTuple):
    """A number, and between which it may have been rounded: half a step to each side; 0 if it is exact."""

    value: float
    step: float


def readings_of(figure: str) -> list[Reading]:
    """Read a figure in digits with separators: "1,200" is 1200; "1.200" is 1.2 or 1200, and "1,5" is 1.5 or 15."""
    plain = figure.translate(_BETWEEN_THOUSANDS).rstrip(".,")
    if len(plain) > _LONGEST_FIGURE:
        return []
    forms = {plain.replace(",", "")}
    if "," in plain or plain.count(".") > 1 or len(plain.partition(".")[2]) == 3:
        forms |= {plain.replace(".", "").replace(",", "."), plain.replace(".", "").replace(",", "")}
    return [reading for form in forms if (reading := _reading_of(form)) is not None]


def _reading_of(text: str) -> Reading | None:
    try:
        value = float(text) if text.isascii() else float(int(text))
    except ValueError:
        return None
    return Reading(value, _step_of(text))


def _step_of(digits: str) -> float:
    whole, _, part = digits.lstrip("-").partition(".")
    if part:
        return float(10 ** -len(part))
    kept = whole.rstrip("0")
    return 1.0 if len(whole) - len(kept) < 2 else float(10 ** (len(whole) - len(kept))) if len(kept) > 1 else 0.0


def readings_in(text: str) -> list[Reading]:
    """Return the numbers of a text, in order; "20 %" is 20 and 0.2, "3k" is 3 and 3000."""
    found: list[Reading] = []
    for match in _FIGURE.finditer(text):
        read = readings_of(match.group())
        found += read
        if scaled := _SCALED.match(text, match.end()):
            factor = _SCALES[(scaled[1] or scaled[2]).lower()]
            found += [Reading(value * factor, step * factor) for value, step in read]
    return found


def reading_of_number(value: float) -> Reading:
    return Reading(value, _step_of(f"{value:.10f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))))


class Numbers:
    """The numbers that a run has shown, by turn, and in pools of like ones, in which one may calculate."""

    def __init__(self) -> None:
        self._turns: dict[float, int] = {}
        self._pools: dict[str, list[float]] = {}
        self._told: list[float] = []  # by the user
        self._given: dict[str, _Given] = {}  # by pool
        self._in_pools = 0  # numbers of results
        self._most_counted = 0
        self._tells_time = self._tells_one = self._tells_measure = False  # amounts that may be told in other units

    def read(self, text: str, turn: int, pool: str) -> None:
        """Read the figures of a folded text, and the numbers that are spelled out."""
        self._tells_time = self._tells_time or _TIME.search(text) is not None
        self._tells_one = self._tells_one or (self._tells_time and _ONE_OF_TIME.search(text) is not None)
        self._tells_measure = self._tells_measure or _MEASURE.search(text) is not None
        spelled = [SPELLED[word] for word in _WORD.findall(text) if word in SPELLED]
        if not text.isascii():
            spelled += [SPELLED[sign] for sign in _CJK_NUMERALS if sign in text]
        self.add([*(value for value, _ in readings_in(text)), *spelled], turn, pool)

    def add(self, numbers: Iterable[float], turn: int, pool: str) -> None:
        """Add numbers of one kind: those of one key in JSON, or of one text; of no pool if they are of many kinds."""
        new = [round(abs(number), 6) for number in numbers if abs(number) < _LARGEST]
        for number in new:
            self._turns.setdefault(number, turn)
        if not pool:
            return
        known = self._told if pool == USER else self._pools.setdefault(pool, [])
        known += new[: _MOST - len(known)]
        self._in_pools += 0 if pool == USER or pool.startswith(SYSTEM) else len(new)

    def count(self, length: int) -> None:
        """Add the length of a list: so many things can be counted."""
        self._most_counted = max(self._most_counted, length)

    def turn_of(self, value: float) -> int | None:
        """Return the turn that showed a number, in this or another unit."""
        value = round(abs(value), 6)
        if value in self._turns or not value:
            return self._turns.get(value)
        factors = [*(_THOUSANDS if self._tells_measure else ()), *(_UNITS_OF_TIME if self._tells_time else ())]
        for factor in factors:
            for other in (round(value * factor, 6), round(value / factor, 6)):
                if other in self._turns and (1 not in (other, value) or (factor < 1000 and self._tells_one)):
                    return self._turns[other]
        percent = round(value * 100, 6) if value < 1 else round(value / 100, 6)
        return self._turns.get(percent) if 0 < min(value, percent) < 1 else None

    def is_rounded(self, reading: Reading) -> bool:
        """Return whether a seen number, rounded to as many digits, is this one."""
        half, value = reading.step / 2 + _LEAST, abs(reading.value)
        return any(abs(number - value) <= half for number in itertools.islice(self._turns, _MOST_ROUNDED))

    def is_computed(self, value: float, is_share: bool = False) -> bool:
        """Return whether counting, or arithmetic on a few like numbers and those that the user told, gives a number.

        Like ones only, and few: of fifty numbers, two will give any number by chance. is_share: it is a percentage.
        """
        value = abs(value)
        if value <= self._most_counted and value == int(value):
            return True
        told = self._told[-_MOST_TOLD:]
        for name in ["", _ALL, *itertools.islice(reversed(self._pools), _MOST_POOLS)]:
            pool = self._told if not name else self._few_of_all() if name == _ALL else self._pools[name]
            if not pool:
                continue
            given = self._given.get(name)
            if given is None or given.size != (len(pool), len(self._told)):
                given = self._given[name] = _Given(pool, told, (len(pool), len(self._told)), name.startswith(SYSTEM))
            if given.gives(value, is_share):
                return True
        return False

    def _few_of_all(self) -> list[float]:
        """All numbers of a run in which there are few."""
        if self._in_pools > _MOST_IN_THREES:
            return []
        pools = (pool for name, pool in self._pools.items() if not name.startswith(SYSTEM))
        return list(itertools.chain.from_iterable(pools))


class _Given:
    """What arithmetic makes of the numbers of a pool and those that the user told."""

    def __init__(self, pool: list[float], told: list[float], size: tuple[int, int], is_policy: bool) -> None:
        """size: by which is seen that the pool has grown. is_policy: its numbers are limits of many things, not to be mixed."""
        self.size = size
        self._few = list(dict.fromkeys([*pool, *told]))[: _MOST_IN_TWOS + 1]
        self._near = {round(number, 2) for number in self._few}
        results = [sum(pool), sum(pool) / len(pool), max(pool) - min(pool)]
        is_small = len(self._few) <= _MOST_IN_THREES and not is_policy
        self._pairs = pairs = [(x, y) for x in self._few for y in self._few if x != y] if is_small else []
        for x, y in pairs:
            results += (x + y, x * y, x * y / 100) if y > 100 else (x + y, x * y, x * y / 100, x + x * y / 100, x - x * y / 100)
        self._of_two = {round(x + y, 2) for x, y in pairs} | {round(abs(x - y), 2) for x, y in pairs}
        self._of_two |= {round(x * y, 2) for x, y in pairs} | {round(2 * x, 2) for x in self._few if pairs}
        results += [x / y for x, y in pairs if y]
        self._results = {round(result + half, 2) for result in results for half in (0, _LEAST)}
        self._results |= {float(round(result)) for result in results if result > 9}

    def gives(self, value: float, is_share: bool) -> bool:
        near = round(value, 2)
        if near in self._results or (is_share and self._is_share(value)):
            return True
        if len(self._few) > _MOST_IN_TWOS:
            return False
        seen, of_two = self._near, self._of_two
        for x in self._few:
            less, more = round(value - x, 2), round(value + x, 2)
            if less in seen or more in seen or -less in seen or less in of_two or more in of_two or -less in of_two:
                return True
            if 2 <= (times := value / x if x else 0) <= _MOST_TIMES and times == int(times):
                return True
        return False

    def _is_share(self, value: float) -> bool:
        """Whether it is what one number is of another in percent, or by what one differs from another, rounded perhaps."""
        shares = (100 * part / y for x, y in self._pairs if y for part in (x, abs(x - y)))
        return any(round(share, digits) == value for share in shares for digits in (0, 1, 2))
