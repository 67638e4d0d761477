"""Take a call apart into what rules are about: the call itself, the paths that it touches, the commands that it would run.

Input      a tool, its arguments, the workspace.
Output     items, the call itself first. `refused` says why a path cannot be used at all.
Guarantees paths are as they really lead, without links and dots; never raises.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import islice
from typing import Literal, NamedTuple

from pydantic import JsonValue

from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import ToolError
from dspy_programs.shell import Command, Consequence, read_command_line, seen_in

Does = Consequence | Literal["outside", "looks outside", "shared", "foreign"]
FOREIGN = "__"  # between a server's name and its tool's
_SHELLS = {"shell": "command"}  # tool -> the argument that is a command line
_OWN: dict[str, Does] = {"delete_file": "deletes", "git_commit": "commits", "http_get": "network"}
_MOST_SEEN = 20_000  # entries of a workspace
_OPEN = re.compile(r"/dev/(?:null|zero|u?random|stdin|stdout|stderr|fd/\d+)|/tmp(?:/(?!\.\.)[^/]+)*/?")
_CHANGES = frozenset(
    "rm rmdir mv cp ln tee dd touch truncate mkdir chmod chown install shred unlink sed tar unzip rsync".split()
)


class Item(NamedTuple):
    says: str = ""
    """What it is, for people."""
    path: str = ""
    command: tuple[str, ...] = ()
    does: frozenset[Does] = frozenset()
    refused: str = ""
    is_named: bool = False
    """Whether it is only a path that a command names."""


def items_of(tool: AgentTool, arguments: Mapping[str, JsonValue], workspace: Workspace) -> Iterator[Item]:
    """Return what there is to decide about. See the top of the file."""
    of_paths: frozenset[Does] = frozenset()
    if (argument := _SHELLS.get(tool.name)) is not None:
        yield from _of_line(str(arguments.get(argument, "")), workspace)
    else:
        of_call = frozenset(_of_call(tool, arguments, workspace))
        of_paths = of_call & {"deletes"} if tool.touches(arguments) else frozenset()  # so that a rule may say which paths
        yield Item(does=of_call - of_paths)
    for path in tool.touches(arguments):
        try:
            shared: frozenset[Does] = frozenset({"shared"}) if workspace.is_shared(path) else frozenset()
            yield Item(path, path=workspace.normal(path), does=shared | of_paths)
        except ToolError as error:
            yield Item(path, refused=str(error))


def _of_call(tool: AgentTool, arguments: Mapping[str, JsonValue], workspace: Workspace) -> Iterator[Does]:
    if FOREIGN in tool.name:
        yield "foreign"
    if tool.name == "delete_file" and _are_own(tool, arguments, workspace):
        return  # what it made itself it may delete
    if tool.name == "apply_patch" and re.search(r"^(?:\+\+\+ /dev/null|deleted file)", str(arguments.get("patch", "")), re.M):
        yield "deletes"
    if tool.name == "web_search" and tool.effect == "runs":  # not over texts that are here
        yield "network"
    if tool.name in _OWN:
        yield _OWN[tool.name]


def _are_own(tool: AgentTool, arguments: Mapping[str, JsonValue], workspace: Workspace) -> bool:
    try:
        return all(workspace.is_own(path) for path in tool.touches(arguments))
    except ToolError:
        return False


def _of_line(text: str, workspace: Workspace) -> Iterator[Item]:
    line = read_command_line(text)
    if line.unread:
        yield Item(f"the command ({line.unread})", does=frozenset({"unread"}))
    elif not line.commands:
        yield Item("the command")
    for command in line.commands:
        for seen in seen_in(command):
            yield Item(seen.command.text, command=seen.command.words, does=seen.consequences)
            yield from _of_words(seen.command, workspace)
    for path in line.writes:
        yield from _of_path(path, workspace, changes=True)
    for path in line.reads:
        yield from _of_path(path, workspace, changes=False)


def _of_words(command: Command, workspace: Workspace) -> Iterator[Item]:
    """Return the paths among a command's words: those with a slash or a tilde, and names that are there."""
    changes = bool(command.words) and command.words[0].rpartition("/")[2].casefold() in _CHANGES
    for word in command.words[1:]:
        value = word.partition("=")[2] if re.match(r"-{0,2}[A-Za-z][\w-]*=", word) else re.sub(r"^-[A-Za-z](?=[/~.])", "", word)
        if "://" in value or not value:
            continue
        for path in _fitting(value, workspace):
            yield from _of_path(path, workspace, changes)
        if value[0] in "/~" or ".." in value.split("/") or _is_there(value, workspace):
            yield from _of_path(value, workspace, changes)


def _fitting(pattern: str, workspace: Workspace) -> list[str]:
    """Return what a pattern of the shell may stand for, hidden files too."""
    if not any(sign in pattern for sign in "*?["):
        return []
    levels = pattern.count("/") + 1
    found = islice(workspace.walk(depth=levels), _MOST_SEEN)
    return [each.path for each in found if each.path.count("/") + 1 == levels and fnmatchcase(each.path, pattern)]


def _is_there(word: str, workspace: Workspace) -> bool:
    try:
        return workspace.kind(word) is not None
    except ToolError:
        return True  # a link that leads out, say


def _of_path(path: str, workspace: Workspace, changes: bool) -> Iterator[Item]:
    if _OPEN.fullmatch(path):
        return
    try:
        shared: frozenset[Does] = frozenset({"shared"}) if workspace.is_shared(path) else frozenset()
        yield Item(path, path=workspace.normal(path), does=shared, is_named=True)
    except ToolError:
        yield Item(path, does=frozenset({"outside" if changes else "looks outside"}), is_named=True)
