"""An editor that answers from a list, and folders for it to edit."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from dspy_programs.edits import Edit

CART = "def total(items):\n    return sum(items)\n\n\ndef count(items):\n    return len(items)\n"


@dataclass
class Answer:
    edits: list[Edit]
    answered_by: str = "model"


class Scripted:
    """Gives one answer after the other, and keeps what it was asked; `meanwhile` happens while it thinks."""

    def __init__(self, *answers, meanwhile=lambda: None):
        self.answers, self.asked, self.meanwhile = list(answers), [], meanwhile

    def __call__(self, task, code, feedback=""):
        self.asked.append((task, dict(code), feedback))
        self.meanwhile()
        return Answer([Edit(path=path, old=old, new=new) for path, old, new in self.answers.pop(0)])


def held(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all files of a folder, those of git left out, with their modes."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True).stdout
