"""Sessions: on file while a run goes on, one process at a time, and gone on with after kill -9."""

import json
import os
import random
import re
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from dspy_programs.agent import Agent, Session, Sessions, tool
from dspy_programs.agent.planning.ledger import Ledger
from dspy_programs.agent.telling.record import Record
from dspy_programs.errors import RunLocked, UsageError
from dspy_programs.types import Call, Turn
from tests.dspy_programs.agent.scripted import finish, is_planner, plan, scripted, step
from tests.fakes import scripted_lm
from tests.processes import forks

GOAL = "Fill the file"
GOAL_OF_ASK = "Delete a.txt"
LINES = range(1, 6)


def adding(folder: Path, tick=lambda what: None):
    """A tool whose side effect can be counted, and a model that adds each line once; it plans only what is not done."""

    @tool(effect="runs")
    def add_line(number: int) -> str:
        """Add the line with a number."""
        tick("adding")
        file = os.open(folder / "lines.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{number}\n".encode())
        os.close(file)
        tick("added")
        return f"line {number} added"

    def answer(prompt: str) -> str:
        if is_planner(prompt):
            done = set(map(int, re.findall(r"done: Add line (\d)", prompt)))
            return plan(*[("add_line", f"Add line {n}", []) for n in LINES if n not in done] or [("add_line", "Add line 5")])
        number = int(re.findall(r"Add line (\d)", prompt.rsplit("[[ ## task ## ]]", 1)[1])[0])
        done = prompt.rsplit("[[ ## done ## ]]", 1)[1].split("[[ ## task ## ]]")[0]
        return finish("all lines are added") if f"line {number} added" in done else step("add_line", number=number)

    return add_line, scripted_lm(answer)


def go_on(folder: Path, tick=None):
    """Begin the session, or go on with it. tick: called before each statement to the file, and around the side effect."""
    held = Sessions(folder / "sessions.sqlite")
    session = held.open() if held.list() else held.new(GOAL)
    held._database._file.set_trace_callback(tick)
    add_line, lm = adding(folder, tick or (lambda statement: None))
    try:
        return Agent([add_line], lm, workspace=folder, session=session, compiled=False).run()
    finally:
        session.close()


def killed_at(folder: str, moment: int) -> None:
    """In a process of its own: the run, killed at its n-th tick."""
    ticks = count(1)
    go_on(Path(folder), lambda statement: next(ticks) == moment and os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.timeout(300)
def test_killed_at_ten_random_moments_a_run_goes_on_and_repeats_no_side_effect(tmp_path):
    ticks: list[str] = []
    (tmp_path / "whole").mkdir()
    assert go_on(tmp_path / "whole", ticks.append).outcome == "unverified"
    moments = random.Random(7).sample(range(5, len(ticks)), 9)
    for moment in [*moments, ticks.index("added")]:
        folder = tmp_path / str(moment)
        folder.mkdir()
        process = forks().Process(target=killed_at, args=(str(folder), moment))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        result = go_on(folder)
        lines = (folder / "lines.txt").read_text().split()
        assert len(lines) == len(set(lines)), "a side effect happened twice"
        assert result.outcome == "unverified" or result.in_flight, result
        in_flight = {int(re.findall(r"\d+", call)[0]) for call in result.in_flight}
        assert {*map(int, lines)} | in_flight == {*LINES}


def test_a_call_under_way_is_reported_and_not_made_again(tmp_path):
    session = Sessions(tmp_path / "s.sqlite").new(GOAL)
    add_line, lm = adding(tmp_path)
    call = Call(tool="add_line", arguments={"number": 1})
    session.keep_task({"id": "1", "title": "Add line 1", "status": "in_progress", "tool": "add_line"})
    session.intend("1", call)
    result = Agent([add_line], lm, workspace=tmp_path, session=session, compiled=False).run()
    assert result.in_flight == [str(call)]
    assert "1" not in (tmp_path / "lines.txt").read_text().split()
    assert result.tasks[0].status == "failed" and not any("1 added" in str(task.notes) for task in result.tasks)


def test_a_call_under_way_that_only_read_is_made_again(tmp_path):
    (tmp_path / "a.txt").write_text("blue\n")
    session = Sessions(tmp_path / "s.sqlite").new("What does a.txt say?")
    session.keep_task({"id": "1", "title": "Read a.txt", "status": "in_progress", "tool": "read_file"})
    session.intend("1", Call(tool="read_file", arguments={"path": "a.txt"}))
    lm = scripted([plan(("read_file", "Read a.txt"))], [finish("It says blue")])
    result = Agent(lm=lm, workspace=tmp_path, session=session, compiled=False).run()
    assert result.outcome == "unverified" and result.answer == "It says blue" and not result.in_flight


def test_a_finished_task_is_not_done_again(tmp_path):
    add_line, lm = adding(tmp_path)
    held = Sessions(tmp_path / "s.sqlite")
    session = held.new(GOAL)
    for number in (1, 2):
        session.keep_task({"id": str(number), "title": f"Add line {number}", "status": "complete", "tool": "add_line"})
    session.keep_task({"id": "3", "title": "Add line 3", "status": "pending", "tool": "add_line"})
    Agent([add_line], lm, workspace=tmp_path, session=session, compiled=False).run()
    assert (tmp_path / "lines.txt").read_text() == "3\n"


def hold(path: str, ready, over) -> None:
    session = Sessions(path).open("last")
    ready.set()
    over.wait(30)
    session.close()


def test_a_session_is_open_in_one_process(tmp_path):
    path = tmp_path / "s.sqlite"
    held = Sessions(path)
    session_id = _closed(held)
    context = forks()
    ready, over = context.Event(), context.Event()
    process = context.Process(target=hold, args=(str(path), ready, over))
    process.start()
    assert ready.wait(30)
    with pytest.raises(RunLocked, match="another process has it open"):
        held.open(session_id)
    with pytest.raises(RunLocked):
        held.delete(session_id)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    held.open(session_id).close()  # its end ends the lock


def _closed(held: Sessions) -> str:
    session = held.new(GOAL)
    session.close()
    return session.id


def test_fork_is_a_copy_that_changes_by_itself(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    first = held.new(GOAL)
    first.keep_task({"id": "1", "title": "Add line 1"})
    first.say("1", Turn(turn_number=0, role="user", content="hello"))
    first.remember("the door is blue")
    second = held.open(held.fork(first.id))
    assert [task.title for task in second.tasks()] == ["Add line 1"]
    assert second.turns("1")[0].content == "hello" and second.recall("door") == ["the door is blue"]
    second.keep_task({"id": "1", "title": "Other"})
    assert first.tasks()[0].title == "Add line 1"


def test_list_export_and_delete(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    first, second = held.new("one"), held.new("two")
    first.settle(first.intend("1", Call(tool="look", arguments={"at": "ä"})), "seen")
    second.intend("1", Call(tool="look"))
    assert {one.goal for one in held.list()} == {"one", "two"}
    exported = json.loads(json.dumps(held.export(first.id)))
    assert exported["calls"][0]["result"] == "seen" and exported["calls"][0]["arguments"] == {"at": "ä"}
    assert not held.export(second.id)["calls"][0]["settled"]
    first.close()
    held.delete(first.id)
    assert [one.goal for one in held.list()] == ["two"]
    with pytest.raises(UsageError, match="no session"):
        held.open(first.id)
    assert sqlite3.connect(tmp_path / "s.sqlite").execute("SELECT count(*) FROM calls").fetchone() == (1,)


def test_other_sessions_are_recalled_only_where_asked_for(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    held.new("one").remember("Ann's phone number is 555-0199")
    assert held.new("two").recall("phone of Ann") == []
    assert held.new("three", memory=True).recall("phone of Ann") == ["Ann's phone number is 555-0199"]


def test_only_the_owner_can_read_the_file(tmp_path):
    Sessions(tmp_path / "own" / "s.sqlite").new(GOAL)
    assert (tmp_path / "own" / "s.sqlite").stat().st_mode & 0o077 == 0


def test_a_full_disk_stops_a_run_before_the_call(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    session = held.new(GOAL)
    held._database._file.execute("PRAGMA max_page_count = 30")
    made = []

    @tool(effect="runs")
    def add_line(number: int) -> str:
        """Add the line with a number."""
        made.append(number)
        return "x" * 4000

    steps = [step("add_line", number=n % 9 + 1) for n in range(100)]
    lm = scripted([plan(("add_line", "Add the lines 1 to 9"))], steps)
    with pytest.raises(UsageError, match=r"cannot be read or written.*full"):
        Agent([add_line], lm, workspace=tmp_path, session=session, compiled=False).run(GOAL)
    kept = Session(held._database, session.id).calls()
    assert len(made) in (len(kept), len(kept) + 1) and kept[0].result is not None


def test_no_database_is_one_clear_line(tmp_path):
    (tmp_path / "s.sqlite").write_text("not a database, but a long enough text to be looked at as one" * 100)
    with pytest.raises(UsageError, match="cannot be read or written"):
        Sessions(tmp_path / "s.sqlite")


def test_a_thousand_steps_take_time_in_line_with_their_number(tmp_path):
    def seconds(steps: int) -> float:
        session = Sessions(tmp_path / f"{steps}.sqlite").new(GOAL)
        started = time.process_time()
        for number in range(steps):
            call = Call(tool="look", arguments={"at": number})
            with session.together():
                session.settle(session.intend("1", call), "seen " * 50)
                session.say("1", Turn(turn_number=number, role="agent", tool_name="look", tool_output="seen " * 50))
            session.tell({"kind": "result", "number": number})
        assert len(session.turns("1")) == steps
        return time.process_time() - started

    few, many = seconds(200), seconds(1000)
    assert many < 5 * few * 2.5


def test_a_file_without_a_number_is_brought_to_todays_schema(tmp_path):
    with Sessions(tmp_path / "s.sqlite").new(GOAL) as session:
        session.tell({"kind": "note"})
    with sqlite3.connect(tmp_path / "s.sqlite") as file:
        file.execute("PRAGMA user_version = 0")
        file.execute("DROP INDEX events_of")
    with Sessions(tmp_path / "s.sqlite").open() as session:
        assert session.events() == [{"kind": "note"}]
    assert sqlite3.connect(tmp_path / "s.sqlite").execute("PRAGMA user_version").fetchone() == (1,)


def test_a_file_of_a_newer_version_is_left_as_it_is_and_named_in_a_line(tmp_path):
    Sessions(tmp_path / "s.sqlite").close()
    with sqlite3.connect(tmp_path / "s.sqlite") as file:
        file.execute("PRAGMA user_version = 7")
    with pytest.raises(UsageError, match=r"s\.sqlite: made by a newer version \(schema 7; this one knows 1\): update"):
        Sessions(tmp_path / "s.sqlite")


def test_a_database_of_something_else_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "s.sqlite") as file:
        file.execute("CREATE TABLE events (at REAL)")
    with pytest.raises(UsageError, match="holds something else"):
        Sessions(tmp_path / "s.sqlite")
    assert [*sqlite3.connect(tmp_path / "s.sqlite").execute("SELECT name FROM sqlite_master")] == [("events",)]


def test_a_session_is_free_after_its_block(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    with held.new(GOAL) as session, pytest.raises(RunLocked):
        Sessions(tmp_path / "s.sqlite").open(session.id)
    held.open(session.id).close()


def test_a_thousand_steps_are_replayed_and_gone_on_with_in_a_moment(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    session = held.new(GOAL)
    record = Record(GOAL, session, [], None, None)
    ledger = Ledger([], record.on_ledger, record.lock)
    with session.together():
        for number in range(1000):
            call = Call(tool="look", arguments={"at": number})
            task = ledger.add(f"Look at {number}", tool="look")
            ledger.start(task.id, "worker")
            session.settle(session.intend(task.id, call), "seen " * 50)
            record.say(task.id, Turn(turn_number=0, role="agent", tool_name="look", tool_output="seen " * 50))
            ledger.complete(task.id, "tool", "seen")
    session.close()
    started = time.process_time()
    shown = held.export(session.id)
    with held.open(session.id) as again:
        result = Agent([tool(effect="reads")(look)], workspace=tmp_path, session=again).run()
    assert len(shown["events"]) == 3000 and result.outcome == "unverified" and len(result.tasks) == 1000
    assert time.process_time() - started < 2


def look(at: int) -> str:
    """Look at a number."""
    return "seen"


def test_cancelling_while_a_question_is_open_ends_the_run(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    asked, answered, events = threading.Event(), threading.Event(), []

    def ask(question: str) -> str:
        asked.set()
        answered.wait(20)
        return "yes"

    with Sessions(tmp_path / "s.sqlite").new(GOAL_OF_ASK) as session, ThreadPoolExecutor() as pool:
        agent = Agent(workspace=tmp_path, session=session, ask=ask, on_event=events.append)
        running = pool.submit(agent.run, GOAL_OF_ASK)
        asked.wait(20)
        agent.cancel()
        result = running.result(20)
        answered.set()
    assert (result.stopped_by, (tmp_path / "a.txt").exists()) == ("cancelled", True)
    assert "'cancelled'" in str(events) and "nobody is there" not in str(events)
    assert Sessions(tmp_path / "s.sqlite").summary().status == "cancelled"


def test_a_session_goes_on_in_its_own_folder_only(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    held = Sessions(tmp_path / "s.sqlite")
    with held.new(GOAL_OF_ASK) as session:
        Agent(workspace=tmp_path / "one", session=session).run()
        with pytest.raises(UsageError, match=r"belongs to .*one; go on with it there"):
            Agent(workspace=tmp_path / "two", session=session).run()
    assert [len(held.list((tmp_path / name).resolve())) for name in ("one", "two")] == [1, 0]


def test_any_thread_may_close_a_session(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    session = held.new(GOAL)
    with ThreadPoolExecutor() as pool:
        pool.submit(session.close).result()
    with held.open(session.id) as again:
        assert again.id == session.id


def test_a_client_of_a_server_recalls_what_was_remembered_in_its_folder_only(tmp_path):
    held = Sessions(tmp_path / "s.sqlite")
    for folder in ("one", "two"):
        with held.new(folder) as session:
            session.set(workspace=folder)
            session.remember(f"the password of {folder}")
    with held.new("three", memory=True) as session:
        session.set(workspace="one", recalls="folder")
        assert session.recall("password") == session.recall("") == ["the password of one"]
