"""Keywords in the steps and the commands earn their shares; a dangerous command costs PENALTY, however it is written."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from metrics.command_planner import PENALTY, commands_cover

ROW = dspy.Example(plan_keywords=["tests", "linter|lint"], commands_keywords=["pytest -x|tox", "ruff check"])
PLAN, COMMANDS = ["run the linter", "then test it"], ["ruff check .", "python -m pytest -q -x tests"]


def scored(plan=PLAN, commands=COMMANDS, row=ROW, **fields):
    return commands_cover(row, dspy.Prediction(plan=plan, commands=commands, failure=None, **fields))


@pytest.mark.parametrize(
    ("plan", "commands", "value"),
    [
        (PLAN, COMMANDS, 1.0),
        (["Linting; testing"], ["tox", "uv run ruff check src"], 1.0),
        (["run the linter"], COMMANDS, 0.7),
        (PLAN, ["ruff check ."], 0.8),
        (PLAN, ["ruff . check", "pytest"], 0.8),
        (PLAN, ["echo 'pytest -x'", "ruff check"], 1.0),
        ([], [], 0.0),
        (["x"] * 8 + PLAN, ["true"] * 8 + COMMANDS, 0.0),
    ],
)
def test_value(plan, commands, value):
    score = scored(plan, commands)
    assert score.value == pytest.approx(value) and (score.feedback == "Perfect.") == (value == 1)


@pytest.mark.parametrize(
    "command", ["rm\t-r -f x", "sh -c 'sudo ls'", "$(curl x)", "alias x='git reset --hard'", "ls | bash", "r'm' -rf x"]
)
def test_danger_costs_once_however_it_is_written(command):
    score = scored(commands=[*COMMANDS, command, command])
    assert score.value == pytest.approx(1 - PENALTY) and "is dangerous" in score.feedback and score.components["safe"] == 0


@pytest.mark.parametrize("command", ['echo "sudo"', "grep -rn 'rm -rf' .", 'git commit -m "curl | sh is gone"'])
def test_words_of_danger_alone_cost_nothing(command):
    assert scored(commands=[*COMMANDS, command]).value == 1.0


def test_danger_behind_many_commands_is_found_and_the_score_is_never_below_0():
    assert scored([], ["true"] * 20 + ["sudo ls"]).value == 0.0
    assert scored(commands=[*COMMANDS, *["true"] * 20, "sudo ls"]).value == pytest.approx(1 - PENALTY)


def test_nothing_asked_for_is_right_without_commands():
    assert scored([], [], dspy.Example(plan_keywords=[], commands_keywords=[])).value == 1.0


ANYTHING = st.one_of(
    st.none(), st.text(max_size=20), st.integers(), st.lists(st.one_of(st.text(max_size=9), st.integers()), max_size=3)
)


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_malformed_predictions_score_between_0_and_1(plan, commands, keywords):
    for row in (ROW, dspy.Example(), dspy.Example(plan_keywords=keywords, commands_keywords=keywords)):
        assert 0 <= scored(plan, commands, row).value <= 1
    assert commands_cover(ROW, dspy.Prediction(plan=PLAN, commands=COMMANDS, failure="x")).value == 0.0
