"""The tools of a repository that a question may need: those of `dspy-programs code`, with their arguments.

Descriptions are short: a model reads all of them with each question.
"""

from collections.abc import Mapping
from typing import Literal

from dspy_programs.types import Function

Kind = Literal["path", "name", "pattern", "words", "number", "language", "glob", "flag"]
KINDS: Mapping[str, Kind] = {
    "path": "path",
    "file": "path",
    "focus": "path",
    "logs": "path",
    "symbol": "name",
    "pattern": "pattern",
    "question": "words",
    "task": "words",
    "depth": "number",
    "tokens": "number",
    "k": "number",
    "lang": "language",
    "glob": "glob",
    "ignore_case": "flag",
    "fixed": "flag",
}
"""argument -> what its value is, and so where it may come from; an argument that is not here is words."""
_TYPES = {"number": "integer", "flag": "boolean"}


def _tool(name: str, description: str, needed: str = "", optional: str = "") -> Function:
    arguments = {each: {"type": _TYPES.get(KINDS[each], "string")} for each in f"{needed} {optional}".split()}
    parameters = {"type": "object", "properties": arguments, "required": needed.split(), "additionalProperties": False}
    return Function.model_validate({"name": name, "description": description, "parameters": parameters})


REPOSITORY_TOOLS = (
    _tool("search", "find the code that does something, asked in words without its name", "question", "path"),
    _tool("grep", "all lines with a text or a regular expression: uses of a name, a message, TODOs", "pattern", "path glob"),
    _tool("extract", "the source of one function, class or method whose name is known", "symbol", "path"),
    _tool("tree", "the folders and files", "", "path depth"),
    _tool("map", "an overview: the definitions that the rest uses most", "", "path focus tokens"),
    _tool("sg", "code of a certain form; $A is any expression, $$$ any number of them", "pattern", "lang path"),
    _tool("summary", "what a file or folder is for", "path"),
    _tool("context", "what went wrong: the errors in logs", "logs"),
    _tool("index", "build the search index anew or bring it up to date", "", "path"),
    _tool("commands", "shell commands for tests, builds, installing, git", "task"),
    _tool("plan", "the steps of a change, without making it", "task"),
    _tool("edit", "change code, a little: fix, add, rename", "task", "file"),
    _tool("run", "a whole task of several deeds: change, test, commit", "task"),
    _tool("patch", "apply a patch file", "file"),
)
READ_ONLY = frozenset("search grep extract tree map sg summary context index commands".split())
"""Those that change no file of the repository and need no model. `index` writes its own file, elsewhere."""
WHEN: Mapping[str, str] = {
    "search": "it asks where or how something is done, without a name",
    "grep": "it asks for every place of a text",
    "extract": "it names a definition to read",
    "tree": "it asks which files there are",
    "map": "it asks for an overview",
    "sg": "it describes the form of code",
    "summary": "it asks what a file is for",
    "context": "it asks what went wrong",
    "index": "it asks for the index itself",
    "commands": "it asks for shell commands",
    "plan": "it asks for steps, not for the change",
    "edit": "it asks for a change of the code",
    "run": "it asks for several deeds in a row",
    "patch": "it has a patch to apply",
    "": "none of the tools does this",
}
"""tool -> why it is chosen, in a few words."""
