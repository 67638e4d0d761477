"""python -m tests.agent_tasks.examples: write what the script writer is shown, from the scripts that solve tasks of train.

Input      datasets/agent/tasks/scripts.jsonl: {task, script}, written by hand, each run by a test on its task.
Output     dspy_programs/agent/script_examples.jsonl: {request, files, script}, as the script writer sees a task.
"""

import json
import tempfile
from pathlib import Path

from dspy_programs.agent.files_shown import files_shown
from dspy_programs.agent.script import EXAMPLES
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.atomic_file import write_atomically
from tests.agent_tasks.tasks import HERE, tasks

_LONGEST = 700  # characters of the files of one example: a small model reads slowly


def scripts() -> dict[str, str]:
    lines = (HERE / "scripts.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["task"]: line["script"] for line in map(json.loads, lines)}


def examples() -> str:
    """Return the lines of the file."""
    train = {task.id: task for task in tasks("train")}
    lines = []
    for task_id, script in scripts().items():
        task = train[task_id]
        with tempfile.TemporaryDirectory() as folder:
            task.lay_out(Path(folder))
            files = files_shown(task.goal, Workspace(folder), listed=6, shown=_LONGEST)
        lines.append(json.dumps({"request": task.goal, "files": files, "script": script}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_atomically(EXAMPLES, examples())
