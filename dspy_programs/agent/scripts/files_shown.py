"""What a script writer is shown of a workspace: the list of its files, and the beginnings of those that a request is about.

A small model reads slowly, and what does not matter misleads it.

Guarantees what is shown of files is data, without the orders in it (orders.py); the files that the request names come first,
           and what they import.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dspy_programs.agent.scripts.orders import orders_in, without_orders
from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.text import content_stems

_LISTED = 40  # files
_BEGINNING = 900  # characters of a file
_SHOWN = 2600  # characters of all files that the request names
_GUESSED = 1200  # characters of all files where it names none
_RANKED = 200  # files
_READ = 20_000_000  # bytes of the workspace, where a value may come from
_LINES = 5000
_STEM = 5  # letters by which a word is known in a script
_WORD = re.compile(r"[^\W\d_]{4,}")
_NAME = re.compile(r"[\w/-]+\.[a-z]\w{0,9}\b")
_IMPORTS = re.compile(r"^\s*(?:from|import)\s+(?P<module>[\w.]+)(?:\s+import\s+(?P<names>[^#\n(]+|\([^)]*\)))?", re.MULTILINE)


class _File(NamedTuple):
    path: str
    size: int


def files_shown(request: str, workspace: Workspace, listed: int = _LISTED, shown: int = _SHOWN) -> str:
    """List the files, and show the beginnings of those that the request names; if it names none, of those that have its words.

    listed: files; shown: characters of all beginnings.
    """
    files = list(files_in(workspace))
    lines = [file.path for file in files[:listed]]
    if len(files) > listed:
        lines.append(f"... and {len(files) - listed} more")
    about = [file for file in files if is_named(file.path, request)]
    left = shown if about else min(shown, _GUESSED)
    about = about or _nearest(files, request, workspace)
    imported = imported_by([file.path for file in about], [file.path for file in files], workspace)
    about += [file for file in files if file.path in imported and file not in about]
    for file in about or sorted(files, key=lambda file: file.size):
        text = text_at(file.path, workspace)
        if text is None:
            continue
        text = without_orders(text)
        cut = text[: min(_BEGINNING, left)]
        left -= len(cut)
        if left <= 0:
            break
        state = "" if len(cut) == len(text) else f" (the first {len(cut)} of {len(text)} characters)"
        lines.append(f"--- {file.path}{state}\n{cut.rstrip()}")
    return "\n".join(lines)


def _nearest(files: Sequence[_File], request: str, workspace: Workspace) -> list[_File]:
    """Return the files that have words of a request, those with most of them first."""
    wanted, shared = set(content_stems(request)), {}
    for file in sorted(files, key=lambda file: file.size)[:_RANKED]:
        text = f"{file.path} {(text_at(file.path, workspace) or '')[:_BEGINNING]}"
        shared[file] = len(wanted.intersection(content_stems(text)))
    return sorted(filter(shared.get, shared), key=lambda file: -shared[file])


def imported_by(paths: Sequence[str], known: Sequence[str], workspace: Workspace) -> list[str]:
    """Return the known paths of the modules that Python files import: the code that a named test is about."""
    texts = [text_at(path, workspace) or "" for path in paths if path.endswith(".py")]
    modules: list[str] = []
    for match in (match for text in texts for match in _IMPORTS.finditer(text)):
        modules.append(match["module"])
        modules += [f"{match['module']}.{name}" for name in re.findall(r"\w+", match["names"] or "")]
    files = [f"{module.strip('.').replace('.', '/')}.py" for module in dict.fromkeys(modules)]
    return [path for file in files for path in known if path == file or path.endswith(f"/{file}")]


def is_named(path: str, text: str) -> bool:
    """Return whether a text names a file, its folder, or its module."""
    name = path.rpartition("/")[2]
    folder = path.rpartition("/")[0]
    module = path.removesuffix(".py").replace("/", ".") if folder and path.endswith(".py") else ""
    return any(
        re.search(rf"(?<![\w.-]){re.escape(part)}(?![\w-]|\.\w)", text)
        for part in filter(None, (path, name, f"{folder}/" if folder else "", module))
    )


def overlooked(request: str, code: str, workspace: Workspace) -> str:
    """Return a word of a request that some lines of a named file have and a script does not look for, "" for none.

    "The revenue of the south region" needs a script that knows of "south".
    """
    names = {file.path for file in files_in(workspace) if is_named(file.path, request) and not file.path.endswith(".py")}
    plain = _NAME.sub(" ", code).lower()
    wanted = [word for word in dict.fromkeys(_WORD.findall(_NAME.sub(" ", request).lower())) if word[:_STEM] not in plain]
    for path in sorted(names):
        header, *lines = [
            set(_WORD.findall(line.lower())) for line in (text_at(path, workspace) or "").splitlines()[:_LINES]
        ] or [set()]
        for word in wanted:
            if word not in header and 2 <= sum(word in line for line in lines) <= len(lines) / 2:
                return word
    return ""


def orders_read(request: str, workspace: Workspace) -> dict[str, str]:
    """Return the files that a request names and that give orders to machines, each with its first order."""
    named = (file.path for file in files_in(workspace) if is_named(file.path, request))
    found = {path: orders_in(text_at(path, workspace) or "")[:1] for path in named}
    return {path: orders[0] for path, orders in found.items() if orders}


def files_in(workspace: Workspace) -> Iterator[_File]:
    """Yield the files, with their sizes."""
    for found in workspace.walk():
        if found.kind == "file":
            yield _File(found.path, found.size)


def text_at(path: str, workspace: Workspace) -> str | None:
    """Return a file's text, None if it cannot be read as text."""
    try:
        return workspace.text(path)
    except ToolError:
        return None


def texts_in(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield paths and texts."""
    left = _READ
    for file in files_in(workspace):
        if file.size <= left and (text := text_at(file.path, workspace)) is not None:
            left -= file.size
            yield file.path, text
