"""Training data over REST, MCP and A2A: pairs checked, judged, scored and made, with a model and without."""

import asyncio
import json
import re
import threading
import time

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_data_parts, new_data_message
from a2a.types import CancelTaskRequest, Role, SendMessageConfiguration, SendMessageRequest, TaskState
from mcp import Client

from dspy_programs.lm import connect
from dspy_programs.serve.limits import MAX_ISSUES, MAX_JUDGED, MAX_PAIRS, Limits
from dspy_programs.serve.operations import OPERATIONS
from tests.dspy_programs.data.judging.judges import GOOD, by_word, number_in
from tests.fakes import ChatServer, scripted_lm
from tests.servers import HTTP, on_its_way, running

pytestmark = pytest.mark.filterwarnings("ignore:.*is not compiled for:UserWarning")
CAPITAL = {"instruction": "Name the capital of France.", "output": "The capital of France is Paris."}
CHAT = {"messages": [{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "3 + 4 is 7."}]}
RULES = ["schema", "length", "dedup", "near_dup", "secrets", "refusals", "placeholders", "fences", "turns"]


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def post(server, name, body):
    return HTTP.post(server.url + OPERATIONS[name].path, json=body, timeout=60)


def answer(server, name, body):
    response = post(server, name, body)
    assert response.status_code == 200, response.text
    return response.json()


def numbered(count):
    """Every second one is good."""
    return [{"instruction": f"question number {i}", "output": "GOOD answer" if i % 2 else "some answer"} for i in range(count)]


def stays_at(lm, seconds=0.5):
    before = len(lm.engine.prompts)
    time.sleep(seconds)
    return len(lm.engine.prompts) == before


def test_findings_name_pairs_by_their_place(server):
    own = CAPITAL | {"id": "mine-7"}
    rows = [
        own,
        {"foo": 1},
        CHAT,
        CAPITAL | {"output": "the capital of  France is Paris."},
        {"instruction": "Say it.", "output": ""},
    ]
    found = answer(server, "validate_pairs", {"pairs": rows, "checks": RULES})
    assert [(each["index"], each["check"], each["severity"]) for each in found["issues"]] == [
        (1, "schema", "error"),
        (3, "dedup", "warning"),
        (4, "schema", "error"),
    ]
    assert found["issues"][1]["message"] == "duplicate of pairs.0"
    assert found["issues"][0]["message"] == "not a pair: no instruction in foo"
    assert (found["total_pairs"], found["errors"], found["warnings"], found["clean"]) == (5, 2, 1, [0, 2])
    assert found["counts"] == {"dedup": 1, "schema": 2, "severity:error": 2, "severity:warning": 1}
    alone = answer(server, "validate_pairs", {"pairs": [own | {"output": ""}], "checks": ["schema"]})
    assert alone["issues"][0]["pair_id"] == "mine-7"


def test_pairs_that_differ_by_input_only_are_no_duplicates(server):
    rows = [{"instruction": "Translate", "input": word, "output": "ok"} for word in ("cat", "dog")]
    assert answer(server, "validate_pairs", {"pairs": rows, "checks": RULES})["clean"] == [0, 1]


def test_rows_of_which_none_is_a_pair_are_findings(server):
    found = answer(server, "validate_pairs", {"pairs": [{"foo": 1}, {}], "checks": RULES})
    assert (found["errors"], found["clean"]) == (2, [])


def test_a_report_has_an_end_and_its_counts_are_exact(server):
    rows = [{"foo": n} for n in range(MAX_ISSUES)] + [{"instruction": f"Say {n}.", "output": " "} for n in range(30)]
    found = answer(server, "validate_pairs", {"pairs": rows, "checks": ["schema"]})
    assert len(found["issues"]) == MAX_ISSUES and found["issues_left_out"] == 30 and found["errors"] == MAX_ISSUES + 30


@pytest.mark.parametrize(
    ("name", "field", "same"),
    [
        ("validate_pairs", "pairs", ["total_pairs", "errors", "warnings", "counts", "clean"]),
        ("judge_pairs", "pairs", ["totals"]),
        ("score_dataset", "rows", ["rows", "distinct_rows", "detected_format"]),
    ],
)
def test_a_large_body_is_answered_by_a_process_as_a_small_one_is_here(name, field, same):
    rows, more = numbered(10), {"checks": RULES} if name == "validate_pairs" else {}
    with running() as server:
        small = answer(server, name, {field: rows} | more)
        assert not server.worker_pool.processes.ids
        large = answer(server, name, {field: [row | {"metadata": {"note": "x" * 1000}} for row in rows]} | more)
        assert server.worker_pool.processes.ids
    assert {key: small[key] for key in same} == {key: large[key] for key in same}


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("validate_pairs", {"pairs": []}, 422, "pairs: "),
        ("validate_pairs", {"pairs": ["text"]}, 422, "pairs.0: "),
        ("validate_pairs", {"pairs": [CAPITAL], "checks": ["schemas"]}, 422, "choose from schema"),
        ("validate_pairs", {"pairs": [CAPITAL], "checks": ["contamination"]}, 422, "choose from schema"),
        ("validate_pairs", {"pairs": [CAPITAL], "against": ["/etc/passwd"]}, 422, "against: "),
        ("validate_pairs", {"pairs": [{}] * (MAX_PAIRS + 1)}, 422, f"at most {MAX_PAIRS}"),
        ("judge_pairs", {"pairs": [{}] * (MAX_JUDGED + 1)}, 422, f"at most {MAX_JUDGED}"),
        ("judge_pairs", {"pairs": [CAPITAL], "rubric": "../quality"}, 422, "choose from coding"),
        ("judge_pairs", {"pairs": [CAPITAL], "rubric": 3}, 422, "rubric: send a shipped rubric's name"),
        (
            "judge_pairs",
            {"pairs": [CAPITAL], "rubric": {"criteria": [{"name": "a"}], "pass_condition": "9**9**9 > 1"}},
            409,
            "pass_condition",
        ),
        ("score_dataset", {"rows": [CAPITAL], "model": "local/../../x.gguf"}, 409, "open no files"),
        ("score_dataset", {"rows": [CAPITAL], "weights": {"bogus": 1.0}}, 422, "choose from json"),
        ("generate_pairs", {"seeds": ["a"], "template": "POEM"}, 422, "template: "),
        ("generate_pairs", {"seeds": [4]}, 422, "seeds.0: send an instruction"),
        ("generate_pairs", {"seeds": ["a"], "per_seed": 9}, 422, "per_seed: "),
    ],
)
def test_bad_input_is_one_line(name, body, status, said, server):
    response = post(server, name, body)
    assert response.status_code == status and said in response.json()["error"], response.text


def test_the_score_is_that_of_the_command_and_weights_move_it(server):
    rows = [CAPITAL, CAPITAL, *numbered(8)]
    usual = answer(server, "score_dataset", {"rows": rows, "name": "mine"})
    without = answer(server, "score_dataset", {"rows": rows, "weights": {"duplicates": 0.0}})
    checks = {each["check"]: each for each in usual["checks"]}
    assert len(checks) == 11 and usual["dataset"] == "mine" and usual["distinct_rows"] == 9
    [finding] = checks["duplicates"]["findings"]
    assert (finding["examples"][0]["where"], finding["examples"][0]["other"]) == ("rows.1", "rows.0")
    assert without["score"] > usual["score"]


def test_rules_judge_and_what_is_no_pair_has_a_problem(server):
    found = answer(server, "judge_pairs", {"pairs": [CAPITAL, {"foo": 1}, CHAT, CAPITAL]})
    assert [each["index"] for each in found["results"]] == [0, 1, 2, 3]
    assert found["results"][1]["problem"] == "not a pair: no instruction in foo" and not found["results"][1]["judgment"]
    ids = [each["judgment"] and each["judgment"]["pair_id"] for each in found["results"]]
    assert ids[0] == ids[3] and ids[0] != ids[2] and "-" in ids[0]
    assert found["judge_model"] == "rules" and found["totals"]["judged"] == 3 and found["totals"]["failed"] == 1


def test_a_model_judges_and_the_condition_decides():
    lm = scripted_lm(by_word, name="scripted/judge")
    with running(lm=lm) as server:
        found = answer(server, "judge_pairs", {"pairs": numbered(10)})
        rubric = {"criteria": [{"name": name} for name in ("correctness", "helpfulness", "clarity")]}
        strict = answer(server, "judge_pairs", {"pairs": numbered(4), "rubric": rubric | {"pass_condition": "overall > 1"}})
        asked = len(lm.engine.prompts)
        rules = answer(server, "judge_pairs", {"pairs": numbered(4), "use_llm": False})
    assert [each["judgment"]["passed"] for each in found["results"]] == [False, True] * 5
    assert found["totals"]["pass_rate"] == 0.5 and found["totals"]["answered_by"] == {"model": 10}
    assert strict["totals"]["passed"] == 0
    assert asked == 14 == len(lm.engine.prompts) and rules["judge_model"] == "rules"


def test_an_unreadable_reply_is_a_problem_and_no_score():
    lm = scripted_lm(lambda prompt: "no idea" if number_in(prompt) == 3 else GOOD, name="scripted/judge")
    with running(lm=lm) as server:
        found = answer(server, "judge_pairs", {"pairs": numbered(6)})
    assert [each["judgment"] is None for each in found["results"]] == [False, False, False, True, False, False]
    assert found["results"][3]["problem"].startswith("unreadable reply: ") and found["totals"]["failed"] == 1


def failing_after(calls, reply):
    """A model that stops answering, in the words of a provider that says too much."""
    from dspy.utils.exceptions import LMServerError

    lock, made = threading.Lock(), []

    def say(prompt):
        with lock:
            made.append(prompt)
            if len(made) > calls:
                raise LMServerError("canary-key-4711 is over its quota")
        return reply(prompt) if callable(reply) else reply

    return scripted_lm(say, name="scripted/failing")


def test_a_judge_that_stops_leaves_what_it_judged():
    with running(lm=failing_after(5, GOOD)) as server:
        response = post(server, "judge_pairs", {"pairs": numbered(40)})
    found = response.json()
    assert found["totals"]["judged"] == 5 and found["totals"]["failed"] == 35 and "canary" not in response.text
    assert found["results"][39]["problem"] == "not judged: the language model stopped answering"


@pytest.mark.parametrize(
    ("name", "body"), [("judge_pairs", {"pairs": numbered(3)}), ("generate_pairs", {"seeds": ["Explain tides."]})]
)
def test_a_model_that_refuses_us_is_503_without_its_words(name, body):
    with ChatServer(status=401) as chat:
        lm = connect("openai/canary-model", api_base=chat.url, api_key="canary-key-4711", timeout=5)
        with running(lm=lm) as server:
            response = post(server, name, body)
    assert response.status_code == 503, response.text
    assert "canary" not in response.text and "scripted failure" not in response.text


def writes(prompt):
    subject = re.findall(r"(alpha|beta|gamma|delta|omega)", prompt)[-1]
    number = prompt.count("Tell the story") + 1
    pair = {"instruction": f"Tell the story of {subject} in {number} parts", "input": "", "output": f"Part one of {subject}."}
    return json.dumps({"pair": pair})


def test_a_model_makes_pairs_of_seeds():
    lm = scripted_lm(writes, name="scripted/writer")
    seeds = ["alpha", {"instruction": "beta", "failures": ["It was too long."]}, "?!"]
    with running(lm=lm) as server:
        found = answer(server, "generate_pairs", {"seeds": seeds, "per_seed": 1})
    assert [len(each["pairs"]) for each in found["results"]] == [1, 1, 0] and found["generated"] == 2
    assert found["results"][0]["answered_by"] == "model" and "beta" in found["results"][1]["pairs"][0]["instruction"]
    assert "no instruction" in found["results"][2]["problem"]
    assert any("too long" in prompt for prompt in lm.engine.prompts)


def test_what_was_made_is_kept_when_the_model_stops():
    seeds = ["alpha", "beta", "gamma", "delta", "omega"]
    with running(lm=failing_after(1, writes)) as server:
        response = post(server, "generate_pairs", {"seeds": seeds, "per_seed": 1})
    found = response.json()
    assert [len(each["pairs"]) for each in found["results"]] == [1, 0, 0, 0, 0] and "canary" not in response.text
    assert [each["problem"] for each in found["results"][3:]] == [
        "the language model did not answer",
        "not asked: the language model stopped answering",
    ]


def test_more_calls_than_allowed_are_refused_before_the_first():
    lm = scripted_lm(by_word, name="scripted/judge")
    with running(Limits(calls_per_request=5), lm=lm) as server:
        assert post(server, "judge_pairs", {"pairs": numbered(6)}).status_code == 413
        assert post(server, "generate_pairs", {"seeds": ["alpha"], "per_seed": 4}).status_code == 413
        assert not lm.engine.prompts
        assert post(server, "judge_pairs", {"pairs": numbered(6), "use_llm": False}).status_code == 200
        assert post(server, "judge_pairs", {"pairs": numbered(5)}).status_code == 200


def test_the_calls_of_a_day_are_counted():
    lm = scripted_lm(by_word, name="scripted/judge")
    with running(Limits(calls_per_day=8), lm=lm) as server:
        assert post(server, "judge_pairs", {"pairs": numbered(6)}).status_code == 200
        spent = post(server, "judge_pairs", {"pairs": numbered(6)})
    assert spent.status_code == 429 and spent.json()["code"] == "spent" and len(lm.engine.prompts) == 6


def test_mcp_makes_pairs_and_tells_its_progress():
    told = []

    async def listen(done, total, message):
        told.append((done, total))

    async def call(url):
        async with Client(f"{url}/mcp") as client:
            return await client.call_tool(
                "generate_pairs", {"seeds": ["alpha", "beta"], "per_seed": 1}, progress_callback=listen
            )

    def slowly(prompt):
        time.sleep(0.4)
        return writes(prompt)

    with running(lm=scripted_lm(slowly, name="scripted/writer")) as server:
        found = asyncio.run(call(server.url))
    assert found.structured_content["generated"] == 2 and (1, 2) in told


def sent(content, **configuration):
    message = new_data_message(content, role=Role.ROLE_USER)
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(**configuration))


def test_a2a_checks_pairs(server):
    async def call():
        client = await create_client(server.url, ClientConfig(streaming=False))
        asked = {"skill": "validate_pairs", "input": {"pairs": [CAPITAL, CAPITAL], "checks": RULES}}
        [reply] = [reply async for reply in client.send_message(sent(asked))]
        return reply.task

    task = asyncio.run(call())
    assert task.status.state == TaskState.TASK_STATE_COMPLETED, task.status
    assert get_data_parts(task.artifacts[0].parts)[0]["clean"] == [0]


def checked_over(surface, url, asked):
    """Return the answer of validate_pairs, over MCP or A2A."""

    async def by_mcp():
        async with Client(f"{url}/mcp") as client:
            return (await client.call_tool("validate_pairs", asked)).structured_content

    async def by_a2a():
        async with httpx.AsyncClient(timeout=60) as patient:  # a process has to start
            client = await create_client(url, ClientConfig(streaming=False, httpx_client=patient))
            [reply] = [reply async for reply in client.send_message(sent({"skill": "validate_pairs", "input": asked}))]
        [part] = reply.task.artifacts[0].parts
        return json.loads(part.text) if part.text else get_data_parts([part])[0]

    return asyncio.run(by_mcp() if surface == "mcp" else by_a2a())


@pytest.mark.parametrize("surface", ["mcp", "a2a"])
def test_many_pairs_are_checked_by_a_process_over(surface):
    rows = [*numbered(1500), numbered(1)[0]]
    with running() as server:
        found = checked_over(surface, server.url, {"pairs": rows, "checks": ["schema", "dedup"]})
        assert server.worker_pool.processes.ids
    assert found["total_pairs"] == 1501 and found["clean"] == [*range(1500)]
    assert [(each["index"], each["message"]) for each in found["issues"]] == [(1500, "duplicate of pairs.0")]


def slow_judge():
    def say(prompt):
        time.sleep(0.05)
        return GOOD

    return scripted_lm(say, name="scripted/judge")


def test_a_cancelled_task_judges_no_more():
    lm = slow_judge()

    async def cancel(url):
        client = await create_client(url, ClientConfig(streaming=False))
        asked = {"skill": "judge_pairs", "input": {"pairs": numbered(200)}}
        [reply] = [r async for r in client.send_message(sent(asked, return_immediately=True))]
        while len(lm.engine.prompts) < 2:
            await asyncio.sleep(0.02)
        return await client.cancel_task(CancelTaskRequest(id=reply.task.id))

    with running(lm=lm) as server:
        assert asyncio.run(cancel(server.url)).status.state == TaskState.TASK_STATE_CANCELED
        time.sleep(0.2)  # requests were on their way
        assert stays_at(lm) and len(lm.engine.prompts) < 60 and server.worker_pool.running == 0


def test_a_client_that_is_gone_has_nothing_judged():
    lm = slow_judge()
    with running(lm=lm) as server:
        with on_its_way(server, "/v1/data/judge", {"pairs": numbered(200)}):
            while len(lm.engine.prompts) < 2:
                time.sleep(0.01)
        time.sleep(0.4)
        assert stays_at(lm) and len(lm.engine.prompts) < 60 and server.worker_pool.running == 0
