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
from dspy_programs.programs.memory_summarizer.polarity import OPPOSITES, denials, denies, exchanged
from dspy_programs.text import SPELLED, Evidence, content_stems, evidence_of, facts_in, unsupported, words

_PASSAGE = 5  # clauses that are read together: about 500 characters
_FEWEST_SAID = 0.8  # share of a sentence's words that its passages must say, if it states a value, a denial or a deed
_FEWEST_RETOLD = 0.5  # that share for other talk, which people retell in words of their own
_NEAR = 0.6  # share of a part's words in one clause, from which that clause is what the part retells
_COPIED = 0.8  # the same for a whole sentence
_SPOKEN = 0.4  # the same for who said something
_MOST_PASSAGES = 3
_MOST_HOLDERS = 500  # clauses with a word, the latest ones, in which it is looked for
_PART = re.compile(r"(?:^|\s)(?:[A-Z][a-z]+\s)?\d{1,2}(?:[.)](?=\s|$)|:\s)|[,;]\s+|\s(?:and|but|while|whereas)\s")
_SPEAKER = re.compile(r"[A-Z][\w.'\u2019-]*(?: [\w.'\u2019-]+){0,3}(?=: )")
_ENDS = " .,;:!"  # of a clause; a question mark is more than an end
_CALL = re.compile(r"\w+(?=\()")
_VALUES = ("ids ", "numbers ", "dates ")
_RETELLS = frozenset(  # words of a summary about a conversation, which the conversation itself need not say
    content_stems(
        "user assistant agent customer speaker speakers participants people conversation discussion meeting discusses "
        "discussed talks talked mentions mentioned says said states stated explains explained describes described asks asked "
        "tells told "
        "answers answered confirms confirmed suggests suggested notes noted points requests requested wants wanted provides "
        "provided including regarding about also various thinks thought feels felt believes believed proposed recommended reported "
        "expressed introduced presented claimed argued responded emphasized stressed raised team group members topic issue"
    )
)
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
    plain: str  # for comparison
    place: int  # of its entry
    asks: bool  # it asks, offers, plans or supposes
    deeds: frozenset[str]  # stems of what it tells as done
    stems: frozenset[str]  # of its words and of its speaker's name
    values: frozenset[str]


class Sources:
    """A conversation, read once, to check many sentences against."""

    def __init__(self, said: Conversation) -> None:
        self._clauses: list[_Clause] = []
        self._starts: defaultdict[str, list[int]] = defaultdict(list)
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        speakers = [_speaker_of(entry.content) for entry in said.entries]
        self._speakers = {" ".join(words(name)[:2]): f"speaker {name}" for name in speakers if name}
        for number, clause in enumerate(said.clauses):
            speaker = speakers[clause.place]
            tool = said.entries[clause.place].role == "tool"
            asks = not tool and not _CALL.match(clause.text) and bool(_UNDONE.search(clause.text))
            words_ = {thing.removeprefix("word ") for thing in clause.stated if thing.startswith("word ")}
            stems = words_.union(_digits(clause.text), content_stems(speaker))
            values = {thing for thing in clause.stated if thing.startswith(_VALUES)} | self._named(f"{speaker} {clause.text}")
            plain = _plain(clause.text)
            deeds = frozenset() if asks else frozenset(words_) if tool else _deeds(clause.text)
            made = _Clause(clause.text, plain, clause.place, asks, deeds, frozenset(stems), frozenset(values))
            self._clauses.append(made)
            self._starts[plain.partition(" ")[0]].append(number)
            for key in stems | values:
                self._holders[key].append(number)
        self._call_ids = "\n".join(id_ for entry in said.entries for id_ in entry.tool_call_ids)
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
        if self._quoted(sentence):
            return ""
        if invented := unsupported(sentence, self.evidence):
            return f"{', '.join(invented)} not in the entries"
        wanted = _stems(sentence) - _RETELLS
        said = self._said_in_a_few_passages(wanted)
        missing = sorted(wanted - said)
        if len(missing) > (1 - (_FEWEST_SAID if _is_exact(sentence) else _FEWEST_RETOLD)) * len(wanted) + 1e-9:
            return f"the entries do not say {', '.join(missing)}"
        if unsaid := [word for word in missing if word in OPPOSITES]:
            return f"the entries do not say {', '.join(unsaid)}"
        found = self._said_of_another(sentence, wanted, _COPIED) or self._miscopied(sentence, wanted)
        parts = enumerate(filter(None, map(str.strip, _PART.split(sentence))))
        return found or next(filter(None, (self._fault_of_part(part, number == 0) for number, part in parts)), "")

    def _quoted(self, sentence: str) -> bool:
        """Return whether a sentence is one or more whole clauses of an entry, one after the other."""
        text = _plain(sentence)
        return any(self._runs_from(number, text) for number in self._starts.get(text.partition(" ")[0], [])[-_MOST_HOLDERS:])

    def _runs_from(self, number: int, text: str) -> bool:
        place = self._clauses[number].place
        while number < len(self._clauses) and self._clauses[number].place == place:
            clause = self._clauses[number]
            number += 1
            if text == clause.plain:
                return True
            if not text.startswith(clause.plain):
                return False
            text = text.removeprefix(clause.plain).lstrip(_ENDS)
        return False

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
        worded = part if opens else f"and {part}"
        if near and all(self._confused(worded, number) for number in near):
            return f"no one place says all of {part!r}"
        return self._said_of_another(worded, wanted, _NEAR) or self._opposed(part, wanted) or self._undone(part, wanted)

    def _named(self, text: str) -> frozenset[str]:
        """Return the speakers that a text names, as values."""
        told = words(text)
        return frozenset(
            self._speakers[name]
            for size in (1, 2)
            for name in map(" ".join, zip(*(told[n:] for n in range(size)), strict=False))
            if name in self._speakers
        )

    def _said_of_another(self, part: str, wanted: frozenset[str], share: float) -> str:
        """Return a fault if what a part says of a value is said of another of its kind, or by another speaker."""
        values = _values(part) | self._named(part)
        for value in sorted(values):
            kind, _, name = value.partition(" ")
            context = wanted - _stems(name)
            best = self._best(context, min(share, _SPOKEN) if kind == "speaker" else share)
            rivals = [n for n, _ in best if any(other.startswith(kind) for other in self._clauses[n].values - values)]
            if kind == "speaker" and best and best[0][1] < 2:
                continue
            if rivals and value in self._holders and not self._says_as_much(value, context, best[0][1]):
                return f"no one place says all of {part!r}: they say it of another than {name}"
        return ""

    def _says_as_much(self, value: str, context: frozenset[str], most: int) -> bool:
        return any(len(self._clauses[number].stems & context) >= most for number in self._holders[value])

    def _best(self, wanted: frozenset[str], share: float = _NEAR) -> list[tuple[int, int]]:
        """Return the clauses that say most of some words, all that say equally many, if it is at least a share of them."""
        counts = self._overlaps(wanted)
        most = max(counts.values(), default=0)
        return [(n, count) for n, count in counts.items() if count == most and most >= share * len(wanted)]

    def _overlaps(self, wanted: frozenset[str]) -> dict[int, int]:
        """Return how many of some words each clause says, of those that say one."""
        found = set().union(*(self._holders.get(stem, [])[-_MOST_HOLDERS:] for stem in wanted))
        return {number: len(self._clauses[number].stems & wanted) for number in found}

    def _miscopied(self, sentence: str, wanted: frozenset[str]) -> str:
        """Return a fault if each clause that a sentence copies nearly word for word has another denial or an opposite."""
        copied = [self._clauses[number].text for number, _ in self._best(wanted, _COPIED)]
        if copied and all(denials(text) != denials(sentence) or exchanged(text, sentence) for text in copied):
            return f"the entries say the opposite: {copied[-1]!r}"
        return ""

    def _opposed(self, part: str, wanted: frozenset[str]) -> str:
        """Return a fault if what says most of a part denies what the part does not, or the reverse."""
        best = self._best(wanted) if len(wanted) > 1 else []
        told = [pair for pair in best if not self._clauses[pair[0]].asks] or best
        if told and told[0][1] == len(wanted):
            told = [max(told)]  # the latest word on it
        if told and all(denies(_retold(self._clauses[n].text, wanted)) != denies(part) for n, _ in told):
            return f"the entries say the opposite of {part!r}"
        return ""

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
        counts = self._overlaps(wanted)
        return sorted(counts, key=lambda number: (-counts[number], -number))[:8]

    def _undone(self, part: str, wanted: frozenset[str]) -> str:
        """Return a fault if a part tells as done what was only asked for, offered or planned."""
        for word in words(part):
            if word not in KIND_OF_CLAIM or _PREDICTED.search(part.lower().partition(word)[0]):
                continue
            deed, others = frozenset(content_stems(word)), wanted - frozenset(content_stems(word))
            near = (self._clauses[number] for number in self._nearest(wanted))
            if not any(deed & clause.deeds and (not others or others & clause.stems) for clause in near):
                return f"{word!r} is not told as done"
        return ""


def _stems(text: str) -> frozenset[str]:
    return frozenset([*content_stems(text), *_digits(text)])


def _retold(text: str, wanted: frozenset[str]) -> str:
    """Return the parts of a clause from the first to the last that has one of some words: what is beside is something else."""
    parts = [(found.start(), found.end()) for found in re.finditer(r"[^,;:?]+[,;:?]?", text)]
    holding = [(start, end) for start, end in parts if _stems(text[start:end]) & wanted]
    return text[holding[0][0] : holding[-1][1]] if holding else text


def _is_exact(sentence: str) -> bool:
    """Return whether a sentence states a value, denies, counts, or tells a deed as done."""
    told = words(sentence)
    return bool(_values(sentence)) or denies(sentence) or any(word in KIND_OF_CLAIM or word in SPELLED[2:] for word in told)


def _values(text: str) -> frozenset[str]:
    facts = facts_in(text)
    return frozenset(f"{kind}{value}" for kind in _VALUES for value in getattr(facts, kind.strip()))


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


def _shape(id_: str) -> str:
    return "".join("0" if c.isdigit() else "a" if c.isalpha() else c for c in id_)

