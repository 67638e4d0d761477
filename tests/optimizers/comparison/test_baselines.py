"""Every optimizer of the field on a toy program: it gives a program, keeps to the budget, and shows rows that fit."""

import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from dspy.adapters.utils import serialize_for_json

from dspy_programs.errors import MissingExtra, ModelFailing
from optimizers.calls import Journal, Meter, noise_to, recorded
from optimizers.comparison import OPTIMIZERS
from optimizers.comparison.baselines import Search, mipro_size, optimize, shown_rows
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.scoring import Runner
from optimizers.search import DemonstrationStore, InitialProgram, Job
from optimizers.search.search import MINIBATCH
from optimizers.training import job_of
from tests.fakes import any_prompt, plan_reply, scripted_lm, write_toy_data

SEARCHES = [name for name in OPTIMIZERS if name not in ("seed", "labelled")]
SHOWING = ["BootstrapFewShotWithRandomSearch", "MIPROv2"]
VALSET = 6
UNFIT = "some input or output fields are not supplied"  # DSPy's words over a demonstration that lacks some


@pytest.fixture
def rows(tmp_path):
    folder, recipe = write_toy_data(tmp_path / "data", val=VALSET), RECIPES["planner"]
    return {split: read_split(folder / f"{split}.jsonl", recipe.program, recipe.labels) for split in ("train", "val", "test")}


def searched(name, rows, answer=any_prompt, budget=40, seed=0, threads=1, metric=None):
    """Run one optimizer. Returns (what it found, the meter, the model, the job)."""
    recipe, lm, meter, journal = RECIPES["planner"], scripted_lm(answer), Meter(), Journal()
    job = job_of(replace(recipe, metric=metric or recipe.metric), rows, seed)
    models = [recorded(lm, role, journal, meter) for role in ("task", "reflection")]
    with noise_to(Path(os.devnull)):
        found = optimize(name, Search(job, *models, budget, meter, seed, threads))
    return found, meter, lm, job


def score(program, rows, lm):
    scores = Runner(lm, Meter()).scores(program, rows["test"], RECIPES["planner"].metric)
    return sum(score.value for score in scores) / len(scores)


@pytest.mark.parametrize("budget", [12, 40])
@pytest.mark.parametrize("name", SEARCHES)
def test_search_gives_a_program_and_keeps_to_the_budget(name, budget, rows):
    found, meter, lm, _ = searched(name, rows, budget=budget)
    assert found.failure == "" and score(found.program, rows, lm) >= score(RECIPES["planner"].program(), rows, lm)
    over = {"ours": 0, "dspy.GEPA": VALSET + 2 * MINIBATCH}  # GEPA ends an iteration it began
    assert meter.metric_calls <= budget + over.get(name, VALSET)
    assert meter.metric_calls >= budget - VALSET or found.history[-1][1] == 1.0
    calls, best = zip(*found.history, strict=True)
    assert list(calls) == sorted(calls) and calls[-1] <= meter.metric_calls
    assert list(best) == sorted(best) and 0 <= best[0] and best[-1] <= 1


@pytest.mark.parametrize("name", SHOWING)
def test_metric_calls_are_those_of_the_metric_and_bootstrapping_is_among_them(name, rows):
    scored = []

    def metric(gold, pred):
        scored.append(gold.id)
        return RECIPES["planner"].metric(gold, pred)

    _, meter, _, _ = searched(name, rows, metric=metric)
    assert len(scored) == meter.metric_calls
    assert {id_ for id_ in scored if id_ in {row.id for row in rows["train"]}}, "nothing was bootstrapped"
    assert not set(scored) & {row.id for row in rows["test"]}


@pytest.mark.parametrize("program", sorted(RECIPES))
def test_every_program_of_the_library_goes_through_optimizers_that_show_rows(program):
    recipe, journal = RECIPES[program], Journal()
    rows = {split: read_split(data_directory(program) / f"{split}.jsonl", recipe.program, recipe.labels) for split in SPLITS}
    job = job_of(recipe, {"train": rows["train"][:60], "val": rows["val"][:3]}, 0)
    done = job.store.demonstrate(job.store.rows[0])
    replies = {}
    shown = [(name, predictor) for name, predictor in job.program.named_predictors() if name in done]
    for name, predictor in shown:  # the judge's second question is an option
        given = {field: done[name][field] for field in predictor.signature.output_fields}
        replies |= dict.fromkeys(given, json.dumps(serialize_for_json(given)))

    def answer(prompt):
        asked = prompt.rsplit("Reply with one JSON object: ", 1)[-1].strip(" .")
        return replies[asked] if asked in replies and "dataset" not in prompt else any_prompt(prompt)

    for optimizer in SHOWING:
        lm, meter = scripted_lm(answer), Meter()
        models = [recorded(lm, role, journal, meter) for role in ("task", "reflection")]
        with noise_to(Path(os.devnull)):
            found = optimize(optimizer, Search(job, *models, 14, meter))
        assert found.failure == "" and meter.metric_calls <= 14 + 3
        assert [each for each, _ in found.program.named_predictors()] == job.predictors
        unfit = [prompt for prompt in lm.engine.prompts if UNFIT in prompt]
        assert not unfit or program == "orchestrator"  # its examples leave out the tools, which every call shows


@pytest.mark.parametrize("budget", [40, 60, 100])
def test_ours_is_not_worse_than_stock_gepa_where_the_reflection_model_is_strong(budget, rows):
    reached = {}
    for name in ("dspy.GEPA", "ours"):
        found, meter, lm, _ = searched(name, rows, budget=budget)
        reached[name] = score(found.program, rows, lm)
        assert meter.metric_calls <= budget + (0 if name == "ours" else VALSET + 2 * MINIBATCH)
    assert reached["ours"] >= reached["dspy.GEPA"] > 0.5


@pytest.mark.parametrize("name", ["seed", "labelled"])
def test_baseline_costs_nothing(name, rows):
    found, meter, lm, job = searched(name, rows)
    assert (meter.metric_calls, len(lm.engine.prompts), found.history) == (0, 0, ())
    [predictor] = found.program.predictors()
    shown = [] if name == "seed" else [job.store.demonstrate(row)["plan"] for row in job.store.rows[:3]]
    assert list(predictor.demos) == shown
    assert len(shown) == (0 if name == "seed" else 3)


@pytest.mark.parametrize("name", SHOWING)
def test_demonstrations_fit_the_predictor(name, rows):
    _, _, lm, _ = searched(name, rows)
    prompts = [prompt for prompt in lm.engine.prompts if "[[ ## goal ## ]]" in prompt]
    assert any(prompt.count("[[ ## goal ## ]]") > 2 for prompt in prompts), "nothing was shown"
    assert not [prompt for prompt in prompts if UNFIT in prompt]


def helped_by_demonstrations(prompt):
    """Plan well as soon as one row is shown, and one task otherwise."""
    shown = prompt.count("[[ ## goal ## ]]") > 1
    return any_prompt(prompt.replace("goal ## ]]", "goal ## ]] LEVEL-3", 1) if shown else prompt)


@pytest.mark.parametrize("name", ["labelled", *SHOWING, "ours"])
def test_demonstrations_that_help_are_found(name, rows):
    found, _, lm, _ = searched(name, rows, helped_by_demonstrations)
    assert score(RECIPES["planner"].program(), rows, lm) < 0.6
    assert score(found.program, rows, lm) == 1.0
    assert found.program.predictors()[0].demos


@pytest.mark.parametrize("reply", ["I would rather not.", plan_reply(["tool_x"]), '{"plan": [[[ "\x00'])
@pytest.mark.parametrize("name", SHOWING)
def test_budget_holds_where_no_reply_is_good_enough_to_be_shown(name, reply, rows):
    def answer(prompt):
        return reply if '"required": ["plan"]' in prompt or "[[ ## goal ## ]]\nDo job" in prompt else any_prompt(prompt)

    found, meter, _, _ = searched(name, rows, answer)
    assert 40 - VALSET <= meter.metric_calls <= 40 + VALSET
    assert found.program is not None
    assert not [demo for demo in found.program.predictors()[0].demos if "unreadable_reply" in demo]


def test_proposal_that_cannot_be_read_is_a_failure_and_no_score(rows):
    def answer(prompt):
        return '{"proposed_instruction": "It never ends' if "proposed_instruction" in prompt else any_prompt(prompt)

    found, _, _, _ = searched("MIPROv2", rows, answer)
    assert found.program is None and "AdapterParseError" in found.failure and "\n" not in found.failure


@pytest.mark.parametrize("after", [0, 7])
@pytest.mark.parametrize("name", SEARCHES)
def test_dead_model_ends_the_search_with_its_reason(name, after, rows):
    left = [after]

    def answer(prompt):
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("no route to host")
        return any_prompt(prompt)

    with pytest.raises(ModelFailing, match="does not answer"):
        searched(name, rows, answer)
    assert left[0] >= -2, "a dead model was asked again"


@pytest.mark.parametrize("name", SHOWING)
def test_threads_change_nothing_and_the_seed_does(name, rows):
    def state(seed, threads):
        found, meter, _, _ = searched(name, rows, helped_by_demonstrations, seed=seed, threads=threads)
        return json.dumps(found.program.dump_state(), sort_keys=True, default=str), found.history, meter.metric_calls

    assert state(0, 1) == state(0, 4)
    assert state(0, 1)[0] != state(1, 1)[0]


def test_bug_in_an_optimizer_keeps_its_traceback(rows):
    planner = RECIPES["planner"]
    store = DemonstrationStore([], planner.demonstrate, 3)
    job = Job(None, planner.metric, [], [], store, planner.kind, [InitialProgram("seed", {})])
    with pytest.raises(AttributeError):
        optimize("seed", Search(job, scripted_lm(any_prompt), scripted_lm(any_prompt), 40, Meter()))


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("valset", [1, 6, 14, 36])
@pytest.mark.parametrize("metric_calls", [20, 40, 90, 400])
def test_size_of_mipro_is_within_one_pass_of_the_budget_whatever_is_bootstrapped(metric_calls, valset, labelled):
    trials, candidates, most = mipro_size(metric_calls, valset, 4, labelled)
    sets = candidates - (2 if labelled else 1)
    assert candidates >= 3 and most >= 4
    worst, usual = valset * (trials + 1) + sets * most, valset * (trials + 1) + sets * 4
    assert metric_calls - 4 <= usual <= worst
    if metric_calls >= valset + 4 * sets:  # else one trial is too much already
        assert worst <= metric_calls + valset


def test_rows_shown_are_those_ours_may_show(rows):
    long = rows["train"][0].copy(goal="x" * 5000)
    job = job_of(RECIPES["planner"], rows | {"train": [long, *rows["train"][1:]]}, 0)
    search = Search(job, None, None, 40, Meter())
    assert {row.id for row in search.rows} == {row.id for row in job.store.rows}
    assert long.id not in {row.id for row in search.rows} and len(search.rows) == len(rows["train"]) - 1
    [first, *_], labelled, bootstrapped = shown_rows(search)
    assert (labelled, bootstrapped) == (3, 3)
    assert set(first.keys()) == {"tools", "progress", "goal", "plan"}
    assert first.inputs().toDict() == copy.deepcopy(first).inputs().toDict() == first._row.inputs().toDict()
    assert first.copy(goal="other").inputs().toDict() == first.inputs().toDict()


def test_missing_optuna_is_one_line(rows, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"pip install \"dspy-programs\[benchmark\]\""):
        searched("MIPROv2", rows)
