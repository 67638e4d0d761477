"""Language models that follow a script, and the rows they know: whole runs in about a second, with no network.

The scripted planner reads its own instruction: at "LEVEL-n" it names the first n + 1 tools that the goal asks for. The
scripted reflector raises the level by one. So better instructions give better scores, and a run has something to find.
"""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dspy
from dspy import lm15

Answer = Callable[[str], Any]  # the whole prompt as text -> the reply; of ChatServer also {tool: arguments}


class ScriptedEngine:
    """Answers every request by a function of its prompt; counts the requests."""

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.prompts: list[str] = []
        self.requests: list[Any] = []

    def __deepcopy__(self, memo):
        return self

    def complete(self, request):
        prompt = text_of(request)
        self.prompts.append(prompt)
        self.requests.append(request)
        reply = self.answer(prompt)
        usage = lm15.Usage(input_tokens=len(prompt) // 4, output_tokens=len(reply) // 4)
        return lm15.Response(
            id=None, model="scripted", message=lm15.Message.assistant(reply), finish_reason="stop", usage=usage
        )

    def stream(self, request):
        return lm15.response_to_events(self.complete(request))

    def close(self):
        pass


def scripted_lm(answer: Answer, name: str = "scripted/planner", retries: int = 0) -> dspy.LM:
    return dspy.LM(name, engine=ScriptedEngine(answer), cache=False, num_retries=retries)


def text_of(request) -> str:
    return "\n".join([str(request.system or ""), *(message.text or "" for message in request.messages)])


def level_of(prompt: str) -> int:
    return int((re.findall(r"LEVEL-(\d+)", prompt) or ["0"])[-1])


def plan_reply(tools: list[str]) -> str:
    tasks = [
        {"id": i, "tool": t, "title": f"use {t}", "depends_on": [i - 1] if i > 1 else [], "success_criterion": "done"}
        for i, t in enumerate(tools, 1)
    ]
    return json.dumps({"plan": {"rationale": "as scripted", "tasks": tasks}})


def levelled_planner(prompt: str) -> str:
    """Name the first tools of the goal: one, and one more for each level in the instruction."""
    wanted = re.findall(r"with (.+?)\.", prompt.rsplit("[[ ## goal ## ]]", 1)[1])[0].split(" then ")
    return plan_reply(wanted[: 1 + level_of(prompt)])


def rising_reflector(prompt: str) -> str:
    """Propose the next level."""
    return json.dumps({"new_instruction": f"Plan the tasks. LEVEL-{level_of(prompt) + 1}"})


def both(prompt: str) -> str:
    """Answer as the reflector when asked for an instruction or a rule (always the same one), else as the planner."""
    if "new_instruction" in prompt:
        return rising_reflector(prompt)
    if "[[ ## often ## ]]" in prompt:
        return json.dumps({"proposal": {"rule": "Prefer search before payment actions"}})
    return levelled_planner(prompt)


def toy_row(number: int) -> dict[str, Any]:
    """A row whose goal names its tools: four of them, in an order that depends on the number."""
    names = [f"tool_{letter}" for letter in "abcdefgh"]
    wanted = [names[(number + 3 * k) % 8] for k in range(4)]
    return {
        "id": f"toy-{number}",
        "goal": f"Do job {number} with {' then '.join(wanted)}.",
        "tools": [{"name": name, "description": f"does {name[-1]}"} for name in names],
        "progress": "",
        "tasks": [
            {"id": i, "tool": t, "title": f"use {t}", "depends_on": [i - 1] if i > 1 else [], "success_criterion": ""}
            for i, t in enumerate(wanted, 1)
        ],
    }


def write_toy_data(directory: Path, train: int = 12, val: int = 6, test: int = 8) -> Path:
    numbers = iter(range(1000))
    directory.mkdir(parents=True, exist_ok=True)
    for split, size in {"train": train, "val": val, "test": test}.items():
        rows = [toy_row(next(numbers)) for _ in range(size)]
        (directory / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return directory


class ContextTooLong(Exception):
    """Raised by an answer where the server refuses the prompt for its length."""


class ChatServer:
    """An OpenAI-compatible server on loopback that answers by a script. `requests` are the bodies it was sent."""

    def __init__(self, answer: Answer = both, status: int = 200, seconds: float = 0.0, key: str | None = None) -> None:
        self.answer, self.status, self.seconds, self.key = answer, status, seconds, key
        self.requests: list[str] = []
        self.pages: dict[str, Any] = {}  # path -> what a GET of it answers, as JSON; 404 where there is none
        self.fail_next, self.retry_after = 0, "0"
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                server.serve(self)

            def do_GET(self):
                server.serve_page(self)

            def log_message(self, *args):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        self.requests.append(body)
        threading.Event().wait(self.seconds)
        status = self.status
        if self.fail_next > 0:
            self.fail_next -= 1
            status = 429
        if self.key and handler.headers.get("Authorization") != f"Bearer {self.key}":
            status = 401
        prompt = "\n".join(str(message["content"]) for message in json.loads(body)["messages"])
        sent = handler.headers.get("Authorization")  # some gateways tell it everybody
        reply = {"error": {"message": f"scripted failure, asked with {sent}", "type": "scripted"}}
        try:
            content = self.answer(prompt) if status == 200 else ""
        except ContextTooLong:
            status = 400
            reply = {"error": {"message": "maximum context length exceeded", "code": "context_length_exceeded"}}
        if status == 200:
            reply = {
                "id": "x",
                "object": "chat.completion",
                "model": "scripted",
                "choices": [{"index": 0, "message": message_of(content), "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
            }
        data = json.dumps(reply).encode()
        try:
            handler.send_response(status)
            if status == 429 or status >= 500:
                handler.send_header("Retry-After", self.retry_after)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client was killed

    def serve_page(self, handler: BaseHTTPRequestHandler) -> None:
        known = handler.path in self.pages and handler.headers.get("Authorization") in (None, f"Bearer {self.key}")
        data = json.dumps(self.pages.get(handler.path)).encode()
        handler.send_response(200 if known else 401 if handler.path in self.pages else 404)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def __enter__(self) -> "ChatServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def message_of(said: Any) -> dict[str, Any]:
    """The message of a chat completion: a text, or calls of tools as {name: arguments}, arguments as JSON or as a text."""
    if isinstance(said, str):
        return {"role": "assistant", "content": said}
    calls = [
        {
            "id": f"call_{name}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for name, given in said.items()
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def any_prompt(prompt: str) -> str:
    """Answer whatever an optimizer of DSPy's may ask; MIPROv2 gets an instruction of level 2."""
    wanted = "".join(re.findall(r'"required": \["(\w+)"\]', prompt)[-1:])
    if "new_instruction" in prompt or wanted in ("", "plan"):
        return both(prompt)
    return json.dumps({wanted: "Plan the tasks. LEVEL-2" if wanted == "proposed_instruction" else "as scripted"})
