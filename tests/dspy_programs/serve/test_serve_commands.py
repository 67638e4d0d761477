"""`python -m dspy_programs serve http` as a user meets it: one line when it cannot start, a clean end, quiet logs."""

import contextlib
import importlib.util
import json
import signal
import socket
import time

import httpx
import pytest

from dspy_programs.__main__ import main
from tests.servers import HEALTHY, HTTP, Command

KEY = "canary-key-4711-0123456789"


@pytest.mark.parametrize("command", ["http", "mcp"])
def test_missing_extra(command, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "a2a" else find(name, *rest))
    assert main(["serve", command]) == 2
    assert capsys.readouterr().err == 'error: a2a: not installed; pip install "dspy-programs[serve]"\n'


def test_port_in_use(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "http", "--port", str(taken.getsockname()[1])]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --port") and error.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_host_without_a_key(host, capsys, monkeypatch):
    assert main(["serve", "http", "--host", host, "--port", "0"]) == 2
    error = capsys.readouterr().err
    assert "--key-file" in error and error.count("\n") == 1


def test_public_url_that_is_none(capsys):
    assert main(["serve", "http", "--port", "0", "--public-url", "tools.example.com"]) == 2
    assert "--public-url 'tools.example.com': give the address" in capsys.readouterr().err


def test_unknown_model(capsys):
    assert main(["serve", "http", "--port", "0", "--lm", "no-such-model"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_neither_key_nor_request_is_logged_and_sigterm_ends(tmp_path):
    """A canary in every place a client can put one; then the end, with a request on its way."""
    canary = "canary-body-4711"
    bodies = [
        json.dumps({"trace": HEALTHY | {"original_goal": canary}}),
        json.dumps({"trace": canary}),
        json.dumps({"trace": {canary: canary}}),
        '{"trace": "' + canary,
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": canary, "params": canary}),
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {"parts": canary}}}),
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": canary}}),
    ]
    with Command(tmp_path, "--host", "0.0.0.0", DSPY_PROGRAMS_SERVER_KEY=KEY) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        for path in ("/v1/failures/classify", "/mcp", "/a2a", f"/{canary}?{canary}={canary}"):
            for body, key in [*((body, KEY) for body in bodies), (bodies[0], f"{canary}-wrong-key")]:
                headers = {"X-API-Key": key, "Content-Type": "application/json", "Cookie": canary}
                headers |= {"Accept": "application/json, text/event-stream", "A2A-Version": "1.0"}
                with contextlib.suppress(httpx.HTTPError):
                    HTTP.post(url + path, content=body, headers=headers, timeout=5)
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as half:
            half.sendall(b"POST /v1/failures/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            time.sleep(0.1)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            code = server.process.wait(15)
        assert time.monotonic() - began < 6
        assert code == -signal.SIGTERM
        assert server.process.stdout.read() == b""
        assert "listening on" in server.log
        assert "canary" not in server.log, server.log
        assert "Traceback" not in server.log, server.log
