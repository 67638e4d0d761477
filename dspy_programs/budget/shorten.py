"""Shortens a section: the strategy `compress`.

Rules      requirements (demands.py) and headings stay verbatim, plus the most salient other sentences within SHARE of the
           section's tokens, all in order. Examples are never cut: half an example teaches nothing.
Model      the memory summarizer's summary and facts, plus every requirement they omit, verbatim.
Output     a Move for each section that gets shorter.
Guarantees no requirement, number, quotation or placeholder is lost; a short form adds nothing to its section.
"""

from collections.abc import Sequence

import dspy

from dspy_programs.budget.moves import Move
from dspy_programs.budget.requirements import demands, is_demand, lost, placeholders
from dspy_programs.budget.scorers import answering
from dspy_programs.programs.memory_summarizer import most_telling, read
from dspy_programs.text import evidence_of, sentences, unsupported
from dspy_programs.tokens import TokenCounter
from dspy_programs.types import Entry, Section

SHARE = 0.5
_SHORTEST = 24  # tokens; shorter sections are not worth a change


def compressions(sections: Sequence[Section], counter: TokenCounter, lm: dspy.LM | None = None) -> list[Move]:
    """Return a shorter form for each section that has one; with `lm`, the shorter of the model's and the rules'."""
    moves = []
    for section in sections:
        tokens = counter.count(section.content)
        if section.type == "few_shot" or tokens < _SHORTEST:
            continue
        forms = [by_rules(section, counter), *([by_model(section, tokens, lm)] if lm is not None else [])]
        usable = [form for form in forms if form.strip() and is_faithful(section, form)]
        if usable:
            shortest = min(usable, key=counter.count)
            if (count := counter.count(shortest)) < tokens:
                moves.append(Move(section.name, tokens - count, shortest))
    return moves


def is_faithful(section: Section, form: str) -> bool:
    """Return whether a form loses no requirement and adds no name, number or id."""
    if any(lost(demands(section), [form])) or placeholders(form) != placeholders(section.content):
        return False
    return not unsupported(form, evidence_of(section.content))


def by_rules(section: Section, counter: TokenCounter) -> str:
    pieces = pieces_of(section.content)
    said = read([Entry(turn=i, role="system", content=piece) for i, piece in enumerate(pieces)])
    telling = most_telling(said, int(SHARE * counter.count(section.content)))
    chosen = {clause.turn for clause in telling}
    kept = [p for i, p in enumerate(pieces) if i in chosen or is_demand(p.strip()) or p.lstrip().startswith("#")]
    return "".join(kept).strip()


def pieces_of(text: str) -> list[str]:
    """Split a text into sentences with their trailing whitespace: joined, they are the text."""
    starts, at = [], 0
    for sentence in sentences(text):
        at = text.index(sentence, at)
        starts.append(at)
        at += len(sentence)
    return [text[a:b] for a, b in zip([0, *starts[1:]], [*starts[1:], len(text)], strict=False)] if starts else []


def by_model(section: Section, tokens: int, lm: dspy.LM) -> str:
    from dspy_programs.lm import running_on
    from dspy_programs.registry import load

    with answering(f"compress ({lm.model})"), running_on(lm):
        entries = [Entry(turn=i, role="system", content=piece) for i, piece in enumerate(pieces_of(section.content))]
        found = load("memory_summarizer", lm.model)(entries=entries, token_budget=max(1, int(SHARE * tokens)))
    if found.answered_by != "model":
        return ""
    said = [found.summary, *(fact.text for fact in [*found.decisions, *found.facts])]
    text = " ".join(part for part in said if part)
    missing = [demand for demand in demands(section) if any(lost([demand], [text]))]
    return "\n".join([*([text] if text else []), *missing])
