"""python -m tests.agent_tasks.examples: write what the script writer is shown, from the scripts that solve tasks of train.

Input      datasets/agent/tasks/scripts.jsonl: {task, about, script}, written by hand, each run by a test on its task.
Output     dspy_programs/agent/scripts/script_examples.jsonl: {request, about, files, script}, as the script writer sees a task.
"""

import json
import tempfile
from pathlib import Path

from dspy_programs.agent.rules.unsaid import open_value, with_value
from dspy_programs.agent.scripts.files_shown import files_shown
from dspy_programs.agent.scripts.script import EXAMPLES
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.atomic_file import write_atomically
from tests.agent_tasks.tasks import HERE, AgentTask, tasks

_LONGEST = 700  # characters of the files of one example: a small model reads slowly


def scripts() -> dict[str, str]:
    return {row["task"]: row["script"] for row in _rows()}


def _rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in (HERE / "scripts.jsonl").read_text(encoding="utf-8").splitlines()]


def examples() -> str:
    """Return the lines of the file."""
    train = {task.id: task for task in tasks("train")}
    lines = []
    for row in _rows():
        task = train[row["task"]]
        with tempfile.TemporaryDirectory() as folder:
            task.lay_out(Path(folder))
            workspace = Workspace(folder)
            files = files_shown(task.goal, workspace, listed=6, shown=_LONGEST)
            request = _request(task, workspace)
        shown = {"request": request, "about": row["about"], "files": files, "script": row["script"]}
        lines.append(json.dumps(shown, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def _request(task: AgentTask, workspace: Workspace) -> str:
    """Return the goal, and what the user was asked: else an example would show how to make up an answer."""
    if not task.answer:
        return task.goal
    what = open_value(task.goal, workspace)
    return "\n".join([with_value(task.goal, what, task.answer) if what else task.goal, task.answer])


if __name__ == "__main__":
    write_atomically(EXAMPLES, examples())
