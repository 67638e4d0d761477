"""Does the output refuse the request?"""

from collections.abc import Iterable

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.pair import DataPair
from dspy_programs.no_answer import is_refusal


def refusals_findings(pair: DataPair) -> Iterable[Finding]:
    """Find an output that starts by refusing: a warning, since data sets of safe answers want refusals."""
    if not is_refusal(pair.output[:300]):
        return ()
    return (Finding("refusals", "warning", f"the output refuses: {pair.output[:60].strip()!r}", "output"),)
