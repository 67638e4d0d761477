"""The rooms: who may import from whom, that others come in by the door, and that docs/architecture.md shows them so."""

import ast

import pytest

from tests.architecture import PACKAGES, PAGE, ROOT, arrows, imports_of, is_package, module_of, modules, page, room_of, rooms

TOOLS = {"conversation", "registry", "programs", "provenance", "predict", "schemas", "lm", "cli"}
MAY_IMPORT = {
    "dspy_programs": {
        "conversation": set(),
        "schemas": set(),
        "shell": set(),
        "logs": set(),
        "predict": set(),
        "cli": set(),
        "tables": set(),
        "lm": {"schemas"},
        "cluster": {"lm"},
        "provenance": {"schemas"},
        "programs": {"lint_loops", "logs", "predict", "provenance", "schemas", "shell"},
        "registry": {"programs", "predict", "lm"},
        "failures": TOOLS,
        "memory": TOOLS,
        "budget": TOOLS,
        "lint_loops": set(),
        "linting": {"lint_loops", *TOOLS},
        "code": {"agent", "logs", "shell", *TOOLS},
        "router": TOOLS,
        "agent": {"failures", "memory", "shell", *TOOLS},
        "data": {"cluster", "failures", "tables", *TOOLS},
        "documents": TOOLS,
        "serve": {"code", "logs", "failures", "memory", "budget", "agent", "data", "documents", "router", "tables", *TOOLS},
    },
    "optimizers": {
        "calls": set(),
        "data": set(),
        "scoring": {"calls"},
        "search": {"scoring", "calls"},
        "recipes": {"search", "scoring", "data"},
        "promotion": {"search"},
        "harvesting": {"recipes"},
        "training": {"promotion", "recipes", "search", "scoring", "data", "calls"},
        "loop": {"harvesting", "training", "promotion", "recipes", "search", "scoring", "data", "calls"},
        "watching": {"loop", "training", "calls"},
        "measures": {"recipes", "scoring", "data", "calls"},
        "comparison": {"training", "recipes", "search", "scoring", "data", "calls"},
        "sources": {"harvesting", "measures", "recipes", "data"},  # the wheel leaves it out, so no room may need it
    },
}
"""room -> the rooms of its package that it may import from, besides files that stand beside the rooms.

The rooms of optimizers may use all of dspy_programs; those of dspy_programs use nothing of optimizers or metrics.
"""


CODE = {
    "files": set(),
    "parsing": set(),
    "old_names": set(),
    "index": {"files", "parsing"},
    "finding": {"files", "parsing", "index"},
    "overview": {"files", "parsing", "index"},
    "log_bus": {"index", "overview"},
    "explaining": {"files", "parsing", "finding", "overview", "log_bus"},
    "changing": {"files", "parsing", "index", "finding"},
    "history": {"files", "parsing", "index", "log_bus"},
    "console": {"old_names", "index"},
}
"""room inside of code -> the rooms of code that it may import from; its commands use them all."""


def test_every_room_has_its_arrows():
    assert {package: {room.rpartition(".")[2] for room in rooms(package)} for package in MAY_IMPORT} == {
        package: set(arrows_) for package, arrows_ in MAY_IMPORT.items()
    }


def test_imports_run_one_way():
    wrong = []
    for one, other in sorted(arrows()):
        package, _, room = one.partition(".")
        inside = other.startswith(f"{package}.")
        if inside and other.partition(".")[2] not in MAY_IMPORT[package][room]:
            wrong.append(f"{one} -> {other}")
    assert not wrong


def test_imports_run_one_way_inside_of_code():
    folder = ROOT / "dspy_programs" / "code"
    inside = {door.parent.name for door in folder.glob("*/__init__.py")}
    assert inside == {*CODE, "commands"}
    for room, allowed in CODE.items():
        for path in (folder / room).glob("*.py"):
            parts = [name.split(".")[2] for name in imports_of(path) if name.startswith("dspy_programs.code.")]
            assert inside.intersection(parts) <= {room, *allowed}, path


def test_the_arrows_that_are_allowed_have_no_loop():
    for allowed in (*MAY_IMPORT.values(), CODE):
        left = dict(allowed)
        while leaves := {room for room, others in left.items() if not others & left.keys()}:
            left = {room: others for room, others in left.items() if room not in leaves}
        assert not left


def test_files_beside_the_rooms_import_no_room():
    """But the front doors and what people run."""
    for package in MAY_IMPORT:
        for path in sorted((ROOT / package).glob("*.py")):
            if path.name.startswith("__") or "__main__" in path.read_text(encoding="utf-8"):
                continue
            top = {name for name in imports_of(path) if name.startswith(package) and room_of(name) != package}
            assert top <= BESIDE.get(module_of(path), set()), path


BESIDE = {
    "dspy_programs.types": {"dspy_programs.schemas"},
    "dspy_programs.tokens": {"dspy_programs.lm.weights.vocabulary"},  # when an embedded model is named, and only then
}


@pytest.mark.parametrize("package", PACKAGES)
def test_others_come_in_by_the_door(package):
    """A name that another room imports is at the door of its room; every other name is private.

    What people run, beside the rooms, may reach further: it puts the rooms together.
    """
    for path in modules(package):
        if (here := room_of(module_of(path))) == package:
            continue
        for name in imports_of(path):
            room = room_of(name)
            if room != here and "." in room:
                assert is_package(name), f"{path.relative_to(ROOT)} reaches into {name}"


def test_a_door_says_the_same_to_python_and_to_type_checkers():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("__init__.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            homes = next((ast.literal_eval(node.value) for node in tree.body if is_homes(node)), {})
            typed = {
                alias.asname or alias.name
                for block in tree.body
                if isinstance(block, ast.If)
                for node in block.body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            assert homes.keys() == typed, path


def is_homes(node):
    return isinstance(node, ast.Assign) and [target.id for target in node.targets if isinstance(target, ast.Name)] == ["_HOMES"]


def test_the_page_shows_the_tree_as_it_is():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.architecture"
