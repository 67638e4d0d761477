"""Which of the steps of git_steps.py a task asks for, by its words."""

import re
from collections.abc import Callable

from dspy_programs.programs.command_planner import git_steps
from dspy_programs.programs.command_planner.git_names import Names
from dspy_programs.programs.command_planner.step import Step

_LAST = r"(?:the |my |that |our )?(?:very )?(?:last|latest|previous|recent)"
TASKS: tuple[tuple[re.Pattern[str], Callable[[Names], list[Step]]], ...] = tuple(
    (re.compile(pattern), steps)
    for pattern, steps in (
        (r"\b(?:delete|remove|drop) (?:the |that |a )?(?:git )?tag\b", git_steps.delete_tag),
        (
            r"\b(?:undo|revert|take back) (?:the |my )?(?:last |latest )?push(?:ed commits?)?\b",
            git_steps.fixed(
                ("make a commit that undoes the last one", "git revert HEAD"), ("push it, so that others get it", "git push")
            ),
        ),
        (r"\b(?:show|see|look at|view|print)\b.{0,25}\bcommit [0-9a-f]{7,40}\b", git_steps.show),
        (
            r"\bcontinue (?:the |this |my )?rebase\b",
            git_steps.fixed(("mark the conflicts as resolved", "git add --update"), ("go on", "git rebase --continue")),
        ),
        (
            r"\bwhat(?:'s| is) in (?:the |my )?stash\b|\b(?:list|show)\b.{0,12}\bstash(?:es)?\b",
            git_steps.fixed(("list what is stashed", "git stash list")),
        ),
        (r"\b(?:restore|take|get|bring back)\b.{0,40}\bfrom (?:the )?(?:main|master|develop)\b", git_steps.from_branch),
        (
            r"\b(?:abort|cancel|stop|quit) (?:the |this |my |a )?rebase\b",
            git_steps.fixed(("end the rebase; all is as before it", "git rebase --abort")),
        ),
        (
            r"\b(?:abort|cancel|stop|quit) (?:the |this |my |a )?merge\b",
            git_steps.fixed(("end the merge; all is as before it", "git merge --abort")),
        ),
        (
            r"\b(?:what|which commits) (?:did|has|have) (?!i\b|we\b|you\b)\w+ (?:commit|write|do|change|add)\w*\b|"
            r"\bcommits (?:by|of|"
            r"from) [a-z]+\b(?! \S*[./])",
            git_steps.by_author,
        ),
        (
            r"\b(?:show|see|look at|view|print)\b.{0,8}\b(?:the |my )?(?:last|latest|previous) commit$",
            git_steps.fixed(("show the last commit with its changes", "git show HEAD")),
        ),
        (
            r"\b(?:which|what|list|show)\b.{0,12}\b(?:the )?branches\b(?!.*merged)",
            git_steps.fixed(("list the branches, the latest first", "git branch --all --sort=-committerdate")),
        ),
        (
            r"\b(?:sync|update|bring)\b.{0,15}\bfork\b|\bup to date with upstream\b",
            git_steps.fixed(("fetch what upstream has", "git fetch upstream"), ("merge it", "git merge upstream/main")),
        ),
        (r"\b(?:start (?:over|clean)|go back|return)\b.{0,30}\b(?:from|to|at) (?:the )?last commit\b", git_steps.discard),
        (
            r"\b(?:take|remove|get) \S+ out of (?:the |my )?(?:last |previous )?commit\b|\bremove \S+ from (?:the |my "
            r")?(?:last |previous )?commit\b"
            r"|\baccidentally (?:added|committed)\b(?:.*\bcommit\b)?",
            git_steps.take_out,
        ),
        (r"\bmove\b.{0,30}\bcommits?\b.{0,30}\bbranch\b(?: (?:called|named))?", git_steps.move),
        (
            r"\bmerged branches\b|\bbranches\b.{0,20}\bmerged\b",
            git_steps.fixed(
                ("list the branches that are merged", "git branch --merged"),
                ("delete those you do not need", "git branch -d BRANCH"),
            ),
        ),
        (
            r"\b(?:reword|(?:change|fix|edit|correct) (?:the |my )?(?:last )?commit message|message of (?:the|my) last "
            r"commit|commit message (?:is|was|has) (?:a )?(?:wrong|typo))",
            git_steps.message_amend,
        ),
        (
            r"\b(?:amend(?: .{0,20}commit)?|forgot (?:a file|to add|something)|(?:add|put) .{0,30}\b(?:in)?to (?:the|"
            r"my) (?:last|previous) "
            r"commit)\b",
            git_steps.amend,
        ),
        (
            rf"\b(?:undo|uncommit|take back|roll ?back|un-?do|get rid of|drop|remove|delete)\b.{{0,20}}\b(?:commits?|"
            rf"{_LAST})|\bundo {_LAST}|"
            rf"\bcommit(?:ted)? (?:on|to) the wrong branch",
            git_steps.undo,
        ),
        (
            r"\brevert\b(?!.{0,25}\b(?:file|changes? (?:in|to))\b)|\bundo (?:the )?(?:merge|pushed|commit [0-9a-f]{7,})|"
            r"\bback ?out (?:the )?commit",
            git_steps.revert,
        ),
        (r"\b(?:squash|combine|fold|collapse)\b.{0,60}\bcommits?|\bone commit (?:out )?of", git_steps.squash),
        (r"\b(?:interactive )?rebas\w+\b|\bon top of (?:the )?(?:latest |origin/)?(?:main|master|develop)", git_steps.rebase),
        (r"\bforce.?push|\bpush --?force|\boverwrite (?:the )?remote", git_steps.force_push),
        (r"\brename (?:the |my |this |a )?(?:current |local )?(?:git )?branch", git_steps.rename_branch),
        (r"\b(?:delete|remove|drop|get rid of)\b.{0,25}\bbranch", git_steps.delete_branch),
        (
            r"\b(?:new|create a|create the|make a|start a|open a|fresh) (?:\w+ )?branch|\bbranch off|\bcreate branch",
            git_steps.new_branch,
        ),
        (
            r"\b(?:switch|go back|change|check ?out|move|hop)\b.{0,20}\b(?:previous|last|old) branch",
            git_steps.fixed(("switch to the previous branch", "git switch -")),
        ),
        (
            r"\b(?:check ?out|try|test|review) .{0,30}\b(?:pull request|pr|merge request)\b",
            git_steps.fixed(("check out the branch of the pull request", "gh pr checkout NUMBER")),
        ),
        (
            r"\b(?:switch|check ?out|change|move|go|hop)\b.{0,20}\bbranch|\bswitch to (?:main|master|develop)|\bcheck "
            r"?out (?:main|master|develop)",
            git_steps.switch,
        ),
        (
            r"\b(?:pop|get back|get|apply|restore|bring back)\b.{0,20}\bstash|\bunstash|\bstash pop",
            git_steps.fixed(("bring the changes back", "git stash pop")),
        ),
        (r"\bstash\b|\bput (?:my |the )?(?:changes|work) aside|\bshelve", git_steps.stash),
        (
            r"\bun-?stage|\bundo (?:the |a |my )?(?:git )?add\b"
            r"|\btake .{0,30} out of (?:the )?(?:staging|index|next commit)|\bremove .{0,20} from staging",
            git_steps.unstage,
        ),
        (
            r"\b(?:discard|throw away|drop|reset|revert|get rid of|undo|lose|wipe)\b.{0,30}\b(?:changes|edits|"
            r"modifications|work|everything|file|[\w/]+\.\w+)\b|\b(?:start (?:over|clean)|go back|"
            r"return)\b.{0,30}\b(?:from|to|at) (?:the )?last commit",
            git_steps.discard,
        ),
        (
            r"\b(?:which|what|find the) commit\b.{0,25}\b(?:broke|introduced|caused)|\bbisect\b|\bwhen .{0,30} (?:broke|"
            r"break|stopped working)",
            git_steps.bisect,
        ),
        (r"\bwho\b(?!.*\bmost\b).{0,20}\b(?:wrote|changed|touched|added|edited|broke|last)\b|\bblame\b", git_steps.blame),
        (r"\bcherry.?pick|\b(?:take|copy|get) (?:only )?(?:that |this |one |a )?(?:single )?commit\b", git_steps.cherry_pick),
        (
            r"\bchanged? (?:since )?(?:last|this|in the last|the past) (?:week|day|month)|\b(?:last|this) week's "
            r"(?:commits|changes)|\b(?:in|during|over|of) the (?:past|last) (?:week|month|few days)|\brecent(?:ly)? "
            r"(?:commits|changes|changed)|\bwhat (?:has |have )?(?:we |i |you )?changed (?:last|this|recently|lately)",
            git_steps.recent,
        ),
        (
            r"\bhistory\b|\blog (?:of|for)\b|\bgit log|\bcommits? (?:of|for|to|that touch)|\b(?:list|show|see|last|"
            r"latest)\b.{0,20}\bcommits?\b|\bwhen was\b",
            git_steps.history,
        ),
        (
            r"\b(?:diff|differences?|different (?:from|between)|since v?\d[\w.]*|what (?:has |have )?(?:i |we )?changed|"
            r"compare)\b",
            git_steps.diff,
        ),
        (
            r"\bmerge conflicts?|\bresolve .{0,15}conflicts?",
            git_steps.fixed(
                ("list the files in conflict", "git diff --name-only --diff-filter=U"),
                ("edit them, and remove the marks", ""),
                ("mark them as resolved", "git add --update"),
                ("go on", "git merge --continue"),
            ),
        ),
        (
            r"\b(?:merge|pull in|bring in|update (?:my )?branch|sync)\b.{0,30}\b(?:main|master|develop|upstream|branch)\b",
            git_steps.merge,
        ),
        (r"\b(?:git )?tag(?:ged)?\b(?!s? cloud)", git_steps.tag),
        (
            r"(?<!after )(?<!after a )(?<!after the )\bpull\b(?! requests?)|\b(?:get|fetch) the latest",
            git_steps.fixed(("get the latest commits", "git pull --ff-only")),
        ),
        (r"\bpush\b", git_steps.push),
        (
            r"\b(?:open|create|make|send|file) (?:a |the )?(?:pr|pull request|merge request)\b",
            lambda names: [*git_steps.push(names), Step("open the pull request", "gh pr create")],
        ),
        (
            r"(?<!pre-)(?<!\ba )(?<!\bthe )(?<!\blast )(?<!\bthat )(?<!\bthis )(?<!\bfirst )(?<!\bprevious )"
            r"\b(?:commit|check ?in|save my work)\b(?! (?:message|hook|history))",
            git_steps.commit,
        ),
        (r"\bclone\b", git_steps.fixed(("clone the repository", "git clone URL"))),
        (r"\b(?:git )?status\b|\bwhat is staged", git_steps.fixed(("show what has changed and what is staged", "git status"))),
        (
            r"\bignored?\b.{0,25}\b(?:file|git|why)|\bwhy is .{0,30} ignored|\bgitignore\b",
            lambda names: [Step("say which rule ignores it", f"git check-ignore -v {names.path or 'FILE'}")],
        ),
        (
            r"(?<!including )(?<!with )(?<!and )\b(?:(?:remove|delete|drop) (?:the |all |local |my )*)?untracked files?\b"
            r"|\b(?:not|doesn't|isn't|does not) "
            r"(?:track(?:ed)?|know)\b|\bclean (?:up )?(?:the "
            r")?(?:working tree|workspace|repo\w*|checkout)\b",
            git_steps.fixed(
                ("list what would be removed, without removing it", "git clean -ndx"),
                ("remove what you do not need by name", ""),
            ),
        ),
    )
)
"""What is asked for, and how; of those that overlap in a task the first counts."""
