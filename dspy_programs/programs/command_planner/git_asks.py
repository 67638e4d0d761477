# ruff: noqa: E501  # a question stands on a line
"""Questions about a repository's history, branches and state, as they are asked in words of their own."""

import re
import shlex

from dspy_programs.programs.command_planner.phrases import PATH, QUOTED, Ask, Said, fixed
from dspy_programs.programs.command_planner.step import Step

_HASH = r"(?=[0-9a-f]*\d)[0-9a-f]{7,40}"
_REF = rf"(?:{_HASH}|v?\d+\.\d+[\w.-]*|HEAD(?:~\d+)?|main|master|develop|origin/[\w.-]+)"


def _where(said: Said) -> str:
    return f" -- {said.get('folder')}" if said.plain("folder") else ""


def _since(said: Said) -> str:
    each = said.plain("each").lower().rstrip("s")
    if said.plain("day").lower() in ("today", "yesterday"):
        return {"today": " --since=midnight", "yesterday": ' --since="yesterday 00:00"'}[said.plain("day").lower()]
    days = said.number("days", 1)
    return f' --since="{days} {each}{"s" if days > 1 else ""} ago"' if each else ""


def _authors(said: Said) -> list[Step]:
    head = f" | head -{said.number('top', 1)}" if said.plain("top") else ""
    return [Step("count the commits of each author", f"git shortlog -sn HEAD{_since(said)}{_where(said)}{head}")]


def _branches(said: Said) -> list[Step]:
    return [Step("list the branches that have the commit", f"git branch --all --contains {said.get('commit')}")]


def _last_change(said: Said) -> list[Step]:
    return [Step("show the last commit of the file", f"git log -1 --patch -- {said.get('name')}")]


def _count(said: Said) -> list[Step]:
    author = f" --author={said.get('author')}" if said.plain("author") else ""
    where, ref = _where(said), said.get("ref", "HEAD")
    return [Step("count the commits", f"git rev-list --count{author}{_since(said)} {ref}{where}")]


def _made(said: Said) -> list[Step]:
    author = f" --author={said.get('author')}" if said.plain("author") else ""
    return (
        [Step("show the commits", f"git log --oneline{author}{_since(said)}{_where(said)}")] if author or _since(said) else []
    )


def _searched(said: Said) -> list[Step]:
    option = "-S" if said.plain("changed") else "--grep="
    return [Step("find the commits", f"git log --oneline {option}{said.get('text')}{_where(said)}")]


def _of_commit(said: Said) -> list[Step]:
    commit = said.get("commit", "HEAD")
    return [Step("show the files that the commit changed", f"git show --stat {commit}")]


def _gone_back(said: Said) -> list[Step]:
    commit = said.get("commit")
    return [
        Step("look at the files as they were there; no branch is changed", f"git switch --detach {commit}"),
        Step(f"to make the branch itself go back, on that branch: git reset --keep {commit}"),
    ]


def _touched(said: Said) -> list[Step]:
    return (
        [Step("show the commits that changed it", f"git log --format='%h %ad %an %s'{_since(said)}{_where(said)}")]
        if said.plain("folder")
        else []
    )


def _old(said: Said) -> list[Step]:
    ref = f"HEAD~{said.number('ago', 1)}" if said.plain("ago") else said.get("ref")
    if said.plain("verb").lower() in ("restore", "get", "bring", "put", "check"):
        return [
            Step("look at what would change", f"git diff {ref} -- {said.get('name')}"),
            Step("put the file as it was there", f"git restore --source {ref} -- {said.get('name')}"),
        ]
    return [Step("show the file as it was", f"git show {ref}:{said.get('name')}")]


def _differ(said: Said) -> list[Step]:
    first, second = said.get("first"), said.get("second")
    if second and not re.search(r"\bfiles?\b", said.match.string):
        return [Step("show the differences", f"git diff {first} {second}{_where(said)}")]
    if not second:
        return [Step("show the differences", f"git diff HEAD -- {said.get('name')}")]
    return [Step("show the files that differ", f"git diff --stat {first} {second}{_where(said)}")]


def _commits_between(said: Said) -> list[Step]:
    return [Step("show the commits", f"git log --oneline {said.get('first')}..{said.get('second', 'HEAD')}{_where(said)}")]


def _only(said: Said) -> list[Step]:
    return [
        Step(
            "show the commits that only one of them has",
            f"git log --oneline {said.get('second', 'main')}..{said.get('first', 'HEAD')}",
        )
    ]


def _ignored(said: Said) -> list[Step]:
    name = said.plain("name")
    if said.plain("untracks"):
        return [
            Step("keep the file, but not in git", f"git rm --cached {shlex.quote(name)}"),
            Step("ignore it from now on", f"echo {shlex.quote(name)} >> .gitignore"),
        ]
    return [Step("ignore it", f"echo {shlex.quote(name)} >> .gitignore")]


def _deleted(said: Said) -> list[Step]:
    name = said.get("name")
    if said.plain("back"):
        return [
            Step("find the commit that deleted it", f"git log -1 --format=%H --diff-filter=D -- {name}"),
            Step("put it back from the commit before", f"git restore --source COMMIT~1 -- {name}"),
        ]
    return [
        Step(
            "find the commit that deleted it",
            f"git log --oneline --diff-filter=D -- {name}" if name else "git log --oneline --diff-filter=D --summary",
        )
    ]


def _patches(said: Said) -> list[Step]:
    return [Step("write the commits as patches", f"git format-patch -{said.number('count', 1)} HEAD")]


def _applied(said: Said) -> list[Step]:
    return [
        Step("see whether it fits", f"git apply --check {said.get('name')}"),
        Step("apply it", f"git apply {said.get('name')}"),
    ]


def _churn(said: Said) -> list[Step]:
    return [
        Step(
            "count how often each file was changed",
            f"git log --format= --name-only{_since(said)}{_where(said)} | sort | uniq -c | sort -rn | head -{said.number('top', 20)}",
        )
    ]


def _cloned(said: Said) -> list[Step]:
    return [Step("clone the repository", f"git clone{' --depth 1' if said.plain('shallow') else ''} {said.get('url')}")]


_MINE = r"(?:i|we|my|you)"
GIT_ASKS = (
    Ask(r"\b(?:message|text) of (?:the|my|our) (?:last|latest|previous) commit$|\b(?:last|latest) commit message$", "", lambda said: [] if re.search(r"chang|edit|fix|reword|typo|wrong|amend", said.match.string) else [Step("show the message", "git log -1 --format=%B")], ""),
    Ask(r"\bwhat (?:did|do) (?:the |my |our )?(?:last|latest) (?P<count>\d+|two|three|four|five) commits (?:change|do|touch)", "", lambda said: [Step("show the commits with what they changed", f"git log -{said.number('count', 2)} --stat")], ""),
    Ask(rf"\b(?:compare|diff\w*)\b.{{0,12}} ?(?P<name>{PATH}) (?:on|in|of|from|at) (?:branch )?(?P<first>[\w./-]+) (?:with|and|to|against) (?:the one |that |it )?(?:on|in|of|from|at)? ?(?:branch )?(?P<second>[\w./-]+)$", "", lambda said: [Step("show the differences", f"git diff {said.get('first')} {said.get('second')} -- {said.get('name')}")], ""),
    Ask(r"\b(?:files (?:that (?:are|i have) )?staged|staged files)\b", "", fixed("list the files that are staged", "git diff --cached --name-status"), ""),
    Ask(r"\bbranch(?:es)?\b.{0,25}\b(?:not (?:yet )?(?:been )?merged|unmerged)(?: yet)?(?: (?:in)?to (?:the )?(?P<ref>main|master|develop))?|\bunmerged branches", "", lambda said: [Step("list the branches that are not merged", f"git branch --all --no-merged {said.get('ref')}".strip())], ""),
    Ask(r"\b(?:anything|something|what is|what) (?:left )?(?:uncommitted|to commit|not committed)\b", "", fixed("show what has changed", "git status --short"), ""),
    Ask(r"\bwhat (?:was|got|has been|is|did (?:we|i)) (?:committed|commit|merged)\b", "folder days day", _made, ""),
    Ask(rf"\b(?:revert|reset|go back|roll ?back|return|take)\b.{{0,40}}\bto (?:the |a |an )?(?:previous |earlier |older? |state of )?(?:the )?(?:commit |version |state )?(?P<commit>{_HASH})", "", _gone_back, ""),
    Ask(r"\b(?:compare|diff\w*)\b.{0,20}\bbranches,? (?P<first>\w[\w./-]*) (?:and|with|to) (?P<second>\w[\w./-]*)", "", _differ, ""),
    Ask(r"\b(?:did|has|have|was)\b.{0,12}\b(?:any(?:one|body)|some(?:one|body)|we|i)\b.{0,8}\b(?:touch|chang|edit|modif|work)\w*(?: on)?|\bwho (?:has )?(?:touched|changed|edited|modified|worked on)(?= .*(?:this|last|past) (?:day|week|month))", "folder days", _touched, ""),
    Ask(r"\bcommits?\b.{0,20}\bnot (?:yet )?(?:on|in|at|pushed to) (?:the )?(?:origin|remote|server|github|gitlab)(?: yet)?", "", fixed("show the commits that no remote has", "git log --oneline --branches --not --remotes"), ""),
    Ask(r"\bwhat (?:is new|happened|has happened|was done|has been done|changed|has changed)\b", "folder days day", _made, ""),
    Ask(
        rf"\b(?:which|what|list|show|see)\b.{{0,20}}\b(?:changed|modified|edited|touched|change)\b.{{0,20}}\b(?:not (?:yet )?commit(?:ted)?|uncommitted|since (?:the|my) last commit|commit yet)(?: yet)?|\b(?:uncommitted|pending|unsaved|unstaged) (?:files|changes|work|edits)\b|\bwhat (?:did|have) {_MINE} (?:change|changed|modified|edited)(?: so far)?$",
        "",
        fixed("show what has changed", "git status --short"),
        "",
    ),
    Ask(r"\bbranch(?:es)?\b.{0,12}\b(?:contains?|have|has|with|include)s? (?:the )?(?:commit )?(?P<commit>(?=[0-9a-f]*\d)[0-9a-f]{7,40})", "", _branches, ""),
    Ask(
        r"\b(?:who )?(?:has |have )?(?:contributed|committed|contributes|commits) (?:the )?most(?: commits)?|\b(?:top |main |biggest )?(?:contributors|committers)\b|\bauthors? of\b|\bcommits? (?:per|by|of each) (?:author|person|developer|contributor)|\b(?:who )?(?:has )?(?:made|did|has|have) the most commits",
        "folder top days",
        _authors,
        "",
    ),
    Ask(rf"\b(?:when|why|how|who|last (?:change|commit|time)|latest change)\b.{{0,25}}(?P<name>{PATH})(?: (?:file|folder))?(?: (?:was|been|has|is))*(?: (?:last|most recently))?(?: (?:changed|modified|touched|edited|updated))(?: (?:the )?last(?: time)?)?|\b(?:the )?(?:last|latest|most recent) (?:change|commit|edit|modification) (?:to|of|in|that touched|on) (?:the )?(?:file )?(?P<name_>{PATH})", "", _last_change, ""),
    Ask(r"\b(?:not (?:yet )?(?:been )?pushed|unpushed|haven'?t (?:been )?pushed|to be pushed)(?: yet)?\b(?: commits)?(?=.*)|\bcommits? .{0,20}\b(?:not pushed|only local)", "", fixed("show the commits that no remote has", "git log --oneline --branches --not --remotes"), ""),
    Ask(r"\b(?:which|what|name of (?:the|my)|show|current|get)\b.{0,20}\bbranch(?: name)?\b(?: (?:am|are) (?:i|we) on| is (?:this|checked out|active))?$|\bwhat branch am i on", "", fixed("show the branch", "git branch --show-current"), ""),
    Ask(r"\b(?:hash|sha|id) of (?:the )?(?:current |last |latest |head )?(?:commit|head)|\bcurrent commit(?: hash| sha| id)?|\bcommit (?:hash|sha|id)\b(?: (?:am i|are we) (?:on|at))?", "", fixed("show the hash of the commit", "git rev-parse HEAD"), ""),
    Ask(r"\b(?:remote|origin)(?:'s)? ?(?:url|address)s?\b|\b(?:url|address) of (?:the )?(?:remote|origin)|\bwhere does (?:origin|the remote) point(?: to)?|\b(?:list|show|which|what)\b.{0,10}\bremotes\b", "", fixed("list the remotes", "git remote -v"), ""),
    Ask(r"\b(?:how many|count|number of)\b.{0,15}\bcommits\b(?:.{0,15}\b(?:by|from|of|did|has|have) (?!the\b|in\b|we\b|i\b|there\b|been\b|this\b|last\b)(?P<author>[A-Z][\w.@-]+)(?: (?:make|made|do|done))?)?(?: (?:are there|there are|do we have|does it have|have we|were (?:made|there)|made))?", "folder days", _count, ""),
    Ask(r"\bcommits?\b(?: (?:made|done|that were made))?(?: (?:by|from|of) (?!the\b|yesterday|today|this\b|last\b)(?P<author>[A-Za-z][\w.@-]+))?(?: (?:made|done|of|from|since))* ?(?P<day>today|yesterday)?$", "folder days", _made, ""),
    Ask(r"\b(?:latest|last|newest|most recent|current) (?:git )?(?:tag|release|version tag)$|\bwhat(?:'s| is| was)? (?:the|our) (?:latest|last|newest) (?:tag|release)\b", "", fixed("show the latest tag", "git describe --tags --abbrev=0"), ""),
    Ask(r"\b(?:commits?|changed|changes|new|log|happened)\b.{0,15}\bsince (?:the )?(?:last|latest|previous) (?:tag|release|version)", "", fixed("show the commits since the latest tag", "git log --oneline $(git describe --tags --abbrev=0)..HEAD"), ""),
    Ask(r"\b(?:list|show|which|what|all)\b.{0,12}\btags\b(?: (?:exist|are there|do we have))?", "", fixed("list the tags, the latest first", "git tag --sort=-creatordate"), ""),
    Ask(r"\b(?:untracked|unversioned) (?:files|ones)\b|\bfiles (?:that are )?not (?:tracked|in git|under version control|added to git)(?: by git)?", "", lambda said: [] if re.search(r"remove|delete|clean|drop", said.match.string, re.IGNORECASE) else [Step("list the files that git does not know", "git ls-files --others --exclude-standard")], ""),
    Ask(r"\b(?:ignored files|files (?:that )?(?:are |is )?(?:being )?(?:git)?ignored(?: by git)?|(?:which|what) (?:files )?(?:does |is )?git (?:is )?ignor(?:es?|ing))\b", "", fixed("list the files that git ignores", "git status --short --ignored"), ""),
    Ask(rf"\bcommits?\b.{{0,25}}\b(?:(?P<changed>added|removed|introduced|deleted|touched|changed) (?:the )?(?:function |text |string |line |word |variable |class )?(?P<text>{QUOTED}|(?-i:\w*[_A-Z]\w+))|(?:mention(?:s|ing)?|whose message (?:has|contains|mentions)|containing|with the word) (?:the word )?(?P<text_>{QUOTED}|\w+)(?: in (?:the|their) messages?)?|with (?P<text__>{QUOTED}|\w+) in (?:the|their) messages?)", "folder", _searched, ""),
    Ask(rf"\b(?:which |what )?files?\b.{{0,30}}\b(?:changed?|modified|touched?|in)\b.{{0,10}}\b(?:commit (?P<commit>{_HASH})|(?:the |my )?(?:last|latest|previous) commit)(?: (?:change|touch|modify))?|\bwhat (?:did|has|was|is) ?(?:changed )?(?:in )?(?:the |my )?(?:last|latest) commit(?: (?:change|changed))?|\b(?:which|what) files did (?:commit (?P<commit_>{_HASH})|the last commit) (?:change|touch)", "", _of_commit, ""),
    Ask(r"\b(?:what(?:'s| has)? ?(?:changed)?|diff\w*|changes|changed|compare)\b.{0,12}\bbetween (?:the )?(?:last|latest) (?:two|2) commits(?: (?:changed|change))?", "", fixed("show what the last commit changed", "git diff HEAD~1 HEAD"), ""),
    Ask(rf"\b(?P<verb>show|restore|get|bring|put|see|view|check)(?: me)?(?: back| out)?(?: the)?(?: file)? (?P<name>{PATH})(?: back)?(?: (?:as|like|how) it (?:was|looked|is))? (?:from|at|in|on|as of|to)? ?(?:the )?(?:commit |branch |tag |version )?(?:(?P<ref>{_REF})|(?P<ago>\d+|two|three|four|five) commits ago)", "", _old, ""),
    Ask(rf"\b(?:compare|diff|differences?)\b.{{0,12}} (?P<name>{PATH})(?: (?:with|to|against|from|and|of|since))?(?: (?:the|its))?(?: version (?:in|of|from))?(?: (?:the|its))? (?:last|latest|previous) (?:commit|version|committed version)", "", _differ, ""),
    Ask(rf"\bcommits (?:between|from) (?P<first>{_REF}) (?:and|to) (?P<second>{_REF})|\bcommits? (?:since|after) (?P<first_>{_REF})(?!\S)", "folder", _commits_between, ""),
    Ask(rf"\b(?:changed|differ\w*|diff|changes|compare)\b.{{0,25}}\b(?:between )?(?P<first>{_REF}) (?:and|to|with|from) (?P<second>{_REF})(?: (?:changed|differ))?", "folder", _differ, ""),
    Ask(r"\bcommits? .{0,25}\b(?:not (?:yet )?(?:in|on|merged (?:in)?to)|ahead of|missing (?:in|from)) (?:the )?(?P<second>main|master|develop|origin/\w+)(?: yet)?", "", _only, ""),
    Ask(r"\b(?:ahead|behind|in sync|up[- ]to[- ]date)\b.{0,15}\b(?:origin|remote|upstream|server)\b|\bam i (?:ahead|behind|up to date)(?: of| with)?(?: origin| the remote)?", "", lambda said: [Step("fetch what the remote has", "git fetch"), Step("compare the branch with it", "git status -sb")], ""),
    Ask(rf"\b(?P<untracks>stop tracking|untrack) (?:the )?(?:file |folder )?(?P<name>{PATH})(?: (?:in|with) git)?(?: (?:and|but) (?:keep it(?: locally)?|ignore it))?|\b(?:add|put) (?P<name_>{PATH}|\*\.\w+|[\w.-]+/?) (?:in)?to (?:the |my )?\.?git ?ignore(?: file)?|\b(?:make git|tell git to|let git) ignore (?P<name__>{PATH}|\*\.\w+)", "", _ignored),
    Ask(rf"\b(?P<back>restore|recover|get back|bring back|undelete) (?:the )?(?:deleted |removed )?(?:file )?(?P<name>{PATH})(?: file)?(?:,?(?: that| which| was| i| we| has| been| is)* (?:deleted|removed)(?: by accident| accidentally)?)|\b(?:when|which commit|what commit|who|find)\b.{{0,25}}(?:(?P<name_>{PATH})(?: was| has been| got)? (?:deleted|removed)|(?:deleted|removed) (?:the )?(?:file )?(?P<name__>{PATH}))", "", _deleted, ""),
    Ask(r"\b(?:make|create|export|write|generate) (?:a )?patch(?:es)?(?: file)? (?:of|from|for|out of) (?:the |my )?last (?:(?P<count>\d+|two|three|four|five) )?commits?", "", _patches, ""),
    Ask(r"\bapply (?:the )?(?:patch )?(?:file )?(?P<name>[\w./-]+\.(?:patch|diff))\b", "", _applied, ""),
    Ask(r"\b(?:files?|modules) .{0,12}\b(?:changes?|changed?|modified|touched|edited)(?: the)? most(?: often| frequently)?\b|\bmost (?:often |frequently )?(?:changed|modified|touched|edited) files\b", "folder top days", _churn),
    Ask(r"\bclone (?P<shallow_>only the (?:latest|last) commit of )?(?:the )?(?:repo(?:sitory)? )?(?P<url>(?:https://|git@)[\w.:@/~-]+)(?:.{0,12}(?P<shallow>shallow|without history|only the latest|depth 1|no history)\w*)?", "", _cloned, ""),
    Ask(r"\b(?:update|init(?:ialise|ialize)?|fetch|get|pull|check ?out)(?: all)?(?: the)? (?:git )?submodules?\b", "", fixed("fetch the submodules", "git submodule update --init --recursive"), ""),
    Ask(r"\bfirst commit\b|\boldest commit\b|\bhow old is (?:the|this) (?:repo\w*|project)", "", fixed("show the first commit", "git log --reverse --format='%h %ad %an %s' | head -1")),
    Ask(r"\b(?:git )?(?:user ?name|email)\b.{0,15}\b(?:commit|git|configured|use)\w*(?: (?:with|as|under))?", "", lambda said: [Step("show the name", "git config user.name"), Step("show the address", "git config user.email")], ""),
    Ask(r"\breflog\b|\b(?:find|recover|get back|restore)\b.{0,15}\blost commits?\b", "", fixed("list where HEAD was, with lost commits", "git reflog"), ""),
)  # fmt: skip
