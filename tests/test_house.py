"""The floor plan is a test, not a wish: who may import whom, and what belongs to every program."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dspy_programs.registry import PROGRAMS
from optimizers.cli import MODULES
from optimizers.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "dspy_programs": {"dspy_programs"},
    "metrics": {
        "metrics",
        *(f"dspy_programs.{name}" for name in ("types", "text", "shell", "pair_quality", "lint_loops", "edits")),
    },
    "optimizers": {"optimizers", "metrics", "dspy_programs"},
}
OUR_ROOMS = {*ALLOWED, "tests", "notebooks"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_room_imports_only_what_it_may(room):
    for path in modules(room):
        for name in imports_of(path):
            if name.split(".")[0] in OUR_ROOMS:
                allowed = any(name == target or name.startswith(f"{target}.") for target in ALLOWED[room])
                assert allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_program_file_mentions_no_model_and_no_metric():
    for name in PROGRAMS:
        imported = imports_of(ROOT / "dspy_programs" / "programs" / name / f"{name}.py")
        assert not {module for module in imported if module.startswith(("dspy_programs.lm", "metrics", "optimizers"))}


def test_modules_of_a_room_do_not_import_each_other_in_a_loop():
    for room in ALLOWED:
        edges = {}
        for path in modules(room):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            edges[name] = {target for target in imports_of_top_level(path) if target.startswith(room)}
        while leaves := {name for name, targets in edges.items() if not targets & edges.keys() - {name}}:
            edges = {name: targets for name, targets in edges.items() if name not in leaves}
        assert not edges, f"import loop in {room}: {sorted(edges)}"


def imports_of_top_level(path: Path) -> set[str]:
    """Imports that run when the file does: not those inside functions or for type checkers only."""
    tree = tree_of(path)
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names


def test_datasets_holds_no_python():
    assert not list((ROOT / "datasets").rglob("*.py"))


def test_programs_and_recipes_have_the_same_names():
    assert PROGRAMS.keys() == RECIPES.keys()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_program_has_its_data_card_metric_tests_and_compiled_file(name):
    files = [
        *(f"datasets/{name}/{file}" for file in ("train.jsonl", "val.jsonl", "test.jsonl", "CARD.md")),
        f"metrics/{name}.py",
        f"optimizers/sources/{name}.py",
        f"tests/dspy_programs/programs/test_{name}.py",
        f"tests/metrics/test_{name}.py",
        f"dspy_programs/compiled/{name}/qwen2.5-coder-1.5b.json",
    ]
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_help_names_every_module():
    assert MODULES == f"Which program: {', '.join(sorted(RECIPES))}, or all."


def test_every_module_says_what_it_gives():
    for room in ALLOWED:
        for path in modules(room):
            tree = tree_of(path)
            assert ast.get_docstring(tree) or not tree.body, f"{path.relative_to(ROOT)} has no docstring"


def test_nothing_configures_dspy_for_the_whole_process_but_configure():
    for room in ALLOWED:
        for path in modules(room):
            found = re.findall(r"dspy\.configure\(", path.read_text(encoding="utf-8"))
            assert not found or path.match("dspy_programs/lm/models.py"), path
