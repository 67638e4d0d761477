"""Large work by the rules: the same answers in a process of its own, which is killed when nobody waits for it any more."""

import asyncio
import json
import os
import subprocess
import time

import httpx
import pytest
from mcp import Client

from dspy_programs.serve.app import create_app
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import Invalid, Malformed, TooSlow, Unavailable
from dspy_programs.serve.rule_processes import _COMMAND
from dspy_programs.serve.worker_pool import WorkerPool
from tests.fakes import scripted_lm
from tests.servers import FAILING, HTTP, Command, on_its_way, running

PATH = "/v1/failures/classify"
LONG = FAILING | {"turns": [*FAILING["turns"], {"turn_number": 2, "role": "user", "content": "Never mind. " * 10_000}]}
BODY = {"trace": LONG}
SLOW = {"sections": [{"name": f"s{n}", "priority": 1, "content": "You must always answer. " * 4_000} for n in range(40)]}
"""Takes half a minute."""


def post(url, **request):
    return HTTP.post(url, timeout=90, **request)  # a process may have to start first


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def is_gone(process):
    for _ in range(600):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def parents():
    """Return the parent of each process."""
    told = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return {int(pid): int(parent) for pid, parent in map(str.split, told.splitlines())}


def test_large_request_gets_the_answer_of_a_small_one_from_a_process(server):
    large, small = (post(server.url + PATH, json={"trace": trace}) for trace in (LONG, FAILING))
    assert large.status_code == 200 and server.worker_pool.processes.ids
    assert large.headers["content-type"] == small.headers["content-type"]
    assert large.json()["classified_failure_mode"] == small.json()["classified_failure_mode"] == "OVER_REFUSAL"
    assert large.json().keys() == small.json().keys()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"trace": ' + b"1" * 100_000, 400),
        (json.dumps({"trace": LONG, "more": 1}).encode(), 422),
        (json.dumps(["x" * 100_000]).encode(), 422),
        (json.dumps({"trace": {"what": "x" * 100_000}}).encode(), 409),
    ],
)
def test_large_request_is_refused_as_a_small_one(body, status, server):
    response = post(server.url + PATH, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status and "xxx" not in response.text
    assert response.json().keys() == {"error", "code"}


def test_large_form_is_refused_as_a_small_one(server):
    assert post(server.url + PATH, content=json.dumps(BODY), headers={"Content-Type": "text/plain"}).status_code == 422


def test_large_calls_of_mcp_and_a2a(server):
    async def by_mcp():
        async with Client(f"{server.url}/mcp") as client:
            result = await client.call_tool("classify_failure", BODY)
            refused = await client.call_tool("classify_failure", {"trace": ["x" * 100_000]})
            return result.structured_content, refused

    report, refused = asyncio.run(by_mcp())
    assert report["classified_failure_mode"] == "OVER_REFUSAL" and refused.is_error
    part = {"kind": "data", "data": {"skill": "classify_failure", "input": BODY}}
    message = {"messageId": "m", "role": "user", "kind": "message", "parts": [part]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    task = post(f"{server.url}/a2a", json=call).json()["result"]
    assert task["status"]["state"] == "completed" and task["artifacts"][0]["name"] == "classify_failure"
    assert task["artifacts"][0]["parts"][0]["data"]["classified_failure_mode"] == "OVER_REFUSAL"
    call["params"]["message"]["parts"] = [{"kind": "data", "data": {"skill": "rm", "input": "x" * 100_000}}]
    refused = post(f"{server.url}/a2a", json=call).json()["result"]
    assert refused["status"]["state"] == "rejected"
    assert "choose from" in refused["status"]["message"]["parts"][0]["text"]


def test_what_is_no_json_is_said_by_the_protocols(server):
    assert post(f"{server.url}/a2a", content=b"[" * 100_000).json()["error"]["code"] == -32700
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    assert post(f"{server.url}/mcp", content=b"[" * 100_000, headers=headers).status_code == 400


@pytest.mark.parametrize("path", ["/a2a", "/mcp"])
def test_calls_are_smaller_than_requests(path, server):
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    response = post(server.url + path, content=b'"' + b"x" * 4 * 1024 * 1024 + b'"', headers=headers)
    assert response.status_code == 413 and "REST takes more" in response.text


@pytest.mark.parametrize("why", ["its time is over", "its client has gone"])
def test_work_that_nobody_waits_for_is_killed_and_its_place_is_free(why):
    limits = Limits(processes=1, seconds=2 if why == "its time is over" else 60)
    with running(limits) as server:
        while post(server.url + PATH, json=BODY).status_code != 200:
            pass  # one takes seconds to start, and is not killed meanwhile
        [process] = server.worker_pool.processes.ids
        with on_its_way(server, "/v1/budget/negotiate", SLOW) as slow:
            while not any(one.busy_with for one in server.worker_pool.processes._all):
                time.sleep(0.01)
            time.sleep(0.1)  # it has the work now: one that has not begun is spared
            assert server.worker_pool.processes.ids == {process}
            if why == "its time is over":
                slow.settimeout(60)
                assert b" 504 " in slow.recv(100)
        assert is_gone(process)
        while post(server.url + PATH, json=BODY).status_code != 200:
            pass
        assert server.worker_pool.processes.ids != {process}


def test_process_that_dies_fails_its_request_and_not_the_next():
    async def broken(worker_pool):
        with pytest.raises(Malformed):
            await worker_pool.run_in_process("analyze_prompt", b"{")

    async def die(worker_pool):
        await broken(worker_pool)
        slow = asyncio.ensure_future(worker_pool.run_in_process("negotiate_prompt", json.dumps(SLOW).encode()))
        while not worker_pool.running:
            await asyncio.sleep(0.01)
        [process] = worker_pool.processes.ids
        os.kill(process, 9)
        with pytest.raises(Unavailable, match="has ended"):
            await slow
        await broken(worker_pool)
        await worker_pool.ended()

    asyncio.run(die(WorkerPool(Limits())))


def test_no_more_processes_than_there_are_places():
    async def many():
        worker_pool = WorkerPool(Limits(processes=2))
        jobs = [asyncio.ensure_future(worker_pool.run_in_process("analyze_prompt", b'{"sections": []}')) for _ in range(6)]
        most = 0
        while not all(job.done() for job in jobs):
            most = max(most, worker_pool.running)
            await asyncio.sleep(0.01)
        await worker_pool.ended()
        return most, [type(job.exception()) for job in jobs]

    assert asyncio.run(many()) == (2, [Invalid] * 6)


def test_process_whose_server_ends_while_it_starts_says_nothing():
    started = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    started.stdout.close()
    started.stdin.close()
    assert started.stderr.read() == b"" and started.wait(60) == 0


def test_processes_end_with_the_pool():
    async def one(worker_pool):
        worker_pool.processes.warm()
        ids = worker_pool.processes.ids
        await worker_pool.ended()
        return ids

    [process] = asyncio.run(one(WorkerPool(Limits())))
    assert is_gone(process)


def test_job_that_is_too_slow_is_told_so_and_cancelled_ones_keep_the_process_if_they_end_soon():
    async def both():
        worker_pool = WorkerPool(Limits(seconds=60))
        body = json.dumps(BODY).encode()
        await worker_pool.run_in_process("classify_failure", body)
        before = worker_pool.processes.ids
        job = asyncio.ensure_future(worker_pool.run_in_process("classify_failure", body))
        await asyncio.sleep(0.01)
        job.cancel()
        while worker_pool.running:
            await asyncio.sleep(0.01)
        assert worker_pool.processes.ids == before
        await worker_pool.run_in_process("classify_failure", body)
        await worker_pool.ended()
        hasty = WorkerPool(Limits(seconds=0.1))
        with pytest.raises(TooSlow):
            await hasty.run_in_process("classify_failure", body)
        [process] = hasty.processes.ids
        await hasty.ended()
        assert is_gone(process)

    asyncio.run(both())


@pytest.mark.filterwarnings("ignore:.*is not compiled for:UserWarning")
def test_with_a_model_work_that_may_ask_it_stays_in_threads_and_is_small_enough_to_read():
    lm = scripted_lm(lambda prompt: json.dumps({"answer": "yes"}))
    with running(lm=lm) as server:
        assert post(server.url + PATH, json=BODY).status_code == 200
        many = {"trace": LONG | {"more": [[]] * 200_000}}
        part = {"kind": "data", "data": many["trace"]}
        message = {"messageId": "m", "role": "user", "kind": "message", "parts": [part]}
        call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
        for path, body in ((PATH, many), ("/a2a", call)):
            refused = post(server.url + path, json=body)
            assert refused.status_code == 413 and "200,000 values" in refused.text
        assert not lm.engine.prompts
        sections = {"sections": [{"name": "a", "content": "x " * 40_000}]}
        assert post(f"{server.url}/v1/budget/analyze", json=sections).status_code == 200


def test_large_request_of_a_model_does_not_stop_the_event_loop():
    """Its steps, in seconds of the loop's own processor time: what is read and checked there, others wait for."""
    trace = LONG | {"more": [{"key": "abcdefghijklmnopqrstuvwxyz0123"} for _ in range(90_000)]}
    content, steps = json.dumps({"trace": trace}).encode(), []

    async def watch():
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.002)
            steps.append(time.thread_time() - before)

    async def ask():
        worker_pool = WorkerPool(Limits(), scripted_lm(lambda prompt: "{}"))
        transport = httpx.ASGITransport(create_app(worker_pool))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", verify=False) as client:
            watching = asyncio.ensure_future(watch())
            answer = await client.post(PATH, content=content, headers={"Content-Type": "application/json"}, timeout=90)
            watching.cancel()
        await worker_pool.ended()
        return answer

    assert asyncio.run(ask()).json()["classified_failure_mode"] == "OVER_REFUSAL"
    assert max(steps) < 0.06, sorted(steps)[-3:]


def test_no_process_outlives_a_server_that_is_killed(tmp_path):
    with Command(tmp_path) as server:
        assert post(server.url + PATH, json=BODY).status_code == 200
        children = [child for child, parent in parents().items() if parent == server.process.pid]
        assert children
    assert all(map(is_gone, children))
