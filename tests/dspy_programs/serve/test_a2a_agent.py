"""A2A, spoken by the SDK's own client: card, send, stream, get, cancel that stops the work."""

import asyncio
import concurrent.futures
import json
import time

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, create_client
from a2a.helpers import get_data_parts, new_data_message, new_text_message
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskNotCancelableError,
    TaskNotFoundError,
    TaskState,
)

from dspy_programs.errors import UsageError
from dspy_programs.serve.a2a_card import agent_card, card_response, public_url_of
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.operations import OPERATIONS
from tests.fakes import scripted_lm
from tests.servers import FAILING, HEALTHY, HTTP, Slow, running

NEGOTIATE = {"skill": "negotiate_prompt", "input": {"sections": [{"name": "a", "content": "Say hello.", "priority": 3}]}}
KEY = "a-key-for-tests-0123456789"


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def sending(content, **configuration):
    make = new_text_message if isinstance(content, str) else new_data_message
    message = make(content, role=Role.ROLE_USER)
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(**configuration))


async def client_of(url, streaming=False):
    return await create_client(url, ClientConfig(streaming=streaming))


async def answer_to(url, content):
    async with await client_of(url) as client:
        [reply] = [reply async for reply in client.send_message(sending(content))]
        return reply.task


def report_in(task):
    assert task.status.state == TaskState.TASK_STATE_COMPLETED, task.status
    [artifact] = task.artifacts
    return get_data_parts(artifact.parts)[0]


def test_card(server):
    async def card():
        async with httpx.AsyncClient() as http:
            return await A2ACardResolver(http, server.url).get_agent_card()

    card = asyncio.run(card())
    assert [skill.id for skill in card.skills] == [*OPERATIONS]
    assert all(skill.name and skill.tags and len(skill.description) > 60 for skill in card.skills)
    assert card.capabilities.streaming and not card.capabilities.push_notifications
    assert card.supported_interfaces[0].url == f"{server.url}/a2a"
    assert not card.security_schemes


@pytest.mark.parametrize(
    "content",
    [
        FAILING,
        {"skill": "classify_failure", "input": {"trace": FAILING}},
        json.dumps(FAILING),
        json.dumps({"skill": "classify_failure", "input": {"trace": FAILING}}),
    ],
)
def test_send_a_trace_get_a_report(content, server):
    report = report_in(asyncio.run(answer_to(server.url, content)))
    assert report["classified_failure_mode"] == "OVER_REFUSAL"
    assert report["answered_by"] == "rules"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("what went wrong?", "not JSON"),
        ({"skill": "rm -rf", "input": {}}, "skill: choose from classify_failure"),
        ({"skill": "negotiate_prompt", "input": 3}, "input: send an object"),
        ({"skill": "negotiate_prompt", "input": {"sections": []}}, "sections: "),
        ("[" * 5000, "not JSON"),
        (3, "trace: send an object or a list"),
    ],
)
def test_what_is_refused(content, said, server):
    task = asyncio.run(answer_to(server.url, content))
    assert task.status.state == TaskState.TASK_STATE_REJECTED
    assert said in task.status.message.parts[0].text


@pytest.mark.parametrize("kind", [{}, {"kind": "data"}], ids=["1.0", "0.3"])
def test_data_of_a_million_values_stops_nobody(kind, server):
    part = kind | {"data": {"skill": "classify_failure", "input": {"trace": [1] * 1_000_000}}}
    message = {"messageId": "m", "role": "user" if kind else "ROLE_USER", "parts": [part]} | (
        {"kind": "message"} if kind else {}
    )
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/send" if kind else "SendMessage", "params": {"message": message}}
    headers = {"A2A-Version": "0.3" if kind else "1.0"}
    with concurrent.futures.ThreadPoolExecutor() as other:
        large = other.submit(HTTP.post, f"{server.url}/a2a", json=body, headers=headers, timeout=90)
        while not large.done():
            began = time.monotonic()
            assert HTTP.get(f"{server.url}/healthz").status_code == 200
            assert time.monotonic() - began < 5
    assert "rejected" in large.result().text.lower() and "at most 10000" in large.result().text


def test_values_beside_the_data_are_few(server):
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}], "metadata": {"m": [1] * 2000}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    assert code_of(server, json.dumps(body), "1.0") == -32602


def code_of(server, body, version):
    """Return the error code of a call, None if it has none."""
    headers = {"A2A-Version": version, "Content-Type": "application/json"}
    return HTTP.post(f"{server.url}/a2a", content=body, headers=headers).json().get("error", {}).get("code")


def called(method, params=None, **others):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params}), **others})


NEWER, OLDER = {"get": "GetTask", "send": "SendMessage"}, {"get": "tasks/get", "send": "message/send"}


@pytest.mark.parametrize(("version", "names"), [("1.0", NEWER), ("0.3", OLDER)])
def test_errors_have_the_codes_of_json_rpc(version, names, server):
    get, send = names["get"], names["send"]
    expected = {
        -32700: ["", "{", "\x00", "[" * 100_000, '{"id": 1,}'],
        -32600: ["[]", "5", "null", '"x"', f"[{called(get)}]", '{"jsonrpc": "2.0", "id": 1}', called(get, jsonrpc="1.0")],
        -32601: [called("rm"), called("GetTaskX", {"id": "x"})],
        -32602: [called(get, [1]), called(get, {"id": 5}), called(get, {}), called(send), called(send, {"message": {}})],
        -32001: [called(get, {"id": "x"}), called("CancelTask" if get == "GetTask" else "tasks/cancel", {"id": "x"})],
    }
    found = {(code, body[:60]): code_of(server, body, version) for code, bodies in expected.items() for body in bodies}
    assert {key: code for key, code in found.items() if code != key[0]} == {}


@pytest.mark.parametrize("lm", [None, scripted_lm(lambda prompt: "{}")], ids=["rules", "model"])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_what_is_nested_deeply_is_refused_as_wrong_and_never_an_internal_error(version, lm):
    """At any depth: what one reader takes, the next one may not."""
    role, send, kind = ("ROLE_USER", "SendMessage", "") if version == "1.0" else ("user", "message/send", '"kind": "data", ')
    call = (
        f'{{"jsonrpc": "2.0", "id": 1, "method": "{send}", "params": {{"message": '
        f'{{"messageId": "m", "role": "{role}", "parts": [{{{kind}"data": DATA}}], "metadata": METADATA}}}}}}'
    )
    found = set()
    with running(lm=lm) as server:
        for depth in (29, 100, 400, 900, *range(940, 1000, 7), 5000):
            deep = '{"a":' * depth + "1" + "}" * depth
            asked = f'{{"skill": "classify_failure", "input": {{"trace": {deep}}}}}'
            for data, metadata in ((deep, "{}"), (asked, "{}"), ("1", deep)):
                body = call.replace("METADATA", metadata).replace("DATA", data)
                answer = HTTP.post(f"{server.url}/a2a", content=body, headers={"A2A-Version": version}, timeout=90).json()
                found.add(answer["error"]["code"] if "error" in answer else "a task")
                assert "internal error" not in json.dumps(answer), (depth, answer)
    assert found == {-32602, -32700, "a task"}


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_half_a_surrogate_pair_in_a_message_is_a_question_mark(version, server):
    role, send = ("ROLE_USER", "SendMessage") if version == "1.0" else ("user", "message/send")
    part = {"text": json.dumps([{"role": "user", "content": "\ud800"}])} | ({} if version == "1.0" else {"kind": "text"})
    message = {"messageId": "m", "role": role, "parts": [part | {"metadata": {"a": "\udfff"}}]}
    assert code_of(server, called(send, {"message": message}), version) is None


def test_card_costs_strangers_more_than_the_server():
    """In seconds of processor time: anybody may ask for it, as often as they like, also by many names."""
    card_response("http://localhost", True, None)
    began = time.thread_time()
    for number in range(100):
        card_response(f"http://host{number}", True, None)
    assert time.thread_time() - began < 0.1


def test_card_is_that_of_the_sdk_and_is_sent_once():
    sent = card_response('http://a"b:80/', True, None)
    assert json.loads(sent.body) == agent_card_to_dict(agent_card('http://a"b:80', True))
    again = card_response('http://a"b:80/', True, sent.headers["etag"])
    assert (again.status_code, again.body) == (304, b"")


def test_card_names_the_public_address():
    with running(public_url="https://tools.example.com/agents") as server:
        card = HTTP.get(f"{server.url}/.well-known/agent-card.json").json()
        assert {each["url"] for each in card["supportedInterfaces"]} == {"https://tools.example.com/agents/a2a"}
        assert HTTP.get(f"{server.url}/openapi.json", timeout=60).json()["servers"] == [
            {"url": "https://tools.example.com/agents"}
        ]


@pytest.mark.parametrize(
    "url",
    [
        "tools.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?a=1",
        "https://x#a",
        "https://x:99999",
        "https://x y",
    ],
)
def test_what_is_no_public_address_is_refused(url):
    with pytest.raises(UsageError, match=r"--public-url .*give the address"):
        public_url_of(url)


def test_public_address_has_no_slash_at_its_end():
    assert public_url_of("https://x.example:8443/a/") == "https://x.example:8443/a" and public_url_of(None) is None


def test_answer_of_many_values_is_text(server):
    task = asyncio.run(answer_to(server.url, {"skill": "classify_failures", "input": {"traces": [FAILING] * 100}}))
    [part] = task.artifacts[0].parts
    assert len(json.loads(part.text)["results"]) == 100 and part.media_type == "application/json"


def test_a_trace_of_no_known_format_fails(server):
    task = asyncio.run(answer_to(server.url, {"what": "ever"}))
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert task.status.message.parts[0].text


def test_stream_tells_progress_and_ends_with_the_artifact():
    async def events(url):
        async with await client_of(url, streaming=True) as client:
            return [event async for event in client.send_message(sending(NEGOTIATE))]

    with Slow(steps=40).instead_of("negotiate_prompt"), running() as server:
        found = asyncio.run(events(server.url))
    assert found[0].task.status.state == TaskState.TASK_STATE_SUBMITTED
    updates = [event.status_update.status for event in found if event.HasField("status_update")]
    lines = [status.message.parts[0].text for status in updates if status.message.parts]
    assert lines and all(line.endswith(" of 40") for line in lines)
    [artifact] = [event.artifact_update.artifact for event in found if event.HasField("artifact_update")]
    assert get_data_parts(artifact.parts) == [{"calls": 40}]
    assert updates[-1].state == TaskState.TASK_STATE_COMPLETED


def test_get_finds_a_task_and_not_one_that_never_was(server):
    async def get():
        async with await client_of(server.url) as client:
            [reply] = [reply async for reply in client.send_message(sending(HEALTHY))]
            found = await client.get_task(GetTaskRequest(id=reply.task.id))
            with pytest.raises(TaskNotFoundError):
                await client.get_task(GetTaskRequest(id="no-such-task"))
            with pytest.raises(TaskNotFoundError):
                await client.cancel_task(CancelTaskRequest(id="no-such-task"))
            with pytest.raises(TaskNotCancelableError):
                await client.cancel_task(CancelTaskRequest(id=reply.task.id))
            return found

    assert report_in(asyncio.run(get()))["classified_failure_mode"] == "none"


def test_cancel_stops_the_work():
    async def cancel(url, slow):
        async with await client_of(url) as client:
            request = sending(NEGOTIATE, return_immediately=True)
            [reply] = [reply async for reply in client.send_message(request)]
            while slow.calls < 3:
                await asyncio.sleep(0.02)
            during = await client.get_task(GetTaskRequest(id=reply.task.id))
            cancelled = await client.cancel_task(CancelTaskRequest(id=reply.task.id))
            after = await client.get_task(GetTaskRequest(id=reply.task.id))
            return [task.status.state for task in (during, cancelled, after)]

    with Slow().instead_of("negotiate_prompt") as slow, running() as server:
        states = asyncio.run(cancel(server.url, slow))
        assert slow.stays_still()
        assert server.worker_pool.running == 0
    assert states == [
        TaskState.TASK_STATE_WORKING,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_CANCELED,
    ]


def test_too_slow_work_fails_the_task():
    with Slow().instead_of("negotiate_prompt") as slow, running(Limits(seconds=0.3)) as server:
        task = asyncio.run(answer_to(server.url, NEGOTIATE))
        assert task.status.state == TaskState.TASK_STATE_FAILED
        assert "0.3 s" in task.status.message.parts[0].text
        assert slow.stays_still()


def test_names_of_the_older_protocol_work_too(server):
    """message/send, tasks/get, tasks/cancel as clients of A2A 0.3 call them."""

    def call(method, params):
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        return HTTP.post(f"{server.url}/a2a", json=body).json()

    part = {"kind": "data", "data": FAILING}
    task = call("message/send", {"message": {"messageId": "m", "role": "user", "kind": "message", "parts": [part]}})["result"]
    assert task["status"]["state"] == "completed"
    assert task["artifacts"][0]["parts"][0]["data"]["classified_failure_mode"] == "OVER_REFUSAL"
    assert call("tasks/get", {"id": task["id"]})["result"]["id"] == task["id"]
    assert call("tasks/get", {"id": "no-such-task"})["error"]["code"] == -32001
    assert call("tasks/cancel", {"id": task["id"]})["error"]["code"] == -32002
    assert call("tasks/explode", {})["error"]["code"] == -32601
    assert HTTP.post(f"{server.url}/a2a", content=b'{"jsonrpc').json()["error"]["code"] == -32700


def test_with_a_key_the_card_is_public_and_the_rest_is_not():
    async def with_key(url):
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http:
            client = await create_client(url, ClientConfig(streaming=False, httpx_client=http))
            [reply] = [reply async for reply in client.send_message(sending(HEALTHY))]
            return reply.task

    with running(key=KEY) as server:
        card = HTTP.get(f"{server.url}/.well-known/agent-card.json").json()
        assert card["securitySchemes"].keys() == {"apiKey", "bearer"}
        assert HTTP.post(f"{server.url}/a2a", json={}).status_code == 401
        assert report_in(asyncio.run(with_key(server.url)))


def test_ended_tasks_are_forgotten_when_they_take_too_much(server):
    async def first_and_last(url):
        async with await client_of(url) as client:
            ids = [reply.task.id for _ in range(6) async for reply in client.send_message(sending(HEALTHY))]
            with pytest.raises(TaskNotFoundError):
                await client.get_task(GetTaskRequest(id=ids[0]))
            return await client.get_task(GetTaskRequest(id=ids[-1]))

    size = asyncio.run(answer_to(server.url, HEALTHY)).ByteSize()
    with running(Limits(kept_bytes=3 * size)) as small:
        assert report_in(asyncio.run(first_and_last(small.url)))


def test_tasks_that_nobody_waits_for_do_not_fill_the_memory():
    """The request of each is over at once; its message stays until the task ends."""

    async def send_many(server):
        async with await client_of(server.url) as client:

            async def sent(now):
                content = NEGOTIATE | {"padding": "x" * 40_000}
                [reply] = [reply async for reply in client.send_message(sending(content, return_immediately=now))]
                return reply.task.id

            async def state(task):
                return await client.get_task(GetTaskRequest(id=task))

            tasks = [await sent(True) for _ in range(4)]
            while (await state(tasks[-1])).status.state == TaskState.TASK_STATE_SUBMITTED:
                await asyncio.sleep(0.01)
            states = [await state(task) for task in tasks]
            for task in tasks[:2]:
                await client.cancel_task(CancelTaskRequest(id=task))
            return states, (await state(await sent(True))).status.state

    with Slow().instead_of("negotiate_prompt"), running(Limits(task_bytes=100_000)) as server:
        states, later = asyncio.run(send_many(server))
    failed = [task.status.state == TaskState.TASK_STATE_FAILED for task in states]
    assert failed == [False, False, True, True] and "fill the memory" in states[-1].status.message.parts[0].text
    assert later in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING), "there is room again"
