"""Servers for tests: the real app on a loopback port in a thread, and the real command in a process."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import uvicorn
from pydantic import BaseModel

from dspy_programs.documents import IngestionJobs
from dspy_programs.serve import operations
from dspy_programs.serve.agent_runs import AgentRuns
from dspy_programs.serve.app import create_app
from dspy_programs.serve.connections import Config
from dspy_programs.serve.keys import Keys
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.listening import listen
from dspy_programs.serve.worker_pool import WorkerPool

ROOT = Path(__file__).resolve().parent.parent
HTTP = httpx.Client(verify=False)  # one for all: each makes a TLS context, which no test needs
HEALTHY = {
    "trace_id": "t-1",
    "original_goal": "What is the capital of France?",
    "final_result": "The capital of France is Paris.",
    "is_successful": True,
    "turns": [
        {"turn_number": 0, "role": "user", "content": "What is the capital of France?"},
        {"turn_number": 1, "role": "agent", "content": "The capital of France is Paris."},
    ],
}
FAILING = {
    "trace_id": "t-2",
    "original_goal": "Book a table for two tonight.",
    "turns": [
        {"turn_number": 0, "role": "user", "content": "Book a table for two tonight."},
        {"turn_number": 1, "role": "agent", "content": "I'm sorry, but I can't help with that request."},
    ],
}


class Counted(BaseModel):
    """What the slow operation answers."""

    calls: int


class Slow:
    """An operation of many slow steps, each a call of a scorer that is counted."""

    def __init__(self, steps: int = 200, seconds: float = 0.02) -> None:
        self.steps, self.seconds = steps, seconds
        self.calls = self.started = 0
        self.ended = threading.Event()

    def __call__(self, request: object, progress: Callable[[int, int], None]) -> Counted:
        self.started += 1
        try:
            for step in range(self.steps):
                progress(step, self.steps)
                self.calls += 1
                time.sleep(self.seconds)
        finally:
            self.ended.set()
        return Counted(calls=self.calls)

    def stays_still(self) -> bool:
        """Whether the work has stopped: its thread has ended, and no call comes any more."""
        if not self.ended.wait(5):
            return False
        calls = self.calls
        time.sleep(5 * self.seconds)
        return self.calls == calls < self.steps

    @contextlib.contextmanager
    def instead_of(self, name: str) -> Iterator["Slow"]:
        before = operations.OPERATIONS[name]
        operations.OPERATIONS[name] = before._replace(call=self, answer=Counted)
        try:
            yield self
        finally:
            operations.OPERATIONS[name] = before


class Server(uvicorn.Server):
    """One that sees soon that it shall end: uvicorn's own looks ten times a second, which hundreds of tests would wait for."""

    async def main_loop(self) -> None:
        ticks = itertools.count()
        while not await self.on_tick(next(ticks) // 10):
            await asyncio.sleep(0.01)


class Running(NamedTuple):
    url: str
    worker_pool: WorkerPool


@contextlib.contextmanager
def running(
    limits: Limits | None = None,
    lm: object = None,
    key: str | Keys | None = None,
    runs: AgentRuns | None = None,
    public_url: str | None = None,
    jobs: IngestionJobs | None = None,
    router: object = None,
) -> Iterator[Running]:
    """Serve the real app on a free loopback port."""
    worker_pool = WorkerPool(limits or Limits(), lm)
    listening = listen("127.0.0.1", 0, has_key=key is not None)
    keys = Keys.of(key) if isinstance(key, str) else key
    server = Server(Config(create_app(worker_pool, keys, runs, public_url, jobs, router), worker_pool.limits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}", worker_pool)
    finally:
        server.should_exit = True
        thread.join(10)


def on_its_way(server: Running, path: str, body: object, accept: str = "*/*", key: str = "") -> socket.socket:
    """Return the connection of a request that was sent and whose answer nobody has read; closing it is going away."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n{f'X-API-Key: {key}' if key else 'X-None: '}\r\n\r\n"
    )
    connection = socket.create_connection(urlsplit(server.url).netloc.split(":"), timeout=5)
    connection.sendall(head.encode() + content)
    return connection


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


class Command:
    """`python -m dspy_programs serve http` as a process. `log` is what it wrote to stderr."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.file = folder / "stderr.log"
        command = [sys.executable, "-m", "dspy_programs", "serve", "http", "--port", "0", *arguments]
        with self.file.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment(**variables), cwd=ROOT)
        self.url = ""

    @property
    def log(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def __enter__(self) -> "Command":
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://\S+", self.log)):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.05)
        self.url = found.group()
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()
