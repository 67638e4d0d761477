"""Rows for command_planner: what a commit's message asks, the files that there are, and which of them it changed and tested."""

import random
from collections.abc import Iterator, Sequence

from dspy_programs.code.history.changes import CommitChange, touched
from dspy_programs.code.history.commits import Commit
from dspy_programs.code.history.editor_rows import own_tests
from dspy_programs.code.history.row import KnownRepository, Row, share_a_word, task_of
from dspy_programs.code.parsing.languages import language_of

PROGRAM = "command_planner"
_SHORT = 8  # characters of a name that many files have, such as index.js and main.go
_MOST_FILES = 3
_BESIDE = (4, 2, 1)  # files of each folder that were not changed: as many as there is room for
_AT_THE_TOP = 4  # files there
_DEFINED, _CHANGED = 5, 2  # names of a file; of these, of what was changed
_LONGEST = 1_600  # characters of a context: what command_planner reads
_RUNNERS = {
    "python": "pytest|unittest|tox|nox|runtests",
    "go": "go test",
    "rust": "cargo test",
    "javascript": "npm|node|npx|yarn",
    "c": "make",
}
_RUNNERS |= {"typescript": _RUNNERS["javascript"], "java": "mvn|gradle", "ruby": "rake|rspec", "php": "phpunit"}


def planner_rows(repository: KnownRepository) -> Iterator[Row]:
    for commit, changes in repository.work:
        task = task_of(commit)
        code = [change for change in changes if not change.is_test and language_of(change.path)]
        tests = [change for change in changes if change.is_test and change.after is not None]
        if any(change.path.endswith(".py") for change in code):
            tests = [test for test in tests if own_tests([test.path])]
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
        shown = (_context(repository, commit, changes, beside) for beside in _BESIDE)
        context = next((text for text in shown if len(text) <= _LONGEST), None)
        if context is None:
            repository.leave_out(PROGRAM, f"more than {_LONGEST:,} characters to show")
            continue
        fields = {
            "task": task,
            "context": context,
            "plan_keywords": [_either(change.path) for change in code],
            "commands_keywords": [runner, *(_or_folder(path) for path in [tests[0].path] if own_tests([path]))],
            "topic": "change",
        }
        yield Row(commit.id[:12], commit.when, task, fields)


def _context(repository: KnownRepository, commit: Commit, changes: Sequence[CommitChange], most: int) -> str:
    """Return what command_planner is told of a repository: files, the changed ones among others of their folders, and what is
    defined in them."""
    draw = random.Random(commit.id)
    names = dict[str, list[str]]()
    for change in changes:
        if language_of(change.path):
            changed = [symbol.name for symbol in touched(change)][:_CHANGED]
            names[change.path] = _some([name for name in repository.names(change.path) if name not in changed], draw, changed)
    for folder in sorted({path.rpartition("/")[0] for path in names}):
        others = [path for path in repository.files.get(folder, ()) if path not in names]
        names |= {path: _some(repository.names(path), draw) for path in draw.sample(others, min(most, len(others)))}
    lines = [f"files: {' '.join([*repository.files.get('', ())[:_AT_THE_TOP], *sorted(names)])}"]
    for path, found in sorted(names.items()):
        lines.append(f"{path}: {', '.join(found)}" if found else "")
    return "\n".join(filter(None, lines))


def _some(names: Sequence[str], draw: random.Random, given: Sequence[str] = ()) -> list[str]:
    """Return some names of a file, the given ones among them, in an order that does not tell which."""
    every = list(dict.fromkeys(names))
    return sorted({*given, *draw.sample(every, min(_DEFINED - len(given), len(every)))})


def _either(path: str) -> str:
    """Return a file, or its name without the folder."""
    name = path.rpartition("/")[2]
    return f"{path}|{name}" if name != path and len(name) > _SHORT else path


def _or_folder(path: str) -> str:
    """Return a file of tests, or its folder: running more of them is right too."""
    folder = path.rpartition("/")[0]
    return "|".join(filter(None, [path, folder, folder and f"{folder}/"]))
