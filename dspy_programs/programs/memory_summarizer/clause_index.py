"""A conversation's clauses, to be looked up by what they say.

Input      a conversation; words as stems, values as "kind value": ids, numbers, dates, speakers.
Output     ClauseIndex(conversation): the clauses that say most of some words, what a few places together say, quotes.
Guarantees time is linear in the conversation to read it; a look-up looks at the latest 500 clauses of each word.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from dspy_programs.programs.failure_judge import KIND_OF_CLAIM
from dspy_programs.programs.memory_summarizer.extractive_summary import Conversation
from dspy_programs.text import Evidence, content_stems, evidence_of, words

_PASSAGE = 5  # clauses that are read together: about 500 characters
_MOST_PASSAGES = 3
_MOST_HOLDERS = 500  # clauses with a word, the latest ones, in which it is looked for
_ENDS = " .,;:!"  # of a clause; a question mark is more than an end
_CALL = re.compile(r"\w+(?=\()")
VALUES = ("ids ", "numbers ", "dates ")
_SPEAKER = re.compile(r"[A-Z][\w.'\u2019-]*(?: [\w.'\u2019-]+){0,3}(?=: )")
_UNDONE = re.compile(
    r"\?|\b(?:want|would|could|should|can|(?<!\d )may(?! \d)|might|will|shall|"
    r"going to|please|need|like to|if|let me|let's|plan|try|how|"
    r"whether|before|in order to|to be|ask|request|able|must|ready|proceed)\w*\b",
    re.IGNORECASE,
)


class HeardClause(NamedTuple):
    """A clause and what it tells."""

    text: str
    plain: str  # for comparison
    place: int  # of its entry
    asks: bool  # it asks, offers, plans or supposes
    deeds: frozenset[str]  # stems of what it tells as done
    stems: frozenset[str]  # of its words and of its speaker's name
    values: frozenset[str]


class ClauseIndex:
    """A conversation, read once, to look up many sentences in."""

    def __init__(self, said: Conversation) -> None:
        self.clauses: list[HeardClause] = []
        self._starts: defaultdict[str, list[int]] = defaultdict(list)
        self.holders: defaultdict[str, list[int]] = defaultdict(list)
        speakers = [_speaker_of(entry.content) for entry in said.entries]
        self._speakers = {" ".join(words(name)[:2]): f"speaker {name}" for name in speakers if name}
        for number, clause in enumerate(said.clauses):
            speaker = speakers[clause.place]
            tool = said.entries[clause.place].role == "tool"
            asks = not tool and not _CALL.match(clause.text) and bool(_UNDONE.search(clause.text))
            words_ = {thing.removeprefix("word ") for thing in clause.stated if thing.startswith("word ")}
            stems = words_.union(_digits(clause.text), content_stems(speaker))
            values = {thing for thing in clause.stated if thing.startswith(VALUES)} | self.named(f"{speaker} {clause.text}")
            plain = _plain(clause.text)
            deeds = frozenset() if asks else frozenset(words_) if tool else _deeds(clause.text)
            made = HeardClause(clause.text, plain, clause.place, asks, deeds, frozenset(stems), frozenset(values))
            self.clauses.append(made)
            self._starts[plain.partition(" ")[0]].append(number)
            for key in stems | values:
                self.holders[key].append(number)
        self._call_ids = "\n".join(id_ for entry in said.entries for id_ in entry.tool_call_ids)
        self._passages: dict[int, Evidence] = {}
        self._overlaps = lru_cache(maxsize=32)(self._count_overlaps)  # of a sentence and its parts, asked for several times

    @cached_property
    def evidence(self) -> Evidence:
        """Everything that the conversation says."""
        return evidence_of("\n".join([*(clause.text for clause in self.clauses), self._call_ids]))

    def named(self, text: str) -> frozenset[str]:
        """Return the speakers that a text names, as values."""
        told = words(text) if self._speakers else []
        names = {*told, *map(" ".join, pairwise(told))}
        return frozenset(self._speakers[name] for name in names & self._speakers.keys())

    def quotes(self, sentence: str) -> bool:
        """Return whether a sentence is one or more whole clauses of an entry, one after the other."""
        text = _plain(sentence)
        return any(self._runs_from(number, text) for number in self._starts.get(text.partition(" ")[0], [])[-_MOST_HOLDERS:])

    def _runs_from(self, number: int, text: str) -> bool:
        place = self.clauses[number].place
        while number < len(self.clauses) and self.clauses[number].place == place:
            clause = self.clauses[number]
            number += 1
            if text == clause.plain:
                return True
            if not text.startswith(clause.plain):
                return False
            text = text.removeprefix(clause.plain).lstrip(_ENDS)
        return False

    def best(self, wanted: frozenset[str], share: float) -> list[tuple[int, int]]:
        """Return the clauses that say most of some words, all that say equally many, if it is at least a share of them."""
        counts = self._overlaps(wanted)
        most = max(counts.values(), default=0)
        return [(n, count) for n, count in counts.items() if count == most and most >= share * len(wanted)]

    def _count_overlaps(self, wanted: frozenset[str]) -> dict[int, int]:
        """Return how many of some words each clause says, of those that say one."""
        found = set().union(*(self.holders.get(stem, [])[-_MOST_HOLDERS:] for stem in wanted))
        return {number: len(self.clauses[number].stems & wanted) for number in found}

    def nearest(self, wanted: frozenset[str]) -> list[int]:
        """Return the clauses that say most of some words, at most eight, best first."""
        counts = self._overlaps(wanted)
        return sorted(counts, key=lambda number: (-counts[number], -number))[:8]

    def said_in_a_few_passages(self, wanted: frozenset[str]) -> frozenset[str]:
        """Return the words of the passages that together say most of what is wanted."""
        said: frozenset[str] = frozenset()
        for _ in range(_MOST_PASSAGES):
            best = self._best_passage(wanted - said)
            if best is None:
                break
            said |= self._stems_of(best)
        return said

    def _best_passage(self, wanted: frozenset[str]) -> int | None:
        """Return the middle of the passage that says most of some words; of equals the latest."""
        counts: defaultdict[int, set[str]] = defaultdict(set)
        for stem in wanted:
            for number in self.holders.get(stem, [])[-_MOST_HOLDERS:]:
                counts[number].add(stem)
        if not counts:
            return None

        def value(number: int) -> tuple[int, int]:
            near = set().union(*(counts.get(other, set()) for other in self.around(number)))
            return len(near), number

        likely = sorted(counts, key=lambda number: (-len(counts[number]), -number))[:50]
        return max(likely, key=value)

    def around(self, number: int) -> range:
        """Return the numbers of the clauses that are read together with one."""
        half = _PASSAGE // 2
        return range(max(0, number - half), min(len(self.clauses), number + half + 1))

    def _stems_of(self, number: int) -> frozenset[str]:
        return frozenset().union(*(self.clauses[other].stems for other in self.around(number)))

    def evidence_around(self, number: int) -> Evidence:
        """Return what a clause and those around it say."""
        if number not in self._passages:
            self._passages[number] = evidence_of("\n".join(self.clauses[other].text for other in self.around(number)))
        return self._passages[number]

    @cached_property
    def shapes(self) -> Counter[str]:
        """How many ids there are of each shape."""
        return Counter(map(shape_of, self.evidence.facts.ids))


def stems_of(text: str) -> frozenset[str]:
    """Return the stems of the words of a text that carry meaning, and its numbers digit run by digit run."""
    return frozenset([*content_stems(text), *_digits(text)])


def _deeds(text: str) -> frozenset[str]:
    """Return the stems of what a clause tells as done, in words or as a call."""
    call = _CALL.match(text)
    return frozenset(content_stems(call.group() if call else " ".join(word for word in words(text) if word in KIND_OF_CLAIM)))


def _speaker_of(content: str) -> str:
    found = _SPEAKER.match(content)
    return found.group() if found else ""


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(_ENDS)


def _digits(text: str) -> Iterator[str]:
    return filter(str.isdigit, words(text))


def shape_of(id_: str) -> str:
    """Return an id with every letter as "a" and every digit as "0"."""
    return "".join("0" if c.isdigit() else "a" if c.isalpha() else c for c in id_)
