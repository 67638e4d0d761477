"""Whether a conversation says what a sentence of a model says, so that no false fact enters a memory.

Input      the entries of a conversation; a sentence.
Output     Sources(entries).fault(sentence): why the conversation does not say it, "" if it does.
Guarantees a sentence is supported only if
           - every name, number, date and id of one of its parts stands together in one place of the conversation,
           - a few places together say nearly all of its words,
           - what is nearest to a part denies what the part denies, and nothing more,
           - a deed that is told as done is not one that was only asked for, offered or planned.
           When in doubt it is not: then words of the conversation itself take its place. Time is linear in the conversation.
Source     a summary is consistent if a passage says each of its sentences: SummaC (Laban et al. 2022); here by words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from dspy_programs.programs.failure_judge import KIND_OF_CLAIM
from dspy_programs.programs.memory_summarizer.extractive_summary import Conversation
from dspy_programs.text import Evidence, content_stems, evidence_of, facts_in, unsupported, words

_PASSAGE = 5  # clauses that are read together: about 500 characters
_FEWEST_SAID = 0.8  # share of a sentence's words that its passages must say
_NEAR = 0.6  # share of a part's words in one clause, from which that clause is what the part retells
_MOST_PASSAGES = 3
_MOST_HOLDERS = 500  # clauses with a word, the latest ones, in which it is looked for
_PART = re.compile(r"[,;]\s+|:\s|\s(?:and|but|while|whereas)\s")
_RETELLS = frozenset(  # words of a summary about a conversation, which the conversation itself need not say
    content_stems(
        "user assistant agent customer speaker speakers participants people conversation discussion meeting discusses "
        "discussed talks talked mentions mentioned says said states stated explains explained describes described asks asked "
        "tells told "
        "answers answered confirms confirmed suggests suggested notes noted points requests requested wants wanted provides "
        "provided including regarding about also various"
    )
)
_DENIES = re.compile(
    r"\b(?:not|never|no|none|nothing|nobody|cannot|without|neither|nor|unable|denied|refused|declined|failed|isn|aren|wasn|"
    r"weren|don|doesn|didn|won|can|couldn|wouldn|shouldn|hasn|haven|hadn)(?:['\u2019]t)?\b",
    re.IGNORECASE,
)
_MAY = re.compile(r"\bcan\b(?!['\u2019]t)|\bwon\b(?!['\u2019]t)|\bdon\b(?!['\u2019]t)", re.IGNORECASE)
_UNDONE = re.compile(
    r"\?|\b(?:want|would|could|should|can|(?<!\d )may(?! \d)|might|will|shall|"
    r"going to|please|need|like to|if|let me|let's|plan|try|how|"
    r"whether|before|in order to|to be|ask|request|able|must|ready|proceed)\w*\b",
    re.IGNORECASE,
)
_PREDICTED = re.compile(
    r"n['\u2019]t\b|\b(?:will|to|cannot|not|never|would|can|could|should|must|may|might|if|wants?|asks?|asked|requests?)\b"
)


class _Clause(NamedTuple):
    text: str
    asks: bool  # it asks, offers, plans or supposes
    stems: frozenset[str]


class Sources:
    """A conversation, read once, to check many sentences against."""

    def __init__(self, said: Conversation) -> None:
        self._clauses: list[_Clause] = []
        for clause in said.clauses:
            told = said.entries[clause.place].role == "tool" or "(" in clause.text[:60]
            asks = not told and bool(_UNDONE.search(clause.text))
            words_ = {thing.removeprefix("word ") for thing in clause.stated if thing.startswith("word ")}
            self._clauses.append(_Clause(clause.text, asks, frozenset(words_.union(_digits(clause.text)))))
        self._call_ids = "\n".join(id_ for entry in said.entries for id_ in entry.tool_call_ids)
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, each in enumerate(self._clauses):
            for stem in each.stems:
                self._holders[stem].append(number)
        self._passages: dict[int, Evidence] = {}

    @cached_property
    def evidence(self) -> Evidence:
        """Everything that the conversation says."""
        return evidence_of("\n".join([*(clause.text for clause in self._clauses), self._call_ids]))

    def fault(self, sentence: str) -> str:
        """Return why the conversation does not say this, "" if it does.

        Args:
            sentence: One sentence of a summary.

        Returns:
            The reason, in words.
        """
        if invented := unsupported(sentence, self.evidence):
            return f"{', '.join(invented)} not in the entries"
        wanted = _stems(sentence) - _RETELLS
        covered = wanted & self._said_in_a_few_passages(wanted)
        if len(covered) < _FEWEST_SAID * len(wanted):
            return f"the entries do not say {', '.join(sorted(wanted - covered))}"
        for number, part in enumerate(filter(None, map(str.strip, _PART.split(sentence)))):
            if found := self._fault_of_part(part, opens=number == 0):
                return found
        return ""

    def _said_in_a_few_passages(self, wanted: frozenset[str]) -> frozenset[str]:
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
            for number in self._holders.get(stem, [])[-_MOST_HOLDERS:]:
                counts[number].add(stem)
        if not counts:
            return None

        def value(number: int) -> tuple[int, int]:
            near = set().union(*(counts.get(other, set()) for other in self._around(number)))
            return len(near), number

        likely = sorted(counts, key=lambda number: (-len(counts[number]), -number))[:50]
        return max(likely, key=value)

    def _around(self, number: int) -> range:
        half = _PASSAGE // 2
        return range(max(0, number - half), min(len(self._clauses), number + half + 1))

    def _stems_of(self, number: int) -> frozenset[str]:
        return frozenset().union(*(self._clauses[other].stems for other in self._around(number)))

    def _evidence_of(self, number: int) -> Evidence:
        if number not in self._passages:
            self._passages[number] = evidence_of("\n".join(self._clauses[other].text for other in self._around(number)))
        return self._passages[number]

    def _fault_of_part(self, part: str, opens: bool) -> str:
        wanted = _stems(part) - _RETELLS
        if not wanted:
            return ""
        near = self._nearest(wanted)
        if near and all(self._confused(part if opens else f"and {part}", number) for number in near):
            return f"no one place says all of {part!r}"
        best = next((n for n in near if len(self._clauses[n].stems & wanted) >= _NEAR * len(wanted)), None)
        if best is not None and len(wanted) > 1 and _denies(part) != _denies(_nearest_half(self._clauses[best].text, wanted)):
            return f"the entries say the opposite of {part!r}"
        return self._undone(part, wanted)

    def _confused(self, part: str, number: int) -> bool:
        """Return whether a passage lacks a value of a part, other than an id that is the only one of its shape here."""
        missing = unsupported(part, self._evidence_of(number))
        if any(value not in self.evidence.facts.ids or self._shapes[_shape(value)] > 1 for value in missing):
            return True
        facts = facts_in(part)
        values = facts.numbers | facts.dates
        return any(self._is_another(id_, values, number) for id_ in facts.ids if self._shapes[_shape(id_)] > 1)

    def _is_another(self, id_: str, values: frozenset[str], number: int) -> bool:
        """Return whether a value of a part is, in a passage, said of another id of the same shape."""
        theirs: frozenset[str] = frozenset()  # the ids that the passage speaks of
        missing = set(values)
        for other in self._around(number):
            facts = facts_in(self._clauses[other].text)
            theirs = frozenset(each for each in facts.ids if _shape(each) == _shape(id_)) or theirs
            if id_ in theirs:
                missing -= facts.numbers | facts.dates
        return bool(missing)

    @cached_property
    def _shapes(self) -> Counter[str]:
        return Counter(map(_shape, self.evidence.facts.ids))

    def _nearest(self, wanted: frozenset[str]) -> list[int]:
        """Return the clauses that say most of some words, at most eight, best first."""
        counts: defaultdict[int, int] = defaultdict(int)
        for stem in wanted:
            for number in self._holders.get(stem, [])[-_MOST_HOLDERS:]:
                counts[number] += 1
        return sorted(counts, key=lambda number: (-counts[number], -number))[:8]

    def _undone(self, part: str, wanted: frozenset[str]) -> str:
        """Return a fault if a part tells as done what was only asked for, offered or planned."""
        for word in words(part):
            if word not in KIND_OF_CLAIM or _PREDICTED.search(part.lower().partition(word)[0]):
                continue
            deed, others = frozenset(content_stems(word)), wanted - frozenset(content_stems(word))
            telling = [
                self._clauses[number]
                for number in self._nearest(wanted)
                if deed & self._clauses[number].stems and (not others or others & self._clauses[number].stems)
            ]
            if all(clause.asks for clause in telling):
                return f"{word!r} is not told as done"
        return ""


def _stems(text: str) -> frozenset[str]:
    return frozenset([*content_stems(text), *_digits(text)])


def _nearest_half(text: str, wanted: frozenset[str]) -> str:
    """Return what stands between semicolons and says most of some words: a denial beside it is of something else."""
    return max(text.split(";"), key=lambda half: len(_stems(half) & wanted))


def _digits(text: str) -> Iterator[str]:
    return filter(str.isdigit, words(text))


def _shape(id_: str) -> str:
    return "".join("0" if c.isdigit() else "a" if c.isalpha() else c for c in id_)


def _denies(text: str) -> bool:
    return bool(_DENIES.search(_MAY.sub(" ", text)))
