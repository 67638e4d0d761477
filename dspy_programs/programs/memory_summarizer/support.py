"""Whether a conversation says what a sentence of a model says, so that no false fact enters a memory.

Input      the entries of a conversation; a sentence.
Output     Sources(entries).fault(sentence): why the conversation does not say it, "" if it does.
Guarantees a sentence that quotes whole clauses of one entry is supported. Any other is only if
           - every name, number, date and id of one of its parts stands together in one place of the conversation, and what says
             most of the rest is not said of another number, date, id or speaker,
           - a few places together say most of its words and of each part's: 80 % if it has a value, a count, a denial or a deed
             that is told as done, else 50 %, for people retell talk in words of their own,
           - what is nearest to a part denies what the part denies, and nothing more; no word stands for its opposite,
           - a deed that is told as done is told so there, not only asked for, offered or planned.
           Words are compared, not meanings: a true paraphrase in other words is dropped, and a sentence that joins the
           conversation's words to something it does not say, without a value, may come in: `python -m tests.memory_support`
           measures both. What is dropped is replaced by words of the conversation. Time is linear in the conversation.
Source     a summary is consistent if a passage says each of its sentences: SummaC (Laban et al. 2022); here by words.
"""

import re

from dspy_programs.programs.failure_judge import KIND_OF_CLAIM
from dspy_programs.programs.memory_summarizer.clause_index import VALUES, ClauseIndex, shape_of, stems_of
from dspy_programs.programs.memory_summarizer.extractive_summary import Conversation
from dspy_programs.programs.memory_summarizer.polarity import OPPOSITES, denials, denies, exchanged
from dspy_programs.text import SPELLED, content_stems, facts_in, unsupported, words

_FEWEST_SAID = 0.8  # share of a sentence's words that its passages must say, if it has a value, a count, a denial or a deed
_FEWEST_RETOLD = 0.5  # that share for other talk, and for each part
_NEAR = 0.6  # share of a part's words in one clause, from which that clause is what the part retells
_COPIED = 0.8  # the same for a whole sentence
_SPOKEN = 0.4  # the same for who said something
_FEWEST_SPOKEN = 2  # words: one word in common does not tell who said it
_PART = re.compile(  # list marks such as "1." and "Flight 2:", commas, conjunctions
    r"(?:^|\s)(?:[A-Z][a-z]+\s)?\d{1,2}(?:[.)](?=\s|$)|:\s)|[,;]\s+"
    r"|\s(?:and|but|while|whereas|because|since|so that|although)\s"
)
_RETELLS = frozenset(  # words of a summary about a conversation, which the conversation itself need not say
    content_stems(
        "user assistant agent customer speaker speakers participants people conversation discussion meeting discusses "
        "discussed talks talked mentions mentioned says said states stated explains explained describes described asks asked "
        "tells told answers answered confirms confirmed suggests suggested notes noted points requests requested wants wanted "
        "provides provided including regarding about also various thinks thought feels felt believes believed proposed "
        "recommended reported expressed introduced presented claimed argued responded emphasized stressed raised team group "
        "members topic issue"
    )
)
_PREDICTED = re.compile(
    r"n['\u2019]t\b|\b(?:will|to|cannot|not|never|would|can|could|should|must|may|might|if|get|wants?|asks?|asked|requests?)\b"
)


class Sources:
    """A conversation, read once, to check many sentences against."""

    def __init__(self, said: Conversation) -> None:
        self._said = ClauseIndex(said)

    def fault(self, sentence: str) -> str:
        """Return why the conversation does not say this, "" if it does.

        Args:
            sentence: One sentence of a summary.

        Returns:
            The reason, in words.
        """
        if self._said.quotes(sentence):
            return ""
        if invented := unsupported(sentence, self._said.evidence):
            return f"{', '.join(invented)} not in the entries"
        wanted = stems_of(sentence) - _RETELLS
        said = self._said.said_in_a_few_passages(wanted)
        missing = sorted(wanted - said)
        if len(wanted & said) < (_FEWEST_SAID if _is_exact(sentence) else _FEWEST_RETOLD) * len(wanted):
            return f"the entries do not say {', '.join(missing)}"
        if found := self._said_of_another(sentence, wanted, _COPIED) or self._miscopied(sentence, wanted):
            return found
        if unsaid := [word for word in missing if word in OPPOSITES]:
            return f"the entries do not say {', '.join(unsaid)}"
        parts = enumerate(filter(None, map(str.strip, _PART.split(sentence))))
        return next(filter(None, (self._fault_of_part(part, number == 0, said) for number, part in parts)), "")

    def _fault_of_part(self, part: str, opens: bool, said: frozenset[str]) -> str:
        wanted = stems_of(part) - _RETELLS
        if not wanted:
            return ""
        if len(wanted & said) < _FEWEST_RETOLD * len(wanted):
            return f"the entries do not say {', '.join(sorted(wanted - said))}"
        near = self._said.nearest(wanted)
        worded = part if opens else f"and {part}"
        if near and all(self._confused(worded, number) for number in near):
            return f"no one place says all of {part!r}"
        return self._said_of_another(worded, wanted, _NEAR) or self._opposed(part, wanted) or self._undone(part, wanted)

    def _said_of_another(self, part: str, wanted: frozenset[str], share: float) -> str:
        """Return a fault if what a part says of a value is said of another of its kind, or by another speaker."""
        values = _values(part) | self._said.named(part)
        for value in sorted(values & self._said.holders.keys()):
            kind, _, name = value.partition(" ")
            context = wanted - stems_of(name)
            best = self._said.best(context, _SPOKEN if kind == "speaker" else share)
            if not best or (kind == "speaker" and best[0][1] < _FEWEST_SPOKEN):
                continue
            told = any(len(self._said.clauses[number].stems & context) >= best[0][1] for number in self._said.holders[value])
            if not told and any(other.startswith(kind) for n, _ in best for other in self._said.clauses[n].values - values):
                return f"no one place says all of {part!r}: they say it of another than {name}"
        return ""

    def _miscopied(self, sentence: str, wanted: frozenset[str]) -> str:
        """Return a fault if all that a sentence copies nearly word for word has another denial or an opposite."""
        copied = [_retold(self._said.clauses[number].text, wanted) for number, _ in self._said.best(wanted, _COPIED)]
        if copied and all(_denies_otherwise(text, sentence) or exchanged(text, sentence) for text in copied):
            return f"the entries say the opposite: {copied[-1]!r}"
        return ""

    def _opposed(self, part: str, wanted: frozenset[str]) -> str:
        """Return a fault if what says most of a part denies what the part does not, or the reverse."""
        best = self._said.best(wanted, _NEAR) if len(wanted) > 1 else []
        told = [pair for pair in best if not self._said.clauses[pair[0]].asks] or best
        if told and told[0][1] == len(wanted):
            told = [max(told)]  # the latest word on it
        if told and all(denies(_retold(self._said.clauses[n].text, wanted)) != denies(part) for n, _ in told):
            return f"the entries say the opposite of {part!r}"
        return ""

    def _confused(self, part: str, number: int) -> bool:
        """Return whether a passage lacks a value of a part, other than an id that is the only one of its shape here."""
        missing = [value for value in unsupported(part, self._said.evidence_around(number)) if not self._said.named(value)]
        if any(value not in self._said.evidence.facts.ids or self._said.shapes[shape_of(value)] > 1 for value in missing):
            return True
        facts = facts_in(part)
        values = facts.numbers | facts.dates
        return any(self._is_another(id_, values, number) for id_ in facts.ids if self._said.shapes[shape_of(id_)] > 1)

    def _is_another(self, id_: str, values: frozenset[str], number: int) -> bool:
        """Return whether a value of a part is, in a passage, said of another id of the same shape."""
        theirs: frozenset[str] = frozenset()  # the ids that the passage speaks of
        missing = set(values)
        for other in self._said.around(number):
            facts = facts_in(self._said.clauses[other].text)
            theirs = frozenset(each for each in facts.ids if shape_of(each) == shape_of(id_)) or theirs
            if id_ in theirs:
                missing -= facts.numbers | facts.dates
        return bool(missing)

    def _undone(self, part: str, wanted: frozenset[str]) -> str:
        """Return a fault if a part tells as done what was only asked for, offered or planned."""
        for word in words(part):
            if word not in KIND_OF_CLAIM or _PREDICTED.search(part.lower().partition(word)[0]):
                continue
            deed, others = frozenset(content_stems(word)), wanted - frozenset(content_stems(word))
            near = (self._said.clauses[number] for number in self._said.nearest(wanted))
            if not any(deed & clause.deeds and (not others or others & clause.stems) for clause in near):
                return f"{word!r} is not told as done"
        return ""


def _denies_otherwise(text: str, sentence: str) -> bool:
    """Return whether a sentence denies what a text does not, or the reverse; it may leave out a `not only`."""
    return denies(text) != denies(sentence) or denials(sentence) > denials(text)


def _retold(text: str, wanted: frozenset[str]) -> str:
    """Return the parts of a clause from the first to the last that has one of some words: what is beside is something else."""
    parts = [(found.start(), found.end()) for found in re.finditer(r"[^,;:?]+[,;:?]?", text)]
    holding = [(start, end) for start, end in parts if stems_of(text[start:end]) & wanted]
    return text[holding[0][0] : holding[-1][1]] if holding else text


def _is_exact(sentence: str) -> bool:
    """Return whether a sentence states a value, denies, counts, or tells a deed as done."""
    told = words(sentence)
    return bool(_values(sentence)) or denies(sentence) or any(word in KIND_OF_CLAIM or word in SPELLED[2:] for word in told)


def _values(text: str) -> frozenset[str]:
    facts = facts_in(text)
    return frozenset(f"{kind}{value}" for kind in VALUES for value in getattr(facts, kind.strip()))
