"""What a key and a request may have the model do: refused before the first call, stopped at the limit, new every day."""

import asyncio
import json

import pytest
from dspy import lm15

from dspy_programs.agent import AgentConfig
from dspy_programs.lm import connect
from dspy_programs.lm.cached import AnswerCache, cached
from dspy_programs.serve.agent_runs import AgentRuns
from dspy_programs.serve.keys import Keys, read_keys
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import Spent, TooLarge
from dspy_programs.serve.spending import Spending
from dspy_programs.serve.worker_pool import WorkerPool
from tests.dspy_programs.agent.scripted import is_planner, plan, step
from tests.fakes import ChatServer, scripted_lm
from tests.servers import HEALTHY, HTTP, running

pytestmark = pytest.mark.filterwarnings("ignore:.*is not compiled for:UserWarning")
ANN, BOB = "ann-key-0123456789", "bob-key-0123456789"
REFUSAL = {"turn_number": 1, "role": "agent", "content": "I can't help with violence."}
UNSURE = HEALTHY | {"is_successful": None, "original_goal": "How do I kill a Python process?", "turns": [REFUSAL]}
DOUBTFUL = [{"name": f"s{n}", "content": f"Separate the items by commas. ({n})", "priority": n} for n in range(20)]
RUBRIC = {"name": "r", "criteria": [{"name": "commas", "description": "comma-free"}]}
NOON = 20_000 * 86_400 + 43_200.0


def judge():
    return scripted_lm(lambda prompt: json.dumps({"answer": "yes", "asks": "yes"}), name="scripted/judge")


def serving(lm, **limits):
    return running(Limits(**limits), lm=lm, key=Keys(read_keys(f"ann: {ANN}\nbob: {BOB}", "keys")))


def post(server, key, path, body):
    return HTTP.post(server.url + path, json=body, headers={"X-API-Key": key}, timeout=30)


def classify(server, key, traces=1):
    return post(server, key, "/v1/failures/batch", {"traces": [UNSURE | {"trace_id": f"{n}"} for n in range(traces)]})


def test_request_that_may_need_too_many_calls_is_refused_before_the_first():
    lm = judge()
    with serving(lm, calls_per_request=3) as server:
        refused = classify(server, ANN, 4)
        assert refused.status_code == 413 and refused.json()["code"] == "too_large"
        assert "4 calls" in refused.json()["error"] and "3 are allowed" in refused.json()["error"]
        assert not lm.engine.prompts
        assert classify(server, ANN, 3).status_code == 200
        assert len(lm.engine.prompts) == 3


def test_day_of_one_key_ends_and_that_of_another_goes_on():
    lm = judge()
    with serving(lm, calls_per_day=3) as server:
        assert classify(server, ANN, 2).status_code == 200
        refused = classify(server, ANN, 2)
        assert refused.status_code == 429 and refused.json()["code"] == "spent", "one is left, two may be needed"
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400
        assert len(lm.engine.prompts) == 2
        assert classify(server, ANN, 1).status_code == 200
        assert classify(server, BOB, 3).status_code == 200
        assert classify(server, ANN, 1).status_code == 429
        assert post(server, ANN, "/v1/budget/analyze", {"sections": DOUBTFUL}).status_code == 200, "it needs no model"


def test_prompt_that_is_too_large_for_the_request_is_not_sent():
    lm = judge()
    with serving(lm, tokens_per_request=20) as server:
        refused = classify(server, ANN)
        assert refused.status_code == 413 and "20 tokens" in refused.json()["error"]
        assert not lm.engine.prompts


def test_work_that_reaches_the_limit_makes_no_call_more():
    """Calls of a negotiation run in threads: together they keep to the limit, and no rule answers in their place."""
    lm = judge()
    with serving(lm, tokens_per_day=3_000) as server:
        refused = post(server, ANN, "/v1/budget/negotiate", {"sections": DOUBTFUL, "rubric": RUBRIC})
        assert refused.status_code == 429, refused.text[:200]
        assert 0 < len(lm.engine.prompts) < 20


def test_other_surfaces_are_told_too():
    lm = judge()
    with serving(lm, calls_per_request=1) as server:
        part = {"kind": "data", "data": {"skill": "classify_failures", "input": {"traces": [UNSURE, UNSURE]}}}
        message = {"messageId": "m", "role": "user", "kind": "message", "parts": [part]}
        call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
        task = post(server, ANN, "/a2a", call).json()["result"]
        assert task["status"]["state"] == "rejected" and "2 calls" in json.dumps(task["status"])
        assert not lm.engine.prompts


def test_failed_calls_count():
    with ChatServer(status=500) as broken:
        lm = connect("openai/x", api_base=broken.url, api_key="k", timeout=5)
        with serving(lm, calls_per_day=2, seconds=5) as server:
            assert classify(server, ANN).status_code in (429, 503)
            assert len(broken.requests) <= 2
            assert classify(server, ANN).status_code == 429


def test_answers_from_the_cache_count(tmp_path):
    lm = judge()
    with serving(cached(lm, AnswerCache(tmp_path / "answers.sqlite")), calls_per_day=2) as server:
        assert [classify(server, ANN).status_code for _ in range(3)] == [200, 200, 429]
    assert len(lm.engine.prompts) == 1


@pytest.mark.parametrize("limit", ["calls_per_request", "calls_per_day"])
def test_model_that_fails_until_the_calls_are_used_up_is_what_the_client_is_told(limit):
    """Its request is not too large: it asks again because the model failed."""
    with ChatServer(status=500) as broken:
        lm = connect("openai/x", api_base=broken.url, api_key="k", timeout=5)
        with serving(lm, seconds=30, **{limit: 2}) as server:
            answer = classify(server, ANN)
    assert answer.status_code == 503 and "does not answer" in answer.json()["error"], answer.text
    assert len(broken.requests) == 2


def test_run_of_the_agent_is_refused_when_the_day_is_over(tmp_path):
    (tmp_path / "work").mkdir()
    runs = AgentRuns(AgentConfig(workspace=str(tmp_path / "work"), sessions=str(tmp_path / "s.sqlite")), {})
    keys = Keys(read_keys(f"ann: {ANN}\nbob: {BOB}", "keys"))
    with running(Limits(tokens_per_day=100), key=keys, runs=runs) as server:
        server.worker_pool.spending.add("ann", 1, 100)
        goal = {"goal": "List the files"}
        assert post(server, ANN, "/agent/run", goal).status_code == 429
        assert post(server, BOB, "/agent/run", goal).status_code == 200


def test_run_of_the_agent_is_counted_at_its_end(tmp_path):
    (tmp_path / "work").mkdir()

    def answer(prompt):
        return (
            plan(("write_file", "Write 42 to b.txt")) if is_planner(prompt) else step("write_file", path="b.txt", content="42")
        )

    with ChatServer(answer) as chat:
        config = AgentConfig(workspace=str(tmp_path / "work"), sessions=str(tmp_path / "s.sqlite"), lm="openai/x")
        runs = AgentRuns(config, {"api_base": chat.url, "api_key": "k", "no_cache": True})
        with running(Limits(calls_per_day=1), key=Keys(read_keys(f"ann: {ANN}", "keys")), runs=runs) as server:
            assert post(server, ANN, "/agent/run", {"goal": "Think about the roof, then write 42 to b.txt"}).status_code == 200
            assert server.worker_pool.spending.of("ann").calls > 0 and chat.requests
            assert post(server, ANN, "/agent/run", {"goal": "Think again"}).status_code == 429


def asking(text):
    return lm15.Request(model="m", messages=(lm15.Message.user(text),))


def answering(tokens):
    return lm15.Response(None, "m", lm15.Message.assistant("x"), "stop", lm15.Usage(tokens - 1, 1))


def test_tokens_that_were_used_replace_those_that_were_booked():
    spending = Spending(Limits(tokens_per_day=1_000), clock=lambda: NOON)
    meter = spending.begin("ann", 1)
    booked = meter.ask(asking("x" * 2_000))
    assert 500 <= booked < 600 and spending.of("ann").tokens == booked
    meter.tell(booked, answering(900))
    assert spending.of("ann").tokens == meter.used.tokens == 900
    with pytest.raises(Spent) as caught:
        meter.ask(asking("x" * 800))
    assert caught.value.retry_after == 43_200
    assert spending.of("ann").calls == 1


def test_a_new_day_begins_anew_and_forgets_the_keys_of_the_last():
    clock = [NOON]
    spending = Spending(Limits(calls_per_day=1), clock=lambda: clock[0])
    spending.begin("ann", 1).ask(asking("x"))
    spending.begin("bob", 1)
    with pytest.raises(Spent):
        spending.begin("ann", 1)
    clock[0] += 43_200
    spending.begin("ann", 1)
    assert list(spending._of_keys) == ["ann"]


def test_no_limits_refuse_nothing():
    spending = Spending(Limits())
    meter = spending.begin("ann", 10**9)
    for _ in range(100):
        meter.ask(asking("x" * 1_000))
    assert meter.used.calls == 100 and meter.used.tokens > 25_000


def test_more_than_a_day_allows_never_fits():
    with pytest.raises(TooLarge):
        Spending(Limits(calls_per_day=5)).begin("ann", 6)


def test_without_a_model_nothing_is_counted():
    async def work(pool):
        return await pool.run(lambda progress: 1, model_calls=50)

    assert asyncio.run(work(WorkerPool(Limits(calls_per_request=1)))) == 1
