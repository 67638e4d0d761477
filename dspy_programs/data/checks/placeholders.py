"""Is a text only a placeholder, as a generator leaves where it failed?"""

from collections.abc import Iterable, Iterator

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.checks.options import Severity
from dspy_programs.data.pair import DataPair
from dspy_programs.no_answer import is_placeholder


def placeholders_findings(pair: DataPair) -> Iterable[Finding]:
    """Find "[Generation failed]", "TODO", "your answer here": errors in what is asked and answered, a warning in `input`."""
    if is_placeholder(pair.instruction) or is_placeholder(pair.output) or (pair.input and is_placeholder(pair.input)):
        return _placeholders(pair)
    return ()


def _placeholders(pair: DataPair) -> Iterator[Finding]:
    for field, text in (("instruction", pair.instruction), ("output", pair.output), ("input", pair.input)):
        if text and not text.isspace() and is_placeholder(text):
            severity: Severity = "warning" if field == "input" else "error"
            yield Finding("placeholders", severity, f"the {field} is a placeholder: {text.strip()[:60]!r}", field)
