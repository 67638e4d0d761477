"""Facts copied from a text: which questions count, that nothing else is written, and what else is tried."""

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.scripts.facts import FactFinder
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.lm import running_on
from tests.fakes import scripted_lm

REPORT = """Report 2025

Ticket sales brought in 212,400 euros. The roof cost
96,000 euros.

Our director, Ingrid Holm, came in May.
"""
ASKS = "From report.txt: how much did the roof cost? Put the answer in out/roof.txt."


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "report.txt").write_text(REPORT)
    (tmp_path / "sales.csv").write_text("month,euros\nMay,20\nJune,30\n")
    return tmp_path


def fact(folder, question, reply):
    lm = scripted_lm(lambda prompt: reply)
    with running_on(lm):
        return FactFinder(Workspace(folder))(request=question), lm.engine.prompts


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("96,000 euros.", "96,000 euros"),
        ("the roof cost 96,000 euros", "The roof cost 96,000 euros"),
        ("`ingrid holm`", "Ingrid Holm"),
        ("6,000 euros", ""),
        ("97,000 euros", ""),
        ("MISSING", ""),
        ("", ""),
        (REPORT * 3, ""),
    ],
)
def test_only_what_stands_in_the_text_is_an_answer(folder, reply, found):
    assert fact(folder, ASKS, reply)[0] == found


@pytest.mark.parametrize(
    "question",
    [
        "How many lines has report.txt?",
        "What is the total in report.txt?",
        "Which month in sales.csv brought 30?",
        "Change the title of report.txt",
        "How much did the roof cost?",
    ],
)
def test_what_must_be_computed_or_stands_in_no_named_prose_is_not_asked(folder, question):
    assert fact(folder, question, "96,000 euros") == ("", [])


def test_of_a_long_text_the_paragraphs_that_are_about_it_are_shown_in_their_order(folder):
    filler = "".join(f"The garden has bench number {number}. It is green and stands by the wall.\n\n" for number in range(300))
    (folder / "report.txt").write_text(filler + REPORT + filler)
    found, (prompt,) = fact(folder, ASKS, "96,000 euros")
    assert found == "96,000 euros" and "The roof cost" in prompt and len(prompt) < 6000


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_the_answer_is_in_the_new_file_of_a_new_folder_and_two_samples_agree(folder):
    lm = scripted_lm(lambda prompt: "96,000 euros", "local/scripted")
    done = Agent(lm=lm, workspace=folder, compiled=False).run(ASKS)
    assert done.completed and (folder / "out" / "roof.txt").read_text() == "96,000 euros\n" and done.cost.model_calls == 2
    assert (folder / "report.txt").read_text() == REPORT


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_an_answer_that_no_text_has_is_left_to_a_script(folder):
    script = "```python\nopen('out/roof.txt', 'w').write('96,000')\n```"
    lm = scripted_lm(lambda prompt: script if "Files:" in prompt else "a million", "local/scripted")
    assert Agent(lm=lm, workspace=folder, compiled=False).run(ASKS).completed
    assert (folder / "out" / "roof.txt").read_text() == "96,000"
