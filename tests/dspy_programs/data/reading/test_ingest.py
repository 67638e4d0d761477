"""A data set is all of its rows, or a list of those that are not in it, or one line that says why there is none."""

import codecs
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from dspy_programs.__main__ import main
from dspy_programs.data import DataFolder, ingest, load_dataset_jsonl, read_pairs
from dspy_programs.data.reading import preview
from dspy_programs.data.reading.seen import Seen
from dspy_programs.errors import DatasetError, UsageError
from dspy_programs.tables import LONGEST_LINE
from tests.optimizers.data.test_row_places import hub
from tests.processes import Started

ROOT = Path(__file__).resolve().parents[4]
ROWS = [{"instruction": f"Say {number}", "input": "", "output": f"{number}!"} for number in range(5)]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data")


def write(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


def rejects_of(folder, name="x"):
    return [json.loads(line) for line in folder.rejects(name).read_bytes().splitlines()]


def outputs(folder, name="x"):
    return [pair.output for pair in read_pairs(folder.existing(name))]


def as_csv(delimiter=","):
    lines = [delimiter.join(ROWS[0]), *(delimiter.join(row.values()) for row in ROWS)]
    return ("\r\n".join(lines) + "\r\n").encode()


def as_parquet(rows=ROWS):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue()


FILES = {
    "r.jsonl": JSONL,
    "r.ndjson": codecs.BOM_UTF8 + JSONL.replace(b"\n", b"\r\n"),
    "r.jsonl.gz": gzip.compress(JSONL),
    "utf16.jsonl": JSONL.decode().encode("utf-16"),
    "r.json": json.dumps(ROWS, indent=1).encode(),
    "data.json": json.dumps({"version": 1, "data": ROWS}).encode(),
    "lines.json": JSONL,
    "r.csv": codecs.BOM_UTF8 + as_csv(),
    "semicolon.csv": as_csv(";"),
    "r.tsv": as_csv("\t"),
    "r.parquet": as_parquet(),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_pairs(tmp_path, folder, name):
    made = ingest(write(tmp_path, name, FILES[name]), "x", folder)
    assert (made.pairs, made.rejects, made.shapes) == (5, {}, {"alpaca": 5})
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() == made.meta["checksum"]
    assert made.meta["checksum"] == ingest(write(tmp_path, "o.jsonl", JSONL), "y", folder).meta["checksum"]


def test_saved_data_set_is_read_by_split(tmp_path, folder):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    parts = {"train_sft": datasets.Dataset.from_list(ROWS[:2]), "test_sft": datasets.Dataset.from_list(ROWS[2:])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    assert ingest(tmp_path / "saved", "x", folder, split="test_sft").pairs == 3
    for split, fault in ((None, "choose one of train_sft, test_sft"), ("dev", "no split 'dev', only train_sft, test_sft")):
        with pytest.raises(DatasetError, match=fault):
            ingest(tmp_path / "saved", "x", folder, split=split)


MIXED = [
    (b'{"instruction": "Translate", "input": "cat", "output": "ok"}', None),
    (b'{"instruction": "Translate", "input": "dog", "output": "ok"}', None),
    (b'{"id": "another", "instruction": "Translate", "input": "dog", "output": "ok"}', ("duplicate", "the same content as")),
    (b"", None),
    (b'{"instruction": "torn', ("unreadable", "not JSON: Unterminated string")),
    (b'{"instruction": "", "output": " "}', ("empty", "are empty")),
    (b'{"instruction": "th\xe9"}', ("unreadable", "byte 20 is not UTF-8")),
    (b'{"instruction": "\\ud800"}', ("unreadable", "surrogates not allowed")),
    (b'{"instruction": "a", "score": NaN}', ("unreadable", "NaN is not JSON")),
    (b'{"instruction": "a", "score": 1e999}', ("unreadable", "cannot be written as JSON")),
    (b'{"instruction": "a", "instruction": "b"}', ("unreadable", "the key 'instruction' appears twice")),
    (b'{"instruction": "a\x00"}', ("unreadable", "is NUL")),
    (b'{"instruction": "a\x1b"}', ("unreadable", "Invalid control character")),
    (b"[" * 100_000, ("unreadable", "recursion")),
    (b'{"n": ' + b"9" * 5000 + b"}", ("unreadable", "integer string conversion")),
    (b'{"instruction": "' + b"x" * LONGEST_LINE + b'"}', ("unreadable", "longer than 1,000,000 bytes")),
    (b"[1]", ("unreadable", "must be a JSON object, not list")),
    (b'{"text": "x"}', ("no pair", "no instruction in text")),
    (b'{"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}', None),
    (b'{"prompt": "\\u0000\\u001b[31m", "chosen": "b", "rejected": "c"}', None),
]


def test_rows_that_are_not_taken_are_listed_and_the_others_are_taken(tmp_path, folder):
    made = ingest(write(tmp_path, "r.jsonl", b"\n".join(line for line, _ in MIXED)), "x", folder)
    assert made.shapes == {"alpaca": 2, "chatml": 1, "dpo": 1} and outputs(folder) == ["ok", "ok", "a", "b"]
    expected = [(number, *fault) for number, (_, fault) in enumerate(MIXED, 1) if fault]
    found = rejects_of(folder)
    assert [(each["line"], each["kind"]) for each in found] == [(number, kind) for number, kind, _ in expected]
    for each, (_, _, reason) in zip(found, expected, strict=True):
        assert reason in each["reason"] and each["text"] and len(each["text"]) <= 500
    assert made.meta["rejects"] == len(expected) == sum(made.rejects.values())


CSV = b'instruction,output\na,"b\nc"\nstray,"quote\nd,e\nf,\xe9\ng,h,i\nj\nk,"l"m\nn,o\n'


def test_bad_line_of_csv_spoils_no_other(tmp_path, folder):
    ingest(write(tmp_path, "r.csv", CSV), "x", folder)
    assert outputs(folder) == ["b\nc", "e", "o"]
    assert [each["line"] for each in rejects_of(folder)] == [4, 6, 7, 8, 9]


def test_quote_that_is_never_closed_takes_neither_the_rest_nor_the_memory(tmp_path, folder):
    rows = b"".join(b"q%d,a\n" % number for number in range(100_000))
    made = ingest(write(tmp_path, "r.csv", b'instruction,output\nx,"y\n' + rows), "x", folder)
    assert made.pairs == 100_000 and [each["line"] for each in rejects_of(folder)] == [2]


def test_bad_row_in_a_list_that_ends_spoils_no_other(tmp_path, folder):
    rows = [json.dumps(row) for row in ROWS]
    rows[1:1] = [
        '{"instruction": "a", "x": NaN}',
        "7",
        '{"instruction": "\\udfff"}',
        json.dumps({"prompt": "y" * LONGEST_LINE}),
    ]
    made = ingest(write(tmp_path, "r.json", ("[" + ",\n".join(rows) + "]").encode()), "x", folder)
    assert made.pairs == 5 and [each["line"] for each in rejects_of(folder)] == [2, 3, 4, 5]


NOTHING = {
    "truncated Parquet": ("r.parquet", as_parquet()[:-9], "cannot be read"),
    "damaged Parquet": ("r.parquet", as_parquet()[:100] + bytes(200) + as_parquet()[300:], "cannot be read"),
    "torn list": ("r.json", json.dumps(ROWS).encode()[:-20], "not JSON: "),
    "list without a comma": ("r.json", b'[{"prompt": "a"} {"prompt": "b"}]', "no comma and no end of the list after row 1"),
    "list with more behind": ("r.json", b'[{"prompt": "a"}] x', "more text after the end of the list"),
    "torn packed file": ("r.jsonl.gz", gzip.compress(JSONL)[:-9], "Compressed file ended"),
    "unpacks to too much": ("r.jsonl.gz", gzip.compress(JSONL + (b" " * 999 + b"\n") * 12_000), "more than 200 times its size"),
    "unknown suffix": ("r.txt", JSONL, "cannot tell the format by the suffix '.txt'; give --format jsonl"),
    "workbook": ("r.xlsx", b"PK", "cannot tell the format"),
    "no rows": ("r.jsonl", b"\n\n", "no rows"),
    "no pairs": (
        "r.jsonl",
        b'{"text": "a"}\n{"text": "b"}\n',
        "no pair in 2 rows; the first, in line 1: no instruction in text",
    ),
    "UTF-16 without a mark": (
        "r.jsonl",
        JSONL.decode().encode("utf-16-le"),
        "no pair in 6 rows; the first, in line 1: byte 2 is NUL",
    ),
    "two columns of a name": ("r.csv", b"prompt,prompt\na,b\n", "two columns have this name"),
    "several splits": ("r.json", json.dumps({"train": ROWS, "test": ROWS}).encode(), "has several splits"),
}


@pytest.mark.parametrize(("name", "data", "fault"), NOTHING.values(), ids=list(NOTHING))
def test_file_without_a_pair_is_one_line_and_the_old_set_stays(tmp_path, capsys, name, data, fault):
    write(tmp_path, "old.jsonl", JSONL)
    command = ["data", "ingest", "--data", str(tmp_path / "data"), "-n", "x", "-i"]
    assert main([*command, str(tmp_path / "old.jsonl")]) == 0
    before = files_in(tmp_path / "data")
    capsys.readouterr()
    assert main([*command, str(write(tmp_path, name, data))]) == 2
    told = capsys.readouterr()
    assert fault in told.err and told.err.count("\n") == 1 and told.out == ""
    assert files_in(tmp_path / "data") == before


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["../../../escape", "a/b", "x.rejects", ".x"])
def test_name_leads_nowhere_else(tmp_path, folder, name):
    with pytest.raises(UsageError, match="cannot be the name of a data set"):
        ingest(write(tmp_path, "r.jsonl", JSONL), name, folder)
    assert not folder.root.exists()


def test_mapping_to_a_column_that_no_row_has_is_refused(tmp_path, folder):
    with pytest.raises(UsageError, match=r"--map input=contxt: no row of .*r\.jsonl has contxt"):
        ingest(write(tmp_path, "r.jsonl", JSONL), "x", folder, mapping={"input": "contxt"})
    assert not folder.pairs("x").exists()


def test_rejects_of_a_set_are_not_ingested_over_it(tmp_path, folder):
    ingest(write(tmp_path, "r.jsonl", JSONL + b"torn"), "x", folder)
    with pytest.raises(UsageError, match="is read, so it cannot be an output"):
        ingest(folder.rejects("x"), "x", folder)
    before = folder.pairs("x").read_bytes()
    assert ingest(folder.pairs("x"), "x", folder).pairs == 5 and folder.pairs("x").read_bytes() == before


def test_limit_counts_pairs_and_ends_the_reading(tmp_path, folder):
    path = write(tmp_path, "r.jsonl", b"torn\n" + JSONL + b"torn too")
    assert ingest(path, "x", folder, limit=2, tag="t").meta["row_count"] == 2
    assert len(rejects_of(folder)) == 1 and [pair.metadata["tag"] for pair in read_pairs(folder.pairs("x"))] == ["t", "t"]


def test_preview_is_what_would_be_written(tmp_path, folder):
    path = write(tmp_path, "r.jsonl", b"torn\n" + JSONL)
    shown = preview(path)
    ingest(path, "x", folder)
    assert shown.pairs == [json.loads(line) for line in folder.pairs("x").read_bytes().splitlines()[:3]]
    assert [reject.line for reject in shown.rejects] == [1]


def test_loading_keeps_ids_and_takes_other_shapes(tmp_path, folder):
    made = ingest(write(tmp_path, "r.jsonl", JSONL), "x", folder)
    assert load_dataset_jsonl(made.path) == list(read_pairs(made.path))
    assert load_dataset_jsonl(write(tmp_path, "r2.jsonl", JSONL)) == list(read_pairs(made.path))
    with pytest.raises(DatasetError, match=r"bad\.jsonl:1: no instruction in text"):
        load_dataset_jsonl(write(tmp_path, "bad.jsonl", b'{"text": "a"}'))


def test_seen_is_a_set():
    digests = [hashlib.sha256(str(number % 7000).encode()).digest()[:16] for number in range(10_000)]
    seen, known = Seen(), set()
    for digest in digests:
        assert seen.add(digest) is (digest not in known)
        known.add(digest)
    assert len(seen) == len(known)


# Commands and processes ----------------------------------------------------------------------------------------------------


def test_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSPY_PROGRAMS_REPORTS", "elsewhere")
    write(tmp_path, "mine.jsonl", JSONL + b'{"instruction": "only"}\ntorn\n')
    assert main(["data", "init"]) == 0
    assert capsys.readouterr().out.split() == ["data", "data/checkpoints", "elsewhere"]
    for command, advice in (("ls", "data ingest"), ("status", "data run")):
        assert main(["data", command]) == 0
        told = capsys.readouterr()
        assert told.out == "" and f"dspy-programs {advice}" in told.err and told.err.count("\n") == 1
    assert main(["data", "ingest", "-i", "mine.jsonl", "--dry-run"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 3 and files_in(tmp_path / "data") == {}
    assert main(["data", "ingest", "-i", "mine.jsonl"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "Ingested 6 pairs -> data/user/mine.jsonl (5 alpaca, 1 prompt-only)",
        "Not taken: 1 row -> data/user/mine.rejects.jsonl (1 unreadable)",
    ]
    assert "1 pair without an output" in told.err
    assert main(["data", "ls"]) == 0 and "6 pairs       1 not taken" in capsys.readouterr().out
    assert main(["data", "info", "mine", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["unchanged"] and found["files"].keys() == {"pairs", "rejects"}
    assert main(["data", "info", "mien"]) == 2 and "there are: mine" in capsys.readouterr().err


def run(tmp_path, *command, environment=(), **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "home"), **dict(environment)}
    argv = [sys.executable, "-m", "dspy_programs", "data", "ingest", *command]
    return subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, **more)


def test_standard_input_is_read_as_it_comes(tmp_path):
    for format_, data in {"jsonl": JSONL, "json": json.dumps(ROWS).encode(), "csv": as_csv()}.items():
        done = run(tmp_path, "-i", "-", "-n", format_, "--format", format_, input=data)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
        assert b"Ingested 5 pairs" in done.stdout
    done = run(tmp_path, "-i", "-", "-n", "x", "--format", "parquet", input=as_parquet())
    assert done.returncode == 2 and b"stdin: Parquet is read from its end" in done.stderr


def test_data_set_of_the_hub_is_read_by_split_and_no_further_than_wanted(tmp_path):
    command = ["-i", "hf://own/rows", "--map", "instruction=goal,output=tasks", "--limit", "5"]
    with hub() as url:
        done = run(tmp_path, *command, "--hf-split", "validation", environment={"HF_ENDPOINT": url})
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
        assert done.stdout.startswith(b"Ingested 5 pairs -> data/user/rows.jsonl")
        done = run(tmp_path, *command, environment={"HF_ENDPOINT": url})
        assert done.returncode == 2 and b"has several splits; choose one of train, validation, test" in done.stderr


def test_hub_that_cannot_be_reached_is_one_line(tmp_path):
    done = run(tmp_path, "-i", "hf://own/rows", "-n", "x", environment={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    assert b"hf:own/rows: cannot be fetched: Couldn't reach 'own/rows' on the Hub" in done.stderr


def test_line_that_never_ends_takes_bounded_memory(tmp_path):
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (400 << 20,) * 2)\n"
    limited += "from dspy_programs.__main__ import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", limited, "data", "ingest", "-i", "-", "-n", "x"]
    with subprocess.Popen(argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE) as process:
        process.stdin.write(b'{"instruction": "')
        for _ in range(1000):
            process.stdin.write(b"x" * 1_000_000)
        process.stdin.write(b'"}\n' + JSONL)
        process.stdin.close()
    assert process.returncode == 0
    assert [each["reason"] for each in rejects_of(DataFolder(tmp_path / "data"))] == ["longer than 1,000,000 bytes"]


def feed(path, data, stop):
    """Write into a pipe and keep it open."""
    with path.open("wb") as pipe:
        pipe.write(data)
        pipe.flush()
        stop.wait(60)


@pytest.fixture
def endless(tmp_path):
    """A source that has given its rows and does not end."""
    stop, path = threading.Event(), tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    thread = threading.Thread(target=feed, args=(path, JSONL.replace(b"Say", b"Tell"), stop))
    thread.start()
    yield path
    stop.set()
    thread.join()


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_killed_ingest_leaves_the_old_set_and_another_waits_for_nobody(tmp_path, folder, endless):
    old = write(tmp_path, "old.jsonl", JSONL)
    ingest(old, "x", folder)
    before = {name: data for name, data in files_in(folder.root).items() if not name.startswith(".")}
    started = Started(main, ["data", "ingest", "--data", str(folder.root), "-n", "x", "-i", str(endless)], tmp_path)
    until(lambda: list((folder.root / "user").glob(".x.jsonl.*")))
    with pytest.raises(UsageError, match=r"x\.jsonl: another process is writing it"):
        ingest(old, "x", folder)
    started.kill()
    started.communicate()
    after = files_in(folder.root)
    assert {name: data for name, data in after.items() if not name.startswith(".")} == before
    assert ingest(old, "x", folder).pairs == 5
    assert sorted(path.name for path in (folder.root / "user").iterdir() if path.suffix != ".lock") == sorted(before)
