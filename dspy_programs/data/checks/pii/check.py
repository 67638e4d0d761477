"""What identifies a person in a pair: findings, and the pair without it."""

from collections.abc import Iterator
from typing import Any

from dspy_programs.data.checks.finding import Finding, texts_of
from dspy_programs.data.checks.options import PiiPolicy, Severity
from dspy_programs.data.checks.pii.recognisers import pii_in, redacted
from dspy_programs.data.pair import DataPair


def pii_findings(pair: DataPair, policy: PiiPolicy) -> Iterator[Finding]:
    """Find what identifies a person: for each field one finding with all its spans, an error if the policy is strict."""
    if policy == "off":
        return
    for field, text in texts_of(pair):
        if found := pii_in(text):
            kinds = ", ".join(sorted({span.kind for span in found}))
            severity: Severity = "error" if policy == "strict" else "warning"
            yield Finding("pii", severity, f"personal data in {field}: {kinds}", field, [span._asdict() for span in found])


def redacted_pair(pair: DataPair) -> DataPair:
    """Return a pair without what identifies a person, with an id of its new content; the same pair if there is none."""
    fields: dict[str, Any] = {name: redacted(getattr(pair, name)) for name in ("instruction", "input", "output", "context")}
    fields["rejected"] = None if pair.rejected is None else redacted(pair.rejected)
    fields["messages"] = None if pair.messages is None else [_redacted_value(turn) for turn in pair.messages]
    changed = pair.model_copy(update=fields)
    if changed == pair:
        return pair
    return changed.model_copy(update={"id": "", "metadata": {**pair.metadata, "redacted_from": pair.id}}).identified()


def _redacted_value(value: Any) -> Any:
    """Redact the texts in a turn, whatever holds them; a role or an id of a call is none."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_redacted_value(each) for each in value]
    if isinstance(value, dict):
        return {key: each if key in _KEPT else _redacted_value(each) for key, each in value.items()}
    return value


_KEPT = frozenset(("role", "id", "tool_call_id", "type"))
