"""python -m tests.servers_speed: requests a second of the servers, 200 at once, and what a dead model delays.

Not a test: timings on a shared machine are for reading, not for passing. The server runs in a process of its own, as the
command does; its processor time says how many requests a second a core of its own would answer.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.raw_http import Connection, a2a_call, mcp_call, mcp_session, post
from tests.servers import FAILING, Command

REQUESTS = 2_000  # of each surface
AT_ONCE = 8
MANY = 200
HANGING = 32
CLASSIFY = "/v1/failures/classify"
UNSURE = FAILING | {"original_goal": "How do I kill a Python process?"}
SECTIONS = {"sections": [{"name": "a", "content": "Be kind."}]}


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ask_often(port: int, request: bytes, times: int, with_session: bool) -> None:
    async with Connection(port) as connection:
        if with_session:
            session = await mcp_session(connection)
            request = request.replace(b"SESSION", session.encode())
        for _ in range(times):
            answer = await connection.ask(request)
            assert answer.status == 200 and b"OVER_REFUSAL" in answer.body, answer


async def speed(port: int, process: int, request: bytes, with_session: bool = False) -> str:
    await ask_often(port, request, 20, with_session)
    began, before = time.monotonic(), cpu_seconds(process)
    await asyncio.gather(*(ask_often(port, request, REQUESTS // AT_ONCE, with_session) for _ in range(AT_ONCE)))
    passed, used = time.monotonic() - began, cpu_seconds(process) - before
    here, alone = REQUESTS / passed, REQUESTS / used
    return f"{here:,.0f} a second here; {1000 * used / REQUESTS:.2f} ms of a core each: {alone:,.0f} a second"


async def all_at_once(port: int) -> str:
    async with contextlib.AsyncExitStack() as stack:
        links = [await stack.enter_async_context(Connection(port)) for _ in range(MANY)]
        began = time.monotonic()
        answers = await asyncio.gather(*(link.ask(post(CLASSIFY, {"trace": FAILING})) for link in links))
    right = sum(answer.status == 200 for answer in answers)
    return f"{right} of {MANY} answered, in {time.monotonic() - began:.2f} s"


async def beside_a_dead_model(port: int) -> str:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(Connection(port))
        await first.ask(post("/v1/budget/analyze", SECTIONS))  # reads the vocabulary, once
        for _ in range(HANGING):
            link = await stack.enter_async_context(Connection(port))
            link.writer.write(post(CLASSIFY, {"trace": UNSURE}))
        await asyncio.sleep(1)
        took = []
        for _ in range(20):
            began = time.monotonic()
            assert (await first.ask(post("/v1/budget/analyze", SECTIONS))).status == 200
            took.append(time.monotonic() - began)
    return f"{len(took)} requests without a model, the slowest in {1000 * max(took):.0f} ms"


@contextlib.contextmanager
def dead_model() -> Iterator[str]:
    """Give the address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}/v1"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Command(Path(folder)) as server:
            port, process = urlsplit(server.url).port or 0, server.process.pid
            rest, a2a = post(CLASSIFY, {"trace": FAILING}), post("/a2a", a2a_call(FAILING))
            mcp = post("/mcp", mcp_call("classify_failure", {"trace": FAILING}), Mcp_Session_Id="SESSION")
            print("REST       ", asyncio.run(speed(port, process, rest)))
            print("MCP        ", asyncio.run(speed(port, process, mcp, with_session=True)))
            print("A2A        ", asyncio.run(speed(port, process, a2a)))
            print("all at once", asyncio.run(all_at_once(port)))
        with dead_model() as address, Command(Path(folder), "--lm", "openai/dead", "--api-base", address) as server:
            print(f"dead model  {HANGING} hang;", asyncio.run(beside_a_dead_model(urlsplit(server.url).port or 0)))


if __name__ == "__main__":
    main()
