"""Rows are read checked, every fault has its place, and building them again gives the same bytes."""

import codecs
import json
import re
from pathlib import Path
from typing import Annotated

import dspy
import pytest
from pydantic import Field

from dspy_programs.errors import DatasetError
from dspy_programs.lm import use
from dspy_programs.programs.actor import Actor
from dspy_programs.programs.planner import Planner
from dspy_programs.tables import LONGEST_LINE, WHOLE
from dspy_programs.text import jaccard, words
from dspy_programs.types import Function, Task, Tool, read_tools
from optimizers.data import (
    SPLITS,
    as_jsonl,
    completed,
    data_directory,
    read_split,
    require_unseen,
    sha256,
    split_own,
)
from optimizers.data.splits import FEWEST_OWN, inputs_of
from optimizers.recipes import RECIPES
from optimizers.sources.planner import SIZES, TOOLS_OFFERED, build
from tests.fakes import toy_row

LABELS = {"tasks": list[Task]}
SHIPPED = [path for split in SPLITS if (path := data_directory("planner") / f"{split}.jsonl").is_file()]


def line_of(**changes) -> bytes:
    row = {name: value for name, value in (toy_row(1) | changes).items() if value is not ...}
    return json.dumps(row).encode() + b"\n"


def task(**changes) -> list[dict]:
    return [{"id": 1, "tool": "tool_a", "title": "t", "depends_on": [], "success_criterion": ""} | changes]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def read(file: Path):
    return read_split(file, Planner, LABELS)


def test_read_split_gives_typed_examples_in_order(file):
    file.write_bytes(as_jsonl([toy_row(2), toy_row(1)]))
    rows = read(file)
    assert [row.id for row in rows] == ["toy-2", "toy-1"]
    assert set(rows[0].inputs().keys()) == {"goal", "tools", "progress"}
    assert all(isinstance(task, Task) for task in rows[0].tasks)


@pytest.mark.parametrize(
    "data",
    [
        line_of().replace(b"\n", b"\r\n"),
        codecs.BOM_UTF8 + line_of(),
        b"\n  \n" + line_of() + b"\r\n\n",
        line_of().rstrip(b"\n"),
        as_jsonl([toy_row(1) | {"goal": "reserve\u2028a caf\u00e9"}]),
    ],
    ids=["crlf", "byte order mark", "blank lines", "no last newline", "line separator in a string"],
)
def test_read_split_takes_other_ways_to_write_lines(file, data):
    file.write_bytes(data)
    assert [row.id for row in read(file)] == ["toy-1"]


def test_rows_without_id_are_named_for_their_file_and_line(file):
    file.write_bytes(line_of(id=...) + b"\n" + line_of(id=None))
    assert [row.id for row in read(file)] == ["rows-1", "rows-3"]


def test_only_the_first_rows_that_are_wanted_are_read(file):
    file.write_bytes(line_of(id=...) * 3 + b"no row\n")
    assert len(read_split(file, Planner, LABELS, 3)) == 3
    with pytest.raises(DatasetError, match=r"rows\.jsonl:4: row: not JSON"):
        read_split(file, Planner, LABELS, 4)


def test_input_that_the_program_has_a_default_for_may_be_left_out(file):
    file.write_bytes(line_of(progress=...))
    [row] = read(file)
    assert row.progress == "" and "progress" in row.inputs()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"goal": \n', "row: not JSON: Expecting value"),
        (b"goal,tools\n", "row: not JSON"),
        (b"[" * 50_000 + b"\n", "row: not JSON: maximum recursion depth"),
        (b'{"goal": ' + b"9" * 5000 + b"}\n", "row: not JSON: Exceeds the limit"),
        (b"[1, 2]\n", "row: must be a JSON object, not list"),
        (b"null\n", "row: must be a JSON object, not NoneType"),
        ("{'goal': 'ü'}\n".encode("latin-1"), "row: byte 11 is not UTF-8"),
        (line_of(goal="x" * LONGEST_LINE), "row: longer than 1,000,000 bytes"),
        (line_of(goal=...), "goal: missing; the row has id, tools, progress, tasks but needs goal, tasks; optional: tools"),
        (line_of(goal=..., gaol="x"), "goal: missing; the row has id, tools, progress, tasks, gaol but needs goal, tasks;"),
        (line_of(goal=..., **{f"x{n}": n for n in range(500)}), "goal: missing; the row has id, tools, progress, tasks, x0,"),
        (line_of(tasks=...), "tasks: missing"),
        (line_of(goal=5), "goal: Input should be a valid string"),
        (line_of(goal="\ud800"), "row: not JSON: 'utf-8' codec can't encode"),
        (line_of(tools="abc"), "tools: "),
        (line_of(tasks={}), "tasks: Input should be a valid list"),
        (line_of(tasks=task(id="one")), "tasks.0.id: Input should be a valid integer"),
        (line_of(tasks=task(depends_on=[1, "x"])), "tasks.0.depends_on.1: Input should be a valid integer"),
        (line_of(tasks=task(owner="me")), "tasks.0.owner: Extra inputs are not permitted"),
        (line_of(tasks=task() + task(title="")), "tasks.1.title: String should have at least 1 character"),
        (line_of(gaol="x"), "gaol: unknown field; choose from id, goal, tools, progress, tasks"),
        (line_of(id="toy-0"), "id: 'toy-0' was already used in "),
        (line_of(id=1), "id: '1' was already used in "),
        (line_of(id=[1]), "id."),
        (line_of(progress=float("nan")), "row: not JSON: NaN is not JSON"),
        (line_of().replace(b"job", b"j\0b"), "row: byte "),
        (line_of(**{"a\nb" * 99: 1}), "a b"),
    ],
)
def test_read_split_says_where_and_what_is_wrong(file, line, fault):
    file.write_bytes(as_jsonl([toy_row(0), toy_row(9) | {"id": "1"}]) + line)
    with pytest.raises(DatasetError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}:3: {fault}")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("data", [b"", b"\n\n", codecs.BOM_UTF8])
def test_read_split_refuses_file_without_rows(file, data):
    file.write_bytes(data)
    with pytest.raises(DatasetError, match=r"rows\.jsonl: no rows"):
        read(file)


def test_read_split_refuses_missing_file(file):
    with pytest.raises(DatasetError, match=r"rows\.jsonl: cannot be read: No such file"):
        read(file)


@pytest.mark.parametrize(
    ("changes", "question"),
    [
        ({"goal": ..., "goals": "x"}, "did you mean goals for goal?"),
        ({"progress": ..., "progres": "x"}, "did you mean progress for progres?"),
    ],
)
def test_nearest_name_is_suggested_for_one_that_is_missing_or_not_known(file, changes, question):
    file.write_bytes(line_of(**changes))
    with pytest.raises(DatasetError, match=re.escape(question)):
        read(file)


F = {"name": "f", "description": "d"}
X = {"type": "object", "properties": {"x": {"type": "integer"}}}


@pytest.mark.parametrize(
    "published",
    [
        [F | {"parameters": X}],
        [F | {"inputSchema": X, "annotations": {"readOnlyHint": True}}],
        [F | {"input_schema": X}],
        [{"type": "function", "function": F | {"parameters": X}}],
        [F | {"type": "function", "strict": True, "parameters": X}],
        {"tools": [F | {"inputSchema": X}], "nextCursor": None},
        {"f": {"description": "d", "parameters": X}},
    ],
)
def test_tools_of_a_row_are_read_in_every_form_that_a_call_takes(file, published):
    file.write_bytes(as_jsonl([{"goal": "g", "task": "t", "tools": published}]))
    [row] = read_split(file, Planner, {"task": str})
    assert row.tools == [Tool(**F)]
    [row] = read_split(file, Actor, {"goal": str})
    assert row.tools == read_tools(published) == [Function(**F, parameters=X)]


def test_what_is_no_tool_in_a_row_is_refused_with_the_reason(file):
    file.write_bytes(line_of(tools=[{"nam": "f"}]))
    with pytest.raises(DatasetError, match=r"rows\.jsonl:1: tools\.0: a tool has no name"):
        read(file)


def test_id_is_never_the_same_as_a_missing_field(file):
    file.write_bytes(as_jsonl([{"id": "1", "text": "a"}]))
    with pytest.raises(DatasetError, match=r"kind: missing; the row has id, text but needs text, kind; optional: hint$"):
        read_split(file, Sorter, {"kind": str})


class Sorter(dspy.Module):
    """A program of somebody else: one input without a type, one optional, and no signature of its own."""

    def forward(self, text, hint: str = "none"):
        return dspy.Prediction(kind=text)


def test_provenance_is_no_label_and_nothing_learns_from_it(file):
    file.write_bytes(line_of(provenance={"trace": "run-1", "weight": 0.5}))
    (row,) = read(file)
    assert "provenance" not in row


def read_unlabelled(file, program, **fields):
    file.write_bytes(as_jsonl([fields]))
    [row] = read_split(file, program, None)
    return row


def test_without_labels_any_other_field_is_one_as_it_is(file):
    row = read_unlabelled(file, Sorter, text="a", kind={"deep": [1, None]}, weight=0.5)
    assert (row.text, row.hint, row.kind, row.weight) == ("a", "none", {"deep": [1, None]}, 0.5)
    assert row.inputs().keys() == ["text", "hint"] and row.id == "rows-1"


@pytest.mark.parametrize(
    "program", [lambda: dspy.ChainOfThought("question, n: int -> answer"), lambda: dspy.Predict("question, n: int -> answer")]
)
def test_program_may_be_made_by_a_function_and_take_any_arguments(file, program):
    row = read_unlabelled(file, program, question="how many?", n=3, answer=4)
    assert row.inputs().keys() == ["question", "n"] and row.answer == 4
    with pytest.raises(DatasetError, match=r"rows\.jsonl:1: n: Input should be a valid integer"):
        read_unlabelled(file, program, question="how many?", n="three", answer=4)


def test_label_whose_type_has_a_default_may_be_left_out(file):
    file.write_bytes(line_of())
    [row] = read_split(file, Planner, LABELS | {"source": Annotated[str, Field(default="own")]})
    assert row.source == "own" and "source" not in row.inputs()


NOT_NEEDED = {
    "actor": ("context", "trajectory", "kind"),
    "code_editor": ("feedback", "why", "kind", "source", "package", "version", "licence"),
    "code_summarizer": ("ask", "language", "package", "version", "licence", "path"),
    "command_planner": ("context", "topic", "wording"),
    "data_generator": ("failures", "n", "others", "practise"),
    "document_qa": ("evidence", "kind"),
    "failure_judge": ("final_result", "is_successful", "tools", "cause", "label_kind", "source"),
    "log_context": ("source", "kind"),
    "loop_explainer": ("suggestion", "types", "keeps", "harness", "source", "package", "version", "licence"),
    "memory_summarizer": ("reference", "source", "label_kind"),
    "orchestrator": ("logs", "missing", "topic", "wording"),
    "planner": ("progress",),
    "quality_judge": ("input", "rubric", "unanimous"),
    "section_scorer": ("task", "group", "hard", "source"),
}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_row_of_ones_own_needs_only_what_it_is_scored_by(file, name):
    recipe = RECIPES[name]
    with (data_directory(name) / "train.jsonl").open(encoding="utf-8") as shipped:
        rows = [json.loads(line) for _, line in zip(range(60), shipped, strict=False)]
    kept = [{field: value for field, value in row.items() if field not in ("id", *NOT_NEEDED[name])} for row in rows]
    file.write_bytes(as_jsonl(kept))
    own = next(row for row in read_split(file, recipe.new_program, recipe.labels) if recipe.demonstrator(row).keys())
    assert not recipe.faults(own) and recipe.demonstrator(own).keys() and hash(recipe.kind(own)) is not None
    with use(None):
        answer = recipe.new_program()(**own.inputs())
    assert 0 <= recipe.metric(own, answer).value <= 1


def numbered(file, numbers):
    file.write_bytes(as_jsonl([toy_row(number) | {"id": f"{place}"} for place, number in enumerate(numbers)]))
    return read(file)


def test_rows_of_one_file_with_the_same_inputs_stay_on_one_side(file):
    rows = numbered(file, [*range(12), *range(12), 3, 3])
    for seed in range(20):
        splits = split_own(rows, seed, file)
        assert not {inputs_of(row) for row in splits["test"]} & {inputs_of(row) for row in splits["train"]}
        assert sorted(row.id for row in [*splits["train"], *splits["test"]]) == sorted(row.id for row in rows)


def test_rows_with_the_same_inputs_and_other_labels_are_not_shown_to_each_other(file):
    rows = [*numbered(file, range(12)), *(row.copy(id=f"{row.id} again", tasks=[]) for row in numbered(file, range(3)))]
    splits = split_own(rows, 0, file)
    assert {id_ for row in splits["train"] if (id_ := row.id.split()[0]) in "012"} == set()
    assert {row.id for row in splits["val"]} > {row.id for row in splits["train"]}
    require_unseen(splits, file)


def test_splits_that_are_missing_are_made_where_they_can_be(file):
    rows = numbered(file, range(12))
    assert completed({WHOLE: rows}, 3, "here") == completed({"train": rows}, 3, "here") == split_own(rows, 3, file)
    made = completed({"train": rows[:8], "test": rows[8:]}, 0, "here")
    assert made == {"train": rows[:8], "val": rows[:8], "test": rows[8:]}
    for there, missing in (({"train", "val"}, "test"), ({"test"}, "train"), ({"val", "test"}, "train")):
        with pytest.raises(DatasetError, match=f"here: no {missing} rows, only"):
            completed({split: rows for split in there}, 0, "here")


def test_same_row_may_train_and_validate_but_not_with_other_labels(file):
    rows = numbered(file, range(9))
    splits = {"train": rows[:4], "val": [rows[4], rows[0].copy(id="renamed")], "test": rows[6:]}
    require_unseen(splits, file)
    splits["train"].insert(0, rows[0].copy(id="0", tasks=rows[1].tasks))
    with pytest.raises(DatasetError, match="'renamed' of val has the same inputs as row '0' of train, but different labels"):
        require_unseen(splits, file)


def test_too_few_different_rows_of_one_file_are_refused(file):
    with pytest.raises(DatasetError, match=f"40 rows, 1 of them different: too few.* at least {FEWEST_OWN}"):
        split_own(numbered(file, [7] * 40), 0, file)
    with pytest.raises(DatasetError, match="8 rows: too few"):
        split_own(numbered(file, range(8)), 0, file)
    with pytest.raises(DatasetError, match="1 row: too few"):
        split_own(numbered(file, range(1)), 0, file)


@pytest.mark.parametrize("split", ["train", "val"])
def test_test_row_under_another_id_is_refused_and_the_same_id_for_another_row_is_not(file, split):
    rows = numbered(file, range(9))
    splits = {"train": rows[:3], "val": rows[3:6], "test": rows[6:]}
    require_unseen({**splits, "test": [row.copy(id="0") for row in rows[6:]]}, file)
    same = splits[split][1].copy(id="renamed")
    with pytest.raises(DatasetError, match=f"'renamed' of test has the same inputs as row '{splits[split][1].id}' of {split}"):
        require_unseen({**splits, "test": [rows[7], same]}, file)


def test_as_jsonl_is_read_back_as_it_was():
    rows = [toy_row(1), {"goal": 'é \u2028 \\ " \n'}]
    assert [json.loads(line) for line in as_jsonl(rows).split(b"\n") if line] == rows


@pytest.mark.skipif(not SHIPPED, reason="datasets/planner has not been built")
def test_shipped_splits_are_read_without_error():
    rows = {path.stem: read(path) for path in SHIPPED}
    assert rows.keys() == set(SPLITS) and all(rows.values())


@pytest.mark.skipif(not SHIPPED, reason="datasets/planner has not been built")
@pytest.mark.parametrize("field", ["id", "goal"])
def test_shipped_test_rows_are_in_no_other_split(field):
    seen = {path.stem: {getattr(row, field) for row in read(path)} for path in SHIPPED}
    assert not seen["test"] & (seen["train"] | seen["val"])
    assert not seen["train"] & seen["val"]


@pytest.mark.skipif(not SHIPPED, reason="datasets/planner has not been built")
def test_shipped_rows_have_their_reference_among_the_tools():
    for path in SHIPPED:
        for row in read(path):
            offered = {tool["name"] if isinstance(tool, dict) else tool.name for tool in row.tools}
            assert {task.tool for task in row.tasks} <= offered, f"{path}: {row.id}"


def write_raw(folder: Path, chains: int = 450, tests: int = 20) -> Path:
    """Write made-up chains of two and three tools in UltraTool's format, no two goals alike."""
    names = [f"tool_{n}" for n in range(30)]
    records = []
    for n in range(chains):
        used = [names[(n + 7 * k) % 30] for k in range(2 + n % 2)]
        steps = [f"Step {i} Call {tool} to do part {i} of job {n}" for i, tool in enumerate(used, 1)]
        goal = f"word{n}a word{n}b word{n}c and some more\n"
        nodes = [{"task": tool} for tool in used]
        records.append({"id": str(n), "user_request": goal, "task_steps": steps, "task_nodes": nodes, "type": "chain"})
    folder.mkdir()
    (folder / "data.json").write_text("".join(json.dumps(record) + "\n" for record in records))
    nodes = [{"id": name, "desc": f"does {name} ", "domain": [f"domain {n % 4}"]} for n, name in enumerate(names)]
    (folder / "tool_desc.json").write_text(json.dumps({"nodes": nodes}))
    (folder / "split_ids.json").write_text(json.dumps({"test_ids": {"chain": [str(n) for n in range(tests)]}}))
    return folder


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("ultratool") / "raw")


def test_build_twice_gives_same_bytes(raw):
    first, second = build(raw), build(raw)
    assert {k: sha256(as_jsonl(v)) for k, v in first.items()} == {k: sha256(as_jsonl(v)) for k, v in second.items()}


def test_build_gives_rows_that_can_be_read(raw, file):
    splits = build(raw)
    assert {split: len(rows) for split, rows in splits.items()} == {**SIZES, "test": 20}
    file.write_bytes(as_jsonl([row for rows in splits.values() for row in rows]))
    assert len(read(file)) == sum(SIZES.values()) + 20


def test_build_keeps_goals_of_splits_apart(raw):
    splits = {split: [words(row["goal"]) for row in rows] for split, rows in build(raw).items()}
    assert all(jaccard(a, b) <= 0.5 for a in splits["test"] for b in splits["train"] + splits["val"])


def test_build_offers_each_tool_of_the_reference_once(raw):
    for row in build(raw)["train"]:
        names = [tool["name"] for tool in row["tools"]]
        assert len(names) == len(set(names)) == TOOLS_OFFERED
        assert {task["tool"] for task in row["tasks"]} <= set(names)


def test_build_says_what_is_already_done_in_some_rows(raw):
    rows = [row for row in build(raw)["train"] if row["progress"]]
    assert 0 < len(rows) < SIZES["train"] / 4
    assert all(row["progress"].startswith("Done: do part 1") and len(row["tasks"]) == 2 for row in rows)


def test_build_refuses_folder_without_the_files(tmp_path):
    with pytest.raises(DatasetError, match="--raw must name the folder"):
        build(tmp_path)
