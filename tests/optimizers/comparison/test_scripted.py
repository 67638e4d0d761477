"""Ours against stock dspy.GEPA on scripted models: the smallest cells, and that the worlds are what they are said to be."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from optimizers.benchmark import main
from optimizers.calls import Meter
from optimizers.comparison.scripted import (
    BOTH,
    PERFECT,
    RARE,
    RULES,
    SHOWN,
    recipe_of,
    reflector,
    rows_of,
    scripted_lm,
    sort_parcel,
)
from optimizers.comparison.scripted_benchmark import (
    CELLS,
    OURS,
    SMALLEST,
    STOCK,
    Cell,
    Compared,
    Comparison,
    Run,
    as_table,
    run_one,
)
from optimizers.scoring import Runner
from optimizers.search import NEAREST, SPREAD, showing
from optimizers.training import job_of

ALL_RULES = "Sort. " + " ".join(f"Mind rule {name}." for name in RULES.values())


def test_smallest_suite_is_behind_nowhere_and_ahead_in_the_mean_and_is_not_run_twice(tmp_path, capsys):
    argv = ["--scripted", "--quick", "--out", str(tmp_path)]
    code = main([*argv, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert [cell["behind"] for cell in report["cells"]] == [False] * len(SMALLEST), report["verdict"]
    assert code == 0 and report["mean"]["difference"]["low"] > 0
    assert report == json.loads((tmp_path / "scripted" / "report.json").read_text())
    assert (tmp_path / "scripted" / "report.png").read_bytes().startswith(b"\x89PNG")
    assert all(cell["used"][OURS] <= cell["metric_calls"] for cell in report["cells"])
    lines = (tmp_path / "scripted" / "results.jsonl").read_text()
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert "56 of 56 runs are in" in printed.err and printed.out.splitlines()[-1].startswith("mean ")
    assert (tmp_path / "scripted" / "results.jsonl").read_text() == lines


@pytest.mark.parametrize("optimizer", [OURS, STOCK])
def test_same_seed_gives_the_same_figures_and_another_one_others(optimizer):
    run = Run(Cell(BOTH, 40), optimizer, 1, 40)
    found = [run_one(each, Path(os.devnull)) for each in (run, run, replace(run, seed=2))]
    assert found[0] == found[1] != found[2]


def test_stock_may_use_a_validation_pass_more_than_its_budget():
    used = run_one(Run(Cell(PERFECT, 40), STOCK, 0, 10), Path(os.devnull))["used"]
    assert 40 <= used <= 40 + PERFECT.validation + 6


def mean(world, instruction=None, shown=""):
    """Score a program made by hand on 300 test rows."""
    rows = rows_of(world, 0, 300)
    job = job_of(recipe_of(world), rows, 0)
    texts = dict(job.starts[0].texts)
    texts |= {"sort": instruction} if instruction else {}
    program = job.build(showing(texts, shown) if shown else texts)
    scores = Runner(scripted_lm("task", sort_parcel), Meter()).scores(program, rows["test"], job.metric)
    return sum(score.value for score in scores) / len(scores)


def test_rules_in_the_instruction_and_nothing_else_tell_the_shelf():
    assert mean(PERFECT) == mean(PERFECT, shown=NEAREST) == pytest.approx(0.09, abs=0.04)
    assert mean(PERFECT, "Sort. Mind rule A7.") == pytest.approx(0.36, abs=0.06)
    assert mean(PERFECT, ALL_RULES) == pytest.approx(0.9, abs=0.04)
    assert mean(RARE, "Sort. Mind rule A7 and rule B2.") == pytest.approx(0.85, abs=0.04)


def test_what_is_shown_tells_the_label_and_the_nearest_rows_tell_it_best():
    assert mean(SHOWN) == mean(SHOWN, ALL_RULES) == pytest.approx(0.09, abs=0.04)
    assert 0.3 < mean(SHOWN, shown=SPREAD) < 0.65
    assert mean(SHOWN, shown=NEAREST) == pytest.approx(0.9, abs=0.06)


def test_only_both_kinds_together_give_the_full_score():
    assert mean(BOTH, ALL_RULES) < 0.6 and mean(BOTH, shown=NEAREST) < 0.6
    assert mean(BOTH, ALL_RULES, NEAREST) == pytest.approx(0.9, abs=0.05)


class Message:
    def __init__(self, text):
        self.text = text


class Request:
    def __init__(self, instruction, feedback):
        blocks = f"[[ ## current_instruction ## ]]\n{instruction}\n[[ ## examples_with_feedback ## ]]\n{feedback}"
        self.system, self.messages = "", [Message(blocks)]


def proposed(world, instruction="Sort. Mind rule C9.", feedback="they follow rule A7; they follow rule B2"):
    return json.loads(reflector(world)(Request(instruction, feedback)))["new_instruction"]


def test_reflection_model_reveals_one_missing_rule_at_a_time():
    text = proposed(PERFECT)
    assert "rule C9" in text and "rule A7" in text and "rule B2" not in text
    assert "rule A7" not in proposed(PERFECT, feedback="Perfect.")
    assert len(proposed(replace(PERFECT, length=500))) > 1000


def test_share_of_good_proposals_is_as_said_and_the_others_are_new_texts_too():
    texts = {proposed(replace(PERFECT, good=0.3), f"Sort {n} parcels.") for n in range(300)}
    assert len(texts - {proposed(PERFECT, "Sort.")}) > 200
    assert sum("rule A7" in proposed(replace(PERFECT, good=0.3), f"Sort {n} parcels.") for n in range(300)) in range(65, 116)


def test_rows_are_in_one_split_alone_and_the_rare_mark_is_rare():
    rows = rows_of(RARE, 3, 500)
    ids = [row.id for split in rows.values() for row in split]
    assert len(ids) == len(set(ids)) == 100 + RARE.validation + 500
    assert 0.03 < sum(row.mark == "coral" for row in rows["test"]) / 500 < 0.09


def compared(*pairs):
    cells = [Compared(cell, *pair, {OURS: 40, STOCK: 47}) for cell, pair in zip(CELLS, pairs, strict=False)]
    return Comparison(tuple(cells))


def test_verdict_names_the_cells_that_are_behind_beyond_noise():
    won, lost, noise = ((0.9, 0.8, 0.9), (0.1, 0.2, 0.1)), ((0.5, 0.6, 0.5), (0.7, 0.8, 0.7)), ((0.5, 0.9), (0.6, 0.6))
    assert compared(won, noise).holds and not compared(won, lost).holds
    assert compared(won, lost).behind == ["every proposal good, 80"]
    assert [each.count for each in compared(won, lost, noise).cells] == [(3, 0, 0), (0, 0, 3), (1, 0, 1)]
    assert not compared(lost).holds and "in the mean behind" in as_table(compared(lost)).splitlines()[-1]


@pytest.mark.parametrize("more", [["--module", "planner"], ["--report-only"], ["--optimizers", "ours"]])
def test_flags_of_the_other_comparison_are_refused(more, capsys):
    assert main(["--scripted", *more]) == 2
    assert capsys.readouterr().err.startswith("error: --scripted has its own programs")


def test_json_without_scripted_is_refused(capsys):
    assert main(["--json"]) == 2
    assert "--json works only with --scripted" in capsys.readouterr().err
