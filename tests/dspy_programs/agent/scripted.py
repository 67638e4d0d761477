"""A model that plans and acts by a script: replies in the order in which they are asked for, the last one again and again."""

import json
from collections.abc import Sequence

from tests.fakes import ScriptedEngine, scripted_lm


def plan(*tasks: tuple[str, str] | tuple[str, str, list[int]]) -> str:
    """A planner's reply: (tool, title) or (tool, title, depends_on) of each task; each waits for the one before by default."""
    made = [
        {
            "id": number,
            "tool": task[0],
            "title": task[1],
            "depends_on": task[2] if len(task) > 2 else [number - 1][: number - 1],
            "success_criterion": "done",
        }
        for number, task in enumerate(tasks, 1)
    ]
    return json.dumps({"plan": {"rationale": "as scripted", "tasks": made}})


def step(tool: str, /, **arguments: object) -> str:
    """An actor's reply: one call."""
    return json.dumps({"action": {"calls": [{"tool": tool, "arguments": arguments}], "cannot": ""}})


def finish(text: str) -> str:
    return json.dumps({"action": {"finish": text}})


def cannot(why: str) -> str:
    return json.dumps({"action": {"calls": [], "cannot": why}})


def is_planner(prompt: str) -> bool:
    return "[[ ## progress ## ]]" in prompt


def scripted(plans: Sequence[str], steps: Sequence[str]):
    """Return a model that gives these plans and these steps, in this order."""
    left = {True: list(plans), False: list(steps)}

    def answer(prompt: str) -> str:
        replies = left[is_planner(prompt)]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    return scripted_lm(answer)


def prompts_of(lm) -> list[str]:
    engine = lm.engine
    assert isinstance(engine, ScriptedEngine)
    return engine.prompts
