"""Rows for code_editor: what a commit's message asks, the files before it, and the tests that came with it."""

import os
import shlex
from collections.abc import Iterator, Sequence

from dspy_programs.code.history.changes import CommitChange
from dspy_programs.code.history.commits import Commit
from dspy_programs.code.history.row import LONGEST, KnownRepository, Row, task_of
from dspy_programs.code.parsing.languages import language_of

PROGRAM = "code_editor"
_MOST_FILES = 4
_LONGEST_TESTS = 2_000  # characters: what code_editor reads of a test's output


def editor_rows(repository: KnownRepository) -> Iterator[Row]:
    for commit, changes in repository.work:
        code = [change for change in changes if _is_code(change) and not change.is_test]
        tests = [change for change in changes if change.is_test and change.after is not None]
        if why := _why_not(code, tests):
            repository.leave_out(PROGRAM, why)
            continue
        command = repository.test_command or own_tests([test.path for test in tests])
        if not command:
            repository.leave_out(PROGRAM, "tests of a language without a known command; --test-cmd names one")
            continue
        yield _row(repository, commit, code, tests, command)


def _row(
    repository: KnownRepository, commit: Commit, code: Sequence[CommitChange], tests: Sequence[CommitChange], command: str
) -> Row:
    python = all(change.path.endswith(".py") for change in code)
    checks = {
        "tests": command,
        "types": "python -m compileall -q ." if python else "",
        "files": {test.path: test.after for test in tests},
        "base": {"repository": os.fspath(repository.folder), "commit": f"{commit.id}^"},
    }
    task = task_of(commit)
    fields = {
        "task": task,
        "feedback": _wanted(tests),
        "code": {change.path: change.before for change in code if change.before is not None},
        "checks": checks,
        "fixed": {change.path: change.after for change in code if change.after is not None},
        "source": "history",
        "version": commit.id,
    }
    return Row(commit.id[:12], commit.when, task, fields)


def _wanted(tests: Sequence[CommitChange]) -> str:
    """Return the lines that the commit adds to the tests: they say what the message leaves open."""
    added = [(test.path, (test.after or "").split("\n"), test.added) for test in tests]
    said = "\n".join(
        f"{path}:\n" + "\n".join(lines[number - 1] for number in numbers) for path, lines, numbers in added if numbers
    )
    return f"These lines of tests are new, and must pass:\n{said}"[:_LONGEST_TESTS]


def _why_not(code: Sequence[CommitChange], tests: Sequence[CommitChange]) -> str:
    if not code:
        return "no code changed"
    if not tests:
        return "no test came with it"
    if all(change.before is None for change in code):
        return "new files only"
    if any(change.after is None for change in code):
        return "deletes files"
    if len(code) > _MOST_FILES or sum(len(change.before or "") for change in code) > LONGEST:
        return f"more than {_MOST_FILES} files or {LONGEST:,} characters to show"
    return ""


def _is_code(change: CommitChange) -> bool:
    return language_of(change.path, (change.after or change.before or "")[:200]) != ""


def own_tests(paths: Sequence[str]) -> str:
    """Return the command that runs some test files, all of one language; "" if there is none."""
    if all(path.endswith(".py") for path in paths):
        found = [path for path in paths if path.rpartition("/")[2].startswith("test") or path.endswith("_test.py")]
        return f"python -m pytest -q {shlex.join(found)}" if found else ""
    if all(path.endswith(".go") for path in paths):
        return f"go test {shlex.join(sorted({'./' + path.rpartition('/')[0] for path in paths}))}"
    return ""
