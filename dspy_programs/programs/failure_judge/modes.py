"""The failure modes of an agent run, how to fix each, and the sentence that describes it.

Source     the eight names and their meanings are those of Agent Failure Classifier (2026); "none" and all texts are ours.
"""

from typing import NamedTuple

from dspy_programs.types import FailureMode


class _Remedy(NamedTuple):
    """cause: a sentence with a slot for the evidence; fixes: what to change, most useful first."""

    cause: str
    fixes: tuple[str, ...]


REMEDIES: dict[FailureMode, _Remedy] = {
    "HALLUCINATION": _Remedy(
        "The agent stated or called something that nothing in the run supports: {evidence}",
        (
            "Check every factual claim against a source before it is given to the user.",
            "Require a tool call that verifies figures, names and finished actions.",
            "Retrieve documents first and answer only from what was retrieved.",
            "Refuse calls of tools that are not registered, and list those that are.",
        ),
    ),
    "TOOL_MISUSE": _Remedy(
        "A real tool was called with wrong arguments or at the wrong time: {evidence}",
        (
            "Validate arguments against the tool's schema before the call, and return the fault to the agent.",
            "Describe each parameter with its format and an example.",
            "Look up identifiers first; never let the agent make them up.",
        ),
    ),
    "CONTEXT_LOSS": _Remedy(
        "The agent lost what it already had: {evidence}",
        (
            "Keep finished calls and their results in a short list that is always in the prompt.",
            "Answer a repeated identical call from a cache and tell the agent that it was made before.",
            "Summarise old turns instead of dropping them.",
        ),
    ),
    "CIRCULAR_REASONING": _Remedy(
        "The same few steps came round again without progress: {evidence}",
        (
            "Limit the number of iterations.",
            "Compare the state before and after each step and stop when nothing changes.",
            "On a repeated step, make the agent choose another one or ask the user.",
        ),
    ),
    "GOAL_DRIFT": _Remedy(
        "The result does not answer what was asked: {evidence}",
        (
            "Repeat the original goal in the prompt of every step.",
            "Check the final answer against the goal before the run ends.",
            "Split off sub-goals with a budget of their own and return to the main one.",
        ),
    ),
    "OVER_REFUSAL": _Remedy(
        "The agent refused what it could and should have done: {evidence}",
        (
            "Say in the prompt what is allowed, with examples of harmless requests that sound harmful.",
            "Make the agent try its tools, or ask back, before it may refuse.",
            "Log refusals and review them.",
        ),
    ),
    "SCHEMA_ERROR": _Remedy(
        "What should be JSON cannot be read as JSON: {evidence}",
        (
            "Generate under a grammar or a JSON schema.",
            "Parse before use and ask again with the parser's message.",
            "Keep structured outputs short, so that they are not cut off.",
        ),
    ),
    "TIMEOUT_CASCADE": _Remedy(
        "After a slow call the agent rushed or dropped the rest: {evidence}",
        (
            "Set a timeout for each tool and retry with backoff.",
            "Run slow calls in the background and let the agent wait for the result.",
            "After a slow call, check that the answer uses the tool's result.",
        ),
    ),
    "NO_ANSWER": _Remedy(
        "The run ended before it answered: {evidence}",
        (
            "Make the agent answer with what it has when its steps run out, and say what is missing.",
            "Raise the limit of steps, or split the task.",
            "Report a run without an answer as failed to whoever asked.",
        ),
    ),
    "CRASH": _Remedy(
        "An exception, or the end of its program, broke the run off: {evidence}",
        (
            "Catch the exception where it is raised, and let the agent go on or answer with what it has.",
            "Retry what fails for a moment (network, rate limit) with backoff.",
            "Record the exception in the trace, and alert on it.",
        ),
    ),
    "UNKNOWN": _Remedy(
        "The run is known to have failed, and nothing in it shows how: {evidence}",
        (
            "Read the run, and add a check for what went wrong.",
            "Record more of it: the system's text, tool schemas, full results, latencies.",
            "Let a language model judge it as well.",
        ),
    ),
    "none": _Remedy("Nothing in the run shows a failure.", ()),
}
