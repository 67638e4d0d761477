"""Call a predictor and get its reply or a typed failure: an unreadable reply is data, never a crash."""

from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel


class Failure(BaseModel):
    """Why a reply could not be used, with the reply itself."""

    reason: str
    raw_reply: str


def ask(predictor: dspy.Predict, **inputs: Any) -> dspy.Prediction | Failure:
    """Call the predictor once; an unreadable reply is returned as a Failure.

    The failed call is added to DSPy's trace with the raw reply as its output: otherwise an optimizer would never see the
    cases it should fix. Errors of the model itself (no network, a wrong key) are not caught.
    """
    try:
        return predictor(**inputs)
    except AdapterParseError as error:
        failure = Failure(reason=first_line(error), raw_reply=error.lm_response or "")
        trace = dspy.settings.trace
        if trace is not None and not _is_noted(trace, predictor):
            seen = {name: value for name, value in inputs.items() if name != "config"}
            trace.append((predictor, seen, dspy.Prediction(unreadable_reply=failure.raw_reply)))
        return failure


def _is_noted(trace: list[Any], predictor: dspy.Predict) -> bool:
    """Return whether the call that has just failed is on the trace: an adapter may have put it there."""
    return any(step[0] is predictor and "unreadable_reply" in step[2] for step in trace[-1:])


def first_line(error: AdapterParseError) -> str:
    """Return what was wrong, without the reply and the list of fields that DSPy appends."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if "validation error" in lines[0] and len(lines) > 2:  # pydantic's: the place and the fault follow
        return f"{lines[0]}: {lines[1]}: {lines[2].partition(' [type=')[0]}"
    return lines[0]
