"""python -m tests.memory_support: how many true sentences about a conversation are kept, and how many false ones come in.

On the shipped train and val rows. True: the sentences of each row's gold memory, people's own (QMSum) and extracts
(tau-bench, and facts and decisions of both). False: true ones with one thing changed (a name, a number, an id, a denial, an
opposite) or with an invented reason, deeds that were only asked for, and people's sentences about another part of the same
meeting or about another meeting. A person's sentence may rest on turns that the row's window leaves out, and one about another
part may happen to be true here, so neither 100 nor 0 % is right for these.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import dspy

from dspy_programs.programs.memory_summarizer import read
from dspy_programs.programs.memory_summarizer.support import Sources
from dspy_programs.text import facts_in, sentences
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe
from optimizers.recipes.demonstrations.memory_summarizer import as_demonstration

_LABEL = re.compile(r"[A-Z][\w.' -]{1,30}(?=: )")
_AUXILIARY = re.compile(r"\b(is|are|was|were|will|would|can|could|should|has|have|had|must|did|does|do)\b(?! not|n't)")
_DENIAL = re.compile(r"\b(?:did |do |does )?not |n['\u2019]t\b")
_OPPOSITES = (
    "increase decrease,increasing decreasing,increased decreased,more less,higher lower,high low,before after,"
    "accepted rejected,agreed disagreed,liked disliked,same different,good bad,better worse,cheap expensive,"
    "large small,big small,first last,easy difficult,allowed forbidden,with without,include exclude,"
    "including excluding,positive negative,start end,buy sell,early late,long short,old new,young old,open closed,"
    "strong weak,success failure,improve worsen,improved worsened,support oppose,supported opposed,cancel keep,"
    "cancelled kept,add remove,approved refused,fast slow"
)
_SWAPS = {a: b for pair in _OPPOSITES.split(",") for words in [pair.split()] for a, b in (words, words[::-1])}
_LINKS = ("because of", "together with", "after", "so that")
_DEEDS = {"cancel": "cancelled", "book": "booked", "upgrade": "upgraded", "refund": "refunded", "change": "changed"}


class Case(NamedTuple):
    """A sentence and the row whose conversation is asked for it."""

    row: dspy.Example
    kind: str
    true: bool
    sentence: str


def source_of(row: dspy.Example) -> str:
    return str(row.id).split("-")[0]


def true_cases(row: dspy.Example) -> Iterator[Case]:
    memory = as_demonstration(row)["summarize"]["memory"]
    summary = "summary: people's" if source_of(row) == "qmsum" else "summary: extracts"
    for sentence in sentences(memory["summary"]):
        yield Case(row, summary, True, sentence)
    for fact in [*memory["facts"], *memory["decisions"]]:
        yield Case(row, "facts and decisions: extracts", True, fact["text"])


def false_cases(case: Case, draw: random.Random) -> Iterator[Case]:
    """Yield a true sentence with one thing changed, as far as it has one."""
    said = "\n".join(entry.content for entry in case.row.entries)
    here, there = facts_in(case.sentence), facts_in(said)
    labels = sorted({label for entry in case.row.entries for label in _LABEL.findall(entry.content)[:1]})
    changed: list[tuple[str, str, list[str]]] = [("name", label, labels) for label in labels]
    changed += [("number", number, sorted(there.numbers)) for number in sorted(here.numbers)]
    changed += [("id", id_, [other for other in sorted(there.ids) if len(other) == len(id_)]) for id_ in sorted(here.ids)]
    for kind, old, others in changed:
        found = re.search(rf"(?<![\w.]){re.escape(old)}(?![\w])", case.sentence, re.IGNORECASE)
        if found and (others := [other for other in others if other not in case.sentence.lower() and other != old]):
            new = draw.choice(others)
            new = new.upper() if kind == "id" and found.group().isupper() else new
            yield Case(case.row, kind, False, case.sentence[: found.start()] + new + case.sentence[found.end() :])
    if _DENIAL.search(case.sentence):
        yield Case(case.row, "denial removed", False, _DENIAL.sub("", case.sentence, count=1))
    elif _AUXILIARY.search(case.sentence):
        yield Case(case.row, "denial added", False, _AUXILIARY.sub(r"\1 not", case.sentence, count=1))
    for word in re.findall(r"\w+", case.sentence):
        if word in _SWAPS:
            yield Case(case.row, "opposite", False, re.sub(rf"\b{word}\b", _SWAPS[word], case.sentence, count=1))
            return


def undone_cases(row: dspy.Example) -> Iterator[Case]:
    """Yield as done what a window of tau-bench only asks for."""
    said = "\n".join(entry.content for entry in row.entries)
    for verb, deed in _DEEDS.items():
        if re.search(rf"\b{verb}\b", said) and not re.search(rf"\b{verb}_|\b{deed}\b|success|processed", said):
            for id_ in sorted(facts_in(said).ids):
                if re.fullmatch(r"[a-z0-9]{6}", id_):
                    yield Case(row, "only asked for", False, f"Reservation {id_.upper()} was {deed}.")


def foreign_cases(rows: list[dspy.Example], draw: random.Random) -> Iterator[Case]:
    """Yield people's sentences about another part of the same meeting, and about another one of the same kind."""
    meetings = [row for row in rows if source_of(row) == "qmsum"]
    for row in meetings:
        meeting = row.id.rsplit("-", 1)[0]
        same = [other for other in meetings if other.id.startswith(meeting + "-") and other is not row]
        alike = [o for o in meetings if o.id.split("-")[1] == row.id.split("-")[1] and not o.id.startswith(meeting + "-")]
        for kind, others in (("another part", same), ("another meeting", alike)):
            if others:
                for case in true_cases(draw.choice(others)):
                    if case.kind == "summary: people's":
                        yield Case(row, kind, False, case.sentence)
        invented = [case.sentence for case in true_cases(draw.choice(alike)) if case.kind == "summary: people's"]
        for case in true_cases(row):
            if case.kind == "summary: people's" and invented:
                ended = " ".join(draw.choice(invented).rstrip(".").split()[-7:])
                yield Case(row, "an invented reason", False, f"{case.sentence.rstrip('.')} {draw.choice(_LINKS)} {ended}.")


def cases_of(split: str) -> list[Case]:
    found = recipe("memory_summarizer")
    rows = read_split(data_directory("memory_summarizer") / f"{split}.jsonl", found.program, found.labels)
    draw = random.Random(20261129)
    true = [case for row in rows for case in true_cases(row)]
    false = [changed for case in true for changed in false_cases(case, draw)]
    asked = [case for row in rows if source_of(row) == "tau" for case in undone_cases(row)]
    return [*true, *false, *asked, *foreign_cases(rows, draw)]


def measured(split: str) -> None:
    """Print the share of each kind that is kept."""
    kept: Counter[str] = Counter()
    total: Counter[str] = Counter()
    cases = sorted(cases_of(split), key=lambda case: str(case.row.id))
    sources = None
    for before, case in pairwise([None, *cases]):
        if before is None or sources is None or before.row is not case.row:
            sources = Sources(read(case.row.entries))
        total[case.kind] += 1
        kept[case.kind] += sources.fault(case.sentence) == ""
    for true in (True, False):
        for kind in sorted({case.kind for case in cases if case.true == true}):
            print(f"| {split} | {'true' if true else 'false'} | {kind} | {kept[kind]} of {total[kind]} |")


def main() -> None:
    print("| rows | sentences | kind | kept |\n|---|---|---|---|")
    for split in ("train", "val"):
        measured(split)


if __name__ == "__main__":
    main()
