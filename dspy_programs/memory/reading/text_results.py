"""A tool's result as parts: JSON by its fields, tables by their rows, logs and diffs by their lines, prose by sentences.

Input      a result's text.
Output     Parts (fields.py): errors, totals, changed lines and the first and last lines are worth most; equal lines are one
           part, with how often it stands there.
Guarantees linear in the text; at most fields.MOST parts, the others counted; no part ends inside a word.
"""

import ast
import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from dspy_programs.memory.reading.compact import plain
from dspy_programs.memory.reading.fields import MOST, Part, Parts, fields_of
from dspy_programs.memory.reading.html_text import is_html, text_of_html
from dspy_programs.memory.reading.sentence_breaks import first_lines_in, in_parts, lines_in

_LONGEST_JSON = 8_000_000
_LONGEST_LITERAL = 300_000
_DEEPEST_LITERAL = 60
_LONGEST_LINE = 300
_SHORT = 2_000
_LONGEST_PROSE = 400_000
_MANY_LINES = 3_000
_HEAD, _TAIL = 8, 8  # lines at the beginning and the end that are worth something by their place
_OPENS = re.compile(r"[\[{]")
_TELLING = re.compile(
    r"error|exception|fail|fatal|critical|denied|refused|warn|timeout|timed out|not found|traceback|assert|passed|total|"
    r"result|summary|success|exit"
)  # in lower case
_BAD = re.compile(r"error|exception|fail|fatal|critical|denied|refused|timed out")
_CHANGED = re.compile(r"[+-](?![+-])|diff --git|\+\+\+ |--- |@@")
_IS_DIFF = re.compile(r"(?m)^(?:diff --git |@@ -\d|\+\+\+ )")
_RULE = re.compile(r"[\s|:+=_-]*")
_NUMBER = re.compile(r"\d[\d.,:/-]*")
_NAME = re.compile(r"(?<=[a-z,;(] )[A-Z]\w+")
_MOST_ALIKE = 4
_SHORT_SENTENCE = 30  # characters
_DIGITS = {ord(digit): "0" for digit in "123456789"}


def parts_of_result(text: str, value: Any = None) -> Parts:
    """Return the parts of a result.

    Args:
        text: The result.
        value: What the text is if it is JSON, or None where that is not known.
    """
    value = value_of(text) if value is None else value
    if value is not None:
        return fields_of(value)
    if "<" in text[:200] and is_html(text):
        text = text_of_html(text) or text
    return _of_short_text(text) if len(text) <= _SHORT else _of_text(text)


def _of_text(text: str) -> Parts:
    if "\n" not in text.strip():
        return _of_prose(text)
    if (inner := _json_inside(text)) is not None:
        return inner
    lines = text.splitlines()
    if (table := _of_table(lines)) is not None:
        return table
    return _of_prose(text) if _is_prose(lines) else _of_lines(lines, _IS_DIFF.search(text[:5_000]) is not None)


_of_short_text = lru_cache(maxsize=1024)(_of_text)  # tools say the same few things again and again


def value_of(text: str) -> Any:
    """Return the value of a text that is JSON, a JSON value a line, or Python's notation of one; None for any other."""
    start = text.lstrip()[:1]
    if start not in ("{", "[") or len(text) > _LONGEST_JSON:
        return None
    try:
        return json.loads(text)
    except RecursionError:
        return None
    except ValueError:
        pass
    lines = text.strip().splitlines()
    if start == "{" and len(lines) > 1 and lines[0].rstrip().endswith("}"):
        try:
            return [json.loads(line) for line in lines if line.strip()]
        except (ValueError, RecursionError):
            return None
    return _literal(text)


def _literal(text: str) -> Any:
    """Read Python's notation, as print() gives it; not where brackets are so deep that the reader would overflow."""
    if len(text) > _LONGEST_LITERAL or "'" not in text:
        return None
    if max(text.count("["), text.count("{"), text.count("("), text.count("-"), text.count("~")) > _DEEPEST_LITERAL:
        deepest = depth = 0
        for sign in re.findall(r"[\[{(\]})]", text):
            depth += 1 if sign in "[{(" else -1
            deepest = max(deepest, depth)
        if deepest > _DEEPEST_LITERAL or re.search(r"[-~+]{20}", text):
            return None
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, (dict, list)) else None


def _json_inside(text: str) -> Parts | None:
    """Read a text that is a few words and then JSON."""
    opening = _OPENS.search(text[:600])
    if opening is None:
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(text, opening.start())
    except (ValueError, RecursionError):
        return None
    if not value or 2 * (end - opening.start()) < len(text):
        return None
    around = [Part(said, "", 1.5) for said in lines_in(text[: opening.start()].rstrip("`json \n"))]
    after = [Part(said, "", 1.0) for said in lines_in(text[end:].lstrip("` \n")[:2_000])]
    inner = fields_of(value)
    return Parts([*around, *inner.parts, *after][:MOST], inner.noun, inner.beyond)


def _of_table(lines: Sequence[str]) -> Parts | None:
    """Read comma or tab separated values and Markdown tables: the columns become the label of the rows."""
    rows = [line for line in lines if line.strip()]
    if len(rows) < 3:
        return None
    for sign in ("\t", "|", ",", ";"):
        numbers = Counter(row.count(sign) for row in rows[:50])
        number, times = numbers.most_common(1)[0]
        if number and rows[0].count(sign) == number and times >= 0.9 * min(len(rows), 50):
            break
    else:
        return None
    if sign in ",;" and (number < 2 or rows[0].rstrip().endswith((".", ";", "{", ")"))):
        return None  # sentences and code have commas too
    columns = _cells(rows[0], sign)
    if not all(column and len(column) < 60 for column in columns):
        return None
    under = f"({', '.join(columns)})"
    told = [row for row in rows[1:] if not _RULE.fullmatch(row[:200])]
    parts = [Part(f"({', '.join(_cells(row, sign))})", under, 2.0 * 0.97**place) for place, row in enumerate(told[:MOST])]
    return Parts(parts, "row", max(0, len(told) - MOST))


def _cells(row: str, sign: str) -> list[str]:
    if sign == "|":
        row = row.strip().strip("|")
    elif '"' in row:
        try:
            return [plain(cell) for cell in next(csv.reader([row], delimiter=sign))]
        except (csv.Error, StopIteration):
            pass
    return [plain(cell) for cell in row.split(sign)]


def _is_prose(lines: Sequence[str]) -> bool:
    some = [line for line in lines[:40] if line.strip()]
    return 2 * sum(line.rstrip().endswith((".", "!", "?", ":", "\u3002")) and len(line) > 40 for line in some) >= len(some)


def _of_prose(text: str) -> Parts:
    """Choose among the sentences: each once, and those that are alike but for their digits are worth less."""
    said, more = first_lines_in(text, _LONGEST_PROSE)
    found = list(dict.fromkeys(said))
    alike = Counter(map(_form_of, found))
    offered = [
        (((1.5 if place == 0 else 1.0) + _exactness(one)) / min(_MOST_ALIKE, alike[_form_of(one)]), place)
        for place, one in enumerate(found)
    ]
    best = sorted(sorted(offered, key=lambda one: -one[0])[:MOST], key=lambda one: one[1])
    return Parts([Part(found[place], "", worth) for worth, place in best], "sentence", len(said) - len(best) + more)


def _form_of(sentence: str) -> str:
    return sentence.translate(_DIGITS)


def _exactness(sentence: str) -> float:
    """Return what the numbers, the names and the outcome in a sentence are worth."""
    numbers, names = len(_NUMBER.findall(sentence)), len(_NAME.findall(sentence))
    if len(sentence) < _SHORT_SENTENCE and not numbers and not names:
        return -0.7  # "Report an error."
    worth = 1.0 if _TELLING.search(sentence.lower()) else 0.0
    return worth + min(2.0, 0.7 * numbers + 0.4 * names)


def _of_lines(lines: Sequence[str], is_diff: bool) -> Parts:
    """Choose among the lines, each told once; those that differ in digits only are worth less: they are many."""
    texts = [text for line in lines if (text := line.strip()[:_LONGEST_PROSE]) and not _is_rule(text)]
    times = Counter(texts)
    alike = Counter(map(_form_of, times))
    places = {text: place for place, text in enumerate(texts)}
    end = len(texts) - _MANY_LINES // 4
    if len(places) > _MANY_LINES:  # the beginning, the end, and what complains
        places = {
            text: place
            for text, place in places.items()
            if not _MANY_LINES < place < end or _BAD.search(text[:_LONGEST_LINE].lower())
        }
    offered = sorted(
        (
            -_worth_of_line(text[:_LONGEST_LINE], place, len(texts), is_diff) / min(_MOST_ALIKE, alike[_form_of(text)]),
            place,
        )
        for text, place in places.items()
    )
    best = sorted(offered[:MOST], key=lambda one: one[1])
    parts = []
    for worth, place in best:
        text = texts[place]
        told = plain(text) if len(text) <= _LONGEST_LINE else f"{in_parts(text)[0]} (...)"
        parts.append(Part(f"{told} ({times[text]:,} times)" if times[text] > 1 else told, "", -worth))
    return Parts(parts, "line", len(texts) - sum(times[texts[place]] for _, place in best))


def _is_rule(text: str) -> bool:
    return not text[0].isalnum() and _RULE.fullmatch(text) is not None


def _worth_of_line(line: str, place: int, lines: int, is_diff: bool) -> float:
    if is_diff:
        return 2.0 if _CHANGED.match(line) else 0.5
    worth, low = 1.0, line.lower()
    if _BAD.search(low):
        worth += 2.0
    elif _TELLING.search(low):
        worth += 1.0
    if place >= lines - _TAIL:
        worth += 1.0
    elif place < _HEAD:
        worth += 0.5
    return worth
