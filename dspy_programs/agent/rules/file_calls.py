"""The calls that rename, move, copy and delete files.

Input      found: where a wording matches; goal; workspace.
Output     the calls; [] if the words leave anything open.
Raises     ToolError or ValueError with the reason where a file is not as the words take it to be.
"""

import re

from dspy_programs.agent.rules.pieces import (
    ALL,
    FOLDER,
    NEW,
    PATH,
    PATHS,
    THE,
    Maker,
    all_of,
    must_be_new,
    must_be_there,
    names,
    one,
    with_ending,
)
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_RENAMES = ("rename", "benenne")
_AFTER_FOLDER = r"(?:\s+(?:folder|directory))?"


def moves(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Rename or move one file, or several to as many names."""
    sources, targets = names(found["path"]), names(found["to"])
    folder = ""
    if not sources:  # "Rename them": those that the goal names before
        before = goal[: found.start()]
        folder = next(
            (f"{name}/" for name in re.findall(r"([\w.-]+(?:/[\w.-]+)*)/", before) if workspace.kind(name) == "folder"), ""
        )
        sources = [name for name in _names_in(before) if workspace.kind(folder + name) == "file"]
    if len(targets) == 1 and _is_folder(targets[0], found, workspace):
        pairs = [(folder + one, f"{targets[0].rstrip('/')}/{one.rpartition('/')[2]}") for one in sources]
    elif len(sources) == len(targets):
        at_home = [one.rpartition("/")[0] for one in sources]
        pairs = [
            (folder + one, folder + (f"{home}/{to}" if home and "/" not in to and found["verb"].lower() in _RENAMES else to))
            for one, to, home in zip(sources, targets, at_home, strict=True)
        ]
    else:
        return []
    return [_move(one, to, workspace) for one, to in pairs]


def _is_folder(target: str, found: re.Match[str], workspace: Workspace) -> bool:
    """Return whether a target is a folder, one that is still to be made among them: "move a.txt to archive"."""
    if target.endswith("/") or found["folder"] or workspace.kind(target) == "folder":
        return True
    return found["verb"].lower() not in _RENAMES and "." not in target.rpartition("/")[2] and workspace.kind(target) is None


def _move(path: str, to: str, workspace: Workspace) -> Call:
    must_be_there(path, workspace)
    must_be_new(to, workspace)
    return Call(tool="move_file", arguments={"path": path, "to": to})


def all_moved(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Move all files of one ending into a folder."""
    to = one(found["to"]).rstrip("/")
    paths = [path for path in all_of(found, goal, workspace) if not path.startswith(f"{to}/")]
    return [_move(path, f"{to}/{path.rpartition('/')[2]}", workspace) for path in paths]


def endings(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Rename all files of one ending."""
    old, new = found["old"].rstrip("."), found["new"].rstrip(".")
    paths = with_ending(old, found["folder"], goal, workspace)
    return [_move(path, f"{path.removesuffix(old)}{new}", workspace) for path in paths]


def deletions(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    if found["ending"] or found["kind"]:
        paths = all_of(found, goal, workspace)
    else:
        paths = names(found["paths"])
        for path in paths:
            must_be_there(path, workspace)
    return [Call(tool="delete_file", arguments={"path": path}) for path in paths]


def copies(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    path, to = one(found["path"]), one(found["to"])
    must_be_there(path, workspace)
    if to.endswith("/") or found.groupdict().get("folder") or workspace.kind(to) == "folder":
        to = f"{to.rstrip('/')}/{path.rpartition('/')[2]}"
    elif not re.fullmatch(PATH, to):  # a new folder, or a file without an ending
        return []
    must_be_new(to, workspace)
    return [Call(tool="write_file", arguments={"path": to, "content": workspace.text(path)})]


def _names_in(text: str) -> list[str]:
    return [name.strip("`\"'") for name in re.findall(PATH, text)]


WORDINGS: list[tuple[str, Maker]] = [
    (
        r"\b(?:change|rename)\s+the\s+(?:file\s+)?(?:ending|extension|suffix)s?\s+of\s+(?:all|every|the)\s+(?:of\s+)?(?:the\s+)?"
        rf"\*?\.(?P<old>\w+)\s+files?(?:\s+in\s+{THE}(?P<folder>(?!to\b){FOLDER}))?\s+(?:in)?to\s+\.?(?P<new>\w+)",
        endings,
    ),
    (
        r"\brename\s+(?:all|every)\s+(?:of\s+)?(?:the\s+)?"
        rf"\*?\.(?P<old>\w+)(?:[- ]files?)?(?:\s+in\s+{THE}(?P<folder>(?!to\b){FOLDER}))?\s+"
        r"(?:in)?to\s+\*?\.(?P<new>\w+)(?:[- ]files?)?",
        endings,
    ),
    (
        rf"\b(?P<verb>rename|move|benenne|verschiebe)\s+{THE}(?:(?P<path>{PATHS})|them|these|sie)\s+"
        rf"(?:to|into|as|in|nach|zu)\s+{THE}(?P<folder>(?:folder|directory|ordner)\s+)?{NEW}(?P<to>{PATHS}|{FOLDER})(?:\s+um\b)?",
        moves,
    ),
    (
        rf"\b(?:move|verschiebe)\s+{ALL}\s+(?:to|into|in|nach)\s+{THE}(?:(?:new\s+)?(?:folder|directory|ordner)\s+)?(?P<to>{FOLDER})"
        rf"{_AFTER_FOLDER}",
        all_moved,
    ),
    (
        rf"\b(?:copy|kopiere?)\s+{THE}(?P<path>{PATH})\s+(?:to|into|as|in|nach)\s+{THE}(?P<folder>(?:folder|directory|ordner)\s+)?"
        rf"(?P<to>{PATH}|{FOLDER})",
        copies,
    ),
    (
        rf"\bmake\s+a\s+(?:backup\s+)?(?:copy|backup)\s+of\s+{THE}(?P<path>{PATH})\s+(?:called|named|as)\s+{THE}(?P<to>{PATH})",
        copies,
    ),
    (
        rf"\b(?:delete|remove|erase|get\s+rid\s+of|lösche?)\s+(?:bitte\s+)?(?:{ALL}|{THE}(?P<paths>{PATHS}))(?=[\s.,!?]|$)",
        deletions,
    ),
]
