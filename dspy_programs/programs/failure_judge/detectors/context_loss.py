"""CONTEXT_LOSS: a finished call again, a deed done twice, or a question that was answered."""

from collections.abc import Sequence

from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.phrases import COMPLAINT, COURTESY, FORGOT, SENTENCE_END
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View, is_empty
from dspy_programs.programs.failure_judge.verbs import acts, doing, moves

_RETRIED = ("transient", "failed")  # faults after which the same call is another attempt


def detect_context_loss(view: View) -> Finding | None:
    by_calls = _first([_done_twice(view), _repeated_call(view)]) if view.repeats else None
    return strongest([by_calls, _repeated_question(view)])


def _first(findings: Sequence[Finding | None]) -> Finding | None:
    """Return the earliest finding, as sure as the surest: what began earlier went on."""
    seen = [finding for finding in findings if finding is not None]
    if not seen:
        return None
    first, surest = min(seen, key=lambda finding: finding.turn), max(finding.confidence for finding in seen)
    return first.model_copy(update={"confidence": surest, "turns": sorted({turn for f in seen for turn in f.turns})})


def _repeated_call(view: View) -> Finding | None:
    """The same tool with the same input and the same result, with no change and no word of the user in between.

    Waiting for a job is no repetition. A single one is weak where other calls lie between, and weaker where there was
    nothing to remember: only what is looked up three times is lost for certain.
    """
    seen: dict[tuple[str, str], tuple[int, Call]] = {}
    repeats: dict[tuple[str, str], list[Call]] = {}
    at_once: set[tuple[str, str]] = set()
    changes, before = 0, None
    for call in view.calls:
        if call.given is None:
            continue  # an input that was not recorded is not known to be the same
        state, earlier = seen.get(call.key, (-1, call))
        if state == changes + view.words_before(call.place) and _is_repeated(earlier, call):
            repeats.setdefault(call.key, []).append(call)
            at_once |= {call.key} if earlier is before else set()
        elif (call.writes or acts(call.name)) and not call.fault:
            changes += 1
        seen[call.key] = (changes + view.words_before(call.place), call)
        before = call
    if not repeats:
        return None
    key, calls = max(repeats.items(), key=lambda item: len(item[1]))
    if len(calls) > 1:
        confidence = min(0.9, 0.65 + 0.1 * len(calls))
    else:
        confidence = 0.45 if is_empty(calls[0].output) else 0.7 if key in at_once else 0.6
    evidence = f"{called(key[0], calls[0].given)} was called {len(calls) + 1} times"
    return found("CONTEXT_LOSS", calls[0].number, confidence, evidence, [call.number for call in calls])


def _is_repeated(earlier: Call, call: Call) -> bool:
    """A change tells of a repetition by itself: deleted once, an event is not there to be deleted again."""
    if earlier.fault in _RETRIED or earlier.waits or moves(call.name):
        return False
    return bool(doing(call.name).kinds) or earlier.output == call.output


def _done_twice(view: View) -> Finding | None:
    """The same change succeeded twice with no word of the user between, and nothing between that may have undone it.

    What is created or sent is undone by a removal only; what is set, stored or removed, by any other change.
    """
    done: dict[tuple[str, str], tuple[int, int, int]] = {}
    made = {"any": 0, "remove": 0}
    for call in view.calls:
        kinds = doing(call.name).kinds
        if not kinds or call.fault or call.given is None:
            continue
        undoes = "any" if kinds & {"change", "remove", "keep"} else "remove"
        words = view.words_before(call.place)
        said, before, number = done.get(call.key, (-1, -1, -1))
        if (said, before) == (words, made[undoes]):
            evidence = f"done twice: {called(call.name, call.given)}"
            return found("CONTEXT_LOSS", call.number, 0.75, evidence, [number, call.number])
        made["any"] += 1
        made["remove"] += "remove" in kinds
        done[call.key] = (words, made[undoes], call.number)
    return None


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
