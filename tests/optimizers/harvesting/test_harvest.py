"""Recorded runs become rows: what is kept, what is left out and why, and that nothing leaks or is lost."""

import json
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from dspy_programs.data.checks.pii import pii_in
from dspy_programs.data.checks.secrets import secrets_in
from optimizers.data import read_split
from optimizers.harvest import main
from optimizers.harvesting.store import stores
from optimizers.harvesting.superfluous import Kept, Superfluous
from optimizers.recipes import RECIPES
from tests.optimizers.harvesting.runs import THINGS, TOOLS, call, read, refund_run, write_runs

MODULES = ("actor", "failure_judge", "memory_summarizer", "planner")


@pytest.fixture
def harvested(tmp_path, capsys):
    def run(runs, *more, module="all", out="rows"):
        write_runs(tmp_path / "traces", runs)
        arguments = ["--traces", str(tmp_path / "traces"), "-o", str(tmp_path / out), "--module", module, *more]
        assert main(arguments) == 0, capsys.readouterr().err
        return tmp_path / out

    return run


def reasons(folder, module):
    return [line["reason"] for line in read(folder, module, "rejects")]


def test_every_row_is_one_that_train_reads(harvested):
    folder = harvested([refund_run(number) for number in range(1000, 1040)] + [refund_run(2001, ok=False)])
    for module in ("actor", "failure_judge", "planner"):
        for split in ("train", "val", "test"):
            rows = read_split(folder / module / f"{split}.jsonl", RECIPES[module].program, RECIPES[module].labels)
            assert not [fault for row in rows for fault in RECIPES[module].faults(row)]
            assert all(RECIPES[module].demonstrator(row) or module == "failure_judge" for row in rows)


def test_a_working_call_is_labelled_with_the_state_before_it(harvested):
    folder = harvested([refund_run()], module="actor")
    first, second = read(folder, "actor")
    assert first["calls"] == [{"tool": "find_order", "accepted": {"number": [1182]}}]
    assert (first["trajectory"], first["kind"]) == ([], "first")
    assert second["calls"] == [{"tool": "refund", "accepted": {"order_id": ["ord_1182x"]}}]
    assert [turn["tool_name"] for turn in second["trajectory"]] == ["find_order"]
    assert {tool["name"]: tool["description"] for tool in first["tools"]}["refund"] == "Refund an order to the customer"
    told = second["provenance"]
    assert (told["trace"], told["turn"], told["outcome"], told["label"], told["weight"]) == (
        "run-1182",
        2,
        "recorded success",
        "observed",
        1.0,
    )


def test_a_plan_is_the_working_calls_in_order_and_waits_for_what_it_needs(harvested):
    (row,) = read(harvested([refund_run()], module="planner"), "planner")
    assert [(task["tool"], task["depends_on"]) for task in row["tasks"]] == [("find_order", []), ("refund", [1])]
    assert row["tasks"][0]["title"] == "find order: 1182"
    assert "ord_1182x" not in json.dumps(row["tasks"])  # known only after the first step


def test_a_failed_call_is_feedback_and_what_mended_it_is_its_label(harvested):
    wrong = call("refund", {"order": "ord_1182x"}, "Error: missing argument order_id")
    folder = harvested([refund_run(extra=[wrong])], module="actor")
    by_label = {row["provenance"]["label"]: row for row in read(folder, "actor") if row["provenance"]["turn"] == 2}
    assert by_label["corrected"]["calls"] == [{"tool": "refund", "accepted": {"order_id": ["ord_1182x"]}}]
    assert len(by_label["corrected"]["trajectory"]) == 1
    (failed,) = read(folder, "actor", "failures")
    assert failed["reply"] == {"calls": [{"tool": "refund", "arguments": {"order": "ord_1182x"}}]}
    assert "missing argument order_id" in failed["feedback"] and 'refund({"order_id": "ord_1182x"})' in failed["feedback"]


def test_what_only_the_failure_told_is_no_label_for_the_state_before_it(harvested):
    wrong = call("refund", {"order_id": "1182"}, "Error: unknown order 1182; did you mean ord_1182x?")
    run = refund_run(extra=[wrong])
    run["turns"][1]["tool_output"] = {"state": "paid"}  # nothing but the error names the id
    folder = harvested([run], module="actor")
    assert "corrected" not in {row["provenance"]["label"] for row in read(folder, "actor")}
    assert any("nothing before the call says" in reason for reason in reasons(folder, "actor"))


def test_a_failed_run_gives_feedback_and_no_examples(harvested):
    folder = harvested([refund_run(ok=False)])
    assert read(folder, "actor") == read(folder, "planner") == []
    (failed,) = read(folder, "planner", "failures")
    assert [task["tool"] for task in failed["reply"]["tasks"]] == ["find_order", "refund"]
    assert failed["feedback"].startswith("An outcome on record says that the run failed.")
    assert any(reason.startswith("the run failed (recorded failure)") for reason in reasons(folder, "planner"))


def test_a_run_without_an_outcome_is_left_out_unless_a_guess_is_asked_for_and_then_weighs_less(harvested):
    run = refund_run(ok=None)
    folder = harvested([run], module="planner")
    assert read(folder, "planner") == [] and reasons(folder, "planner")[0].startswith(
        "no outcome is recorded, and the judge's guess"
    )
    folder = harvested([run], "--min-probability", "0.3", module="planner", out="guesses")
    (row,) = read(folder, "planner")
    assert row["provenance"]["outcome"] == "guessed success"
    assert 0.3 <= row["provenance"]["weight"] == row["provenance"]["probability"] < 1


def test_outcomes_that_contradict_give_nothing_but_a_line(harvested):
    run = refund_run()
    folder = harvested([run, {**run, "is_successful": False}, refund_run(1183)], module="planner")
    assert {row["provenance"]["trace"] for row in read(folder, "planner")} == {"run-1183"}
    assert reasons(folder, "planner").count("the run is on record both as a success and as a failure") == 2


def test_a_run_recorded_as_a_success_that_crashed_gives_nothing(harvested):
    run = {**refund_run(), "error": "RuntimeError: connection lost"}
    run["turns"] = run["turns"][:-1]
    folder = harvested([run], module="planner")
    assert read(folder, "planner") == []
    assert "recorded as a success, yet the run ended with CRASH" in reasons(folder, "planner")


def test_one_goal_many_times_gives_few_rows_in_one_split(harvested):
    runs = [refund_run(number, goal=f"Refund order {number}") for number in range(3000, 3300)]
    runs += [refund_run(number) for number in range(1000, 1030)]
    folder = harvested(runs, "--per-goal", "5", module="actor")
    holding = [
        split
        for split in ("train", "val", "test")
        for row in read(folder, "actor", split)
        if row["task"].startswith("Refund order 3")
    ]
    assert len(holding) == 5 and len(set(holding)) == 1
    assert reasons(folder, "actor").count("more than 5 rows of one goal") > 500


def test_no_goal_is_in_two_splits_and_a_later_harvest_splits_alike(harvested):
    def splits(folder):
        return {row["goal"]: split for split in ("train", "val", "test") for row in read(folder, "planner", split)}

    few = splits(harvested([refund_run(number) for number in range(1000, 1040)], module="planner"))
    more = splits(harvested([refund_run(number) for number in range(990, 1060)], module="planner", out="later"))
    assert set(few.values()) == {"train", "val", "test"}
    kept = few.keys() & more.keys()
    assert len(kept) > 5 and all(few[goal] == more[goal] for goal in kept)


def test_few_goals_are_left_to_train_to_split(harvested):
    folder = harvested([refund_run(number) for number in (1, 2, 3)], module="planner")
    assert len(read(folder, "planner", "train")) == 3
    assert not (folder / "planner" / "test.jsonl").exists()


def test_two_ways_to_a_goal_leave_the_commoner_one(harvested):
    noted = call("send_note", {"text": "order 1182"}, {"sent": True})
    runs = [refund_run(trace_id=f"short-{at}") for at in range(3)] + [refund_run(extra=[noted], trace_id="long")]
    folder = harvested(runs, module="planner")
    (row,) = read(folder, "planner")
    assert len(row["tasks"]) == 2
    assert sum(reason.startswith("another answer is commoner") for reason in reasons(folder, "planner")) == 1
    assert sum(reason.startswith("duplicate of short-0") for reason in reasons(folder, "planner")) == 2


def test_nothing_personal_and_no_secret_is_left_and_equal_values_stay_equal(harvested):
    key = "sk-proj-Ab3dEf6hIj9kLmNoPqRsT1uVwXyZ"
    goal = f"Refund order 1182 and tell ann.miller@acme.org, call 212-555-0142. Our key is {key}"
    noted = call("send_note", {"text": "ann.miller@acme.org"}, {"sent": True, "to": "ann.miller@acme.org", "by": key})
    folder = harvested([refund_run(goal=goal, extra=[noted])])
    for path in sorted(folder.rglob("*.jsonl")):
        text = path.read_text()
        assert not [text[span.start : span.end] for span in [*pii_in(text), *secrets_in(text)]], path
    rows = [row for row in read(folder, "actor") if row["calls"][0]["tool"] == "send_note"]
    assert rows[0]["calls"][0]["accepted"] == {"text": ["[EMAIL_1]"]} and "[EMAIL_1]" in rows[0]["task"]
    assert rows[0]["provenance"]["redacted"] >= 3


def test_a_tool_without_a_schema_gets_what_all_calls_have_in_common(harvested):
    runs = [refund_run(number, tools=None) for number in range(1000, 1003)]
    folder = harvested(runs, module="actor")
    row = read(folder, "actor")[0]
    schemas = {tool["name"]: tool["parameters"] for tool in row["tools"]}
    assert schemas["find_order"] == {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    assert row["provenance"]["menu"] == "gathered"


def test_calls_that_could_be_made_at_once_are_one_row(harvested):
    run = refund_run(goal="Refund the orders ord_7a and ord_8b")
    run["turns"] = [run["turns"][0], *(call("refund", {"order_id": each}, {"done": True}) for each in ("ord_7a", "ord_8b"))]
    (row,) = read(harvested([run], module="actor"), "actor")
    assert [each["accepted"] for each in row["calls"]] == [{"order_id": ["ord_7a"]}, {"order_id": ["ord_8b"]}]


def test_a_goal_told_over_several_turns_is_no_goal_for_a_planner(harvested):
    folder = harvested([refund_run(extra=[{"role": "user", "content": "Make it quick, and add a note"}])], module="planner")
    assert read(folder, "planner") == []
    assert "the user said more after the first call: the goal alone does not call for these steps" in reasons(folder, "planner")


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        ("Refund order 1182 if it is paid", "the goal has a condition"),
        ("All my orders of May need to be deleted", "the goal asks for a change, and the run only looks things up"),
    ],
)
def test_a_run_that_shows_only_one_branch_of_its_goal_is_no_plan(harvested, goal, says):
    run = refund_run(goal=goal)
    run["turns"] = [
        run["turns"][0],
        run["turns"][1],
        {"turn_number": 2, "role": "agent", "content": "There was nothing to do."},
    ]
    folder = harvested([run], module="planner")
    assert read(folder, "planner") == [] and reasons(folder, "planner")[0].startswith(says)


def test_a_search_that_found_nothing_is_no_example_once_another_did(harvested):
    nothing = call("find_order", {"number": 118}, "No orders found.")
    run = refund_run()
    run["turns"].insert(1, {"turn_number": 0, **nothing})
    folder = harvested([run], module="actor")
    found = [(row["calls"][0]["tool"], row["provenance"]["label"]) for row in read(folder, "actor")]
    assert ("find_order", "corrected") in found and all(
        row["calls"][0]["accepted"] != {"number": [118]} for row in read(folder, "actor")
    )
    assert read(folder, "actor", "failures")[0]["feedback"].startswith("find_order found nothing")
    assert [task["tool"] for task in read(harvested([run], module="planner", out="plans"), "planner")[0]["tasks"]] == [
        "find_order",
        "refund",
    ]


def test_a_file_that_nobody_named_is_no_argument_to_learn(harvested):
    tools = [
        {"name": "delete_file", "description": "", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
    ]
    run = refund_run(goal="Delete all .tmp files in build", tools=tools)
    run["turns"] = [run["turns"][0], {"turn_number": 1, **call("delete_file", {"path": "build/zx.tmp"}, "done")}]
    folder = harvested([run], module="actor")
    assert read(folder, "actor") == []
    assert "nothing before the call names the file 'zx.tmp'" in reasons(folder, "actor")[0]


def test_a_cut_file_gives_a_line_and_the_rest_of_the_rows(tmp_path, capsys):
    path = write_runs(tmp_path / "traces", [refund_run(), refund_run(1183)])
    path.write_bytes(path.read_bytes()[:-40])
    assert main(["--traces", str(path), "-o", str(tmp_path / "rows"), "--module", "planner"]) == 0
    assert "1 unreadable" in capsys.readouterr().out
    assert len(read(tmp_path / "rows", "planner")) == 1
    (reason,) = reasons(tmp_path / "rows", "planner")
    assert reason.startswith("cannot be read: ")


def test_an_earlier_harvest_is_replaced_only_when_told(harvested, tmp_path, capsys):
    folder = harvested([refund_run()], module="planner")
    before = (folder / "planner" / "train.jsonl").read_bytes()
    again = ["--traces", str(tmp_path / "traces"), "-o", str(folder), "--module", "planner"]
    write_runs(tmp_path / "traces", [refund_run(5)])
    assert main(again) == 2
    assert "--replace" in capsys.readouterr().err
    assert (folder / "planner" / "train.jsonl").read_bytes() == before
    assert main([*again, "--replace"]) == 0
    assert (folder / "planner" / "train.jsonl").read_bytes() != before


@pytest.mark.parametrize(("arguments", "says"), [(["--module", "writer"], "choose from actor"), ([], "no trace can be read")])
def test_a_wrong_call_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, says):
    (tmp_path / "empty").mkdir()
    assert main(["--traces", str(tmp_path / "empty"), "-o", str(tmp_path / "rows"), *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "rows").exists()


def test_the_same_runs_give_the_same_files(harvested):
    runs = [refund_run(number) for number in range(1000, 1030)]
    one, other = harvested(runs), harvested(runs, out="again")
    files = sorted(path.relative_to(one) for path in one.rglob("*.jsonl"))
    assert files and all((one / file).read_bytes() == (other / file).read_bytes() for file in files)


def test_a_row_takes_a_hundred_bytes_of_memory_until_it_is_written(tmp_path):
    with stores(["planner"], tmp_path) as opened:
        store = opened["planner"]

        def add(numbers):
            for number in numbers:
                fields = {"id": f"run-{number}", "goal": f"Refund order {number} for {THINGS[number % 6]}", "tools": TOOLS}
                store.add(fields, {}, {}, {"asked": fields["goal"], "given": "", "answered": "x" * 500}, fields["goal"])

        add(range(1000))
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            add(range(1000, 5000))
            assert tracemalloc.get_traced_memory()[0] - before < 4000 * 250  # the rows as text are 1,300 bytes each
        finally:
            tracemalloc.stop()


def test_long_rows_that_are_compared_are_read_again_rather_than_all_kept():
    rows, read_ones = 12, []

    def read(row):
        read_ones.append(row)
        return [{"id": str(row)}, {}, {"asked": f"Tell it {row} times", "given": "", "answered": "a" * 200_000}]

    numbers = np.arange(rows, dtype=np.uint64)
    same = [SimpleNamespace(all=lambda: np.zeros(rows, np.uint32))] * 20
    kept = Kept(read, np.ones(rows, np.uint32), numbers, numbers, numbers, same)
    assert Superfluous(kept, per_goal=20, one_answer=True).stays.all()
    assert set(read_ones) == set(range(rows)) and len(read_ones) > rows
