"""What makes a plan valid."""

import graphlib

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from dspy_programs.types import Task, Tool, Trace, plan_problems, tasks_in_a_cycle


def tasks_of(waits_for: dict[int, list[int]], tool: str = "a") -> list[Task]:
    return [Task(id=id_, tool=tool, title="t", depends_on=after) for id_, after in waits_for.items()]


def never_ready(waits_for: dict[int, list[int]]) -> list[int]:
    """The oracle: Python's own sorter, which goes on with what a cycle does not block."""
    sorter = graphlib.TopologicalSorter({i: [d for d in after if d in waits_for] for i, after in waits_for.items()})
    try:
        sorter.prepare()
    except graphlib.CycleError:
        pass
    done: set[int] = set()
    while ready := sorter.get_ready():
        done.update(ready)
        sorter.done(*ready)
    return sorted(waits_for.keys() - done)


@pytest.mark.parametrize(
    "waits_for",
    [{}, {1: []}, {1: [], 2: [1], 3: [2]}, {3: [2], 2: [1], 1: []}, {1: [], 2: [], 3: [1, 2], 4: [1, 3]}],
)
def test_plan_problems_finds_none_in_valid_plan(waits_for):
    assert plan_problems(tasks_of(waits_for), ["a", "b"]) == []


@pytest.mark.parametrize(
    ("waits_for", "problems"),
    [
        ({1: [1]}, ["tasks 1 wait for each other"]),
        ({1: [2], 2: [1]}, ["tasks 1, 2 wait for each other"]),
        ({1: [], 2: [4], 3: [2], 4: [3]}, ["tasks 2, 3, 4 wait for each other"]),
        ({1: [7]}, ["task 1 depends on 7, which does not exist"]),
        ({1: [7, 8]}, ["task 1 depends on 7, which does not exist", "task 1 depends on 8, which does not exist"]),
        ({1: [9, 2], 2: [1]}, ["task 1 depends on 9, which does not exist", "tasks 1, 2 wait for each other"]),
    ],
)
def test_plan_problems_names_each_fault_of_the_graph(waits_for, problems):
    assert plan_problems(tasks_of(waits_for), ["a"]) == problems


def test_plan_problems_names_id_used_twice_once():
    tasks = [*tasks_of({1: [], 2: []}), *tasks_of({1: []}), *tasks_of({1: []})]
    assert plan_problems(tasks, ["a"]) == ["the id 1 is used 3 times"]


@pytest.mark.parametrize(
    ("tool", "offered", "valid"),
    [
        ("a", ["a"], True),
        ("b", ["a"], False),
        ("", ["a"], False),
        ("", [], True),
        ("a", [], False),
        ("A", ["a"], False),
    ],
)
def test_plan_problems_holds_tools_to_those_on_offer(tool, offered, valid):
    problems = plan_problems(tasks_of({1: []}, tool), iter(offered))
    assert problems == ([] if valid else [f"task 1 uses {tool!r}, which is not one of the tools"])


graphs = st.dictionaries(st.integers(1, 9), st.lists(st.integers(1, 12), max_size=4), max_size=9)


@given(graphs)
@settings(max_examples=100, deadline=None)
def test_tasks_in_a_cycle_agrees_with_graphlib(waits_for):
    assert tasks_in_a_cycle(tasks_of(waits_for)) == never_ready(waits_for)


@given(graphs)
@settings(max_examples=100, deadline=None)
def test_plan_problems_is_empty_just_when_plan_can_be_run(waits_for):
    unknown = {d for after in waits_for.values() for d in after} - waits_for.keys()
    assert (plan_problems(tasks_of(waits_for), ["a"]) == []) == (not unknown and not never_ready(waits_for))


@given(st.permutations(range(1, 10)))
@settings(max_examples=50, deadline=None)
def test_tasks_in_a_cycle_is_empty_for_chain_in_any_order(order):
    chain = {id_: [id_ - 1] if id_ > 1 else [] for id_ in order}
    assert tasks_in_a_cycle(tasks_of(chain)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 0},
        {"id": 21},
        {"id": "one"},
        {"title": ""},
        {"title": "t" * 301},
        {"tool": "t" * 501},
        {"depends_on": ["x"]},
        {"depends_on": list(range(21))},
        {"success_criterion": "t" * 301},
        {"owner": "me"},
    ],
)
def test_task_refuses_field_out_of_bounds(fields):
    with pytest.raises(ValidationError):
        Task.model_validate({"id": 1, "tool": "a", "title": "t"} | fields)


@pytest.mark.parametrize(("description", "text"), [("does it", "a: does it"), ("", "a")])
def test_tool_reads_as_one_line(description, text):
    assert str(Tool(name="a", description=description)) == text


@pytest.mark.parametrize("fields", [{}, {"name": ""}, {"name": "n" * 501}, {"name": "a", "arguments": {}}])
def test_tool_refuses_malformed_fields(fields):
    with pytest.raises(ValidationError):
        Tool.model_validate(fields)


OWN, PUBLISHED = {"type": "object", "title": "own"}, {"type": "object", "properties": {"a": {}}}


@pytest.mark.parametrize(("given", "kept"), [({}, {"f": PUBLISHED}), ({"tool_schemas": {"f": OWN}}, {"f": OWN})])
def test_definitions_of_tools_are_split_but_schemas_that_a_trace_has_stay(given, kept):
    raw = {"original_goal": "g", "turns": [], "tools": [{"name": "f", "parameters": PUBLISHED}, "h"], **given}
    trace = Trace.model_validate(raw)
    assert (trace.tools, trace.tool_schemas) == (["f", "h"], kept)
