"""Every wording that the page about the agent lists works without a model, in a folder of its own."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from tests.dspy_programs.agent.scopes import workspace_of

PAGE = Path(__file__).parents[4] / "docs" / "tools" / "agent.md"
SECTION = PAGE.read_text(encoding="utf-8").partition("\n## Without a model\n")[2].partition("\n## ")[0]
FILES = {
    "notes.txt": "Bring the projector.\nCall Anna.\nTODO: book a room\n",
    "todo.md": "- [ ] buy milk\n- [x] call Bob\n",
    "config.json": '{"debug": true, "db": {"host": "localhost", "port": 5432}}',
    "app.ini": "[main]\nport = 80\n",
    "src/app.py": "def total(values):\n    return sum(values)\n\n\nprint(total([1, 2]))\n",
    "src/test_app.py": "def test_sum():\n    assert sum([1]) == 1\n",
    "logs/a.log": "a\n",
    "logs/b.log": "b\n",
    "docs/guide.md": "Guide\n",
}


def listed(kind: str) -> list[str]:
    table = SECTION.partition(f"| {kind} | Say |\n|---|---|\n")[2].partition("\n\n")[0]
    return re.findall(r"`([^`]+)`", table)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    workspace_of(folder, FILES)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    (folder / "todo.md").write_text(FILES["todo.md"] + "- [ ] new\n")
    return folder


@pytest.fixture
def workspace(tmp_path, repository):
    return Workspace(shutil.copytree(repository, tmp_path / "w"))


def files_of(workspace):
    found = {each.path: each.kind for each in workspace.walk() if "cache" not in each.path}
    return {path: workspace.text(path) if kind == "file" else kind for path, kind in found.items()}


def test_the_page_lists_them():
    assert len(listed("Shown")) > 20 and len(listed("Changed")) > 30


@pytest.mark.skipif(not sandbox.works(), reason="commands are asked about without a sandbox")
@pytest.mark.parametrize("goal", listed("Shown"))
def test_what_is_shown_is_the_answer(workspace, goal):
    before = files_of(workspace)
    result = Agent(workspace=workspace).run(goal)
    assert result.completed and result.cost.model_calls == 0, result.why
    assert result.answer.strip() and "[no match" not in result.answer and files_of(workspace) == before


@pytest.mark.skipif(not sandbox.works(), reason="commands are asked about without a sandbox")
@pytest.mark.parametrize("goal", listed("Changed"))
def test_what_is_changed_is_changed(workspace, goal):
    before = files_of(workspace)
    result = Agent(workspace=workspace, ask=lambda question: "yes" if "it deletes" in question else None).run(goal)
    assert result.completed and result.cost.model_calls == 0, result.why
    assert files_of(workspace) != before
