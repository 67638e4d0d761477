"""Look at the repository of the workspace, and commit.

Guarantees git runs in the sandbox where there is one; nothing that a repository's own settings name is run (hooks, file
           watchers, filters, pagers, external diffs); a repository above the workspace is not used; nothing is fetched or
           pushed.
Raises     ToolError with git's own words.
"""

from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, WorkspacePath, tool
from dspy_programs.agent.workspace.sandbox import run
from dspy_programs.git import LIST_FILTERS, without_filters

_QUIET = (
    *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.editor=true", "commit.gpgSign=false"),
    *("gc.auto=0", "protocol.allow=never", "color.ui=never", "core.attributesFile=/dev/null"),
)
_AUTHOR = ("user.name=dspy-programs", "user.email=agent@localhost")  # where the repository names nobody
_MOST_COMMITS = 50
_LONGEST_LIST = 10_000  # characters of the names of filters: of a longer output the middle is lost


@tool(effect="reads")
def git_status(scope: Scope) -> str:
    """Show which files are changed, staged or new."""
    return _git(scope, "status", "--short", "--branch") or "[nothing changed]"


@tool(effect="reads")
def git_diff(scope: Scope, path: WorkspacePath = ".", staged: bool = False) -> str:
    """Show what was changed in the files since the last commit, as a diff."""
    options = ["--no-ext-diff", "--no-textconv", *(["--cached"] if staged else [])]
    return _git(scope, "diff", *options, "--", scope.workspace.normal(path)) or "[no difference]"


@tool(effect="reads")
def git_log(scope: Scope, count: int = 10, path: WorkspacePath = ".") -> str:
    """Show the last commits: hash, date, author, subject."""
    number = max(1, min(count, _MOST_COMMITS))
    form = "--format=%h %as %an: %s"
    return _git(scope, "log", f"-{number}", "--no-ext-diff", "--no-show-signature", form, "--", scope.workspace.normal(path))


@tool(effect="writes")
def git_commit(scope: Scope, message: Composed, paths: list[str] | None = None) -> str:
    """Commit changes with a message: those of the given paths, or all."""
    if not message.strip():
        raise ToolError("the message is empty; say in a line what was changed")
    named = [scope.workspace.normal(path) for path in paths or ["."]]
    _git(scope, "add", "--all", "--", *named)
    author = [] if _git(scope, "config", "user.email", may_fail=True) else [word for pair in _AUTHOR for word in ("-c", pair)]
    return _git(scope, "commit", "--quiet", "--no-verify", "--file=-", "--", *named, before=author, stdin=message) or _git(
        scope, "log", "-1", "--format=committed %h: %s"
    )


def _git(scope: Scope, *words: str, before: list[str] | None = None, stdin: str = "", may_fail: bool = False) -> str:
    settings = [part for pair in (*_QUIET, f"safe.directory={scope.workspace.root}") for part in ("-c", pair)]
    ceiling = f"GIT_CEILING_DIRECTORIES={scope.workspace.root.parent}"
    quiet = [ceiling, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_OPTIONAL_LOCKS=0", "GIT_LITERAL_PATHSPECS=1"]
    listed = run(["env", *quiet, "git", *settings, *LIST_FILTERS], scope).output
    if "\ufffd" in listed or len(listed) > _LONGEST_LIST:
        raise ToolError(f"git {words[0]}: too many filters in .git/config, or one whose name is no text; remove them there")
    quiet += [f"{name}={value}" for name, value in without_filters(listed.encode()).items()]
    done = run(["env", *quiet, "git", *settings, *(before or []), *words], scope, stdin=stdin)
    if done.stopped or (done.exit_code and not may_fail):
        raise ToolError(f"git {words[0]}: {done.output.strip()[:600] or done.stopped or f'exit code {done.exit_code}'}")
    return done.output.rstrip("\n")
