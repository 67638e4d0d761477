"""Shapes of programs: a type is its name and its schema, so a file that moves refuses no compiled program."""

import hashlib
import json
from enum import Enum
from pathlib import Path
from typing import Literal

import dspy
import pytest
from pydantic import TypeAdapter, create_model

from dspy_programs.errors import CompiledMismatch
from dspy_programs.registry import PROGRAMS, apply_state, load, read_compiled, shape_of
from dspy_programs.registry.compiled_store import save_compiled, shipped_directory
from dspy_programs.registry.shape import FieldShape, without_paths
from tests.dspy_programs.registry.test_compiled_store import provenance_of

SHIPPED = sorted(shipped_directory().glob("*/*.json"))


def line(module, **more):
    """Return a type `Line` as a file of this name would define it."""
    return create_model("Line", __module__=module, text=(str, ...), **more)


class Writer(dspy.Module):
    def __init__(self, type_):
        super().__init__()
        self.write = dspy.Predict(dspy.Signature({"goal": (str, dspy.InputField()), "lines": (type_, dspy.OutputField())}))


def saved(program, path):
    save_compiled(program, provenance_of(program, "writer"), path)
    return path


def test_a_type_that_moves_keeps_its_shape():
    shapes = [shape_of(Writer(list[line(module)])) for module in ("my_package.lines", "my_package.rooms.lines")]
    assert shapes[0] == shapes[1] and str(shapes[0]["write"][1]) == "output lines: list[Line]"


def test_a_compiled_file_says_nothing_of_where_types_are(tmp_path):
    path = saved(Writer(dict[str, list[line("my_package.lines")]]), tmp_path / "writer.json")
    assert "my_package" not in path.read_text() and '"type": "dict[str, list[Line]]"' in path.read_text()
    moved = Writer(dict[str, list[line("elsewhere")]])
    apply_state(moved, read_compiled(path), path)


def test_a_moved_type_with_another_schema_is_refused(tmp_path):
    path = saved(Writer(list[line("my_package.lines")]), tmp_path / "writer.json")
    with pytest.raises(CompiledMismatch, match=r"output lines: list\[Line\] \(its schema\)"):
        apply_state(Writer(list[line("elsewhere", size=(int, 0))]), read_compiled(path), path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_was_compiled_where_types_stood_elsewhere_loads(path, tmp_path):
    """As earlier versions wrote it, with the paths of another day."""
    text = path.read_text(encoding="utf-8").replace('"list[dspy_programs.', '"list[dspy_programs.another.room.')
    (tmp_path / "old.json").write_text(text, encoding="utf-8")
    old, now = load(path.parent.name, path=tmp_path / "old.json"), load(path.parent.name, path=path)
    assert old.dump_state() == now.dump_state()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_our_programs_are_written_without_paths(name):
    assert not [field for fields in shape_of(PROGRAMS[name]()).values() for field in fields if "." in field.type]


Colour = Enum("Colour", {"RED": "red"})


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("str", "str"),
        ("list[dspy_programs.programs.actor.actor.Line]", "list[Line]"),
        ("dict[str, list[a.b.C]] | None", "dict[str, list[C]] | None"),
        ("typing.Optional[tests.test_x.test_it.<locals>.Item]", "Optional[Item]"),
        (str(Literal["a.b", "it's v1.5", 'say "c.d"']), r"""Literal['a.b', "it's v1.5", 'say "c.d"']"""),
        (str(Literal[Colour.RED]), "Literal[<RED: 'red'>]"),
        ("typing.Annotated[float, Ge(ge=0.5)]", "Annotated[float, Ge(ge=0.5)]"),
        ("list[größe.Maß]", "list[Maß]"),
        ("typing.Literal['never closed, a.b", "Literal['never closed, a.b"),
    ],
)
def test_a_type_is_written_by_its_name(written, name):
    assert without_paths(written) == without_paths(name) == name


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "hostile", ["a" * 10**6, "a." * 10**6, "'\\" * 10**6, '"' * 999_999, "<locals>." * 10**5, "a.'" * 10**5]
)
def test_a_hostile_type_takes_no_time(hostile):
    assert FieldShape(name="x", role="input", type=hostile, schema_sha256="").type


def both(first, second):
    return Writer(create_model("Page", first=(line(first), ...), second=(line(second, size=(int, ...)), ...)))


def test_two_types_of_one_name_may_move():
    assert shape_of(both("a.b", "a.c")) == shape_of(both("rooms.b", "rooms.c"))


def test_two_types_of_one_name_as_they_were_written_before_still_fit(tmp_path):
    program = both("a.b", "a.c")
    path = saved(program, tmp_path / "writer.json")
    schema = TypeAdapter(program.write.signature.fields["lines"].annotation).json_schema()
    assert "a__b__Line" in schema["$defs"], "so pydantic tells them apart"
    state = json.loads(path.read_text())
    before = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()
    state["metadata"]["app"]["fields"]["write"][1]["schema_sha256"] = before
    Path(path).write_text(json.dumps(state))
    apply_state(both("a.b", "a.c"), read_compiled(path), path)
