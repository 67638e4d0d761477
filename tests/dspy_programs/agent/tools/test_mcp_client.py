"""Against a real server process, by standard input and output and by HTTP."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dspy_programs.agent.permissions.policy import Policy
from dspy_programs.agent.tools.mcp_client import McpServer
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.scopes import said, scope_in

pytest.importorskip("mcp")
SERVER = str(Path(__file__).parent / "mcp_server.py")
START = 60  # seconds, on a slow machine


@pytest.fixture(scope="module")
def server():
    os.environ["SOME_API_KEY"] = "sk-abcdefgh12345678"
    try:
        with McpServer("my notes", [sys.executable, SERVER], seconds=START) as server:
            yield server
    finally:
        del os.environ["SOME_API_KEY"]


def tools_of(server: McpServer) -> dict:
    return {tool.name: tool for tool in server.tools()}


def test_tools_come_with_the_servers_name_and_schema_and_are_asked_about(server, tmp_path):
    tools = tools_of(server)
    assert sorted(tools) == ["my_notes__add", "my_notes__die", "my_notes__fail", "my_notes__hang", "my_notes__odd_name_"]
    add = tools["my_notes__add"]
    assert add.description == "Add two numbers." and add.parameters["required"] == ["a", "b"]
    assert said(add, scope_in(tmp_path / "w", seconds=START), a=1, b=2) == "3"
    assert Policy().decide(add, {"a": 1, "b": 2}, Workspace(tmp_path / "w")).verdict == "ask"


def test_a_failing_call_a_wrong_argument_and_a_hanging_server_are_tool_errors(server, tmp_path):
    tools, scope = tools_of(server), scope_in(tmp_path / "w", seconds=START)
    assert said(tools["my_notes__fail"], scope, why="because").startswith("ToolError: my_notes: ")
    assert "valid integer" in said(tools["my_notes__add"], scope, a="x", b=1)
    scope.seconds = 0.5
    started = time.monotonic()
    assert said(tools["my_notes__hang"], scope) == "ToolError: my_notes: no answer in time"
    assert time.monotonic() - started < 5


def test_a_started_server_gets_no_key(server, tmp_path):
    assert "SOME_API_KEY" not in said(tools_of(server)["my_notes__odd_name_"], scope_in(tmp_path / "w", seconds=START))


def test_a_server_that_died_is_a_tool_error_each_time(server, tmp_path):
    """The last of this server's tests."""
    tools, scope = tools_of(server), scope_in(tmp_path / "w", seconds=START)
    for name, arguments in (("my_notes__die", {}), ("my_notes__add", {"a": 1, "b": 2}), ("my_notes__add", {"a": 1, "b": 2})):
        assert said(tools[name], scope, **arguments).startswith("ToolError: my_notes: ")


def test_a_server_at_an_address_answers_and_its_death_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        scope = scope_in(tmp_path / "w", seconds=START)
        with McpServer("web", f"http://127.0.0.1:{port}/mcp", seconds=START) as server:
            add = tools_of(server)["web__add"]
            assert said(add, scope, a=1, b=2) == "3"
            process.kill()
            process.wait()
            assert said(add, scope, a=1, b=2).startswith("ToolError: web: ")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (["/nonexistent"], "No such file"),
        ([sys.executable, "-c", "raise SystemExit(1)"], "closed"),
        ([sys.executable, "-c", "print('junk'); import time; time.sleep(60)"], "no answer in time"),
        ("http://127.0.0.1:1/mcp", "check the command or the address"),
    ],
)
def test_a_server_that_cannot_be_reached_is_one_line(target, fault):
    with pytest.raises(UsageError, match=fault) as caught:
        McpServer("bad", target, seconds=2)
    assert "\n" not in str(caught.value)
