"""What changed between two data sets."""

import json
import random

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.data import DataFolder, DataPair, pairs_diff
from dspy_programs.data.pair import content_of
from tests.dspy_programs.data.small_set import data, lines_of, write


def pair(asked: str, answer: str, **more) -> DataPair:
    return DataPair(instruction=asked, output=answer, **more)


def diff(tmp_path, before: list[DataPair], after: list[DataPair]):
    return pairs_diff(write(tmp_path, before, "a"), write(tmp_path, after, "b"))


def test_what_came_went_and_changed(tmp_path):
    before = [pair("same", "s"), pair("asked", "old"), pair("gone", "g"), pair("named", "x", id="n1")]
    after = [pair("new", "n"), pair("named otherwise", "x", id="n1"), pair("asked", "new"), pair("same", "s")]
    with diff(tmp_path, before, after) as found:
        assert found.counts() == {"before": 4, "after": 4, "unchanged": 1, "changed": 2, "removed": 1, "added": 1, "about": 0}
        assert [change.fields for change in found.changes("changed")] == [["output"], ["instruction"]]
        assert [change.before.instruction for change in found.changes("removed")] == ["gone"]
        assert [change.after.instruction for change in found.changes("added")] == ["new"]


def test_pairs_that_differ_by_input_are_different_pairs(tmp_path):
    with diff(tmp_path, [pair("t", "ok", input="cat")], [pair("t", "ok", input="dog")]) as found:
        assert (found.removed, found.added, found.changed) == (1, 1, 0)


def test_repeated_pairs_are_counted_each(tmp_path):
    with diff(tmp_path, [pair("a", "1")] * 3, [pair("a", "1"), pair("a", "2")]) as found:
        assert (found.unchanged, found.changed, found.removed, found.added) == (1, 1, 1, 0)


def test_metadata_alone_is_no_change_but_is_counted(tmp_path):
    with diff(tmp_path, [pair("a", "1", category="x")], [pair("a", "1", category="y")]) as found:
        assert found.same and found.about == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12")), max_size=8), st.randoms())
def test_order_is_no_difference_and_sums_hold(tmp_path_factory, rows, draw):
    tmp_path = tmp_path_factory.mktemp("d")
    before = [pair(*row) for row in rows]
    after = [*before]
    draw.shuffle(after)
    with diff(tmp_path, before, after) as found:
        assert found.same and found.unchanged == len(rows)
    after = [*after[: random.Random(len(rows)).randint(0, len(rows))], pair("z", "9")]
    with diff(tmp_path, before, after) as found:
        assert found.unchanged + found.changed + found.removed == len(before)
        assert found.unchanged + found.changed + found.added == len(after)
        assert len(list(found.changes("changed"))) == found.changed
        assert all(content_of(change.before) != content_of(change.after) for change in found.changes("changed"))


def test_the_command_shows_some_and_writes_all(tmp_path, capsys):
    root = tmp_path / "data"
    write(root, [pair(f"q{n}", "old") for n in range(9)], "a")
    write(root, [pair(f"q{n}", "new\x1b[31m") for n in range(9)], "b")
    assert data(root, "diff", "a", "b", "-o", tmp_path / "d.jsonl", "--examples", 2) == 0
    told = capsys.readouterr().out
    assert "changed 9, removed 0, added 0" in told and told.count("~ q") == 2 and "\x1b" not in told and "- output: old" in told
    lines = lines_of(tmp_path / "d.jsonl")
    assert len(lines) == 9 and lines[0]["change"] == "changed" and lines[0]["fields"] == ["output"]
    assert data(root, "diff", "a", DataFolder(root).pairs("b"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["changed"] == 9


@pytest.mark.parametrize(("other", "said"), [("none", "no data set 'none'"), ("no/file.jsonl", "no such file")])
def test_what_is_not_there_is_one_line(tmp_path, capsys, other, said):
    write(tmp_path, [pair("a", "1")], "a")
    assert data(tmp_path, "diff", "a", other) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
