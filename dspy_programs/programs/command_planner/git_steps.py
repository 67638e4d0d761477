"""The steps of what developers do with git: the safe way first, and nothing that throws work away.

A name that the task does not say stands as a word in capitals.
"""

import re
from collections.abc import Callable

from dspy_programs.programs.command_planner.git_names import Names
from dspy_programs.programs.command_planner.step import Step


def _message(names: Names) -> str:
    return f' -m "{names.message}"' if names.message and not re.search(r'["\\$`!]', names.message) else ""


def commit(names: Names) -> list[Step]:
    add = f"git add {names.path}" if names.path else "git add --all"
    return [
        Step("look at what has changed", "git status --short"),
        Step("stage the changes", add),
        Step("commit them", f"git commit{_message(names)}"),
    ]


def new_branch(names: Names) -> list[Step]:
    base = (
        [Step(f"start from an up-to-date {names.onto}", f"git switch {names.onto} && git pull --ff-only")] if names.onto else []
    )
    return [*base, Step("create the branch and switch to it", f"git switch -c {names.branch or 'BRANCH'}")]


def switch(names: Names) -> list[Step]:
    return [Step("switch to the branch", f"git switch {names.branch or names.onto or 'BRANCH'}")]


def undo(names: Names) -> list[Step]:
    return [
        Step("take back the commit and keep its changes staged", f"git reset --soft HEAD~{names.number}"),
        Step("look at the changes", "git status"),
    ]


def discard(names: Names) -> list[Step]:
    if names.path:
        return [
            Step("look at what would be lost", f"git diff {names.path}"),
            Step("put the file back", f"git restore {names.path}"),
        ]
    return [
        Step("look at what would be lost", "git status --short"),
        Step("put all changes aside, so that they can be had back", "git stash push --include-untracked"),
        Step("drop them once you are sure: git stash drop"),
    ]


def stash(names: Names) -> list[Step]:
    what = f" -- {names.path}" if names.path else " --include-untracked"
    return [
        Step(
            "put the changes aside",
            f"git stash push{_message(names)}{what}" if names.path else f"git stash push{what}{_message(names)}",
        )
    ]


def push(names: Names) -> list[Step]:
    return [Step("push the branch", f"git push -u origin {names.branch or 'HEAD'}")]


def force_push(names: Names) -> list[Step]:
    return [
        Step("see what others have pushed", "git fetch origin"),
        Step("push, but not over commits of others", "git push --force-with-lease"),
    ]


def rebase(names: Names) -> list[Step]:
    base = names.onto or names.branch or "main"
    return [
        Step("fetch the latest commits", "git fetch origin"),
        Step(f"put your commits on top of {base}", f"git rebase origin/{base}"),
        Step("on a conflict: edit the files, git add them, git rebase --continue"),
    ]


def squash(names: Names) -> list[Step]:
    count = names.number if names.number > 1 else 0
    where = f"HEAD~{count}" if count else f"$(git merge-base HEAD {names.onto or 'main'})"
    return [
        Step("take the commits back and keep their changes staged", f"git reset --soft {where}"),
        Step("commit them as one", f"git commit{_message(names)}"),
    ]


def merge(names: Names) -> list[Step]:
    return [
        Step("fetch the latest commits", "git fetch origin"),
        Step("merge them", f"git merge origin/{names.onto or names.branch or 'main'}"),
        Step("on a conflict: edit the files, git add them, git commit"),
    ]


def tag(names: Names) -> list[Step]:
    tag = names.version or "TAG"
    return [
        Step("tag the commit", f"git tag -a {tag}{_message(names) or f' -m {tag}'}"),
        Step("push the tag", f"git push origin {tag}"),
    ]


def history(names: Names) -> list[Step]:
    where = f" -- {names.path}" if names.path else ""
    follow = " --follow" if names.path and not names.path.endswith("/") else ""
    count = f" -{names.number}" if names.number > 1 else ""
    shape = " --patch" if names.with_diffs else " --oneline"
    return [Step("show the commits, the latest first", f"git log{shape}{count}{follow}{where}")]


def recent(names: Names) -> list[Step]:
    where = f" -- {names.path}" if names.path else ""
    return [Step("show what was committed lately, with the files", f'git log --since="1 week ago" --stat{where}')]


def blame(names: Names) -> list[Step]:
    return [Step("show who wrote each line, and in which commit", f"git blame {names.path or 'FILE'}")]


def bisect(names: Names) -> list[Step]:
    good = names.version or names.commit or "GOOD"
    return [
        Step("start the search: this commit is bad", "git bisect start && git bisect bad"),
        Step("name a commit that was good", f"git bisect good {good}"),
        Step("test each commit that git checks out, and say which it is", "git bisect run python -m pytest -x"),
        Step("end the search", "git bisect reset"),
    ]


def diff(names: Names) -> list[Step]:
    where = f" -- {names.path}" if names.path else ""
    against = f" origin/{names.onto}...HEAD" if names.onto else f" {names.version}..HEAD" if names.version else ""
    return [Step("show the differences", f"git diff{against}{where}")]


def cherry_pick(names: Names) -> list[Step]:
    return [Step("take the commit over", f"git cherry-pick {names.commit or 'COMMIT'}")]


def revert(names: Names) -> list[Step]:
    return [Step("make a commit that undoes it", f"git revert {names.commit or 'HEAD'}")]


def delete_branch(names: Names) -> list[Step]:
    name = names.branch or "BRANCH"
    return [
        Step("delete the branch if it is merged", f"git branch -d {name}"),
        Step(f"delete it on the remote, if nobody needs it: git push origin --delete {name}"),
    ]


def rename_branch(names: Names) -> list[Step]:
    return [Step("rename the current branch", f"git branch -m {names.branch or 'BRANCH'}")]


def amend(names: Names) -> list[Step]:
    return [
        Step("stage what belongs to it", f"git add {names.path or '--update'}"),
        Step("put it into the last commit", "git commit --amend --no-edit"),
    ]


def message_amend(names: Names) -> list[Step]:
    return [Step("change the message of the last commit", f"git commit --amend{_message(names)}")]


def unstage(names: Names) -> list[Step]:
    return [Step("take it out of the next commit, and keep the changes", f"git restore --staged {names.path or '.'}")]


def fixed(*steps: tuple[str, str]) -> Callable[[Names], list[Step]]:
    return lambda names: [Step(*step) for step in steps]


def by_author(names: Names) -> list[Step]:
    return [Step("show the commits of this author", f"git log --oneline --author={names.author or 'AUTHOR'}{names.since}")]


def from_branch(names: Names) -> list[Step]:
    return [
        Step("put the file as it is on that branch", f"git restore --source {names.onto or 'main'} -- {names.path or 'FILE'}")
    ]


def show(names: Names) -> list[Step]:
    return [Step("show the commit with its changes", f"git show {names.commit or 'COMMIT'}")]


def delete_tag(names: Names) -> list[Step]:
    tag = names.version or "TAG"
    return [
        Step("delete the tag", f"git tag -d {tag}"),
        Step(f"delete it on the remote, if nobody needs it: git push origin --delete {tag}"),
    ]


def take_out(names: Names) -> list[Step]:
    return [
        Step("take the commit back and keep its changes staged", "git reset --soft HEAD~1"),
        Step("take the file out of it", f"git restore --staged {names.path or 'FILE'}"),
        Step("commit the rest with the same message", "git commit -C ORIG_HEAD"),
        Step("if it was pushed and is a secret, change the secret: others may have it"),
    ]


def move(names: Names) -> list[Step]:
    name = names.branch or "BRANCH"
    return [
        Step("keep the commits on a new branch", f"git branch {name}"),
        Step("take them off this one; uncommitted changes stay", f"git reset --keep HEAD~{names.number}"),
        Step("switch to the new branch", f"git switch {name}"),
    ]
