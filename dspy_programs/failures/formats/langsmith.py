"""Runs exported from LangSmith: trees with `child_runs`, or lists of runs that name their parent.

Runs of models and tools make the turns, in the order in which they began; chains only hold them together, and count as
turns of the agent where no model was recorded. A run that ended with an error did not succeed; that one ended without
says nothing about its goal, people's feedback does. Langfuse's observations are read as such runs too (langfuse.py).

Source     docs.smith.langchain.com (run data format; export of traces), langsmith.schemas.Run, LangChain's messages.
"""

import json
from collections.abc import Iterator
from typing import Any

from dspy_programs.conversation import (
    Message,
    Result,
    as_dict,
    as_list,
    decoded,
    error_text,
    latency_between,
    marked,
    messages_of,
    output_of,
    seconds_of,
    text_id,
)
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.history import Story
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace

_PLUMBING = ("prompt", "parser", "embedding")
_ANSWERS = ("output", "answer", "result", "final_output", "text", "content", "response")
_QUESTIONS = ("input", "question", "query", "goal", "task", "text")
_LIMITS = ("Agent stopped due to", "Sorry, need more steps to process this request.")  # LangChain's words at its limit
VERDICTS = ("correctness", "correct", "success", "is_successful", "score", "user_score")


def is_run(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("run_type"), str)


def roots_of(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put runs that name their parent under it, and return those that have none in the list.

    Of a run that comes twice the last counts. A ring of runs that are each other's parents is cut open at its first.
    """
    nested = {_id_of(child) for run in runs for child in as_list(run.get("child_runs")) if isinstance(child, dict)} - {""}
    flat = {_id_of(run) or f"place {place}": run for place, run in enumerate(runs) if _id_of(run) not in nested}
    known = {id_: {**run, "child_runs": as_list(run.get("child_runs"))[:]} for id_, run in flat.items()}
    named = {id_: parent_id(run) for id_, run in known.items()}
    parents = {id_: known[parent] for id_, parent in named.items() if parent in known and parent != id_}
    for id_, parent in parents.items():
        parent["child_runs"].append(known[id_])
    roots = [run for id_, run in known.items() if id_ not in parents]
    reached = {id(run) for root in roots for run in _in_order(root)}
    for id_, parent in parents.items():
        if id(run := known[id_]) not in reached:
            parent["child_runs"] = [child for child in parent["child_runs"] if child is not run]
            roots.append(run)
            reached.update(id(below) for below in _in_order(run))
    return roots


def _id_of(run: dict[str, Any]) -> str:
    """Return a run's id, "" where it has none: a tree needs no ids. LangChain's own export calls it run_id."""
    return text_id(run, "id", "run_id") or ""


def parent_id(run: dict[str, Any]) -> str:
    """Return the id of the run's parent, "" where it has none."""
    above = as_list(run.get("parent_run_ids"))
    return str(run.get("parent_run_id") or (above[-1] if above else ""))


def read_run(root: dict[str, Any]) -> Trace:
    """Read a tree of runs."""
    runs = list(_in_order(root))
    story, offer = Story(), Offer()
    has_model = any(run.get("run_type") == "llm" for run in runs)
    for run in runs:
        kind = run.get("run_type")
        if kind == "llm":
            _add_model_run(story, run, offer)
        elif kind in ("tool", "retriever"):
            story.answer(str(run.get("name") or "(unnamed)"), tool_input(run), tool_result(run))
        elif run is not root and not has_model and not run.get("child_runs") and kind not in _PLUMBING:
            story.recall(answer_of(run))
    told = answer_of(root)
    story.recall(told if isinstance(_outputs_of(root).get("messages"), list) else [])
    asked = _question_of(root)
    if not any(message.role == "user" for message in story.messages):
        story.messages[:0] = [Message("user", asked)] if asked else []
    if not any(message.role == "agent" for message in story.messages):
        story.recall(told)
    if not story.messages:
        raise UsageError("inputs: the run has neither inputs, outputs nor runs below it that say anything")
    failed = error_of(root)
    final = next((message.text for message in reversed(told) if message.role == "agent" and message.text), None)
    limit = final if final is not None and final.startswith(_LIMITS) else None
    return trace_of(
        story.messages,
        trace_id=text_id(root, "trace_id") or _id_of(root),
        goal=asked,
        final=None if limit else final,
        is_successful=False if failed else outcome_of(root),
        error=failed or limit,
        offer=offer,
        latencies=story.latencies,
    )


def _in_order(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a run, then what is below it, siblings by the time they began."""
    stack = [root]
    while stack:
        run = stack.pop()
        yield run
        below = [child for child in as_list(run.get("child_runs")) if isinstance(child, dict)]
        stack += reversed(sorted(below, key=_began))


def _began(run: dict[str, Any]) -> float:
    """Return when a run started, in seconds; 0.0 if it is not recorded, which keeps the given order."""
    return seconds_of(run.get("start_time")) or 0.0


def _add_model_run(story: Story, run: dict[str, Any], offer: Offer) -> None:
    """Add what a model was told, what it was offered, and what it said."""
    inputs = as_dict(run.get("inputs"))
    said = inputs.get("messages")
    if isinstance(said, list):
        story.recall(
            messages_of(said[0] if said and isinstance(said[0], list) and _is_batch(said) else said, "inputs.messages")
        )
    elif isinstance(prompts := inputs.get("prompts"), list):
        story.recall([Message("user", str(prompt)) for prompt in prompts])
    for message in answer_of(run):
        story.say(message)
    if told := error_of(run):
        story.say(Message("system", f"(error) {told}"))
    parameters = as_dict(as_dict(run.get("extra")).get("invocation_params"))
    for holder in (parameters, as_dict(inputs.get("invocation_params")), inputs):
        offer.add(holder.get("tools") or holder.get("functions"))


def _is_batch(said: list[Any]) -> bool:
    """Tell a batch of conversations from a list of [role, text] pairs."""
    return bool(said[0]) and not isinstance(said[0][0], str)


def _outputs_of(run: dict[str, Any]) -> dict[str, Any]:
    outputs = run.get("outputs")
    return outputs if isinstance(outputs, dict) else {} if outputs is None else {"output": outputs}


def answer_of(run: dict[str, Any]) -> list[Message]:
    """Return the messages in what a run gave."""
    outputs = _outputs_of(run)
    if isinstance(batches := outputs.get("generations"), list) and batches:
        first = batches[0] if isinstance(batches[0], list) else batches
        return [message for one in first[:1] if isinstance(one, dict) for message in _generation(one)]
    if isinstance(choices := outputs.get("choices"), list) and choices:
        return messages_of([c["message"] for c in choices[:1] if isinstance(c, dict) and "message" in c], "outputs.choices")
    for key in ("messages", "message", "output"):
        value = outputs.get(key)
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value) and key != "message":
            return messages_of(value, f"outputs.{key}")
        if isinstance(value, dict) and {"role", "type", "kwargs"} & value.keys():
            return messages_of([value], f"outputs.{key}")
    if isinstance(outputs.get("role"), str):
        return messages_of([outputs], "outputs")
    text = text_of(outputs, _ANSWERS)
    return [Message("agent", text)] if text else []


def _generation(one: dict[str, Any]) -> list[Message]:
    if isinstance(message := one.get("message"), dict):
        return messages_of([message], "outputs.generations")
    return [Message("agent", str(one.get("text") or ""))]


def text_of(values: dict[str, Any], keys: tuple[str, ...]) -> str:
    """Return the text that matters of inputs or outputs: under a usual key, the only one there is, or all as JSON."""
    if not values:
        return ""
    value = next((values[key] for key in keys if isinstance(values.get(key), str)), None)
    if value is None:
        value = next(iter(values.values())) if len(values) == 1 else values
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""


def _question_of(root: dict[str, Any]) -> str:
    """Return what the run was asked."""
    inputs = root.get("inputs")
    if not isinstance(inputs, dict):
        return inputs if isinstance(inputs, str) else ""
    said = inputs.get("messages")
    if isinstance(said, list) and said:
        messages = messages_of(said[0] if isinstance(said[0], list) and _is_batch(said) else said, "inputs.messages")
        return next((message.text for message in messages if message.role == "user"), "")
    return text_of(inputs, _QUESTIONS)


def tool_input(run: dict[str, Any]) -> Any:
    """Return a tool's arguments. LangChain logs them as {"input": their text}."""
    inputs = run.get("inputs")
    if isinstance(inputs, dict) and inputs.keys() == {"input"}:
        return decoded(inputs["input"]) if str(inputs["input"]).lstrip()[:1] in ("{", "[") else inputs["input"]
    return inputs


def tool_result(run: dict[str, Any]) -> Result:
    """Return what a tool gave, with its time and, where it is recorded, the id of its call."""
    outputs = _outputs_of(run)
    value: Any = outputs.get("output", outputs) if outputs else None
    id_ = text_id(run, "tool_call_id")
    message = value.get("kwargs", value.get("data", value)) if isinstance(value, dict) else None
    error = run.get("error")
    if isinstance(message, dict) and ("tool_call_id" in message):
        id_ = text_id(message, "tool_call_id")
        error = error or message.get("status") == "error"
        value = output_of(message.get("content"))
    latency = latency_between(seconds_of(run.get("start_time")), seconds_of(run.get("end_time")))
    return Result(marked(output_of(value), error), id_, None, latency)


def error_of(run: dict[str, Any]) -> str | None:
    """Return what ended a run, if it is recorded: the exception, or only that there was one."""
    return error_text(run.get("error")) or ("failed" if run.get("status") == "error" else None)


def outcome_of(root: dict[str, Any]) -> bool | None:
    """Return what people's feedback says."""
    feedback = as_dict(root.get("feedback_stats"))
    average = next(
        (one["avg"] for key in VERDICTS if isinstance((one := as_dict(feedback.get(key))).get("avg"), (int, float))), None
    )
    return {1: True, 0: False}.get(average) if average is not None else None
