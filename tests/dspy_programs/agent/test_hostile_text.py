"""What files, tools, skills, people and sessions say is text in every request of the agent's."""

import json

from dspy_programs.agent import Agent, Sessions, tool
from dspy_programs.agent.acting.native_calls import NativeActor
from dspy_programs.agent.chat import Chat
from dspy_programs.agent.checking.judge import judged
from dspy_programs.agent.limits import Limits, Meter, metered
from dspy_programs.agent.scripts.code_mender import CodeMender
from dspy_programs.agent.scripts.facts import FactFinder
from dspy_programs.agent.scripts.script import ScriptWriter
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.tools.skills import skill_tools
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.lm import connect, running_on
from dspy_programs.programs.actor import Actor
from dspy_programs.types import Turn
from tests.dspy_programs.agent.scripted import cannot, plan, prompts_of, scripted, step
from tests.fakes import ChatServer, scripted_lm
from tests.hostile_text import ALL, CHANNELS, faults

HEADING = CHANNELS["field heading"]
TURN = Turn(turn_number=0, role="agent", tool_name="find", tool_input={"q": ALL}, tool_output={"found": [ALL]}, content=ALL)


def sent_to(lm) -> str:
    """Return the text of all requests. None has a part that is no text."""
    parts = [part for request in lm.engine.requests for message in request.messages for part in message.parts]
    assert {part.type for part in parts} == {"text"}
    return "\n".join(prompts_of(lm))


@tool(effect="reads")
def page(path: str) -> dict[str, str]:
    """Fetch a page."""
    return {ALL: ALL, "path": path}


def test_goals_files_results_skills_and_answers_of_people_are_text(tmp_path):
    skill = tmp_path / "skills" / "one"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text(f"---\nname: one\ndescription: Sums\n---\n{ALL}\n")
    work = tmp_path / "work"
    work.mkdir()
    (work / "report.txt").write_text(f"total: 42\n{ALL}\n")
    calls = {
        "read_file": {"path": "report.txt"},
        "use_skill": {"name": "one"},
        "page": {"path": "report.txt"},
        "ask_user": {"question": "What is the total?"},
    }
    tools = [*default_tools(Workspace(work)), *skill_tools(tmp_path / "skills"), page]
    for name, arguments in calls.items():
        goal = f"Do {name} with {' and '.join(arguments.values())}. It says: {ALL}"
        lm = scripted([plan((name, goal), ("write_file", "Write answer.txt"))], [step(name, **arguments), cannot("why")])
        session = Sessions(tmp_path / "s.sqlite").new(goal)
        agent = Agent(tools, lm=lm, workspace=work, session=session, ask=lambda question: ALL, compiled=False)
        tasks = agent.run(goal).tasks
        turns = [turn for task in tasks for turn in session.turns(task.id)]
        assert any("Obey." in str(turn.tool_output) for turn in turns), (name, tasks)
        agent.run(goal)  # from what the session kept
        sent = sent_to(lm)
        assert not faults(sent) and sent.count("Obey.") > 30, name


def test_native_calls_show_text_and_plain_tools():
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": ALL, "enum": [ALL, "x"]}}}
    with ChatServer(lambda prompt: "done") as at:
        lm = metered(connect("openai/any", api_base=at.url), Meter(Limits()), calls_tools=True)
        with running_on(lm):
            tools = [{"name": "find", "description": ALL, "parameters": schema}]
            NativeActor(Actor())(f"Find it {ALL}", tools, ALL, [TURN])
    [body] = map(json.loads, at.requests)
    assert {type(message["content"]) for message in body["messages"]} == {str} and body["tools"]
    texts = [message["content"] for message in body["messages"]]
    assert not faults("\n".join([*texts, json.dumps(body["tools"], ensure_ascii=False)]))


def test_scripts_are_asked_for_with_text(tmp_path):
    (tmp_path / "report.txt").write_text(f"total: 42\n{ALL}\n")
    examples = [{"request": f"Sum it {ALL}", "files": ALL, "script": f"print('{ALL}')"}] * 3
    lm = scripted_lm(lambda prompt: "```python\nprint(open('report.txt').read())\n```")
    failed = Turn(
        turn_number=0, role="agent", tool_name="python", tool_input={"code": "x"}, tool_output=f"{ALL}\n[exit code 1]"
    )
    with running_on(lm):
        writer = ScriptWriter(Workspace(tmp_path), examples)
        writer(task="sum", context=f"Print report.txt {ALL}", trajectory=[failed])
    sent = sent_to(lm)
    assert not faults(sent) and sent.count("Obey.") > 40


def test_code_to_be_corrected_and_prose_that_is_asked_about_are_text(tmp_path):
    (tmp_path / "cart.py").write_text(f"def total():\n    return {ALL!r}\n")
    (tmp_path / "test_cart.py").write_text(f"from cart import total\nassert total() == 3, {ALL!r}\n")
    (tmp_path / "report.txt").write_text(f"{ALL}\nThe roof cost 96,000 euros. The garden cost nothing at all.\n")
    lm = scripted_lm(lambda prompt: "none")
    with running_on(lm):
        CodeMender(Workspace(tmp_path))(task="mend", context=f"`python test_cart.py` fails. {ALL}")
        FactFinder(Workspace(tmp_path))(request=f"From report.txt: how much did the roof cost? {HEADING}")
    sent = sent_to(lm)
    assert not faults(sent) and "96,000" in sent and "return" in sent


def test_a_judge_is_shown_text():
    lm = scripted_lm(lambda prompt: json.dumps({"evidence": "x", "verdict": "met"}))
    with running_on(lm):
        judged(f"It is done {ALL}", [TURN])
    assert not faults(sent_to(lm))


def test_what_was_said_in_a_chat_is_text(tmp_path):
    with ChatServer(lambda prompt: f"Yes. {ALL}") as at:
        held = Sessions(tmp_path / "s.sqlite")
        chat = Chat(connect("openai/any", api_base=at.url), held.new("chat"), held.new, lambda session: None, lambda text: None)
        chat.talk([f"Hello {ALL.replace(chr(10), ' ')}", "And now?"])
    first, *_, second = [json.loads(body)["messages"] for body in at.requests]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    sent = "\n".join(str(message["content"]) for message in [*first, *second])
    own = ("<<CUSTOM-TYPE-", "[[ ## completed ## ]]")  # DSPy's, which it reads in the messages that an adapter makes
    assert [fault for fault in faults(sent) if fault not in own] == []
    assert {type(message["content"]) for message in second} == {str}
