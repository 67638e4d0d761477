"""HALLUCINATION: a tool that is not there, a deed that nothing did, a figure that nothing gave."""

from dspy_programs.programs.failure_judge.detectors.claimed_deed import detect_claimed_deed
from dspy_programs.programs.failure_judge.finding import Finding, called, found, sentence_at, strongest
from dspy_programs.programs.failure_judge.phrases import FIGURE_ASKED, HEDGED, LIST_MARK, NUMBER
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View

_LONGEST_POLICY = 20_000  # characters of a system's text in which figures are looked up


def detect_hallucination(view: View) -> Finding | None:
    return strongest([_unknown_tool(view), detect_claimed_deed(view), _figure_without_source(view), _figure_from_nowhere(view)])


def _unknown_tool(view: View) -> Finding | None:
    """A tool that was not on offer, or that the run itself says does not exist."""
    for call in view.calls:
        if view.tools and call.name not in view.tools:
            return found("HALLUCINATION", call.number, 0.9, f"the tool {call.name} is not among those on offer")
        if call.fault == "tool":
            return found("HALLUCINATION", call.number, 0.85, called(call.name, call.given, call.returned))
    return None


def _figure_without_source(view: View) -> Finding | None:
    """A figure was asked for, and given before any tool was called; those of the system's own text have a source."""
    told = {
        figure.rstrip(".,")
        for turn in view.turns
        if turn.role == "system"
        for figure in NUMBER.findall(turn.content[:_LONGEST_POLICY])
    }
    for place in view.said:
        if place > view.first_call:
            return None
        text = view.turns[place].content[:LONGEST]
        if not NUMBER.search(text):
            continue
        known = frozenset(NUMBER.findall(view.asked))
        sourced = known | told
        prose = LIST_MARK.sub(lambda match: " " * len(match.group()), text)
        new = [match for match in NUMBER.finditer(prose) if match.group().rstrip(".,") not in sourced]
        if new:
            asked = FIGURE_ASKED.search(view.asked[:LONGEST]) is not None
            confidence = (0.75 if asked and len(known) < 2 else 0.35) - (0.2 if HEDGED.search(text) else 0)
            return found("HALLUCINATION", view.number(place), confidence, sentence_at(text, new[0].start()))
    return None


def _figure_from_nowhere(view: View) -> Finding | None:
    """A long figure in the last answer that neither the user nor a tool ever gave: a hint only, it may be a sum."""
    if not view.calls or not view.said:
        return None
    place = view.said[-1]
    figures = {m.group().rstrip(".,") for m in NUMBER.finditer(view.turns[place].content[:LONGEST])}
    figures = {figure for figure in figures if sum(c.isdigit() for c in figure) >= 3}
    if not figures:
        return None
    sources = [view.asked, *(call.output for call in view.calls), *(call.key[1] for call in view.calls)]
    missing = [f for f in sorted(figures)[:6] if not any(f in source or f.replace(",", "") in source for source in sources)]
    return found("HALLUCINATION", view.number(place), 0.35, f"{missing[0]} is in no tool's output") if missing else None
