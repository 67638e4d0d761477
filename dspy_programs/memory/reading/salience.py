"""Salience: which parts of a long memory are worth keeping. Fast: megabytes in well under a second.

A piece is salient if it states something exact (an amount, a date, an id, a path, a name), decides something or describes
something (an owner, a deadline, a preference), in a form that is not repeated everywhere: a form is the piece without its
numbers, so a thousand "Step 17: nothing to report" are one form of little worth. Rare words count more than common ones.
All pieces get a cheap reading (which characters, which words); only the best are read closely.

Input      pieces: short texts in time order; weights: one for each, 1.0 for people.
Output     Reading(pieces, weights): the worth of each. best(numbers, tokens, known): those to keep of the numbers within about
           `tokens` tokens, best first; what is said twice is kept once.
Guarantees every script works; time is close to linear in the text; deterministic.
Source     rarity as in inverse document frequency (Sparck Jones 1972); maximum coverage within a budget, lazily evaluated
           (Minoux 1978; Gillick and Favre 2009; Lin and Bilmes 2010).
"""

import functools
import math
import operator
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from dspy_programs.greedy import best_first
from dspy_programs.memory.reading.cues import CJK_CUE, CUE, WORTH, exact_in
from dspy_programs.memory.reading.sentence_breaks import lines_in
from dspy_programs.text import CJK_RUN

_FORM_POWER = 2.0  # exponent of a form's rarity
CUE_WORTH, NAME_WORTH, SYMBOL_WORTH, SETTING_WORTH = 4.0, 1.5, 2.0, 2.0  # by the cheap reading
DIGIT_WORTH, NUMBER_WORTH, WORD_WORTH = 0.6, 1.5, 0.35
_MOST_WORDS = 5.0  # maximum of rare words that count in one piece
COMMON_WORD, RARE_NAME_WORTH = 0.6, 2.0  # rarity in [0, 1] up to which a capital means little
_FADING = [0.75**place for place in range(100)]  # weights of further things in one piece: a table of ids is not a hundred facts
_KIND_POWER = 2.5
KNOWN = 0.1  # of a value that is told already: here it may stand beside another one
_FRAME = 3  # overhead of a piece in tokens, about
ONE_IN, AT_LEAST = 15, 200  # one in ONE_IN of all pieces is read closely, at least AT_LEAST
_REMEMBERED = 20_000  # pieces
_READ_FOR_ONE = 2  # pieces read closely per piece kept, of about 12 tokens

_SYMBOL = re.compile(r"[$\u20ac\u00a3\u00a5@]|\d%|\w/\w|[A-Za-z]-?\d|\d[:-]\d")
_PROPER = re.compile(r"(?<=[\w,;:] )[A-Z](?:[a-z]{2,}(?![\w(])|[A-Z])|^[A-Z][a-z]{2,}'s ")
_CAPITALISED = re.compile(r"\b[A-Z][a-z]{2,}\b")
_NO_LETTERS = {code: " " for code in range(128) if not chr(code).isalnum()}
_FORM = {**_NO_LETTERS, **{ord(c): "0" for c in "0123456789"}, **{ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}
_ASCII_FORM = bytes(ord(_FORM.get(code, chr(code))) for code in range(256))


class Reading:
    """Pieces, and the worth of each by the cheap reading."""

    def __init__(self, pieces: Sequence[str], weights: Sequence[float]) -> None:
        self.pieces, self.weights = pieces, weights
        self._cheap = list(map(_cheap_reading, pieces))
        self.forms = [form for form, _ in self._cheap]
        self._stated: dict[int, dict[str, tuple[str, float]]] = {}
        self._rarities, self._telling = self._forms_by_rarity()
        self.worths = list(self._worths())

    def _forms_by_rarity(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return each form's rarity in [0, 1], and the salience of its words and cues."""
        count = Counter(self.forms)
        frequency = Counter(" ".join(filter(str.isascii, count)).split())  # no list a form: there are many, and few are kept
        frequency.update(chain.from_iterable(_words_of(form) for form in count if not form.isascii()))
        of_all, of_forms = math.log1p(len(self.forms)) or 1.0, math.log1p(len(count)) or 1.0
        rarity = {word: math.log1p(len(count) / times) / of_forms for word, times in frequency.items()}
        cues = {word for word in frequency if CUE.match(word)}
        telling = {}
        for form in count:
            found = _words_of(form)
            cue = 0.0 if cues.isdisjoint(found) else max(rarity[word] for word in cues.intersection(found))
            if not form.isascii() and CJK_CUE.search(form):
                cue = 1.0
            telling[form] = WORD_WORTH * min(_MOST_WORDS, sum(map(rarity.__getitem__, found))) + CUE_WORTH * cue
        self._rarity_of_word = rarity
        rarities = {form: (math.log1p(len(self.forms) / times) / of_all) ** _FORM_POWER for form, times in count.items()}
        return rarities, telling

    def _worths(self) -> Iterator[float]:
        told, rarities = self._telling, self._rarities
        for (form, signs), weight in zip(self._cheap, self.weights, strict=True):
            yield (told[form] + signs) * rarities[form] * weight

    def tokens(self, number: int) -> int:
        """Estimate a piece's tokens: one per four characters, and one per sign beyond ASCII, which may be a word."""
        piece = self.pieces[number]
        beyond = 0 if piece.isascii() else len(piece) - len(piece.encode("ascii", "ignore"))
        return (len(piece) - beyond) // 4 + beyond + _FRAME

    def telling(self, number: int) -> bool:
        """Return whether a piece announces a fact or states something exact."""
        return self._telling[self.forms[number]] >= CUE_WORTH / 2 or bool(exacts_of(self.pieces[number]))

    def stated(self, number: int) -> dict[str, tuple[str, float]]:
        """Return what a piece states, each with its kind and its worth if rare."""
        if number not in self._stated:
            self._stated[number] = self._read(number)
        return self._stated[number]

    def _read(self, number: int) -> dict[str, tuple[str, float]]:
        """Read a piece closely."""
        form = self.forms[number]
        exacts, capitalised = _close_reading(self.pieces[number])
        found = {exact: (kind, WORTH[kind]) for exact, kind in exacts}
        for word in capitalised:  # a name, if the word is rare here
            rare = self._rarity_of_word.get(word, 0.0) - COMMON_WORD
            if rare > 0:
                found.setdefault(f"rare {word}", ("rare name", RARE_NAME_WORTH * rare / (1 - COMMON_WORD)))
        found[form] = ("form", self._telling[form])
        return found

    def is_new(self, number: int, known: Collection[str]) -> bool:
        """Return whether a piece states something that is not known."""
        return any(self._is_new(number, thing, known) for thing in self.stated(number))

    def _is_new(self, number: int, thing: str, known: Collection[str]) -> bool:
        """Return whether a thing is not known; a rare word is not news in a form that is known."""
        return thing not in known and not (thing.startswith("rare ") and self.forms[number] in known)

    def densities(self) -> list[float]:
        """Return the worth of each piece for its length, by the cheap reading."""
        return [worth / (len(piece) + 40) for worth, piece in zip(self.worths, self.pieces, strict=True)]

    def best(self, numbers: Iterable[int], tokens: int, known: set[str]) -> list[int]:
        """Return the most salient of some pieces within about `tokens` tokens, best first.

        known: what is stated elsewhere and so is worth nothing here; what these pieces state is added.
        """
        dear = self.densities()
        order = sorted(numbers, key=lambda number: -dear[number])
        order = order[: max(_READ_FOR_ONE * tokens // 12, len(order) // ONE_IN, AT_LEAST)]
        stated = _weighed({number: self.stated(number) for number in order})
        factor = {number: self._rarities[self.forms[number]] * self.weights[number] / self.tokens(number) for number in order}

        def value(number: int) -> float:
            new = sorted(
                (worth * (1 if self._is_new(number, thing, known) else KNOWN) for thing, worth in stated[number].items()),
                reverse=True,
            )
            return factor[number] * math.fsum(map(operator.mul, new, _FADING))

        chosen: list[int] = []
        for number in best_first(order, value, self.tokens, tokens):
            chosen.append(number)
            known.update(stated[number])
        return chosen


def _form_of(piece: str) -> str:
    return piece.encode().translate(_ASCII_FORM).decode() if piece.isascii() else piece.translate(_FORM)


@functools.lru_cache(_REMEMBERED)
def _cheap_reading(piece: str) -> tuple[str, float]:
    """Return a piece's form, and what its signs are worth; pieces come again in every round of compression."""
    form, worth = _form_of(piece), 0.0
    if "0" in form:
        worth += NUMBER_WORTH if "00" in form else DIGIT_WORTH
    if not piece[1:].islower() and _PROPER.search(piece):
        worth += NAME_WORTH
    if ("0" in form or "/" in piece or "@" in piece) and _SYMBOL.search(piece):
        worth += SYMBOL_WORTH
    if piece[:3].isupper() and "=" in piece:
        worth += SETTING_WORTH
    return form, worth


@functools.lru_cache(_REMEMBERED)
def _close_reading(piece: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Return a piece's exact values, each with its kind, and its capitalised words, all in small letters."""
    exacts = [(exact.lower(), kind) for exact, kind in exacts_of(piece)]
    return exacts, list(map(str.lower, _CAPITALISED.findall(piece)))


@functools.lru_cache(_REMEMBERED)
def exacts_of(piece: str) -> tuple[tuple[str, str], ...]:
    """Return the exact values in a piece, each with its kind; pieces come again in every round of compression."""
    return tuple(exact_in(piece))


def stated_in(text: str) -> set[str]:
    """Return what a text states, as `Reading.stated` names it."""
    return {exact.lower() for exact, _ in exact_in(text)} | set(map(_form_of, lines_in(text)))


def _weighed(stated: Mapping[int, Mapping[str, tuple[str, float]]]) -> dict[int, dict[str, float]]:
    """Weigh values by kind: if nearly every piece has an id, an id is worth little and a date all the more."""
    count = Counter(kind for things in stated.values() for kind in {kind for kind, _ in things.values()})
    most = math.log1p(len(stated)) or 1.0
    factor = {kind: min(1.0, _KIND_POWER * math.log1p(len(stated) / times) / most) for kind, times in count.items()}
    factor["form"] = 1.0
    return {
        number: {thing: worth * factor[kind] for thing, (kind, worth) in things.items()} for number, things in stated.items()
    }


def _words_of(form: str) -> list[str]:
    """Return the words of a form; in scripts without spaces, its pairs of characters."""
    return form.split() if form.isascii() or not CJK_RUN.search(form) else list(map(str.__add__, form, form[1:]))
