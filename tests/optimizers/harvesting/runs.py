"""Made-up recorded runs for tests: a shop whose agent looks up orders and refunds them."""

import json
from pathlib import Path

TOOLS = [
    {
        "name": "find_order",
        "description": "Find an order by its number",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
    },
    {
        "name": "refund",
        "description": "Refund an order to the customer",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    },
    {
        "name": "send_note",
        "description": "Send a note",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
]
THINGS = ("a broken lamp", "the late parcel", "two blue chairs", "a torn curtain", "the wrong kettle", "my old invoice")
WHYS = ("it arrived cracked", "nobody signed for it", "we moved house", "the colour is off", "a gift came twice")


def call(tool, given, output):
    return {"role": "tool", "tool_name": tool, "tool_input": given, "tool_output": output}


def refund_run(number=1182, ok=True, goal=None, extra=(), trace_id=None, tools=TOOLS):
    """Return a run that looks up an order and refunds it."""
    goal = goal or f"Please refund order {number} for {THINGS[number % 6]} because {WHYS[number % 5]}"
    turns = [
        {"role": "user", "content": goal},
        call("find_order", {"number": number}, {"order_id": f"ord_{number}x", "state": "paid"}),
        *extra,
        call("refund", {"order_id": f"ord_{number}x"}, {"done": True}),
        {"role": "agent", "content": f"Order {number} is refunded."},
    ]
    fields = {"trace_id": trace_id or f"run-{number}", "original_goal": goal, "is_successful": ok, "tools": tools}
    return {**fields, "turns": [{"turn_number": at, **turn} for at, turn in enumerate(turns)]}


def write_runs(folder: Path, runs, name="runs.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return path


def read(folder: Path, module: str, *files: str):
    """Return the rows of some files of a harvest, all splits by default."""
    found = []
    for name in files or ("train", "val", "test"):
        path = folder / module / f"{name}.jsonl"
        found += [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return found
