"""The learning curve on a scripted model: rows of one's own help, none is shown to itself, nothing is asked twice."""

import json
import re

import pytest

from dspy_programs.predict import NEAREST
from dspy_programs.registry import compiled_store as store
from optimizers.data import data_directory, read_split
from optimizers.learning_curve import curve, main
from optimizers.recipes import RECIPES
from tests.fakes import ChatServer, plan_reply, scripted_lm

PLANNER = RECIPES["planner"]
LM = "scripted/planner"
SHIPPED = store.shipped_directory() / "planner" / "qwen2.5-coder-1.5b.json"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "compiled"))


def goals_of(prompt):
    return re.findall(r"\[\[ ## goal ## \]\]\n(.*)", prompt)


def test_rows_of_ones_own_are_shown_but_never_to_themselves_and_nothing_is_asked_twice(tmp_path):
    store.write_atomically(tmp_path / "compiled" / "planner" / f"{store.file_name(LM)}.json", SHIPPED.read_bytes())
    own = read_split(data_directory("planner") / "transfer_val.jsonl", PLANNER.program, PLANNER.labels)
    right = {row.goal: plan_reply([task.tool for task in row.tasks]) for row in own}
    seen = []

    def answer(prompt):
        *shown, goal = goals_of(prompt)
        seen.append((tuple(shown), goal))
        return right[goal] if set(shown) & set(right) else plan_reply([own[0].tools[0].name])

    first = list(curve(PLANNER, scripted_lm(answer, LM), 4, 0, 1))
    assert [(point.own, point.shipped) for point in first] == [(n, s) for n in (0, 10, 30) for s in (False, True)]
    assert not [goal for shown, goal in seen if goal in shown]
    assert max(len(shown) for shown, _ in seen) <= NEAREST
    plain, alone = first[0], next(point for point in first if point.own == 30 and not point.shipped)
    assert plain.lift.mean == 0 and alone.score.mean == 1 and alone.lift.low > 0
    asked = len(seen)
    assert list(curve(PLANNER, scripted_lm(answer, LM), 4, 0, 1)) == first and len(seen) == asked


def test_command_prints_every_point_and_writes_them(tmp_path, capsys):
    with ChatServer() as server:
        command = ["--module", "planner", "--lm", "openai/scripted", "--api-base", server.url, "--rows", "2"]
        assert main([*command, "--threads", "1", "--json", "curve.json"]) == 0
    points = json.loads((tmp_path / "curve.json").read_text())["points"]
    assert [(point["own"], point["shipped"]) for point in points] == [(0, False), (10, False), (30, False)]
    assert capsys.readouterr().out.count("against none") == len(points)
