"""Whether a tool may be called: ordered rules on the tool, its arguments, paths, commands, and what would come of it.

A call is taken apart into items: the call itself, each path, each command of a command line. The first rule that fits an item
decides about it; of the items' verdicts the strictest counts. Rules of a file come before the default ones.

Input      a tool, its arguments, the workspace; rules as TOML or JSON: `[[rules]]` with `verdict` and any of Rule's fields.
Output     Decision: allow, deny or ask, the reason for people and models, and the rule.
Guarantees a path that leads out of the workspace is denied whatever the rules say; what cannot be read is never allowed by a
           rule on commands; case makes no difference to a rule that forbids. The text of files, pages and answers plays no
           part in it. Without a sandbox nothing is run unasked.
           A path that is denied to every tool is unreadable in the sandbox too.
Limits     other rules on paths hold for the tools' own arguments and for what a command names; a program that runs may open
           more.
Raises     UsageError for a file of rules that is wrong, with the place.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from dspy_programs.agent.permissions.items import Does, Item, items_of
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import UsageError, first_fault

Verdict = Literal["allow", "deny", "ask"]
STRICT: dict[Verdict, int] = {"allow": 0, "ask": 1, "deny": 2}


class Decision(NamedTuple):
    verdict: Verdict
    reason: str
    rule: str


class Rule(BaseModel):
    """Fits an item if all that it names fits."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    verdict: Verdict
    tool: str | list[str] = "*"
    """Names of tools, * for any part."""
    arguments: dict[str, str] = {}
    """Argument -> pattern of its text."""
    path: str | list[str] = []
    """Paths in the workspace: docs/**, *.env."""
    command: str | list[str] = []
    """Commands, word by word; a last * stands for any further words: `git diff *`."""
    does: Does | list[Does] = []
    """What would come of it."""
    sandbox: bool | None = None
    """Only where commands run in a sandbox, or only where not."""
    reason: str = ""

    def fits(self, tool: str, item: Item, arguments: Mapping[str, JsonValue], sandboxed: bool) -> bool:
        fold = self.verdict != "allow"
        if not any(fnmatchcase(tool, pattern) for pattern in _listed(self.tool)):
            return False
        if self.sandbox is not None and self.sandbox != sandboxed:
            return False
        if any(not fnmatchcase(_text(arguments.get(key)), pattern) for key, pattern in self.arguments.items()):
            return False
        if self.path and not self.fits_path(item.path):
            return False
        if self.command and not any(_words_fit(item.command, pattern.split(), fold) for pattern in _listed(self.command)):
            return False
        wanted = set(_listed(self.does))
        return not wanted or bool(item.does and (item.does <= wanted if self.verdict == "allow" else item.does & wanted))

    def fits_path(self, path: str) -> bool:
        """Return whether one of the rule's patterns fits a path."""
        fold = self.verdict != "allow"
        return bool(path) and any(_path_fits(path, pattern, fold) for pattern in _listed(self.path))

    @property
    def is_general(self) -> bool:
        """Whether it is about paths only, whatever touches them."""
        return self.tool == "*" and not (self.arguments or self.command or self.does) and self.sandbox is None

    @property
    def name(self) -> str:
        named = self.model_dump(exclude_defaults=True, exclude={"reason", "verdict"})
        return f"{self.verdict} " + (", ".join(f"{key} {_short(value)}" for key, value in named.items()) or "everything else")


_RUNS = ["shell", "python", "apply_patch", "git_*"]
DEFAULT_RULES = (
    Rule(verdict="deny", does="outside", reason="it would change something outside of the workspace"),
    Rule(
        verdict="ask", does="unread", reason="what it runs cannot be read from the command line; plain commands and python can"
    ),
    Rule(verdict="ask", does="deletes", reason="it deletes"),
    Rule(verdict="ask", does="network", reason="it reaches the network"),
    Rule(verdict="ask", does="commits", reason="it changes the history of the repository"),
    Rule(verdict="ask", does=["rights", "system"], reason="it changes rights or the system"),
    Rule(verdict="ask", does="looks outside", reason="it names something outside of the workspace"),
    Rule(verdict="ask", does="shared", reason="the file has another name (a hard link), which may be outside of the workspace"),
    Rule(verdict="ask", tool=_RUNS, sandbox=False, reason="there is no sandbox"),
    Rule(verdict="ask", does="foreign", reason="the tool belongs to another server"),
    Rule(verdict="allow"),
)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rules: list[Rule] = []


class Policy:
    """Rules in order, then the default ones."""

    def __init__(self, rules: tuple[Rule, ...] = (), sandboxed: Callable[[], bool] = sandbox.works) -> None:
        self.rules = (*rules, *DEFAULT_RULES)
        self._sandboxed = sandboxed

    @classmethod
    def from_file(cls, path: str | Path) -> "Policy":
        """Read rules from a TOML or a JSON file. Raises UsageError."""
        try:
            text = Path(path).read_text(encoding="utf-8")
            held = json.loads(text) if Path(path).suffix == ".json" else tomllib.loads(text)
            return cls(tuple(_File.model_validate(held).rules))
        except ValidationError as error:
            raise UsageError(f"{path}: {first_fault(error, 'the file')}") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read as rules: {error}") from None

    def decide(self, tool: AgentTool, arguments: Mapping[str, JsonValue], workspace: Workspace) -> Decision:
        """Say whether a call may be made."""
        sandboxed = self._sandboxed()
        strictest: Decision | None = None
        for item in items_of(tool, arguments, workspace):
            decision = self._about(item, tool.name, arguments, sandboxed)
            if strictest is None or STRICT[decision.verdict] > STRICT[strictest.verdict]:
                strictest = decision
        assert strictest is not None  # the call itself is an item
        return strictest

    def closed(self) -> Callable[[str], bool] | None:
        """Return what says which paths no tool may touch, for the sandbox to hide; None if there is no such rule."""
        rules = [rule for rule in self.rules if rule.path and rule.is_general]
        if not any(rule.verdict == "deny" for rule in rules):
            return None

        def is_closed(path: str) -> bool:
            first = next((rule for rule in rules if rule.fits_path(path)), None)
            return first is not None and first.verdict == "deny"

        return is_closed

    def _about(self, item: Item, tool: str, arguments: Mapping[str, JsonValue], sandboxed: bool) -> Decision:
        if item.refused:
            return Decision("deny", item.refused, "outside of the workspace")
        for rule in self.rules:
            if item.is_named and rule.sandbox is not None:
                continue  # only a file that a command names; the command itself is another item
            if rule.fits(tool, item, arguments, sandboxed):
                what = f"{item.says}: " if item.says else ""
                return Decision(rule.verdict, f"{what}{rule.reason or 'a rule of the policy'}", rule.name)
        return Decision("allow", "no rule is against it", "")


def _listed(value: str | list[str] | Does | list[Does]) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value]


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _path_fits(path: str, pattern: str, fold: bool) -> bool:
    """Return whether a pattern fits a path or a folder that it is in; one without a slash fits any part of it."""
    if fold:
        path, pattern = path.casefold(), pattern.casefold()
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern:
        return any(fnmatchcase(part, pattern) for part in path.split("/"))
    if pattern.endswith("/**") and fnmatchcase(path, pattern[:-3]):
        return True
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))


def _words_fit(words: tuple[str, ...], pattern: list[str], fold: bool) -> bool:
    """Match word by word. The program is known by its own name, wherever it is, to rules that forbid."""
    if not words or not pattern:
        return False
    if pattern[-1] == "*":
        pattern, words = pattern[:-1], words[: len(pattern) - 1]
    if len(pattern) != len(words):
        return False
    if fold:
        words = (words[0].rpartition("/")[2].casefold(), *words[1:])
    return all(fnmatchcase(word, part) for word, part in zip(words, pattern, strict=True))
