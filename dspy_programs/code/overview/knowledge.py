"""What a folder's code consists of, as plain data: each file with its imports, classes and functions.

Input      an Index that is up to date.
Output     Knowledge; as JSON it is dspy-code's knowledge.json.
"""

from typing import TypedDict

from dspy_programs.code.index.index import Index


class KnownFile(TypedDict):
    """path: relative to the folder; functions: also methods; all names dotted, in the file's order."""

    path: str
    lines: int
    imports: list[str]
    classes: list[str]
    functions: list[str]


class Knowledge(TypedDict):
    root: str
    files: list[KnownFile]


def knowledge_of(index: Index) -> Knowledge:
    """Return the files that are code, in the order of their paths. What is defined inside a function is left out."""
    rows = index.database.rows("SELECT path, lines, imports FROM files WHERE language != '' AND why = '' ORDER BY path")
    files: dict[str, KnownFile] = {
        row["path"]: {
            "path": row["path"],
            "lines": row["lines"],
            "imports": row["imports"].split("\n") if row["imports"] else [],
            "classes": [],
            "functions": [],
        }
        for row in rows
    }
    for one in index.definitions():
        if not one.symbol.nested and one.path in files:
            names = files[one.path]["classes" if one.symbol.kind == "class" else "functions"]
            names.append(one.symbol.name)
    for file in files.values():  # overloads have one name
        file["classes"], file["functions"] = list(dict.fromkeys(file["classes"])), list(dict.fromkeys(file["functions"]))
    return {"root": str(index.folder), "files": list(files.values())}
