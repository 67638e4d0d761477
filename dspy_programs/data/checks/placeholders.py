"""Is a text only a placeholder, as a generator leaves where it failed?"""

from collections.abc import Iterator

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.checks.options import Severity
from dspy_programs.data.pair import DataPair
from dspy_programs.no_answer import is_placeholder

_LONGEST = 200  # characters; a placeholder is never longer


def placeholders_findings(pair: DataPair) -> Iterator[Finding]:
    """Find "[Generation failed]", "TODO", "your answer here": errors in what is asked and answered, a warning in `input`."""
    for field, text in (("instruction", pair.instruction), ("output", pair.output), ("input", pair.input)):
        if text and len(text) <= _LONGEST and is_placeholder(text) and not text.isspace():
            severity: Severity = "warning" if field == "input" else "error"
            yield Finding("placeholders", severity, f"the {field} is a placeholder: {text.strip()[:60]!r}", field)
