import threading
import time

import pytest

from dspy_programs.agent.tools.shell import python, shell
from dspy_programs.agent.workspace import sandbox
from tests.dspy_programs.agent.scopes import said, scope_in

NOTE = "" if sandbox.works() else "\n[run without a sandbox]"


@pytest.fixture
def scope(tmp_path):
    return scope_in(tmp_path / "w")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("echo hi", "hi"),
        ("echo out; echo err >&2; exit 3", "out\nerr\n[exit code 3]"),
        ("true", "[it printed nothing]" if not NOTE else ""),
        ("pwd | grep -o 'w$'", "w"),
        ("nosuchprogram 2>/dev/null", "[exit code 127]"),
        ("kill -9 $$", "[exit code 137]"),
        ("printf 'a\\0b\\377'", "a\\0b\ufffd"),
        ("cat", "[it printed nothing]" if not NOTE else ""),
    ],
)
def test_what_a_command_printed_and_its_exit_code(scope, command, answer):
    assert said(shell, scope, command=command) == (answer + NOTE).lstrip("\n")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("x = 3\nx * 2", "6"),
        ("print('a'); 'b'", "a\nb"),
        ("if True:\n    1", "[it printed nothing]"),
        ("é = 'ü'; (é +\n 'x')", "üx"),
        ("```python\n1 + 1\n```\n", "2"),
        ("None", "[it printed nothing]"),
        ("import os; os.path.basename(os.getcwd())", "w"),
        ("", "[it printed nothing]"),
    ],
)
def test_python_prints_its_last_value(scope, code, answer):
    if not NOTE:
        assert said(python, scope, code=code) == answer


def test_an_error_in_python_has_its_line(scope):
    assert "line 2" in said(python, scope, code="x = 1\n1 / 0") and "line 1" in said(python, scope, code="1 +")


def test_what_a_command_writes_is_there_and_modules_of_the_workspace_are_found(scope):
    said(shell, scope, command="echo 'n = 5' > mine.py")
    assert scope.workspace.text("mine.py") == "n = 5\n"
    assert said(python, scope, code="import mine; mine.n").startswith("5")


def test_the_middle_of_a_long_output_is_left_out(scope):
    answer = said(shell, scope, command="seq 1 100000")
    assert answer.startswith("1\n2\n") and "100000" in answer[-40:] and "left out" in answer and len(answer) < 13_000
    failure = said(shell, scope, command="seq 1 100000; exit 1")
    assert failure.endswith("100000\n[exit code 1]") and len(failure) < 2_200


def test_a_command_that_takes_too_long_is_an_error_with_what_it_said(scope):
    scope.seconds = 0.5
    answer = said(shell, scope, command="echo before; sleep 60")
    assert answer.startswith("ToolError: stopped: it took longer") and "before" in answer


def test_a_cancelled_command_stops_at_once(scope):
    threading.Timer(0.3, scope.cancelled.set).start()
    started = time.monotonic()
    assert "cancelled" in said(shell, scope, command="sleep 60")
    assert time.monotonic() - started < 5


def test_nothing_is_run_where_the_workspace_was_replaced(scope, tmp_path):
    (tmp_path / "w").rename(tmp_path / "old")
    (tmp_path / "w").mkdir()
    assert "was moved or replaced" in said(shell, scope, command="echo hi")
