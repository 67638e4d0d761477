"""Langfuse's traces with their observations, read as a tree of runs (langsmith.py).

Input      a trace as the API gives it; {"trace": ..., "observations": [...]}, as the button of its page saves it; pages of
           either, {"data": [...]}; and rows of observations from a table or a bucket, which name their trace.
Meaning    a generation is a call of a model, a tool or a retriever a call of a tool; a span or an event is one if a model
           called a tool of that name. The level ERROR of what has no parent is the run's error.
Source     langfuse.com/docs (data model; API reference; export), @langfuse/core.
"""

from collections.abc import Sequence
from typing import Any

from dspy_programs.conversation import as_dict, as_list, first_text, json_of, text_id
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.langsmith import VERDICTS, answer_of, read_run, roots_of
from dspy_programs.types import Trace

_KINDS = {"GENERATION": "llm", "TOOL": "tool", "RETRIEVER": "retriever", "EMBEDDING": "embedding", "SPAN": "chain",
          "EVENT": "chain", "AGENT": "chain", "CHAIN": "chain", "EVALUATOR": "parser", "GUARDRAIL": "parser"}  # fmt: skip
_MARKS = ("htmlPath", "projectId", "project_id", "observations", "scores", "bookmarked", "totalCost")
_PARENTS = ("parentObservationId", "parent_observation_id")
_TRACES = ("traceId", "trace_id")


def is_langfuse(raw: Any) -> bool:
    """Return whether this is a trace, an observation, or a page or a download of some."""
    if not isinstance(raw, dict):
        return False
    if isinstance(raw.get("data"), list) and "meta" in raw:
        return any(is_langfuse(item) for item in raw["data"])
    return is_observation(raw) or _is_download(raw) or _is_trace(raw)


def is_observation(raw: Any) -> bool:
    if not isinstance(raw, dict) or str(raw.get("type")).upper() not in _KINDS:
        return False
    return any(key in raw for key in _PARENTS) or (any(key in raw for key in _TRACES) and "attributes" not in raw)


def _is_download(raw: dict[str, Any]) -> bool:
    return isinstance(raw.get("trace"), dict) and isinstance(raw.get("observations"), list)


def _is_trace(raw: dict[str, Any]) -> bool:
    observations = raw.get("observations")
    if isinstance(observations, list) and any(is_observation(item) for item in observations):
        return True
    return {"id", "timestamp", "input", "output"} <= raw.keys() and any(key in raw for key in _MARKS)


def groups_of(raw: Any) -> list[list[Any]]:
    """Return what belongs to each trace: the trace and its observations, or observations alone. What is neither is alone."""
    found: list[list[Any]] = []
    by_trace: dict[str, list[Any]] = {}
    for item in raw if isinstance(raw, list) else [raw]:
        if isinstance(item, dict) and isinstance(item.get("data"), list) and "meta" in item:
            found += groups_of(item["data"])
        elif not is_observation(item):
            found.append([item])
        elif (id_ := text_id(item, *_TRACES) or "") in by_trace:
            by_trace[id_].append(item)
        else:
            found.append(by_trace.setdefault(id_, [item]))
    return found


def read_group(items: Sequence[Any]) -> Trace:
    """Read one trace. Raises UsageError if it says nothing."""
    first = items[0]
    if not is_langfuse(first):
        raise UsageError("not a trace or an observation of Langfuse: no id with input, output or observations")
    download = _is_download(first)
    trace = first["trace"] if download else {} if is_observation(first) else first
    observations = first["observations"] if download else as_list(trace.get("observations")) if trace else list(items)
    seen = [item for item in observations if isinstance(item, dict)]  # a page of traces only names their ids
    if not any(item.get(key) is not None for item in [trace, *seen] for key in ("input", "output")):
        raise UsageError("input: is null everywhere; older downloads leave the content out, the API gives it")
    roots = roots_of(_runs_of(seen))
    return read_run(_root(trace, roots, text_id(first, *_TRACES) or ""))


def _root(trace: dict[str, Any], roots: list[dict[str, Any]], id_: str) -> dict[str, Any]:
    """Return the run above all others: the trace, or the only observation without a parent."""
    if not trace and len(roots) == 1:
        return {**roots[0], "trace_id": id_}
    outer = roots[0] if len(roots) == 1 else {}
    inputs, outputs = _inputs_of(trace.get("input")), _outputs_of(trace.get("output"))
    return {
        "id": text_id(trace, "id") or id_,
        "run_type": "chain",
        "inputs": outer.get("inputs") if inputs is None else inputs,
        "outputs": outer.get("outputs") if outputs is None else outputs,
        "error": next((run["error"] for run in roots if run["error"]), None),
        "feedback_stats": _feedback(as_list(trace.get("scores"))),
        "child_runs": roots,
    }


def _feedback(scores: list[Any]) -> dict[str, Any]:
    """Return scores by name as LangSmith gives feedback."""
    found = [score for score in scores if isinstance(score, dict) and score.get("observationId") is None]
    return {str(score.get("name")): {"avg": score.get("value")} for score in found if score.get("name") in VERDICTS}


def _runs_of(observations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return observations as runs of LangSmith's. A span is a tool if a model called one of its name."""
    kinds = [_KINDS.get(str(item.get("type")).upper(), "chain") for item in observations]
    models = [_run_of(item, kind) for item, kind in zip(observations, kinds, strict=True) if kind == "llm"]
    called = {call.name for run in models for message in answer_of(run) for call in message.calls}
    tools = [
        "tool" if kind == "chain" and str(item.get("name")) in called else kind
        for item, kind in zip(observations, kinds, strict=True)
    ]
    return [_run_of(item, kind) for item, kind in zip(observations, tools, strict=True)]


def _run_of(item: dict[str, Any], kind: str) -> dict[str, Any]:
    given, gave = json_of(item.get("input")), json_of(item.get("output"))
    failed = item.get("level") == "ERROR"
    return {
        "id": text_id(item, "id"),
        "parent_run_id": text_id(item, *_PARENTS),
        "run_type": kind,
        "name": item.get("name"),
        "tool_call_id": text_id(as_dict(item.get("metadata")), "tool_call_id", "toolCallId"),
        "inputs": given
        if kind == "tool"
        else {"prompts": [given]}
        if kind == "llm" and isinstance(given, str)
        else _inputs_of(given),
        "outputs": {"output": gave} if kind == "tool" else _outputs_of(gave),
        "error": (first_text(item, "statusMessage", "status_message") or "failed") if failed else None,
        "start_time": item.get("startTime") or item.get("start_time"),
        "end_time": item.get("endTime") or item.get("end_time"),
        "extra": {"invocation_params": json_of(item.get("modelParameters") or item.get("model_parameters"))},
    }


def _inputs_of(value: Any) -> Any:
    """Return what was told: a list of messages, or a text, under the keys that LangSmith uses."""
    value = json_of(value)
    if isinstance(value, list) and all(isinstance(item, (dict, list)) for item in value):
        tools = [item["content"] for item in value if _is_definition(item)]
        return {"messages": [item for item in value if not _is_definition(item)], "tools": tools}
    if isinstance(value, list):
        return {"prompts": value}
    return {"messages": [value]} if isinstance(value, dict) and isinstance(value.get("role"), str) else _wrapped(value, "input")


def _is_definition(item: Any) -> bool:
    """Return whether a message is a tool on offer: so the callback of LangChain logs them, behind what was told."""
    content = item.get("content") if isinstance(item, dict) and item.get("role") == "tool" else None
    return isinstance(content, dict) and content.get("type") == "function" and "tool_call_id" not in item


def _outputs_of(value: Any) -> Any:
    value = json_of(value)
    return (
        {"messages": value} if isinstance(value, list) and value and isinstance(value[0], dict) else _wrapped(value, "output")
    )


def _wrapped(value: Any, key: str) -> Any:
    return value if isinstance(value, dict) or value is None else {key: value}
