"""The calls that rename, move, copy, delete and make folders, where a goal names them.

Input      found: where a pattern of changing.py matches; goal; workspace.
Output     the calls; [] where the words may be about something else than a folder.
Raises     ToolError or ValueError with the reason where a folder is not as the words take it to be.
"""

import re
import shlex

from dspy_programs.agent.rules.file_calls import EXCEPT, must_be_new
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_RENAMES = ("rename", "benenne")


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


def made(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    paths = [_bare(path) for path in re.split(r"\s*,\s*(?:(?:and|und)\s+)?|\s+(?:and|und)\s+", found["paths"])]
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
