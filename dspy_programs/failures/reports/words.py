"""How every report words a verdict, and how sure it is."""

from dspy_programs.failures.calibrated import FACTS
from dspy_programs.failures.classifier import FailureReport


def verdict_in_words(mode: str, possible: bool) -> str:
    return f"possible {mode}" if possible else mode


def sureness_in_words(report: FailureReport) -> str:
    """Return how often such a verdict is right, or that this is not known; "" for a run that its caller calls successful."""
    if report.probability is not None:
        return f"right in {report.probability:.0%} of such cases"
    if report.classified_failure_mode in FACTS:
        return "observed, not inferred"
    if report.is_successful and not report.failed:
        return ""
    return "how often that is right is not measured"
