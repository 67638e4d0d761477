"""From what a goal's words were found to say to the calls that do it.

Input      found: where a pattern of changing.py matches; goal; workspace.
Output     the calls; [] if the words leave anything open.
Raises     ToolError or ValueError with the reason where a file or a key is not as the words take it to be.
"""

import json
import re
from collections.abc import Iterator

from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_UNENDED = r"(?-i:LICEN[SC]E|README|NOTICE|Makefile|Dockerfile)(?![\w.-]*\w)"
PATH = rf"[`\"']?(?:\./)?(?:[\w.-]+/)*(?:[\w-][\w.-]*\.\w+|\.\w[\w.-]*|{_UNENDED})[`\"']?"
PATHS = rf"{PATH}(?:(?:\s*,\s*(?:and\s+|und\s+)?|\s+and\s+|\s+und\s+){PATH})*"
THE = r"(?:(?:the|a|an|file|files|line|text|word|words|die|der|das|den|dem|eine|einen|datei|dateien|zeile|wort|namens)\s+)*"
EXCEPT = re.compile(
    r",?\s*(?:but|aber|and)?\s*\b(?:(?:do\s+not|don['’]t|never)\s+(?:touch|change|edit|modify|delete|remove|rename|move)|except|not|keep|leave|"
    rf"außer|ohne|nicht|behalte)(?:\s+(?:for|in))?\s+{THE}(?P<paths>{PATHS})",
    re.I,
)
QUOTED = r"(?:\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|“[^”\n]+”|„[^“\n]+“)"
_RENAMES = ("rename", "benenne")
_JSON_VALUE = r'(?P<head>"KEY"\s*:\s*)(?P<value>"(?:[^"\\\n]|\\.)*"|-?[\d.]+|true|false|null)(?P<tail>)'
_LINE_VALUE = r"^(?P<head>[ \t]*[\"']?KEY[\"']?[ \t]*[:=][ \t]*)(?P<value>[^\r\n{\[][^\r\n]*?)(?P<tail>[ \t]*)$"


def moves(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Rename or move one file, or several to as many names."""
    sources, targets = _names(found["path"]), _names(found["to"])
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
    _must_be_there(path, workspace)
    must_be_new(to, workspace)
    return Call(tool="move_file", arguments={"path": path, "to": to})


def all_moved(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Move all files of one ending into a folder."""
    to = _one(found["to"]).rstrip("/")
    paths = [path for path in _all(f".{found['ending']}", found["folder"], goal, workspace) if not path.startswith(f"{to}/")]
    return [_move(path, f"{to}/{path.rpartition('/')[2]}", workspace) for path in paths]


def _must_be_there(path: str, workspace: Workspace) -> None:
    kind = workspace.kind(path)
    if kind != "file":
        raise ValueError(f"{path} is a {kind}, and no file" if kind else f"{path} is not there")


def must_be_new(path: str, workspace: Workspace) -> None:
    """Raise ValueError for a path that is taken, ToolError for one that may not be written."""
    workspace.check_writable(path)
    if workspace.kind(path) is not None:
        raise ValueError(f"{path} exists already; delete it first, or name another one")


def endings(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Rename all files of one ending."""
    old, new = found["old"].rstrip("."), found["new"].rstrip(".")
    paths = _all(f".{old}", found["folder"], goal, workspace)
    return [_move(path, f"{path.removesuffix(old)}{new}", workspace) for path in paths]


def deletions(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    if found["ending"]:
        paths = _all(f".{found['ending']}", found["folder"], goal, workspace)
    else:
        paths = _names(found["paths"])
        for path in paths:
            _must_be_there(path, workspace)
    return [Call(tool="delete_file", arguments={"path": path}) for path in paths]


def replacements(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Replace one text by another in the one file that is named with it."""
    old, new = _said(found, "old"), _said(found, "new")
    path = _one(found["path"] or found["before"])
    _must_be_there(path, workspace)
    if not old or old == new:
        return []
    if old not in workspace.text(path):
        raise ValueError(f'"{old}" is not in {path}')
    return [Call(tool="edit_file", arguments={"path": path, "old": old, "new": new, "everywhere": True})]


def values(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Set a key to a value in a file of keys and values: JSON, INI, TOML, YAML, .env."""
    path = _one(found["path"])
    _must_be_there(path, workspace)
    text = workspace.text(path)
    words = re.sub(r"[^a-z0-9]+", " ", found["key"].lower()).split()
    key = r"[\W_]*".join(map(re.escape, words))
    pattern = _JSON_VALUE if path.endswith(".json") else _LINE_VALUE
    places = [*re.finditer(pattern.replace("KEY", key), text, re.I | re.M)]
    if not words:
        return []
    if len(places) != 1:
        held = f"is {len(places)} times in" if places else "is not in"
        raise ValueError(f"{found['key'].strip()} {held} {path} as a key with a plain value")
    head, old, tail = places[0].group("head", "value", "tail")
    new = _in_the_form_of(old, _said(found, "value"), is_json=path.endswith(".json"))
    if not new:
        raise ValueError(f"{found['key'].strip()} is a number or true/false in {path}, and {found['value']} is neither")
    if new == old:
        raise ValueError(f"{found['key'].strip()} in {path} is {old} already")
    if text.count(head + old + tail) != 1:
        return []
    return [Call(tool="edit_file", arguments={"path": path, "old": head + old + tail, "new": head + new + tail})]


def _in_the_form_of(old: str, value: str, *, is_json: bool) -> str:
    """Return a value quoted as the old one was; "" if a text would take a number's place in JSON."""
    if old[:1] in ("'", '"') and old[-1:] == old[:1]:
        return json.dumps(value, ensure_ascii=False) if is_json else f"{old[0]}{value}{old[0]}"
    return value if not is_json or re.fullmatch(r"-?\d+(?:\.\d+)?|true|false|null", value) else ""


def texts(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Write a given text to a new file."""
    path = _one(found["path"])
    lines = found.groupdict().get("lines")
    if lines is None:
        parts = (
            [part.strip(" .") for part in re.split(r",\s*|\s+(?:and|und)\s+", found["items"])]
            if found.groupdict().get("items")
            else []
        )
        lines = "\n".join(parts) or _said(found, "text")
    if not lines:
        return []
    must_be_new(path, workspace)
    return [Call(tool="write_file", arguments={"path": path, "content": lines.strip("\n") + "\n"})]


def several_texts(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Write a text of its own to each of several new files."""
    pairs = re.findall(rf"({QUOTED})\s+(?:in|into|to|nach)\s+{THE}({PATH})", found["pairs"], re.I)
    paths = [_one(path) for _, path in pairs]
    for path in paths:
        must_be_new(path, workspace)
    return [
        Call(tool="write_file", arguments={"path": path, "content": f"{text[1:-1]}\n"})
        for path, (text, _) in zip(paths, pairs, strict=True)
    ]


def appended(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Add a line to a file, or to all of one ending."""
    paths = _all(f".{found['ending']}", found["folder"], goal, workspace) if found["ending"] else _names(found["path"])
    for path in paths:
        _must_be_there(path, workspace)
    line = _said(found, "text")
    calls = []
    for path in paths:
        start = "" if workspace.text(path).endswith("\n") or not workspace.text(path) else "\n"
        calls.append(Call(tool="append", arguments={"path": path, "content": f"{start}{line}\n"}))
    return calls


def copies(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    path, to = _one(found["path"]), _one(found["to"])
    _must_be_there(path, workspace)
    if to.endswith("/") or found.groupdict().get("folder") or workspace.kind(to) == "folder":
        to = f"{to.rstrip('/')}/{path.rpartition('/')[2]}"
    elif not re.fullmatch(PATH, to):  # a new folder, or a file without an ending
        return []
    must_be_new(to, workspace)
    return [Call(tool="write_file", arguments={"path": to, "content": workspace.text(path)})]


def _all(ending: str, folder: str | None, goal: str, workspace: Workspace) -> list[str]:
    """Return the files of an ending in a folder, but those that the goal excepts."""
    spared = {name for found in EXCEPT.finditer(goal) for name in _names(found["paths"])}
    home = (folder or ".").strip("`\"'").rstrip("/")
    if folder and workspace.kind(home) != "folder":
        return []
    files = sorted(found.path for found in workspace.walk(home) if found.kind == "file" and found.path.endswith(ending))
    return [path for path in files if path not in spared and path.rpartition("/")[2] not in spared]


def _names(text: str | None) -> list[str]:
    """Return the paths of a list, without quotes and the full stop that ends a sentence."""
    return [part.strip("`\"',").rstrip(".") for part in _split(text or "")]


def _one(text: str | None) -> str:
    names = _names(text)
    if len(names) != 1:
        raise ValueError("one file must be named")
    return names[0]


def _split(text: str) -> Iterator[str]:
    return (part for part in re.split(r"\s*,\s*|\s+", text) if part and part.lower() not in ("and", "und"))


def _names_in(text: str) -> list[str]:
    return [name.strip("`\"'") for name in re.findall(PATH, text)]


def _said(found: re.Match[str], name: str) -> str:
    """Return a text that is quoted or one word, without its quotes."""
    text = found[name]
    return text[1:-1] if len(text) > 1 and text[0] in "\"'`“„" else text
