"""Seeds from text, files, data sets and the failure tool's reports; what is none is said in one line."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.data.growing.seed import (
    Seed,
    distinct,
    seeds_in_file,
    seeds_in_pairs,
    seeds_in_reports,
    seeds_in_text,
)
from dspy_programs.errors import DatasetError, UsageError

REFUSED = {
    "trace_id": "t-2",
    "original_goal": "Book a table for two tonight.",
    "turns": [
        {"turn_number": 0, "role": "user", "content": "Book a table for two tonight."},
        {"turn_number": 1, "role": "agent", "content": "I'm sorry, but I can't help with that request."},
    ],
}


def test_commas_part_seeds_and_blanks_are_none():
    assert [seed.instruction for seed in seeds_in_text(" a, b c ,,d")] == ["a", "b c", "d"]
    with pytest.raises(UsageError, match="no word"):
        seeds_in_text("a,!!!")


def test_seed_that_asks_the_same_counts_once_with_all_mistakes():
    seeds = [
        Seed(instruction="Add up.", input="1 2", failures=["wrong"]),
        Seed(instruction="add  UP.", input="1 2", failures=["late"]),
    ]
    (one, other) = distinct([*seeds, Seed(instruction="Add up.", input="1 3")])
    assert one.failures == ["wrong", "late"] and other.input == "1 3"


def test_files_of_lines_of_pairs_and_of_strings(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeffWhy is the sky blue?\n\n  Name a river, please.\n", encoding="utf-8")
    assert [seed.instruction for seed in seeds_in_file(tmp_path / "a.txt")] == ["Why is the sky blue?", "Name a river, please."]
    (tmp_path / "b.jsonl").write_text('{"instruction": "Add.", "input": "1 2", "output": "3", "id": "x"}\n"Name a river."\n')
    assert [seed.output for seed in seeds_in_file(tmp_path / "b.jsonl")] == ["3", ""]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"instruction": "Add."}\n{"input": "x"}\n', r"x\.jsonl:2: not a seed: instruction"),
        ('{"instruction": "Add."}\n{"instr', r"x\.jsonl:2: not JSON"),
        ('{"instruction": "..."}\n', r"x\.jsonl:1: .*no word"),
        ("[3]", "not a seed"),
        ("", "not JSON"),
    ],
)
def test_line_that_is_no_seed_is_named(tmp_path, content, said):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises((DatasetError, UsageError), match=said):
        seeds_in_file(tmp_path / "x.jsonl")


def test_data_set_gives_a_sample_that_is_always_the_same(tmp_path):
    rows = [{"id": str(i), "instruction": f"Do task {i}.", "output": "x"} for i in range(200)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = seeds_in_pairs(tmp_path / "mine.jsonl", 20)
    assert len(found) == 20 and found == seeds_in_pairs(tmp_path / "mine.jsonl", 20)
    assert len(seeds_in_pairs(tmp_path / "mine.jsonl", 500)) == 200


@pytest.mark.parametrize("command", ["classify", "batch"])
def test_reports_of_the_failure_tool_are_seeds_with_the_mistake(tmp_path, command, capsys):
    (tmp_path / "trace.json").write_text(json.dumps(REFUSED))
    out = tmp_path / "reports.json"
    assert main(["failures", command, str(tmp_path / "trace.json"), "--min-probability", "0", "-o", str(out)]) == 0
    (seed,) = seeds_in_reports(out)
    assert seed.instruction == REFUSED["original_goal"]
    assert seed.failures[0].startswith("OVER_REFUSAL: The agent refused")


def test_failures_that_are_only_possible_are_no_seeds_and_it_says_so(tmp_path, capsys):
    (tmp_path / "trace.json").write_text(json.dumps(REFUSED))
    out = tmp_path / "reports.json"
    assert main(["failures", "classify", str(tmp_path / "trace.json"), "-o", str(out)]) == 0
    with pytest.raises(UsageError, match="1 failure only possible"):
        seeds_in_reports(out)


def test_another_file_is_no_report(tmp_path):
    (tmp_path / "x.json").write_text('{"instruction": "Add."}')
    with pytest.raises(DatasetError, match="not a report"):
        seeds_in_reports(tmp_path / "x.json")
