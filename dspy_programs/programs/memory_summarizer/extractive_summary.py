"""The summarizer without a model: extracts what to remember from the conversation's own words.

A conversation is cut into clauses of at most LONGEST characters. What a clause is worth is the names, numbers, dates, ids
and recurring words in it that are not yet remembered, more for what people said than for what a tool returned, more for
what is said often and late, and something extra for a decision. The clauses that are worth most for their tokens are
taken first (Minoux 1978: lazily evaluated greedy choice), so a fact is not remembered twice.

Guarantees every returned text is in the input, except for JSON punctuation and Markdown asterisks; deterministic; time is
           close to linear in the input; any script works.
Source     maximum coverage of concepts within a budget: Gillick and Favre 2009; greedy by cost: Lin and Bilmes 2010.
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dspy_programs.greedy import best_first
from dspy_programs.text import approximate_tokens, content_stems, facts_in, sentences
from dspy_programs.types import Entry

LONGEST = 100  # characters of a clause
POINTER_TOKENS = 5  # "- " and " [12]" around a clause
_WORTH = {"ids": 4.0, "dates": 2.5, "numbers": 2.0, "names": 1.0}
_VOICE = {"user": 1.0, "assistant": 1.0, "system": 0.8, "tool": 0.5}
_DECISION_WORTH = 2.0
_MENTIONED_WORTH = 5.0  # factor of what a proposed clause states too
_LATE_WORTH = 0.5  # the last entry is worth this much more than the first

_DECISION = re.compile(  # in lower-case text: to look for both cases takes three times as long
    r"\b(?:decid\w+|decision|agree[ds]?|agreed|confirm(?:ed|s)?|book(?:ed)?|cancell?ed|updated|approved?|reject(?:ed|s)?|chose|"
    r"chosen|selected|scheduled|assigned|refunded|transferred|denied|resolved|concluded|settled|instead|will|shall|must|"
    r"let's|going to)\b|\b(?:book|cancel|update|send|transfer|create|delete|pay|submit)_\w+"
    r"|\u51b3\u5b9a|\u540c\u610f|\u786e\u8ba4|\u53d6\u6d88|\u6c7a\u5b9a|\u78ba\u8a8d|решил|договорились|подтвержд",
)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\ufeff]|\r")
_JSON_MARKS = re.compile(r"[{}\[\]\"]+|\\n")
_MARKDOWN = re.compile(r"\*\*|^#+ |^\s*[-*] ", re.MULTILINE)


@dataclass(frozen=True)
class Clause:
    """A piece of an entry that can be remembered by itself. `worth`: each thing it states, with what that is worth."""

    number: int  # among all clauses of the entries
    text: str
    turn: int
    place: int  # of the entry among the entries
    tokens: int
    stated: frozenset[str]
    decision: bool
    trust: float = 1.0


def readable(content: str) -> str:
    """Drop what costs tokens and says nothing: control characters, Markdown asterisks, and JSON punctuation."""
    text = _CONTROL.sub(" ", content).strip()
    if text.startswith(("{", "[")):
        text = " ".join(_JSON_MARKS.sub(" ", text).split()).replace(" , ", ", ").replace(" : ", ": ").replace(" ,", ",")
    return _MARKDOWN.sub("", text)


def clauses(text: str, longest: int = LONGEST) -> list[str]:
    """Split a text into sentences, longer ones at commas, then at spaces, then anywhere."""
    found = []
    for sentence in sentences(text):
        if len(sentence) <= longest:
            found.append(sentence)
            continue
        parts = [piece for part in re.split(r"(?<=[,;\uff0c\uff1b\u3001])", sentence) for piece in _wrapped(part, longest)]
        packed = ""
        for part in parts:
            if len(packed) + len(part) > longest:
                found.append(packed.strip())
                packed = ""
            packed += part
        found.append(packed.strip())
    return [clause for clause in found if clause]


def _wrapped(text: str, longest: int) -> Iterable[str]:
    """Yield the text in pieces of at most `longest` characters, cut after spaces if there are any."""
    start = 0
    while len(text) - start > longest:
        cut = text.rfind(" ", start + 1, start + longest) + 1 or start + longest
        yield text[start:cut]
        start = cut
    yield text[start:]


def decides(text: str) -> bool:
    """Return whether a text decides something, or says what has been or must be done."""
    return _DECISION.search(text.lower()) is not None


def stated_in(text: str) -> frozenset[str]:
    """Return what a text states, as keys "kind value": its exact facts, and the stems of its words."""
    facts = facts_in(text)
    exact = {f"{kind} {value}" for kind in _WORTH for value in getattr(facts, kind)}
    return frozenset(exact | {f"word {word}" for word in content_stems(text)})


@dataclass(frozen=True)
class Conversation:
    """Entries, cut into clauses once. `worth`: of each thing that is stated."""

    entries: Sequence[Entry]
    clauses: Sequence[Clause]
    worth: Mapping[str, float]


def read(entries: Sequence[Entry]) -> Conversation:
    pieces = [(place, text) for place, entry in enumerate(entries) for text in clauses(readable(entry.content))]
    stated = functools.cache(stated_in)  # tool results and logs repeat themselves
    found = [
        Clause(
            number=number,
            text=text,
            turn=entries[place].turn,
            place=place,
            tokens=approximate_tokens(text) + POINTER_TOKENS,
            stated=stated(text),
            decision=entries[place].role != "tool" and decides(text),
        )
        for number, (place, text) in enumerate(pieces)
    ]
    return Conversation(entries, found, _worths(found, entries))


def _worths(found: Sequence[Clause], entries: Sequence[Entry]) -> dict[str, float]:
    """Return each stated thing's worth: more if several entries state it, weighted by its best voice."""
    mentions: Counter[str] = Counter()
    voices: dict[str, float] = {}
    last: dict[str, int] = {}
    for clause in found:
        voice = _VOICE[entries[clause.place].role]
        for thing in clause.stated:
            mentions[thing] += last.get(thing) != clause.place
            last[thing] = clause.place
            voices[thing] = max(voice, voices.get(thing, 0.0))
    return {
        thing: _WORTH.get(thing.partition(" ")[0], 0.5) * voices[thing] * math.log2(1 + count)
        for thing, count in mentions.items()
    }


def most_telling(said: Conversation, tokens: int, known: str = "", proposed: Sequence[Clause] = ()) -> list[Clause]:
    """Return the clauses to remember within about `tokens` tokens, best first, that add to what is `known` already.

    The `proposed` ones compete with those of the entries, and what they mention is worth more wherever it is said; words
    that no entry says are worth nothing.
    """
    found = [*proposed, *said.clauses]
    mentioned = {thing for clause in proposed for thing in clause.stated}
    worth = {thing: value * (_MENTIONED_WORTH if thing in mentioned else 1.0) for thing, value in said.worth.items()}
    remembered = set(stated_in(known))
    last = max(1, len(said.entries) - 1)

    def value(number: int) -> float:
        clause = found[number]
        new = math.fsum(worth.get(thing, 0.0) for thing in clause.stated - remembered)
        extra = _DECISION_WORTH if clause.decision and new else 0.0
        return clause.trust * (new + extra) * (1 + _LATE_WORTH * clause.place / last) / clause.tokens

    chosen: list[Clause] = []
    for number in best_first(range(len(found)), value, lambda number: found[number].tokens, tokens):
        chosen.append(found[number])
        remembered |= found[number].stated
    return chosen


def condensed(said: Conversation, characters: int) -> list[Entry]:
    """Return the entries in a readable form; if they are longer than `characters` together, the best of each."""
    plain = [entry.model_copy(update={"content": readable(entry.content)}) for entry in said.entries]
    if sum(len(str(entry)) + 1 for entry in plain) <= characters:
        return plain
    kept: dict[int, list[Clause]] = {}
    left = characters
    for clause in most_telling(said, characters // 2):  # nearly every token has two characters or more
        frame = 0 if clause.place in kept else len(str(plain[clause.place])) - len(plain[clause.place].content)
        if len(clause.text) + frame + 1 <= left:
            kept.setdefault(clause.place, []).append(clause)
            left -= len(clause.text) + frame + 1
    return [
        plain[place].model_copy(update={"content": " ".join(c.text for c in sorted(kept[place], key=lambda c: c.number))})
        for place in sorted(kept)
    ]
