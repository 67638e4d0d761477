"""Which challengers met the same rows before, and what a row counts whose label is a guess."""

import dspy
import pytest

from dspy_programs.tables import Row
from optimizers.calls import Journal, Meter, recorded
from optimizers.data import examples_of, fields_of
from optimizers.loop.comparison import challengers_before, compare, rows_digests
from optimizers.recipes import RECIPES
from optimizers.scoring import Runner
from optimizers.search import showing
from optimizers.training import job_of
from tests.fakes import plan_reply, scripted_lm, toy_row


def rows_of(numbers):
    inputs = ("goal", "tools", "progress")
    return [dspy.Example(toy_row(number)).with_inputs(*inputs) for number in numbers]


def decision(rows, module="planner", lm="openai/x"):
    return {"kind": "decision", "module": module, "lm": lm, "held_back": rows_digests(rows)}


def test_only_challengers_on_mostly_the_same_rows_count():
    rows = rows_of(range(20))
    history = [
        decision(rows),
        decision(rows_of(range(5, 25))),
        decision(rows_of(range(15, 40))),  # a quarter of the rows
        decision(rows, module="actor"),
        decision(rows, lm="openai/y"),
        {"kind": "promoted", "module": "planner", "lm": "openai/x"},
    ]
    assert len(challengers_before(history, "planner", "openai/x", rows_digests(rows))) == 2


def test_a_challenger_that_is_compared_again_over_the_same_champion_counts_once():
    rows = rows_of(range(20))
    again = [
        {**decision(rows), "identity": name, "over": over} for name, over in (("a", "x"), ("a", "x"), ("b", "x"), ("a", "y"))
    ]
    found = challengers_before(again, "planner", "openai/x", rows_digests(rows))
    assert found == ["a over x", "b over x", "a over y"]


@pytest.mark.parametrize(("weight", "decided"), [(1.0, "promote"), (0.02, "refuse")])
def test_a_row_whose_label_is_a_guess_counts_as_much_as_it_is_likely(weight, decided):
    """The champion is wrong on every row, the challenger, which shows two rows, nearly right."""

    def answer(prompt):
        goal = prompt.rsplit("[[ ## goal ## ]]", 1)[1].split("with ")[1].split(".")[0]
        return plan_reply(goal.split(" then ")[:4] if "Do job 0 " in prompt else ["tool_a"])

    recipe = RECIPES["planner"]
    columns = {split: rows_of(numbers) for split, numbers in (("train", range(2)), ("val", range(2, 4)), ("test", range(4, 6)))}
    fields = fields_of(recipe.new_program, recipe.labels)
    tables = {
        split: examples_of((Row(split, at, dict(row.toDict())) for at, row in enumerate(rows, 1)), split, split, fields)
        for split, rows in {**columns, "test": rows_of(range(10, 60))}.items()
    }
    job = job_of(recipe, tables, 0)
    champion = job.starts[0].texts
    meter = Meter()
    runner = Runner(recorded(scripted_lm(answer), "task", Journal(), meter), meter)
    weights = {row.id: weight for row in tables["test"]}
    found = compare(job, champion, showing(champion, ["toy-0"]), tables["test"], runner, weights=weights)
    assert found.verdict.decision == decided
    assert len(found.champion) == len(found.challenger) == found.verdict.rows <= 50
