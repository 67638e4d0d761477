"""CONTEXT_LOSS: a finished call again, or a question that was answered."""

from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.phrases import COMPLAINT, COURTESY, FORGOT, SENTENCE_END
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View


def detect_context_loss(view: View) -> Finding | None:
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
    return found(
        "CONTEXT_LOSS",
        numbers[0],
        confidence,
        f"{called(key[0], seen[key][1].given)} was called {len(numbers) + 1} times",
        numbers,
    )


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
