"""The agent as a conversation."""

import io
import sys

import dspy
from dspy import lm15

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent, Sessions
from dspy_programs.agent.chat import Chat
from tests.dspy_programs.agent.scripted import is_planner, plan, step
from tests.fakes import ScriptedEngine, scripted_lm


def answer(prompt: str) -> str:
    if is_planner(prompt):
        return plan(("write_file", "Write hello.txt"))
    if "[[ ## task ## ]]" in prompt:
        return step("write_file", path="hello.txt", content="hello\n")
    return f"You said {len(prompt.splitlines())} lines"


def talk(tmp_path, lines, lm):
    written = []
    held = Sessions(tmp_path / "s.sqlite")
    session = held.new("chat")
    agent_for = lambda own: Agent(lm=lm, workspace=tmp_path, session=own, compiled=False)  # noqa: E731
    Chat(lm, session, held.new, agent_for, written.append).talk(lines)
    return "".join(written), session, held


def test_a_goal_is_worked_on_and_other_text_is_answered(tmp_path):
    lines = ["hi", "/goal Write a greeting to hello.txt", "and now?", "/quit", "not read"]
    text, session, held = talk(tmp_path, lines, scripted_lm(answer))
    assert (tmp_path / "hello.txt").read_text() == "hello\n"
    assert "- [x] Write hello.txt" in text and "written: hello.txt" in text
    assert [turn.role for turn in session.turns("chat")] == ["user", "agent"] * 3
    assert len(held.list()) == 2


def test_a_plan_is_shown_and_nothing_done(tmp_path):
    text, _, held = talk(tmp_path, ["/plan Write a greeting to hello.txt", "/exit"], scripted_lm(answer))
    assert text == "- [ ] Write hello.txt\n"
    assert [one.goal for one in held.list()] == ["chat"]
    assert not (tmp_path / "hello.txt").exists()


def test_an_unknown_command_and_a_failing_model_do_not_end_it(tmp_path):
    def broken(prompt: str) -> str:
        raise lm15.TransportError("down")

    text, *_ = talk(tmp_path, ["/gaol x", "", "hello", "/goal Write hello.txt", "/quit"], scripted_lm(broken))
    assert text.startswith("/goal TEXT works on a goal")
    assert text.count("error: ") == 2


def test_a_long_conversation_is_sent_within_the_budget(tmp_path):
    lm = scripted_lm(lambda prompt: "word " * 300)
    talk(tmp_path, [f"Message {number} " + "long " * 300 for number in range(12)], lm)
    assert len(lm.engine.prompts[-1].split()) < 2500


class Writing(ScriptedEngine):
    """Tells its answer word by word."""

    def stream(self, request):
        start, *_, end = super().stream(request)
        words = self.answer("").split(" ")
        yield start
        yield from (lm15.StreamDeltaEvent(delta=lm15.TextDelta(text=f"{word} ", part_index=0)) for word in words)
        yield end


def test_an_answer_is_shown_as_it_is_written(tmp_path):
    written = []
    session = Sessions(tmp_path / "s.sqlite").new("chat")
    lm = dspy.LM("scripted/x", engine=Writing(lambda prompt: "one two three"), cache=False)
    Chat(lm, session, None, None, written.append).talk(["count", "/quit"])
    assert written == ["one ", "two ", "three ", "\n"]
    assert session.turns("chat")[-1].content == "one two three "


def test_the_command_reads_standard_input(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("/plan Rename a.txt to b.txt\nhello\n/quit\n"))
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.txt").write_text("x")
    assert main(["chat", "--no-llm", "--workspace", str(work), "--sessions", str(tmp_path / "s.sqlite")]) == 0
    text = capsys.readouterr().out
    assert "- [ ] " in text and "There is no model" in text and (work / "a.txt").exists()
