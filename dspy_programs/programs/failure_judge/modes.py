"""The failure modes of an agent run, how to fix each, and the sentence that describes it.

Source     the eight names and their meanings are those of Agent Failure Classifier (2026); "none" and all texts are ours.
"""

import re
from typing import NamedTuple

from dspy_programs.types import FailureMode

_MOST_FIXES = 3  # said of one failure
_NO_SUCH_TOOL = (
    r"\b(?:tool|function)\b.{0,80}\b(?:on offer|not (?:found|registered|available|known|exist))"
    r"|\b(?:valid|such|unknown|unregistered|undefined|nonexistent) (?:tool|function)"
)
_GIVEN = r" was given .*\bnothing\b"  # a value in a call
_AFTER_ERROR = r" \| [\w./-]+: "  # a claim, and the call that failed
_OF_A_CALL = rf"{_AFTER_ERROR}| -> | was given | not among those on offer"
_DEED = r"\b(?:has|have|had) been\b|success|\bi(?:'ve| have)\b|\bi (?:now |just )?(?:\w+ed|sent|paid|put|set|made|wrote)\b"
_CLAIMED = rf"^(?!.*(?:{_OF_A_CALL})).*(?:{_DEED})"
_STATED = rf"^(?!.*(?:{_OF_A_CALL}|{_DEED}))"
_LIMIT = r"\blimit|\bmax|\bbudget\b|recursion|exhausted|ran out|more steps"


class _Fix(NamedTuple):
    """What to change. `when`: what the evidence says, in lower case, that this mends above all; without it, it always helps."""

    text: str
    when: re.Pattern[str] | None


def _fix(text: str, when: str = "") -> _Fix:
    return _Fix(text, re.compile(when) if when else None)


class _Remedy(NamedTuple):
    """cause: a sentence with a slot for the evidence; all_fixes: what to change, most useful first if nothing is known."""

    cause: str
    all_fixes: tuple[_Fix, ...]

    @property
    def fixes(self) -> tuple[str, ...]:
        return tuple(fix.text for fix in self.all_fixes)

    def fixes_for(self, evidence: str) -> list[str]:
        """Return the best fixes, at most three: those that the evidence asks for, then those that always help.

        A fix for something else is no fix: it is only told where nothing better is known.
        """
        said = evidence.lower()
        asked_for = [fix.text for fix in self.all_fixes if fix.when is not None and fix.when.search(said)]
        helpful = [fix.text for fix in self.all_fixes if fix.when is None]
        return ([*asked_for, *helpful] or list(self.fixes))[:_MOST_FIXES]


REMEDIES: dict[FailureMode, _Remedy] = {
    "HALLUCINATION": _Remedy(
        "The agent stated or called something that nothing in the run supports: {evidence}",
        (
            _fix("Require a tool call that verifies figures, names and finished actions.", rf"{_STATED}.*\d"),
            _fix("Check every factual claim against a source before it is given to the user.", _STATED),
            _fix("Retrieve documents first and answer only from what was retrieved.", _STATED),
            _fix("Register the tool, or rename it in the prompt to one that is registered.", _NO_SUCH_TOOL),
            _fix("Answer the call of a tool that is not registered with the list of those that are.", _NO_SUCH_TOOL),
            _fix(
                "After a tool error, make the agent correct the call or report the failure; it must not claim success.",
                _AFTER_ERROR,
            ),
            _fix("Let the agent report an action as done only after the tool's result says so.", _CLAIMED),
            _fix(
                "Before the answer goes out, compare each action that it claims with the calls that succeeded.",
                rf"{_CLAIMED}|{_AFTER_ERROR}",
            ),
            _fix("Let the agent look a value up, or ask for it, before it puts it into a call.", _GIVEN),
            _fix("Reject a call with an identifier or address that stands nowhere earlier in the run, and say so.", _GIVEN),
        ),
    ),
    "TOOL_MISUSE": _Remedy(
        "A real tool was called with wrong arguments or at the wrong time: {evidence}",
        (
            _fix(
                "Mark the argument as required in the tool's schema, and say in its description where its value comes from.",
                r"-> .*(?:missing|require|not provided|mandatory|must provide|without)",
            ),
            _fix(
                "Look up identifiers first; never let the agent make them up.",
                r"-> .*(?:not found|no such|does not exist|doesn't exist|unknown)|was given"
                r"|-> .*\b(?:id|email|user)\b.{0,30}\b(?:not |in)valid",
            ),
            _fix(
                "Declare the allowed values as an enum in the tool's schema.",
                r"-> .*(?:one of|allowed values|not in \[|not a valid enum|permitted|choose from)",
            ),
            _fix(
                "Describe each parameter with its format and an example.",
                r"-> .*(?:invalid|format|\bnot (?:a |an )?valid|\btype\b|must be (?!one of)|out of range|expected)",
            ),
            _fix("Validate arguments against the tool's schema before the call, and return the fault to the agent."),
            _fix("Return the tool's error to the agent, and let it answer only after a call that succeeded."),
        ),
    ),
    "CONTEXT_LOSS": _Remedy(
        "The agent lost what it already had: {evidence}",
        (
            _fix(
                "Answer a repeated identical call from a cache and tell the agent that it was made before.",
                r"was called \d+ times|^done twice",
            ),
            _fix(
                "Keep finished calls and their results in a short list that is always in the prompt.",
                r"was called \d+ times|^done twice",
            ),
            _fix("Keep what the user has said in a short list that is always in the prompt.", r"\?|user:"),
            _fix("Summarise old turns instead of dropping them."),
        ),
    ),
    "CIRCULAR_REASONING": _Remedy(
        "The same few steps came round again without progress: {evidence}",
        (
            _fix("On a repeated step, make the agent choose another one or ask the user."),
            _fix("Compare the state before and after each step and stop when nothing changes."),
            _fix("Limit the number of iterations."),
        ),
    ),
    "GOAL_DRIFT": _Remedy(
        "The result does not answer what was asked: {evidence}",
        (
            _fix("Repeat the original goal in the prompt of every step."),
            _fix("Check the final answer against the goal before the run ends."),
            _fix("Split off sub-goals with a budget of their own and return to the main one."),
        ),
    ),
    "OVER_REFUSAL": _Remedy(
        "The agent refused what it could and should have done: {evidence}",
        (
            _fix("Say in the prompt what is allowed, with examples of harmless requests that sound harmful."),
            _fix("Make the agent try its tools, or ask back, before it may refuse."),
            _fix("Log refusals and review them."),
        ),
    ),
    "SCHEMA_ERROR": _Remedy(
        "What a program should read is not in the form that it needs: {evidence}",
        (
            _fix(
                "Keep structured outputs short, so that they are not cut off.",
                r"[{\[,:]\s*$|\{[^}]*$|untermin|unexpected end|\beof\b|cut off|truncat",
            ),
            _fix(
                "Offer the tools through the model's own tool calling instead of asking for calls in the text.",
                r"written as text",
            ),
            _fix("Generate under a grammar or a JSON schema."),
            _fix("Parse before use and ask again with the parser's message."),
        ),
    ),
    "TIMEOUT_CASCADE": _Remedy(
        "After a slow call the agent rushed or dropped the rest: {evidence}",
        (
            _fix(
                "Set a timeout for each tool and retry with backoff.", r"timed? ?out|unavailable|\b(?:429|50[0-4])\b|rate limit"
            ),
            _fix("After a slow call, check that the answer uses the tool's result."),
            _fix("Run slow calls in the background and let the agent wait for the result."),
        ),
    ),
    "NO_ANSWER": _Remedy(
        "The run ended before it answered: {evidence}",
        (
            _fix("Make the agent answer with what it has when its steps run out, and say what is missing.", _LIMIT),
            _fix("Raise the limit of steps, or split the task.", _LIMIT),
            _fix("After the last result, ask the agent for its answer before the run may end.", r"^the run ends with"),
            _fix("Let a run end only with an answer or a call that ends it, never with an announcement."),
            _fix("Report a run without an answer as failed to whoever asked."),
        ),
    ),
    "CRASH": _Remedy(
        "An exception, or the end of its program, broke the run off: {evidence}",
        (
            _fix(
                "Retry what fails for a moment (network, rate limit) with backoff.",
                r"timed? ?out|connect|network|rate.?limit|overload|unavailable|\b(?:429|50[0-4])\b",
            ),
            _fix("Catch the exception where it is raised, and let the agent go on or answer with what it has."),
            _fix("Record the exception in the trace, and alert on it."),
        ),
    ),
    "UNKNOWN": _Remedy(
        "The run is known to have failed, and nothing in it shows how: {evidence}",
        (
            _fix("Read the run, and add a check for what went wrong."),
            _fix("Record more of it: the system's text, tool schemas, full results, latencies."),
            _fix("Let a language model judge it as well."),
        ),
    ),
    "none": _Remedy("Nothing in the run shows a failure.", ()),
}
