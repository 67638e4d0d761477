"""Evaluation logs: Inspect's (a file of samples) and tau-bench's (a list of records with their reward).

Source     inspect.aisi.org.uk/eval-logs.html (EvalLog, EvalSample); github.com/sierra-research/tau-bench
           (historical_trajectories) and tau2-bench (simulations).
"""

from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.chat import as_list, keys_of, messages_of, text_id
from dspy_programs.failures.formats.conversation import trace_of
from dspy_programs.failures.formats.langsmith import seconds_of
from dspy_programs.schemas import tool_names
from dspy_programs.types import Trace

_ATTACHMENT = "attachment://"
VERDICTS = {"C": True, "I": False, "N": False, True: True, False: False}  # correct, incorrect, no answer; 1 and 0 too


def is_inspect(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("eval"), dict) and bool({"samples", "plan", "results"} & raw.keys())


def is_sample(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("messages"), list) and {"target", "epoch"} <= raw.keys()


def samples_of(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the samples of a log. Raises UsageError for a log of which only the head was written."""
    samples = raw.get("samples")
    if not isinstance(samples, list) or not samples:
        raise UsageError("samples: the Inspect log has none; write it with them (`inspect log dump FILE`)")
    return samples


def read_sample(sample: Any, task: str = "") -> Trace:
    if not isinstance(sample, dict) or not isinstance(sample.get("messages"), list):
        raise UsageError("messages: the sample of the Inspect log has none")
    attachments = sample.get("attachments")
    messages = messages_of(_with_attachments(sample["messages"], attachments if isinstance(attachments, dict) else {}))
    events = [event for event in as_list(sample.get("events")) if isinstance(event, dict)]
    offered = [name for event in events if event.get("event") == "model" for name in tool_names(event.get("tools"))]
    error = sample.get("error")
    failed = error.get("message") if isinstance(error, dict) else error
    parts = (task, text_id(sample, "id"), text_id(sample, "epoch"))
    return trace_of(
        messages,
        trace_id="/".join(part for part in parts if part),
        goal=_goal_of(sample),
        final=f"(error) {failed}" if failed else None,
        is_successful=False if failed else outcome_of(sample.get("scores")),
        tools=offered,
        latencies=_latencies_of(events),
    )


def _goal_of(sample: dict[str, Any]) -> str | None:
    """Return the sample's input where it is a text; else the goal is what the user said first."""
    return sample["input"] if isinstance(sample.get("input"), str) and sample["input"] else None


def _with_attachments(value: Any, attachments: dict[str, Any]) -> Any:
    """Put long texts back where the log only refers to them."""
    if isinstance(value, str):
        return attachments.get(value.removeprefix(_ATTACHMENT), value) if value.startswith(_ATTACHMENT) else value
    if isinstance(value, list):
        return [_with_attachments(item, attachments) for item in value]
    return {key: _with_attachments(item, attachments) for key, item in value.items()} if isinstance(value, dict) else value


def _latencies_of(events: list[dict[str, Any]]) -> dict[str, float]:
    """Return how long each call of a tool took, in milliseconds by the id of the call."""
    found = {}
    for event in events:
        start, end = seconds_of(event.get("timestamp")), seconds_of(event.get("completed"))
        if event.get("event") == "tool" and (id_ := text_id(event, "id")) and start is not None and end is not None:
            found[id_] = max(0.0, round((end - start) * 1000, 3))
    return found


def outcome_of(scores: Any) -> bool | None:
    """Return whether the scorers that decide agree that the answer is right; None where none of them decides."""
    values = [score.get("value") for score in scores.values() if isinstance(score, dict)] if isinstance(scores, dict) else []
    decided = [VERDICTS[value] for value in values if isinstance(value, (str, bool, int, float)) and value in VERDICTS]
    return all(decided) if decided else None


def is_tau(raw: Any) -> bool:
    return isinstance(raw, dict) and (isinstance(raw.get("traj"), list) or _is_simulation(raw))


def _is_simulation(raw: dict[str, Any]) -> bool:
    return isinstance(raw.get("messages"), list) and isinstance(raw.get("reward_info"), dict) and "task_id" in raw


def read_tau(raw: Any) -> Trace:
    """Read a record. The goal is what the user said first: the agent never saw the user's own instruction."""
    if not is_tau(raw):
        raise UsageError(f"traj: is missing; the record has the keys {keys_of(raw) if isinstance(raw, dict) else 'none'}")
    traj = raw["traj"] if isinstance(raw.get("traj"), list) else raw["messages"]
    info, rewarded = (raw[key] if isinstance(raw.get(key), dict) else {} for key in ("info", "reward_info"))
    reward = raw.get("reward", rewarded.get("reward"))
    error = info.get("error")
    if not traj and not error:
        raise UsageError("traj: is empty; there is no run to read")
    task, trial = text_id(raw, "task_id"), text_id(raw, "trial")
    return trace_of(
        messages_of(traj, "traj"),
        trace_id=f"{task or ''}" + (f"/{trial}" if trial else ""),
        final=f"(error) {error}" if error else None,
        is_successful=reward >= 1 if isinstance(reward, (int, float)) else None,
    )
