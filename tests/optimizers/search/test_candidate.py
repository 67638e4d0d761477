"""A candidate is its texts: they build the same program again, and two that would ask the same are the same."""

import json

import dspy
import pytest

from dspy_programs.predict import ALL_SHOWN, NEAREST
from optimizers.search import (
    NEAREST as POOL,
    POOLED,
    REASONING,
    SPREAD,
    compiled_before,
    demonstrations_key,
    showing,
    uncompiled,
)
from optimizers.search.candidate import SHOWN, described, identity, prompt_length
from tests.optimizers.toy import Guesser, TwoGuessers, rows, toy_job

SEED = uncompiled(Guesser())
KEY = "guess" + SHOWN


def demos_of(program):
    return {name: [dict(demo) for demo in predictor.demos] for name, predictor in program.named_predictors()}


def test_uncompiled_is_the_program_as_it_was_written():
    assert SEED == {"guess": "Guess. LEVEL-0", KEY: "", REASONING: ""}
    built = toy_job().build(SEED)
    assert built.dump_state() == Guesser().dump_state()
    assert set(uncompiled(TwoGuessers())) == {"first", "second", "first:shown", "second:shown", REASONING}


def test_texts_say_all_that_is_built():
    job = toy_job(train=30)
    texts = showing(SEED, ["t3", "t7"]) | {"guess": "Guess well.", REASONING: "on"}
    program = job.build(texts)
    [predictor] = program.predictors()
    assert predictor.signature.instructions == "Guess well."
    assert [demo["question"] for demo in predictor.demos] == ["row t3", "row t7"]
    assert list(predictor.signature.output_fields) == ["reasoning", "answer"]
    assert job.program.dump_state() == Guesser().dump_state(), "the job's own program is never changed"


def test_what_was_compiled_before_is_built_again_from_its_texts():
    job = toy_job(train=30)
    made = job.build(showing(SEED, ["t3", "t7"]) | {"guess": "Guess well.", REASONING: "on"})
    texts, demonstrations = compiled_before(made, "in use")
    assert texts == {"guess": "Guess well.", KEY: demonstrations_key("in use"), REASONING: "on"}
    again = toy_job(before={"in use": made})
    start = again.starts[1]
    assert (start.name, start.texts) == ("in use", texts) and again.store.others == {"in use": demonstrations}
    assert again.build(texts).dump_state() == made.dump_state()


def compiled_elsewhere(rows_shown, program=Guesser):
    """A program that was compiled on so many rows of another source."""
    made = program()
    for predictor in made.predictors():
        predictor.demos = [{"question": f"far row x{i}", "answer": "1.0"} for i in range(rows_shown)]
    return made


@pytest.mark.parametrize("program", [Guesser, TwoGuessers])
def test_a_few_rows_are_pooled_with_what_was_compiled_before_and_none_is_shown_to_itself(program):
    before = {"in use": compiled_elsewhere(20, program), "for another": compiled_elsewhere(3, program)}
    job = toy_job(train=10, program=program, before=before)
    assert [start.name for start in job.starts][:3] == ["seed", "in use", POOLED]
    texts = job.starts[2].texts
    assert described(job, texts) == "the 3 nearest of 30"
    for predictor in job.build(texts, without=job.trainset[4]).predictors():
        questions = [demo["question"] for demo in predictor.demos]
        assert len(questions) == 29 and "row t4" not in questions
        assert predictor.with_nearest({"question": "row t5"})["demos"][-1]["question"] == "row t5"


@pytest.mark.parametrize(("train", "before"), [(30, 20), (10, 3), (0, 20)], ids=["many rows", "too few", "no rows"])
def test_there_is_no_pool_where_rows_are_enough_or_the_two_too_few(train, before):
    job = toy_job(train=train, before={"in use": compiled_elsewhere(before)})
    assert POOLED not in [start.name for start in job.starts]


def test_what_shows_nothing_names_no_set():
    texts, _ = compiled_before(Guesser(), "in use")
    assert texts == SEED


@pytest.mark.parametrize("program", [Guesser, TwoGuessers])
def test_every_start_survives_json_and_builds_the_same_again(program):
    job = toy_job(train=30, program=program)
    for start in job.starts:
        again = json.loads(json.dumps(start.texts))
        assert job.build(again).dump_state() == job.build(start.texts).dump_state()


def test_candidates_that_would_ask_the_same_are_the_same():
    job = toy_job(train=30)
    spread = job.store.ids(demonstrations_key(SPREAD))
    assert identity(job, showing(SEED, SPREAD)) == identity(job, showing(SEED, spread))
    assert identity(job, showing(SEED, [])) == identity(job, SEED)
    before = job.build(showing(SEED, SPREAD))
    again = toy_job(train=30, before={"in use": before})
    assert identity(again, again.starts[1].texts) == identity(again, showing(SEED, SPREAD))


@pytest.mark.parametrize(
    "other",
    [
        {"guess": "Guess. LEVEL-1"},
        {KEY: demonstrations_key(["t1"])},
        {KEY: demonstrations_key(["t2", "t1"])},
        {KEY: demonstrations_key(POOL)},
        {REASONING: "on"},
    ],
)
def test_candidates_that_would_ask_otherwise_are_others(other):
    job = toy_job(train=30)
    one = dict(SEED) | {KEY: demonstrations_key(["t1", "t2"])}
    assert identity(job, one | other) != identity(job, one)


def test_two_predictors_are_told_apart():
    job = toy_job(train=30, program=TwoGuessers)
    texts = uncompiled(TwoGuessers())
    assert identity(job, texts | {"first": "A", "second": "B"}) != identity(job, texts | {"first": "B", "second": "A"})
    built = job.build(texts | {"first:shown": demonstrations_key(["t1"])})
    assert [len(each) for each in demos_of(built).values()] == [1, 0]


@pytest.mark.parametrize("shown", [["t3", "t4"], SPREAD, POOL])
def test_a_row_is_not_shown_its_own_answer(shown):
    job = toy_job(train=30)
    texts = showing(SEED, shown)
    for row in rows("t", 30):
        own = {"question": row.question, "answer": row.answer}
        assert job.shows(texts, row) == (own in demos_of(job.build(texts))["guess"])
        assert own not in demos_of(job.build(texts, without=row))["guess"]
    assert not job.shows(SEED, row)


def test_a_twin_with_another_id_is_its_own_answer_too():
    job = toy_job(train=30)
    twin = dspy.Example(id="twin", question="row t3", answer="1.0").with_inputs("question")
    texts = showing(SEED, ["t3", "t4"])
    assert job.shows(texts, twin)
    assert [demo["question"] for demo in demos_of(job.build(texts, without=twin))["guess"]] == ["row t4"]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (SEED, "none"),
        (showing(SEED, ["t1", "t2"]), "2 rows"),
        (showing(SEED, POOL), f"the {NEAREST} nearest of 30"),
    ],
)
def test_what_a_candidate_shows_is_told_in_a_few_words(texts, words):
    assert described(toy_job(train=30), texts) == words


def test_length_is_that_of_what_one_call_shows():
    job = toy_job(train=30)
    one = prompt_length(job, showing(SEED, ["t1"]))
    assert prompt_length(job, SEED) == 0 < one
    assert prompt_length(job, showing(SEED, ["t1", "t2"])) == 2 * one
    assert len(job.store.rows) > ALL_SHOWN and prompt_length(job, showing(SEED, POOL)) < 2 * NEAREST * one
