"""python -m tests.architecture: write docs/architecture.md anew: a drawing of the rooms, and every file in a line.

What stands before the mark is written by hand and stays.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("dspy_programs", "metrics", "optimizers")
MARK = """<!-- From here on made by `python -m tests.architecture`; edit the docstrings of the files instead. -->

An arrow means "imports from"; arrows that a longer way implies are left out, and so are the files beside the rooms.
"""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def is_package(module: str) -> bool:
    return (ROOT / Path(*module.split(".")) / "__init__.py").is_file()


def room_of(module: str) -> str:
    """Return the room that a module, or a name in one, is in: "optimizers.search"; of a file beside the rooms its package."""
    parts = module.split(".")
    room = ".".join(parts[:2])
    return room if len(parts) > 1 and is_package(room) else parts[0]


def imports_of(path: Path) -> set[str]:
    """Return the modules of this project that a file imports from, at any place in it; of a package the door."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if not is_room(node.module):  # `from dspy_programs import types`: a file
                names.update(full for alias in node.names if is_file(full := f"{node.module}.{alias.name}"))
    return {name for name in names if name.split(".")[0] in PACKAGES}


def is_room(module: str) -> bool:
    return is_package(module) and "." in module


def is_file(module: str) -> bool:
    return (ROOT / Path(*module.split("."))).with_suffix(".py").is_file() or is_package(module)


def arrows() -> set[tuple[str, str]]:
    """Return (room, room it imports from) for all rooms but the front doors and the commands, which may use every room."""
    found = set()
    for package in PACKAGES:
        for path in modules(package):
            room = room_of(module_of(path))
            if room == package:
                continue
            found |= {(room, room_of(name)) for name in imports_of(path)}
    return {(one, other) for one, other in found if one != other and (is_room(other) or other == "metrics")}


def without_shortcuts(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave out an arrow where a longer way says the same."""
    below: dict[str, set[str]] = {}

    def reached(room: str) -> set[str]:
        if room not in below:
            below[room] = set()
            nexts = {other for one, other in found if one == room}
            below[room] = nexts | {far for each in nexts for far in reached(each)}
        return below[room]

    return {
        (one, other)
        for one, other in found
        if not any(other in reached(between) for first, between in found if first == one and between != other)
    }


def first_line(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0]


def drawing() -> Iterator[str]:
    """Draw the rooms as Mermaid; GitHub shows it as a picture."""
    shown = without_shortcuts(arrows())
    yield "```mermaid"
    yield "flowchart TD"
    yield "    commands([python -m optimizers.train, evaluate, ...]) --> optimizers_comparison & optimizers_measures"
    yield "    tools([dspy-programs failures, memory, budget, serve]) --> dspy_programs_serve"
    for package in ("optimizers", "dspy_programs"):
        yield f"    subgraph {package}"
        for room in rooms(package):
            yield f"        {id_of(room)}[{room.rpartition('.')[2]}]"
        yield "    end"
    for one, other in sorted(shown):
        yield f"    {id_of(one)} --> {id_of(other)}"
    yield "```"


def id_of(room: str) -> str:
    return room.replace(".", "_")


def rooms(package: str) -> list[str]:
    return sorted(module_of(path) for path in (ROOT / package).glob("*/__init__.py"))


def tree() -> Iterator[str]:
    """Say in a line each what every file gives."""
    for package in PACKAGES:
        yield f"## {package}/"
        yield ""
        yield from files_in(ROOT / package, "")
        yield ""


def files_in(folder: Path, indent: str) -> Iterator[str]:
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{indent}- `{path.name}`: {first_line(path)}"
    for door in sorted(folder.glob("*/__init__.py")):
        yield f"{indent}- **`{door.parent.name}/`** {first_line(door)}"
        yield from files_in(door.parent, indent + "  ")


def page() -> str:
    """Return the page as it should be."""
    by_hand, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    return by_hand + MARK + "\n" + "\n".join([*drawing(), "", *tree()])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
