"""A deed that the agent reports as done, after a call that failed or without any call that could have done it."""

import re
from collections.abc import Iterator, Sequence

from dspy_programs.programs.failure_judge.finding import Finding, found, quoted, strongest
from dspy_programs.programs.failure_judge.known_before import stands_in
from dspy_programs.programs.failure_judge.phrases import (
    ADMITS,
    CLAIM,
    CONFIRMS,
    DRAFTED,
    FICTION,
    NO_CLAIM_BEFORE,
    NO_CLAIM_IN,
    PASSES_ON,
    SENTENCE_END,
    THING,
    WRITTEN_HERE,
)
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View
from dspy_programs.programs.failure_judge.verbs import KIND_OF_CLAIM, Kind, can_do, does_just, doing

_LONGEST_RESULT = 20_000  # characters of a looked-up result in which the state that a sentence tells may stand
_MOST_RESULTS = 50
_NEAR = 30  # characters behind the verb
_NAMED = re.compile(r"\b[\w-]{0,30}\d[\w-]{0,30}")
_STATE = re.compile(r"(?i)\b(?:is|are|was|were) (?!now|successfully)")
_MOST_TOLD = 50  # turns of the agent, the last ones
_OF_SOMETHING_ELSE = 0.55  # a deed that nobody asked for: the drift explains it
_TRANSACTIONS = ("buy", "remove", "send", "pay")  # what nobody does in words alone


class _Claim:
    """A sentence that tells a deed, the verb in it and its kind."""

    def __init__(self, sentence: str, match: re.Match[str]) -> None:
        self.sentence = sentence
        self.verb = next((word for word in match.groups() if word), "done").lower()
        self.kind: Kind = KIND_OF_CLAIM.get(self.verb, "any")
        self.is_state = _STATE.search(match.group()) is not None  # "your flight is booked": it may have been so before
        about = sentence[: match.end() + _NEAR]
        self.passes_on = self.kind == "send" and PASSES_ON.search(about) is not None  # an invitation goes out by itself


def detect_claimed_deed(view: View) -> Finding | None:
    """A claim is judged where it is told: in an agent's turn that the user reads, or the last one."""
    if not view.calls and FICTION.search(view.asked[:LONGEST]):
        return None
    judged: list[Finding | None] = []
    for place in view.told[-_MOST_TOLD:]:
        text = view.turns[place].content[:LONGEST]
        if CLAIM.search(text) is None or DRAFTED.search(text):
            continue  # what is only written down for somebody to send tells nothing
        calls = view.calls[: view.calls_before(place)]
        judged += [_judged(view, place, claim, calls, ADMITS.search(text) is not None) for claim in _claims_in(text)]
    return strongest(judged)


def _claims_in(text: str) -> Iterator[_Claim]:
    """Yield what is told as done. A plan, a condition, a question or what somebody else did is none."""
    start = 0
    for end in [*(match.end() for match in SENTENCE_END.finditer(text)), len(text)]:
        sentence, start = text[start:end].strip(), end
        if (match := CLAIM.search(sentence)) is None or sentence.endswith("?"):
            continue
        before = sentence[: match.start()]
        before = before[confirmed.end() :] if (confirmed := CONFIRMS.search(before)) else before
        if NO_CLAIM_BEFORE.search(before) or NO_CLAIM_IN.search(sentence):
            continue
        yield _Claim(sentence, match)


def _judged(view: View, place: int, claim: _Claim, calls: Sequence[Call], admits: bool) -> Finding | None:
    did = [call for call in calls if not call.fault and can_do(call.name, claim.kind)]
    failed = [call for call in calls if call.fault and does_just(call.name, claim.kind)]
    number = view.number(place)
    if failed and not admits and not _is_made_good(view, claim, calls, did, failed):
        evidence = f"{quoted(claim.sentence)[:90]} | {failed[-1].name}: {failed[-1].output}"
        return found("HALLUCINATION", number, 0.85, evidence, [failed[-1].number, number])
    if did or _is_known(view, claim, calls) or (claim.passes_on and any(_may_act(call) for call in calls)):
        return None
    return found("HALLUCINATION", number, _confidence(view, claim, calls), claim.sentence)


def _is_made_good(view: View, claim: _Claim, calls: Sequence[Call], did: Sequence[Call], failed: Sequence[Call]) -> bool:
    """Whether another call did what failed, or showed it as done after all.

    Not if the sentence names what only the failed call was given.
    """
    if _is_known(view, claim, [call for call in calls if call.place > failed[-1].place]):
        return True
    made = [call for call in did if does_just(call.name, claim.kind) or not doing(call.name).kinds]
    words = _NAMED.findall(claim.sentence)
    named = [word for word in words if any(stands_in(word, call.key[1]) for call in failed)][:8]
    return bool(made) and all(any(stands_in(word, call.key[1]) for call in made) for word in named)


def _may_act(call: Call) -> bool:
    return not call.fault and not doing(call.name).looks


def _confidence(view: View, claim: _Claim, calls: Sequence[Call]) -> float:
    """Return how sure it is that a deed which no call did was not done."""
    is_foreign = view.is_foreign or view.is_elsewhere
    if not calls:
        if view.tools:
            return _OF_SOMETHING_ELSE if is_foreign else 0.8
        is_of_the_world = claim.kind in _TRANSACTIONS or THING.search(claim.sentence) is not None
        return 0.55 if is_of_the_world and not claim.is_state and not WRITTEN_HERE.search(claim.sentence) else 0.4
    if claim.is_state:
        return 0.45
    if claim.kind not in _TRANSACTIONS and WRITTEN_HERE.search(claim.sentence):
        return 0.35
    if claim.kind == "any":
        return 0.45
    if is_foreign:
        return _OF_SOMETHING_ELSE
    return 0.6 if any(doing(call.name).kinds for call in calls) else 0.7


def _is_known(view: View, claim: _Claim, calls: Sequence[Call]) -> bool:
    """Whether the sentence tells a state that was looked up, or that the user told."""
    told = re.compile(rf"(?:\b(?:i|we|have|has|was|were|been|already|is|are)|'ve) (?:\w+ )?{claim.verb}\b")
    if any(told.search(turn.content[:LONGEST].lower()) for turn in view.turns if turn.role == "user"):
        return True
    word = re.compile(rf"\b{claim.verb}\b")
    looked_up = [call for call in calls if not call.fault and doing(call.name).looks]
    return any(word.search(call.output[:_LONGEST_RESULT].lower()) for call in looked_up[-_MOST_RESULTS:])
