"""The planner's metric: right plans score 1, wrong ones less for what is wrong, and no plan makes it fail."""

from types import SimpleNamespace

import dspy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.predict import Failure
from dspy_programs.types import Task
from metrics.planner import WEIGHTS, plan_matches

OFFERED = ["search", "book", "pay", "mail", "sms", "map"]
COMPONENTS = ["tools", "order", "graph", "steps", "format"]


def task(id_: int, tool: str, *after: int) -> dict:
    title = f"use {tool}"
    return {"id": id_, "tool": tool, "title": title, "depends_on": list(after), "success_criterion": ""}


def chain(*tools: str) -> list[dict]:
    return [task(i, tool, *([i - 1] if i > 1 else [])) for i, tool in enumerate(tools, 1)]


GOLD = chain("search", "book", "pay")


def score(tasks, gold=GOLD, **fields):
    row = dspy.Example(tools=[{"name": name} for name in OFFERED], tasks=[Task(**t) for t in gold])
    return plan_matches(row, dspy.Prediction(tasks=tasks, **fields))


@pytest.mark.parametrize("gold", [GOLD, chain("search"), [task(1, "map"), task(2, "sms"), task(3, "pay", 1, 2)]])
def test_plan_matches_is_one_for_the_reference(gold):
    result = score([Task(**t) for t in gold], gold, failure=None)
    assert (result.value, result.feedback) == (1.0, "Perfect.")
    assert result.components == dict.fromkeys(COMPONENTS, 1.0)


@pytest.mark.parametrize(
    ("tasks", "components"),
    [
        (chain("search", "book"), {"tools": 0.8, "order": 0.5}),  # too few
        (chain("search", "book", "map"), {"tools": 2 / 3, "order": 1 / 3}),  # one wrong
        (chain("search", "book", "pay", "map"), {"tools": 6 / 7, "order": 2 / 3, "steps": 0.75}),  # one too many
        (chain("search", "book", "pay", "pay"), {"tools": 6 / 7, "order": 2 / 3, "steps": 0.75}),  # one twice
        (chain("pay", "book", "search"), {"order": 0.0}),  # wrong order
        ([task(1, "search", 2), task(2, "book", 3), task(3, "pay")], {"order": 0.0}),  # reversed dependencies
        ([task(1, "search"), task(2, "book"), task(3, "pay")], {"order": 0.0}),  # parallel
        ([task(1, "search"), task(2, "book", 1), task(3, "pay", 1, 2)], {}),  # the chain's closure
        ([task(3, "pay", 2), task(2, "book", 1), task(1, "search")], {}),  # listed in another order
        ([task(1, "search", 3), task(2, "book", 1), task(3, "pay", 2)], {"order": 0.5, "graph": 0.5}),  # cycle
        ([task(1, "search", 1), task(2, "book", 1), task(3, "pay", 2)], {"order": 6 / 7, "graph": 0.5}),  # on itself
        ([task(1, "search"), task(2, "book", 1, 9), task(3, "pay", 2)], {"graph": 0.5}),  # unknown dependency
        ([task(1, "search"), task(1, "book"), task(3, "pay")], {"order": 0.0, "graph": 0.5}),  # an id twice
        (chain("search", "book", "fax"), {"tools": 2 / 3, "order": 1 / 3, "graph": 0.5}),  # not on offer
        (chain("map"), {"tools": 0.0, "order": 0.0}),  # nothing right
        (chain("fax", "fax", "fax", "fax"), {"tools": 0.0, "order": 0.0, "graph": 0.2, "steps": 0.75}),
    ],
)
def test_plan_matches_scores_what_is_wrong_alone(tasks, components):
    expected = dict.fromkeys(COMPONENTS, 1.0) | components
    result = score(tasks)
    assert result.components == pytest.approx(expected)
    assert result.value == pytest.approx(sum(WEIGHTS[name] * value for name, value in expected.items()))


def test_plan_matches_wants_a_single_task_without_order():
    assert score(chain("search"), chain("search")).components["order"] == 1.0
    assert score(chain("search", "map"), chain("search")).components["order"] == 0.0


@pytest.mark.parametrize(
    "prediction",
    [
        None,
        dspy.Prediction(),
        dspy.Prediction(tasks=None),
        dspy.Prediction(tasks=[]),
        dspy.Prediction(tasks=7),
        dspy.Prediction(tasks="search, book"),
        dspy.Prediction(tasks={"id": 1}),
        dspy.Prediction(tasks=[None]),
        dspy.Prediction(tasks=["search"]),
        dspy.Prediction(tasks=[{"id": "x", "tool": "search", "title": "t"}]),
        dspy.Prediction(tasks=[{"tool": "search", "title": "t"}]),
        dspy.Prediction(tasks=[{**task(1, "search"), "more": 1}]),
        dspy.Prediction(tasks=[Failure(reason="", raw_reply="")]),
        dspy.Prediction(tasks=np.array([1, 2])),
        SimpleNamespace(tasks=[SimpleNamespace(id=1, tool="search")]),
    ],
)
def test_plan_matches_is_zero_for_what_is_no_plan(prediction):
    row = dspy.Example(tools=[], tasks=[Task(**t) for t in GOLD])
    result = plan_matches(row, prediction)
    assert result.value == 0.0
    assert result.components == dict.fromkeys(COMPONENTS, 0.0)
    assert "search (use search) -> book (use book) -> pay (use pay)" in result.feedback


def test_plan_matches_is_zero_for_failure_even_when_rules_answered_right():
    result = score(GOLD, failure=Failure(reason="not JSON", raw_reply="I would first " + "think " * 100))
    assert result.value == 0.0
    assert "not JSON" in result.feedback and "'I would first think" in result.feedback
    assert len(result.feedback) < 500


def test_plan_matches_feedback_names_missing_and_unneeded_tools_and_what_is_right():
    feedback = score(chain("search", "map", "sms")).feedback
    assert "missing book, pay; not needed: map, sms" in feedback
    assert "Right: search (use search) -> book (use book) -> pay (use pay)" in feedback


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([task(1, "search"), task(2, "book"), task(3, "pay", 2)], "does not put search before book, search before pay"),
        ([task(1, "search"), task(2, "book", 1), task(3, "pay", 2), task(4, "map", 3)], "do not need"),
        ([task(1, "search"), task(2, "book", 1, 9), task(3, "pay", 2)], "task 2 depends on 9, which does not exist"),
        ([task(1, "search", 2), task(2, "book", 1), task(3, "pay", 2)], "tasks 1, 2, 3 wait for each other"),
        (chain("search", "book", "fax"), "task 3 uses 'fax', which is not one of the tools"),
        (chain("search", "book", "pay", "map", "map"), "5 tasks where 3 reach the goal: too long"),
        (chain("search", "book"), "missing pay"),
    ],
)
def test_plan_matches_feedback_says_what_to_mend(tasks, said):
    assert said in score(tasks).feedback


def test_plan_matches_feedback_has_a_line_for_each_imperfect_component():
    result = score(chain("fax", "book", "map", "sms"))
    named = {line.split()[0] for line in result.feedback.splitlines()}
    assert named == {name for name, value in result.components.items() if value < 1}


def test_plan_matches_changes_nothing_it_is_given():
    row = dspy.Example(tools=[], tasks=[Task(**t) for t in GOLD])
    prediction = dspy.Prediction(tasks=chain("map", "pay"))
    before = (repr(row), repr(prediction))
    plan_matches(row, prediction)
    assert (repr(row), repr(prediction)) == before


tools = st.sampled_from([*OFFERED, "fax", ""])
ids = st.integers(1, 6)
any_task = st.builds(lambda id_, tool, after: task(id_, tool, *after), ids, tools, st.lists(ids, max_size=4))
any_plan = st.lists(any_task, max_size=8)
references = st.lists(st.sampled_from(OFFERED), min_size=1, max_size=5, unique=True).map(lambda names: chain(*names))
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | any_task,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "tool", "x"]), inner, max_size=3),
    max_leaves=6,
)


@given(any_plan | junk, references)
@settings(max_examples=100, deadline=None)
def test_plan_matches_stays_in_bounds_for_any_plan(tasks, gold):
    result = score(tasks, gold)
    assert all(0 <= value <= 1 for value in [result.value, *result.components.values()])
    assert result == score(tasks, gold)
    assert (result.value == 1.0) == (result.feedback == "Perfect.")


@given(any_plan, references, st.data())
@settings(max_examples=100, deadline=None)
def test_plan_matches_never_pays_for_an_unneeded_task(tasks, gold, data):
    unneeded = sorted({*OFFERED, "fax"} - {t["tool"] for t in gold})
    after = data.draw(st.lists(ids, max_size=3))
    padded = [*tasks, task(7, data.draw(st.sampled_from(unneeded)), *after)]
    if tasks:
        assert score(padded, gold).value <= score(tasks, gold).value + 1e-9


@given(any_plan, references, st.data())
@settings(max_examples=100, deadline=None)
def test_plan_matches_never_punishes_a_mended_tool(tasks, gold, data):
    needed = [t["tool"] for t in gold]
    wrong = [i for i, t in enumerate(tasks) if t["tool"] not in needed]
    missing = [tool for tool in needed if tool not in {t["tool"] for t in tasks}]
    if wrong and missing:
        place, tool = data.draw(st.sampled_from(wrong)), data.draw(st.sampled_from(missing))
        mended = [{**t, "tool": tool} if i == place else t for i, t in enumerate(tasks)]
        assert score(mended, gold).value >= score(tasks, gold).value - 1e-9
