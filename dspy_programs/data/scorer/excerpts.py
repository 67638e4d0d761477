"""What of a row is shown for a finding: the place that is wrong, in one line."""

from dspy_programs.data.checks.turns import turns_findings
from dspy_programs.data.scorer.faults import DAMAGED, LEFTOVER, RowFault
from dspy_programs.data.scorer.kept_rows import Kept
from dspy_programs.data.scorer.view import text_of, view_of

_AROUND = 40  # characters
_HALF = 75  # characters of a request, of its input and of its answer


def asked_and_answered(kept: Kept) -> str:
    view = view_of(kept.fields)
    asked = _cut(view.asked or view.more or view.given)
    if view.asked and view.given:
        asked = f"{asked} ({_cut(view.given)})"
    answered = _cut(view.answered)
    return f"{asked} → {answered}" if answered else asked


def request_of(kept: Kept) -> str:
    view = view_of(kept.fields)
    return view.asked or view.given or view.more or view.answered


def answer_of(kept: Kept) -> str:
    return view_of(kept.fields).answered


def field_of(kept: Kept, name: str) -> str:
    return f"{name}: {text_of(kept.fields.get(name)) or 'null'}"


def fault_of(kept: Kept, fault: int) -> str:
    """Return the place of a row's fault."""
    view = view_of(kept.fields)
    whole = view.whole()
    match fault:
        case RowFault.DAMAGED | RowFault.LEFTOVER:
            pattern = DAMAGED if fault == RowFault.DAMAGED else LEFTOVER
            found = pattern.search(whole)
            start = found.start() if found else 0
            text = whole[max(0, start - _AROUND) : start + 3 * _AROUND]
            return f"…{text}" if start > _AROUND else text
        case RowFault.LONG_TEXT | RowFault.MANY_TOKENS:
            return f"{len(whole):,} characters: {request_of(kept)}"
        case RowFault.TURNS:
            return "; ".join(f"{each.field}: {each.message}" for each in turns_findings(view.as_pair()))
        case RowFault.REFUSAL | RowFault.WRAPPED:
            return view.answered
        case RowFault.OPEN_FENCE:
            start = whole.rfind("```")
            return f"…{whole[max(0, start - _AROUND) : start + 3 * _AROUND]}"
    return asked_and_answered(kept)


def _cut(text: str) -> str:
    line = " ".join(text[: 4 * _HALF].split())
    return line if len(line) <= _HALF else f"{line[: _HALF - 1].rstrip()}…"
