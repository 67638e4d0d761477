"""Rows of the actor from tiny raw files in the form of BFCL and ACEBench."""

import json
from pathlib import Path

import dspy
import pytest
from dspy import Example

from dspy_programs.errors import DatasetError
from dspy_programs.lm.replies import CompleteJSONAdapter
from dspy_programs.programs.actor import NO_TOOL, Actor
from dspy_programs.types import Function, Turn
from metrics.actor import AcceptedCall
from optimizers.data import as_jsonl, read_split
from optimizers.recipes import RECIPES
from optimizers.sources.actor import ATOMS, BFCL_KINDS, KINDS, build, last_turn, regular_schema
from tests.fakes import scripted_lm

COUNT = 24
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def function(name: str, key: str = "parameters") -> dict:
    properties = {"x": {"type": "integer", "description": "a number"}, "y": {"type": "float", "format": "double"}}
    return {"name": name, "description": "d ", key: {"type": "dict", "properties": properties, "required": ["x"]}}


def task_text(kind: str, i: int) -> str:
    return " ".join(f"{kind}{LETTERS[i]}{j}" for j in range(5))


def bfcl(kind: str, i: int, calls: int) -> tuple[dict, dict]:
    name = f"{kind}.f{i}"
    record = {"id": f"{kind}_{i}", "question": [[{"role": "user", "content": f" {task_text(kind, i)}\n"}]]}
    record["function"] = [function(name), function(f"{kind}.other")]
    return record, {"id": record["id"], "ground_truth": [{name: {"x": [n], "y": ["", 2.0]}} for n in range(calls)]}


def atom(kind: str, i: int) -> tuple[dict, dict]:
    name = f"{kind}_f{i}"
    question = f"user: {task_text(kind, i)}\nsystem: Which x?\nuser: It is {task_text('z' + kind, i)}, y is 0.5.\n"
    record = {"id": f"atom_{kind}_{i}", "question": question, "time": "It is noon。"}
    record["function"] = [function("other", "arguments"), function(name)]
    return record, {"id": record["id"], "ground_truth": {f"{name}_1": {"x": 1}, f"{name}_2": {"x": 2, "y": 0.5}}}


def write_raw(folder: Path) -> Path:
    calls = {"simple_python": 1, "multiple": 1, "parallel": 2, "parallel_multiple": 3, "irrelevance": 0}
    for kind in BFCL_KINDS:
        write(folder / "bfcl_v4", f"BFCL_v4_{kind}.json", [bfcl(kind, i, calls[kind]) for i in range(COUNT)])
    for kind in ATOMS:
        write(folder / "acebench_en", f"data_normal_atom_{kind}.json", [atom(kind, i) for i in range(COUNT // 3)])
    return folder


def write(folder: Path, name: str, pairs: list[tuple[dict, dict]]) -> None:
    (folder / "possible_answer").mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(as_jsonl([record for record, _ in pairs]))
    (folder / "possible_answer" / name).write_bytes(as_jsonl([answer for _, answer in pairs]))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_raw(tmp_path / "raw")


def rows_of(splits: dict) -> list[dict]:
    return [row for rows in splits.values() for row in rows]


def test_build_gives_rows_that_the_program_takes(raw, tmp_path):
    for split, rows in build(raw).items():
        file = tmp_path / f"{split}.jsonl"
        file.write_bytes(as_jsonl(rows))
        recipe = RECIPES["actor"]
        assert len(read_split(file, Actor, recipe.labels)) == len(rows) > 0


def test_build_is_the_same_every_time(raw):
    assert json.dumps(build(raw)) == json.dumps(build(raw))


def test_build_has_every_kind_in_turn_in_every_split(raw):
    kinds = {"simple", "multiple", "parallel", "parallel_multiple", "irrelevance", "step", "atom"}
    for split, rows in build(raw).items():
        here = {row["kind"] for row in rows}
        assert here == kinds if split != "val" else len(here) >= 5
        assert {row["kind"] for row in rows[: len(here)]} == here


def test_build_puts_no_function_and_no_id_into_two_splits(raw):
    splits = build(raw)
    ids = [row["id"] for row in rows_of(splits)]
    assert len(ids) == len(set(ids))
    called = [
        {call["tool"] for row in rows for call in row["calls"]}
        | {turn["tool_name"] for row in rows for turn in row["trajectory"]}
        for rows in splits.values()
    ]
    assert not (called[0] & called[2] or called[1] & called[2] or called[0] & called[1])


def test_build_keeps_to_the_sizes_and_drops_tasks_that_are_alike(raw):
    splits = build(raw, {"train": 2, "val": 1, "test": 3})
    kinds = [row["kind"] for row in splits["test"]]
    assert max(kinds.count(kind) for kind in kinds) <= 3
    for kind in BFCL_KINDS:
        calls = 0 if kind == "irrelevance" else 1
        pairs = [bfcl(kind, i, calls) for i in range(COUNT)]
        for record, _ in pairs:
            record["question"][0][0]["content"] = task_text(kind, 0)
        write(raw / "bfcl_v4", f"BFCL_v4_{kind}.json", pairs)
    assert [row["kind"] for row in rows_of(build(raw))].count("simple") == 1


def test_build_makes_later_steps_of_rows_with_several_calls(raw):
    steps = [row for row in rows_of(build(raw)) if row["kind"] == "step"]
    for row in steps:
        (turn,) = row["trajectory"]
        assert turn["tool_input"] == {"x": 0} and row["calls"][0]["accepted"]["x"] == [1]


def test_build_makes_atoms_with_context_and_single_values(raw):
    row = next(row for row in rows_of(build(raw)) if row["kind"] == "atom")
    assert row["context"].startswith("It is noon.\nuser: ") and row["context"].endswith("\nassistant: Which x?")
    assert row["task"].startswith("It is z")
    assert [call["accepted"] for call in row["calls"]] == [{"x": [1]}, {"x": [2], "y": [0.5]}]
    assert len({call["tool"] for call in row["calls"]}) == 1 and row["calls"][0]["tool"] in {t["name"] for t in row["tools"]}


def test_build_leaves_out_distractors_that_do_not_fit_and_rows_that_are_too_long(raw):
    record, answer = bfcl("multiple", 0, 1)
    record["function"][1]["description"] = "long " * 400
    long_record, long_answer = bfcl("multiple", 1, 1)
    long_record["question"][0][0]["content"] = "word " * 500
    write(raw / "bfcl_v4", "BFCL_v4_multiple.json", [(record, answer), (long_record, long_answer)])
    multiple = [row for row in rows_of(build(raw)) if row["kind"] == "multiple"]
    assert [[tool["name"] for tool in row["tools"]] for row in multiple] == [["multiple.f0"]]


def test_build_drops_answers_that_their_own_schema_refuses(raw):
    record, answer = bfcl("simple_python", 0, 1)
    answer["ground_truth"] = [{"simple_python.f0": {"x": ["five"]}}]
    write(raw / "bfcl_v4", "BFCL_v4_simple_python.json", [(record, answer)])
    assert "simple" not in {row["kind"] for row in rows_of(build(raw))}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("bfcl_v4/BFCL_v4_simple_python.json", '{"id": "x"}\n', "not a record of BFCL"),
        ("acebench_en/data_normal_atom_bool.json", '{"id": "x", "function": []}\n', "not a record of ACEBench"),
        ("bfcl_v4/possible_answer/BFCL_v4_parallel.json", '{"no": 1}\n', "not a file of answers"),
        ("bfcl_v4/BFCL_v4_multiple.json", "{\n", "not JSON"),
    ],
)
def test_build_names_the_file_that_is_wrong(raw, file, text, message):
    (raw / file).write_text(text)
    with pytest.raises(DatasetError, match=message) as caught:
        build(raw)
    assert Path(file).name in str(caught.value)


def test_build_refuses_a_folder_without_the_files(tmp_path):
    with pytest.raises(DatasetError, match="--raw must name the folder"):
        build(tmp_path)


def test_regular_schema_has_the_types_of_json_and_drops_what_does_not_matter():
    assert regular_schema(function("f")["parameters"]) == {
        "type": "object",
        "properties": {"x": {"type": "integer", "description": "a number"}, "y": {"type": "number"}},
        "required": ["x"],
    }
    assert regular_schema({"type": "tuple", "items": {"type": "any"}}) == {"type": "array", "items": {}}


def test_last_turn_refuses_a_talk_that_does_not_end_with_the_user():
    with pytest.raises(ValueError, match="does not speak last"):
        last_turn("user: x\nsystem: y", "")


@pytest.mark.parametrize("kind", KINDS)
def test_program_reads_a_demonstration_as_a_reply_that_scores_one(raw, kind):
    recipe = RECIPES["actor"]
    row = next(row for row in rows_of(build(raw)) if row["kind"] == kind)
    example = Example(**row).copy(
        tools=[Function(**tool) for tool in row["tools"]],
        calls=[AcceptedCall(**call) for call in row["calls"]],
        trajectory=[Turn(**turn) for turn in row["trajectory"]],
    )
    action = recipe.demonstrate(example)["act"]["action"]
    with dspy.context(lm=scripted_lm(lambda prompt: json.dumps({"action": action})), adapter=CompleteJSONAdapter()):
        answer = Actor()(**{name: example[name] for name in ("task", "tools", "context", "trajectory")})
    assert answer.answered_by == "model" and answer.cannot == (None if row["calls"] else NO_TOOL)
    assert recipe.metric(example, answer).value == 1.0
