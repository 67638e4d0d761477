"""A newcomer's first `train --module planner` on machines of every speed: it keeps its promise, and nothing gets worse."""

import gzip
import json

import pytest

from dspy_programs.registry import compiled_store as store
from tests import record_planner
from tests.fakes import plan_reply, scripted_lm
from tests.newcomers import (
    LM,
    LM_WITHOUT_PROGRAM,
    MEASURED,
    Machine,
    Newcomer,
    default_training,
    nearest,
    planner_rows,
    read_recorded,
    reply_key,
    score_of,
)

PROMISED, PROMISED_WHERE_SLOW = 15.0, 30.0  # minutes
SLOW = 30.0  # seconds a row takes: from there on the plan says that it takes longer
NOISE = 0.03  # of what a program is worth, measured on 200 rows


@pytest.fixture
def newcomer(tmp_path):
    return lambda machine, **options: Newcomer(machine, tmp_path / "run", **options)


def promised(outcome):
    """Return the minutes in which it must end: a call that is under way is finished."""
    a_row = sum(outcome.seconds) / len(outcome.seconds)
    return (PROMISED if a_row < SLOW else PROMISED_WHERE_SLOW) + outcome.seconds[-1] / 60


@pytest.mark.parametrize("seconds", [2, 10, 60])
def test_default_run_keeps_its_promise_and_what_is_shipped_is_not_replaced_by_something_worse(newcomer, seconds):
    outcome = newcomer(Machine(seconds)).run()
    assert outcome.before and outcome.before.is_relative_to(store.shipped_directory())
    assert outcome.worth_after >= outcome.worth_before - NOISE
    assert outcome.minutes <= promised(outcome)


@pytest.mark.parametrize("seconds", [10, 60])
def test_default_run_tries_something_beside_what_it_begins_with(newcomer, seconds):
    report = newcomer(Machine(seconds, stalls=0)).run().report
    assert [each.start for each in report.candidates][:3] == ["seed", "in use", "spread"]


@pytest.mark.parametrize("seconds", [5, 60])
def test_where_nothing_is_shipped_a_compiled_program_is_in_use_afterwards(newcomer, seconds):
    outcome = newcomer(Machine(seconds), lm=LM_WITHOUT_PROGRAM).run()
    assert outcome.before is None and outcome.after == outcome.report.promoted
    assert outcome.worth_after > outcome.worth_before + 0.2
    assert outcome.minutes <= promised(outcome)


def test_better_program_takes_the_place_of_a_poor_one(newcomer):
    outcome = newcomer(Machine(5), levels={**MEASURED, "shipped": 0.6}, recorded={}).run()
    assert outcome.after == outcome.report.promoted
    assert outcome.worth_after > outcome.worth_before + 0.1


@pytest.mark.parametrize("moment", [30, 48, 90, 400, 700])
def test_interrupted_run_changes_nothing_and_the_next_goes_on_within_the_promise(newcomer, moment):
    run = newcomer(Machine(10))
    first = run.run(interrupt_at=moment)
    assert first.report.interrupted and first.after == first.before and 60 * first.minutes <= moment + max(first.seconds)
    second = run.run()
    assert not second.report.interrupted and second.report.test
    for before, after in zip(first.report.candidates, second.report.candidates, strict=False):
        assert after.start == before.start and after.scores[: len(before.scores)] == before.scores
    assert second.minutes <= promised(second)
    asked = first.calls.count("task") + second.calls.count("task")
    assert asked <= second.report.used["lm_calls"], "nothing is asked twice"


def test_machine_that_gets_slower_midway_is_still_within_the_promise(newcomer):
    outcome = newcomer(Machine(8, half_speed_from=5)).run()
    assert outcome.worth_after >= outcome.worth_before - NOISE
    assert outcome.minutes <= promised(outcome)


def test_same_machine_and_seed_give_the_same_run(tmp_path):
    outcomes = [Newcomer(Machine(25), tmp_path / name, seed=3).run() for name in ("one", "two")]
    assert outcomes[0].minutes == outcomes[1].minutes
    assert outcomes[0].report.candidates == outcomes[1].report.candidates


@pytest.fixture
def replies(newcomer):
    """The replies of a run, with nothing recorded."""
    return newcomer(Machine(1), recorded={}).replies(default_training(scripted_lm(lambda prompt: "", LM)))


@pytest.mark.parametrize("kind", sorted(MEASURED))
def test_stand_in_scores_as_the_model_was_measured_to(replies, kind):
    scores = [score_of(replies.stand_in(kind, f"{kind}-{goal}", row), goal) for goal, row in planner_rows().items()]
    assert sum(scores) / len(scores) == pytest.approx(MEASURED[kind], abs=0.025)


def test_what_is_shown_is_told_apart(replies):
    goal = next(goal for goal in planner_rows() if goal not in replies.pool and nearest(replies.shipped_index, goal))
    assert replies.kind_of((), goal) == "none"
    assert replies.kind_of(tuple(replies.spread), goal) == "spread"
    assert replies.kind_of(nearest(replies.shipped_index, goal), goal) == "shipped"
    assert replies.kind_of(tuple(replies.pool[:2]), goal) == "other"


def test_recorded_reply_goes_before_the_stand_in(replies):
    goal = next(iter(planner_rows()))
    replies.recorded = {reply_key(["a", "b"], goal): "recorded"}
    assert replies.reply(("a", "b"), goal) == "recorded" != replies.reply(("b", "a"), goal)


def first_rows(each=2):
    """Two rows under each of the four programs."""
    found = {}
    for wanted in record_planner.wanted(record_planner.LM):
        found.setdefault(wanted.shown, []).append(wanted)
    return [wanted for of_program in found.values() for wanted in of_program[:each]]


def test_recorder_goes_on_where_it_was_stopped_and_its_replies_are_found(tmp_path):
    out, every = tmp_path / "replies.jsonl.gz", first_rows()
    lm = scripted_lm(lambda prompt: plan_reply(["tool"]) if len(lm.engine.requests) != 4 else stop(), record_planner.LM)
    with pytest.raises(KeyboardInterrupt):
        record_planner.record(lm, every, out, None, False, print)
    assert len(read_recorded(out)) == 3
    assert record_planner.record(lm, every, out, None, False, print) == 0
    assert len(lm.engine.requests) <= len(every) + 1 == 9  # fewer where two of the programs ask the same
    lines = [json.loads(line) for line in gzip.decompress(out.read_bytes()).splitlines()]
    assert [line["shown"] for line in lines] == ["none"] * 2 + ["shipped"] * 2 + ["spread"] * 2 + ["nearest"] * 2
    assert read_recorded(out)[reply_key([], every[0].row.goal)] == plan_reply(["tool"])


def stop():
    raise KeyboardInterrupt


def test_recorder_takes_what_a_run_has_paid_for_and_asks_no_model(tmp_path, newcomer):
    newcomer(Machine(60, stalls=0), recorded={}).run()
    lm = scripted_lm(lambda prompt: stop(), record_planner.LM)
    lm.kwargs["temperature"] = 0.0
    every, out = list(record_planner.wanted(record_planner.LM)), tmp_path / "replies.jsonl.gz"
    missing = record_planner.record(lm, every, out, tmp_path / "run" / "calls.jsonl", True, print)
    assert 12 <= len(every) - missing < len(every) and not lm.engine.requests
    replies = newcomer(Machine(1), recorded={}).replies(default_training(lm))
    lines = [json.loads(line) for line in gzip.decompress(out.read_bytes()).splitlines()]
    assert [replies.reply((), each["goal"]) == each["reply"] for each in lines if each["shown"] == "none"].count(True) >= 6
