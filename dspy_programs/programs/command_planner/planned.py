"""Plan a developer's task by rules: what its words ask for, in their order, with the tools that the context tells of.

Input      task, context: texts.
Output     Planned: the steps, their commands, and what is missing, each as text; the steps of deeds in the order of the task.
Guarantees no command has an argument that neither the task nor the context gives: a word in capitals stands for it, and is
           told. No command that the rules write is dangerous.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.programs.command_planner import git_steps
from dspy_programs.programs.command_planner.asks import ASKS
from dspy_programs.programs.command_planner.clauses import (
    Found,
    how_to,
    is_beside,
    unheard,
    unless_missed,
    unless_reversed,
    unplanned,
)
from dspy_programs.programs.command_planner.deeds import deeds_in
from dspy_programs.programs.command_planner.git_names import Names, names_in
from dspy_programs.programs.command_planner.git_tasks import TASKS
from dspy_programs.programs.command_planner.phrases import asked_in
from dspy_programs.programs.command_planner.plain_tasks import plain_in
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Step
from dspy_programs.programs.command_planner.toolchains import steps_of
from dspy_programs.spelling import spelled_right

_MOST = 8  # steps
_PLACEHOLDER = re.compile(r"(?<![\w$])(BRANCH|TAG|FILE|COMMIT|GOOD|URL|NUMBER|PORT|TEXT|PACKAGE|AUTHOR)\b")
_WHAT = {
    "BRANCH": "the name of the branch",
    "TAG": "the version to tag",
    "FILE": "the file",
    "COMMIT": "the commit",
    "GOOD": "a commit that was good",
    "URL": "the address of the repository",
    "NUMBER": "the number of the pull request",
    "PORT": "the port",
    "TEXT": "the text to look for",
    "AUTHOR": "whose commits",
    "PACKAGE": "the name of the package",
}
_VOCABULARY = (
    "check tests build install dependencies format types coverage documentation release publish start server compile "
    "commit branch "
    "rebase squash stash merge revert discard changes conflict outdated upgrade packages profile debugger linter staged "
    "history"
).split()


_ACTING = frozenset(
    getattr(git_steps, name)
    for name in (
        "commit push merge tag switch new_branch message_amend amend undo discard rename_branch delete_branch delete_tag "
        "squash rebase force_push stash take_out move cherry_pick revert unstage"
    ).split()
)
_LONGEST = 4_000  # characters of a task that are read


class Planned(NamedTuple):
    plan: list[str]
    commands: list[str]
    missing: list[str]


def planned_by_rules(task: str, context: str) -> Planned:
    """See the top of the file."""
    task = task[:_LONGEST]
    project, low, names = Project(context), spelled_right(task, _VOCABULARY), names_in(task)
    kept = list(asked_in(task, low, project, ASKS))
    read = len(kept)
    for found in [*plain_in(low, names, project), *_git(low, names), *deeds_in(low, task, project)]:
        if all(found.end <= one.start or one.end <= found.start for one in kept) and not is_beside(found, low):
            kept.append(found)
    kept = [*kept[:read], *(unless_reversed(found, low, kept) for found in kept[read:])]
    kept = [*kept[:read], *unless_missed(kept[read:], low)]
    kept.sort(key=lambda found: found.start)
    steps = [step for found in kept for step in found.steps]
    steps = [_with_own_tests(step, project) for step in steps]
    steps = list({step.command or step.says: step for step in reversed(steps)}.values())[::-1][:_MOST]
    commands = [step.command for step in steps if step.command]
    lacks = [found.lacks for found in kept if found.lacks]
    lacks += [f"{word}: {_WHAT[word]}" for command in commands for word in _PLACEHOLDER.findall(command)]
    lacks += unheard(low, kept, steps)
    lacks += [how_to(clause) for clause in unplanned(low, kept)] if kept else []
    if not steps and not lacks:
        lacks = ["what to do: the task asks for nothing that the rules know"]
    return Planned([step.says for step in steps], commands, list(dict.fromkeys(lacks)))


def _with_own_tests(step: Step, project: Project) -> Step:
    """Return a search by bisection with the tests of the project."""
    if not step.command.startswith("git bisect run"):
        return step
    tests = steps_of("test", project)
    return step._replace(command=f"git bisect run {tests[-1].command}") if tests else Step(step.says)


def _git(low: str, names: Names) -> Iterator[Found]:
    for pattern, steps in TASKS:
        if match := pattern.search(low):
            yield Found(match.start(), match.end(), steps(names), "", steps in _ACTING)
