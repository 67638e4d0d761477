"""What was recorded is on disk at once, whatever the values, whoever writes beside, and however the program ends."""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dspy_programs.errors import UsageError
from dspy_programs.failures import FailureClassifier, recorder as recorder_module
from dspy_programs.failures.formats.native import BROKE_OFF
from dspy_programs.failures.reader import read_traces
from dspy_programs.failures.recorder import TraceRecorder
from dspy_programs.jsonable import DEEPEST, to_jsonable

ROOT = Path(__file__).resolve().parents[3]


def read(folder):
    (item,) = read_traces([folder])
    assert item.problem is None
    return item.trace


def test_recording_becomes_a_trace_file(tmp_path):
    with TraceRecorder(goal="Find Italian restaurants", output_dir=tmp_path / "traces") as recorder:
        recorder.add_turn(role="user", content="Find Italian restaurants near me")
        recorder.add_turn(role="agent", content="Searching...")
        output = '{"hits": ["Luigi Bistro", "Pasta Palace"]}'
        given = {"query": "italian restaurants"}
        recorder.add_turn("tool", "results", tool_name="search", tool_input=given, tool_output=output, latency_ms=120)
        recorder.set_final_result("Found Luigi Bistro", is_successful=True)
    (file,) = (tmp_path / "traces").iterdir()
    assert file == recorder.path
    assert file.name.startswith(f"trace_{recorder.trace_id}_")
    trace = read(file)
    assert (trace.original_goal, trace.final_result, trace.is_successful) == (recorder.goal, "Found Luigi Bistro", True)
    assert [(turn.turn_number, turn.role, turn.tool_name) for turn in trace.turns][1:] == [
        (1, "agent", None),
        (2, "tool", "search"),
    ]
    assert (trace.turns[2].tool_input, trace.turns[2].tool_output, trace.turns[2].latency_ms) == (given, output, 120)


PAY = {"name": "pay", "parameters": {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}}


def test_calls_are_checked_against_the_schemas_of_recorded_tools(tmp_path):
    with TraceRecorder("Pay 5 to Ada", tmp_path, tools=[PAY]) as recorder:
        recorder.add_turn("tool", tool_name="pay", tool_input={}, tool_output="Error: bad request")
        recorder.add_turn("agent", "I could not pay.")
    trace = read(tmp_path)
    assert (trace.tools, trace.tool_schemas) == (["pay"], {"pay": PAY["parameters"]})
    assert "amount" in FailureClassifier(use_llm=False).classify(trace).root_cause_summary


@pytest.mark.parametrize(
    "tools", [["pay"], [{"name": "pay", "parameters": True}], [{"name": "pay", "parameters": "x"}], [7], []]
)
def test_tools_without_a_readable_schema_do_not_lose_the_run(tools, tmp_path):
    with TraceRecorder("Pay", tmp_path, tools=tools) as recorder:
        recorder.add_turn("user", "Pay")
    assert read(tmp_path).tool_schemas == {}


def test_no_schema_beside_redacted_calls(tmp_path):
    with TraceRecorder("Pay", tmp_path, tools=[PAY], redact=lambda text: "***") as recorder:
        recorder.add_turn("tool", tool_name="pay", tool_input={"amount": 5}, tool_output="done")
    assert read(tmp_path).tool_schemas == {}


def test_turn_is_on_disk_when_it_is_added(tmp_path):
    with TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("user", "hi")
        assert [turn.content for turn in read(tmp_path).turns] == ["hi"]
        assert read(tmp_path).is_successful is None


def modes_of(trace):
    return [found.mode for found in FailureClassifier(use_llm=False).classify(trace).modes]


def test_run_that_ends_by_itself_has_no_error(tmp_path):
    with TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("agent", "I am there.")
    assert read(tmp_path).error is None
    with TraceRecorder("go", tmp_path / "b") as recorder:
        recorder.set_final_result("there")
        assert read(tmp_path / "b").error is None  # the result is on record, whatever comes now


def test_exception_is_recorded_and_goes_on(tmp_path):
    with pytest.raises(ZeroDivisionError), TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("user", "hi")
        1 / 0  # noqa: B018
    trace = read(tmp_path)
    assert (trace.final_result, trace.is_successful) == ("(error) ZeroDivisionError: division by zero", False)
    assert trace.error == "ZeroDivisionError: division by zero" and "CRASH" in modes_of(trace)


def test_exception_after_the_result_is_a_note(tmp_path):
    with pytest.raises(KeyboardInterrupt), TraceRecorder("go", tmp_path) as recorder:
        recorder.set_final_result("done", is_successful=True)
        raise KeyboardInterrupt
    trace = read(tmp_path)
    assert (trace.final_result, trace.turns[-1].role, trace.error) == ("done", "system", "KeyboardInterrupt")
    assert "KeyboardInterrupt" in trace.turns[-1].content


class Silent:
    def __str__(self):
        raise RuntimeError("no")


def test_values_that_are_no_json_are_kept_as_text(tmp_path):
    ring: list = []
    ring.append(ring)
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    odd = {
        1: date(2024, 2, 3),
        "1": b"\xff",
        "n": float("nan"),
        "s": {2, 1},
        "o": Silent(),
        "r": ring,
        "d": deep,
        "u": "\ud800",
    }
    with TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("tool", tool_name="f", tool_input=odd, tool_output=10**5000, latency_ms=float("nan"))
        recorder.add_turn("critic", {"a": 1}, latency_ms=-1)
    first, second = read(tmp_path).turns
    assert (first.tool_input["1"], first.tool_input["1_"]) == ("2024-02-03", "\\xff")
    assert (first.tool_input["n"], first.tool_input["s"], first.tool_input["u"]) == ("nan", [1, 2], "?")
    assert "cannot be shown" in first.tool_input["o"] and first.tool_input["r"] == ["(contains itself)"]
    assert first.tool_output.startswith("0x") and first.content == "(latency_ms: nan)"
    assert (second.role, second.content, second.latency_ms) == ("agent", 'critic: {"a": 1} (latency_ms: -1)', None)


def test_threads_add_turns_together(tmp_path):
    with TraceRecorder("go", tmp_path) as recorder:
        threads = [threading.Thread(target=lambda: [recorder.add_turn("agent", "x") for _ in range(20)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [turn.turn_number for turn in read(tmp_path).turns] == list(range(160))


def test_two_recordings_share_no_file(tmp_path):
    with TraceRecorder("a", tmp_path) as first, TraceRecorder("b", tmp_path) as second:
        first.add_turn("user", "1")
        second.add_turn("user", "2")
    assert sorted(item.trace.original_goal for item in read_traces([tmp_path])) == ["a", "b"]


KILLED = """
import os, sys, signal
from dspy_programs.failures.recorder import TraceRecorder
with TraceRecorder("go", sys.argv[1]) as recorder:
    for number in range(10**9):
        recorder.add_turn("agent", f"turn {number} " + "x" * 5000)
        os.write(1, f"{number}\\n".encode())
"""


def test_killed_program_leaves_every_turn_that_was_added(tmp_path):
    folder = tmp_path / "traces"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    for _ in range(50):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    added = 50 + len(process.stdout.read().splitlines())
    process.wait()
    trace = read(folder)
    assert added <= len(trace.turns) <= added + 1
    assert trace.turns[added - 1].content.startswith(f"turn {added - 1} ")
    assert (trace.final_result, trace.is_successful) == (None, None)
    assert trace.error == BROKE_OFF and "CRASH" in modes_of(trace)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_recording_that_is_cut_anywhere_keeps_all_whole_turns(tmp_path, data):
    rows = [{"recording": {"trace_id": "a", "original_goal": "gö"}}]
    rows += [{"turn": {"turn_number": i, "role": "agent", "content": f"türn {i}"}} for i in range(4)]
    lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows]
    cut = data.draw(st.integers(len(lines[0]), sum(map(len, lines))))
    (tmp_path / "x.jsonl").write_bytes(b"".join(lines)[:cut])
    whole = sum(cut >= sum(map(len, lines[: n + 1])) - 1 for n in range(1, 5))  # the line's end may be missing
    assert [turn.content for turn in read(tmp_path / "x.jsonl").turns] == [f"türn {i}" for i in range(whole)]


def test_full_disk_is_said_and_leaves_whole_lines(tmp_path, monkeypatch):
    real = os.write
    with TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("user", "one")
        room = iter([lambda file, line: real(file, line[:5]), lambda file, line: real(-1, line)])
        monkeypatch.setattr(recorder_module.os, "write", lambda file, line: next(room)(file, line))
        with pytest.raises(UsageError, match="cannot be written"):
            recorder.add_turn("user", "two")
        monkeypatch.setattr(recorder_module.os, "write", real)
        recorder.add_turn("user", "three")
    assert [turn.content for turn in read(tmp_path).turns] == ["one", "three"]


def test_error_of_the_run_comes_before_that_of_the_disk(tmp_path, monkeypatch):
    with pytest.raises(ZeroDivisionError), TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("user", "one")
        monkeypatch.setattr(recorder_module.os, "write", lambda file, line: os.fstat(-1))
        1 / 0  # noqa: B018
    assert [turn.content for turn in read(tmp_path).turns] == ["one"]


def test_redaction_is_asked_for_and_reaches_every_text(tmp_path):
    secret = "sk-1234"
    with TraceRecorder(f"use {secret}", tmp_path, redact=lambda text: text.replace(secret, "***")) as recorder:
        recorder.add_turn("tool", secret, tool_name="f", tool_input={"key": [secret]}, tool_output=secret)
        recorder.set_final_result(f"done with {secret}")
        assert secret not in next(tmp_path.iterdir()).read_text()
    assert secret not in recorder.path.read_text()
    assert read(tmp_path).turns[0].role == "tool"


def test_nothing_is_redacted_unless_it_is_asked_for(tmp_path):
    with TraceRecorder("password: hunter2", tmp_path) as recorder:
        recorder.add_turn("user", "api_key=abc")
    assert "hunter2" in recorder.path.read_text() and "api_key=abc" in recorder.path.read_text()


def test_recorder_outside_its_block_is_refused(tmp_path):
    recorder = TraceRecorder("go", tmp_path)
    with pytest.raises(UsageError, match="with block"):
        recorder.add_turn("user", "x")
    with recorder:
        pass
    with pytest.raises(UsageError, match="with block"):
        recorder.add_turn("user", "x")
    with pytest.raises(UsageError, match="already been used"):
        recorder.__enter__()


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"), TraceRecorder("go", tmp_path / "file" / "traces"):
        pass


def test_finished_recording_is_read_once(tmp_path):
    with TraceRecorder("go", tmp_path) as recorder:
        recorder.add_turn("user", "x")
        before = next(tmp_path.iterdir()).read_bytes()
    recorder.path.with_suffix(".jsonl").write_bytes(before)  # as if it had been killed between the two
    assert len(list(read_traces([tmp_path]))) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.booleans(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(VALUES)
def test_plain_value_is_json_and_stays_as_it_is(value):
    made = to_jsonable(value)
    assert json.loads(json.dumps(made, allow_nan=False)) == made == to_jsonable(made)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["user", "agent", "tool", "x"]), VALUES, VALUES, VALUES), max_size=3))
def test_whatever_is_recorded_is_read_again(tmp_path, turns):
    with TraceRecorder("go", tmp_path) as recorder:
        for role, content, given, latency in turns:
            recorder.add_turn(role, content, tool_name="f", tool_input=given, latency_ms=latency)
    assert [turn.tool_input for turn in read(recorder.path).turns] == [to_jsonable(given) for _, _, given, _ in turns]


def test_levels_are_bounded():
    value: object = 1
    for _ in range(DEEPEST + 5):
        value = {"a": value}
    assert f"nested deeper than {DEEPEST}" in json.dumps(to_jsonable(value))
