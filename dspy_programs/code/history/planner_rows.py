"""Rows for command_planner: what a commit's message asks, the files that there are, and which of them it changed and tested."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from dspy_programs.code.history.changes import Change, touched
from dspy_programs.code.history.editor_rows import own_tests
from dspy_programs.code.history.row import Repository, Row, share_a_word, task_of
from dspy_programs.code.parsing.languages import language_of

PROGRAM = "command_planner"
_MOST_KEYWORDS = 4
_RUNNERS = {"python": "pytest|unittest", "go": "go test", "rust": "cargo test", "javascript": "npm|node|npx|yarn", "c": "make"}
_RUNNERS |= {"typescript": _RUNNERS["javascript"], "java": "mvn|gradle", "ruby": "rake|rspec", "php": "phpunit"}


def planner_rows(repository: Repository) -> Iterator[Row]:
    for commit, changes in repository.work:
        task = task_of(commit)
        code = [change for change in changes if not change.is_test and language_of(change.path)]
        tests = [change for change in changes if change.is_test and change.after is not None]
        languages = {language_of(change.path) for change in code}
        if not code or not tests or len(languages) != 1 or not (runner := _RUNNERS.get(languages.pop())):
            repository.leave_out(PROGRAM, "no code with a test changed")
            continue
        named = [change.path for change in code] + [symbol.name for change in code for symbol in touched(change)]
        if not share_a_word(task, named):
            repository.leave_out(PROGRAM, "the message speaks of nothing that changed")
            continue
        fields = {
            "task": task,
            "context": _context(changes),
            "plan_keywords": _plan_keywords(code),
            "commands_keywords": [runner, *(_either(path) for path in [tests[0].path] if own_tests([path]))],
        }
        yield Row(commit.id[:12], commit.when, task, fields)


def _context(changes: Sequence[Change]) -> str:
    """Return the changed files with the definitions that they have; sorted, so that their order tells nothing."""
    lines = []
    for change in sorted(changes, key=lambda change: change.path):
        names = list(dict.fromkeys(symbol.name for symbol in touched(change)))[:12]
        lines.append(f"{change.path}: {', '.join(names)}" if names else change.path)
    return "\n".join(lines)


def _plan_keywords(code: Sequence[Change]) -> list[str]:
    return [_either(change.path) for change in code][:_MOST_KEYWORDS]


def _either(path: str) -> str:
    """Return a file, or the name that one calls it by."""
    stem = PurePosixPath(path).stem
    return f"{path}|{stem}" if len(stem) > 3 else path
