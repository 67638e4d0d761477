"""New content in a row: what the request names is replaced everywhere, and nothing else is."""

import json
import random

import pytest

from optimizers.loop.variation import lost_value, pool_of, varied


def actor_row(task, calls, trajectory=()):
    accepted = [{"tool": tool, "accepted": {name: [value] for name, value in given.items()}} for tool, given in calls]
    return {
        "id": "a",
        "task": task,
        "tools": [],
        "context": "",
        "trajectory": list(trajectory),
        "calls": accepted,
        "kind": "first",
    }


def planner_row(goal, *titles):
    tasks = [
        {"id": at, "tool": title.partition(":")[0], "title": title, "depends_on": []} for at, title in enumerate(titles, 1)
    ]
    return {"id": "p", "goal": goal, "tools": [], "progress": "", "tasks": tasks}


def new(module, row, *others, seed=0):
    return varied(module, row, pool_of(module, [row, *others]), random.Random(seed))


def test_a_number_is_new_in_the_request_the_story_and_the_answer():
    turn = {"tool_name": "find", "tool_input": {"number": 1182}, "tool_output": {"said": "1182 is paid", "id": "o_1182x"}}
    made = new("actor", actor_row("Refund order 1182", [("refund", {"number": 1182, "note": "for 1182"})], [turn]))
    number = made["calls"][0]["accepted"]["number"][0]
    assert number != 1182 and isinstance(number, int) and len(str(number)) == 4
    assert made["task"] == f"Refund order {number}"
    assert made["calls"][0]["accepted"]["note"] == [f"for {number}"]
    assert made["trajectory"][0]["tool_input"] == {"number": number}
    assert made["trajectory"][0]["tool_output"] == {"said": f"{number} is paid", "id": "o_1182x"}


def test_a_word_becomes_another_of_the_same_argument_and_form():
    row = actor_row("Mail ann about Ann", [("mail", {"to": "ann"})])
    others = [actor_row(f"Mail {name}", [("mail", {"to": name})]) for name in ("leo", "Bob", "the whole team")]
    others.append(actor_row("Find moscow", [("find", {"city": "moscow"})]))
    assert all(new("actor", row, *others, seed=seed)["task"] == "Mail leo about Leo" for seed in range(9))


@pytest.mark.parametrize(
    ("task", "given"),
    [
        ("Move it to Monday", {"day": "2023-11-27"}),  # named otherwise
        ("Close the door", {}),
        ("Set the board to Design backlog", {"board": "Design", "list": "Design backlog"}),  # one inside the other
        ("On 2023-11-27", {"day": "2023-11-27"}),  # no other date is known, and an invented one may not exist
    ],
)
def test_what_cannot_be_varied_safely_gives_no_row(task, given):
    assert new("actor", actor_row(task, [("move", given)])) is None


def test_a_field_that_the_request_does_not_name_stays():
    row = actor_row("Assign task 5551 to ann", [("update", {"task": "5551", "field": "assigned_to"})])
    other = actor_row("Rename task 5552: name", [("update", {"task": "5552", "field": "name"})])
    assert new("actor", row, other)["calls"][0]["accepted"]["field"] == ["assigned_to"]


def test_a_plan_s_titles_change_with_its_goal():
    row = planner_row("Find order 1182 and mail ann", "find: 1182", "mail: ann")
    made = new("planner", row, planner_row("Mail leo", "mail: leo"))
    number = made["goal"].split()[2]
    assert made["goal"] == f"Find order {number} and mail leo"
    assert [task["title"] for task in made["tasks"]] == [f"find: {number}", "mail: leo"]


def test_a_title_that_may_be_cut_is_not_varied_at_its_end():
    goal = "Mail ann about Add authentication for the e-mail notification"
    row = planner_row(goal, "search e-mails: Add authentication for the e-mail")
    assert new("planner", row, planner_row("about Other thing", "search e-mails: Other thing")) is None


def test_the_same_draw_gives_the_same_row():
    row = actor_row("Refund order 1182", [("refund", {"number": 1182})])
    assert (
        json.dumps(new("actor", row, seed=3)) == json.dumps(new("actor", row, seed=3)) != json.dumps(new("actor", row, seed=4))
    )


def test_a_wording_must_keep_every_value():
    row = actor_row("Refund order 1182 to ann", [("refund", {"number": 1182, "to": "ann"})])
    assert lost_value("actor", {**row, "task": "Give Ann her money for 1182"}, row) == ""
    assert lost_value("actor", {**row, "task": "Give her the money for 1182"}, row) == "ann"
