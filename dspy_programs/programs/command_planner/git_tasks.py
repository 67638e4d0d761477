"""What developers do with git, by the words of a task: the safe way first, and nothing that throws work away.

Output     steps with commands; a name that the task does not say stands as a word in capitals and is told as missing.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from dspy_programs.programs.command_planner.step import Step

_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`")
_PATH = re.compile(r"(?<![\w/])(?:[\w.-]+/)*[\w-]+\.[A-Za-z]{1,5}\b|(?<![\w/])(?:[\w.-]+/)+[\w.-]*")
_HASH = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b")
_VERSION = re.compile(r"\bv?\d+\.\d+(?:\.\d+)?(?:[-.]?(?:rc|a|b|alpha|beta)\.?\d*)?\b")
_BRANCH = re.compile(
    r"\bbranch (?:called |named )?(?!(?:called|named|and|for|to|from|is|with|that|of|in|on|by|into|onto|first|"
    r"again|name)\b)(\w[\w./-]*)"
    r"|\b(?:the |my |our )?([\w./-]*[/_-][\w./-]+|main|master|develop|dev|trunk) branch\b|\bcall(?:ed)? it (\w[\w./-]*)|"
    r"\bbranch to (\w[\w./-]*)"
)
_ONTO = re.compile(
    r"\b(?:onto|on top of|from|with|into|to|off|against|and|checkout|check out|on)\s+(?:the |latest |origin/|"
    r"upstream/)*(main|master|develop|dev|trunk)\b"
)
_COUNT = re.compile(
    r"\b(?:last|latest|past|previous|my) (\d+|two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|\b(\d+|two|three|four|five|six|seven|eight|nine|ten) (?:last|latest|newest|most recent)\b"
)
_NUMBERS = "zero one two three four five six seven eight nine ten".split()
_NOT_A_NAME = frozenset("a an the new my this that it current other wrong right feature remote local same".split())


class Names(NamedTuple):
    """What a task names."""

    message: str
    path: str
    branch: str
    onto: str
    commit: str
    version: str
    number: int
    with_diffs: bool
    author: str
    since: str


def names_in(task: str) -> Names:
    quoted = next((next(filter(None, groups)) for groups in _QUOTED.findall(task)), "")
    branch = next((name for groups in _BRANCH.findall(task) for name in groups if name and name.lower() not in _NOT_A_NAME), "")
    branch = branch.rstrip(".")
    if quoted and not branch and " " not in quoted and "branch" in task.lower():
        branch = quoted
    path = next(
        (
            path
            for path in _PATH.findall(task)
            if not _VERSION.fullmatch(path) and path != branch and not path.startswith("origin/")
        ),
        "",
    )
    onto = _ONTO.search(task.lower())
    count = _COUNT.search(task.lower())
    said = (count[1] or count[2]) if count else "one"
    number = int(said) if said.isdigit() else _NUMBERS.index(said)
    commit, version = _HASH.search(task), _VERSION.search(task)
    author = re.search(r"\b(?:did|has|have) (?!we\b|i\b|you\b)(\w+) |\bcommits (?:by|of|from) (\w+)", task)
    since = re.search(r"\b(?:last|past|this) (day|week|month|year)\b", task.lower())
    return Names(
        quoted,
        path.rstrip("."),
        branch,
        onto[1] if onto else "",
        commit[0] if commit else "",
        version[0] if version else "",
        number,
        author=author[1] or author[2] if author else "",
        since=f' --since="1 {since[1]} ago"' if since else "",
        with_diffs=re.search(r"\bdiffs?\b|\bpatch(?:es)?\b", task.lower()) is not None,
    )


def _message(names: Names) -> str:
    return f' -m "{names.message}"' if names.message and not re.search(r'["\\$`!]', names.message) else ""


def _commit(names: Names) -> list[Step]:
    add = f"git add {names.path}" if names.path else "git add --all"
    return [
        Step("look at what has changed", "git status --short"),
        Step("stage the changes", add),
        Step("commit them", f"git commit{_message(names)}"),
    ]


def _new_branch(names: Names) -> list[Step]:
    base = (
        [Step(f"start from an up-to-date {names.onto}", f"git switch {names.onto} && git pull --ff-only")] if names.onto else []
    )
    return [*base, Step("create the branch and switch to it", f"git switch -c {names.branch or 'BRANCH'}")]


def _switch(names: Names) -> list[Step]:
    return [Step("switch to the branch", f"git switch {names.branch or names.onto or 'BRANCH'}")]


def _undo(names: Names) -> list[Step]:
    return [
        Step("take back the commit and keep its changes staged", f"git reset --soft HEAD~{names.number}"),
        Step("look at the changes", "git status"),
    ]


def _discard(names: Names) -> list[Step]:
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


def _stash(names: Names) -> list[Step]:
    what = f" -- {names.path}" if names.path else " --include-untracked"
    return [
        Step(
            "put the changes aside",
            f"git stash push{_message(names)}{what}" if names.path else f"git stash push{what}{_message(names)}",
        )
    ]


def _push(names: Names) -> list[Step]:
    return [Step("push the branch", f"git push -u origin {names.branch or 'HEAD'}")]


def _force_push(names: Names) -> list[Step]:
    return [
        Step("see what others have pushed", "git fetch origin"),
        Step("push, but not over commits of others", "git push --force-with-lease"),
    ]


def _rebase(names: Names) -> list[Step]:
    base = names.onto or names.branch or "main"
    return [
        Step("fetch the latest commits", "git fetch origin"),
        Step(f"put your commits on top of {base}", f"git rebase origin/{base}"),
        Step("on a conflict: edit the files, git add them, git rebase --continue"),
    ]


def _squash(names: Names) -> list[Step]:
    count = names.number if names.number > 1 else 0
    where = f"HEAD~{count}" if count else f"$(git merge-base HEAD {names.onto or 'main'})"
    return [
        Step("take the commits back and keep their changes staged", f"git reset --soft {where}"),
        Step("commit them as one", f"git commit{_message(names)}"),
    ]


def _merge(names: Names) -> list[Step]:
    return [
        Step("fetch the latest commits", "git fetch origin"),
        Step("merge them", f"git merge origin/{names.onto or names.branch or 'main'}"),
        Step("on a conflict: edit the files, git add them, git commit"),
    ]


def _tag(names: Names) -> list[Step]:
    tag = names.version or "TAG"
    return [
        Step("tag the commit", f"git tag -a {tag}{_message(names) or f' -m {tag}'}"),
        Step("push the tag", f"git push origin {tag}"),
    ]


def _history(names: Names) -> list[Step]:
    where = f" -- {names.path}" if names.path else ""
    follow = " --follow" if names.path and not names.path.endswith("/") else ""
    count = f" -{names.number}" if names.number > 1 else ""
    shape = " --patch" if names.with_diffs else " --oneline"
    return [Step("show the commits, the latest first", f"git log{shape}{count}{follow}{where}")]


def _recent(names: Names) -> list[Step]:
    where = f" -- {names.path}" if names.path else ""
    return [Step("show what was committed lately, with the files", f'git log --since="1 week ago" --stat{where}')]


def _blame(names: Names) -> list[Step]:
    return [Step("show who wrote each line, and in which commit", f"git blame {names.path or 'FILE'}")]


def _bisect(names: Names) -> list[Step]:
    good = names.version or names.commit or "GOOD"
    return [
        Step("start the search: this commit is bad", "git bisect start && git bisect bad"),
        Step("name a commit that was good", f"git bisect good {good}"),
        Step("test each commit that git checks out, and say which it is", "git bisect run python -m pytest -x"),
        Step("end the search", "git bisect reset"),
    ]


def _diff(names: Names) -> list[Step]:
    where = f" -- {names.path}" if names.path else ""
    against = f" origin/{names.onto}...HEAD" if names.onto else f" {names.version}..HEAD" if names.version else ""
    return [Step("show the differences", f"git diff{against}{where}")]


def _cherry_pick(names: Names) -> list[Step]:
    return [Step("take the commit over", f"git cherry-pick {names.commit or 'COMMIT'}")]


def _revert(names: Names) -> list[Step]:
    return [Step("make a commit that undoes it", f"git revert {names.commit or 'HEAD'}")]


def _delete_branch(names: Names) -> list[Step]:
    name = names.branch or "BRANCH"
    return [
        Step("delete the branch if it is merged", f"git branch -d {name}"),
        Step("delete it on the remote", f"git push origin --delete {name}"),
    ]


def _rename_branch(names: Names) -> list[Step]:
    return [Step("rename the current branch", f"git branch -m {names.branch or 'BRANCH'}")]


def _amend(names: Names) -> list[Step]:
    return [
        Step("stage what belongs to it", f"git add {names.path or '--update'}"),
        Step("put it into the last commit", "git commit --amend --no-edit"),
    ]


def _message_amend(names: Names) -> list[Step]:
    return [Step("change the message of the last commit", f"git commit --amend{_message(names)}")]


def _unstage(names: Names) -> list[Step]:
    return [Step("take it out of the next commit, and keep the changes", f"git restore --staged {names.path or '.'}")]


def _fixed(*steps: tuple[str, str]) -> Callable[[Names], list[Step]]:
    return lambda names: [Step(*step) for step in steps]


_LAST = r"(?:the |my |that |our )?(?:very )?(?:last|latest|previous|recent)"


def _by_author(names: Names) -> list[Step]:
    return [Step("show the commits of this author", f"git log --oneline --author={names.author or 'AUTHOR'}{names.since}")]


def _from_branch(names: Names) -> list[Step]:
    return [
        Step("put the file as it is on that branch", f"git restore --source {names.onto or 'main'} -- {names.path or 'FILE'}")
    ]


def _show(names: Names) -> list[Step]:
    return [Step("show the commit with its changes", f"git show {names.commit or 'COMMIT'}")]


def _take_out(names: Names) -> list[Step]:
    return [
        Step("take the commit back and keep its changes staged", "git reset --soft HEAD~1"),
        Step("take the file out of it", f"git restore --staged {names.path or 'FILE'}"),
        Step("commit the rest with the same message", "git commit -C ORIG_HEAD"),
        Step("if it was pushed and is a secret, change the secret: others may have it"),
    ]


def _move(names: Names) -> list[Step]:
    name = names.branch or "BRANCH"
    return [
        Step("keep the commits on a new branch", f"git branch {name}"),
        Step("take them off this one; uncommitted changes stay", f"git reset --keep HEAD~{names.number}"),
        Step("switch to the new branch", f"git switch {name}"),
    ]


TASKS: tuple[tuple[re.Pattern[str], Callable[[Names], list[Step]]], ...] = tuple(
    (re.compile(pattern), steps)
    for pattern, steps in (
        (
            r"\b(?:undo|revert|take back) (?:the |my )?(?:last |latest )?push(?:ed commits?)?\b",
            _fixed(
                ("make a commit that undoes the last one", "git revert HEAD"), ("push it, so that others get it", "git push")
            ),
        ),
        (r"\b(?:show|see|look at|view|print)\b.{0,25}\bcommit [0-9a-f]{7,40}\b", _show),
        (
            r"\bcontinue (?:the |this |my )?rebase\b",
            _fixed(("mark the conflicts as resolved", "git add --update"), ("go on", "git rebase --continue")),
        ),
        (
            r"\bwhat(?:'s| is) in (?:the |my )?stash\b|\b(?:list|show)\b.{0,12}\bstash(?:es)?\b",
            _fixed(("list what is stashed", "git stash list")),
        ),
        (r"\b(?:restore|take|get|bring back)\b.{0,40}\bfrom (?:the )?(?:main|master|develop)\b", _from_branch),
        (
            r"\b(?:abort|cancel|stop|quit) (?:the |this |my )?rebase\b",
            _fixed(("end the rebase; all is as before it", "git rebase --abort")),
        ),
        (
            r"\b(?:abort|cancel|stop|quit) (?:the |this |my )?merge\b",
            _fixed(("end the merge; all is as before it", "git merge --abort")),
        ),
        (
            r"\b(?:what|which commits) (?:did|has|have) (?!i\b|we\b|you\b)\w+ (?:commit|write|do|change|add)\w*\b|"
            r"\bcommits (?:by|of|"
            r"from) [a-z]+\b(?! \S*[./])",
            _by_author,
        ),
        (
            r"\b(?:show|see|look at|view|print)\b.{0,8}\b(?:the |my )?(?:last|latest|previous) commit$",
            _fixed(("show the last commit with its changes", "git show HEAD")),
        ),
        (
            r"\b(?:which|what|list|show)\b.{0,12}\b(?:the )?branches\b(?!.*merged)",
            _fixed(("list the branches, the latest first", "git branch --all --sort=-committerdate")),
        ),
        (
            r"\b(?:sync|update|bring)\b.{0,15}\bfork\b|\bup to date with upstream\b",
            _fixed(("fetch what upstream has", "git fetch upstream"), ("merge it", "git merge upstream/main")),
        ),
        (r"\b(?:start (?:over|clean)|go back|return)\b.{0,30}\b(?:from|to|at) (?:the )?last commit\b", _discard),
        (
            r"\b(?:take|remove|get) \S+ out of (?:the |my )?(?:last |previous )?commit\b|\bremove \S+ from (?:the |my "
            r")?(?:last |previous )?commit\b"
            r"|\baccidentally (?:added|committed)\b(?:.*\bcommit\b)?",
            _take_out,
        ),
        (r"\bmove\b.{0,30}\bcommits?\b.{0,30}\bbranch\b(?: (?:called|named))?", _move),
        (
            r"\bmerged branches\b|\bbranches\b.{0,20}\bmerged\b",
            _fixed(
                ("list the branches that are merged", "git branch --merged"),
                ("delete those you do not need", "git branch -d BRANCH"),
            ),
        ),
        (
            r"\b(?:reword|(?:change|fix|edit|correct) (?:the |my )?(?:last )?commit message|message of (?:the|my) last "
            r"commit|commit message (?:is|was|has) (?:a )?(?:wrong|typo))",
            _message_amend,
        ),
        (
            r"\b(?:amend(?: .{0,20}commit)?|forgot (?:a file|to add|something)|(?:add|put) .{0,30}\b(?:in)?to (?:the|"
            r"my) (?:last|previous) "
            r"commit)\b",
            _amend,
        ),
        (
            rf"\b(?:undo|uncommit|take back|roll ?back|un-?do|get rid of|drop|remove|delete)\b.{{0,20}}\b(?:commits?|"
            rf"{_LAST})|\bundo {_LAST}|"
            rf"\bcommit(?:ted)? (?:on|to) the wrong branch",
            _undo,
        ),
        (
            r"\brevert\b(?!.{0,25}\b(?:file|changes? (?:in|to))\b)|\bundo (?:the )?(?:merge|pushed|commit [0-9a-f]{7,})|"
            r"\bback ?out (?:the )?commit",
            _revert,
        ),
        (r"\b(?:squash|combine|fold|collapse)\b.{0,60}\bcommits?|\bone commit (?:out )?of", _squash),
        (r"\b(?:interactive )?rebas\w+\b|\bon top of (?:the )?(?:latest |origin/)?(?:main|master|develop)", _rebase),
        (r"\bforce.?push|\bpush --?force|\boverwrite (?:the )?remote", _force_push),
        (r"\b(?:rename) (?:the |my |this )?(?:current )?(?:git )?branch", _rename_branch),
        (r"\b(?:delete|remove|drop|get rid of)\b.{0,25}\bbranch", _delete_branch),
        (
            r"\b(?:new|create a|create the|make a|start a|open a|fresh) (?:\w+ )?branch|\bbranch off|\bcreate branch",
            _new_branch,
        ),
        (
            r"\b(?:switch|go back|change|check ?out|move|hop)\b.{0,20}\b(?:previous|last|old) branch",
            _fixed(("switch to the previous branch", "git switch -")),
        ),
        (
            r"\b(?:check ?out|try|test|review) .{0,30}\b(?:pull request|pr|merge request)\b",
            _fixed(("check out the branch of the pull request", "gh pr checkout NUMBER")),
        ),
        (
            r"\b(?:switch|check ?out|change|move|go|hop)\b.{0,20}\bbranch|\bswitch to (?:main|master|develop)|\bcheck "
            r"?out (?:main|master|develop)",
            _switch,
        ),
        (
            r"\b(?:pop|get back|get|apply|restore|bring back)\b.{0,20}\bstash|\bunstash|\bstash pop",
            _fixed(("bring the changes back", "git stash pop")),
        ),
        (r"\bstash\b|\bput (?:my |the )?(?:changes|work) aside|\bshelve", _stash),
        (r"\bun-?stage|\btake .{0,30} out of (?:the )?(?:staging|index|next commit)|\bremove .{0,20} from staging", _unstage),
        (
            r"\b(?:discard|throw away|drop|reset|revert|get rid of|undo|lose|wipe)\b.{0,30}\b(?:changes|edits|"
            r"modifications|work|everything|file|[\w/]+\.\w+)\b|\b(?:start (?:over|clean)|go back|"
            r"return)\b.{0,30}\b(?:from|to|at) (?:the )?last commit",
            _discard,
        ),
        (
            r"\b(?:which|what|find the) commit\b.{0,25}\b(?:broke|introduced|caused)|\bbisect\b|\bwhen .{0,30} (?:broke|"
            r"break|stopped working)",
            _bisect,
        ),
        (r"\bwho\b.{0,20}\b(?:wrote|changed|touched|added|edited|broke|last)\b|\bblame\b", _blame),
        (r"\bcherry.?pick|\b(?:take|copy|get) (?:only )?(?:that |this |one |a )?(?:single )?commit\b", _cherry_pick),
        (
            r"\bchanged? (?:since )?(?:last|this|in the last|the past) (?:week|day|month)|\b(?:last|this) week's "
            r"(?:commits|changes)|\b(?:in|during|over|of) the (?:past|last) (?:week|month|few days)|\brecent(?:ly)? "
            r"(?:commits|changes|changed)|\bwhat (?:has |have )?(?:we |i |you )?changed (?:last|this|recently|lately)",
            _recent,
        ),
        (
            r"\bhistory\b|\blog (?:of|for)\b|\bgit log|\bcommits? (?:of|for|to|that touch)|\b(?:list|show|see|last|"
            r"latest)\b.{0,20}\bcommits?\b|\bwhen was\b",
            _history,
        ),
        (r"\b(?:diff|differences?|different from|since v?\d[\w.]*|what (?:has |have )?(?:i |we )?changed|compare)\b", _diff),
        (
            r"\bmerge conflicts?|\bresolve .{0,15}conflicts?",
            _fixed(
                ("list the files in conflict", "git diff --name-only --diff-filter=U"),
                ("edit them, and remove the marks", ""),
                ("mark them as resolved", "git add --update"),
                ("go on", "git merge --continue"),
            ),
        ),
        (
            r"\b(?:merge|pull in|bring in|update (?:my )?branch|sync)\b.{0,30}\b(?:main|master|develop|upstream|branch)\b",
            _merge,
        ),
        (r"\b(?:git )?tag(?:ged)?\b(?!s? cloud)", _tag),
        (
            r"(?<!after )(?<!after a )(?<!after the )\bpull\b(?! requests?)|\b(?:get|fetch) the latest",
            _fixed(("get the latest commits", "git pull --ff-only")),
        ),
        (r"\bpush\b", _push),
        (
            r"\b(?:open|create|make|send|file) (?:a |the )?(?:pr|pull request|merge request)\b",
            lambda names: [*_push(names), Step("open the pull request", "gh pr create")],
        ),
        (r"(?<!pre-)\b(?:commit|check ?in|save my work)\b(?! (?:message|hook|history))", _commit),
        (r"\bclone\b", _fixed(("clone the repository", "git clone URL"))),
        (r"\b(?:git )?status\b|\bwhat is staged", _fixed(("show what has changed and what is staged", "git status"))),
        (
            r"\bignored?\b.{0,25}\b(?:file|git|why)|\bwhy is .{0,30} ignored|\bgitignore\b",
            lambda names: [Step("say which rule ignores it", f"git check-ignore -v {names.path or 'FILE'}")],
        ),
        (
            r"\buntracked files?\b|\b(?:not|doesn't|isn't|does not) (?:track(?:ed)?|know)\b|\bclean (?:up )?(?:the "
            r")?(?:working tree|workspace|repo\w*|checkout)\b",
            _fixed(
                ("list what would be removed, without removing it", "git clean -ndx"),
                ("remove what you do not need by name", ""),
            ),
        ),
    )
)
"""What is asked for, and how; of those that overlap in a task the first counts."""
