"""Does a memory keep what will be needed, invent nothing, stay within its budget, and point to its sources?

Input      gold: Example with `entries`, `token_budget`, `probes`; pred: a MemorySummarizer's Prediction (`summary`, `facts`,
           `decisions`, `tokens`, `tokens_before`, `failure`). Any field may be missing or malformed.
Output     Score: recall, precision, budget, compression, pointers, format, each in [0, 1], and a line of feedback for each
           that is not 1. recall: the share of each probe's terms in the memory, averaged over the probes.
Guarantees never raises, never draws at random; an unreadable reply scores 0, and so does a memory with nothing that is
           needed; the other components earn their full weight only from a recall of one half, so short and safe pays
           little; of a memory over its budget only the part that fits is read, so copying everything pays less than
           selecting; 1.0 exactly for a memory that has every term, grounded and within its bounds.
Source     recall of facts by probes instead of overlap with one reference text: as in QAGS and QuestEval (Wang et al. 2020,
           Scialom et al. 2021), here by rule.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import dspy
from pydantic import BaseModel, Field

from dspy_programs.text import approximate_tokens, content_stems, evidence_of, facts_in, unsupported
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"recall": 0.45, "precision": 0.2, "budget": 0.1, "compression": 0.1, "pointers": 0.05, "format": 0.1}
_EARNED_AT = 0.5  # recall from which the other components count fully
_FULL_COMPRESSION = 0.5  # share of the entries' tokens: at or below it compression is 1, at 1 it is 0
_FEWEST_TOKENS = 3  # a claimed token count is trusted down to this fraction of the estimate
_POINTED = 0.5  # share of a fact's words that must be in the turns it points to


class Probe(BaseModel):
    """Something that will be asked of the memory, and the terms that an answer needs."""

    question: str
    terms: list[str] = Field(min_length=1)


class Memory(NamedTuple):
    """A prediction's content as plain values. marked: facts and decisions with their turns."""

    summary: str
    marked: list[tuple[str, list[int]]]
    sound: bool

    def text(self) -> str:
        return "\n".join([self.summary, *(text for text, _ in self.marked)]).strip()


def memory_recalls(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score a memory by what it keeps from the entries."""
    memory = _memory_of(pred)
    failure = getattr(pred, "failure", None)
    if failure is not None or memory is None:
        return unreadable(WEIGHTS, pred, "a memory", "summary, facts and decisions are not what they should be", wanted(gold))
    entries = [(number(field(e, "turn")), _said_by(e)) for e in listed(getattr(gold, "entries", None))]
    budget = number(getattr(gold, "token_budget", None)) or 1
    tokens = max(number(getattr(pred, "tokens", None)), approximate_tokens(memory.text()) // _FEWEST_TOKENS)
    before = number(getattr(pred, "tokens_before", None)) or approximate_tokens("\n".join(text for _, text in entries)) or 1
    recall = _recall_component(gold, memory, budget / max(tokens, budget))
    earned = min(1.0, recall.value / _EARNED_AT)
    rest = [
        _precision_component(memory, entries),
        _budget_component(tokens, budget),
        _compression_component(tokens, before),
        _pointers_component(memory, entries),
        format_component(memory),
    ]
    return composite([recall, *(_earned_by_recall(component, earned) for component in rest)])


def _earned_by_recall(component: Component, earned: float) -> Component:
    little = f"counts for {earned:.0%}, because the memory holds so little of what is asked for"
    message = "; ".join(part for part in (component.message, little if earned < 1 else "") if part)
    return component._replace(value=component.value * earned, message=message)


def _recall_component(gold: dspy.Example, memory: Memory, share_read: float) -> Component:
    text = memory.text()
    text = text[: int(len(text) * share_read)]
    stems, exact = set(content_stems(text)), facts_in(text).all()
    shares, messages = [], []
    for probe in listed(getattr(gold, "probes", None)):
        terms = [str(term) for term in listed(field(probe, "terms"))]
        missing = [term for term in terms if not holds(term, stems, exact)]
        shares.append(1 - len(missing) / len(terms) if terms else 0.0)
        if missing:
            messages.append(f"asked {field(probe, 'question')!r}, the memory lacks {', '.join(missing)}")
    return Component("recall", math.fsum(shares) / max(1, len(shares)), WEIGHTS["recall"], "; ".join(messages))


def holds(term: str, stems: set[str], exact: frozenset[str]) -> bool:
    wanted_stems = content_stems(term)
    return term.lower() in exact or (bool(wanted_stems) and stems.issuperset(wanted_stems))


def _precision_component(memory: Memory, entries: Sequence[tuple[int, str]]) -> Component:
    invented = unsupported(memory.text(), evidence_of("\n".join(text for _, text in entries)))
    message = f"the entries do not say {', '.join(invented)}: keep names, numbers and ids as they stand" if invented else ""
    return Component("precision", 1 / (1 + len(invented)), WEIGHTS["precision"], message)


def _budget_component(tokens: int, budget: int) -> Component:
    message = f"{tokens} tokens where {budget} are allowed; what is over was not read" if tokens > budget else ""
    return Component("budget", float(tokens <= budget), WEIGHTS["budget"], message)


def _compression_component(tokens: int, before: int) -> Component:
    ratio = tokens / before
    value = min(1.0, max(0.0, (1 - ratio) / (1 - _FULL_COMPRESSION)))
    message = f"the memory is {ratio:.0%} of the conversation; {_FULL_COMPRESSION:.0%} or less is right" if value < 1 else ""
    return Component("compression", value, WEIGHTS["compression"], message)


def _pointers_component(memory: Memory, entries: Sequence[tuple[int, str]]) -> Component:
    """Check that the turns a fact names exist and contain at least half of its words. Without facts there is no fault."""
    said: dict[int, set[str]] = {}
    for turn, text in entries:
        said.setdefault(turn, set()).update(content_stems(text))
    wrong = []
    for text, turns in memory.marked:
        stems = set(content_stems(text))
        there = set().union(*(said.get(turn, set()) for turn in turns))
        if not turns or not said.keys() >= set(turns) or len(stems & there) < _POINTED * len(stems):
            wrong.append(f"{text[:60]!r} does not stand in {turns}")
    value = 1 - len(wrong) / len(memory.marked) if memory.marked else 1.0
    return Component("pointers", value, WEIGHTS["pointers"], "; ".join(wrong[:3]))


def format_component(memory: Memory) -> Component:
    """Half for fields of the right type, half for facts that are neither empty nor repeated."""
    texts = [" ".join(text.lower().split()) for text, _ in memory.marked]
    distinct = all(texts) and len(set(texts)) == len(texts)
    faults = ["" if memory.sound else "summary is text, facts and decisions are lists of {text, turns}"]
    faults += ["" if distinct else "a fact is empty or stands there twice"]
    value = 1.0 if memory.sound and distinct else 0.5 if memory.sound or distinct else 0.0
    return Component("format", value, WEIGHTS["format"], "; ".join(fault for fault in faults if fault))


def _memory_of(pred: Any) -> Memory | None:
    """Read a prediction; None if it has no text at all. Values of other types are left out and count as malformed."""
    summary = getattr(pred, "summary", None)
    marked: list[tuple[str, list[int]]] = []
    sound = isinstance(summary, str)
    for name in ("decisions", "facts"):
        values = getattr(pred, name, None)
        sound = sound and isinstance(values, (list, tuple))
        for value in listed(values):
            text, turns = field(value, "text"), field(value, "turns")
            whole = isinstance(text, str) and isinstance(turns, list) and all(type(turn) is int for turn in turns)
            sound = sound and whole
            if isinstance(text, str):
                marked.append((text, list(turns) if whole else []))
    memory = Memory(summary if isinstance(summary, str) else "", marked, sound)
    return memory if memory.text() else None


def wanted(gold: Any) -> str:
    terms = [str(term) for probe in listed(getattr(gold, "probes", None)) for term in listed(field(probe, "terms"))]
    return f"a summary, facts and decisions that hold {', '.join(terms)}"


def _said_by(entry: Any) -> str:
    """Return an entry's content with the ids of its tool calls, which a memory may name."""
    return "\n".join([str(field(entry, "content") or ""), *map(str, listed(field(entry, "tool_call_ids")))])


def field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def listed(values: Any) -> Sequence[Any]:
    return values if isinstance(values, (list, tuple)) else []


def number(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 10**9 else 0
