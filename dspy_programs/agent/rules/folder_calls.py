"""The calls that rename, move, copy, delete and make folders, where a goal names them.

Input      found: where a wording matches; goal; workspace.
Output     the calls; [] where the words may be about something else than a folder.
Raises     ToolError or ValueError with the reason where a folder is not as the words take it to be.
"""

import re
import shlex

from dspy_programs.agent.rules.pieces import EXCEPT, FOLDER, NEW, QUOTED, THE, Maker, must_be_new
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_RENAMES = ("rename", "benenne")
_IS_FOLDER = r"(?:(?:whole|entire|new|neuen?)\s+)*(?P<word>(?:folder|directory|ordner|verzeichnis)\s+)?"
_THE_FOLDER = rf"(?:(?:the|my|this|den|das|meinen|mein)\s+)?{_IS_FOLDER}"
_ONE = rf"(?:{QUOTED}|{FOLDER})"
_AFTER_FOLDER = r"(?:\s+(?:folder|directory))?"


def moved(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Rename a folder, or move it into another one."""
    path, to = _folder(found, workspace), _bare(found["to"])
    if not path:
        return []
    name, is_rename = path.rpartition("/")[2], found["verb"].lower() in _RENAMES
    if not is_rename and (found["into"] or found["to"].rstrip("`\"'").endswith("/") or workspace.kind(to) == "folder"):
        to = f"{to}/{name}"
    elif is_rename and "/" not in to:
        to = f"{path[: -len(name)]}{to}"
    if f"{to}/".startswith(f"{path}/"):
        raise ValueError(f"{path} cannot be moved into itself")
    must_be_new(to, workspace)
    return [Call(tool="move_file", arguments={"path": path, "to": to})]


def copied(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    path, to = _folder(found, workspace), _bare(found["to"])
    if not path:
        return []
    if workspace.kind(to) == "folder":
        to = f"{to}/{path.rpartition('/')[2]}"
    must_be_new(to, workspace)
    return [_shell(f"cp -rv {_quoted(path)} {_quoted(to)}")]


def deleted(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Delete a folder and what is in it; the policy asks before."""
    path = _folder(found, workspace)
    if not path or EXCEPT.search(goal):
        return []
    if found["empty"] and next(iter(workspace.walk(path)), None) is not None:
        raise ValueError(f"{path} is not empty")
    return [_shell(f"rm -rv {_quoted(path)}")]


def emptied(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Delete the files in a folder, and leave the folder."""
    path = _folder(found, workspace)
    if not path or EXCEPT.search(goal):
        return []
    files = [file.path for file in workspace.walk(path) if file.kind == "file"]
    if not files:
        raise ValueError(f"there is no file in {path}")
    return [Call(tool="delete_file", arguments={"path": file}) for file in files]


def made(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    paths = [_bare(path) for path in re.findall(_ONE, found["paths"]) if path.lower() not in ("and", "und")]
    for path in paths:
        must_be_new(path, workspace)
    return [_shell(f"mkdir -pv {' '.join(map(_quoted, paths))}")]


def _folder(found: re.Match[str], workspace: Workspace) -> str:
    """Return the path of the folder that is meant; "" if the word may be the name of anything else."""
    path = _bare(found["path"])
    kind = workspace.kind(path)
    if found["word"] and kind != "folder":
        raise ValueError(f"{path} is a {kind}, and no folder" if kind else f"{path} is not there")
    return path if kind == "folder" and workspace.normal(path) != "." else ""


def _shell(command: str) -> Call:
    return Call(tool="shell", arguments={"command": command})


def _bare(text: str) -> str:
    return text.strip("`\"'").removeprefix("./").rstrip("/")


def _quoted(path: str) -> str:
    return shlex.quote(f"./{path}")


WORDINGS: list[tuple[str, Maker]] = [
    (
        rf"\bmake\s+a\s+(?:backup\s+)?copy\s+of\s+{_THE_FOLDER}(?P<path>{FOLDER}){_AFTER_FOLDER}\s+(?:called|named|as)\s+(?P<to>{FOLDER})",
        copied,
    ),
    (
        r"\b(?:delete|remove|erase|lösche?)\s+(?:(?:all|every|alle)\s+(?:of\s+)?(?:the\s+)?(?:files?|dateien)|everything|alles)\s+"
        rf"(?:in|from|inside|aus|im)\s+{_THE_FOLDER}(?P<path>{FOLDER}){_AFTER_FOLDER}",
        emptied,
    ),
    (
        rf"\b(?P<verb>rename|move|benenne|verschiebe)\s+{_THE_FOLDER}(?P<path>{FOLDER}){_AFTER_FOLDER}\s+(?:to|into|as|in|nach|zu)\s+"
        rf"{THE}(?P<into>(?:folder|directory|ordner|verzeichnis)\s+)?{NEW}(?P<to>{FOLDER})(?:\s+um\b)?",
        moved,
    ),
    (
        rf"\bcopy\s+{_THE_FOLDER}(?P<path>{FOLDER}){_AFTER_FOLDER}\s+(?:to|as)\s+{THE}(?:folder\s+)?{NEW}(?P<to>{FOLDER})",
        copied,
    ),
    (
        rf"\b(?:delete|remove|erase|get\s+rid\s+of|lösche?)\s+(?:bitte\s+)?(?:(?:the|den|das)\s+)?(?P<empty>(?:empty|leeren?)\s+)?"
        rf"{_THE_FOLDER}(?P<path>{FOLDER}){_AFTER_FOLDER}(?:,?\s+(?:and|with|und|mit)\s+(?:all|everything|allem)(?:\s+(?:that\s+is|"
        rf"files|was))?(?:\s+(?:in|inside)\s+it|\s+darin(?:\s+ist)?)?)?",
        deleted,
    ),
    (
        r"\b(?:create|make|add|erstelle?|lege?)\s+(?:bitte\s+)?(?:(?:an?|the|two|three|einen?|eine|den|new|neuen?|empty|leeren?)\s+)*"
        r"(?:folders?|directory|directories|ordner|verzeichnis(?:se)?)\s+(?:(?:called|named|namens)\s+)?"
        rf"(?P<paths>{_ONE}(?:(?:\s*,\s*(?:and\s+|und\s+)?|\s+and\s+|\s+und\s+){_ONE})*)(?:\s+an\b)?",
        made,
    ),
]
