"""The call of a repository tool as the words of a command: `dspy-programs code grep TODO src`."""

from collections.abc import Mapping
from pathlib import PurePath

from pydantic import JsonValue

_FIRST = {
    "search": "question",
    "grep": "pattern",
    "sg": "pattern",
    "commands": "task",
    "plan": "task",
    "edit": "task",
    "run": "task",
}
"""tool -> the argument that stands before the path, without an option."""
_OPTIONS = {"depth": "--depth", "tokens": "--tokens", "k": "-k", "lang": "--lang", "glob": "--glob", "symbol": "--symbol"}
_SWITCHES = {"ignore_case": "--ignore-case", "fixed": "--fixed"}


def command_words(tool: str, arguments: Mapping[str, JsonValue], folder: str = ".") -> list[str]:
    """Return the words after `dspy-programs code`. folder: of the repository, as it can be reached from here."""

    def here(path: JsonValue) -> str:
        return str(PurePath(folder) / str(path)) if path != "-" else "-"

    found = [tool]
    if (first := _FIRST.get(tool)) is not None:
        value = str(arguments.get(first, ""))
        found += ["--", value] if value.startswith("-") else [value]
    options = [word for name, option in _OPTIONS.items() if name in arguments for word in (option, str(arguments[name]))]
    options += [switch for name, switch in _SWITCHES.items() if arguments.get(name) is True]
    if tool == "context":
        return [*found, "--logs", here(arguments.get("logs", "."))]
    if tool == "patch":
        return [*found, here(arguments.get("file", "")), *([folder] if folder != "." else [])]
    if "file" in arguments:
        options += ["--file", here(arguments["file"])]
    if "focus" in arguments:
        options += ["--focus", str(arguments["focus"])]
    place = here(arguments["path"]) if "path" in arguments else folder
    if "--" in found:
        return [found[0], *options, *found[1:], place]
    return [*found, *([place] if place != "." else []), *options]
