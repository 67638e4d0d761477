"""A memory_summarizer row as a demonstration: the memory that holds most of its terms within its budget."""

from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from dspy_programs.programs.memory_summarizer import CHARACTERS, Clause, Fact, Item, condensed, read, rendered
from dspy_programs.text import approximate_tokens, content_stems, evidence_of, facts_in, sentences, unsupported
from dspy_programs.types import Entry

_LONGEST_SUMMARY, _MOST_DECISIONS, _MOST_FACTS = 200, 2, 4  # as in the program's wire types


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show a row as the program's one predictor would have answered it: the ideal memory in the form of the reply."""
    terms = [term for probe in row.probes for term in probe.terms]
    items = _ideal(row.entries, row.token_budget, terms, row.reference)
    memory = {
        "summary": " ".join(item.fact.text for item in items if item.kind == "summary"),
        "decisions": [item.fact.model_dump() for item in items if item.kind == "decision"],
        "facts": [item.fact.model_dump() for item in items if item.kind == "fact"],
    }
    shown = [entry.model_dump() for entry in condensed(read(row.entries), CHARACTERS)]
    return {"summarize": {"token_budget": row.token_budget, "entries": shown, "memory": memory}}


def terms_kept(entries: Sequence[Entry], budget: int, terms: Sequence[str], answer: str) -> set[str]:
    """Return those terms that the ideal memory of a row holds, as `as_demonstration` shows it."""
    held = _stated(rendered(_ideal(entries, budget, terms, answer)))
    return {term for term in terms if _keys(term) <= held}


def _ideal(entries: Sequence[Entry], budget: int, terms: Sequence[str], answer: str) -> list[Item]:
    """Return the memory that holds most of the terms: the person's answer where it invents nothing, then clauses."""
    evidence = evidence_of("\n".join(entry.content for entry in entries))
    grounded = [sentence for sentence in sentences(answer) if not unsupported(sentence, evidence)]
    items: list[Item] = []
    for sentence in grounded:
        if sum(len(item.fact.text) + 1 for item in items) + len(sentence) <= _LONGEST_SUMMARY:
            items.append(Item("summary", Fact(text=sentence, turns=[])))
    room = {"summary": 0 if items else 2, "decision": _MOST_DECISIONS, "fact": _MOST_FACTS}
    missing = set().union(*map(_keys, terms)) - _stated(rendered(items))
    found = [(clause, _stated(clause.text)) for clause in read(entries).clauses]
    while missing and found:
        clause, held = max(found, key=lambda pair: len(pair[1] & missing) / pair[0].tokens)
        found.remove((clause, held))
        kind = _kind_of(clause, entries, room)
        item = Item(kind, Fact(text=clause.text, turns=[clause.turn]))
        if not held & missing or unsupported(clause.text, evidence):
            continue
        if room[kind] and approximate_tokens(rendered([*items, item])) <= budget:
            items.append(item)
            room[kind] -= 1
            missing -= held
    return items


def _kind_of(clause: Clause, entries: Sequence[Entry], room: Mapping[str, int]) -> str:
    if clause.decision and room["decision"]:
        return "decision"
    return "summary" if room["summary"] and entries[clause.place].role != "tool" else "fact"


def _stated(text: str) -> set[str]:
    return set(content_stems(text)) | facts_in(text).all()


def _keys(term: str) -> set[str]:
    """Return what must be in `_stated` of a text that holds the term."""
    exact = facts_in(f"x {term}").all()
    return {term} if term in exact or not content_stems(term) or "-" in term else set(content_stems(term))
