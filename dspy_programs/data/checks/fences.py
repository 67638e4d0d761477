"""Are the code fences closed, and is the whole output not wrapped in one?"""

import re
from collections.abc import Iterable, Iterator

from dspy_programs.data.checks.finding import Finding, texts_of
from dspy_programs.data.pair import DataPair

_FENCE = re.compile(r"^[ \t>]*(?:[-*] |\d+[.)] )?[ \t]*(```+|~~~+)(.*)$", re.MULTILINE)
_WRAPPED = re.compile(r"\s*```(?:json|text|txt|markdown|md|plaintext)?[ \t]*\n(.*)\n[ \t]*```\s*", re.DOTALL)


def fences_findings(pair: DataPair) -> Iterable[Finding]:
    """Find a fence that never ends, and an output that is nothing but a block of text or JSON.

    A block of code as the whole output is a proper answer where code is asked for; one of JSON or text mostly is what a
    generator wrapped its answer in.
    """
    if "```" not in pair.output and "```" not in pair.instruction and pair.messages is None:
        return ()  # nearly always
    return _faults(pair)


def _faults(pair: DataPair) -> Iterator[Finding]:
    for field, text in texts_of(pair):
        if "```" in text and not _all_closed(text):
            yield Finding("fences", "warning", f"a code fence in {field} is not closed", field)
    if (wrapped := _WRAPPED.fullmatch(pair.output)) and "```" not in wrapped[1]:
        yield Finding("fences", "warning", "the whole output is in a code fence", "output")


def unwrapped(text: str) -> str | None:
    """Return what is in the fence around a whole text that calls itself text, Markdown or JSON; None if there is no such."""
    wrapped = _WRAPPED.fullmatch(text)
    return wrapped[1] if wrapped and "```" not in wrapped[1] and not text.lstrip().startswith("```\n") else None


def _all_closed(text: str) -> bool:
    """Return whether each fence is followed by one of its kind, at least as long and with nothing behind it."""
    opened = ""
    for fence in _FENCE.finditer(text):
        mark, rest = fence[1], fence[2]
        if not opened:
            if "`" not in rest or mark[0] == "~":  # ```code``` in one line is no block
                opened = mark
        elif mark.startswith(opened) and not rest.strip():
            opened = ""
    return not opened
