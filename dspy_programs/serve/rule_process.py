"""One worker process: it answers by the rules, with JSON in and JSON out, until it is killed or its parent ends.

Input      on stdin, for each job, a line `JOB BYTES` and a body of so many bytes. JOB is an operation, "asked" (a text that
           names an operation, as A2A has it), "texts NAME" (an operation whose values may be JSON as text, as MCP has it),
           "light" or "light few" (a call of A2A or MCP, to be made easy to parse), or "check NAME" (whether a request is
           one, and can be read in the event loop: its answer is empty).
Output     on stdout a line `ready` at the start; for each job `progress DONE TOTAL`, then `answer BYTES more` or `problem BYTES
           more` and those bytes; `last` in place of `more` if it takes no more jobs, because it has grown.
Guarantees it ends when stdin does, also during work.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

from dspy_programs.lm import use
from dspy_programs.serve.light_calls import MOST_ROUTED, check_few, light
from dspy_programs.serve.log import to_stderr
from dspy_programs.serve.operations import OPERATIONS, Operation
from dspy_programs.serve.problems import Malformed, to_serve_error
from dspy_programs.serve.typed_requests import asked_in, request_from, request_from_texts
from dspy_programs.serve.worker_pool import Progress

_MOST_GROWTH = 256 * 1024 * 1024  # bytes
_PAGES = "/proc/self/statm"


def answer_to(job: str, body: bytes, progress: Progress) -> bytes:
    """Return the answer. Raises what the operation raises, and Malformed."""
    if job.startswith("light"):
        return light(body, read_here=job == "light few")
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    kind, _, name = job.rpartition(" ")
    if job == "check values":
        check_few(given, MOST_ROUTED)
        return b""
    operation, request = asked_in(given) if name == "asked" else _request_of(OPERATIONS[name], given, kind == "texts")
    if kind == "check":
        check_few(given)
        return b""
    with use(None):
        answer = operation.call(request, progress).model_dump_json()
    return f'{{"skill":"{operation.name}","answer":{answer}}}'.encode() if name == "asked" else answer.encode()


def _request_of(operation: Operation, given: Any, has_texts: bool) -> tuple[Operation, Any]:
    return operation, (request_from_texts if has_texts else request_from)(operation, given)


def work(jobs: "queue.SimpleQueue[tuple[str, bytes]]", out: BinaryIO) -> None:
    """Answer jobs one after the other."""
    _say(out, "ready")
    least, is_last = _size(), False
    while not is_last:
        job, body = jobs.get()
        try:
            kind, said = "answer", answer_to(job, body, lambda done, total: _say(out, f"progress {done} {total}"))
        except Exception as error:  # the boundary between tools and clients: whatever it is, a client waits for it
            kind, said = "problem", to_serve_error(error).problem().model_dump_json().encode()
        del body
        is_last = _size() - least > _MOST_GROWTH
        _say(out, f"{kind} {len(said)} {'last' if is_last else 'more'}", said)


def _say(out: BinaryIO, line: str, body: bytes = b"") -> None:
    out.write(line.encode() + b"\n" + body)
    out.flush()


def _size() -> int:
    """Return the bytes of memory that this process has, 0 where the system does not tell."""
    with contextlib.suppress(OSError), open(_PAGES, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _read(jobs: "queue.SimpleQueue[tuple[str, bytes]]", source: BinaryIO) -> None:
    while line := source.readline():
        job, _, size = line.decode().rstrip("\n").rpartition(" ")
        jobs.put((job, source.read(int(size))))
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    to_stderr()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a tool prints is no answer
    jobs: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs, sys.stdin.buffer), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        work(jobs, out)
    os._exit(0)  # nobody waits for an answer any more, and the reader still reads
