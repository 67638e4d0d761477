"""`data label`: in bulk, from a judge, and by lines on standard input."""

import io
import os
import sys
import time
from collections import Counter

import pytest

from dspy_programs.__main__ import main
from dspy_programs.data import DataFolder
from dspy_programs.data.labels.label import Label
from dspy_programs.data.labels.store import LabelStore
from tests.dspy_programs.data.small_set import NAME, data, data_set, judge, lines_of
from tests.processes import Started


@pytest.fixture
def pairs(tmp_path):
    return data_set(tmp_path)


@pytest.fixture
def labels(tmp_path):
    return DataFolder(tmp_path).labels(NAME)


def label(root, *arguments):
    return data(root, "label", "-d", NAME, *arguments)


def bulk(root, where, status="approved", *more):
    return label(root, "--mode", "bulk", "--where", where, "--set-status", status, *more)


def test_bulk_writes_one_line_a_match(tmp_path, pairs, labels, capsys):
    assert bulk(tmp_path, "category == 'even'", "rejected", "--tag", "t", "--note", "n") == 0
    lines = lines_of(labels)
    assert [line["pair_id"] for line in lines] == [pair.id for pair in pairs[::2]]
    assert {(line["status"], line["tag"], line["note"], line["labeler"]) for line in lines} == {("rejected", "t", "n", "bulk")}
    assert "4 labels of 8 pairs: 4 rejected" in capsys.readouterr().out


def test_the_same_again_with_resume_writes_nothing(tmp_path, pairs, labels, capsys):
    for more in ([], [], ["--resume"]):
        assert bulk(tmp_path, "True", "approved", *more) == 0
    assert len(lines_of(labels)) == 16, "without resume, every match gets a line"
    assert "8 pairs had that label already" in capsys.readouterr().err
    assert bulk(tmp_path, "True", "approved", "--tag", "new", "--resume") == 0
    assert len(lines_of(labels)) == 24, "another tag is another label"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "len(x) > 3", "--set-status", "approved"], "calls are not allowed"),
        (["--where", "9**9**9 > 1", "--set-status", "approved"], "too large"),
        (["--where", "categry == 'a'", "--set-status", "approved"], "did you mean 'category'?"),
        (["--where", "metadata['sorce'] == 'a'", "--set-status", "approved"], "did you mean 'source'?"),
        (["--where", "scores['overall'] > 3", "--set-status", "approved"], "--judgments"),
        (["--where", "difficulty > 3", "--set-status", "approved"], "a text > a number"),
        (["--where", "True", "--set-status", "approvd"], "choose from approved"),
        (["--where", "True"], "needs --where EXPR and --set-status"),
        (["--where", "True", "--set-status", "approved", "--reject-below", "3"], "no meaning with --mode bulk"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, pairs, labels, capsys, arguments, said):
    assert label(tmp_path, "--mode", "bulk", *arguments) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and told.out == ""
    assert not labels.exists()


def test_an_error_at_a_late_pair_writes_nothing(tmp_path, pairs, labels):
    assert bulk(tmp_path, "10 / (8 - 2 * length['output']) != 0 and output != '10'") == 0  # fits
    labels.unlink()
    assert bulk(tmp_path, "1 / (length['output'] - 2) < 1") == 2
    assert not labels.exists()


def test_a_person_is_not_overruled_unseen(tmp_path, pairs, labels, capsys):
    LabelStore(labels).append(Label(pair_id=pairs[0].id, status="rejected", labeler="interactive"))
    assert bulk(tmp_path, "True") == 0
    assert "1 label of people replaced" in capsys.readouterr().err


OVERALLS = [9.0, 7.0, 6.9, 3.5, 3.4, 0.0, None]
EXPECTED = ["approved", "approved", "needs_edit", "needs_edit", "rejected", "rejected", None, None]


@pytest.mark.parametrize(
    ("top", "arguments"), [(10, []), (10, ["--reject-below", "3.5"]), (1, []), (1, ["--reject-below", "3.5"])]
)
def test_a_judge_labels_by_its_own_scale(tmp_path, pairs, labels, capsys, top, arguments):
    given = judge(tmp_path, pairs, [each if each is None else each * top / 10 for each in OVERALLS], top=top)
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", given, *arguments) == 0
    found = LabelStore(labels)
    assert [getattr(found.last(pair.id), "status", None) for pair in pairs] == EXPECTED
    assert found.last(pairs[0].id).tag == ("overall=9.0" if top == 10 else "overall=0.90")
    told = capsys.readouterr().err
    assert f"scores from 0 to {top}" in told and "2 pairs without a judgment" in told
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "j", "--resume") == 0
    assert len(lines_of(labels)) == 6


def test_low_scores_of_a_scale_that_is_said_are_low(tmp_path, pairs, labels):
    judge(tmp_path, pairs, [0.2] * 8, quality_tier="low")
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "j", "--reject-below", "0.1") == 0
    assert Counter(line["status"] for line in lines_of(labels)) == {"needs_edit": 8}


def test_a_pass_that_is_no_true_is_none(tmp_path, pairs, labels):
    path = judge(tmp_path, pairs, [2.0] * 8)
    path.write_text(path.read_text().replace('"passed": false', '"passed": "true"'))
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "j") == 0
    assert {line["status"] for line in lines_of(labels)} == {"rejected"}


def test_judgments_that_are_not_there_are_named(tmp_path, pairs, capsys):
    judge(tmp_path, pairs, OVERALLS)
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "k") == 2
    assert "there are: j" in capsys.readouterr().err
    judge(tmp_path, pairs, [None] * 8)
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "j") == 2
    assert "no judgment with scores (8 lines without)" in capsys.readouterr().err
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "../../j") == 2


def test_a_judge_of_other_pairs_labels_nothing_and_says_so(tmp_path, pairs, labels, capsys):
    judge(tmp_path, data_set(tmp_path / "other", 3, instruction="else"), [9.0] * 3)
    assert label(tmp_path, "--mode", "auto-from-judge", "--judgments", "j") == 2
    assert "of no pair" in capsys.readouterr().err and not labels.exists()


def by_lines(root, keys, *arguments):
    """Type keys in a process of its own, which has a pipe and no terminal."""
    read, write = os.pipe()
    os.write(write, keys.encode())
    os.close(write)
    before = os.dup(0)
    os.dup2(read, 0)
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")
    try:
        return label(root, *arguments)
    finally:
        sys.stdin = stdin
        os.dup2(before, 0)
        os.close(read), os.close(before)


def test_lines_on_standard_input_label_pairs(tmp_path, pairs, labels, capsys):
    assert by_lines(tmp_path, "a\nr wrong sum\ne\ns\nx\n\nA\nq\na\n") == 0
    lines = lines_of(labels)
    assert [line["status"] for line in lines] == ["approved", "rejected", "needs_edit", "skipped", "approved"]
    assert lines[1]["note"] == "wrong sum" and {line["labeler"] for line in lines} == {"interactive"}
    told = capsys.readouterr().out
    assert "'x' is no key" in told and "5 answers; 3 left" in told and "5 of 8 · 1 approved" in told


def test_the_next_start_goes_on_with_what_has_no_label(tmp_path, pairs, labels, capsys):
    by_lines(tmp_path, "a\ns\n")
    by_lines(tmp_path, "r\n" * 20)
    assert [line["pair_id"] for line in lines_of(labels)] == [pair.id for pair in pairs]
    assert "no pair is left" in capsys.readouterr().out
    assert by_lines(tmp_path, "a\n") == 0
    assert "no pair is to be labelled" in capsys.readouterr().out and len(lines_of(labels)) == 8
    by_lines(tmp_path, "a\n", "--where", "label['status'] == 'skipped'")
    assert LabelStore(labels).last(pairs[1].id).status == "approved"


def test_undo_goes_back_through_all_answers(tmp_path, pairs, labels, capsys):
    by_lines(tmp_path, "a\nr\nu\nu\nu\ns\n")
    assert {id_: each.status for id_, each in LabelStore(labels).load().items()} == {pairs[0].id: "skipped"}
    assert len(lines_of(labels)) == 5 and "nothing to undo" in capsys.readouterr().out


def test_an_edit_is_kept_beside_the_pair(tmp_path, pairs, labels):
    before = DataFolder(tmp_path).pairs(NAME).read_bytes()
    by_lines(tmp_path, "e zero\\nor nothing\n")
    assert LabelStore(labels).last(pairs[0].id).edit == {"output": "zero\nor nothing"}
    by_lines(tmp_path, "e \\n\nu\n", "--where", "category == 'even'")  # an empty output is not saved, undo has nothing
    assert LabelStore(labels).last(pairs[0].id).edit == {"output": "zero\nor nothing"}
    assert DataFolder(tmp_path).pairs(NAME).read_bytes() == before
    by_lines(tmp_path, "r\nu\n", "--where", "'nothing' in output")  # filters and readers see the edit
    found = LabelStore(labels).last(pairs[0].id)
    assert found.status == "approved" and found.edit == {"output": "zero\nor nothing"}


def test_text_of_a_pair_steers_no_terminal(tmp_path, capsys):
    data_set(tmp_path, 1, output="\x1b[31mred\x07 \u202eback")
    by_lines(tmp_path, "q\n")
    told = capsys.readouterr().out
    assert "\x1b" not in told and "\x07" not in told and "\u202e" not in told


def test_a_label_is_on_the_disk_when_the_process_is_killed(tmp_path, pairs, labels):
    with Held(tmp_path, ["data", "label", "-d", NAME, "--data", str(tmp_path)]) as held:
        held.type("a\nr\n")
        held.wait_for("3 of 8")
        held.process.kill()
        held.process.communicate()
    assert [line["status"] for line in lines_of(labels)] == ["approved", "rejected"]


class Held:
    """The command with a fifo as its standard input."""

    def __init__(self, folder, argv):
        self.folder, self.fifo = folder, folder / "keys"
        os.mkfifo(self.fifo)
        self.process = Started(typed_main, [str(self.fifo), *argv], folder)

    def __enter__(self):
        self.keys = self.fifo.open("w")
        return self

    def __exit__(self, *error):
        self.keys.close()

    def type(self, keys):
        self.keys.write(keys)
        self.keys.flush()

    def wait_for(self, text):
        for _ in range(600):
            if text in (self.folder / "stdout.txt").read_text():
                return
            assert self.process.poll() is None
            time.sleep(0.05)
        raise AssertionError(text)


def typed_main(argv):
    os.dup2(os.open(argv[0], os.O_RDONLY), 0)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")
    return main(argv[1:])
