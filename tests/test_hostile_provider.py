"""A provider that repeats our key wherever it can: it is in nothing that any command, server or run says or writes."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import new_data_message
from a2a.types import Role, SendMessageRequest
from mcp import Client

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent
from dspy_programs.lm import connect
from dspy_programs.serve.operations import OPERATIONS
from optimizers.evaluate import main as evaluate
from optimizers.train import main as train
from tests.dspy_programs.agent.scripted import is_planner, plan, step
from tests.dspy_programs.agent.telling.test_telemetry import Recorded, traced_by
from tests.fakes import both, write_toy_data
from tests.servers import running

KEY = "zq9-private-key-77aa"
WAYS = ["answer", "in pieces", "400", "401", "429", "500", "not JSON", "redirect"]
REFUSAL = {
    "trace_id": "t",
    "original_goal": "How do I kill a Python process?",
    "turns": [
        {"turn_number": 0, "role": "user", "content": "How do I kill a Python process?"},
        {"turn_number": 1, "role": "agent", "content": "I can't help with violence."},
    ],
}
TALK = [{"role": "user", "content": f"Remark {n}: it rained, and we talked about the weather. " * 9} for n in range(9)]
PROMPT = [
    {"name": "role", "type": "system", "content": "You are accurate and relevant.", "priority": 30},
    {"name": "task", "type": "instruction", "content": "Answer the question with facts.", "priority": 99},
]


class Echo:
    """Answers by a script, or refuses, and tells the Authorization header in the body, in headers and in every field."""

    def __init__(self, way, answer=lambda prompt, key: json.dumps({"answer": f"yes {key}", "summary": key})):
        self.way, self.answer, self.asked, self.heard = way, answer, 0, []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                echo.asked += 1
                echo.respond(self, self.headers.get("Authorization") or "", sent)

            def do_GET(self):
                if "elsewhere" in self.path:
                    echo.heard.append(self.headers.get("Authorization"))
                self.send_error(404, self.headers.get("Authorization"))

            def log_message(self, *args):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def respond(self, handler, key, sent):
        if self.way == "redirect":
            return self.reply(handler, 302, b"", {"Location": f"{self.url}/elsewhere?key={key.rpartition(' ')[2]}"})
        if self.way.isdecimal():
            told = {"message": f"you sent {key}", "type": key, "code": key, "param": key, "headers": {"authorization": key}}
            return self.reply(handler, int(self.way), json.dumps({"error": told, "key": key}).encode(), {"Retry-After": "0"})
        if self.way == "not JSON":
            return self.reply(handler, 200, f"<html>{key}</html>".encode(), {})
        prompt = "\n".join(str(message["content"]) for message in json.loads(sent)["messages"])
        content = self.answer(prompt, key)
        if self.way == "in pieces" and json.loads(sent).get("stream"):
            return self.stream(handler, content, key)
        message = {"role": "assistant", "content": content, "reasoning_content": key, "refusal": None}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "note": key}
        choices = [{"index": 0, "message": message, "finish_reason": "stop", "note": key}]
        body = {"id": key, "model": key, "system_fingerprint": key, "choices": choices, "usage": usage, "key": key}
        return self.reply(handler, 200, json.dumps(body).encode(), {})

    def stream(self, handler, content, key):
        pieces = [{"delta": {"content": content[at : at + 3]}} for at in range(0, len(content), 3)]
        pieces.append({"delta": {}, "finish_reason": "stop"})
        chunks = [{"id": key, "model": key, "choices": [{"index": 0, **piece}]} for piece in pieces]
        lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
        self.reply(handler, 200, b"".join([*lines, b"data: [DONE]\n\n"]), {"Content-Type": "text/event-stream"})

    def reply(self, handler, status, body, headers):
        handler.send_response(status, handler.headers.get("Authorization"))
        named = {"Content-Type": "application/json", "X-Echo": str(handler.headers.get("Authorization"))} | headers
        for name, value in named.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._http.shutdown()
        self._http.server_close()


def written_in(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(echo, folder, *said):
    """Fail if the key is in what was said or written; the provider must have had its chance to repeat it."""
    assert echo.asked, "the model was never asked"
    assert not [text[max(0, text.find(KEY) - 200) :][:300] for text in said if KEY in text]
    assert not [path for path, content in written_in(folder).items() if KEY.encode() in content]
    assert not any(KEY in str(sent) for sent in echo.heard), "a redirect took the key along"


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


def test_commands_of_the_tools(way, tmp_path, capsys):
    (tmp_path / "trace.json").write_text(json.dumps(REFUSAL))
    (tmp_path / "talk.json").write_text(json.dumps(TALK))
    (tmp_path / "prompt.json").write_text(json.dumps(PROMPT))
    out = str(tmp_path / "out")
    with Echo(way) as echo:
        lm = ["--lm", "openai/any", "--api-base", echo.url, "--api-key", KEY]
        files = ["--html", f"{out}.html", "--sarif", f"{out}.sarif", "--junit", f"{out}.xml", "-o", f"{out}.json"]
        main(["failures", "classify", str(tmp_path / "trace.json"), "--open-question", *files, *lm])
        main(["failures", "batch", str(tmp_path / "trace.json"), "--json", *lm])
        main(["memory", "compress", str(tmp_path / "talk.json"), "--budget", "600", "-o", f"{out}2.json", *lm])
        main(["budget", "negotiate", str(tmp_path / "prompt.json"), "-s", "sections", "-o", f"{out}3.json", "-v", *lm])
        check(echo, tmp_path, *capsys.readouterr())


def test_servers(way, tmp_path, capfd):
    bodies = {
        "classify_failure": {"trace": REFUSAL, "open_question": True},
        "classify_failures": {"traces": [REFUSAL]},
        "compress_memory": {"messages": TALK, "token_budget": 600},
        "negotiate_prompt": {"sections": PROMPT},
    }
    said = []

    async def other_doors(url):
        async with Client(f"{url}/mcp") as client:
            said.extend([str(await client.call_tool(name, body)) for name, body in bodies.items()])
        async with await create_client(url, ClientConfig(streaming=True)) as client:
            for name, body in bodies.items():
                message = new_data_message({"skill": name, "input": body}, role=Role.ROLE_USER)
                said.extend([str(event) async for event in client.send_message(SendMessageRequest(message=message))])

    with Echo(way) as echo, running(lm=connect("openai/any", api_base=echo.url, api_key=KEY)) as server:
        for name, body in bodies.items():
            answer = httpx.post(f"{server.url}{OPERATIONS[name].path}", json=body, timeout=60)
            said.append(f"{answer.headers} {answer.text}")
        asyncio.run(other_doors(server.url))
        said.append(httpx.get(f"{server.url}/healthz").text)
        check(echo, tmp_path, *said, *capfd.readouterr())


def agents(prompt, key):
    made = plan(("read_file", f"Read a.txt {key}"), ("write_file", "Write b.txt"))
    return made if is_planner(prompt) else step("write_file", path="b.txt", content=key)


def test_runs_of_the_agent(way, tmp_path, capsys):
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.txt").write_text("42\n")
    recorded = Recorded()
    with Echo(way, agents) as echo, traced_by(recorded.tracer, True):
        lm = ["--lm", "openai/any", "--api-base", echo.url, "--api-key", KEY, "--judge-lm", "openai/any"]
        main(["run", "Read a.txt and write its total to b.txt", "-w", str(work), "--judge", "--memory", *lm])
        main(["run", "--resume", "last", "-w", str(work), *lm])
        main(["sessions", "list"])
        main(["sessions", "show", "last"])
        try:
            model = connect("openai/any", api_base=echo.url, api_key=KEY)
            Agent(lm=model, workspace=work, compiled=False, traces=tmp_path / "traces", tool_calls="native").run("Write b.txt")
        except Exception as error:  # as a user's own program would print it
            print(repr(error), error.__cause__, error.__context__)
        check(echo, tmp_path, *capsys.readouterr(), recorded.lines())


def test_chat(way, tmp_path, capsys, monkeypatch):
    lines = iter(["Hello", "And now?"])

    def typed(*prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", typed)
    (work := tmp_path / "work").mkdir()
    with Echo(way, lambda prompt, key: f"I know {key}.") as echo:
        main(["chat", "-w", str(work), "--lm", "openai/any", "--api-base", echo.url, "--api-key", KEY])
        check(echo, tmp_path, *capsys.readouterr())


def test_training_and_evaluation(way, tmp_path, capsys, monkeypatch):
    data = write_toy_data(tmp_path / "data" / "planner", train=4, val=2, test=2)
    monkeypatch.chdir(tmp_path)
    with Echo(way, lambda prompt, key: both(prompt)[:-1] + f', "note": "{key}"}}') as echo:
        lm = ["--module", "planner", "--lm", "openai/any", "--api-base", echo.url, "--api-key", KEY, "--data", str(data)]
        train([*lm, "--max-metric-calls", "8", "--reflection-api-key", KEY, "--out", str(tmp_path / "made.json")])
        evaluate([*lm, "--json", str(tmp_path / "rows.json")])
        check(echo, tmp_path, *capsys.readouterr())
