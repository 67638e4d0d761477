"""The planner with a scripted model: what it is asked, and that every reply gives a plan or a typed failure."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from dspy_programs.lm.replies import CompleteJSONAdapter
from dspy_programs.predict import Failure
from dspy_programs.programs.planner import Plan, Planner
from dspy_programs.types import Task, Tool
from tests.fakes import ScriptedEngine, plan_reply, toy_row

TOOLS = [{"name": "book", "description": "books a flight"}, {"name": "mail", "description": "sends an email"}]
GOAL = "Book a flight, then email Ann"
GOOD = plan_reply(["book", "mail"])
ONE_TASK = '{"id": 1, "tool": "book", "title": "t", "depends_on": [], "success_criterion": ""}'


class Asked:
    """A planner on a model that always gives `reply`: the prediction, the requests and DSPy's trace."""

    def __init__(self, reply: str, **inputs) -> None:
        engine = ScriptedEngine(lambda prompt: reply)
        lm = dspy.LM("scripted/planner", engine=engine, cache=False, num_retries=0)
        with dspy.context(lm=lm, adapter=CompleteJSONAdapter(), trace=[]):
            self.prediction = Planner()(**({"goal": GOAL, "tools": TOOLS} | inputs))
            self.trace = list(dspy.settings.trace)
        self.requests = engine.requests


def plan_with(task: str) -> str:
    return f'{{"plan": {{"rationale": "r", "tasks": [{task}]}}}}'


def schema_of(request):
    return request.config.response_format["schema"]


@pytest.mark.parametrize("tools", [TOOLS, [Tool(**tool) for tool in TOOLS], (Tool(**TOOLS[0]), TOOLS[1])])
def test_planner_gives_typed_plan(tools):
    answer = Asked(GOOD, tools=tools).prediction
    assert [type(task) for task in answer.tasks] == [Task, Task]
    assert [(task.id, task.tool, task.depends_on) for task in answer.tasks] == [(1, "book", []), (2, "mail", [1])]
    assert (answer.answered_by, answer.failure, answer.problems, answer.rationale) == ("model", None, [], "as scripted")


@pytest.mark.parametrize(
    "reply",
    [
        f"```json\n{GOOD}\n```",
        f"Sure, here it is:\n{GOOD}\nAnything else?",
        f"{GOOD}\n{GOOD[:40]}",
        GOOD.replace(", ", ",\n"),
    ],
)
def test_planner_reads_whole_plan_inside_other_text(reply):
    answer = Asked(reply).prediction
    assert (answer.answered_by, len(answer.tasks)) == ("model", 2)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        " \n",
        "I cannot do that.",
        "null",
        "[]",
        "7",
        GOOD[:-1],
        GOOD[:60],
        f"```json\n{GOOD[:90]}\n```",
        '{"tasks": []}',
        '{"plan": null}',
        '{"plan": "book, then mail"}',
        '{"plan": {"rationale": "r", "tasks": []}}',
        '{"plan": {"rationale": "r"}}',
        '{"plan": {"rationale": 5, "tasks": "book"}}',
        plan_with(ONE_TASK.replace("1", '"one"')),
        plan_with(ONE_TASK.replace("1", "99")),
        plan_with(ONE_TASK.replace("1", "9" * 5000)),
        plan_with(ONE_TASK.replace('"t"', '"\\ud800"')),
        plan_with(ONE_TASK.replace('"t"', f'"{"t" * 81}"')),
        plan_with(", ".join([ONE_TASK] * 7)),
        "\x00\x01\ufffd",
        "[" * 5000,
        '{"a": ' * 3000 + "1" + "}" * 3000,
    ],
)
def test_planner_falls_back_on_rules_when_reply_cannot_be_read(reply):
    asked = Asked(reply)
    answer = asked.prediction
    assert [task.tool for task in answer.tasks] == ["book", "mail"]
    assert (answer.answered_by, answer.problems) == ("rules", [])
    assert isinstance(answer.failure, Failure) and answer.failure.reason
    assert len(asked.requests) == 1


def test_failure_says_which_field_of_the_reply_was_wrong():
    reason = Asked(plan_with(ONE_TASK.replace('"t"', f'"{"t" * 81}"'))).prediction.failure.reason
    assert reason.endswith("tasks.0.title: String should have at most 60 characters"), reason


@pytest.mark.parametrize("reply", ["no plan today", GOOD[:60], "[" * 5000, '{"plan": null}'])
def test_planner_puts_failed_call_on_trace_with_raw_reply(reply):
    asked = Asked(reply)
    ((predictor, inputs, output),) = asked.trace
    assert predictor.signature.instructions == Planner().plan.signature.instructions
    assert inputs["goal"] == GOAL and list(inputs) == ["tools", "progress", "goal"]
    assert output.unreadable_reply == asked.prediction.failure.raw_reply == reply


def test_planner_puts_read_call_on_trace_once():
    assert len(Asked(GOOD).trace) == 1


def test_planner_answers_by_rules_without_model():
    with dspy.context(lm=None, adapter=CompleteJSONAdapter()):
        answer = Planner()(goal=GOAL, tools=TOOLS)
    assert [task.tool for task in answer.tasks] == ["book", "mail"]
    assert (answer.answered_by, answer.failure) == ("rules", None)


def test_planner_does_not_hide_failing_model():
    def fail(prompt: str) -> str:
        raise dspy.lm15.AuthError("wrong key")

    lm = dspy.LM("scripted/planner", engine=ScriptedEngine(fail), cache=False, num_retries=0)
    with dspy.context(lm=lm, adapter=CompleteJSONAdapter()), pytest.raises(Exception, match="wrong key"):
        Planner()(goal=GOAL, tools=TOOLS)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((": [1]", ": [2]"), "tasks 2 wait for each other"),
        ((": []", ": [2]"), "tasks 1, 2 wait for each other"),
        ((": [1]", ": [5]"), "task 2 depends on 5, which does not exist"),
        (('"id": 2', '"id": 1'), "the id 1 is used 2 times"),
        (('"tool": "mail"', '"tool": "fax"'), "task 2 uses 'fax', which is not one of the tools"),
    ],
)
def test_planner_returns_invalid_plan_with_its_problems(change, problem):
    answer = Asked(GOOD.replace(*change)).prediction
    assert answer.answered_by == "model" and len(answer.tasks) == 2
    assert problem in answer.problems


@pytest.mark.parametrize("tools", [[{"nam": "book"}], [{"name": ""}], ["book"]])
def test_planner_refuses_malformed_tools_before_asking(tools):
    with pytest.raises(ValidationError):
        Asked(GOOD, tools=tools)


def test_planner_request_holds_tool_to_exactly_those_on_offer():
    (request,) = Asked(GOOD).requests
    assert schema_of(request)["$defs"]["DraftTask"]["properties"]["tool"] == {
        "type": "string",
        "enum": ["book", "mail"],
    }


def test_planner_request_allows_no_tool_when_none_is_offered():
    (request,) = Asked(GOOD, tools=[]).requests
    assert schema_of(request)["$defs"]["DraftTask"]["properties"]["tool"]["enum"] == [""]


def test_planner_request_bounds_everything_that_could_go_on_for_ever():
    (request,) = Asked(GOOD).requests
    plan, task = (schema_of(request)["$defs"][name]["properties"] for name in ("DraftPlan", "DraftTask"))
    assert {"maxItems", "minItems"} <= plan["tasks"].keys()
    assert all(
        "maxLength" in field
        for field in [*plan.values(), *task.values()]
        if field.get("type") == "string" and "enum" not in field
    )
    assert "maxItems" in task["depends_on"]
    assert all({"minimum", "maximum"} <= field.keys() for field in (task["id"], task["depends_on"]["items"]))


def test_planner_prompts_share_their_system_message():
    rows = [toy_row(1), toy_row(2)]
    first, second = (Asked(GOOD, **{k: row[k] for k in ("goal", "tools", "progress")}).requests[0] for row in rows)
    assert first.system == second.system
    assert first.messages != second.messages


def test_planner_prompt_has_what_varies_in_the_user_message_alone():
    (request,) = Asked(GOOD, progress="passport renewed").requests
    (message,) = request.messages
    for text in ("book: books a flight\nmail: sends an email", "passport renewed", GOAL):
        assert text in message.text and text not in request.system
    assert Planner().plan.signature.instructions in request.system


damaged = st.builds(lambda cut, junk: GOOD[:cut] + junk + GOOD[cut:], st.integers(0, 200), st.text(max_size=3))


@given(st.text(max_size=60) | damaged)
@settings(max_examples=100, deadline=None)
def test_planner_never_fails_on_any_reply(reply):
    answer = Asked(reply).prediction
    assert (answer.failure is None) == (answer.answered_by == "model")
    assert answer.tasks


def plan(*tasks: tuple) -> dict:
    return {"tasks": [{"id": i, "tool": tool, "title": "t", "depends_on": after} for i, tool, after in tasks]}


def test_plan_accepts_plan_that_can_be_run():
    value = plan((1, "book", []), (2, "mail", [1]))
    assert len(Plan.model_validate(value, context={"tools": ["book", "mail"]}).tasks) == 2
    assert len(Plan.model_validate(value).tasks) == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (plan((1, "book", []), (1, "mail", [])), "the id 1 is used 2 times"),
        (plan((1, "book", [2]), (2, "mail", [1])), "tasks 1, 2 wait for each other"),
        (plan((1, "book", [3])), "depends on 3, which does not exist"),
        (plan((1, "fax", [])), "'fax', which is not one of the tools"),
        (plan((0, "book", [])), "greater than or equal to 1"),
        ({"tasks": "book"}, "valid list"),
        ({}, "Field required"),
    ],
)
def test_plan_refuses_what_cannot_be_run(value, reason):
    with pytest.raises(ValidationError, match=reason):
        Plan.model_validate(value, context={"tools": ["book", "mail"]})
