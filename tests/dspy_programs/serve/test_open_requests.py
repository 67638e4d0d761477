"""What a client has open when its key is withdrawn: it ends within seconds, and that of others goes on."""

import asyncio
import json
import time

import httpx
import pytest

from dspy_programs.serve.keys import KeyFile
from tests.servers import HTTP, Slow, on_its_way, running

ANN, BOB, NEW = "ann-key-0123456789", "bob-key-0123456789", "new-key-0123456789"
WHO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
SECTIONS = {"sections": [{"name": "a", "content": "Say hello."}]}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    path.write_text(f"ann: {ANN}\nbob: {BOB}\n")
    return path


def client_of(key):
    headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream", "A2A-Version": "1.0"}
    return httpx.AsyncClient(headers=headers, verify=False, timeout=10)


def called(method, params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def listening_to_mcp(client, url):
    begun = await client.post(f"{url}/mcp", json=called("initialize", WHO))
    return client.stream("GET", f"{url}/mcp", headers={"Mcp-Session-Id": begun.headers["mcp-session-id"]})


async def subscribed_to_a2a(client, url):
    part = {"text": json.dumps({"skill": "negotiate_prompt", "input": SECTIONS})}
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [part]}
    return client.stream("POST", f"{url}/a2a", json=called("SendStreamingMessage", {"message": message}))


async def all_of(stream):
    """Read to the end; a stream that is cut off has ended too."""
    async with stream as answer:
        assert answer.status_code == 200
        try:
            await answer.aread()
        except httpx.RemoteProtocolError:
            return


@pytest.mark.parametrize("opened", [listening_to_mcp, subscribed_to_a2a])
def test_stream_of_a_withdrawn_key_ends_and_that_of_another_goes_on(opened, file):
    async def withdraw(url):
        async with client_of(ANN) as ann, client_of(BOB) as bob:
            streams = [asyncio.ensure_future(all_of(await opened(client, url))) for client in (ann, bob)]
            await asyncio.sleep(0.5)
            assert not any(stream.done() for stream in streams)
            file.write_text(f"ann: {NEW}\nbob: {BOB}\n")
            await asyncio.wait_for(streams[0], 4)
            assert not streams[1].done()
            streams[1].cancel()
            await asyncio.wait(streams)

    with Slow(steps=1_000).instead_of("negotiate_prompt"), running(key=KeyFile(file, seconds=0)) as server:
        asyncio.run(withdraw(server.url))


def test_request_under_way_is_told_that_its_key_was_withdrawn_and_its_work_stops(file):
    with Slow(steps=1_000).instead_of("negotiate_prompt") as slow, running(key=KeyFile(file, seconds=0)) as server:
        with on_its_way(server, "/v1/budget/negotiate", SECTIONS, key=ANN) as asking:
            while not slow.calls:
                time.sleep(0.01)
            file.write_text(f"bob: {BOB}\n")
            answer = asking.recv(10_000)
            while b"}" not in answer:
                answer += asking.recv(10_000)
        assert b" 401 " in answer and b"the key was withdrawn" in answer
        assert slow.stays_still()
        assert HTTP.get(f"{server.url}/openapi.json", headers={"X-API-Key": BOB}, timeout=60).status_code == 200


def test_new_key_beside_the_old_one_ends_nothing(file):
    with Slow(steps=80).instead_of("negotiate_prompt"), running(key=KeyFile(file, seconds=0)) as server:
        with on_its_way(server, "/v1/budget/negotiate", SECTIONS, key=ANN) as asking:
            file.write_text(f"ann: {ANN}\nann: {NEW}\nbob: {BOB}\n")
            assert b" 200 " in asking.recv(10_000)
