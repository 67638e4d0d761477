"""A task done by one script: what the model is shown, what becomes of its reply, and that a run goes on after a bad one."""

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.checking.second_opinion import End, agree, is_same
from dspy_programs.agent.scripts.files_shown import files_shown
from dspy_programs.agent.scripts.script import ScriptWriter, is_for_a_script
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.lm import running_on
from dspy_programs.types import Turn
from tests.fakes import scripted_lm

COUNT = "n = sum('ERROR' in line for line in open('server.log'))\nopen('errors.txt', 'w').write(f'{n}\\n')"
OTHER_COUNT = COUNT.replace("{n}", "Errors: {n}")
GOAL = "How many ERROR lines are in server.log? Write the number into errors.txt"
LOG = "a ERROR b\nfine\nERROR c\n"


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "server.log").write_text(LOG)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "old.txt").write_text("long ago\n" * 1000)
    return Workspace(tmp_path)


def block(code):
    return f"Here it is:\n```python\n{code}\n```\nThis counts them."


def step(workspace, reply, context=GOAL, trajectory=()):
    with running_on(scripted_lm(lambda prompt: reply)):
        return ScriptWriter(workspace)(task="count", context=context, trajectory=trajectory)


def test_the_block_of_a_reply_is_the_call(workspace):
    assert step(workspace, block(COUNT)).calls[0].arguments == {"code": COUNT + "\n"}
    assert step(workspace, COUNT).calls[0].arguments == {"code": COUNT + "\n"}
    assert step(workspace, f"```\n{COUNT}").calls[0].arguments == {"code": COUNT + "\n"}


def test_a_script_that_does_not_look_for_what_the_request_names_is_written_anew_once(workspace):
    workspace.write("sales.csv", "region,revenue\n" + "south,2\nnorth,3\nnorth,4\n" * 3)
    asks, code = "Write the revenue of the south region in sales.csv to south.txt", "open('south.txt', 'w').write('9')"
    found = step(workspace, block(code), context=asks)
    assert found.problems == ["the script does not look for 'south', which the request names"]
    told = Turn(turn_number=0, role="system", content=found.problems[0])
    assert step(workspace, block(code), context=asks, trajectory=[told]).calls
    assert step(workspace, block(f"region = 'South'\n{code}"), context=asks).calls


def test_forgotten_imports_are_put_in_front(workspace):
    code = step(workspace, block("import re\nre.sub('a', 'b', json.dumps(Path('x').name))")).calls[0].arguments["code"]
    assert code.startswith("import json\nfrom pathlib import Path\nimport re\n")
    assert step(workspace, block("json = 1\nprint(json)")).calls[0].arguments["code"].startswith("json = 1")


@pytest.mark.parametrize(
    "reply", ["", "I cannot do that.", block("open('x'"), block("n = 1\x00"), block("# nothing"), '```json\n{"a": 1}\n```']
)
def test_a_reply_that_is_no_script_is_a_failure_and_no_call(workspace, reply):
    found = step(workspace, reply)
    assert found.failure is not None and not found.calls


def test_what_the_model_says_is_missing_is_not_made_up(workspace):
    found = step(workspace, "MISSING: the new address")
    assert (found.calls, found.cannot, found.missing[0].why) == ([], "the new address", "this is missing: the new address")


@pytest.mark.parametrize(
    ("value", "is_known"),
    [
        ("new@example.com", False),
        ("030 5550199", False),
        ("https://example.com/x", False),
        ("help@acme.example", True),  # in the request
        ("Error 404", True),  # no address, number or id that one makes up
    ],
)
def test_a_value_that_nobody_said_is_missing(workspace, value, is_known):
    found = step(workspace, block(f"open('a.txt', 'w').write({value!r})"), context="Write to a.txt, as help@acme.example says")
    assert bool(found.calls) is is_known
    assert bool(found.missing) is not is_known


def test_a_value_in_a_file_is_known(workspace):
    workspace.write("contact.txt", "call 030 5550199\n")
    assert step(workspace, block("open('a.txt', 'w').write('030 5550199')")).calls


def test_the_model_sees_named_files_first_and_only_beginnings(workspace):
    shown = files_shown(GOAL, workspace)
    assert f"--- server.log\n{LOG.rstrip()}" in shown and "notes/old.txt" in shown and "long ago" not in shown
    assert "long ago" in files_shown("what is in notes/old.txt?", workspace)
    assert len(files_shown("what is in notes/old.txt?", workspace)) < 1200
    for number in range(100):
        workspace.write(f"more/{number}.txt", "x" * 500)
    assert len(files_shown("anything", workspace)) < 5000


def test_the_nearest_examples_are_shown_and_never_the_task_itself(workspace):
    examples = [
        {"request": GOAL, "files": "", "script": "own = 1\n"},
        {"request": "How many WARN lines are in web.log?", "files": "web.log", "script": "warn = 1\n"},
        {"request": "Count the ERROR lines in x.log", "files": "x.log", "script": "error = 1\n"},
        {"request": "Paint a picture of a cat", "files": "", "script": "cat = 1\n"},
    ]
    engine = scripted_lm(lambda prompt: block(COUNT))
    with running_on(engine):
        ScriptWriter(workspace, examples)(task="count", context=GOAL)
    prompt = engine.engine.prompts[0]
    assert "error = 1" in prompt and "own = 1" not in prompt and "cat = 1" not in prompt


def test_an_example_is_found_by_what_it_is_about_though_its_request_has_other_words(workspace):
    examples = [
        {"request": "How many ERROR lines? Write them", "about": "rename files", "files": "", "script": "far = 1\n"},
        {"request": "Tally web.txt", "about": "count how many lines", "files": "", "script": "near = 1\n"},
        {"request": "Server, errors, number", "about": "sort rows", "files": "", "script": "farther = 1\n"},
    ]
    engine = scripted_lm(lambda prompt: block(COUNT))
    with running_on(engine):
        ScriptWriter(workspace, examples)(task="count", context=GOAL)
    prompt = engine.engine.prompts[0]
    assert "near = 1" in prompt and prompt.index("near = 1") > prompt.index("far = 1")  # the nearest comes last


def test_the_error_of_the_last_script_goes_back_and_the_script_does_not(workspace):
    engine = scripted_lm(lambda prompt: block(COUNT))
    turns = [
        Turn(
            turn_number=0,
            role="agent",
            tool_name="python",
            tool_input={"code": "1/0"},
            tool_output="ZeroDivisionError\n[exit code 1]",
        ),
        Turn(turn_number=1, role="system", content="errors.txt is not there"),
    ]
    with running_on(engine):
        ScriptWriter(workspace)(task="count", context=GOAL, trajectory=turns)
    prompt = engine.engine.prompts[0]
    assert "failed: ZeroDivisionError" in prompt and "1/0" not in prompt  # a small model would write it again


def test_the_same_script_is_not_run_twice_and_after_four_it_gives_up(workspace):
    def ran(code):
        return Turn(turn_number=0, role="agent", tool_name="python", tool_input={"code": code}, tool_output="")

    assert step(workspace, block(COUNT), trajectory=[ran(COUNT + "\n")]).problems
    assert "4 scripts" in step(workspace, block(COUNT), trajectory=[ran(code) for code in "1234"]).cannot


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (GOAL, True),
        ("tidy up notes/ please", True),
        ("put it in result.csv", True),
        ("What is the capital of France?", False),
        ("Write to me at ada@example.com", False),
    ],
)
def test_a_script_is_for_goals_about_files(workspace, goal, expected):
    assert is_for_a_script(goal, workspace) is expected


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_a_run_mends_its_script_until_the_goal_is_reached(tmp_path, workspace):
    spoils = "open('server.log', 'a').write('ERROR z')\nopen('wrong.txt', 'w').write('2')"
    replies = iter([block(spoils), block(COUNT), block(OTHER_COUNT)])
    done = Agent(lm=scripted_lm(lambda prompt: next(replies), "local/scripted"), workspace=tmp_path, compiled=False).run(GOAL)
    assert done.completed and (tmp_path / "errors.txt").read_text() == "2\n"
    assert not (tmp_path / "wrong.txt").exists()  # what failed leaves nothing behind
    assert [task.tool for task in done.tasks] == ["python"] and done.tasks[0].checked_by == "agreement"
    assert done.cost.model_calls == 3


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_what_a_script_prints_is_the_answer_to_a_question(tmp_path, workspace):
    asks = "How many ERROR lines are in server.log?"
    right = block("print(sum('ERROR' in line for line in open('server.log')))")
    replies = iter([block("n = 2"), right, block("print('There are 2')")])
    done = Agent(lm=scripted_lm(lambda prompt: next(replies), "local/scripted"), workspace=tmp_path, compiled=False).run(asks)
    assert done.completed and done.answer == "2" and done.cost.model_calls == 3


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_work_that_no_check_knows_counts_when_something_came_of_it(tmp_path, workspace):
    lm = scripted_lm(lambda prompt: block("import os\nos.rename('notes/old.txt', 'notes/2020.txt')"), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run("Tidy up the folder notes/ by year")
    assert done.outcome == "unverified" and (tmp_path / "notes" / "2020.txt").exists() and done.cost.model_calls == 2
    assert done.tasks[0].checked_by == "agreement"


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_a_file_that_the_goal_has_no_word_of_is_put_back_and_nobody_plans_after_four_scripts(tmp_path, workspace):
    spoils = [block(f"{COUNT}\nopen('notes/old.txt', 'a').write('{number}')") for number in range(4)]
    lm = scripted_lm(lambda prompt: spoils.pop(0), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run(GOAL)
    assert not done.completed and "notes/old.txt, which was not asked for" in done.why and done.cost.model_calls == 4
    assert workspace.text("notes/old.txt").endswith("ago\n") and not (tmp_path / "errors.txt").exists()


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_what_a_failing_command_says_and_the_code_that_it_is_about_are_shown(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text("def total(a):\n    return a + 1\n")
    (tmp_path / "check.py").write_text("from shop.cart import total\n\nassert total(1) == 1, 'two, not one'\n")
    (tmp_path / "other.py").write_text("OTHER = 1\n")
    lm = scripted_lm(lambda prompt: block("def total(a):\n    return a"), "local/scripted")
    assert Agent(lm=lm, workspace=tmp_path, compiled=False).run("`python check.py` fails. Make it pass.").completed
    prompt = lm.engine.prompts[0]
    assert "two, not one" in prompt and "return a + 1" in prompt and "OTHER" not in prompt


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_the_same_script_after_the_same_examples_confirms_nothing(tmp_path, workspace):
    scripts = [COUNT, COUNT.replace("{n}", "7"), COUNT, COUNT.replace("{n}", "8")]
    lm = scripted_lm(lambda prompt: block(scripts.pop(0)), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run(GOAL)
    assert not done.completed and "no two scripts came to the same" in done.why


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_a_result_that_no_other_script_comes_to_is_to_be_read(tmp_path, workspace):
    scripts = [COUNT, "1 / 0", "raise SystemExit(3)", "open('errors.txt', 'w')"]
    lm = scripted_lm(lambda prompt: block(scripts.pop(0)), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run(GOAL)
    assert done.outcome == "unverified" and done.tasks[0].checked_by == "nothing" and "read errors.txt" in done.why


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
@pytest.mark.parametrize(("fourth", "believed"), [("2", True), ("9", False)])
def test_a_result_is_believed_if_two_scripts_come_to_it(tmp_path, workspace, fourth, believed):
    scripts = [f"open('errors.txt', 'w').write('{found}')" for found in ("2", "7", "8", fourth)]
    lm = scripted_lm(lambda prompt: block(scripts.pop(0)), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run(GOAL)
    assert (done.outcome == "unverified") is believed and done.cost.model_calls == 4
    if believed:
        assert (tmp_path / "errors.txt").read_text() == "2"
    else:
        assert (
            "errors.txt: 2 / errors.txt: 7 / errors.txt: 8 / errors.txt: 9" in done.why
            and not (tmp_path / "errors.txt").exists()
        )


@pytest.mark.parametrize(
    ("end", "nothing"),
    [
        (End({"a.json": "{}\n"}, ""), True),
        (End({"a.txt": "MISSING: the file"}, ""), True),
        (End({}, "None"), True),
        (End({"a.txt": "0"}, ""), False),
        (End({"a.txt": None}, ""), False),
        (End({"a.json": "{}", "b.txt": "3"}, ""), False),
    ],
)
def test_what_is_empty_is_no_result(end, nothing):
    assert end.is_nothing is nothing


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a,b\n1,2\n", "a,b\n\n1,2", True),
        ("a,b,low\n1,2,\n", "a,b\n1,2\n", False),
        ("Total: 315.5 euros", "315.50", True),
        ("Total: 315.5 euros", "Sum: 315.50", False),
        ('{"a": 1}', '{ "a": 1.0 }', True),
        ("- Ada Finch", "Ada Finch", False),
    ],
)
def test_what_is_nearly_the_same_is_not_the_same(one, other, same):
    assert is_same(End({"a.txt": one}, ""), End({"a.txt": other}, "")) is same


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Total: 315.5 euros", "315.50\n", True),
        ("96,000 euros", "96000", True),
        (
            "- src/a.py: name this\n- src/b.py: handle None",
            "src/a.py: # TODO: name this\nsrc/b.py: # TODO: handle None\n",
            True,
        ),
        ("- src/b.py: handle None", "src/a.py: # TODO: name this\nsrc/b.py: # TODO: handle None\n", False),
        ("3", "4", False),
        ('{"a": [1, 2]}', '{\n "a": [1,\n 2]}', True),
        ("Ada", "Bob", False),
    ],
)
def test_results_are_compared_by_what_they_say(one, other, expected):
    assert agree(End({"a.txt": one}, ""), End({"a.txt": other}, "")) is expected
    assert agree(End({}, one), End({}, other)) is expected
    assert not agree(End({"a.txt": one}, ""), End({"b.txt": one}, ""))


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
@pytest.mark.parametrize("spoils", ["open('server.log', 'a').write('2 errors')", "print('MISSING: a date')"])
def test_a_file_that_is_only_read_stays_and_what_a_script_finds_missing_is_said(tmp_path, workspace, spoils):
    lm = scripted_lm(lambda prompt: block(f"{COUNT}\n{spoils}"), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run(GOAL)
    assert not done.completed and workspace.text("server.log") == LOG and not (tmp_path / "errors.txt").exists()
    assert ("MISSING: a date" in done.why) is ("MISSING" in spoils)


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_a_table_whose_rows_do_not_fit_its_header_is_written_again(tmp_path):
    (tmp_path / "staff.csv").write_text("name,room,pay\nAbel,12,9\n")
    ragged = "open('public.csv', 'w').write('name,room\\nAbel,12,9\\n')"
    right = "rows = open('staff.csv').readlines()\nopen('public.csv', 'w').write('name,room\\nAbel,12\\n')"
    replies = iter([block(ragged), block(right), block(f"{right}\n# again")])
    lm = scripted_lm(lambda prompt: next(replies), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run("Copy the names and rooms of staff.csv to public.csv")
    assert done.outcome != "failed" and (tmp_path / "public.csv").read_text() == "name,room\nAbel,12\n", done.why
    assert "row 2 has 3 cells, and the header 2" in lm.engine.prompts[1]


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_what_meets_criteria_that_do_not_say_all_stays_when_other_scripts_differ_and_is_not_verified(tmp_path):
    (tmp_path / "a.md").write_text("a\n")
    goal = "Rename a.md to b.md and put its number of letters into it"
    scripts = [f"import os\nos.rename('a.md', 'b.md')\nopen('b.md', 'w').write('{number} letters')" for number in range(4)]
    lm = scripted_lm(lambda prompt: block(scripts.pop(0)), "local/scripted")
    done = Agent(lm=lm, workspace=tmp_path, compiled=False).run(goal)
    assert done.outcome == "unverified" and "other scripts came to something else" in done.why, done
    assert (tmp_path / "b.md").read_text() == "0 letters" and not (tmp_path / "a.md").exists()


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_a_value_that_a_script_makes_up_is_one_question_and_the_answer_is_used(tmp_path):
    (tmp_path / "card.txt").write_text("Ada Finch\n")
    made_up, right = (f"open('card.txt', 'a').write('{mail}\\n')" for mail in ("ada@finch.example", "ada@loom.example"))
    asked = []
    lm = scripted_lm(lambda prompt: block(right if "ada@loom.example" in prompt else made_up), "local/scripted")
    agent = Agent(lm=lm, workspace=tmp_path, compiled=False, ask=lambda question: asked.append(question) or "ada@loom.example")
    agent.run("Write Ada's mail into card.txt, below the name")
    assert (tmp_path / "card.txt").read_text() == "Ada Finch\nada@loom.example\n"
    assert len(asked) == 1 and "'ada@finch.example', which nobody said and no file has. What should be used" in asked[0]


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
@pytest.mark.parametrize("answer", ["Monday", None])
def test_what_a_model_finds_missing_is_one_question(tmp_path, answer):
    (tmp_path / "plan.txt").write_text("Plan\n")
    script = block("open('plan.txt', 'a').write('Monday\\n')")
    asked = []
    lm = scripted_lm(lambda prompt: script if "Monday" in prompt else "MISSING: the day of the party", "local/scripted")
    agent = Agent(lm=lm, workspace=tmp_path, compiled=False, ask=lambda question: asked.append(question) or answer)
    done = agent.run("Write the day of the party into plan.txt, at the end")
    assert len(asked) == 1 and "this is missing: the day of the party. What should be used instead?" in asked[0]
    assert (tmp_path / "plan.txt").read_text() == ("Plan\nMonday\n" if answer else "Plan\n")
    assert (done.outcome == "failed") is (answer is None) and ("missing: the day of the party" in done.why) is (answer is None)
