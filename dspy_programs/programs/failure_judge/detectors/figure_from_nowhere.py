"""HALLUCINATION: an answer has a figure that contradicts the results, or that nothing in the run gave."""

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.programs.failure_judge.finding import Finding, found, sentence_at
from dspy_programs.programs.failure_judge.phrases import FIGURE_ASKED, HEDGED, NUMBER, any_of
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View
from dspy_programs.provenance import SPELLED, Sources
from dspy_programs.text import STOPWORDS, stem

_MOST_FIGURES = 30  # of an answer that are looked up
_LONGEST_SAID = 5000  # characters of a turn in which a figure is looked for
_LATEST = 10  # results in which a figure of the same unit is looked for
_CONTRADICTS, _MISSING, _WEAK = 0.75, 0.6, 0.4
_FEW = 12  # so many things may have been counted
_NO_CLAIM = re.compile(
    r"```.{0,1200}?(?:```|\Z)|`[^`\n]{1,200}`|https?://\S{1,300}|[\w.~-]{0,60}[/\\]\w[^\s]{0,200}"
    r"|\b[\w-]{1,60}\.[a-z]\w{0,4}\b",
    re.DOTALL,
)  # code, addresses, paths
_LIST_MARK = re.compile(r"(?m)^[ \t]*(?:[#*-]{1,4}[ \t]*)?(?:[Ss]tep |[Oo]ption |[Pp]art )?\d{1,3}[.):](?=\s)|\(\d{1,2}\)")
_UNIT = (
    r"%|°\s?[CF]?|[CF]\b|percent\b|degrees\b|dollars\b|euros?\b|USD\b|EUR\b|GBP\b|[$€£¥円元]|km/h|mph\b|km\b|kg\b|miles\b|"
    r"lbs?\b|pounds\b|hours?\b|minutes?\b|days?\b"
)
_SCALE = r"million|billion|thousand|trillion|mio\b|mrd\b|mn\b|bn\b|k\b|m\b"
_FIGURE = re.compile(
    rf"(?<![A-Za-z0-9_.,:/#-])(?P<sign>[$€£¥])?\s?(?P<figure>\d[\d,.'\u2019]{{0,20}}+)(?:\s?(?P<scale>(?i:{_SCALE})))?"
    rf"(?:\s?(?P<unit>{_UNIT}))?(?![A-Za-z0-9_]|[/:-]\d)"
)
_NOUNS = re.compile(r"\s+([^\W\d_]{3,20})(?:\s+([^\W\d_]{3,20}))?")
_COUNTED = re.compile(
    rf"(?<![\w.,])(\d[\d,.]{{0,20}}|{'|'.join(word for word in SPELLED if word.isascii() and len(word) > 2)})\s+([a-z]{{3,20}})"
)
_LABELLED = re.compile(r"([a-z]{3,20})\"?\s?[:=]\s?\"?(\d[\d,.]{0,20})")
_RANGE = re.compile(r"\d\s?%?\s?(?:-|\u2013|to|and|or|bis|à|a)\s?[$€£]?\d{1,9}", re.IGNORECASE)
_OPEN = any_of(
    r"\?",
    r"\b(?:if|would|could|might|usually|typically|generally|often|recommend|suggest|tips?|example|e\.g|such as|within|"
    r"up to|at least|at most|minimum|maximum|approximately|about|around|roughly|nearly|almost|over|under|more than|less than"
    r")\b",
)  # a sentence that asks, advises or estimates
_CASE_ASKED = any_of(
    r"\bhow (?:many|much) (?:people|inhabitants|users|customers|deaths|cases|money)\b",
    r"\b(?:population|statistics|figures?|rate|percentage|share|(?<!phone )number of)\b",
    r"\b(?:price|cost|average|latest|current|total)\b",
    r"\bhow (?:many|much|long|often|high|far|late|soon)\b.{0,80}\b(?:may i|can i|do i|am i|my|our|we)\b",
)  # what must be looked up: statistics, prices, the user's own case. Other knowledge a model may have
_IN_THOUSANDS = re.compile(r"\d{1,3}(?:'\d{3}){1,6}(?:\.\d{1,9})?")
_IN = re.compile(r"\b(?:in|since|from|until|by|of|to|year|and|around|c\.) $", re.IGNORECASE)
_STATUSES = frozenset("200 201 202 204 301 302 304 400 401 403 404 405 409 410 422 429 500 501 502 503 504".split())
_NAMED_SO = re.compile(
    r"(?:\b(?:lines?|rows?|columns?|pages?|steps?|sections?|chapters?|versions?|ports?|figures?|tables?|parts?|options?|questions?|"
    r"articles?|rooms?|gates?|tracks?)|(?<=[a-z,] )[A-Z][\w-]{1,20}) (?:v\.?)?$"
)
_ENDING = re.compile(r"(?:end(?:s|ing)? (?:in|with)|last (?:four|4)(?: digits)?:?|[*x\u2022.]{2}) ?$", re.IGNORECASE)
_SIGNS = frozenset("$€£¥")  # there are many prices in a result
_OTHERS = {
    "f": (1 / 1.8, -32.0, 0.0),
    "c": (1.8, 0.0, 32.0),
    "km": (1 / 1.609344, 0.0, 0.0),
    "mile": (1.609344, 0.0, 0.0),
    "km/h": (1 / 1.609344, 0.0, 0.0),
    "mph": (1.609344, 0.0, 0.0),
    "kg": (1 / 0.45359237, 0.0, 0.0),
    "lb": (0.45359237, 0.0, 0.0),
    "pound": (0.45359237, 0.0, 0.0),
}  # unit -> factor to the other unit of the same thing, what is added before and after
_WHOLE = 3  # digits of a figure that is no chance


class Figure(NamedTuple):
    """A figure in a text. nouns: what is counted. is_claim: it is not asked, advised, estimated or a range."""

    text: str
    value: float
    unit: str
    nouns: tuple[str, ...]
    place: int
    is_claim: bool


def figures_in(text: str) -> list[Figure]:
    """Return the figures that an answer states as facts."""
    text = text[:LONGEST]
    if not NUMBER.search(text):
        return []
    shown = _LIST_MARK.sub(_blank, _NO_CLAIM.sub(_blank, text))
    ranges = [match.span() for match in _RANGE.finditer(shown)]
    found = []
    for match in itertools.islice(_FIGURE.finditer(shown), _MOST_FIGURES):
        figure, unit = match["figure"].rstrip(".,'\u2019"), match["unit"] or match["sign"] or ""
        value, place = _value_of(figure), match.start("figure")
        if "'" in figure and not _IN_THOUSANDS.fullmatch(figure):
            continue  # minutes and seconds
        if unit or not (value <= _FEW or _is_a_name(shown, place, figure)):
            is_claim = not any(start <= place < end for start, end in ranges) and not _is_open(shown, place)
            scale = f" {match['scale']}" if match["scale"] else ""
            found.append(Figure(figure + scale, value, unit, _nouns_after(shown, match.end()), place, is_claim))
    return found


def without_source(figures: Sequence[Figure], sources: Sources) -> list[Figure]:
    """Return the claims that nothing gave, nor arithmetic on what was given or is shown in the answer itself."""
    found = []
    here = Sources()
    for figure in figures:
        if any(known.origin(form) for form in _forms_of(figure) for known in (sources, here)):
            here.add(figure.value, 0, "tool")
        elif figure.is_claim:
            found.append(figure)
    return found


def figure_from_nowhere(view: View, place: int, figures: Sequence[Figure]) -> Finding | None:
    """Weigh the figures without a source in an answer: one that contradicts a result most, then the longest."""
    if not figures:
        return None
    number, text = view.number(place), view.turns[place].content[:LONGEST]
    if view.first_call > place:
        confidence = _without_a_look(view, text)
        return found("HALLUCINATION", number, confidence, sentence_at(text, figures[0].place)) if confidence else None
    for figure in figures:
        if told := _told_otherwise(view, place, figure):
            evidence = f"the answer says {figure.text} {figure.unit} where the result says {told}"
            return found("HALLUCINATION", number, _CONTRADICTS, evidence)
    figure = max(figures, key=lambda figure: (figure.unit != "", len(figure.text)))
    evidence = f"the answer says {figure.text} {figure.unit}".rstrip() + ", which no result and nobody gave"
    is_long = figure.unit != "" or sum(map(str.isdigit, figure.text)) >= _WHOLE
    first = first_said(view, place, figure.text)
    return found("HALLUCINATION", first, _MISSING if is_long else _WEAK, evidence, [first, number] if first != number else ())


def first_said(view: View, place: int, figure: str) -> int:
    """Return the number of the first turn in which an agent says a figure."""
    digits = ",?".join(re.escape(c) for c in figure if c != ",")
    known = re.compile(rf"(?<![\w.,]){digits}(?!\w|[.,]\d)")
    said = (
        i for i in view.said if i <= place and (i > 0 or place == 0) and known.search(view.turns[i].content[:_LONGEST_SAID])
    )
    return view.number(next(said, place))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _is_a_name(text: str, place: int, figure: str) -> bool:
    """Return whether a figure counts nothing: a year, an HTTP status, the last digits of a card, a part of a name."""
    before = text[max(0, place - 20) : place]
    if figure in _STATUSES:
        return True
    is_year = len(figure) == 4 and figure.isdigit() and (1900 <= int(figure) <= 2100 or _IN.search(before))
    is_part = figure.replace(".", "").isdigit() and len(figure) <= 5 and _NAMED_SO.search(before)
    return bool(is_year or is_part) or _ENDING.search(before) is not None


def _value_of(figure: str) -> float:
    try:
        return float(figure.replace(",", "").replace("'", "").replace("\u2019", ""))
    except ValueError:  # 1.2.3
        return 0.0


def _is_open(text: str, place: int) -> bool:
    start = max(text.rfind(". ", 0, place), text.rfind("\n", 0, place)) + 1
    ends = [end for mark in (". ", "\n", "? ") if (end := text.find(mark, place)) >= 0]
    return _OPEN.search(text[start : min(ends, default=len(text)) + 1]) is not None


def _forms_of(figure: Figure) -> list[JsonValue]:
    """A figure as text, so that it may be rounded, and in other units: 53.6 F are 12 C."""
    forms: list[JsonValue] = [f"{figure.text}%" if figure.unit in ("%", "percent") else figure.text]
    unit = figure.unit.lstrip("° ").lower().rstrip("s")
    if unit in _OTHERS:
        factor, before, after = _OTHERS[unit]
        other = (figure.value + before) * factor + after
        forms += [round(other), round(other, 1), round(other, 2)]
    return forms


def _nouns_after(text: str, place: int) -> tuple[str, ...]:
    match = _NOUNS.match(text, place)
    words = [word.lower() for word in match.groups() if word] if match else []
    return tuple(stem(word) for word in words if word not in STOPWORDS)


def _told_otherwise(view: View, place: int, figure: Figure) -> str:
    """Return what a result says in the same unit, or of the same thing, where none says what the answer does."""
    same = re.compile(rf"(?<![\w.])\d[\d,.]{{0,20}}\s?{re.escape(figure.unit)}(?!\w)") if figure.unit else None
    for call in [call for call in view.calls if call.place < place][-1 : -_LATEST - 1 : -1]:
        text = call.output[:LONGEST]
        if same is not None and figure.unit not in _SIGNS and (told := same.search(text)):
            return told.group()
        low = text.lower()
        for match in itertools.chain(_COUNTED.finditer(low), _LABELLED.finditer(low)) if figure.nouns else ():
            if any(stem(word) in figure.nouns for word in match.groups()):
                return match.group().replace('"', "")
    return ""


def _without_a_look(view: View, text: str) -> float:
    """Weigh a figure that was given without any look-up: 0 unless it was asked for and nobody can know it."""
    asked = view.asked[:LONGEST]
    known = frozenset(NUMBER.findall(view.asked))
    if len(known) > 1 or not FIGURE_ASKED.search(asked) or not _CASE_ASKED.search(asked):
        return 0.0
    return 0.75 - (0.2 if HEDGED.search(text) else 0)
