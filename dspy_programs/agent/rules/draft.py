"""A workspace as it will be after some calls, of which none is made.

Input      a workspace; calls of the shipped file tools, and of shell with mkdir, rm -r and cp -r.
Output     kind, text and walk as of that time; what of the files will be other than it is now.
Raises     ToolError as Workspace does; ValueError for a call whose end nobody can foresee.
"""

import shlex
from collections.abc import Iterator

from dspy_programs.agent.checking.checks import Check
from dspy_programs.agent.tools.json_files import with_value
from dspy_programs.agent.workspace.regular_files import Kind
from dspy_programs.agent.workspace.workspace import Found, Workspace
from dspy_programs.errors import ToolError
from dspy_programs.types import Call


class Draft(Workspace):
    """What will be there. Files keep what they hold where they only move."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.root)
        self.closed = workspace.closed
        self._texts: dict[str, str] = {}
        self._moved: dict[str, str] = {}
        """Where the content of a moved or copied file is now, by where it will be."""
        self._folders: set[str] = set()
        self._gone: set[str] = set()

    def kind(self, path: str) -> Kind | None:
        path = self.normal(path)
        if path in self._texts or path in self._moved:
            return "file"
        if path in self._folders or any(each.startswith(f"{path}/") for each in (*self._texts, *self._moved)):
            return "folder"
        return None if self._is_gone(path) else super().kind(path)

    def text(self, path: str) -> str:
        path = self.normal(path)
        if path in self._texts:
            return self._texts[path]
        if path not in self._moved and self._is_gone(path):
            raise ToolError(f"{path}: there is no such file")
        return super().text(self._moved.get(path, path))

    def walk(self, under: str = ".", depth: int = 60) -> Iterator[Found]:
        there = list(super().walk(under, depth)) if super().kind(under) == "folder" else []
        new = {*self._texts, *self._moved}
        yield from (found for found in there if found.path not in new and not self._is_gone(found.path))
        start = "" if self.normal(under) == "." else f"{self.normal(under)}/"
        yield from (Found(path, "file", 0, 0, False) for path in sorted(new) if path.startswith(start))

    def changed(self) -> set[str]:
        """Return the files that will be other than now, or gone."""
        return {*self._texts, *self._moved, *self._lost()}

    def checks(self) -> list[Check]:
        """Return what will be so, as far as files go."""
        checks = [Check(check="file_missing", path=path) for path in self._lost()]
        checks += [Check(check="file_exists", path=path) for path in self._moved]
        return checks + [Check(check="file_equals", path=path, text=text) for path, text in self._texts.items()]

    def _lost(self) -> list[str]:
        held = (found.path for found in super().walk() if found.kind == "file")
        return [path for path in held if self.kind(path) is None]

    def make(self, call: Call) -> None:
        """Change the draft as a call will change the files."""
        given = {name: str(value) for name, value in call.arguments.items()}
        path = self.normal(given["path"]) if "path" in given else ""
        match call.tool:
            case "write_file":
                self._write(path, given["content"])
            case "append":
                held = self.text(path) if self.kind(path) else ""
                between = "\n" if held and not held.endswith("\n") else ""
                self._write(path, f"{held}{between}{given['content']}" + ("" if given["content"].endswith("\n") else "\n"))
            case "edit_file" if call.arguments.get("everywhere") or self.text(path).count(given["old"]) == 1:
                self._write(path, self.text(path).replace(given["old"], given["new"]))
            case "json_set":
                self._write(path, with_value(self.text(path), given["key"], call.arguments["value"], path)[0])
            case "move_file":
                self._copy(path, given["to"])
                self._remove(path)
            case "delete_file":
                self._remove(path)
            case "shell":
                self._run(shlex.split(given["command"]))
            case "read_file" | "list_files" | "find_files" | "grep" | "json_get" | "git_status" | "git_diff" | "git_log":
                pass
            case _:
                raise ValueError(f"nobody knows what comes of {call}")

    def _run(self, words: list[str]) -> None:
        match words:
            case ["mkdir", _, *paths]:
                self._folders.update(map(self.normal, paths))
            case ["rm", _, path]:
                self._remove(self.normal(path))
            case ["cp", _, path, to]:
                self._copy(self.normal(path), to)
            case _:
                raise ValueError(f"nobody knows what comes of {' '.join(words)}")

    def _write(self, path: str, text: str) -> None:
        self._moved.pop(path, None)
        self._texts[path] = text

    def _copy(self, path: str, to: str) -> None:
        to = self.normal(to)
        files = [path] if self.kind(path) == "file" else [found.path for found in self.walk(path) if found.kind == "file"]
        if files != [path]:
            self._folders.add(to)
        for each in files:
            new = f"{to}{each.removeprefix(path)}"
            if each in self._texts:
                self._texts[new] = self._texts[each]
            else:
                self._moved[new] = self._moved.get(each, each)

    def _remove(self, path: str) -> None:
        for held in (self._texts, self._moved):
            for each in [each for each in held if each == path or each.startswith(f"{path}/")]:
                del held[each]
        self._folders = {each for each in self._folders if each != path and not each.startswith(f"{path}/")}
        self._gone.add(path)

    def _is_gone(self, path: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in self._gone)
