"""Each kind of change: what it makes of a candidate and its failures, and that it gives up where there is nothing to make."""

import json
import random

import pytest

from dspy_programs.errors import BudgetSpent, ModelFailing, RunInterrupted
from dspy_programs.predict import ALL_SHOWN
from optimizers.calls import Budget, Journal, Meter, Used, recorded
from optimizers.scoring import Runner
from optimizers.search import NEAREST, SPREAD, changes_for, demonstrations_key, showing, uncompiled
from optimizers.search.adapter import ProgramAdapter
from optimizers.search.bandit import Arm
from optimizers.search.candidate import SHOWN
from optimizers.search.changes import PATIENCE, Crossing, NearFailures, OtherCover
from optimizers.search.proposers import FAILED_PROPOSALS
from tests.fakes import scripted_lm
from tests.optimizers.toy import Guesser, TwoGuessers, adapter_of, reflector, row, toy_job

SEED = uncompiled(Guesser())
KEY = "guess" + SHOWN
DRAWS = [random.Random(number) for number in range(40)]


def arm():
    return Arm("arm", 1.0, 1.0)


def batch_of(job, texts=SEED, worth=0.3, ids=("t0", "t1", "t2")):
    adapter, _, _ = adapter_of(job, lambda prompt, shown, row: worth)
    return list(adapter.run([row(id_) for id_ in ids], texts))


def changes(job, lm, **more):
    meter = more.pop("meter", Meter())
    made = changes_for(job, lm, "auto", meter, ProgramAdapter(job, Runner(lm, meter)).records)
    return {change.arm.name: change for change in made}


def shown_in(texts):
    return json.loads(texts[KEY])


def test_every_kind_is_there_and_what_is_likelier_goes_by_the_model():
    job = toy_job()
    strong, small = (changes(job, scripted_lm(str, name)) for name in ("openai/gpt", "local/qwen2.5-coder-1.5b"))
    assert set(strong) == set(small) == {"dspy", "rules", "near failures", "other cover", "crossing"}
    likely = {name: change.arm.wins / (change.arm.wins + change.arm.losses) for name, change in strong.items()}
    assert max(likely, key=likely.get) == "dspy"
    likely = {name: change.arm.wins / (change.arm.wins + change.arm.losses) for name, change in small.items()}
    assert likely["near failures"] == max(likely.values()) and likely["rules"] > likely["dspy"]


@pytest.mark.parametrize("job", [toy_job(shown=0), toy_job(train=0)], ids=["shows none", "no rows"])
def test_where_nothing_can_be_shown_no_change_shows_anything(job):
    assert not {"near failures", "other cover"} & set(changes(job, reflector()))


def test_an_instruction_is_rewritten_and_the_rest_stays():
    job = toy_job()
    texts = showing(SEED, ["t3"])
    made = changes(job, reflector())["dspy"].propose(texts, batch_of(job, texts), None, random.Random(0))
    assert made == texts | {"guess": "Guess. LEVEL-1"}


def test_the_proposer_sees_what_was_asked_replied_and_wrong():
    job, lm = toy_job(), reflector()
    changes(job, lm)["dspy"].propose(SEED, batch_of(job), None, random.Random(0))
    [prompt] = lm.engine.prompts
    for part in ("row t0", "row t1", "0.3", "worth more", "Guess. LEVEL-0"):
        assert part in prompt


def test_of_several_predictors_one_is_rewritten_at_a_time():
    job = toy_job(program=TwoGuessers)
    seed = uncompiled(TwoGuessers())
    batch, rewrite = batch_of(job, seed), changes(job, reflector())["dspy"]
    made = [rewrite.propose(seed, batch, None, draw) for draw in DRAWS[:10]]
    changed = [{name for name in seed if each[name] != seed[name]} for each in made]
    assert {"first"} in changed and {"second"} in changed and all(len(each) == 1 for each in changed)


def test_replies_that_cannot_be_read_close_an_arm_that_was_not_asked_for_and_stop_the_run_for_one_that_was():
    job, lm, meter = toy_job(), scripted_lm(lambda prompt: "I would rather not.", "openai/x"), Meter()
    made, batch = changes(job, lm, meter=meter), batch_of(job)
    for turn in range(PATIENCE):
        assert not made["rules"].arm.closed
        assert made["rules"].propose(SEED, batch, None, random.Random(turn)) is None
    assert made["rules"].arm.closed == "its replies could not be read" and not meter.stopped
    with pytest.raises(ModelFailing, match="in a row failed"):
        for turn in range(FAILED_PROPOSALS):
            made["dspy"].propose(SEED, batch, None, random.Random(turn))
    assert len(lm.engine.prompts) < 60


def test_near_failures_shows_a_row_like_one_that_failed_and_never_that_row():
    job = toy_job(train=30, shown=3)
    change = NearFailures(arm(), job)
    for draw in DRAWS:
        made = change.propose(showing(SEED, SPREAD), batch_of(job, ids=["t0"]), None, draw)
        before = job.store.ids(demonstrations_key(SPREAD))
        [new] = set(shown_in(made)) - set(before)
        assert len(shown_in(made)) == 3 and shown_in(made)[-1] == new != "t0"
        assert made["guess"] == SEED["guess"]


def test_near_failures_fills_a_set_that_is_not_full_before_it_drops_one():
    job = toy_job(train=30, shown=3)
    made = NearFailures(arm(), job).propose(showing(SEED, ["t5"]), batch_of(job), None, random.Random(0))
    assert shown_in(made)[0] == "t5" and len(shown_in(made)) == 2


def test_near_failures_leaves_a_pool_alone_and_wants_a_failure():
    job = toy_job(train=ALL_SHOWN + 5)
    change = NearFailures(arm(), job)
    assert change.propose(showing(SEED, NEAREST), batch_of(job), None, random.Random(0)) is None
    assert change.propose(showing(SEED, SPREAD), batch_of(job, worth=1.0), None, random.Random(0)) is None


@pytest.mark.parametrize("kind", ["dspy", "rules"])
@pytest.mark.parametrize("what", ["limit", "signal", "dead"])
def test_what_stops_the_run_at_a_proposal_is_told_as_it_is(what, kind):
    """Not as DSPy wraps it: that would be a traceback."""

    def refuse(prompt):
        raise ConnectionError("no route to host")

    meter = Meter(limits=Budget(tokens=1))
    reasons = {"limit": BudgetSpent, "signal": RunInterrupted, "dead": ModelFailing}
    if what == "limit":
        meter.count("task", Used(calls=1, input_tokens=1), at=0.0, replayed=False)
    if what == "signal":
        meter.stop(RunInterrupted("stopped"))
    lm = recorded(scripted_lm(refuse, "openai/x"), "reflection", Journal(), meter)
    job = toy_job()
    change = changes(job, lm, meter=meter)[kind]
    with pytest.raises(reasons[what]):
        change.propose(SEED, batch_of(job), None, random.Random(0))


@pytest.mark.parametrize("train", [1, 2, 3])
def test_near_failures_gives_up_where_every_row_is_shown(train):
    job = toy_job(train=train)
    shown = [f"t{number}" for number in range(train)]
    assert NearFailures(arm(), job).propose(showing(SEED, shown), batch_of(job, ids=["t0"]), None, random.Random(0)) is None


def test_other_cover_draws_sets_of_the_store_and_new_ones():
    job = toy_job(train=30, shown=3)
    made = [shown_in(OtherCover(arm(), job).propose(SEED, [], None, draw)) for draw in DRAWS]
    assert SPREAD in made and NEAREST in made
    drawn = [tuple(each) for each in made if isinstance(each, list)]
    assert len(set(drawn)) > len(drawn) / 2 and all(len(set(each)) == 3 for each in drawn)
    assert all(set(each) <= {row.id for row in job.store.rows} for each in drawn)


def test_crossing_takes_each_text_from_one_of_two():
    one, other = showing(SEED, ["t1"]), showing(SEED, ["t2"]) | {"guess": "Guess well."}
    made = [Crossing(arm()).propose(one, [], other, draw) for draw in DRAWS]
    assert {(each["guess"], each[KEY]) for each in made} == {
        (guess, shown) for guess in (one["guess"], other["guess"]) for shown in (one[KEY], other[KEY])
    }
    assert Crossing(arm()).propose(one, [], None, random.Random(0)) is None


def test_the_same_draw_makes_the_same_change():
    job = toy_job(train=30)
    for change in (NearFailures(arm(), job), OtherCover(arm(), job), Crossing(arm())):
        one, again = (
            [change.propose(showing(SEED, SPREAD), batch_of(job), showing(SEED, ["t9"]), random.Random(n)) for n in range(9)]
            for _ in range(2)
        )
        assert one == again
