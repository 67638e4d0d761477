"""The agent's page in a browser, wide and narrow: a goal is typed, questions are answered, and the end is seen.

PICTURES=DIR keeps what it looked like.
"""

import os
from pathlib import Path

import pytest

from dspy_programs.agent import AgentConfig
from dspy_programs.serve.agent_runs import AgentRuns
from tests.browser import INSTALL, browser, program
from tests.dspy_programs.agent.scripted import finish, plan, scripted, step
from tests.fakes import ChatServer
from tests.servers import running

pytestmark = pytest.mark.skipif(program() is None, reason=INSTALL)
GOAL = "Ask me for a title, write it into title.md, and delete old.txt."
MARKUP = "<img src=x onerror='document.title=1'> Spring"


PLAN = plan(("write_file", "Write title.md"), ("delete_file", "Delete old.txt"))
STEPS = [
    step("ask_user", question="Which title shall it have?"),
    step("write_file", path="title.md", content=MARKUP),
    step("delete_file", path="old.txt"),
    finish("It is gone."),
]


@pytest.fixture(scope="module")
def page():
    with browser() as page:
        yield page


@pytest.mark.parametrize("width", [1200, 390])
def test_a_goal_is_followed_to_its_end(tmp_path, page, width):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "old.txt").write_text("old\n")
    pictures = Path(os.environ.get("PICTURES") or tmp_path)
    config = AgentConfig(workspace=str(tmp_path / "work"), sessions=str(tmp_path / "s.sqlite"), lm="openai/scripted")
    with ChatServer(scripted([PLAN], STEPS).engine.answer) as model:
        connection = {"api_base": model.url, "api_key": "none", "no_cache": True}
        with running(key="a-key-for-tests-0123456789", runs=AgentRuns(config, connection)) as server:
            page.open(f"{server.url}/agent", width)
            page.until("document.querySelector('#state').textContent.includes('key')")
            page.errors.clear()  # the 401 before there was a key
            page.type("#key", "a-key-for-tests-0123456789")
            page.type("#goal", GOAL)
            page.click("#start button")

            page.until("document.querySelector('#asked').textContent.includes('Which title')")
            assert page.value("[...document.querySelectorAll('#tasks li')].map(line => line.textContent.slice(0, 3))") == [
                "[-]",
                "[ ]",
            ]
            page.picture(pictures / f"agent-{width}-question.png")
            fits(page, width)
            page.type("#reply", MARKUP)
            page.press("Enter")

            page.until("document.querySelector('#asked').textContent.includes('old.txt')")
            page.picture(pictures / f"agent-{width}-permission.png")
            assert page.value("document.querySelector('#reply').value") == "", "not the answer to the question before"
            page.click("[data-answer=yes]")

            page.until("document.querySelector('#state').textContent.startsWith('done, but not verified')")
            page.until("document.querySelector('#cancel').hidden")
            page.until("document.querySelector('#sessions').value")
            page.until("document.querySelector('#sessions').innerText.includes('unverified')")
            page.picture(pictures / f"agent-{width}-end.png")
            fits(page, width)
            at_the_end(page)
            assert (tmp_path / "work" / "title.md").read_text() == MARKUP and not (tmp_path / "work" / "old.txt").exists()

            page.value("document.querySelector('#tasks').replaceChildren()")
            page.click("#past button")  # and again, from what is on file
            page.until("document.querySelectorAll('#tasks li').length == 2 && document.querySelector('#cancel').hidden")
            at_the_end(page)
    assert page.errors == []


def at_the_end(page):
    lines = page.value("[...document.querySelectorAll('#tasks li')].map(line => line.className + line.textContent.slice(0, 3))")
    assert lines == ["complete[x]"] * 2
    assert page.value("document.querySelector('#state').className") == "unverified"
    assert "tokens" in page.value("document.querySelector('#state').textContent")
    log = page.value("document.querySelector('#log').textContent")
    assert MARKUP in log.replace('\\"', '"') and "call: delete_file" in log
    assert page.value("document.images.length") == 0, "what a run says is text"


def fits(page, width):
    """Nothing is wider than the window, and what is pressed is large enough for a finger."""
    assert page.value("document.documentElement.scrollWidth") <= width
    seen = "[...document.querySelectorAll('button, input, select')].map(e => e.getBoundingClientRect()).filter(b => b.width)"
    boxes = page.value(f"{seen}.map(b => [b.left, b.right, b.height])")
    assert page.value("[...document.querySelectorAll('button')].every(e => e.scrollWidth <= e.clientWidth)")
    assert boxes and all(left >= 0 and right <= width and height >= 32 for left, right, height in boxes), boxes
