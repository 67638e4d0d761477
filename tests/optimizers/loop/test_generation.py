"""Rows from failures: right by rules, near to nothing unseen, and said to be generated."""

import json

import pytest

from optimizers.harvesting import goal_key, harvest_runs
from optimizers.loop.generation import generate
from optimizers.loop.loop_rows import cases_in
from tests.optimizers.harvesting.runs import call, read, refund_run, write_runs

WRONG = call("refund", {"order": "1"}, "Error: missing argument order_id")


@pytest.fixture
def rows(tmp_path):
    """A harvest in which refunds failed, and some of them were mended."""
    runs = [refund_run(number) for number in range(1000, 1100)]
    runs += [refund_run(number, ok=number % 2 == 0, extra=[WRONG]) for number in range(2000, 2030)]
    write_runs(tmp_path / "traces", runs)
    harvest_runs([tmp_path / "traces"], ["actor", "planner"], tmp_path / "rows")
    return tmp_path / "rows"


def made_from(rows, tmp_path, module, name="1", unseen=(), known=()):
    out = tmp_path / "made" / f"{name}-{module}.jsonl"
    found = generate(module, rows / module, out, unseen, known, label=f"generated-{name}")
    return found, [json.loads(line) for line in out.read_text().splitlines()]


@pytest.mark.parametrize("module", ["actor", "planner"])
def test_rows_are_new_marked_and_not_near_what_is_held_back(rows, tmp_path, module):
    found, made = made_from(rows, tmp_path, module)
    asked = "task" if module == "actor" else "goal"
    train = {row["id"]: row for row in read(rows, module, "train")}
    assert len(made) == found.rows > 5
    for row in made:
        told = row["provenance"]
        assert (told["label"], told["generated"], told["worded_by"]) == ("generated", True, "rules")
        assert row[asked] != train[told["from"]][asked]
    held_back = {goal_key(row[asked]) for row in read(rows, module, "val", "test")}
    assert held_back and held_back.isdisjoint(goal_key(row[asked]) for row in made)


def test_a_mended_failure_teaches_the_call_that_mended_it(rows, tmp_path):
    _, made = made_from(rows, tmp_path, "actor")
    mends = [row for row in made if "corrected" in str(read(rows, "actor", "train")) and row["kind"] == "step"]
    assert mends and all(row["calls"][0]["tool"] == "refund" for row in mends)
    assert all(list(row["calls"][0]["accepted"]) == ["order_id"] for row in mends)


def test_what_a_test_asks_is_not_generated(rows, tmp_path):
    _, free = made_from(rows, tmp_path, "planner")
    goals = tmp_path / "goals.jsonl"
    goals.write_text("".join(json.dumps({"goal": row["goal"]}) + "\n" for row in free))
    found, made = made_from(rows, tmp_path, "planner", "2", unseen=[goals])
    barred = {goal_key(row["goal"]) for row in free}
    assert found.refused and all(goal_key(row["goal"]) not in barred for row in made)


def test_a_later_cycle_makes_other_rows(rows, tmp_path):
    _, first = made_from(rows, tmp_path, "planner")
    _, second = made_from(rows, tmp_path, "planner", "2", known=[tmp_path / "made" / "1-planner.jsonl"])
    assert second and {row["goal"] for row in first}.isdisjoint(row["goal"] for row in second)


def test_failures_of_held_back_goals_teach_nothing(rows):
    failures = read(rows, "planner", "failures")
    held_back = [line for line in failures if line["split"] != "train"]
    assert held_back
    shown = json.dumps(cases_in(rows / "planner" / "failures.jsonl"))
    assert not any(line["inputs"]["goal"] in shown for line in held_back)
    assert all(line["inputs"]["goal"] in shown for line in failures if line not in held_back)


def test_without_failures_or_rows_nothing_is_made(tmp_path):
    (tmp_path / "planner").mkdir(parents=True)
    found, made = made_from(tmp_path, tmp_path, "planner")
    assert (found.rows, made) == (0, [])
