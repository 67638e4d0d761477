"""Every program awaited: the answer it gives when called, side by side, with the caller's model, trace, usage and callbacks."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import dspy
import pytest
from dspy.utils.callback import BaseCallback

from dspy_programs import use
from dspy_programs.programs.planner import Planner
from dspy_programs.registry import PROGRAMS
from tests.fakes import plan_reply, scripted_lm

TOOLS = [{"name": "book", "description": "books a flight"}, {"name": "mail", "description": "sends an email"}]
GOAL = "Book a flight, then email Ann"
GOOD = plan_reply(["book", "mail"])
SAID = "Order 4711 must be sent to Ann in Graz before Friday, because the shop closes then."
BULLETS = {"name": "bullets", "description": "three bullets"}
INPUTS = {
    "actor": {"task": GOAL, "tools": TOOLS},
    "code_editor": {"task": "same(3) gives 4.", "code": {"a.py": "def same(n):\n    return n + 1\n"}},
    "code_summarizer": {"code": "def add(price, tax):\n    return price + tax"},
    "command_planner": {"task": "run the tests", "context": "files: pyproject.toml tests/"},
    "data_generator": {"seed": "Say in one sentence why the sky is blue."},
    "document_qa": {"document": "The Mur is a river in Austria.", "question": "Which river is in Austria?"},
    "failure_judge": {
        "goal": "How many tasks has Nadia?",
        "turns": [
            {
                "turn_number": 0,
                "role": "tool",
                "tool_name": "search",
                "tool_input": {"by": "nadia@example.com"},
                "tool_output": [],
            },
            {"turn_number": 1, "role": "agent", "content": "There are no tasks of Nadia."},
        ],  # a look-up with an address from nowhere: what a model is asked about
    },
    "log_context": {"task": "Why?", "logs": "INFO started\nERROR shop: no price of lamp"},
    "loop_explainer": {
        "code": "for row in rows:\n    if row in names:\n        print(row)",
        "pattern": "ListMembershipInLoop",
        "types": {"rows": "list[str]", "names": "list[str]"},
    },
    "memory_summarizer": {"entries": [{"turn": 0, "role": "user", "content": SAID}], "token_budget": 60},
    "orchestrator": {"query": "all TODOs in src", "workspace": "src/a.py\nsrc/b.py"},
    "planner": {"goal": GOAL, "tools": TOOLS},
    "quality_judge": {"instruction": "Name a river in Austria.", "response": "The Mur is a river in Austria."},
    "section_scorer": {
        "sections": [{"name": "format", "content": "A trio of bullets."}],
        "rubric": {"name": "r", "criteria": [BULLETS]},
    },
}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_program_awaited_answers_as_when_called(name):
    lm = scripted_lm(lambda prompt: "not an answer")
    with use(lm):
        called = PROGRAMS[name]()(**INPUTS[name])
        asked = len(lm.engine.prompts)
        awaited = asyncio.run(PROGRAMS[name]().acall(**INPUTS[name]))
    assert repr(awaited) == repr(called) and called.failure.raw_reply == "not an answer"
    assert lm.engine.prompts[asked:] == lm.engine.prompts[:asked] != []


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_program_awaited_answers_by_rules_where_a_block_with_a_model_has_ended(name):
    with use(scripted_lm(str)):
        pass
    assert asyncio.run(PROGRAMS[name]().acall(**INPUTS[name])).answered_by == "rules"


def test_calls_awaited_together_run_together():
    together = threading.Barrier(8, timeout=10)  # broken, and so an error, where fewer than eight are asked at once

    def answer(prompt):
        together.wait()
        return GOOD

    async def eight():
        return await asyncio.gather(*(Planner().acall(goal=GOAL, tools=TOOLS) for _ in range(8)))

    with use(scripted_lm(answer)):
        assert [plan.answered_by for plan in asyncio.run(eight())] == ["model"] * 8


def test_event_loops_in_several_threads_do_not_wait_for_each_other():
    def answer(prompt):
        time.sleep(0.01)
        return GOOD

    async def many():
        return await asyncio.gather(*(Planner().acall(goal=GOAL, tools=TOOLS) for _ in range(12)))

    def loop(_):
        with use(scripted_lm(answer)):
            return [plan.answered_by for plan in asyncio.run(asyncio.wait_for(many(), 30))]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(loop, range(3))) == [["model"] * 12] * 3


async def stopped_by_asyncio(call):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 0.2)


async def stopped_by_anyio(call):
    with anyio.move_on_after(0.2) as scope:
        await call
    assert scope.cancelled_caught


@pytest.mark.parametrize("stopped", [stopped_by_asyncio, stopped_by_anyio])
def test_cancelled_call_ends_at_once(stopped):
    free = threading.Event()

    def answer(prompt):
        free.wait(20)
        return GOOD

    began = time.monotonic()
    with use(scripted_lm(answer)):
        asyncio.run(stopped(Planner().acall(goal=GOAL, tools=TOOLS)))
    assert time.monotonic() - began < 10
    free.set()


def test_errors_of_the_model_reach_who_awaits():
    def fail(prompt):
        raise dspy.lm15.AuthError("wrong key")

    with use(scripted_lm(fail)), pytest.raises(Exception, match="wrong key"):
        asyncio.run(Planner().acall(goal=GOAL, tools=TOOLS))


class Calls(BaseCallback):
    """Remembers the modules that began."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_module_start(self, call_id, instance, inputs):
        self.seen.append(type(instance).__name__)


def test_trace_usage_and_callbacks_are_those_of_the_caller(caplog):
    calls = Calls()
    lm = scripted_lm(lambda prompt: GOOD)
    with use(lm), dspy.context(trace=[], callbacks=[calls], track_usage=True), dspy.track_usage() as tracker:
        plan = asyncio.run(Planner().acall(goal=GOAL, tools=TOOLS))
        ((_, inputs, output),) = dspy.settings.trace
        assert inputs["goal"] == GOAL and output.plan.tasks
    assert calls.seen == ["Planner", "FewShot"]
    assert tracker.get_total_tokens().keys() == {"scripted/planner"}
    assert len(lm.history) == 1 and plan.answered_by == "model"
    assert "discouraged" not in caplog.text


def test_usage_of_one_awaited_call_is_on_its_prediction():
    with use(scripted_lm(lambda prompt: GOOD)), dspy.context(track_usage=True):
        plan = asyncio.run(Planner().acall(goal=GOAL, tools=TOOLS))
    assert plan.get_lm_usage()["scripted/planner"]["completion_tokens"] == len(GOOD) // 4


@pytest.mark.parametrize("is_async_program", [False, True])
def test_streamed_program_ends_with_its_prediction(is_async_program):
    async def streamed():
        program = dspy.streamify(Planner(), is_async_program=is_async_program)
        return [item async for item in program(goal=GOAL, tools=TOOLS)]

    lm = scripted_lm(lambda prompt: GOOD)
    with use(lm):
        *chunks, last = asyncio.run(streamed())
    assert isinstance(last, dspy.Prediction) and last.answered_by == "model"
    assert chunks and len(lm.engine.requests) == 1
