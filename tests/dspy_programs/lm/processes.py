"""Processes of one user that ask an embedded model and share it, and what can be done to them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dspy_programs.lm.embedded.llama_server import LlamaServer

ROOT = Path(__file__).parents[3]
CHILD = """
import json, sys
from dspy import lm15
from dspy_programs.lm import connect

engine = connect(sys.argv[1]).engine
for line in sys.stdin:
    asked = json.loads(line)
    config = lm15.Config(max_tokens=asked["max_tokens"])
    message = lm15.Message.user(asked["text"])
    response = engine.complete(lm15.Request(model="x", messages=message, system=asked.get("system"), config=config))
    usage = response.usage
    said = {"text": response.message.text, "cached": usage.cache_read_tokens, "read": usage.input_tokens}
    kind = type(engine.server()).__name__
    print(json.dumps(said | {"kind": kind, "address": engine.address, "key": engine.api_key}), flush=True)
"""


class Process:
    """A process of the user's that asks a model."""

    def __init__(self, runtime: Path, spec: str, before: str = "", **variables: str) -> None:
        """before: what it runs first."""
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(ROOT), **variables}
        environment.pop("DSPY_PROGRAMS_SHARE", None)
        self.stderr: IO[str] = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-c", before + CHILD, spec]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.stderr}
        self.process = subprocess.Popen(command, text=True, env=environment, cwd=ROOT, **pipes)

    def send(self, text: str, max_tokens: int = 12, **asked: object) -> None:
        self.process.stdin.write(json.dumps({"text": text, "max_tokens": max_tokens, **asked}) + "\n")
        self.process.stdin.flush()

    def ask(self, text: str, **asked: object) -> dict:
        self.send(text, **asked)
        return self.read()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        assert line, self.said()
        return json.loads(line)

    def said(self) -> str:
        """What it wrote to stderr."""
        self.stderr.seek(0)
        return self.stderr.read()

    def stop(self) -> None:
        """Ctrl-Z."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


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
