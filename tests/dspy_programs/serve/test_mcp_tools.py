"""MCP, spoken by the SDK's own client: to the real command over stdio, and to the app over HTTP."""

import asyncio
import json
import signal
import subprocess
import sys

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from dspy_programs.lm import connect
from dspy_programs.serve import mcp_tools
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.operations import OPERATIONS
from tests.servers import FAILING, HEALTHY, HTTP, ROOT, Slow, environment, running

COMMAND = ["-m", "dspy_programs", "serve", "mcp"]
MODES = ["auto", "legacy"]


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def over_stdio(tmp_path):
    parameters = StdioServerParameters(command=sys.executable, args=COMMAND, env=environment(), cwd=ROOT)
    return stdio_client(parameters, errlog=(tmp_path / "stderr.log").open("w"))


async def talk(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    good = await client.call_tool("classify_failure", {"trace": FAILING})
    bad = await client.call_tool("classify_failure", {"trace": 5, "surplus": 1})
    unreadable = await client.call_tool("classify_failure", {"trace": {"what": "ever"}})
    again = await client.call_tool("classify_failure", {"trace": HEALTHY})
    return tools, good, bad, unreadable, again


def check(tools, good, bad, unreadable, again):
    assert tools.keys() == OPERATIONS.keys()
    for name, tool in tools.items():
        assert tool.input_schema["required"] and tool.output_schema["properties"], name
        assert tool.annotations.read_only_hint and not tool.annotations.destructive_hint
        assert tool.title == tool.annotations.title == OPERATIONS[name].title and len(tool.description) > 60
        assert not tool.annotations.open_world_hint, "there is no model"
    assert not good.is_error and good.structured_content["classified_failure_mode"] == "OVER_REFUSAL"
    assert json.loads(good.content[0].text) == good.structured_content
    assert bad.is_error and bad.content[0].text.startswith("trace: send an object or a list")
    assert "surplus" in bad.content[0].text and "\n" not in bad.content[0].text
    assert unreadable.is_error and "\n" not in unreadable.content[0].text
    assert again.structured_content["classified_failure_mode"] == "none"


def test_stdio(tmp_path):
    async def session():
        async with Client(over_stdio(tmp_path)) as client:
            return await talk(client)

    check(*asyncio.run(session()))


@pytest.mark.parametrize("mode", MODES)
def test_http(mode, server):
    async def session():
        async with Client(f"{server.url}/mcp", mode=mode) as client:
            return await talk(client)

    check(*asyncio.run(session()))


def test_unknown_tool(server):
    async def session():
        async with Client(f"{server.url}/mcp") as client:
            with pytest.raises(MCPError, match="choose from classify_failure"):
                await client.call_tool("drop_tables", {})

    asyncio.run(session())


@pytest.mark.parametrize("mode", MODES)
def test_cancelled_call_stops_its_work(mode):
    """What the client does when its user gives up: the call's task is cancelled, the server hears of it."""
    on_progress = []

    async def listen(done, total, message):
        on_progress.append((done, total))

    async def session(url):
        async with Client(f"{url}/mcp", mode=mode) as client:
            call = asyncio.create_task(client.call_tool("negotiate_prompt", ARGUMENTS, progress_callback=listen))
            while not on_progress:
                await asyncio.sleep(0.02)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return await client.call_tool("classify_failure", {"trace": HEALTHY})

    with Slow().instead_of("negotiate_prompt") as slow, running() as server:
        assert not asyncio.run(session(server.url)).is_error
        assert slow.stays_still()
        assert server.worker_pool.running == 0


ARGUMENTS = {"sections": [{"name": "a", "content": "Say hello."}]}


def test_too_slow_call_is_an_error_of_the_tool():
    async def session(url):
        async with Client(f"{url}/mcp") as client:
            return await client.call_tool("negotiate_prompt", ARGUMENTS)

    with Slow().instead_of("negotiate_prompt") as slow, running(Limits(seconds=0.3)) as server:
        result = asyncio.run(session(server.url))
        assert result.is_error and "0.3 s" in result.content[0].text
        assert slow.stays_still()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_a_whole_line(tmp_path, number):
    """A long answer is half read when the signal comes."""
    said = [{"role": "user", "content": f"Order A{n} goes to {n} Hill Road. {'So it goes. ' * 60}"} for n in range(300)]
    arguments = {"name": "build_context", "arguments": {"messages": said, "max_tokens": 10**6}}
    sent = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments},
    ]
    with (tmp_path / "stderr.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, *COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment(), cwd=ROOT
        )
        with process:
            process.stdin.write("".join(json.dumps(line) + "\n" for line in sent).encode())
            process.stdin.flush()
            lines = [process.stdout.readline(), process.stdout.read(9)]
            process.send_signal(number)
            lines[1:] = (lines[1] + process.stdout.read()).splitlines(keepends=True)
            code = process.wait(15)
        log.seek(0)
        assert code == -number and "Traceback" not in log.read()
    assert len(lines[1]) > 2**17  # more than a pipe holds, so it was being written
    assert [json.loads(line)["id"] for line in lines] == [0, 1] and lines[1].endswith(b"\n")


INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
CANARY = {"trace": "canary-4711", "canary": "canary-4711"}


@pytest.mark.parametrize("arguments", [{"trace": json.dumps(FAILING)}, {"trace": json.dumps(FAILING["turns"])}])
def test_json_as_text_is_read(arguments, server):
    async def session():
        async with Client(f"{server.url}/mcp") as client:
            return await client.call_tool("classify_failure", arguments)

    assert asyncio.run(session()).structured_content["classified_failure_mode"] == "OVER_REFUSAL"


def test_schemas_are_made_once():
    operation = OPERATIONS["classify_failure"]
    assert mcp_tools._tool_of(operation, False) is mcp_tools._tool_of(operation, False)


@pytest.mark.parametrize(("spec", "is_open"), [("openai/any", True), ("local/smollm2-135m", False)])
def test_tools_reach_the_world_where_the_model_is_hosted(spec, is_open):
    async def session(url):
        async with Client(f"{url}/mcp") as client:
            return await client.list_tools(), client.instructions

    with running(lm=connect(spec)) as server:
        listed, instructions = asyncio.run(session(server.url))
    assert {tool.name for tool in listed.tools if tool.annotations.open_world_hint} == {
        name for name, operation in OPERATIONS.items() if is_open and operation.asks_model
    }
    assert all(name in instructions for name in OPERATIONS)


TRACE = r'[{"role": "user", "content": "Book a table \ud800"}, {"role": "assistant", "content": "I cannot do that \udfff"}]'
PARAMS = f'{{"name": "classify_failure", "arguments": {{"trace": {TRACE}}}}}'
CALL = f'{{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {PARAMS}}}'


def test_lines_that_cannot_be_read_get_an_answer_and_nothing_but_the_protocol_is_on_stdout():
    of_canary = {"name": "classify_failure", "arguments": CANARY}
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}),
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        CALL,
        "canary-4711 this is not JSON",
        json.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": of_canary}),
        r'{"jsonrpc": "2.0", "id": 3, "method": "\ud800"}',
        "[1]",
        '{"id": 4}',
        "{",
        "[" * 100_000,
        "",
    ]
    done = subprocess.run(
        [sys.executable, *COMMAND],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        cwd=ROOT,
    )
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and "canary-4711" not in done.stderr
    assert {reply.get("id") for reply in replies} >= {1, 2, 5}
    assert all(reply["jsonrpc"] == "2.0" for reply in replies)
    assert (
        next(reply for reply in replies if reply["id"] == 2)["result"]["structuredContent"]["original_goal"] == "Book a table ?"
    )
    codes = sorted((str(reply["id"]), reply["error"]["code"]) for reply in replies if "error" in reply)
    assert codes == [("3", -32601), ("4", -32600), *[("None", -32700)] * 3, ("None", -32600)]


def test_half_a_surrogate_pair_over_http_is_a_question_mark(server):
    head = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    session = HTTP.post(f"{server.url}/mcp", json=first, headers=head).headers["mcp-session-id"]
    reply = HTTP.post(f"{server.url}/mcp", content=CALL, headers=head | {"mcp-session-id": session})
    assert reply.status_code == 200 and "Book a table ?" in reply.text


def test_sessions_do_not_run_out():
    """Clients that never end theirs: the one that was idle longest goes, and one in use stays."""
    head = {"Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    with running(Limits(sessions=3)) as server:

        def post(body, **headers):
            return HTTP.post(f"{server.url}/mcp", json=body, headers=head | headers)

        used, idle = (post(body).headers["mcp-session-id"] for _ in range(2))
        for _ in range(6):
            assert post(body).status_code == 200
            assert post(ping, **{"mcp-session-id": used}).status_code == 200
        assert post(ping, **{"mcp-session-id": idle}).status_code == 404
