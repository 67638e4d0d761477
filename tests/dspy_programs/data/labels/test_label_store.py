"""The file of labels: the last line counts, and neither a kill nor a second writer loses one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dspy_programs.data.labels.label import Label, revised
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pair import DataPair, id_of
from dspy_programs.errors import UsageError
from tests.dspy_programs.data.small_set import lines_of
from tests.servers import environment

WRITER = """
import sys
from pathlib import Path
from dspy_programs.data.labels.label import Label
from dspy_programs.data.labels.store import LabelStore
store = LabelStore(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    store.append(Label(pair_id=f"{sys.argv[2]}-{number}", status="approved", note="n" * 3000))
"""


def label(id_: str, status: str | None, **more) -> Label:
    return Label(pair_id=id_, status=status, **more)


def writer(path: Path, name: str, count: int) -> subprocess.Popen:
    argv = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment())
    assert process.stdout.readline() == b"ready\n"
    return process


def test_the_file_grows_and_the_last_line_counts(tmp_path):
    path = tmp_path / "labels" / "a.jsonl"
    store = LabelStore(path)
    for status in ("approved", "rejected", "skipped"):
        store.append(label("p", status, labeler="interactive", by="ada"))
    store.append(label("q", "approved"))
    for one in (store, LabelStore(path)):
        assert one.last("p").status == "skipped" and one.last("q").status == "approved" and one.last("x") is None
        assert [each.status for each in one.history("p")] == ["approved", "rejected", "skipped"]
        assert {id_: each.status for id_, each in one.load().items()} == {"p": "skipped", "q": "approved"}
    lines = lines_of(path)
    assert len(lines) == 4
    assert lines[0]["by"] == "ada" and lines[0]["labeled_at"].endswith("+00:00") and "edit" not in lines[0]


def test_an_edit_stays_whatever_is_said_afterwards_until_it_is_taken_back(tmp_path):
    store = LabelStore(tmp_path / "a.jsonl")
    store.append(label("p", "approved", edit={"output": "better"}))
    store.append(label("p", "rejected"))
    assert store.last("p").edit == {"output": "better"} and store.last("p").status == "rejected"
    store.append(label("p", "approved", edit={}))
    assert store.last("p").edit is None and len(store.history("p")) == 3


def test_a_label_that_was_taken_back_is_none(tmp_path):
    store = LabelStore(tmp_path / "a.jsonl")
    store.append(label("p", "approved"))
    store.append(label("p", None))
    assert store.last("p") is None and store.load() == {}


@pytest.mark.parametrize("torn", [b'{"pair_id": "t", "sta', b"{", b'\xff\xfe"', b'{"pair_id": "t", "status": "approved"}'])
def test_a_line_that_was_cut_off_costs_no_other(tmp_path, torn):
    path = tmp_path / "a.jsonl"
    LabelStore(path).append(label("p", "approved"))
    with path.open("ab") as file:
        file.write(torn)
    store = LabelStore(path)
    store.append(label("q", "rejected"))
    store.append(label("p", "skipped"))
    for one in (store, LabelStore(path)):
        assert one.last("q").status == "rejected" and one.last("p").status == "skipped"
        assert one.broken == (not torn.endswith(b"}"))
    assert LabelStore(path).load().keys() == {"p", "q"} | ({"t"} if torn.endswith(b"}") else set())


def test_lines_that_are_no_labels_are_left_out(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '[]\n3\nnull\n\n{"pair_id": 3}\n{"pair_id": "p", "status": "odd"}\n{"pair_id": "q", "status": "approved"}\n'
    )
    store = LabelStore(path)
    assert store.last("p") is None and store.load().keys() == {"q"} and store.broken == 4


def test_two_processes_write_at_once_and_a_third_sees_all(tmp_path):
    path = tmp_path / "a.jsonl"
    seen = LabelStore(path)
    writers = [writer(path, name, 150) for name in ("one", "two")]
    for process in writers:
        assert process.wait(60) == 0
    found = [line["pair_id"] for line in lines_of(path)]
    assert len(found) == 300 == len(set(found))
    seen.refresh()
    assert seen.last("one-149") and seen.last("two-0") and seen.broken == 0


def test_a_writer_that_is_killed_leaves_whole_labels(tmp_path):
    path = tmp_path / "a.jsonl"
    for number in range(3):
        process = writer(path, str(number), 100_000)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    LabelStore(path).append(label("end", "approved"))
    store = LabelStore(path)
    assert store.last("end") and len(store.load()) > 3
    assert len(store.load()) == sum(1 for line in path.read_bytes().splitlines() if is_whole(line))


def is_whole(line: bytes) -> bool:
    try:
        return bool(json.loads(line))
    except ValueError:
        return False


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be"):
        LabelStore(tmp_path / "file" / "a.jsonl").append(label("p", "approved"))
    with pytest.raises(UsageError, match="cannot be"):
        LabelStore(tmp_path).append(label("p", "approved"))


def test_nothing_is_written_when_the_labels_end_in_an_error(tmp_path):
    def labels():
        for number in range(5000):
            yield label(str(number), "approved", note="n" * 200)
        raise UsageError("the filter does not fit")

    with pytest.raises(UsageError, match="filter"):
        LabelStore(tmp_path / "a.jsonl").append_all(labels())
    assert not (tmp_path / "a.jsonl").exists()


def test_a_revised_pair_has_an_id_of_its_own_and_says_what_it_was():
    pair = DataPair(instruction="Add", input="1 1", output="3").identified()
    new = revised(pair, {"output": "2"})
    assert (new.output, new.instruction) == ("2", "Add")
    assert new.id == id_of(new) != pair.id and new.metadata == {"revision_of": pair.id}
    assert revised(pair, None) is pair and revised(pair, {}) is pair


def test_an_edit_of_a_conversation_is_in_its_turns():
    turns = [{"role": role, "content": text} for role, text in [("system", "s"), ("user", "q"), ("assistant", "a")]]
    pair = DataPair(instruction="q", output="a", messages=turns).identified()
    assert [turn["content"] for turn in revised(pair, {"instruction": "Q", "output": "A"}).messages] == ["s", "Q", "A"]
    assert pair.messages[1]["content"] == "q"
