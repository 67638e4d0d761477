"""`data export`: every format, filters, parts, the data card, and what it refuses."""

import csv
import json
import os
from pathlib import Path

import dspy
import pyarrow.parquet as pq
import pytest

from dspy_programs.data import DataFolder, DataPair, read_pairs
from dspy_programs.data.labels.label import Label
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pair import id_of
from tests.dspy_programs.data.small_set import NAME, data, data_set, judge, lines_of, write

TURNS = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "And?"},
    {"role": "assistant", "content": "Fine."},
]
CHAT = DataPair(instruction="Hi", output="Fine.", messages=TURNS)
PLAIN = DataPair(instruction="Translate", input="cat", context="French.", output="chat", rejected="chien", category="words")
BARE = DataPair(instruction="Say yes", output="yes")
HELP = [{"role": "user", "content": "Help"}, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]
TOOLS = DataPair(instruction="Help", output="", messages=HELP)


def export(root, to, *arguments):
    return data(root, "export", "-d", NAME, "--to", to, *arguments)


def rows_of(path: Path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    return json.loads(path.read_text()) if path.suffix == ".json" else lines_of(path)


@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet", "csv"])
def test_the_ending_says_the_format_and_nothing_is_lost_or_changed(tmp_path, ending):
    odd = 'a "quoted", line\r\nwith\ttabs, =1+1, \u2028 and \U0001f600'
    pairs = data_set(tmp_path, 5, output=odd)
    assert export(tmp_path, tmp_path / f"out.{ending}") == 0
    rows = rows_of(tmp_path / f"out.{ending}")
    assert [row["id"] for row in rows] == [pair.id for pair in pairs]
    assert {row["output"] for row in rows} == {odd}
    if ending == "csv":
        assert list(rows[0]) == ["id", "instruction", "input", "output", "category"]
    else:
        held = rows[0]["metadata"]
        assert (json.loads(held) if ending == "parquet" else held) == pairs[0].metadata


def test_jsonl_comes_back_as_it_went(tmp_path):
    write(tmp_path, [CHAT, PLAIN, BARE, TOOLS])
    assert export(tmp_path, tmp_path / "out.jsonl") == 0
    assert list(read_pairs(tmp_path / "out.jsonl")) == list(read_pairs(DataFolder(tmp_path).pairs(NAME)))


EXPECTED = {
    "alpaca": [
        {"instruction": "Hi", "input": "", "output": "Fine."},
        {"instruction": "Translate", "input": "French.\n\ncat", "output": "chat"},
        {"instruction": "Say yes", "input": "", "output": "yes"},
    ],
    "sharegpt": [["system", "human", "gpt", "human", "gpt"], ["human", "gpt"], ["human", "gpt"]],
}


def test_alpaca(tmp_path):
    write(tmp_path, [CHAT, PLAIN, BARE, TOOLS])
    assert export(tmp_path, tmp_path / "a.json", "--format", "alpaca") == 0
    rows = rows_of(tmp_path / "a.json")
    assert rows == [
        {"instruction": "And?", "input": "", "output": "Fine.", "system": "Be short.", "history": [["Hi", "Hello"]]},
        {"instruction": "Translate", "input": "French.\n\ncat", "output": "chat"},
        {"instruction": "Say yes", "input": "", "output": "yes"},
    ]


@pytest.mark.parametrize("format", ["chatml", "openai"])
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_messages(tmp_path, capsys, format, ending):
    write(tmp_path, [CHAT, PLAIN, BARE, TOOLS])
    assert export(tmp_path, tmp_path / f"a.{ending}", "--format", format) == 0
    rows = rows_of(tmp_path / f"a.{ending}")
    assert [list(row) for row in rows] == [["messages"]] * len(rows)
    assert rows[0]["messages"] == TURNS
    assert rows[1]["messages"][0] == {"role": "user", "content": "French.\n\nTranslate\n\ncat"}
    assert rows[1]["messages"][1] == {"role": "assistant", "content": "chat"}
    if ending == "jsonl":
        assert rows[3]["messages"] == HELP
    else:
        assert len(rows) == 3 and "'tool_calls' in a turn, which Parquet has no column for" in capsys.readouterr().err


def test_sharegpt(tmp_path, capsys):
    write(tmp_path, [CHAT, PLAIN, TOOLS])
    assert export(tmp_path, tmp_path / "a.jsonl", "--format", "sharegpt") == 0
    rows = lines_of(tmp_path / "a.jsonl")
    assert [[turn["from"] for turn in row["conversations"]] for row in rows] == EXPECTED["sharegpt"][:2]
    assert rows[0]["id"] == id_of(CHAT) and rows[1]["conversations"][1]["value"] == "chat"
    assert "1 pair left out: no sharegpt: it has a turn that is not text" in capsys.readouterr().err


def test_dpo_of_texts_and_of_conversations(tmp_path, capsys):
    same = PLAIN.model_copy(update={"rejected": "chat", "input": "same"})
    write(tmp_path, [PLAIN, BARE, same])
    assert export(tmp_path, tmp_path / "a.jsonl", "--format", "dpo") == 0
    assert lines_of(tmp_path / "a.jsonl") == [{"prompt": "French.\n\nTranslate\n\ncat", "chosen": "chat", "rejected": "chien"}]
    told = capsys.readouterr().err
    assert "no dpo: it has no worse answer" in told and "the same answer as the better and the worse" in told
    write(tmp_path, [PLAIN, CHAT.model_copy(update={"rejected": "Bad."})])
    for ending in ("jsonl", "parquet"):
        assert export(tmp_path, tmp_path / f"b.{ending}", "--format", "dpo") == 0
        rows = rows_of(tmp_path / f"b.{ending}")
        assert [[type(value) for value in row.values()] for row in rows] == [[list] * 3] * 2, "one type a column"
        assert rows[1]["prompt"] == TURNS[:-1] and rows[1]["rejected"] == [{"role": "assistant", "content": "Bad."}]


def test_dspy_rows_are_what_training_reads(tmp_path):
    from optimizers.data import fields_of, read_split

    data_set(tmp_path, 12)
    assert export(tmp_path, tmp_path / "rows.jsonl", "--format", "dspy") == 0
    program = lambda: dspy.Predict("instruction, input -> output")  # noqa: E731
    examples = read_split(tmp_path / "rows.jsonl", program)
    assert len(examples) == 12 and examples[1].output == "2"
    assert set(fields_of(program, None).inputs) == {"instruction", "input"} == set(examples[0].inputs().keys())


def test_a_folder_of_parts_is_what_training_reads(tmp_path):
    from dspy_programs.tables import tables_at

    data_set(tmp_path, 20)
    folder = tmp_path / "rows"
    for _ in range(2):
        assert export(tmp_path, folder, "--format", "dspy", "--split", "train=.5,val=.25,test=.25") == 0
    assert {split: len(list(rows)) for split, rows in tables_at(folder).items()} == {"train": 10, "val": 5, "test": 5}
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "test.jsonl", "train.jsonl", "val.jsonl"]


def test_a_filter_a_label_and_a_judge_choose_pairs(tmp_path, capsys):
    pairs = data_set(tmp_path)
    judge(tmp_path, pairs, [9.0, 8.0, 7.0, 6.0, 5.0, None])
    store = LabelStore(DataFolder(tmp_path).labels(NAME))
    for pair, status in zip(pairs, ["approved", "rejected", "approved", "approved", "needs_edit"], strict=False):
        store.append(Label(pair_id=pair.id, status=status))
    out = tmp_path / "o.jsonl"
    assert export(tmp_path, out, "--judgments", "j", "--filter", "scores['overall'] >= 7") == 0
    assert [row["id"] for row in lines_of(out)] == [pair.id for pair in pairs[:3]]
    arguments = ["--where-label", "approved,needs_edit", "--judgments", "j", "--filter", "not passed"]
    assert export(tmp_path, out, *arguments) == 0
    assert [row["id"] for row in lines_of(out)] == [pairs[3].id, pairs[4].id]
    told = capsys.readouterr().err
    assert "scores from 0 to 10 (by their values); 3 pairs without one count as failed" in told
    assert "3 pairs left out: without a label, not approved or needs_edit" in told
    assert "2 pairs left out: did not match the filter" in told


def test_an_edited_pair_is_written_as_edited(tmp_path):
    pairs = data_set(tmp_path)
    store = LabelStore(DataFolder(tmp_path).labels(NAME))
    store.append(Label(pair_id=pairs[2].id, status="approved", edit={"output": "four"}))
    assert export(tmp_path, tmp_path / "o.jsonl", "--filter", "'four' in output") == 0
    [row] = lines_of(tmp_path / "o.jsonl")
    assert row["output"] == "four" and row["metadata"]["revision_of"] == pairs[2].id != row["id"]
    assert "1 pair as edited by a person" in (tmp_path / "README.md").read_text()


def parts(root, names, ending="jsonl"):
    return {name: rows_of(root / f"o.{name}.{ending}") for name in names}


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_parts_have_their_sizes_and_every_row_once(tmp_path, ending):
    pairs = data_set(tmp_path, 103)
    assert export(tmp_path, tmp_path / f"o.{ending}", "--split", "a=.8,b=.15,c=.05") == 0
    found = parts(tmp_path, "abc", ending)
    assert [len(rows) for rows in found.values()] == [82, 15, 6]
    assert sorted(row["id"] for rows in found.values() for row in rows) == sorted(pair.id for pair in pairs)
    assert not (tmp_path / f"o.{ending}").exists()


def test_the_same_seed_gives_the_same_parts_in_whatever_order(tmp_path):
    pairs = data_set(tmp_path, 60)
    drawn = []
    for order, seed in ((pairs, 7), (pairs[::-1], 7), (pairs, 8)):
        write(tmp_path, order)
        assert export(tmp_path, tmp_path / "o.jsonl", "--split", "a=.5,b=.5", "--seed", seed) == 0
        drawn.append({row["id"] for row in lines_of(tmp_path / "o.a.jsonl")})
    assert drawn[0] == drawn[1] != drawn[2]


def test_one_question_is_never_in_two_parts(tmp_path):
    asked = ["What is  THE capital of France?", "what is the capital of france", "What is the capital of France?!"]
    pairs = data_set(tmp_path, 40)
    same = [DataPair(instruction=text, output=str(number)) for number, text in enumerate(asked * 4)]
    write(tmp_path, pairs[:20] + same + pairs[20:])
    for seed in range(5):
        assert export(tmp_path, tmp_path / "o.jsonl", "--split", "a=.5,b=.5", "--seed", seed) == 0
        found = parts(tmp_path, "ab")
        assert [len(rows) for rows in found.values()] == [26, 26]
        assert [sum("apital" in row["instruction"] for row in rows) for rows in found.values()] in ([12, 0], [0, 12])


def test_nearly_the_same_question_is_never_in_two_parts(tmp_path):
    text = "Write a short friendly letter to your neighbour about the {} tree that stands between both of your gardens at home"
    near = [DataPair(instruction=text.format(word), output=word) for word in "old tall large oak apple dead".split()]
    write(tmp_path, near + data_set(tmp_path, 30))
    for seed in range(5):
        assert export(tmp_path, tmp_path / "o.jsonl", "--split", "a=.5,b=.5", "--seed", seed, "--by", "group") == 0
        counts = [sum("neighbour" in row["instruction"] for row in rows) for rows in parts(tmp_path, "ab").values()]
        assert sorted(counts) == [0, 6]


def test_a_field_keeps_its_pairs_together(tmp_path):
    pairs = [pair.model_copy(update={"metadata": {"topic": f"t{n % 7}"}}) for n, pair in enumerate(data_set(tmp_path, 70))]
    write(tmp_path, pairs)
    assert export(tmp_path, tmp_path / "o.jsonl", "--split", "a=.7,b=.3", "--by", "metadata.topic") == 0
    topics = [{row["metadata"]["topic"] for row in rows} for rows in parts(tmp_path, "ab").values()]
    assert not topics[0] & topics[1] and [len(each) for each in topics] == [5, 2]


def test_a_grouping_can_be_a_function(tmp_path):
    import numpy as np

    from dspy_programs.data import export_pairs as write_files

    data_set(tmp_path, 20)
    halves = lambda pairs: np.array([number % 2 for number, _ in enumerate(pairs)], np.uint64)  # noqa: E731
    shares = {"a": 0.5, "b": 0.5}
    done = write_files(DataFolder(tmp_path), NAME, tmp_path / "o.jsonl", "jsonl", shares=shares, by=halves)
    assert [part.rows for part in done.parts] == [10, 10]
    assert len({int(row["output"]) % 4 for row in lines_of(tmp_path / "o.a.jsonl")}) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--filter", "score['overall'] >= 7"], "did you mean scores?"),
        (["--filter", "9**9**9 > 1"], "too large"),
        (["--filter", "len(x) > 3"], "calls are not allowed"),
        (["--filter", "scores['overall'] > 7"], "--judgments"),
        (["--filter", "metadata['licens'] == 'x'"], "did you mean 'license'?"),
        (["--filter", "category == 'none'"], "nothing to export: of 8 pairs, 8 did not match the filter"),
        (["--judgments", "j", "--filter", "scores['overal'] > 7"], "did you mean 'overall'?"),
        (["--judgments", "k"], "there are: j"),
        (["--where-label", "good"], "choose from approved"),
        (["--where-label", "approved"], "8 without a label"),
        (["--split", "train:0.8"], "such as train=0.8,test=0.2"),
        (["--split", "a=.8,b=.3"], "sum to 1.1, not 1"),
        (["--split", "a=80%,b=20%"], "write 0.8, not 80%"),
        (["--split", "a=nan,b=1"], "not between 0 and 1"),
        (["--split", "a=-1,b=2"], "not between 0 and 1"),
        (["--split", "a=.5,a=.5"], "two parts are named 'a'"),
        (["--split", "../x=.5,b=.5"], "cannot be the name of a part"),
        (["--split", "a=.05,b=.95"], "'a' would be empty"),
        (["--split", "a=.5,b=.5", "--by", "metadata.license"], "would be empty"),
        (["--split", "a=.5,b=.5", "--by", "difficulty"], "no pair has it"),
        (["--split", "a=.5,b=.5", "--by", "colour"], "give hash, group"),
        (["--by", "colour"], "give hash, group"),
        (["--format", "xml"], "choose from jsonl, json"),
        (["--format", "csv"], "its name says jsonl"),
        (["--format", "dpo"], "8 no dpo: it has no worse answer"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(tmp_path, capsys, arguments, said):
    judge(tmp_path, data_set(tmp_path), [9.0] * 8)
    before = sorted(tmp_path.rglob("*"))
    assert export(tmp_path, tmp_path / "out" / "o.jsonl", *arguments) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and told.out == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("to", "more", "said"),
    [
        ("user/sums.jsonl", [], "is read"),
        ("labels/sums.jsonl", [], "is read"),
        ("judgments/sums.j.jsonl", ["--judgments", "j"], "is read"),
        ("user/sums.meta.json", [], "is read"),
        ("link.jsonl", [], "is read"),
        ("user", [], "give the name of a file"),
        ("o.jsonl.gz", [], "compressed"),
        ("o.txt", [], "does not say what to write"),
        ("o.csv", ["--format", "chatml"], "CSV cannot hold"),
        ("-", [], "give"),
        ("user/sums.jsonl/o.jsonl", [], "o.jsonl: cannot be written"),
    ],
)
def test_a_place_that_must_not_be_written_is_refused(tmp_path, capsys, to, more, said):
    judge(tmp_path, data_set(tmp_path), [9.0] * 8)
    (tmp_path / "link.jsonl").symlink_to(DataFolder(tmp_path).pairs(NAME))
    LabelStore(DataFolder(tmp_path).labels(NAME)).append(Label(pair_id="x", status="approved"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert export(tmp_path, to if to == "-" else tmp_path / to, *more) == 2
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_part_must_not_be_an_input_either(tmp_path, capsys):
    data_set(tmp_path, name="sums.train")
    data_set(tmp_path)
    data(tmp_path, "export", "-d", "sums.train", "--to", DataFolder(tmp_path).pairs(NAME), "--split", "train=.5,test=.5")
    assert "is read" in capsys.readouterr().err


def test_a_broken_line_leaves_the_old_files(tmp_path, capsys):
    path = write(tmp_path, data_set(tmp_path))
    out = tmp_path / "o.jsonl"
    assert export(tmp_path, out) == 0
    before = out.read_bytes()
    path.write_bytes(path.read_bytes() + b'{"instruction": 3}\n')
    assert export(tmp_path, out) == 2
    assert f"{path}:9: instruction" in capsys.readouterr().err and out.read_bytes() == before
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_data_set_that_changes_meanwhile_is_not_half_exported(tmp_path, capsys):
    path = write(tmp_path, data_set(tmp_path, 5))
    from dspy_programs.data import export_pairs as write_files
    from dspy_programs.errors import UsageError

    def grouping(pairs):
        from dspy_programs.data.export.grouping import group_of

        found = group_of("hash")(pairs)
        with path.open("ab") as file:
            file.write(b'{"instruction": "new", "output": "x"}\n')
        return found

    with pytest.raises(UsageError, match="was changed"):
        write_files(DataFolder(tmp_path), NAME, tmp_path / "o.jsonl", "jsonl", shares={"a": 0.5, "b": 0.5}, by=grouping)
    assert not list(tmp_path.glob("o.*"))


def test_the_card_says_what_is_in_the_files(tmp_path):
    pairs = data_set(tmp_path, 20)
    pairs[3] = pairs[3].model_copy(update={"metadata": {"license": "odd | `licence`\n# heading <b>"}})
    write(tmp_path, pairs)
    DataFolder(tmp_path).meta(NAME).write_text(json.dumps({"name": NAME, "source": "csv", "from": "s.csv", "parents": ["old"]}))
    DataFolder(tmp_path).meta("old").write_text(json.dumps({"name": "old", "source": "hf", "parents": [NAME, "gone"]}))
    assert export(tmp_path, tmp_path / "o.jsonl", "--split", "train=.8,val=.2", "--filter", "length['output'] < 3") == 0
    card = (tmp_path / "README.md").read_text()
    from hashlib import sha256

    for part, rows in (("train", 16), ("val", 4)):
        content = (tmp_path / f"o.{part}.jsonl").read_bytes()
        assert f"| o.{part}.jsonl | {rows} | {len(content):,} | `{sha256(content).hexdigest()}` |" in card
    assert "- CC0-1.0: 19 rows" in card and "\n# heading" not in card and "<b>" not in card
    assert "length['output'] < 3" in card and "source csv; from s.csv" in card
    assert "- old: source hf" in card and "- gone: nothing is on file" in card
    import yaml

    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "other"
    assert [each["split"] for each in front["configs"][0]["data_files"]] == ["train", "validation"]


def test_a_readme_of_somebody_else_stays(tmp_path, capsys):
    data_set(tmp_path)
    (tmp_path / "README.md").write_text("# My project\n")
    for _ in range(2):
        assert export(tmp_path, tmp_path / "o.jsonl") == 0
    assert (tmp_path / "README.md").read_text() == "# My project\n" and (tmp_path / "o.card.md").exists()
    (tmp_path / "README.md").unlink()
    assert export(tmp_path, tmp_path / "o.jsonl") == 0
    assert export(tmp_path, tmp_path / "other.jsonl") == 0
    assert "o.jsonl" in (tmp_path / "README.md").read_text() and (tmp_path / "other.card.md").exists()


def test_lone_surrogates_and_nan_make_files_that_anybody_reads(tmp_path):
    path = DataFolder(tmp_path).pairs(NAME)
    path.parent.mkdir(parents=True)
    line = '{"instruction": "a\\ud800b", "output": "x", "metadata": {"n": NaN, "t": "\\udfff"}}\n'
    path.write_text(line)
    for ending in ("jsonl", "json", "csv", "parquet"):
        code = export(tmp_path, tmp_path / f"o.{ending}")
        if code == 0:
            (tmp_path / f"o.{ending}").read_bytes().decode("utf-8", "strict") if ending != "parquet" else None
            assert "a" in str(rows_of(tmp_path / f"o.{ending}")[0]["instruction"])
        else:
            assert code == 2 and not (tmp_path / f"o.{ending}").exists()


def test_a_pipe_can_be_written_to(tmp_path):
    data_set(tmp_path)
    fifo = tmp_path / "pipe.jsonl"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert export(tmp_path, fifo) == 0
        assert os.read(reader, 1 << 20).count(b"\n") == 8
    finally:
        os.close(reader)
    assert not (tmp_path / "README.md").exists(), "there may be no place beside a pipe"
