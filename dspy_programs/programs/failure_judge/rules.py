"""Eight detectors over a trace, one per failure mode; each gives its evidence and its confidence.

Input      a View of the trace (trace_view.py).
Output     Finding or None; `ruling` weighs the findings: the strongest, or the earlier if two are about as strong.
Guarantees pure functions, linear in the trace; a text that tells the judge what to answer is treated like any other.
Source     the signals of Agent Failure Classifier (2026), graded here, and weighed against what excuses them: a retry, a
           change of state, a corrected argument, a full answer after a slow call.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from dspy_programs.programs.failure_judge.phrases import (
    ASKS_BACK,
    CALL_AS_TEXT,
    CLAIMS_DONE,
    COMPLAINT,
    COURTESY,
    EMPTY_WORDS,
    EVADES,
    FENCE,
    FIGURE_ASKED,
    FORGOT,
    FREE_FORM,
    GIVES_UP,
    HARM,
    HEDGED,
    JSON_ASKED,
    JSON_TEXT,
    LETTERS,
    LIST_MARK,
    NEEDS_MORE,
    NUMBER,
    PARSER_GAVE_UP,
    PLACEHOLDER,
    REFUSAL,
    SENSITIVE,
    SENTENCE_END,
    STEM,
)
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View, names_in
from dspy_programs.text import is_json
from dspy_programs.types import FailureMode

SURE = 0.7  # from here on a finding needs no second opinion
LIKELY = 0.55  # from here on it is the better guess, if no model can be asked
_CLOSE = 0.1  # two findings nearer than this are about as strong
SURE_AGAINST_SUCCESS = 0.85  # required to report a failure in a run that its caller calls successful
SLOW = 5000  # milliseconds
_LONGEST_POLICY = 20_000  # characters of a system's text in which figures are looked up
_SHORTEST_CYCLE = 4  # steps: two, twice


class Finding(BaseModel):
    """What one detector found. `turn`: where it first shows; `turns`: all turns with evidence; `evidence`: words of the run."""

    mode: FailureMode
    turn: int
    confidence: float = Field(ge=0, le=1)
    evidence: str
    turns: list[int] = Field(default_factory=list)


class Ruling(NamedTuple):
    """What the rules say. `sure`: no second opinion is needed."""

    mode: FailureMode
    turn: int | None
    confidence: float
    evidence: str
    sure: bool


_Detector = Callable[[View], Finding | None]


def found(mode: FailureMode, turn: int, confidence: float, evidence: str, turns: Sequence[int] = ()) -> Finding:
    witnesses = list(turns)[:20] or [turn]
    return Finding(mode=mode, turn=turn, confidence=round(confidence, 2), evidence=quoted(evidence), turns=witnesses)


def quoted(text: str) -> str:
    return " ".join(text[:400].split())[:160]


def strongest(findings: Sequence[Finding | None]) -> Finding | None:
    seen = [finding for finding in findings if finding is not None]
    return max(seen, key=lambda finding: finding.confidence) if seen else None


# HALLUCINATION


def _detect_hallucination(view: View) -> Finding | None:
    return strongest([_unknown_tool(view), _claim_of_deed(view), _figure_without_source(view), _figure_from_nowhere(view)])


def _unknown_tool(view: View) -> Finding | None:
    """A tool that was not on offer, or that the run itself says does not exist."""
    for call in view.calls:
        if view.tools and call.name not in view.tools:
            return found("HALLUCINATION", call.number, 0.9, f"the tool {call.name} is not among those on offer")
        if call.fault == "tool":
            return found("HALLUCINATION", call.number, 0.85, f"{call.name}: {call.output}")
    return None


def _claim_of_deed(view: View) -> Finding | None:
    """The agent says something was done, but no tool was called that could have done it."""
    if not view.said or any(call.writes for call in view.calls):
        return None
    place = view.said[-1]
    match = CLAIMS_DONE.search(view.turns[place].content[:LONGEST])
    if match is None:
        return None
    if view.calls:
        return found("HALLUCINATION", view.number(place), 0.4, _sentence_at(view.turns[place].content, match.start()))
    confidence = 0.55 if not view.tools or view.is_foreign else 0.8
    return found("HALLUCINATION", view.number(place), confidence, _sentence_at(view.turns[place].content, match.start()))


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
            return found("HALLUCINATION", view.number(place), confidence, _sentence_at(text, new[0].start()))
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


def _sentence_at(text: str, place: int) -> str:
    start = max(text.rfind(". ", 0, place), text.rfind("\n", 0, place), place - 120) + 1
    return text[start : start + 160].strip()


# TOOL_MISUSE


def _detect_tool_misuse(view: View) -> Finding | None:
    """A tool says that its arguments are wrong and no later call of it succeeds; or an argument is a placeholder."""
    mended: set[str] = set()
    faults: list[tuple[Call, bool]] = []
    for call in reversed(view.calls):
        if call.fault == "argument":
            faults.append((call, call.name in mended))
        elif not call.fault:
            mended.add(call.name)
    if faults:
        open_faults = [call for call, is_mended in faults if not is_mended]
        first = open_faults[-1] if open_faults else faults[-1][0]
        confidence = min(0.9, 0.75 + 0.05 * (len(open_faults) - 1)) if open_faults else 0.3
        evidence = f"{first.name} {first.key[1]} -> {first.output}"
        return found("TOOL_MISUSE", first.number, confidence, evidence, sorted(call.number for call, _ in faults))
    for call in view.calls:
        values = call.given.values() if isinstance(call.given, dict) else ()
        if guess := next((v for v in values if isinstance(v, str) and PLACEHOLDER.fullmatch(v[:60])), None):
            return found("TOOL_MISUSE", call.number, 0.55, f"{call.name} was given {guess!r}")
    return None


# CONTEXT_LOSS


def _detect_context_loss(view: View) -> Finding | None:
    return strongest([_repeated_call(view), _repeated_question(view)])


def _repeated_call(view: View) -> Finding | None:
    """The same tool with the same input and the same result, with no change and no word of the user in between."""
    places = {call.place: call for call in view.calls}
    seen: dict[tuple[str, str], tuple[int, Call, bool]] = {}
    state, repeats = 0, dict[tuple[str, str], list[int]]()
    for place, turn in enumerate(view.turns):
        if turn.role == "user":
            state += 1
        if (call := places.get(place)) is None or call.given is None:
            continue  # an input that was not recorded is not known to be the same
        earlier = seen.get(call.key)
        if earlier is not None and earlier[0] == state and not earlier[2] and (call.writes or earlier[1].output == call.output):
            repeats.setdefault(call.key, []).append(call.number)
        elif call.writes and not call.fault:
            state += 1
        seen[call.key] = (state, call, call.fault == "transient")
    if not repeats:
        return None
    key, numbers = max(repeats.items(), key=lambda item: len(item[1]))
    confidence = min(0.9, 0.65 + 0.1 * len(numbers))
    return found("CONTEXT_LOSS", numbers[0], confidence, f"{key[0]} {key[1]} was called {len(numbers) + 1} times", numbers)


def _repeated_question(view: View) -> Finding | None:
    """The agent asks for what the user has given: the user says so, or the agent does, or the words are the same."""
    asked: dict[str, int] = {}
    last_agent, answers = -1, 0
    for place, turn in enumerate(view.turns):
        if turn.role == "user":
            answers += 1
            if last_agent >= 0 and COMPLAINT.search(turn.content[:LONGEST]):
                evidence = f"{view.turns[last_agent].content[:90]} | user: {turn.content}"
                return found("CONTEXT_LOSS", view.number(last_agent), 0.8, evidence)
        elif turn.role == "agent" and turn.content:
            last_agent = place
            text = turn.content[:LONGEST]
            if answers > 1 and FORGOT.search(text):
                return found("CONTEXT_LOSS", view.number(place), 0.6, text)
            if "?" in text:
                key = " ".join(text.lower().split())
                if asked.get(key, answers) < answers and not _is_courtesy(text):
                    return found("CONTEXT_LOSS", view.number(place), 0.7, text)
                asked.setdefault(key, answers)
    return None


def _is_courtesy(text: str) -> bool:
    """Return whether the last question is a routine closing one: "Is there anything else?"."""
    return COURTESY.search(SENTENCE_END.split(text[: text.rfind("?")])[-1]) is not None


# CIRCULAR_REASONING


def _detect_circular_reasoning(view: View) -> Finding | None:
    """Two or three steps, in the agent's words or its calls, that come round twice or more."""
    keys: dict[tuple[str, str], int] = {}
    new_calls = [call.place for call in view.calls if keys.setdefault(call.key, call.place) == call.place]
    said = view.said if len(view.said) >= _SHORTEST_CYCLE else []
    texts = [(place, _pairs_of_words(view.turns[place].content[:LONGEST])) for place in said]
    by_words = cycle([p for p, _ in texts], [t for _, t in texts], alike)
    known = [call for call in view.calls if call.given is not None]
    by_calls = cycle([call.place for call in known], known, _same_step)
    findings = []
    for what in (by_words, by_calls):
        if what is not None:
            start, end, rounds = what
            progress = any(start <= place <= end for place in new_calls)
            confidence = 0.4 if progress else min(0.95, 0.7 + 0.05 * rounds)
            turn = view.turns[start]
            evidence = f"{turn.tool_name} {turn.tool_input}" if what is by_calls else turn.content
            findings.append(found("CIRCULAR_REASONING", turn.turn_number, confidence, f"{rounds} rounds of: {evidence}"))
    return strongest([*findings, _standstill(view, texts, new_calls)])


def _pairs_of_words(text: str) -> frozenset[tuple[str, ...]]:
    """Neighbouring words, without digits: "attempt 2" is "attempt 3", but "a of b" is not "b of a"."""
    words = LETTERS.findall(text.lower())
    return frozenset(itertools.pairwise(words)) or frozenset((word,) for word in words)


def alike(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> bool:
    """Whether at least 0.7 of all pairs are in both."""
    if a == b:
        return True
    if len(a) <= 2 or 10 * len(b) < 7 * len(a) or 10 * len(a) < 7 * len(b):
        return False
    common = len(a & b)
    return common >= 0.7 * (len(a) + len(b) - common)


def _same_step(a: Call, b: Call) -> bool:
    return a.key == b.key and a.output == b.output


def cycle(places: Sequence[int], steps: Sequence[Any], same: Callable[[Any, Any], bool]) -> tuple[int, int, int] | None:
    """Return (place of the first step that comes again, place of the last, rounds) of the longest cycle of 2 or 3 steps."""
    best: tuple[int, int, int] | None = None
    for period in (2, 3):
        run = 0
        for i in range(period, len(steps)):
            run = run + 1 if same(steps[i], steps[i - period]) and not same(steps[i], steps[i - 1]) else 0
            rounds = 1 + run // period
            if rounds >= 2 and (best is None or rounds > best[2]):
                best = (places[i - run + 1], places[i], rounds)
    return best


def _standstill(
    view: View, texts: Sequence[tuple[int, frozenset[tuple[str, ...]]]], new_calls: Sequence[int]
) -> Finding | None:
    """One and the same sentence, four times in a row, and no new call meanwhile."""
    run = 1
    for i in range(1, len(texts)):
        run = run + 1 if alike(texts[i][1], texts[i - 1][1]) else 1
        if run == 4:
            start = texts[i - 2][0]
            if not any(start <= place <= texts[i][0] for place in new_calls):
                return found("CIRCULAR_REASONING", view.number(start), 0.6, view.turns[start].content)
    return None


# GOAL_DRIFT


def _detect_goal_drift(view: View) -> Finding | None:
    """The last answer shares no word with what was asked, or names only things that the run never touched."""
    text = view.final[:LONGEST]
    answer, asked = stems(text), stems(view.asked[: 4 * LONGEST])
    if len(answer) < 4 or len(asked) < 3 or not view.said:
        return None
    elsewhere = view.is_elsewhere or (view.is_foreign and bool(view.calls))
    if (answer & asked and not elsewhere) or GIVES_UP.search(text) or REFUSAL.search(text[:300]):
        return None
    if len(stems(_without_courtesies(text))) < 4:
        return None  # a farewell: what was asked is behind it
    place = view.said[-1]
    while place > 0 and view.turns[place - 1].role != "user":
        before = stems(turn_text(view, place - 1))
        if before & asked or not before & answer:
            break
        place -= 1
    if FREE_FORM.search(view.goal[:LONGEST]) or _is_looked_up(view, asked):
        confidence = 0.35
    elif elsewhere:
        confidence = 0.75
    elif not view.calls:
        confidence = 0.5  # talk, in other words than the question's
    else:
        confidence = 0.6 if any(answer & stems(c.output[:LONGEST]) for c in view.calls[-5:]) else 0.75
    return found("GOAL_DRIFT", view.number(place), confidence, text)


def _without_courtesies(text: str) -> str:
    return ". ".join(sentence for sentence in SENTENCE_END.split(text) if not COURTESY.search(sentence))


def _is_looked_up(view: View, asked: frozenset[str]) -> bool:
    """Whether some call was given words of the goal and gave a name that the answer has."""
    named = names_in(view.final)
    return any(
        asked & stems(call.key[1][:LONGEST]) and any(name in call.output[:LONGEST].lower() for name in named)
        for call in view.calls[-20:]
    )


def stems(text: str) -> frozenset[str]:
    """First letters of the words that carry meaning: "forwarded" and "forward" are one."""
    return frozenset([word[:5] for word in set(STEM.findall(text.lower())) - EMPTY_WORDS])


def turn_text(view: View, place: int) -> str:
    turn = view.turns[place]
    return f"{turn.content[:LONGEST]} {turn.tool_name or ''} {str(turn.tool_input)[:LONGEST]} {str(turn.tool_output)[:LONGEST]}"


# OVER_REFUSAL


def _detect_over_refusal(view: View) -> Finding | None:
    """A refusal before any tool was tried. Whether refusing something that sounds harmful was right is not for a rule."""
    for place in view.said[:3]:
        if place > view.first_call:
            return None
        text = view.turns[place].content[:300]
        refusal = _refusal_in(text)
        if (match := refusal or EVADES.search(text)) is None:
            continue
        confidence = 0.85 if view.tools else 0.6
        if refusal is None or SENSITIVE.search(view.asked[: 2 * LONGEST]) or HARM.search(view.turns[place].content[:LONGEST]):
            confidence = 0.5
        elif view.calls:
            confidence = 0.4  # it was tried after all
        return found("OVER_REFUSAL", view.number(place), confidence, _sentence_at(text, match.start()))
    return None


def _refusal_in(text: str) -> re.Match[str] | None:
    """Find a refusal that is not a question for what is missing."""
    match = REFUSAL.search(text)
    if match is None:
        return None
    rest = text[match.end() :]
    asks = NEEDS_MORE.search(SENTENCE_END.split(rest, maxsplit=1)[0]) or ASKS_BACK.search(rest)
    return None if asks else match


# SCHEMA_ERROR


def _detect_schema_error(view: View) -> Finding | None:
    return strongest([_broken_arguments(view), _broken_answer(view)])


def _broken_arguments(view: View) -> Finding | None:
    """Arguments that start like JSON but are not, or a tool that says so; weaker if a later call of the tool succeeds."""
    well = {call.name: call.place for call in view.calls if not call.fault}
    for call in view.calls:
        is_text = isinstance(call.given, str) and call.given.lstrip()[:1] in ("{", "[")
        broken = is_text and not is_json(call.given)
        if broken or call.fault == "schema":
            mended = well.get(call.name, -1) > call.place
            confidence = (0.9 if broken else 0.8) * (0.4 if mended else 1)
            return found("SCHEMA_ERROR", call.number, confidence, f"{call.name} {call.key[1]} {call.output}")
    return None


def _broken_answer(view: View) -> Finding | None:
    """An agent turn that starts like JSON but is not, or a call that is only written as text."""
    wanted = "json" in view.asked.casefold() and JSON_ASKED.search(view.asked[: 2 * LONGEST]) is not None
    for place in view.said:
        text = view.turns[place].content
        last = place == view.said[-1]
        start = text.lstrip()[:1]
        if JSON_TEXT.match(text[:LONGEST]) or (wanted and last and start in ("{", "[")):
            if not is_json(FENCE.sub("", text)):
                return found("SCHEMA_ERROR", view.number(place), 0.85 if last else 0.6, text)
            if last and CALL_AS_TEXT.match(text[:LONGEST]):
                return found("SCHEMA_ERROR", view.number(place), 0.75, text)
    if PARSER_GAVE_UP.search(view.final[:LONGEST]) and view.said:
        return found("SCHEMA_ERROR", view.number(view.said[-1]), 0.8, view.final)
    if wanted and view.said and "{" not in view.final[:LONGEST]:
        return found("SCHEMA_ERROR", view.number(view.said[-1]), 0.4, view.final)
    return None


# TIMEOUT_CASCADE


def _detect_timeout_cascade(view: View) -> Finding | None:
    """A call slower than 5 s, followed by an agent turn less than half as long as the tool's output."""
    worst: Finding | None = None
    said = iter(view.said)
    place = next(said, None)
    for call in view.calls:
        if call.latency <= SLOW:
            continue
        while place is not None and place <= call.place:
            place = next(said, None)
        if place is None:
            break
        reply = view.turns[place].content
        if 2 * len(reply) < len(call.output) or (call.fault == "transient" and len(reply) < 60):
            worst = strongest([worst, rushed(view, call, place, reply)])
    return worst


def rushed(view: View, call: Call, place: int, reply: str) -> Finding:
    count = len(reply[:LONGEST].split())
    confidence = 0.7 if count <= 8 else 0.5 if count <= 15 else 0.3
    if view.calls[-1].place > call.place:
        confidence -= 0.3  # the run goes on
    elif count <= 8 and call.latency >= 2 * SLOW:
        confidence += min(0.2, call.latency / 200_000)
    evidence = f"{call.name} took {call.latency:.0f} ms, then: {reply}"
    return found("TIMEOUT_CASCADE", call.number, confidence, evidence, [call.number, view.number(place)])


DETECTORS: dict[FailureMode, _Detector] = {
    "HALLUCINATION": _detect_hallucination,
    "TOOL_MISUSE": _detect_tool_misuse,
    "CONTEXT_LOSS": _detect_context_loss,
    "CIRCULAR_REASONING": _detect_circular_reasoning,
    "GOAL_DRIFT": _detect_goal_drift,
    "OVER_REFUSAL": _detect_over_refusal,
    "SCHEMA_ERROR": _detect_schema_error,
    "TIMEOUT_CASCADE": _detect_timeout_cascade,
}


def findings_of(view: View) -> list[Finding]:
    """Run all detectors; strongest first, ties by the earlier turn."""
    findings = [finding for detect in DETECTORS.values() if (finding := detect(view)) is not None]
    return findings if len(findings) < 2 else sorted(_without_echoes(findings), key=lambda f: (-f.confidence, f.turn))


def _without_echoes(findings: Sequence[Finding]) -> list[Finding]:
    """Drop what another finding explains: in a cycle every call is a repeated one, and broken JSON is not an answer."""
    modes = {f.mode: f for f in findings}
    cycle_found, broken = modes.get("CIRCULAR_REASONING"), modes.get("SCHEMA_ERROR")
    explained: set[tuple[FailureMode, int]] = set()
    if cycle_found is not None and cycle_found.confidence >= 0.8 and (repeated := modes.get("CONTEXT_LOSS")) is not None:
        explained.add((repeated.mode, repeated.turn))
    if broken is not None and broken.confidence >= SURE:
        explained.add(("GOAL_DRIFT", broken.turn))
    return [f for f in findings if (f.mode, f.turn) not in explained]


def ruling(findings: Sequence[Finding], is_successful: bool | None = None) -> Ruling:
    """Weigh the findings, strongest first."""
    needed = {True: SURE_AGAINST_SUCCESS, False: 0.0, None: LIKELY}[is_successful]
    top = findings[0].confidence if findings else 0.0
    if not findings or top < needed:
        confidence = {True: 0.95, False: 0.3, None: round(1 - max(top, 0.2), 2)}[is_successful]
        return Ruling("none", None, confidence, "", bool(is_successful))
    rivals = [f for f in findings if f.confidence > top - _CLOSE]
    first = min(rivals, key=lambda f: f.turn)
    return Ruling(first.mode, first.turn, first.confidence, first.evidence, top >= SURE and len(rivals) == 1)
