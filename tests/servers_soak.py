"""python -m tests.servers_soak --minutes 10: strangers and clients at their worst, all at once, and what it does to a server.

1,000 idle connections, slow readers, huge bodies on every surface, tasks that are cancelled, wrong keys; and clients that just
ask, whose answers are counted. The server runs in a process of its own, as the command does, and watches its event loop. A
stall is one step of the loop that takes its thread more than 100 ms of processor time. Where other threads of the server may
have kept it waiting is counted too: the loop was late, and the process was at work, for more than 100 ms. Lateness alone says
how busy the machine is.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from dspy_programs.serve.app import create_app
from dspy_programs.serve.connections import Config
from dspy_programs.serve.http_server import Server
from dspy_programs.serve.keys import KeyFile
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.listening import listen
from dspy_programs.serve.worker_pool import WorkerPool
from tests.raw_http import Answer, Connection, a2a_call, mcp_call, mcp_session, post
from tests.servers import FAILING

IDLE, SLOW_READERS, CANCELLING, ASKING = 1_000, 20, 2, 4
STALL = 0.1  # seconds
WARM = 60.0  # seconds before memory counts as grown
SECONDS = 20.0  # of a request
HUGE, HUGE_CALL = 8 * 1024 * 1024 - 1_000, 4 * 1024 * 1024 - 1_000  # bytes
ANN, BOB = "ann-key-for-the-soak", "bob-key-for-the-soak"
CLASSIFY = "/v1/failures/classify"
LONG_WORK = {"sections": [{"name": f"s{n}", "priority": 1, "content": "You must always answer. " * 4_000} for n in range(40)]}
LARGE_ANSWER = {"sections": [{"name": f"s{n}", "content": "Be kind. " * 200} for n in range(30)]}


def lists(bytes_: int) -> str:
    return "[" + ",".join(["[]"] * (bytes_ // 3)) + "]"


def traces(bytes_: int) -> str:
    turn = json.dumps({"turn_number": 0, "role": "agent", "content": "I am sorry, I cannot do that. " * 100})
    return '{"original_goal": "Book a table.", "turns": [' + ",".join([turn] * (bytes_ // len(turn))) + "]}"


def huge_requests(value: Callable[[int], str]) -> list[bytes]:
    """Return one for each surface, as large as it takes them."""
    on_a2a, on_mcp = a2a_call("VALUE"), mcp_call("classify_failure", {"trace": "VALUE"})
    calls = [json.dumps(call).replace('"VALUE"', value(HUGE_CALL - 500)).encode() for call in (on_a2a, on_mcp)]
    return [
        post(CLASSIFY, f'{{"trace": {value(HUGE - 500)}}}'.encode(), X_API_Key=ANN),
        post("/a2a", calls[0], X_API_Key=ANN),
        post("/mcp", calls[1], X_API_Key=ANN, Mcp_Session_Id="SESSION"),
    ]


class Watch:
    """What the server process sees of itself, written as JSON lines."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.stalls: list[float] = []
        self.waits: list[float] = []
        self.late = 0.0

    async def run(self) -> None:
        began = told = time.monotonic()
        parent = os.getppid()
        while os.getppid() == parent:
            start, own, all_ = time.monotonic(), time.thread_time(), time.process_time()
            await asyncio.sleep(0.01)
            late, own, all_ = time.monotonic() - start - 0.01, time.thread_time() - own, time.process_time() - all_
            self.late = max(self.late, late)
            if own > STALL:
                self.stalls.append(round(own, 3))
            elif min(late, all_) > STALL:
                self.waits.append(round(min(late, all_), 3))
            if time.monotonic() - told > 1:
                told = time.monotonic()
                self.tell(told - began)
        os.kill(os.getpid(), signal.SIGTERM)  # nobody drives it any more

    def tell(self, seconds: float) -> None:
        seen = {
            "seconds": seconds,
            "cpu": time.process_time(),
            "mb": megabytes_of(os.getpid()),
            "stalls": self.stalls,
            "waits": self.waits,
            "late": self.late,
        }
        with self.file.open("a") as out:
            out.write(json.dumps(seen) + "\n")


class WatchedServer(Server):
    watch: Watch

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.watching = asyncio.create_task(self.watch.run())


def serve(folder: Path) -> None:
    """Serve until killed; write the port and what is seen into the folder."""
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(f"ann: {ANN}\nbob: {BOB}\n")
    worker_pool = WorkerPool(Limits(seconds=SECONDS))
    listening = listen("127.0.0.1", 0, has_key=True)
    server = WatchedServer(Config(create_app(worker_pool, KeyFile(keys)), worker_pool.limits), worker_pool)
    server.watch = Watch(folder / "seen.jsonl")
    (folder / "port").write_text(str(listening.getsockname()[1]))
    server.run(sockets=[listening])


def megabytes_of(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Soak:
    """All clients of one server, in this process. `count` says what came of their requests."""

    def __init__(self, port: int, seconds: float) -> None:
        self.port, self.until = port, time.monotonic() + seconds
        self.count: Counter[str] = Counter()
        self.took: list[float] = []

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    async def run(self) -> None:
        clients: list[tuple[Callable[[int], Awaitable[None]], int]] = [
            (self.idle, IDLE),
            (self.slow_reader, SLOW_READERS),
            (self.huge, 1),
            (self.cancelling, CANCELLING),
            (self.wrong_key, 1),
            (self.asking, ASKING),
        ]
        await asyncio.gather(*(self.again(client, number) for client, many in clients for number in range(many)))

    async def again(self, client: Callable[[int], Awaitable[None]], number: int) -> None:
        """Let a client go on for the whole time, whatever the server does to its connection."""
        await asyncio.sleep(random.uniform(0, 20))
        while self.goes_on:
            try:
                await asyncio.wait_for(client(number), max(1.0, self.until - time.monotonic() + 10))
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.count[f"{client.__name__}: {type(error).__name__}"] += 1
            await asyncio.sleep(random.uniform(1, 60 if client == self.idle else 5))

    async def idle(self, number: int) -> None:
        """Send half a head, and nothing more."""
        async with Connection(self.port, f"127.0.0.{2 + number % 8}") as link:
            link.writer.write(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n")
            self.count["idle connections that were opened"] += 1
            while await link.reader.read(1_000):
                pass

    async def slow_reader(self, number: int) -> None:
        """Ask for large answers, many at a time, and read a little of them a second."""
        async with Connection(self.port, f"127.0.0.{10 + number}", receive_bytes=4_096) as link:
            request = post("/v1/budget/negotiate", LARGE_ANSWER, X_API_Key=BOB)
            link.writer.write(request * 3)
            while self.goes_on and await link.reader.read(1_000):
                await asyncio.sleep(1)
        self.count["slow readers that were cut off"] += 1

    async def huge(self, number: int) -> None:
        requests = [request for value in (lists, traces, lambda size: "[" * size) for request in huge_requests(value)]
        async with Connection(self.port) as link:
            session = await mcp_session(link, X_API_Key=ANN)
            for request in requests:
                answer = await link.ask(request.replace(b"SESSION", session.encode(), 1))
                self.count[f"huge: {answer.status}"] += 1

    async def cancelling(self, number: int) -> None:
        """Begin work that takes a minute, as a task or not, and give it up."""
        async with Connection(self.port, "127.0.0.1") as link:
            call = a2a_call({"skill": "negotiate_prompt", "input": LONG_WORK}, blocking=False)
            begun = json.loads((await link.ask(post("/a2a", call, X_API_Key=BOB))).body)
            if "result" in begun:
                await asyncio.sleep(2)
                cancel = {"jsonrpc": "2.0", "id": 2, "method": "tasks/cancel", "params": {"id": begun["result"]["id"]}}
                ended = json.loads((await link.ask(post("/a2a", cancel, X_API_Key=BOB))).body)
                state = ended.get("result", {}).get("status", {}).get("state") or ended["error"]["message"]
                self.count[f"cancelled task: {state}"] += 1
            else:
                self.count[f"task that was not begun: {begun.get('code')}"] += 1
            link.writer.write(post("/v1/budget/negotiate", LONG_WORK, X_API_Key=BOB))
            await link.writer.drain()
        self.count["requests that were given up"] += 1

    async def wrong_key(self, number: int) -> None:
        async with Connection(self.port, "127.0.0.9") as link:
            answer = await link.ask(post(CLASSIFY, {}, X_API_Key="wrong-key-for-the-soak"))
            self.count[f"wrong key: {answer.status}"] += 1

    async def asking(self, number: int) -> None:
        """Do what clients do, twenty times a second at most, on each surface in turn."""
        async with Connection(self.port) as link:
            session = await mcp_session(link, X_API_Key=BOB)
            requests = [
                post(CLASSIFY, {"trace": FAILING}, X_API_Key=BOB),
                post("/mcp", mcp_call("classify_failure", {"trace": FAILING}), X_API_Key=BOB, Mcp_Session_Id=session),
                post("/a2a", a2a_call(FAILING), X_API_Key=BOB),
            ]
            while self.goes_on:
                for request in requests:
                    began = time.monotonic()
                    self.told(await link.ask(request))
                    self.took.append(time.monotonic() - began)
                    await asyncio.sleep(0.05)

    def told(self, answer: Answer) -> None:
        right = answer.status == 200 and b"OVER_REFUSAL" in answer.body
        why = re.search(rb"no worker was free|not finished after|did not arrive|not found", answer.body)
        self.count["answered" if right else f"not answered: {answer.status} {why.group().decode() if why else ''}"] += 1


def report(seen: list[dict[str, Any]], soak: Soak) -> None:
    warm = [one["mb"] for one in seen if one["seconds"] >= WARM] or [one["mb"] for one in seen]
    tenth = max(1, len(warm) // 10)
    first, last = sorted(warm[:tenth])[tenth // 2], sorted(warm[-tenth:])[tenth // 2]
    took = sorted(soak.took) or [0.0]
    end = seen[-1]
    print(f"{end['seconds']:.0f} s, of which the server had a core for {end['cpu']:.0f} s")
    for name, times in (("stalls", end["stalls"]), ("waits for other threads", end["waits"])):
        print(f"{name} over {1000 * STALL:.0f} ms: {len(times)}, the longest {sorted(times)[-5:]} s")
    print(f"the loop was late by at most {1000 * end['late']:.0f} ms")
    print(f"memory of the server {last:.0f} MB, {last - first:+.0f} MB since {WARM:.0f} s, at most {max(warm):.0f} MB")
    print(
        f"answers: half in {1000 * took[len(took) // 2]:.0f} ms, 99 % in {1000 * took[int(len(took) * 0.99)]:.0f} ms", end=", "
    )
    print(f"the slowest in {1000 * took[-1]:.0f} ms")
    for name, number in sorted(soak.count.items()):
        print(f"  {number:>8,} {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(folder,))
        server.start()
        stack.callback(server.join)
        stack.callback(server.terminate)
        while not (folder / "seen.jsonl").exists():
            time.sleep(0.1)
        soak = Soak(int((folder / "port").read_text()), 60 * minutes)
        asyncio.run(soak.run())
        report([json.loads(line) for line in (folder / "seen.jsonl").read_text().splitlines()], soak)


if __name__ == "__main__":
    main()
