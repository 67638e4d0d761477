"""Inspect's evaluation logs: one trace for each sample, from a log as JSON or sample by sample from an archive.

A sample's error, or the limit that stopped it, is the run's error.

Source     inspect.aisi.org.uk/eval-logs.html (EvalLog, EvalSample, ToolEvent, ModelEvent).
"""

from typing import Any

from dspy_programs.conversation import (
    as_dict,
    as_list,
    error_text,
    latency_between,
    messages_of,
    seconds_of,
    text_id,
    with_attachments,
)
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace

VERDICTS = {"C": True, "I": False, "N": False, True: True, False: False}  # correct, incorrect, no answer; 1 and 0 too


def is_inspect(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("eval"), dict) and bool({"samples", "plan", "results"} & raw.keys())


def is_sample(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("messages"), list) and {"target", "epoch"} <= raw.keys()


def task_of(log: Any) -> str:
    """Return the name of a log's task, "" if it has none."""
    head = as_dict(log).get("eval")
    return str(head.get("task") or "") if isinstance(head, dict) else ""


def samples_of(raw: dict[str, Any]) -> list[Any]:
    """Return the samples of a log. Raises UsageError for a log of which only the head was written."""
    samples = raw.get("samples")
    if not isinstance(samples, list) or not samples:
        raise UsageError("samples: the Inspect log has none; write it with them (`inspect log dump FILE`)")
    return samples


def read_sample(sample: Any, task: str = "") -> Trace:
    if not isinstance(sample, dict) or not isinstance(sample.get("messages"), list):
        raise UsageError("messages: the sample of the Inspect log has none")
    messages = messages_of(with_attachments(sample["messages"], as_dict(sample.get("attachments"))))
    events = [event for event in as_list(sample.get("events")) if isinstance(event, dict)]
    failed, limit = error_text(sample.get("error")), _limit_of(sample, events)
    parts = (task, text_id(sample, "id"), text_id(sample, "epoch"))
    return trace_of(
        messages,
        trace_id="/".join(part for part in parts if part),
        goal=sample["input"] if isinstance(sample.get("input"), str) else None,  # else what the user said first
        is_successful=False if failed else outcome_of(sample.get("scores")),
        error=failed or limit,
        offer=Offer(*(event.get("tools") for event in events if event.get("event") == "model")),
        latencies=_latencies_of(events),
    )


def _limit_of(sample: dict[str, Any], events: list[dict[str, Any]]) -> str | None:
    """Return the limit that stopped a sample: "message limit 20"."""
    stops = (event for event in events if event.get("event") == "sample_limit" and event.get("type") != "operator")
    limit = sample.get("limit") if isinstance(sample.get("limit"), dict) else next(stops, None)
    most = as_dict(limit).get("limit")
    return (
        f"{limit.get('type')} limit{f' {most:g}' if isinstance(most, (int, float)) else ''}"
        if isinstance(limit, dict)
        else None
    )


def _latencies_of(events: list[dict[str, Any]]) -> dict[str, float]:
    """Return how long each call of a tool took, in milliseconds by the id of the call."""
    found = {}
    for event in events:
        latency = latency_between(seconds_of(event.get("timestamp")), seconds_of(event.get("completed")))
        if event.get("event") == "tool" and (id_ := text_id(event, "id")) and latency is not None:
            found[id_] = latency
    return found


def outcome_of(scores: Any) -> bool | None:
    """Return whether the scorers that decide agree that the answer is right; None where none of them decides."""
    values = [score.get("value") for score in scores.values() if isinstance(score, dict)] if isinstance(scores, dict) else []
    decided = [VERDICTS[value] for value in values if isinstance(value, (str, bool, int, float)) and value in VERDICTS]
    return all(decided) if decided else None
