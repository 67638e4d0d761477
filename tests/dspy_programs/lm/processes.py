"""Processes of one user that ask an embedded model and share it, and what can be done to them."""

import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from dspy import lm15

from dspy_programs.lm import connect
from dspy_programs.lm.embedded.llama_server import LlamaServer
from tests.processes import forks

ROOT = Path(__file__).parents[3]


class Process:
    """A process of the user's that asks a model."""

    def __init__(self, runtime: Path, spec: str, before: str = "", **variables: str) -> None:
        """before: what it runs first."""
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), **variables}
        environment.pop("DSPY_PROGRAMS_SHARE", None)
        self.stderr = Path(tempfile.mkdtemp(dir=runtime)) / "stderr"
        self.link, other = forks().Pipe()
        self.process = forks().Process(target=_answers, args=(other, spec, before, environment, self.stderr), daemon=True)
        self.process.start()
        other.close()

    def send(self, text: str, max_tokens: int = 12, **asked: object) -> None:
        self.link.send({"text": text, "max_tokens": max_tokens, **asked})

    def ask(self, text: str, **asked: object) -> dict:
        self.send(text, **asked)
        return self.read()

    def read(self) -> dict:
        try:
            return self.link.recv()
        except (EOFError, ConnectionError):
            raise AssertionError(self.said()) from None

    def said(self) -> str:
        """What it wrote to stderr."""
        return self.stderr.read_text() if self.stderr.exists() else ""

    def stop(self) -> None:
        """Ctrl-Z."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


def _answers(link: Connection, spec: str, before: str, environment: dict[str, str], stderr: Path) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT), 2)
    exec(before)
    engine = connect(spec).engine
    with contextlib.suppress(EOFError):
        while asked := link.recv():
            config = lm15.Config(max_tokens=asked["max_tokens"])
            message = lm15.Message.user(asked["text"])
            response = engine.complete(lm15.Request(model="x", messages=message, system=asked.get("system"), config=config))
            usage = response.usage
            said = {"text": response.message.text, "cached": usage.cache_read_tokens, "read": usage.input_tokens}
            kind = type(engine.server()).__name__
            link.send(said | {"kind": kind, "address": engine.address, "key": engine.api_key})


def busy(holder: dict) -> bool:
    """Whether the model is at work on a request. holder: an answer of the process that has it loaded."""
    server = LlamaServer(holder["address"], holder["key"])
    with contextlib.closing(server.connection()) as connection:
        connection.request("GET", "/slots", headers={"Authorization": f"Bearer {server.key}"})
        return any(slot["is_processing"] for slot in json.load(connection.getresponse()))


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happened()
