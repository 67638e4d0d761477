"""python -m tests.router_speed: how long a decision takes, how many requests a second pass, and how long a start without Redis.

Decisions  5 kinds of requests, at 6 and at 1,000 models: the median and the 99th percentile of 5,000.
Requests   the real server (keys, limits, HTTP) and the router alone, before an upstream that answers at once; nothing is
           cached. Client, server and upstream are processes that share the machine with all else on it, so the processor
           time that the server took says how many a core of its own would answer.
Start      a router whose Redis is not there.
"""

import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from dspy_programs.router import Needs, Router, read_catalogue
from tests.router_support import asks, entry, router
from tests.servers import ROOT, environment

_ANSWER = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)
_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_KINDS = {
    "no limits": Needs(),
    "long prompt": Needs(prompt=600_000),
    "latency": Needs(priority="speed", max_latency_ms=1300),
    "a new limit": Needs(),  # another price each time
    "all limits": Needs(priority="quality", max_latency_ms=1300, max_cost_per_1k=0.01, tools=True, prompt=600_000),
}


class _Upstream(asyncio.Protocol):
    """Answers every request at once; bodies are small, so one read has one."""

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            self.rest = b""
            self.transport.write(_REPLY)


async def _serve_upstream():
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _serve_router(port):
    from tests.servers import running

    served = router(entries=[entry(0, api_base=f"http://127.0.0.1:{port}/v1")], cache={"backend": "none"})
    with running(router=served) as server:
        print(server.url.rpartition(":")[2], flush=True)
        sys.stdin.read()


def _started(*words):
    command = [sys.executable, "-m", "tests.router_speed", *map(str, words)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), cwd=ROOT)
    return process, int(process.stdout.readline())


def _seconds_of(process):
    """Return the processor time of a process."""
    fields = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def _client(port, requests, connections):
    """Send requests over so many connections; return how many a second were answered."""
    left = iter(range(requests))

    async def one():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in left:
            body = json.dumps({**asks(f"hi {number}"), "model": "router/balanced"}).encode()
            writer.write(_HEAD % len(body) + body)
            answered = await reader.readuntil(b"\r\n\r\n")
            assert answered.startswith(b"HTTP/1.1 200"), answered
            await reader.readexactly(int(answered.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return requests / (time.perf_counter() - start)


def decisions():
    models = read_catalogue().models
    rng = random.Random(0)
    many = [
        {**models[at % 6].model_dump(), "id": f"m/{at}", "latency_ms": rng.uniform(300, 1500), "quality": rng.random()}
        for at in range(1000)
    ]
    for routes in (Router(read_catalogue()), router(entries=many)):
        for kind, needs in _KINDS.items():
            times = []
            for at in range(5000):
                needs = replace(needs, max_cost_per_1k=0.01 + at * 1e-9) if kind == "a new limit" else needs
                start = time.perf_counter()
                routes.decide(needs)
                times.append(time.perf_counter() - start)
            times.sort()
            half, most = (times[int(share * len(times))] * 1e6 for share in (0.5, 0.99))
            print(f"{len(routes.catalogue.models):5} models  {kind:12} {half:6.1f} us  (99 %: {most:.1f} us)")


def requests(number, connections):
    upstream, port = _started("upstream")
    server, at = _started("server", port)
    try:
        asyncio.run(_client(at, 200, connections))
        before = [_seconds_of(process) for process in (upstream, server)]
        rate = asyncio.run(_client(at, number, connections))
        took = [_seconds_of(process) - was for process, was in zip((upstream, server), before, strict=True)]
        print(f"through the server: {rate:,.0f} requests/s here; {1000 * took[1] / number:.2f} ms of a core each: ", end="")
        print(f"{number / took[1]:,.0f}/s on a core of its own")
        routes = router(entries=[entry(0, api_base=f"http://127.0.0.1:{port}/v1")], cache={"backend": "none"})
        for threads in (1, connections):
            with ThreadPoolExecutor(threads) as pool:
                start, used = time.perf_counter(), time.process_time()
                list(pool.map(lambda at: routes.chat(asks(f"hi {at}")), range(number)))
                used, rate = time.process_time() - used, number / (time.perf_counter() - start)
                print(f"router alone, {threads} threads: {rate:,.0f} requests/s here; ", end="")
                print(f"{1000 * used / number:.2f} ms of a core each: {number / used:,.0f}/s on a core of its own")
    finally:
        for process in (server, upstream):
            process.kill()
            process.wait()


def start():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    begun = time.perf_counter()
    routes = router(entries=[entry(0)], cache={"backend": "redis", "redis_url": f"redis://127.0.0.1:{port}/0"})
    print(f"start without Redis: {time.perf_counter() - begun:.3f} s; answers are kept in {routes.place}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["decisions", "requests", "start", "upstream", "server"])
    parser.add_argument("port", nargs="?", type=int)
    parser.add_argument("--number", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    if given.part == "upstream":
        asyncio.run(_serve_upstream())
    elif given.part == "server":
        _serve_router(given.port)
    for name, part in {
        "decisions": decisions,
        "requests": lambda: requests(given.number, given.connections),
        "start": start,
    }.items():
        if given.part in (None, name):
            part()


if __name__ == "__main__":
    main()
