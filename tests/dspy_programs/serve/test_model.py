"""With a language model: it is asked where the rules are unsure, it can fail, and it is not asked any more once work stops."""

import asyncio
import json
import re
import time

import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import new_data_message
from a2a.types import CancelTaskRequest, Role, SendMessageConfiguration, SendMessageRequest, TaskState
from mcp import Client

from dspy_programs.lm import connect
from dspy_programs.serve.limits import MAX_EXAMPLES, Limits
from tests.fakes import ChatServer, scripted_lm
from tests.servers import FAILING, HEALTHY, HTTP, on_its_way, running

pytestmark = pytest.mark.filterwarnings("ignore:.*is not compiled for:UserWarning")
DOUBTFUL = [{"name": f"s{n}", "content": f"Separate the items by commas. ({n})", "priority": n} for n in range(20)]
RUBRIC = {"name": "r", "criteria": [{"name": "commas", "description": "comma-free"}]}
NEGOTIATE = {"sections": DOUBTFUL, "rubric": RUBRIC}
REFUSAL = {"turn_number": 1, "role": "agent", "content": "I can't help with violence."}
UNSURE = HEALTHY | {"is_successful": None, "original_goal": "How do I kill a Python process?", "turns": [REFUSAL]}
CALL = {"turn_number": 1, "role": "agent", "content": "", "tool_name": "teleport", "tool_input": {}}
SURE = FAILING | {"tools": ["search"], "turns": [FAILING["turns"][0], CALL]}
MEMORY = {"summary": "Invoices were spoken about.", "decisions": [], "facts": []}
DENIED = json.dumps({"answer": "yes"})


def slow_lm(seconds=0.05):
    def answer(prompt):
        time.sleep(seconds)
        return json.dumps({"asks": "yes"})

    return scripted_lm(answer, name="scripted/scorer")


def stays_at(lm, seconds=0.5):
    """Whether the model is called no more."""
    before = len(lm.engine.prompts)
    time.sleep(seconds)
    return len(lm.engine.prompts) == before


def test_model_answers_where_the_rules_are_unsure():
    lm = scripted_lm(lambda prompt: DENIED, name="scripted/judge")
    with running(lm=lm) as server:
        health = HTTP.get(f"{server.url}/healthz").json()
        sure = HTTP.post(f"{server.url}/v1/failures/classify", json={"trace": SURE}).json()
        asked_for_sure = len(lm.engine.prompts)
        unsure = HTTP.post(f"{server.url}/v1/failures/classify", json={"trace": UNSURE}).json()
    assert health["model"] == "scripted/judge"
    assert sure["answered_by"] == "rules" and asked_for_sure == 0
    assert unsure["answered_by"] == "model" and len(lm.engine.prompts) == 1


def test_model_scores_the_sections_of_a_prompt():
    lm = slow_lm(0)
    with running(lm=lm) as server:
        found = HTTP.post(f"{server.url}/v1/budget/negotiate", json=NEGOTIATE).json()
    assert found["answered_by"] == "model" and len(lm.engine.prompts) == found["model_calls"] == 20


EXAMPLES = {
    "sections": [
        {"name": "task", "content": "Answer in one word. Our shop was founded in Rome. It has a garden and an old door."},
        {"name": "rule", "content": "Never name a price."},
    ],
    "examples": [{"input": f"question {n}", "expected": "yes" if n % 2 else "no"} for n in range(60)],
    "quality_threshold": 0.9,
    "min_token_savings": 0.3,
    "allow": ["statements"],
}


def measured_over(surface, server):
    if surface == "rest":
        return HTTP.post(f"{server.url}/v1/budget/negotiate", json=EXAMPLES).json()

    async def call():
        async with Client(f"{server.url}/mcp") as client:
            return (await client.call_tool("negotiate_prompt", EXAMPLES)).structured_content

    return asyncio.run(call())


@pytest.mark.parametrize("surface", ["rest", "mcp"])
def test_examples_measure_the_answers_and_what_binds_stays(surface):
    def answer(prompt):
        said = "yes" if int(re.findall(r"question (\d+)", prompt)[-1]) % 2 else "no"
        return said if "one word" in prompt else f"well, not {said}"

    lm = scripted_lm(answer, name="scripted/target")
    with running(lm=lm) as server:
        found = measured_over(surface, server)
    assert found["measured"] == "outputs" and found["success"]
    assert [each["allowed"] for each in found["lost"]] == [True, True]
    assert found["optimized_prompt"] == "Answer in one word.\n\nNever name a price."
    assert found["model_calls"] == len(lm.engine.prompts) > 60


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"examples": EXAMPLES["examples"][:20]}, 409, "20 examples prove at most"),
        ({"examples": [{"input": ""}]}, 422, "examples.0.input: "),
        ({"examples": [{"input": "a", "expect": "b"}]}, 422, "examples.0.expect: "),
        ({"examples": [{"input": "a"}] * (MAX_EXAMPLES + 1)}, 422, f"at most {MAX_EXAMPLES}"),
    ],
)
def test_examples_that_cannot_measure_are_refused_before_the_model_is_asked(change, status, said):
    lm = scripted_lm(lambda prompt: "yes", name="scripted/target")
    with running(lm=lm) as server:
        response = HTTP.post(f"{server.url}/v1/budget/negotiate", json=EXAMPLES | change)
    assert response.status_code == status and said in response.json()["error"]
    assert not lm.engine.prompts


def test_examples_without_a_model_are_refused():
    with running() as server:
        response = HTTP.post(f"{server.url}/v1/budget/negotiate", json=EXAMPLES)
    assert response.status_code == 409 and "needs examples" in response.json()["error"]


def test_cancelled_task_asks_the_model_no_more():
    lm = slow_lm()

    async def cancel(url):
        client = await create_client(url, ClientConfig(streaming=False))
        message = new_data_message({"skill": "negotiate_prompt", "input": NEGOTIATE}, role=Role.ROLE_USER)
        later = SendMessageConfiguration(return_immediately=True)
        [reply] = [r async for r in client.send_message(SendMessageRequest(message=message, configuration=later))]
        while len(lm.engine.prompts) < 2:
            await asyncio.sleep(0.02)
        return await client.cancel_task(CancelTaskRequest(id=reply.task.id))

    with running(lm=lm) as server:
        assert asyncio.run(cancel(server.url)).status.state == TaskState.TASK_STATE_CANCELED
        time.sleep(0.2)  # one request was on its way
        assert stays_at(lm) and len(lm.engine.prompts) < 10
        assert server.worker_pool.running == 0


def test_too_slow_model_is_504_and_asked_no_more():
    lm = slow_lm(0.1)
    with running(Limits(seconds=0.4), lm=lm) as server:
        response = HTTP.post(f"{server.url}/v1/budget/negotiate", json=NEGOTIATE)
        assert response.status_code == 504
        time.sleep(0.2)
        assert stays_at(lm) and len(lm.engine.prompts) < 10


def test_model_summarizes_a_memory_and_is_asked_no_more_once_its_client_is_gone():
    """Each window is a request to the model; the client leaves after the second."""

    def answer(prompt):
        time.sleep(0.05)
        return json.dumps({"memory": MEMORY})

    lm = scripted_lm(answer, name="scripted/summarizer")
    session = [{"role": "user", "content": f"Invoice {n}: " + "so much was said about it. " * 20} for n in range(200)]
    body = {"messages": session, "token_budget": 2000}
    with running(lm=lm) as server:
        with on_its_way(server, "/v1/memory/compress", body):
            while len(lm.engine.prompts) < 2:
                time.sleep(0.01)
        time.sleep(0.4)
        asked = len(lm.engine.prompts)
        assert stays_at(lm) and asked < 10
        assert server.worker_pool.running == 0
        found = HTTP.post(f"{server.url}/v1/memory/compress", json=body, timeout=60).json()
    assert found["report"]["answered_by"] == "model" and found["report"]["final_tokens"] <= 2000
    assert len(lm.engine.prompts) > asked


def classified(status):
    with ChatServer(status=status) as chat:
        lm = connect("openai/canary-model", api_base=chat.url, api_key="canary-key-4711", timeout=5)
        with running(lm=lm) as server:
            return HTTP.post(f"{server.url}/v1/failures/classify", json={"trace": UNSURE}, timeout=30)


def test_model_that_refuses_us_is_503_without_its_words():
    response = classified(401)
    assert response.status_code == 503, response.text
    assert response.json()["code"] == "unavailable" and int(response.headers["retry-after"]) > 0
    assert "canary-key" not in response.text and "scripted failure" not in response.text


def test_model_that_fails_once_leaves_the_answer_to_the_rules_and_says_so():
    report = classified(400).json()
    assert report["answered_by"] == "rules" and report["failure"]
