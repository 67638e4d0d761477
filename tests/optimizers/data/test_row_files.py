"""Rows in every usual form are read, and every odd or hostile file is one line that says where and what."""

import codecs
import csv
import gzip
import io
import json
import os
from datetime import date
from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.programs.planner import Planner
from dspy_programs.tables import LONGEST_LINE, MOST_COLUMNS, rows_in
from dspy_programs.types import Task
from optimizers.data import SPLITS, as_jsonl, read_split
from optimizers.recipes import RECIPES
from optimizers.train import main
from optimizers.training import read_rows, rows_to_test, training_of
from tests.fakes import both, scripted_lm, toy_row

PLANNER = RECIPES["planner"]
ROWS = [toy_row(number) for number in range(12)]
GOALS = [row["goal"] for row in ROWS]
ODD_GOAL = 'Do "it"; then, with tool_a\nand café'


def as_csv(rows=ROWS, delimiter=",", eol="\n", names=None):
    names = names or list(rows[0])
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=eol)
    writer.writerow(names)
    for row in rows:
        writer.writerow([value if isinstance(value := row[name], str) else json.dumps(value) for name in names])
    return text.getvalue().encode()


def as_parquet(rows=ROWS, **more):
    table = pyarrow.Table.from_pylist(rows)
    for name, values in more.items():
        table = table.append_column(name, pyarrow.array(values))
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def without(name, rows=ROWS):
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def with_goal(goal, place=3):
    return [row | {"goal": goal} if number == place else row for number, row in enumerate(ROWS)]


JSONL, LISTED = as_jsonl(ROWS), json.dumps(ROWS).encode()
READ = {
    "JSONL": ("rows.jsonl", JSONL),
    "any name": ("rows", JSONL),
    "JSONL called JSON": ("rows.json", JSONL),
    "byte order mark, CRLF": ("rows.ndjson", codecs.BOM_UTF8 + JSONL.replace(b"\n", b"\r\n")),
    "packed": ("rows.jsonl.gz", gzip.compress(JSONL)),
    "UTF-16 with a mark": ("rows.jsonl", JSONL.decode().encode("utf-16")),
    "CSV in UTF-16 with a mark": ("rows.csv", as_csv().decode().encode("utf-16")),
    "JSON list": ("rows.json", LISTED),
    "JSON list, indented": ("rows.JSON", codecs.BOM_UTF8 + json.dumps(ROWS, indent=2).encode()),
    "JSON list on one line longer than a row may be": ("rows.json", json.dumps(ROWS).replace(", ", ", " + " " * 9000).encode()),
    "JSON with data": ("rows.json", json.dumps({"version": 1, "data": ROWS}).encode()),
    "CSV": ("rows.csv", as_csv()),
    "CSV of a spreadsheet": ("rows.csv", codecs.BOM_UTF8 + as_csv(delimiter=";", eol="\r\n")),
    "CSV without ids and progress": ("rows.csv", as_csv(names=["tasks", "goal", "tools"])),
    "CSV with empty lines and columns": ("rows.csv", b"\n\n" + as_csv().replace(b"\n", b",,\n") + b",,,,,,\n\n"),
    "CSV, packed": ("rows.csv.gz", gzip.compress(as_csv())),
    "TSV": ("rows.tsv", as_csv(delimiter="\t")),
    "Parquet": ("rows.parquet", as_parquet()),
    "Parquet without ids": ("rows.parquet", as_parquet(without("id"))),
    "two streams in one packed file": ("rows.jsonl.gz", gzip.compress(JSONL[:500]) + gzip.compress(JSONL[500:])),
}


@pytest.mark.parametrize(("name", "data"), READ.values(), ids=list(READ))
def test_form_is_read(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    rows = read_split(tmp_path / name, Planner, PLANNER.labels)
    assert [row.goal for row in rows] == GOALS
    assert len({row.id for row in rows}) == len(rows)
    assert all(isinstance(task, Task) for row in rows for task in row.tasks)
    assert [task.tool for task in rows[0].tasks] == [task["tool"] for task in ROWS[0]["tasks"]]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "rows.tsv", "rows.parquet"])
def test_text_is_the_same_from_every_format(tmp_path, name):
    rows = with_goal(ODD_GOAL)
    delimiter = "\t" if name.endswith("tsv") else ";"
    made = {"json": json.dumps(rows).encode(), "jsonl": as_jsonl(rows), "parquet": as_parquet(rows)}
    (tmp_path / name).write_bytes(made.get(name.split(".")[1]) or as_csv(rows, delimiter))
    assert read_split(tmp_path / name, Planner, PLANNER.labels)[3].goal == ODD_GOAL


BLANKS = (b" " * 999 + b"\n") * 12_000
WIDE = ",".join(f"c{number}" for number in range(MOST_COLUMNS + 1)).encode()
REFUSED = {
    "list in JSONL": ("r.jsonl", LISTED, ":1: row: must be a JSON object, not list; if the file is one list, name it .json"),
    "torn": (
        "r.jsonl",
        JSONL + b'{"id": 3,',
        ":13: row: not JSON: Expecting property name enclosed in double",
    ),
    "CR only": ("r.jsonl", JSONL.replace(b"\n", b"\r"), "r.jsonl:1: row: not JSON: Extra data, column"),
    "key twice": ("r.jsonl", b'{"id": "a", "id": "b"}', "r.jsonl:1: row: not JSON: the key 'id' appears twice"),
    "UTF-16 without a mark": ("r.csv", as_csv().decode().encode("utf-16-le"), "r.csv:1: row: byte 2 is NUL"),
    "Latin-1": ("r.csv", as_csv(with_goal("café")).decode().encode("latin-1"), "r.csv:5: row: byte"),
    "surrogate": ("r.jsonl", JSONL.replace(b"job 3", b"job \\ud800"), "r.jsonl:4: row: not JSON: 'utf-8' codec can't encode"),
    "surrogate in a cell": (
        "r.csv",
        as_csv().replace(b"use tool_a", b"\\ud800", 1),
        "r.csv:2: tasks.0.title: Inp",
    ),
    "NUL": ("r.jsonl", JSONL.replace(b"job 3", b"job \0"), "r.jsonl:4: row: byte"),
    "NaN": ("r.jsonl", JSONL.replace(b'"job', b"NaN").replace(b'"toy-3"', b"NaN"), "r.jsonl:4: row: not JSON: NaN is not JSON"),
    "deep": ("r.json", b"[" * 100_000, "r.json: row: not JSON: maximum recursion depth"),
    "one long line": ("r.jsonl", b'{"goal": "' + b"x" * LONGEST_LINE, "r.jsonl:1: row: longer than 1,000,000 bytes"),
    "zip bomb": ("r.jsonl.gz", gzip.compress(b"x" * 50_000_000), "r.jsonl.gz:1: row: longer than 1,000,000 bytes"),
    "zip bomb of blank lines": (
        "r.csv.gz",
        gzip.compress(b"goal\n" + BLANKS),
        "r.csv.gz: unpacks to more than 200 times",
    ),
    "zip bomb of JSON": ("r.json.gz", gzip.compress(b" " * 101_000_000), "r.json.gz: larger than 100,000,000 bytes; save"),
    "torn packed file": ("r.jsonl.gz", gzip.compress(JSONL)[:-20], "r.jsonl.gz: cannot be read: Compressed file ended"),
    "not packed": ("r.jsonl.gz", JSONL, "r.jsonl.gz: cannot be read: Not a gzipped file"),
    "damaged packed file": ("r.jsonl.gz", gzip.compress(JSONL)[:30] + bytes(99), "r.jsonl.gz: cannot be read: "),
    "JSON of columns": ("r.json", b'{"goal": {"0": "x"}}', "r.json: give a list of rows, or an object with one under data"),
    "JSON list of lists": ("r.json", b"[[1]]", "r.json: row 1: row: must be a JSON object, not list"),
    "JSON, torn": ("r.json", json.dumps(ROWS, indent=1).encode()[:900], "r.json: row: not JSON: "),
    "JSON, wrong type": ("r.json", json.dumps(with_goal(5)).encode(), "r.json: row 4: goal: Input should be a valid string"),
    "two names of one split": ("r.json", b'{"val": [{}], "dev": [{}]}', "r.json: val and dev are both rows of val; remove one"),
    "CSV, cell is no list": ("r.csv", b"goal,tools,tasks\nx,y,[]\n", "r.csv:2: tools: Input should be a valid list"),
    "CSV, comma without quotes": ("r.csv", as_csv() + b"a,b,c,d,e,f,g\n", "r.csv:14: row: 7 cells for 5 columns"),
    "CSV, cell missing": ("r.csv", as_csv() + b"a,b\n", "r.csv:14: tools: missing; 2 cells for 5 columns"),
    "CSV, quote never closed": ("r.csv", as_csv() + b'a,"b,c\nd,e\n', "r.csv:14: row: not CSV: unexpected end of data"),
    "CSV, CR only": ("r.csv", as_csv(eol="\r"), "r.csv:1: row: not CSV: its lines end in CR only, save it with LF"),
    "CSV, other names": (
        "r.csv",
        as_csv().replace(b"goal", b"Goals", 1),
        "r.csv:2: goal: missing; the row has id, Goals,",
    ),
    "CSV, one name twice": ("r.csv", as_csv().replace(b"id", b"goal", 1), "r.csv:1: goal: two columns have this name"),
    "CSV with an index": (
        "r.csv",
        as_csv().replace(b"id", b"", 1),
        "r.csv:2: row: column 1 has no name; name it, or omit it in pandas",
    ),
    "CSV, too many columns": ("r.csv", WIDE, "r.csv:1: row: 1,001 columns; the limit is 1,000"),
    "CSV, a million columns": ("r.csv", b"a," * 1_000_000, "r.csv:1: row: longer than 1,000,000 bytes"),
    "CSV with a NUL": ("r.csv", as_csv().replace(b"job 1 ", b"job \0 "), "r.csv:3: row: byte"),
    "CSV without rows": ("r.csv", as_csv([ROWS[0]]).split(b"\n")[0], "r.csv: no rows"),
    "Parquet, torn": ("r.parquet", as_parquet()[:-9], "r.parquet: cannot be read: "),
    "Parquet, damaged": ("r.parquet", as_parquet()[:200] + bytes(300) + as_parquet()[500:], "r.parquet: "),
    "Parquet, wrong type": (
        "r.parquet",
        as_parquet(without("goal"), goal=[1.5] * 12),
        "r.parquet: row 1: goal: Input",
    ),
    "Parquet, one name twice": ("r.parquet", as_parquet(goal=GOALS), "r.parquet: goal: two columns have this name"),
    "Parquet, too many columns": (
        "r.parquet",
        as_parquet(**dict.fromkeys(WIDE.decode().split(","), [1] * 12)),
        "r.parquet: row: 1,",
    ),
    "CSV called Parquet": ("r.parquet", as_csv(), "r.parquet: cannot be read: "),
    "workbook": ("r.xlsx", b"PK", "r.xlsx: workbooks are not supported; save the sheet as CSV UTF-8"),
    "nothing": ("r.csv", b"", "r.csv: no rows"),
}


@pytest.mark.parametrize(("name", "data", "fault"), REFUSED.values(), ids=list(REFUSED))
def test_odd_file_is_one_line_that_says_where_and_what(tmp_path, name, data, fault):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DatasetError) as caught:
        read_split(tmp_path / name, Planner, PLANNER.labels)
    assert fault in str(caught.value) and str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500 + len(str(tmp_path))


def fields_of(tmp_path, **columns):
    table = pyarrow.table({name: pyarrow.array(*values) for name, values in columns.items()})
    pyarrow.parquet.write_table(table, tmp_path / "r.parquet")
    return [row.fields for row in rows_in(tmp_path / "r.parquet")]


def test_parquet_gives_what_json_can_hold(tmp_path):
    inner = pyarrow.struct([("name", pyarrow.string()), ("when", pyarrow.date32())])
    [fields] = fields_of(
        tmp_path,
        price=([Decimal("0.10")],),
        day=([date(2026, 1, 2)],),
        stamp=([1_700_000_000_000_000_123], pyarrow.timestamp("ns")),
        nested=([[{"name": "a", "when": None}, {"name": None, "when": date(2026, 1, 2)}]], pyarrow.list_(inner)),
        pairs=([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        kind=(pyarrow.array(["x"]).dictionary_encode(),),
        none=([None], pyarrow.string()),
    )
    assert json.loads(json.dumps(fields)) == {
        "price": 0.1,
        "day": "2026-01-02",
        "stamp": "2023-11-14T22:13:20.000000123",
        "nested": [{"name": "a"}, {"when": "2026-01-02"}],
        "pairs": [["k", 1]],
        "kind": "x",
        "none": None,
    }


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (b"\xff", "a value of type bytes, which JSON cannot represent"),
        (float("nan"), "NaN is not JSON"),
        ([1.0, float("-inf")], "-inf is not JSON"),
    ],
)
def test_parquet_value_that_json_cannot_hold_is_refused(tmp_path, value, fault):
    with pytest.raises(DatasetError, match=rf"r\.parquet: row 1: x: .*{fault}"):
        fields_of(tmp_path, n=([1, 2],), x=([value, value],))


# Places --------------------------------------------------------------------------------------------------------------------


def parts(rows=ROWS):
    return {"train": rows[:6], "val": rows[6:9], "test": rows[9:]}


def read(place, sizes=None):
    return {split: [row.goal for row in rows] for split, rows in read_rows(PLANNER, place, sizes or {}).items()}


def goals_of(made):
    return {split: [row["goal"] for row in rows] for split, rows in made.items()}


@pytest.mark.parametrize("name", ["val", "validation", "valid", "dev", "eval", "Valid"])
def test_folder_may_mix_formats_and_call_the_splits_as_people_do(tmp_path, name):
    (tmp_path / "train.csv").write_bytes(as_csv(parts()["train"], ";"))
    (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(as_jsonl(parts()["val"])))
    (tmp_path / "test.parquet").write_bytes(as_parquet(parts()["test"]))
    (tmp_path / "README.md").write_text("train")
    assert read(tmp_path) == goals_of(parts())


def test_json_may_have_the_splits_in_it(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps({"about": "x", **parts(), "dev": None}))
    assert read(tmp_path / "all.json") == goals_of(parts())
    (tmp_path / "two.json").write_text(json.dumps({"train": ROWS[:8], "test": ROWS[8:]}))
    assert read(tmp_path / "two.json") == {"train": GOALS[:8], "val": GOALS[:8], "test": GOALS[8:]}


def test_what_hugging_face_has_saved_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    many = datasets.DatasetDict({n: datasets.Dataset.from_list(rows) for n, rows in zip(SPLITS, parts().values(), strict=True)})
    many["validation"] = many.pop("val")
    many.save_to_disk(tmp_path / "many")
    assert read(tmp_path / "many") == goals_of(parts())
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "one")
    assert sorted(read(tmp_path / "one")["train"] + read(tmp_path / "one")["test"]) == sorted(GOALS)
    (tmp_path / "one" / "state.json").write_text("{}")
    with pytest.raises(DatasetError, match="one: cannot be read: "):
        read(tmp_path / "one")


ABROAD = [toy_row(number) for number in range(500, 506)]
ABROAD_AS = {
    "transfer_val.jsonl": as_jsonl(ABROAD),
    "transfer_val.jsonl.gz": gzip.compress(as_jsonl(ABROAD)),
    "Transfer_Val.json": json.dumps(ABROAD).encode(),
    "transfer_val.csv": as_csv(ABROAD, ";"),
    "transfer_val.parquet": as_parquet(ABROAD),
}


def transferred(place):
    """The goals of other sources that a training is given, and those that `evaluate` reads."""
    model = scripted_lm(both)
    training = training_of(PLANNER, model, model, data=place)
    tested = rows_to_test(PLANNER, place, "transfer_val", 2)
    return [row.goal for row in training.transfer], [row.goal for row in tested]


@pytest.mark.parametrize("name", ABROAD_AS)
def test_rows_of_other_sources_come_through_the_same_door(tmp_path, name):
    for split, rows in parts().items():
        (tmp_path / f"{split}.jsonl").write_bytes(as_jsonl(rows))
    (tmp_path / name).write_bytes(ABROAD_AS[name])
    goals = [row["goal"] for row in ABROAD]
    assert transferred(tmp_path) == (goals, goals[:2])
    assert read(tmp_path) == goals_of(parts()), "and no program learns from them"


def test_rows_of_other_sources_may_be_in_one_file_with_the_splits(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps({**parts(), "transfer_val": ABROAD}))
    goals = [row["goal"] for row in ABROAD]
    assert transferred(tmp_path / "all.json") == (goals, goals[:2])
    assert read(tmp_path / "all.json") == goals_of(parts())


def test_fault_in_rows_of_other_sources_is_told_as_any_other(tmp_path):
    for split, rows in parts().items():
        (tmp_path / f"{split}.jsonl").write_bytes(as_jsonl(rows))
    (tmp_path / "transfer_val.csv").write_bytes(as_csv(ABROAD).replace(b"Do job 502", b"Do \xff"))
    with pytest.raises(DatasetError, match=r"transfer_val\.csv:4: row: byte \d+ is not UTF-8"):
        transferred(tmp_path)


def test_folder_of_nothing_but_rows_of_other_sources_teaches_nothing(tmp_path):
    (tmp_path / "transfer_val.jsonl").write_bytes(as_jsonl(ABROAD))
    with pytest.raises(DatasetError, match="no train rows, only rows from other sources; give train and test"):
        read(tmp_path)


def test_rows_without_ids_do_not_clash_between_splits_and_are_named_the_same_each_time(tmp_path):
    for split, rows in parts(without("id")).items():
        (tmp_path / f"{split}.jsonl").write_bytes(as_jsonl(rows))
    first, second = (read_rows(PLANNER, tmp_path, {}) for _ in range(2))
    ids = [row.id for rows in first.values() for row in rows]
    assert ids[0] == "train-1" and len(set(ids)) == 12 and first == second


def test_rows_that_are_not_wanted_are_not_read(tmp_path):
    for split, rows in parts().items():
        (tmp_path / f"{split}.jsonl").write_bytes(as_jsonl(rows) + b"torn")
    wanted = {"train": 4, "val": 3, "test": 2}
    assert read(tmp_path, wanted) == {split: goals[: wanted[split]] for split, goals in goals_of(parts()).items()}


def make_nothing(path):
    path.mkdir()


def make_pipe(path):
    os.mkfifo(path)


def make_folder_of_rows(path):
    (path / "train.jsonl").mkdir(parents=True)


def make_pipe_in_folder(path):
    path.mkdir()
    os.mkfifo(path / "train.jsonl")


def make_loop(path):
    path.symlink_to(path)


def make_loop_in_folder(path):
    path.mkdir()
    (path / "train.jsonl").symlink_to("train.jsonl")


def make_two_of_train(path):
    path.mkdir()
    (path / "train.jsonl").write_bytes(JSONL)
    (path / "train.csv").write_bytes(as_csv())


def make_no_test(path):
    path.mkdir()
    (path / "train.jsonl").write_bytes(JSONL)
    (path / "val.jsonl").write_bytes(JSONL)


def make_splits_in_a_split(path):
    path.mkdir()
    for split in SPLITS:
        (path / f"{split}.json").write_text(json.dumps(parts()))


def make_empty_val(path):
    path.mkdir()
    for split, rows in parts().items():
        (path / f"{split}.jsonl").write_bytes(b"\n" if split == "val" else as_jsonl(rows))


def make_leak(path):
    path.mkdir()
    for split, rows in parts().items():
        (path / f"{split}.jsonl").write_bytes(as_jsonl([ROWS[11] | {"id": "mine"}] if split == "val" else rows))


PLACES = {
    make_nothing: "no train, val or test file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet), only nothing",
    make_pipe: "neither a file nor a folder",
    make_folder_of_rows: "no train, val or test file",
    make_pipe_in_folder: "no train, val or test file",
    make_loop: "no such file or folder",
    make_loop_in_folder: "no train, val or test file",
    make_two_of_train: "train.csv and train.jsonl are both rows of train; remove one",
    make_no_test: "no test rows, only train, val",
    make_splits_in_a_split: "train.json: has several splits (train, val, test); give this file itself",
    make_empty_val: "no val rows",
    make_leak: "row 'toy-11' of test has the same inputs as row 'mine' of val; test must stay unseen",
}


@pytest.mark.parametrize(("make", "fault"), PLACES.items(), ids=[make.__name__ for make in PLACES])
def test_place_that_cannot_be_read_is_one_line_and_exit_code_2(tmp_path, make, fault, capsys):
    make(tmp_path / "x.jsonl")
    assert main(["--module", "planner", "--data", str(tmp_path / "x.jsonl"), "--dry-run"]) == 2
    line = capsys.readouterr().err
    assert fault in line and line.startswith(f"error: {tmp_path / 'x.jsonl'}") and line.count("\n") == 1


def test_dry_run_says_how_many_of_ones_own_rows_are_used(tmp_path, capsys):
    for split, count in {"train": 40, "val": 30, "test": 60}.items():
        rows = [toy_row(len(split) * 1000 + number) for number in range(count)]
        (tmp_path / f"{split}.csv").write_bytes(as_csv(rows, ";"))
    assert main(["--module", "planner", "--data", str(tmp_path), "--dry-run", "--run-dir", str(tmp_path / "run")]) == 0
    assert "40 train, at most 30 validation, 50 test" in capsys.readouterr().out
