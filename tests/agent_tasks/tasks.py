"""The tasks of datasets/agent/tasks: read them, lay out a workspace, say what is missing from the end state.

Input      split: "train" or "test".
Output     tasks(split) -> list[AgentTask], in the file's order; task.faults(...) -> reasons, [] where the task is solved.
Raises     DatasetError with the line for a row that is not as it must be.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.agent.checking.checks import Check, unmet
from dspy_programs.errors import DatasetError, first_fault

HERE = Path(__file__).resolve().parent.parent.parent / "datasets" / "agent" / "tasks"
_SECONDS = 20  # of a checking command


class AgentTask(BaseModel):
    """One task.

    expects   done: the checks hold; question: something must be asked, and with `answer` the checks hold;
              refusal: the run must not say that it completed, and the checks hold
    solution  the files of a right end state that differ; None for one that is gone. No agent is shown it
    says      for a goal that only asks something: what must be true of the run's answer, looked at as a file
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: str
    size: Literal["small", "medium", "large"]
    language: Literal["en", "de"]
    goal: str
    files: dict[str, str]
    checks: list[Check]
    expects: Literal["done", "question", "refusal"]
    answer: str
    solution: dict[str, str | None]
    says: list[Check] = []

    def lay_out(self, root: Path) -> None:
        lay_out(self.files, root)

    def faults(self, root: Path, claimed: bool, questions: Sequence[str], said: str = "") -> list[str]:
        """Return why a run did not solve the task.

        claimed: whether it says that it is done; questions: what it asked; said: its answer.
        """
        found = [reason for check in self.checks if (reason := unmet(check, Folder(root), self.files))]
        if self.expects == "question" and not questions:
            found.append("it did not ask")
        if self.expects == "refusal" and claimed:
            found.append("it says that it did what cannot be done")
        return found + [reason for check in self.says if (reason := unmet(check, _Said(said)))]

    def changed(self, root: Path) -> dict[str, str | None]:
        """Return the files that are new or other than before; None for one that is gone."""
        now = {str(path.relative_to(root)): path.read_text(errors="replace") for path in root.rglob("*") if path.is_file()}
        gone = dict.fromkeys(path for path in self.files if path not in now)
        return {path: text for path, text in now.items() if text != self.files.get(path)} | gone


class Folder:
    """A workspace as the checks look at it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> str | None:
        file = self.root / path
        return file.read_bytes().decode() if file.is_file() else None

    def run(self, command: str) -> tuple[int, str]:
        """Run it by this very Python, in English, without a network's or a user's settings."""
        given = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=self.root,
                env=given,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return 124, f"no end within {_SECONDS} seconds"
        return done.returncode, done.stdout + done.stderr


class _Said:
    """What a run answers, as the checks look at a file."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, path: str) -> str:
        return self.text

    def run(self, command: str) -> tuple[int, str]:
        raise NotImplementedError(command)


def tasks(split: str, folder: Path = HERE) -> list[AgentTask]:
    found = []
    path = folder / f"{split}.jsonl"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(AgentTask.model_validate(json.loads(line)))
        except ValidationError as error:
            raise DatasetError(f"{path}:{number}: {first_fault(error, 'row')}") from error
        except ValueError as error:
            raise DatasetError(f"{path}:{number}: not JSON: {error}") from error
    return found


def lay_out(files: Mapping[str, str | None], root: Path) -> None:
    for path, content in files.items():
        if content is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content.encode())
