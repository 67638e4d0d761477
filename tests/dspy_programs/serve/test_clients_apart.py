"""Two clients with a key each: what one makes, the other cannot see, stop or use; and it goes after a while."""

import asyncio
import contextlib
import itertools
import json
import time

import httpx
import pytest
from a2a.auth.user import UnauthenticatedUser
from a2a.client import ClientConfig, create_client
from a2a.helpers import new_data_message, new_task
from a2a.server.context import ServerCallContext
from a2a.server.routes.common import StarletteUser
from a2a.types import (
    CancelTaskRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTasksRequest,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskNotFoundError,
    TaskState,
)
from starlette.authentication import SimpleUser

from dspy_programs.agent import AgentConfig, Sessions
from dspy_programs.serve.a2a_tasks import Tasks
from dspy_programs.serve.agent_runs import AgentRuns
from dspy_programs.serve.keys import Keys, read_keys
from dspy_programs.serve.limits import Limits
from tests.servers import HEALTHY, HTTP, Slow, on_its_way, running

ANN, BOB = "ann-key-0123456789", "bob-key-0123456789"
ANN_NEW = "ann-new-key-0123456789"
NEGOTIATE = {"skill": "negotiate_prompt", "input": {"sections": [{"name": "a", "content": "Say hello.", "priority": 3}]}}
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


def keys():
    return Keys(read_keys(f"ann: {ANN}\nann: {ANN_NEW}\nbob: {BOB}", "keys"))


@pytest.fixture(scope="module")
def server():
    with running(key=keys()) as server:
        yield server


@contextlib.asynccontextmanager
async def client_of(server, key, streaming=False):
    async with httpx.AsyncClient(headers={"X-API-Key": key}, verify=False) as http:
        yield await create_client(server.url, ClientConfig(streaming=streaming, httpx_client=http))


def sending(content, task_id=None, now=False):
    message = new_data_message(content, role=Role.ROLE_USER)
    message.task_id = task_id or ""
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(return_immediately=now))


async def made_by(client, content=HEALTHY, now=False):
    [reply] = [reply async for reply in client.send_message(sending(content, now=now))]
    return reply.task.id


async def all_of(events):
    return [event async for event in events]


WAYS = {
    "get": lambda client, task: client.get_task(GetTaskRequest(id=task)),
    "cancel": lambda client, task: client.cancel_task(CancelTaskRequest(id=task)),
    "subscribe": lambda client, task: all_of(client.subscribe(SubscribeToTaskRequest(id=task))),
    "go on": lambda client, task: all_of(client.send_message(sending(HEALTHY, task_id=task))),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_over", [True, False], ids=["finished", "running"])
def test_task_of_another_key_is_not_found(way, is_over):
    async def try_it(server, slow):
        async with client_of(server, ANN) as ann, client_of(server, BOB, streaming=way == "subscribe") as bob:
            task = await made_by(ann) if is_over else await made_by(ann, NEGOTIATE, now=True)
            while not (is_over or slow.calls):
                await asyncio.sleep(0.01)
            with pytest.raises(TaskNotFoundError):
                await WAYS[way](bob, task)
            state = (await ann.get_task(GetTaskRequest(id=task))).status.state
            return state, (await bob.list_tasks(ListTasksRequest())).tasks

    with Slow().instead_of("negotiate_prompt") as slow, running(key=keys()) as server:
        state, seen = asyncio.run(try_it(server, slow))
        assert state == (TaskState.TASK_STATE_COMPLETED if is_over else TaskState.TASK_STATE_WORKING), "nothing happened to it"
        assert not seen


def test_push_settings_of_another_key_say_nothing(server):
    """There is no push: a task of somebody else and one that never was get the same answer."""

    async def ask():
        async with client_of(server, ANN) as ann, client_of(server, BOB) as bob:
            task, answers = await made_by(ann), []
            for asked in (task, "no-such-task"):
                with pytest.raises(Exception) as caught:
                    await bob.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(task_id=asked, id="x"))
                answers.append(f"{type(caught.value)} {caught.value}")
            return answers

    first, second = asyncio.run(ask())
    assert first == second


def test_both_keys_of_one_name_see_its_tasks(server):
    async def made_and_read():
        async with client_of(server, ANN) as old, client_of(server, ANN_NEW) as new:
            task = await made_by(old)
            return task, await new.get_task(GetTaskRequest(id=task))

    made, found = asyncio.run(made_and_read())
    assert found.id == made


def test_session_of_mcp_belongs_to_its_key(server):
    def ask(key, method, params, session=None):
        headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream"}
        headers |= {"Mcp-Session-Id": session} if session else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return HTTP.post(f"{server.url}/mcp", json=body, headers=headers)

    session = ask(ANN, "initialize", INITIALIZE).headers["mcp-session-id"]
    assert ask(ANN, "tools/list", {}, session).status_code == 200
    assert ask(BOB, "tools/list", {}, session).status_code == 404


@pytest.mark.parametrize("listening", [True, False], ids=["busy", "idle"])
def test_sessions_of_one_key_shut_nobody_out(listening):
    """Sessions that listen are never closed: a key that has half of them gets no more, and its own idle ones go first."""
    with running(Limits(sessions=4), key=keys()) as server, contextlib.ExitStack() as stack:

        def begin(key):
            body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
            headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream"}
            answer = HTTP.post(f"{server.url}/mcp", json=body, headers=headers)
            if listening and answer.status_code == 200:
                headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
                stack.enter_context(HTTP.stream("GET", f"{server.url}/mcp", headers=headers))
            return answer

        def is_there(key, begun):
            body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream"}
            headers["Mcp-Session-Id"] = begun.headers["mcp-session-id"]
            return HTTP.post(f"{server.url}/mcp", json=body, headers=headers).status_code == 200

        of_bob = begin(BOB)
        of_ann = [begin(key) for key in (ANN, ANN_NEW, ANN, ANN_NEW)]
        assert [one.status_code for one in of_ann] == ([200, 200, 503, 503] if listening else [200] * 4)
        assert is_there(BOB, of_bob) and begin(BOB).status_code == 200
        assert [is_there(ANN, one) for one in of_ann if one.status_code == 200] == (
            [True, True] if listening else [False, False, True, True]
        )


def test_keys_together_leave_room_for_another():
    """All of theirs listen, so none is idle: the key that has most gives one up, and its listener is told by the end."""
    names = {f"key{n}": f"key-{n}-0123456789-0123" for n in range(4)}
    everybody = Keys(read_keys("\n".join(f"{name}: {key}" for name, key in names.items()), "keys"))
    with running(Limits(sessions=6), key=everybody) as server, contextlib.ExitStack() as stack:

        def begin(key):
            body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
            headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream"}
            answer = HTTP.post(f"{server.url}/mcp", json=body, headers=headers)
            if answer.status_code == 200:
                headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
                streams.append(stack.enter_context(HTTP.stream("GET", f"{server.url}/mcp", headers=headers, timeout=5)))
            return answer.status_code

        streams = []
        first, second, *others = names.values()
        assert [begin(key) for key in [first] * 3 + [second] * 3] == [200] * 6
        assert [begin(key) for key in others] == [200, 200]
        assert not streams[0].read(), "the oldest of the first key has ended"
        assert begin(first) == 503, "who has as many as the others waits"


def test_many_sessions_that_one_key_begins_at_once_are_no_more():
    async def begin_many(server):
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
        headers = {"X-API-Key": ANN, "Accept": "application/json, text/event-stream"}
        async with httpx.AsyncClient(headers=headers, verify=False) as http:
            begun = [http.post(f"{server.url}/mcp", json=body) for _ in range(30)]
            answers = await asyncio.gather(*begun)
            body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            made = [one.headers["mcp-session-id"] for one in answers if one.status_code == 200]
            pings = [http.post(f"{server.url}/mcp", json=body, headers={"Mcp-Session-Id": session}) for session in made]
            return [one.status_code for one in await asyncio.gather(*pings)]

    with running(Limits(sessions=8), key=keys()) as server:
        assert 0 < asyncio.run(begin_many(server)).count(200) <= 4


def test_requests_of_one_key_shut_nobody_out():
    """They take all places, and wait for more: the next that is free is another key's."""
    body = NEGOTIATE["input"]
    with Slow(steps=60).instead_of("negotiate_prompt") as slow, running(Limits(at_once=1, waiting=3), key=keys()) as server:
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(on_its_way(server, "/v1/budget/negotiate", body, key=ANN))
            while server.worker_pool.waiting < 3:
                time.sleep(0.01)
            before = slow.started
            asked = HTTP.post(f"{server.url}/v1/budget/negotiate", json=body, headers={"X-API-Key": BOB}, timeout=30)
            assert asked.status_code == 200, asked.text
            assert slow.started - before <= 2, "its own, and one that may have begun since"


def agent_call(server, key, method, path, body=None):
    return HTTP.request(method, f"{server.url}/agent/{path}", json=body, headers={"X-API-Key": key}, timeout=30)


def test_session_of_the_agent_belongs_to_the_key_that_began_it(tmp_path):
    (tmp_path / "work").mkdir()
    config = AgentConfig(workspace=str(tmp_path / "work"), sessions=str(tmp_path / "s.sqlite"))
    everybody = Keys(read_keys(f"ann: {ANN}\nbob: {BOB}\n{ANN_NEW}", "keys"))
    with running(key=everybody, runs=AgentRuns(config, {})) as server:
        goal = {"goal": "Write a.txt: hello\nThen delete a.txt", "detached": True}
        begun = {key: agent_call(server, key, "POST", "run", goal).json()["session"] for key in (ANN, BOB, ANN_NEW)}
        for key, session in begun.items():
            listed = agent_call(server, key, "GET", "sessions").json()
            assert [one["id"] for one in listed] == [session]
        session, answer = begun[ANN], {"question": 1, "answer": "yes"}
        for key in (BOB, ANN_NEW):
            for method, path, body in [
                ("GET", f"sessions/{session}", None),
                ("GET", f"sessions/{session}/events", None),
                ("POST", f"sessions/{session}/answer", answer),
                ("POST", f"sessions/{session}/cancel", {}),
                ("POST", "run", {"session": session}),
            ]:
                assert agent_call(server, key, method, path, body).status_code == 404, path
        assert agent_call(server, ANN, "GET", f"sessions/{session}").status_code == 200


def test_key_named_default_has_the_sessions_of_the_command_line(tmp_path):
    (tmp_path / "work").mkdir()
    config = AgentConfig(workspace=str(tmp_path / "work"), sessions=str(tmp_path / "s.sqlite"))
    with Sessions(tmp_path / "s.sqlite").new("Begun by hand") as session:
        session.set(workspace=str((tmp_path / "work").resolve()), recalls="folder")
    for everybody in (Keys(read_keys(f"ann: {ANN}\n{ANN_NEW}", "keys")), None):
        with running(key=everybody, runs=AgentRuns(config, {})) as server:
            seen = {key: len(agent_call(server, key, "GET", "sessions").json()) for key in (ANN, ANN_NEW)}
            assert seen == {ANN: 0 if everybody else 1, ANN_NEW: 1}


def test_memory_of_the_agent_is_that_of_the_key(tmp_path):
    sessions = Sessions(tmp_path / "s.sqlite")
    for owner in ("ann", "bob", None):
        with sessions.new() as session:
            session.set(workspace="/w", recalls="folder", owner=owner)
            session.remember(f"the password of {owner}")
    for owner in ("ann", "bob", None):
        with sessions.new(memory=True) as session:
            session.set(workspace="/w", recalls="folder", owner=owner)
            assert session.recall("") == [f"the password of {owner}"]


def context_of(name):
    return ServerCallContext(user=StarletteUser(SimpleUser(name)) if name else UnauthenticatedUser())


def finished(number, text="x"):
    task = new_task(f"t{number}", "c", TaskState.TASK_STATE_COMPLETED)
    task.status.message.message_id = text
    return task


def kept(tasks, name):
    return [task.id for task in asyncio.run(tasks.list(ListTasksRequest(), context_of(name))).tasks]


def test_finished_tasks_expire():
    clock = [0.0]
    tasks = Tasks(Limits(kept_seconds=60), now=lambda: clock[0])
    asyncio.run(tasks.save(finished(1), context_of("ann")))
    clock[0] = 50.0
    asyncio.run(tasks.save(finished(2), context_of("")))
    clock[0] = 61.0
    assert kept(tasks, "ann") == [] and kept(tasks, "") == ["t2"]
    assert asyncio.run(tasks.get("t1", context_of("ann"))) is None
    clock[0] = 111.0
    assert asyncio.run(tasks.get("t2", context_of(""))) is None
    assert not tasks._finished


def test_unfinished_tasks_stay():
    tasks = Tasks(Limits(kept_seconds=60, kept_tasks=1, kept_bytes=1), now=itertools.count(0, 1000).__next__)
    for number in range(3):
        task = new_task(f"t{number}", "c", TaskState.TASK_STATE_WORKING)
        asyncio.run(tasks.save(task, context_of("ann")))
    assert len(kept(tasks, "ann")) == 3


def test_one_key_keeps_only_so_many():
    tasks = Tasks(Limits(kept_tasks=2))
    for number in range(5):
        asyncio.run(tasks.save(finished(number), context_of("ann")))
    asyncio.run(tasks.save(finished(9), context_of("bob")))
    assert sorted(kept(tasks, "ann")) == ["t3", "t4"] and kept(tasks, "bob") == ["t9"]


def test_the_key_with_the_most_bytes_gives_them_up():
    tasks = Tasks(Limits(kept_bytes=10_000))
    asyncio.run(tasks.save(finished(0), context_of("ann")))
    for number in range(1, 6):
        asyncio.run(tasks.save(finished(number, "x" * 3_000), context_of("bob")))
    assert kept(tasks, "ann") == ["t0"] and sorted(kept(tasks, "bob")) == ["t3", "t4", "t5"]
    assert not json.dumps(str(tasks._finished["bob"].context.state)).count("key")
