"""Text measures shared by programs and metrics: words, overlaps, sentences, exact facts. No model, no file, no randomness.

Everything is linear in the text, even if that is a single word of a megabyte.
"""

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

WORD = re.compile(r"\w+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # control characters, lone surrogates
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def quantity(number: int, noun: str) -> str:
    """Format a count with its noun: "1 row", "2 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def words(text: str) -> list[str]:
    """Return the words of a text in order, lower case, without punctuation."""
    return WORD.findall(text.lower())


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return the distinct runs of n words; for a shorter text, all its words as one run; empty for no text."""
    found = words(text)
    return {tuple(found[i : i + n]) for i in range(max(1, len(found) - n + 1))} if found else set()


def jaccard(a: Iterable[Hashable], b: Iterable[Hashable]) -> float:
    """Return the Jaccard index in [0, 1]; 1.0 if both are empty."""
    a, b = frozenset(a), frozenset(b)
    return len(a & b) / len(a | b) if a or b else 1.0


def f1(gold: Counter[Any], found: Counter[Any]) -> float:
    """Return the F1 of two bags: 1.0 when both are empty, 0.0 when only one is."""
    if not gold and not found:
        return 1.0
    return 2 * (gold & found).total() / (gold.total() + found.total())


def shortened(text: str, characters: int) -> str:
    """Cut a text at the last word that fits."""
    return text if len(text) <= characters else text[:characters].rsplit(" ", 1)[0]


def containment(part: Iterable[Hashable], whole: Iterable[Hashable]) -> float:
    """Return the share of `part` that is also in `whole`, in [0, 1]; 0.0 for an empty part."""
    part = frozenset(part)
    return len(part & frozenset(whole)) / len(part) if part else 0.0


def sendable(text: str, characters: int) -> str:
    """Drop what no request can carry or no reader sees (see UNSENDABLE), and cut overlong text."""
    return _UNSENDABLE.sub("", text[: 2 * characters]).strip()[:characters]


def printable(text: str) -> str:
    """Drop what controls a terminal: control characters except tab and newline, and marks that change writing direction."""
    return _STEERING.sub("", text)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


STOPWORDS = frozenset(
    "a about after again all also am an and any are as at back be because been being but by can could did do does doing "
    "done down each even for from further get go going gone got had has have having he her here him his how i if in "
    "into is it its just know let like made make many may me mean might more most much must my need no not now of off "
    "okay on one only or other our out over own please put really right said same say see shall she should so some such "
    "sure take than that the their them then there these they thing things think this those through to too under until "
    "up us use very want was way we well were what when where which while who why will with would yes yet you your".split()
)
TELLING = frozenset("even one each all any no not only more most before after up down in out on off over under".split())
"""Stop words that may be all that tells two tasks apart."""
REQUESTS = frozenset(
    "write give provide make create generate list name explain describe suggest identify summarize summarise rewrite translate "
    "classify compare convert edit find tell answer question sentence text word paragraph article example use using based "
    "information following given please".split()
)
"""Words that say what to do with a subject, or what it comes in: an answer need not repeat them."""
ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ed", "es", "s", "e", "ly", "y")


@lru_cache(maxsize=20_000)  # words come again and again, in pools of demonstrations and in long runs
def stem(word: str) -> str:
    """Remove common English endings after at least four letters: a coarse key for comparison."""
    word = _without_possessive(word.lower())
    base = next((word.removesuffix(end) for end in ENDINGS if word.endswith(end) and len(word) - len(end) >= 4), word)
    return base[:-1] if base != word and base[-1] == base[-2] else base  # cancelled, planning


CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
CJK_RUN = re.compile(f"[{CJK}]+")
PIECES = re.compile(rf"[{CJK}]|[A-Za-z]+|[^\W\d_]+|\d|[^\w\s]|_|\n")


def content_stems(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order, names_like_this in parts; of CJK, pairs of characters."""
    found = []
    for word in words(text.replace("_", " ")):
        if CJK_RUN.search(word):
            found += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        elif word not in STOPWORDS and len(word) > 1:
            found.append(stem(word))
    return found


def approximate_tokens(text: str) -> int:
    """Estimate a text's tokens: words by length, each digit and sign as one, CJK by character. Errs on the high side.

    Against OpenAI's two vocabularies: English 1.0 times their count, JSON with ids 1.3, Chinese, Russian, Arabic 1.0 to 2.
    """
    halves = 0
    for piece in PIECES.findall(text):
        if piece.isascii():
            halves += 2 * -(-len(piece) // (8 if piece[0].islower() else 4))
        elif len(piece) == 1:
            halves += 3
        else:
            halves += len(piece.encode("utf-8", "replace"))
    return -(-halves // 2)


_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st vs fig eq e.g i.e etc inc ltd approx dept jan feb mar apr jun jul aug sep oct nov dec".split()
)
SENTENCE_END = re.compile(r"[.!?]+[\"'\u201d\u2019)\]]*(?=\s|$)|[\u3002\uff01\uff1f]+[\"\u201d\u2019\u300d\u300f]*|\n+")


def sentences(text: str) -> list[str]:
    """Split a text into sentences. No cut after an abbreviation, an initial or a list's number, nor inside "2.0.1"."""
    found, start = [], 0
    for end in SENTENCE_END.finditer(text):
        if end.group().startswith("."):
            before = text[max(start, end.start() - 10) : end.start()].strip().rsplit(maxsplit=1)
            last = before[-1].lstrip("([\"'").lower() if before else ""
            initial = len(last) == 1 and last.isalpha() and last.isascii()
            if last in _ABBREVIATIONS or initial or (last.isdigit() and not text[start : end.start() - len(last)].strip()):
                continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


class Facts(NamedTuple):
    """A text's exact statements, normalised: "$1,200.00" is the number 1200; "27 May" and "2024-05-27" are both 05-27."""

    names: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def all(self) -> frozenset[str]:
        return self.names | self.numbers | self.dates | self.ids


_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
MONTH = "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"  # noqa: E501
_FACT = re.compile(
    r"(?<!\w)(?P<iso>\d{4}-\d{1,2}-\d{1,2})(?!\d)"
    rf"|\b(?P<month>{MONTH})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b"
    rf"|(?<!\w)(?P<day_first>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month_last>{MONTH})\b"
    r"|(?<![\w:])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?!\d)"
    r"|(?<![\w.])(?P<number>\d{1,40}(?:,\d{3}){0,9}(?:\.\d{1,40})?)(?:st|nd|rd|th|am|pm|k|m|kg|km|h|s|x|ms|gb|mb)?(?!\w)"
    r"|(?P<word>[^\W_][\w'\u2019-]*(?:\.\d+)*)"
    r"|(?P<end>[.!?:;\u3002\uff01\uff1f\n\u2022*]+)",
)
_NO_CODES = frozenset("OK AM PM EST AND OR NOT NO YES THE TO IN OF ON FOR IS IT BE US ID WE SO".split())
SPELLED = "zero one two three four five six seven eight nine ten eleven twelve".split()
_LONGEST_ID = 60  # characters; anything longer is data, not a name


def facts_in(text: str) -> Facts:
    """Find names (capitalised runs that do not open a sentence), numbers, dates and ids, in one pass over the text.

    Scripts without spaces between words give no names: only the numbers, dates and ids in them.
    """
    text = CJK_RUN.sub(" ", text)
    found: dict[str, set[str]] = {"names": set(), "numbers": set(), "dates": set(), "ids": set()}
    run: list[str] = []
    opening, last_end = True, 0
    for match in _FACT.finditer(text):
        word = match["word"] or ""
        proper = word[:1].isupper() and word not in _NO_CODES and not _is_id(word) and word.lower() not in STOPWORDS
        if run and not (proper and match.start() == last_end + 1 and text[last_end] == " "):
            found["names"].add(" ".join(run))
            run = []
        if proper and not opening:
            run.append(_without_possessive(word.lower()))
        elif _is_id(word):
            found["ids"].add(word.strip("-'\u2019").lower())
        elif not match["end"]:
            kind, value = exact_value(match)
            found[kind].update(value)
        opening, last_end = bool(match["end"]), match.end()
    if run:
        found["names"].add(" ".join(run))
    return Facts(**{kind: frozenset(values) for kind, values in found.items()})


def _is_id(word: str) -> bool:
    """Return whether a token is a code, not a word: letters with digits (HAT017, sofia_kim_7287), or a few capitals (LAX)."""
    if not 2 <= len(word) <= _LONGEST_ID or word in _NO_CODES:
        return False
    if any(c.isdigit() for c in word) and any(c.isalpha() for c in word):
        return True
    return len(word) <= 6 and word.isascii() and word.isalpha() and word.isupper()


def exact_value(match: re.Match[str]) -> tuple[str, list[str]]:
    """Return the kind of fact and its normal form; no value for an ordinary word."""
    if match["iso"]:
        _, month, day = match["iso"].split("-")
        return "dates", [f"{int(month):02}-{int(day):02}"]
    if month := match["month"] or match["month_last"]:
        return "dates", [f"{_MONTHS.index(month[:3].lower()) + 1:02}-{int(match['day'] or match['day_first']):02}"]
    if match["hour"]:
        return "numbers", [f"{int(match['hour']) % 12}:{match['minute']}"]  # 16:00 and 4:00 PM are one time
    number = match["number"] or match["word"]
    return "numbers", [_plain_number(number)] if number[0].isdigit() and number.isascii() else []


def _plain_number(number: str) -> str:
    """Write 1,200.00 and 01200 as 1200."""
    number = number.replace(",", "")
    return (number.rstrip("0").rstrip(".") if "." in number else number).lstrip("0") or "0"


def _without_possessive(word: str) -> str:
    return word.removesuffix("'s").removesuffix("\u2019s")


class Evidence(NamedTuple):
    """Everything that a text supports."""

    facts: Facts
    words: frozenset[str]
    numbers: frozenset[str]


def evidence_of(text: str) -> Evidence:
    facts, known = facts_in(text), frozenset(words(text) + words(CJK_RUN.sub(" ", text)))
    runs = {_plain_number(run) for run in re.findall(r"[0-9]+", text)}
    spelled = {str(number) for number, word in enumerate(SPELLED) if word in known}
    return Evidence(facts, known, frozenset(facts.numbers | runs | spelled))


def unsupported(text: str, evidence: Evidence) -> list[str]:
    """Return the names, numbers, dates and ids of a text that the evidence lacks, sorted; [] means nothing is invented."""
    facts = facts_in(text)
    names = {name for name in facts.names - evidence.facts.names if not evidence.words.issuperset(words(name))}
    ids = {id_ for id_ in facts.ids - evidence.facts.ids if not evidence.words.issuperset(words(id_))}
    return sorted(names | ids | (facts.dates - evidence.facts.dates) | (facts.numbers - evidence.numbers))
