import contextlib
import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.agent.permissions.answers import Answers
from dspy_programs.agent.permissions.audit import AuditLog
from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.permissions.policy import Decision, Policy, Rule
from dspy_programs.agent.tools.tool import ToolError, tool
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.scopes import scope_in

ASKS = Policy((Rule(verdict="ask", tool="act", reason="it acts"),))
DENIES = Policy((Rule(verdict="deny", tool="act", reason="never"),))


@pytest.fixture
def acts():
    done = []

    @tool
    def act(what: str) -> str:
        """Act."""
        done.append(what)
        if what == "fail":
            raise ToolError("it failed")
        return f"did {what}"

    return act, done


def asked(answers):
    """Return a user who gives these answers, and what was asked."""
    questions, left = [], list(answers)
    return (lambda question: questions.append(question) or left.pop(0)), questions


@pytest.mark.parametrize(
    ("answer", "runs", "reason"),
    [
        ("yes", True, ""),
        (" Y ", True, ""),
        ("always", True, ""),
        ("no", False, "the user said no"),
        ("", False, "the user said no"),
        ("never", False, "the user said no"),
        ("nein", False, "the user said no"),
        ("ja", True, ""),
        ("no, use the other file", False, "the user said no: no, use the other file"),
        (None, False, "it acts, and nobody is there to be asked"),
    ],
)
def test_only_a_clear_yes_is_one(acts, tmp_path, answer, runs, reason):
    act, done = acts
    user, questions = asked([answer])
    guard, scope = Guard(ASKS), scope_in(tmp_path / "w", ask=user)
    if runs:
        assert guard.call(act, {"what": "x"}, scope) == "did x"
    else:
        with pytest.raises(ToolError, match=f"^not permitted: {reason}"):
            guard.call(act, {"what": "x"}, scope)
    assert done == (["x"] if runs else [])
    assert questions == ['May I call act(what="x")? Reason to ask: it acts. yes / no / always / never']


@pytest.mark.parametrize(("second", "runs"), [("yes", True), ("no", False), ("perhaps", False), (None, False)])
def test_what_is_neither_yes_nor_no_is_asked_again_once(acts, tmp_path, second, runs):
    act, done = acts
    user, questions = asked(["yes please, but not this one", second])
    with contextlib.nullcontext() if runs else pytest.raises(ToolError):
        Guard(ASKS).call(act, {"what": "x"}, scope_in(tmp_path / "w", ask=user))
    assert bool(done) == runs and len(questions) == 2 and "is neither yes nor no. May I call" in questions[1]


def test_always_and_never_hold_for_the_same_call_only_and_in_the_next_process(acts, tmp_path):
    act, done = acts
    user, questions = asked(["always", "never", "no"])
    scope, file = scope_in(tmp_path / "w", ask=user), tmp_path / "answers.json"
    for _ in range(2):
        guard = Guard(ASKS, answers=Answers(file))
        assert guard.call(act, {"what": "x"}, scope) == "did x"
        with pytest.raises(ToolError):
            guard.call(act, {"what": "y"}, scope)
    with pytest.raises(ToolError):
        Guard(ASKS, answers=Answers(file)).call(act, {"what": "z"}, scope)
    assert len(questions) == 3 and done == ["x", "x"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and '"x"' not in file.read_text()
    file.write_text('{"act": "all')
    user, questions = asked(["no"])
    with pytest.raises(ToolError):
        Guard(ASKS, answers=Answers(file)).call(act, {"what": "x"}, scope_in(tmp_path / "w", ask=user))
    assert questions, "a damaged file is no permission"


def test_an_answer_lifts_no_deny(acts, tmp_path):
    act, done = acts
    answers, scope = Answers(), scope_in(tmp_path / "w", ask=lambda question: "yes")
    answers.keep("act", {"what": "x"}, scope.workspace.root, "allow")
    with pytest.raises(ToolError, match="never"):
        Guard(DENIES, answers=answers).call(act, {"what": "x"}, scope)
    assert done == []


def test_two_runs_forget_none_of_their_answers(tmp_path):
    one, two = Answers(tmp_path / "answers.json"), Answers(tmp_path / "answers.json")
    one.keep("act", {"what": "x"}, tmp_path, "deny")
    two.keep("act", {"what": "y"}, tmp_path, "allow")
    kept = Answers(tmp_path / "answers.json")
    assert [kept.about("act", {"what": what}, tmp_path) for what in "xy"] == ["deny", "allow"]


def test_an_answer_holds_for_its_folder(acts, tmp_path):
    act, done = acts
    answers = Answers(tmp_path / "answers.json")
    guard = Guard(ASKS, answers=answers)
    guard.call(act, {"what": "x"}, scope_in(tmp_path / "one", ask=lambda question: "always"))
    guard.call(act, {"what": "x"}, scope_in(tmp_path / "one"))
    with pytest.raises(ToolError, match="nobody is there"):
        guard.call(act, {"what": "x"}, scope_in(tmp_path / "two"))
    assert done == ["x", "x"]


def raising(tool, arguments, workspace):
    raise RuntimeError("broken hook")


def changing(tool, arguments, workspace):
    arguments["what"] = "evil"


@pytest.mark.parametrize(
    ("policy", "hook", "runs"),
    [
        (ASKS, lambda *_: Decision("allow", "known", "hook"), True),
        (DENIES, lambda *_: Decision("allow", "known", "hook"), False),
        (Policy(), lambda *_: Decision("deny", "no", "hook"), False),
        (Policy(), lambda *_: None, True),
        (Policy(), raising, False),
        (Policy(), changing, True),
    ],
)
def test_hooks_before_a_call(acts, tmp_path, policy, hook, runs):
    act, done = acts
    guard, scope = Guard(policy, before=[hook]), scope_in(tmp_path / "w")
    if runs:
        assert guard.call(act, {"what": "x"}, scope) == "did x"
    else:
        with pytest.raises(ToolError, match="not permitted"):
            guard.call(act, {"what": "x"}, scope)
    assert done == (["x"] if runs else [])


def test_hooks_after_a_call_see_and_may_replace_the_result(acts, tmp_path):
    guard = Guard(after=[lambda tool, arguments, result: result.upper(), lambda tool, arguments, result: f"<{result}>"])
    assert guard.call(acts[0], {"what": "x"}, scope_in(tmp_path / "w")) == "<DID X>"


def test_the_log_tells_every_call_and_what_came_of_it_without_keys(acts, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "k-1234567890")
    act, _ = acts
    log, scope = tmp_path / "logs" / "audit.jsonl", scope_in(tmp_path / "w")
    guard = Guard(audit=AuditLog(log))
    guard.call(act, {"what": "k-1234567890 and sk-abcdefgh12345678 " + "x" * 5000}, scope)
    with pytest.raises(ToolError):
        guard.call(act, {"what": "fail"}, scope)
    with pytest.raises(ToolError):
        Guard(DENIES, audit=AuditLog(log)).call(act, {"what": "y"}, scope)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(row["kind"], row.get("verdict")) for row in rows] == [
        ("call", "allow"), ("result", None), ("call", "allow"), ("error", None), ("call", "deny"),
    ]  # fmt: skip
    assert rows[4]["reason"] == "never" and rows[4]["by"] == "policy" and rows[4]["arguments"] == {"what": "y"}
    assert "k-1234567890" not in log.read_text() and "sk-abc" not in log.read_text() and len(log.read_text()) < 8000
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_stops_the_call(acts, tmp_path):
    act, done = acts
    log = AuditLog(tmp_path / "audit.jsonl")
    log.close()
    log._handle = 999_999
    with pytest.raises(ToolError, match="audit log cannot be written"):
        Guard(audit=log).call(act, {"what": "x"}, scope_in(tmp_path / "w"))
    assert done == []
    with pytest.raises(UsageError, match="cannot be opened"):
        AuditLog("/dev/null/x")


def test_two_processes_and_many_threads_do_not_mix_their_lines(tmp_path):
    path = tmp_path / "audit.jsonl"
    code = (
        "import sys; from dspy_programs.agent.permissions.audit import AuditLog\n"
        "log = AuditLog(sys.argv[1])\nfor n in range(300): log.write(kind='x', n=n, text='y' * 1500)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)])
    log = AuditLog(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: log.write(kind="z", n=number, text="w" * 1500), range(300)))
    assert other.wait(60) == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 600 and {row["n"] for row in rows if row["kind"] == "x"} == set(range(300))
