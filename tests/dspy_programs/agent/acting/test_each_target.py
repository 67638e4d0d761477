"""A change that is wanted of all: each record that was found gets it, and none that the goal does not mean."""

import json

import pytest

from dspy_programs.agent import Agent, tool
from dspy_programs.agent.acting.each_target import others
from dspy_programs.types import Turn
from tests.dspy_programs.agent.scripted import finish, plan, scripted, step

DOORS = [
    {"door_id": f"0{number}", "owner": owner, "colour": "old white"} for number, owner in enumerate(["raj", "raj", "raj", "bo"])
]


def office(painted, as_text=False):
    @tool(effect="reads", name="door.search")
    def search(owner: str) -> list[dict[str, str]] | str:
        """Search doors by owner."""
        found = [door for door in DOORS if door["owner"] == owner]
        return json.dumps(found) if as_text else found

    @tool(effect="writes", name="door.paint")
    def paint(door_id: str, colour: str) -> str:
        """Paint a door."""
        painted.append((door_id, colour))
        return f"painted {door_id}"

    return search, paint


def run(tmp_path, goal, painted, steps=None, **settings):
    steps = steps or [step("door.search", owner="raj"), step("door.paint", door_id="00", colour="green"), finish("done")]
    lm = scripted([plan(("door.paint", goal))], [step("door.paint", door_id="the id", colour="green"), *steps])
    return Agent(office(painted, **settings), lm, workspace=tmp_path, compiled=False).run(goal)


@pytest.mark.parametrize("as_text", [False, True])
def test_each_record_that_was_found_is_changed_once_by_a_task_of_its_own(tmp_path, as_text):
    painted: list[tuple[str, str]] = []
    done = run(tmp_path, "Paint all doors of raj green", painted, as_text=as_text)
    assert painted == [("00", "green"), ("01", "green"), ("02", "green")] and done.cost.tool_calls == 5  # it looks again
    assert [task.id for task in done.tasks] == ["1", "1.1", "1.2"] and {task.status for task in done.tasks} == {"complete"}
    assert done.outcome == "unverified"  # a model has chosen the change


@pytest.mark.parametrize("goal", ["Paint the doors of raj green", "Please paint the doors of raj green"])
def test_a_plural_right_after_the_verb_means_all_of_them(tmp_path, goal):
    painted: list[tuple[str, str]] = []
    run(tmp_path, goal, painted)
    assert painted == [("00", "green"), ("01", "green"), ("02", "green")]


@pytest.mark.parametrize(
    "goal",
    [
        "Paint the door of raj green",
        "Paint the first doors of raj green",
        "Paint the owner of doors raj green",
        "Paint the walls of raj green",
    ],
)
def test_one_thing_or_some_of_them_are_not_all(tmp_path, goal):
    painted: list[tuple[str, str]] = []
    run(tmp_path, goal, painted)
    assert painted == [("00", "green")]


def test_one_that_cannot_be_changed_fails_the_run(tmp_path):
    @tool(effect="reads", name="door.search")
    def search(owner: str) -> list[dict[str, str]]:
        """Search doors by owner."""
        return DOORS[:3]

    @tool(effect="writes", name="door.paint")
    def paint(door_id: str, colour: str) -> str:
        """Paint a door."""
        return {"00": "painted", "01": "painted"}[door_id]

    steps = [step("door.paint", door_id="the id", colour="green"), step("door.search", owner="raj")]
    lm = scripted(
        [plan(("door.paint", "Paint all doors of raj green"))], [*steps, step("door.paint", door_id="00", colour="green")]
    )
    done = Agent((search, paint), lm, workspace=tmp_path, compiled=False).run("Paint all doors of raj green")
    assert done.outcome == "failed" and "failed" in {task.status for task in done.tasks}


@pytest.mark.parametrize(
    "goal",
    [
        "Paint the door of raj green",  # one
        "Paint all broken doors of raj green",  # which are broken nobody has looked for
        "Paint all doors of raj from last week green",
        "Paint all doors of raj old white",  # a value of the one record may be its own
    ],
)
def test_where_code_cannot_tell_what_the_others_need_it_changes_none(goal):
    colour = "old white" if "white" in goal else "green"
    tools = {each.name: each for each in office([])}
    turns = [
        Turn(turn_number=0, role="agent", tool_name="door.search", tool_input={"owner": "raj"}, tool_output=DOORS[:3]),
        Turn(
            turn_number=1, role="agent", tool_name="door.paint", tool_input={"door_id": "00", "colour": colour}, tool_output="x"
        ),
    ]
    assert others(turns, tools, goal) is None


def test_a_search_that_shows_only_the_first_few_is_made_again_until_nothing_new_is_found(tmp_path):
    left = [{"door_id": f"{number:02}", "owner": "raj"} for number in range(5)]

    @tool(effect="reads", name="door.search")
    def search(owner: str) -> list[dict[str, str]] | str:
        """Search doors by owner, at most 2."""
        return left[:2] or "No doors found."

    @tool(effect="writes", name="door.remove")
    def remove(door_id: str) -> str:
        """Remove a door."""
        left.remove(next(door for door in left if door["door_id"] == door_id))
        return "removed"

    steps = [step("door.remove", door_id="the id"), step("door.search", owner="raj"), step("door.remove", door_id="00")]
    lm = scripted([plan(("door.remove", "Remove all doors of raj"))], [*steps, finish("done")])
    done = Agent((search, remove), lm, workspace=tmp_path, compiled=False).run("Remove all doors of raj")
    assert left == [] and {task.status for task in done.tasks} == {"complete"} and len(done.tasks) == 5, done
