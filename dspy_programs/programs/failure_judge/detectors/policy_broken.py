"""TOOL_MISUSE: a change that the policy in the system's text wants confirmed, or looked up, first, and that was not."""

import re
from bisect import bisect_left
from functools import lru_cache

from dspy_programs.programs.failure_judge.finding import Finding, found, strongest
from dspy_programs.programs.failure_judge.phrases import Phrases
from dspy_programs.programs.failure_judge.policy import Rule, shared, words_of
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View, changes

_AGREES = Phrases(
    r"\b(?:yes|yep|yeah|yup|sure|ok(?:ay)?|confirm\w*|proceed|go ahead|correct|right|agree\w*|approv\w+|please do|do it|"
    r"(?:sounds|looks) (?:good|great|fine)|that(?:'s| is| works| will)|perfect|great|fine|absolutely|definitely|of course|"
    r"let'?s|i(?:'d| would| will|'ll)? (?:like|take|want|go with)|works for me)\b"
)
_HANDS_OVER = re.compile(r"human|hand_?off|escalat|transfer_to")  # to somebody else: the agent changes nothing itself


def detect_policy_broken(view: View) -> Finding | None:
    """Check each call that changes something against the rules; the first that breaks one, by rule."""
    writes = [call for call in view.calls if call.writes and not call.fault]
    if not writes or not (view.policy.confirms_first or view.policy.looks_up_first):
        return None
    return strongest([_not_confirmed(view, writes), _not_looked_up(view, writes)])


def _not_confirmed(view: View, writes: list[Call]) -> Finding | None:
    said = [place for place, turn in enumerate(view.turns) if turn.role == "user"]
    for call in writes:
        rule = next((rule for rule in view.policy.confirms_first if _binds(rule, call.name)), None)
        before = bisect_left(said, call.place)
        if rule is None or not before:
            continue
        if not _AGREES.search(view.turns[said[before - 1]].content[:LONGEST]):
            evidence = f"{call.name} without the user's yes, which the policy wants: {rule.sentence}"
            return found("TOOL_MISUSE", call.number, 0.6, evidence)
    return None


def _not_looked_up(view: View, writes: list[Call]) -> Finding | None:
    """The policy names something to look up, a tool on offer does that, and the change came before any call of it."""
    reads = sorted({name for name in [*(view.tools or ()), *(call.name for call in view.calls)] if not changes(name)})
    for rule in view.policy.looks_up_first:
        named = [name for name in reads if shared(words_of(name), rule.about)]
        for call in writes if named else []:
            if not _binds(rule, call.name):
                continue
            if not any(earlier.name in named for earlier in view.calls if earlier.place < call.place):
                evidence = f"{call.name} before {named[0]}, which the policy wants first: {rule.sentence}"
                return found("TOOL_MISUSE", call.number, 0.6, evidence)
            break
    return None


@lru_cache(maxsize=4096)
def _binds(rule: Rule, name: str) -> bool:
    """Whether a rule is about a tool: it names what the tool does or acts on, or speaks of any change."""
    return bool(shared(words_of(name), rule.about)) or (rule.of_any_change and not _HANDS_OVER.search(name.lower()))
