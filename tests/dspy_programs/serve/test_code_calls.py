"""A folder of code over MCP: the real command, spoken to by the SDK's own client; and what it never shows."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from dspy_programs.errors import UsageError
from dspy_programs.serve.code_calls import code_operations
from dspy_programs.serve.operations import OPERATIONS
from dspy_programs.serve.problems import Invalid
from dspy_programs.serve.typed_requests import request_from_texts
from tests.servers import ROOT, environment

CANARY = "canary-4711"
NAMES = {"index_code", "search_code", "map_code", "grep_code", "extract_code", "list_code", "read_logs"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_CODE", str(tmp_path / "indexes"))
    top = tmp_path / "repo"
    (top / "logs").mkdir(parents=True)
    (top / "retry.py").write_text("class Retry:\n    def count_attempts(self):\n        return 1\n")
    (top / "logs" / "app.log").write_text("INFO ok\nERROR no disk\n")
    for name in (".env", "logs/credentials.txt", ".git/config.txt", "../outside.py", "../outside.log"):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(f"ERROR {CANARY}\ndef {CANARY.replace('-', '_')}(): pass\n")
    (top / "key.txt").write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\nERROR {CANARY}\n")
    os.symlink(tmp_path, top / "up")
    os.symlink(tmp_path / "outside.py", top / "link.py")
    os.symlink(tmp_path / "outside.log", top / "logs" / "link.log")
    return top


def ask(calls, name, **arguments):
    operation = calls[name]
    return operation.call(request_from_texts(operation, arguments), lambda done, total: None)


CALLS = [
    ("index_code", {}, "files", 2),
    ("search_code", {"question": "count attempts"}, "hits.0.symbol", "Retry.count_attempts"),
    ("map_code", {"max_tokens": 500}, "known", 2),
    ("grep_code", {"pattern": "return", "files": ["*.py"]}, "lines.0.number", 3),
    ("extract_code", {"symbol": "count_attempts"}, "line", 2),
    ("extract_code", {"path": "retry.py", "first_line": 3}, "text", "        return 1\n"),
    ("list_code", {}, "has_more", False),
    ("read_logs", {"logs": ["logs"]}, "shown.0.at", "logs/app.log:2"),
]


def at(answer, place):
    for part in place.split("."):
        answer = answer[int(part) if part.isdigit() else part]
    return answer


def test_a_real_server_answers_with_every_tool(folder, tmp_path):
    async def session():
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-m", "dspy_programs", "serve", "mcp", "--code", str(folder)],
            env=environment(),
            cwd=ROOT,
        )
        async with Client(stdio_client(parameters, errlog=(tmp_path / "stderr.log").open("w"))) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            answers = [await client.call_tool(name, arguments) for name, arguments, _, _ in CALLS]
            outside = await client.call_tool("list_code", {"path": "../"})
            wrong = await client.call_tool("search_code", {"question": "x" * 3_000, "surplus": 1})
            return tools, answers, outside, wrong, client.instructions

    tools, answers, outside, wrong, instructions = asyncio.run(session())
    assert tools.keys() == OPERATIONS.keys() | NAMES and all(name in instructions for name in NAMES - {"index_code"})
    for name in NAMES:
        hints = tools[name].annotations
        assert (
            hints.read_only_hint
            and not hints.destructive_hint
            and not hints.open_world_hint
            and len(tools[name].description) > 60
        )
    for (name, _, place, expected), answer in zip(CALLS, answers, strict=True):
        assert not answer.is_error, (name, answer)
        assert at(answer.structured_content, place) == expected, name
        assert CANARY not in json.dumps(answer.structured_content)
    assert outside.is_error and "relative to the folder" in outside.content[0].text
    assert wrong.is_error and "\n" not in wrong.content[0].text and "xxx" not in wrong.content[0].text


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../outside.py",
        "up",
        "up/outside.py",
        "/etc",
        "/",
        ".git",
        ".git/config.txt",
        "logs/../..",
        "a\0b",
        "~",
        "nowhere",
    ],
)
def test_nothing_outside_is_listed_or_read(folder, path):
    calls = code_operations(folder)
    for name, arguments in (
        ("list_code", {"path": path}),
        ("read_logs", {"logs": [path]}),
        ("extract_code", {"path": path, "first_line": 1}),
        ("extract_code", {"path": path, "symbol": "canary_4711"}),
        ("map_code", {"focus": [path]}),
    ):
        with pytest.raises(UsageError):
            ask(calls, name, **arguments)


@pytest.mark.parametrize("path", [".env", "logs/credentials.txt", "link.py", "key.txt", "logs/link.log"])
def test_secrets_and_links_are_not_read_by_their_names(folder, path):
    calls = code_operations(folder)
    with pytest.raises(UsageError):
        ask(calls, "extract_code", path=path, first_line=1)
    if path != "key.txt":  # a key in a log's place is no log
        with pytest.raises(UsageError):
            ask(calls, "read_logs", logs=[path])


def test_no_answer_has_a_secret_in_it(folder):
    calls = code_operations(folder)
    answers = [ask(calls, name, **arguments) for name, arguments, _, _ in CALLS]
    answers += [
        ask(calls, "grep_code", pattern="ERROR|canary", files=["*", ".env", "../*", "up/*"], context=20),
        ask(calls, "search_code", question=f"{CANARY} error"),
        ask(calls, "read_logs", logs=["logs"]),
    ]
    assert CANARY not in "".join(answer.model_dump_json() for answer in answers)


def test_logs_are_told_without_passwords(folder):
    (folder / "logs" / "app.log").write_text("ERROR login failed: password=hunter2hunter2\n")
    (told,) = ask(code_operations(folder), "read_logs", logs=["logs"]).shown
    assert told.lines == ["ERROR login failed: password=[PASSWORD]"]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"symbol": "x", "first_line": 1},
        {"first_line": 0},
        {"symbol": "a" * 501},
        {"symbol": "x", "nth": 0},
        {"symbol": ["x"]},
    ],
)
def test_a_piece_is_named_in_one_way(folder, arguments):
    with pytest.raises(Invalid):
        ask(code_operations(folder), "extract_code", **arguments)


@pytest.mark.parametrize(("first", "last"), [(4, 9), (2, 1), (10**9, 10**9)])
def test_lines_that_are_not_there_are_refused(folder, first, last):
    with pytest.raises(UsageError, match="it has 3, counted from 1"):
        ask(code_operations(folder), "extract_code", path="retry.py", first_line=first, last_line=last)


def test_answers_follow_the_folder_and_are_bounded(folder):
    calls = code_operations(folder)
    (folder / "many.txt").write_text("zebra\n" * 5_000)
    found = ask(calls, "grep_code", pattern="zebra", count=3)
    assert len(found.lines) == 3 and found.has_more
    (folder / "long.py").write_text("def long():\n" + "    x = 1\n" * 20_000)
    piece = ask(calls, "extract_code", symbol="long")
    assert len(piece.text) == 100_000 and piece.has_more


@pytest.mark.parametrize(
    "arguments",
    [
        {"symbol": "Rety"},
        {"symbol": "Rety", "path": "retry.py"},
        {"symbol": "Retry", "nth": 2},
        {"symbol": "x", "path": "no.py"},
    ],
)
def test_an_error_does_not_say_where_the_folder_is(folder, arguments):
    with pytest.raises(UsageError) as raised:
        ask(code_operations(folder), "extract_code", **arguments)
    assert str(folder) not in str(raised.value) and "--" not in str(raised.value)


def test_an_expression_without_end_ends(folder):
    (folder / "a.txt").write_text("a" * 5_000 + "!\n")
    assert ask(code_operations(folder), "grep_code", pattern="(a|aa)+$").not_searched["the expression takes too long"] == 1


def test_too_many_logs_at_once_are_refused(folder):
    with (folder / "logs" / "huge.log").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(UsageError, match="300 MB of logs are too many at once"):
        ask(code_operations(folder), "read_logs", logs=["logs"])


def test_the_command_refuses_what_is_no_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "dspy_programs", "serve", "mcp", "--code", tmp_path / "nowhere"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1 and "name a folder" in done.stderr
