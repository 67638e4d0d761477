"""Whether a result is an error: structure decides, and data that only sounds like one is none."""

import json
import time

import pytest
from hypothesis import given, strategies as st

from dspy_programs.programs.failure_judge.faults import fault_of

FAULTS = [
    ("Error: insufficient funds", "failed"),
    ("ERROR - the disk is full", "failed"),
    ("[error] no space left", "failed"),
    ("Tool error: quota used up", "failed"),
    ("Error executing tool pay: card declined", "failed"),
    ("Traceback (most recent call last):\n  File 'a.py', line 1\nKeyError: 'date'", "failed"),
    ("collected 3 items\nrunning\njava.lang.IllegalStateException: closed", "failed"),
    ("requests.exceptions.ConnectionError: refused", "transient"),
    ("HTTP 503 Service Unavailable", "transient"),
    ("404 Not Found", "absent"),
    ("Status code: 500 Internal Server Error", "transient"),
    ("exitcode: 1 (execution failed)\nCode output: \n", "failed"),
    ("make: nothing to be done\nProcess exited with code 2", "failed"),
    ("TypeError: f() missing 1 required positional argument: 'a'", "argument"),
    ("Assignee email not valid. Please choose from the list of team members.", "argument"),
    ("Missing task details.", "argument"),
    ("Event ID not provided.", "argument"),
    ("The service is currently unavailable.", "transient"),
    ("The tool is temporarily unavailable, try again in a minute.", "transient"),
    ("calendar.add is not a valid tool, try one of [calendar.create]", "tool"),
    ({"error": {"message": "date has the wrong format", "code": 7}}, "argument"),
    ({"success": False, "reason": "card declined"}, "failed"),
    ({"ok": False}, "failed"),
    ({"isError": True, "content": [{"text": "timed out"}]}, "transient"),
    ({"status": 500, "body": "oops"}, "transient"),
    ({"exit_code": 1, "stdout": "2 passed"}, "failed"),
    ({"state": "FAILED"}, "failed"),
    ({"detail": "Not authenticated"}, "failed"),
    ('{"error": "id is required"}', "argument"),
    ('{"success": false, "message": "no"}', "failed"),
    ('{"error": "cut off in the mid', "failed"),
]
NONE = [
    "400.0",
    "404",
    "503 rows",
    "500 Main Street",
    'Found 1 match for "missing_colon.py": tests/missing_colon.py',
    "tests/missing/test_error.py",
    "Error handling in Python: a short guide",
    "Title: Common errors and exceptions\nBody: An error is raised when a value is invalid.",
    "1. How to fix a 404\n2. Error: missing argument\n3. Failed builds",
    "The patient must not drive; no complications were reported.",
    "12 C, sunny",
    "A visa is required, and dogs cannot enter.",
    "The player was rejected by two clubs and had wrong teeth.",
    "No events found.",
    "no result",
    "User not found.",
    "0 errors, 0 warnings",
    "exit code: 0",
    "All tests passed, none failed",
    ["Error: x"],
    [{"error": "x"}],
    {"error": None, "rows": []},
    {"error": "", "errors": [], "exception": False},
    {"error": "none", "value": 3},
    {"status": "ok", "title": "Error: missing"},
    {"status": 200, "detail": "created"},
    {"success": True, "note": "failed before"},
    {"detail": "long", "price": 3},
    '{"results": ["the build failed with an error"], "status": "ok"}',
    "Warning signs of failure " * 40,
    "",
    None,
    3.5,
    True,
]


@pytest.mark.parametrize(("output", "kind"), FAULTS, ids=[str(f)[:40] for f, _ in FAULTS])
def test_fault_is_seen_and_its_kind(output, kind):
    assert fault_of(output, output if isinstance(output, str) else "") == kind


@pytest.mark.parametrize("output", NONE, ids=[str(o)[:40] for o in NONE])
def test_data_that_sounds_like_an_error_is_none(output):
    assert fault_of(output, output if isinstance(output, str) else "") == ""


@pytest.mark.parametrize(
    "output", ["Event not found.", "Error: customer not found", {"error": "no such order"}, "No task with this id exists."]
)
def test_nothing_found_answers_a_search_and_fails_a_change(output):
    text = output if isinstance(output, str) else ""
    assert fault_of(output, text, writes=True) == "argument" and fault_of(output, text) in ("", "absent")


def test_false_is_an_answer_of_a_look_up_and_a_failure_of_a_change():
    assert (fault_of(False, ""), fault_of(False, "", writes=True), fault_of(True, "", writes=True)) == ("", "failed", "")


HUGE = ["Error" * 200_000, "{" * 500_000, '{"error": ' * 100_000, "a." * 500_000, "exit code " * 100_000, "\n" * 1_000_000]


@pytest.mark.parametrize("text", HUGE, ids=range(len(HUGE)))
def test_fault_of_reads_a_huge_result_at_once(text):
    start = time.process_time()
    fault_of(text, text), fault_of({"error": {"a": text}}, ""), fault_of({"error": [text] * 100}, "")
    assert time.process_time() - start < 0.5


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "status", "ok", "detail", "x"]), inner)
    ),
    max_leaves=8,
)


@given(values, st.booleans())
def test_fault_of_any_value_is_one_of_the_kinds(value, writes):
    kinds = ("", "tool", "schema", "transient", "argument", "absent", "failed")
    assert fault_of(value, value if isinstance(value, str) else "", writes) in kinds
    text = json.dumps(value)
    assert fault_of(text, text, writes) in kinds
