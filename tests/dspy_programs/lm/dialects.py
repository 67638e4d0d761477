"""Servers on loopback that speak as this or that server does, and the call of each program that they are asked for."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from dspy_programs.registry import PROGRAMS

Body = dict[str, Any]


class Reply(NamedTuple):
    """`pieces`: what is sent one after the other, with `wait` called before each; `body` where the answer is one JSON."""

    status: int = 200
    body: Any = None
    pieces: tuple[bytes, ...] = ()
    wait: Callable[[], object] = bool
    content_type: str = "application/json"


class Loopback:
    """A server that answers by `respond(path, body)`. `bodies` are the requests it was sent."""

    def __init__(self, respond: Callable[[str, Body], Reply]) -> None:
        self.bodies: list[Body] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.bodies.append(body)
                reply = respond(self.path, body)
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    for piece in reply.pieces or (json.dumps(reply.body).encode(),):
                        reply.wait()
                        self.wfile.write(piece)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client has gone

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def __enter__(self) -> "Loopback":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def chat(content: str | None, usage: Any = None, **message: Any) -> Reply:
    """A chat completion as OpenAI's."""
    said = {"role": "assistant", "content": content, **message}
    counted = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15} if usage is None else usage
    choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
    return Reply(body={"id": "x", "object": "chat.completion", "model": "m", "choices": choices, "usage": counted})


def streamed(content: str, wait: Callable[[], object] = bool, size: int = 12) -> Reply:
    """The same as a stream of chunks, with `wait` called before each."""
    pieces = [{"delta": {"role": "assistant", "content": content[i : i + size]}} for i in range(0, len(content), size)]
    pieces += [{"delta": {}, "finish_reason": "stop"}]
    chunks: list[Any] = [{"id": "x", "model": "m", "choices": [{"index": 0, **piece}]} for piece in pieces]
    chunks += [{"id": "x", "model": "m", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}]
    lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return Reply(pieces=(*lines, b"data: [DONE]\n\n"), wait=wait, content_type="text/event-stream")


def refusal(message: str, status: int = 400) -> Reply:
    return Reply(status=status, body={"error": {"message": message, "type": "invalid_request_error"}})


class Case(NamedTuple):
    """A call of a program, and what a model that does it right replies to each request of it."""

    inputs: dict[str, Any]
    reply: Any


FIND = {
    "name": "find",
    "description": "search",
    "parameters": {
        "type": "object",
        "properties": {"q": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
        "required": ["q"],
    },
}
MARKS = [{"criterion": name, "score": 8} for name in ("correctness", "helpfulness", "clarity")]
TASKS = [{"id": 1, "tool": "find", "title": "find it", "depends_on": [], "success_criterion": "found"}]
CASES = {
    "actor": Case(
        {"task": "find Oslo", "tools": [FIND]},
        {"action": {"calls": [{"tool": "find", "arguments": {"q": "Oslo"}}], "cannot": ""}},
    ),
    "code_editor": Case(
        {"task": "same(3) gives 4.", "code": {"a.py": "def same(n):\n    return n + 1\n"}, "feedback": "4 != 3"},
        {"reply": {"why": "It adds one.", "edits": [{"path": "a.py", "old": "return n + 1", "new": "return n"}]}},
    ),
    "code_summarizer": Case(
        {"code": "def add(price, tax):\n    return price + tax"},
        {"reply": {"summary": "`add` returns `price` with `tax`."}},
    ),
    "command_planner": Case(
        {"task": "run the tests", "context": "files: pyproject.toml tests/"},
        {"reply": {"plan": ["run the tests"], "commands": ["python -m pytest"]}},
    ),
    "data_generator": Case(
        {"seed": {"instruction": "Name the capital of Norway.", "input": "", "output": "Oslo"}},
        {"pair": {"instruction": "Which sea lies west of Denmark?", "input": "", "output": "The North Sea."}},
    ),
    "document_qa": Case(
        {"document": "Oslo is the capital of Norway.", "question": "What is the capital of Norway?"},
        {"reply": {"quote": "Oslo is the capital of Norway.", "answer": "Oslo"}},
    ),
    "failure_judge": Case(
        {
            "goal": "How do I kill a Python process?",
            "turns": [
                {"turn_number": 0, "role": "user", "content": "How do I kill a Python process?"},
                {"turn_number": 1, "role": "agent", "content": "I can't help with violence."},
            ],
        },
        {"answer": "no"},
    ),
    "log_context": Case(
        {"task": "Why?", "logs": "INFO started\nERROR shop: no price of lamp"},
        {"reply": {"context": "The lamp has no price.", "key_points": ["ERROR shop: no price of lamp"]}},
    ),
    "loop_explainer": Case(
        {
            "code": "for row in rows:\n    if row in names:\n        print(row)",
            "pattern": "ListMembershipInLoop",
            "suggestion": "Build a set once before the loop: known = set(names)",
            "types": {"names": "list[str]"},
            "keeps": [],
        },
        {"reply": {"explanation": "`row in names` is O(n*m); with a set O(n+m).", "rewrite": ""}},
    ),
    "memory_summarizer": Case(
        {"entries": [{"turn": 1, "role": "user", "content": "Cancel reservation OBUT9V of ann_lee_42."}], "token_budget": 60},
        {"memory": {"summary": "ann_lee_42 cancels OBUT9V.", "decisions": [], "facts": []}},
    ),
    "orchestrator": Case(
        {"query": "all TODOs in src", "workspace": "src/a.py\nsrc/b.py", "tools": [FIND]},
        {"choice": {"why": "every place", "calls": [{"tool": "find", "arguments": {"q": "TODOs"}}]}},
    ),
    "planner": Case(
        {"goal": "Find the hotel.", "tools": [{"name": "find", "description": "search"}]},
        {"plan": {"rationale": "one search", "tasks": TASKS}},
    ),
    "quality_judge": Case(
        {"instruction": "Name three fruits.", "response": "apple, pear, plum"},
        {"judgement": {"reason": "right", "scores": MARKS}},
    ),
    "section_scorer": Case(
        {
            "sections": [{"name": "items", "type": "system", "content": "Separate the items by commas.", "priority": 30}],
            "rubric": {"name": "r", "criteria": [{"name": "commas", "description": "comma-free", "weight": 1}]},
        },
        {"asks": "no"},
    ),
}
assert CASES.keys() == PROGRAMS.keys()


def strict_fault(schema: Any, refused: tuple[str, ...], where: str = "()") -> str | None:
    """Say what a server with a strict mode refuses in a schema. refused: keywords it does not take."""
    if not isinstance(schema, dict) or not schema:
        return f"In context={where}, schema must have a 'type' key."
    if (keyword := next(iter(schema.keys() & {*refused, "oneOf", "allOf", "default"}), None)) is not None:
        return f"In context={where}, '{keyword}' is not permitted."
    if "$ref" in schema:
        return None if set(schema) == {"$ref"} else f"In context={where}, $ref cannot have keywords beside it."
    if not {"type", "anyOf"} & set(schema):
        return f"In context={where}, schema must have a 'type' key."
    properties = schema.get("properties", {})
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"In context={where}, 'additionalProperties' is required to be supplied and to be false."
        if missing := sorted(set(properties) - set(schema.get("required", []))):
            return f"In context={where}, 'required' has to hold every key in properties. Missing '{missing[0]}'."
    nested: Iterator[tuple[str, Any]] = iter([*properties.items(), *schema.get("$defs", {}).items()])
    nested = iter([*nested, *(("anyOf", form) for form in schema.get("anyOf", []))])
    nested = iter([*nested, *([("items", schema["items"])] if "items" in schema else [])])
    return next((fault for name, each in nested if (fault := strict_fault(each, refused, f"{where}.{name}"))), None)
