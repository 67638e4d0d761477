"""Rows for command_planner: what a commit's message asks, the files that there are, and which of them it changed and tested."""

import random
from collections.abc import Iterator, Sequence

from dspy_programs.code.history.changes import Change, touched
from dspy_programs.code.history.commits import Commit
from dspy_programs.code.history.editor_rows import own_tests
from dspy_programs.code.history.row import Repository, Row, share_a_word, task_of
from dspy_programs.code.parsing.languages import language_of

PROGRAM = "command_planner"
_SHORT = 8  # characters of a name that many files have, such as index.js and main.go
_MOST_FILES = 3
_BESIDE = 6  # files of each folder that were not changed
_RUNNERS = {
    "python": "pytest|unittest|tox|nox|runtests",
    "go": "go test",
    "rust": "cargo test",
    "javascript": "npm|node|npx|yarn",
    "c": "make",
}
_RUNNERS |= {"typescript": _RUNNERS["javascript"], "java": "mvn|gradle", "ruby": "rake|rspec", "php": "phpunit"}


def planner_rows(repository: Repository) -> Iterator[Row]:
    for commit, changes in repository.work:
        task = task_of(commit)
        code = [change for change in changes if not change.is_test and language_of(change.path)]
        tests = [change for change in changes if change.is_test and change.after is not None]
        languages = {language_of(change.path) for change in code}
        if len(code) > _MOST_FILES:
            repository.leave_out(PROGRAM, f"more than {_MOST_FILES} files of code")
            continue
        if not code or not tests or len(languages) != 1 or not (runner := _RUNNERS.get(languages.pop())):
            repository.leave_out(PROGRAM, "no code with a test changed")
            continue
        named = [change.path for change in code] + [symbol.name for change in code for symbol in touched(change)]
        if not share_a_word(task, named):
            repository.leave_out(PROGRAM, "the message speaks of nothing that changed")
            continue
        fields = {
            "task": task,
            "context": _context(repository, commit, changes),
            "plan_keywords": [_either(change.path) for change in code],
            "commands_keywords": [runner, *(_either(path) for path in [tests[0].path] if own_tests([path]))],
        }
        yield Row(commit.id[:12], commit.when, task, fields)


def _context(repository: Repository, commit: Commit, changes: Sequence[Change]) -> str:
    """Return the changed files with the definitions that they have, among others of their folders, in the order of names."""
    lines = {change.path: list(dict.fromkeys(symbol.name for symbol in touched(change)))[:12] for change in changes}
    draw = random.Random(commit.id)
    for folder in {change.path.rpartition("/")[0] for change in changes}:
        beside = [path for path in repository.files.get(folder, ()) if path not in lines]
        lines |= {path: repository.names(path)[:12] for path in draw.sample(beside, min(_BESIDE, len(beside)))}
    return "\n".join(f"{path}: {', '.join(names)}" if names else path for path, names in sorted(lines.items()))


def _either(path: str) -> str:
    """Return a file, or its name without the folder."""
    name = path.rpartition("/")[2]
    return f"{path}|{name}" if name != path and len(name) > _SHORT else path
