"""Events keep their stack traces whole, are counted once a kind, and cost no memory."""

import gzip
import json
import tracemalloc

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.logs import ERROR, FAILURE, FATAL, NOTHING, WARNING, log_context, severity_of, time_in

PYTHON = """2026-01-02 03:04:05,678 INFO app: started
2026-01-02 03:04:06,000 ERROR app: job 17 failed
Traceback (most recent call last):
  File "/srv/app/job.py", line 40, in run
    value = table["alpha"]
KeyError: 'alpha'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/job.py", line 42, in run
    raise JobError("no row") from None
app.JobError: no row
2026-01-02 03:04:07,000 INFO app: next
"""
JAVA = """12:00:00.001 [main] INFO c.e.Service - begun
12:00:01.123 [main] ERROR c.e.Service - call failed
java.lang.IllegalStateException: broken
\tat com.example.Service.call(Service.java:41)
\tat com.example.Main.main(Main.java:7)
Caused by: java.io.IOException: closed
\tat com.example.Pipe.read(Pipe.java:9)
\t... 2 more
12:00:02.000 [main] INFO c.e.Service - next
"""
NODE = """server up
TypeError: Cannot read properties of undefined (reading 'id')
    at handler (/srv/web/routes.js:12:17)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
GET / 200
"""
GO = """2026/01/02 03:04:05 listening
panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.pick(...)
\t/srv/go/main.go:12
main.main()
\t/srv/go/main.go:7 +0x1d
exit status 2
done
"""
RUST = """Running
thread 'main' panicked at src/main.rs:4:10:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
   1: app::main
             at ./src/main.rs:4:10
note: Some details are omitted
bye
"""
GO_SERVER = """2026/03/01 10:00:00 listening
2026/03/01 10:00:03 http: panic serving 127.0.0.1:51234: nil pointer dereference
goroutine 18 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1868 +0xb9
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb
2026/03/01 10:00:04 next
"""
TRACES = {
    "python": (PYTHON, 12),
    "java": (JAVA, 7),
    "node": (NODE, 3),
    "go": (GO, 8),
    "go server": (GO_SERVER, 6),
    "rust": (RUST, 8),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_stack_trace_stays_whole_and_ends_where_it_ends(tmp_path, name):
    text, length = TRACES[name]
    (tmp_path / "a.log").write_text(text)
    (kind,) = log_context([tmp_path / "a.log"]).kinds
    whole = text.splitlines()[1:-1]
    assert kind.lines == whole and len(whole) == length
    assert kind.severity == ("fatal" if "panic" in text else "error")


def test_events_of_one_kind_are_counted_across_files_and_time(tmp_path):
    for name, day in (("a.log", 3), ("b.log.1", 1), ("c.log", 2)):
        (tmp_path / name).write_text(PYTHON.replace("2026-01-02", f"2026-01-0{day}").replace("job 17", f"job {day}"))
    (tmp_path / "a.py").write_text("ERROR not a log")
    found = log_context([tmp_path])
    (kind,) = found.kinds
    assert (kind.count, kind.first, kind.last) == (3, "2026-01-01T03:04:06", "2026-01-03T03:04:06")
    assert found.files == 3 and len(kind.files) == 3 and kind.at.endswith("a.log:2")


def test_the_worst_come_first_and_then_the_most_frequent(tmp_path):
    lines = ["WARN disk at 91%"] * 9 + ["ERROR red light"] + ["ERROR blue light"] * 2 + ["FATAL out of memory"]
    (tmp_path / "a.log").write_text("\n".join(lines))
    kinds = log_context([tmp_path]).kinds
    assert [(kind.severity, kind.count) for kind in kinds] == [("fatal", 1), ("error", 2), ("error", 1), ("warning", 9)]


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2026-01-02 03:04:05 ERROR x", ERROR),
        ("2026-01-02 03:04:05 INFO request failed, retrying", NOTHING),
        ("level=error msg=x", ERROR),
        ('level=info msg="error rate 0"', NOTHING),
        ("[warn] low", WARNING),
        ("E0102 03:04:05.678 1 main.go:7] x", ERROR),
        ("I0102 03:04:05.678 1 main.go:7] failed", NOTHING),
        ("connection refused", FAILURE),
        ("0 failed, 10 passed", NOTHING),
        ("build finished without errors", NOTHING),
        ("kernel: Out of memory: Killed process 7", FATAL),
        ('10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /error HTTP/1.1" 200 12', NOTHING),
        ('10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 503 12', ERROR),
        ("java.lang.OutOfMemoryError: heap", ERROR),
        ("loading ErrorHandler.css", NOTHING),
        ("status installed libgpg-error-dev:amd64", NOTHING),
        ("wrote /var/log/error.log", NOTHING),
        ("app.py:3: DeprecationWarning: old", WARNING),
        ("an error.", ERROR),
    ],
)
def test_severity_is_what_the_line_says(line, severity):
    assert severity_of(line) == severity


def test_the_line_of_code_that_node_quotes_is_no_event(tmp_path):
    (tmp_path / "a.log").write_text("/srv/a.js:2\n  throw new Error('x')\n  ^\n\nError: x\n    at load (/srv/a.js:2:8)\n")
    (kind,) = log_context([tmp_path]).kinds
    assert kind.lines == ["Error: x", "    at load (/srv/a.js:2:8)"]


def test_what_stands_after_a_warning_is_an_event_of_its_own(tmp_path):
    (tmp_path / "a.log").write_text("Warning: old flag\nTypeError: late\n    at f (a.js:1:2)\n")
    assert [kind.severity for kind in log_context([tmp_path]).kinds] == ["error", "warning"]


def test_json_lines_bring_their_stack(tmp_path):
    rows = [
        {"level": 30, "msg": "error page shown"},
        {"level": 50, "time": "2026-01-02T03:04:05Z", "msg": "boom", "err": {"stack": "Error: boom\n    at f (a.js:1:2)"}},
        {"level": "error", "message": "lost", "stack_trace": "X\n\tat Y"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    kinds = log_context([tmp_path]).kinds
    assert [kind.lines[1:] for kind in kinds] == [["Error: boom", "    at f (a.js:1:2)"], ["X", "\tat Y"]] or [
        kind.lines[1:] for kind in kinds
    ] == [["X", "\tat Y"], ["Error: boom", "    at f (a.js:1:2)"]]


def test_colours_containers_and_encodings_are_read(tmp_path):
    (tmp_path / "a.log").write_text("\x1b[31mERROR\x1b[0m red\nweb-1  | ERROR green\n")
    (tmp_path / "b.log").write_text("ERROR gr\u00fcn\n", encoding="utf-16")
    (tmp_path / "c.log").write_bytes("ERROR gr\u00fcn 2\n".encode("cp1252") + b"\xff\x00\n")
    (tmp_path / "d.log.gz").write_bytes(gzip.compress(b"ERROR packed\n"))
    told = {kind.lines[0] for kind in log_context([tmp_path]).kinds}
    assert {"ERROR red", "ERROR green", "ERROR gr\u00fcn", "ERROR packed"} <= told and len(told) == 5


def test_memory_does_not_grow_with_the_log(tmp_path):
    line = "2026-01-02 03:04:05 ERROR job {} failed\n"
    (tmp_path / "a.log").write_text("".join(line.format(n) for n in range(8_000)) + "x" * 1_000_000 + "\nERROR last\n")
    tracemalloc.start()
    found = log_context([tmp_path])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [kind.count for kind in found.kinds] == [8_000, 1] and most < 400_000


def test_kinds_beyond_those_that_are_kept_are_counted(tmp_path):
    (tmp_path / "a.log").write_text("ERROR a\nERROR b\nERROR c\nERROR a\n")
    found = log_context([tmp_path], most_kinds=2)
    assert (found.events, len(found.kinds), found.beyond) == (4, 2, 1)


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_path_without_logs_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"cannot be read|no log files"):
        log_context([tmp_path / name])


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("2026-01-02T03:04:05.5+02:00 x", "2026-01-02T01:04:05+00:00"),
        ("2026/01/02 03:04:05 x", "2026-01-02T03:04:05"),
        ("[02/Jan/2026:03:04:05 +0100] x", "2026-01-02T02:04:05+00:00"),
        ("Jan  2 03:04:05 host x", "01-02T03:04:05"),
        ("2026-13-45 99:99:99 x", ""),
        ("no time", ""),
    ],
)
def test_times_can_be_compared(line, time):
    assert time_in(line) == time


PIP = """2026-01-02T03:04:05,211 ERROR: No matching distribution found for nope
2026-01-02T03:04:05,212 Exception information:
2026-01-02T03:04:05,212 Traceback (most recent call last):
2026-01-02T03:04:05,212   File "a.py", line 1, in f
2026-01-02T03:04:05,212     raise Gone
2026-01-02T03:04:05,212 a.Gone: 1
2026-01-02T03:04:05,212 
2026-01-02T03:04:05,212 During handling of the above exception, another exception occurred:
2026-01-02T03:04:05,212 
2026-01-02T03:04:05,212 Traceback (most recent call last):
2026-01-02T03:04:05,212   File "b.py", line 2, in g
2026-01-02T03:04:05,212 b.Broken: 2
2026-01-02T03:04:06,000 INFO: next
2026-01-02T03:04:07,000 ERROR: other
"""
JOURNAL = """Jan  2 03:04:05 host shop[7]: ERROR order lost
Jan  2 03:04:05 host shop[7]: Traceback (most recent call last):
Jan  2 03:04:05 host shop[7]:   File "a.py", line 1, in f
Jan  2 03:04:05 host shop[7]: KeyError: 1
Jan  2 03:04:06 host shop[7]: INFO next
"""


@pytest.mark.parametrize(("log", "sizes"), [(PIP, {1, 11}), (JOURNAL, {4})])
def test_a_trace_with_a_time_before_each_line_is_whole(tmp_path, log, sizes):
    (tmp_path / "a.log").write_text(log)
    found = log_context([tmp_path / "a.log"])
    assert {len(kind.lines) for kind in found.kinds} == sizes
    assert any(line == '  File "a.py", line 1, in f' for kind in found.kinds for line in kind.lines)


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("cat: /nope: No such file or directory", FAILURE),
        ("=========== ERRORS ===========", NOTHING),
        ("=========== FAILURES ===========", NOTHING),
        ("==== 2 failed, 1 passed in 0.10s ====", FAILURE),
    ],
)
def test_severity_of_what_tools_print(line, severity):
    assert severity_of(line) == severity
