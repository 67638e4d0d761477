"""The one search: whatever ends it, at whatever row, what it leaves behind supports the winner, and nothing is run twice."""

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import BudgetSpent, RunInterrupted
from optimizers.calls import Budget, Journal, Meter, Used, recorded
from optimizers.search import (
    MIN_ROWS,
    SPREAD,
    InitialProgram,
    RowBudget,
    Search,
    compile_job,
    demonstrations_key,
    showing,
    support,
    uncompiled,
    winner_of,
)
from optimizers.search.bandit import Arm
from optimizers.search.candidate import SHOWN
from optimizers.search.changes import Change, Crossing, NearFailures, OtherCover
from optimizers.search.compile import candidate_of
from optimizers.search.search import IDLE, MINIBATCH, PLATEAU, SHARES, SHARES_OF_SMALL, Shares
from optimizers.training import job_of
from tests.fakes import level_of
from tests.optimizers.toy import Guesser, Scores, recipe_of, reflector, rows, task_model, toy_job

KEY = "guess"
SEED = uncompiled(Guesser())
HIGHEST = 9  # of the levels that help


@dataclass
class NextLevel(Change):
    """Rewrite the instruction: one level more."""

    arm: Arm
    reads: ClassVar[bool] = True

    def propose(self, texts, batch, partner, draw):
        return dict(texts) | {KEY: f"Guess. LEVEL-{level_of(texts[KEY]) + 1}"}


@dataclass
class Same(Change):
    """Propose one and the same for ever."""

    arm: Arm
    text: str | None
    asked: int = 0
    reads: ClassVar[bool] = True

    def propose(self, texts, batch, partner, draw):
        self.asked += 1
        return None if self.text is None else dict(texts) | {KEY: self.text}


def changes_of(job):
    likely = (1.0, 2.0)
    shown = [NearFailures(Arm("near failures", *likely), job), OtherCover(Arm("other cover", *likely), job)]
    return [NextLevel(Arm("next level", *likely)), *shown, Crossing(Arm("crossing", *likely))]


def hard(row):
    """How hard a row is: in [0, 1], the same every time."""
    return random.Random(row).random()


def level(texts):
    return min(HIGHEST, level_of(texts[KEY]))


def by_level(texts, row):
    return round(0.1 * level(texts) * (1 - 0.5 * hard(row)), 6)


def by_demonstrations(texts, row):
    """Clearly better with anything shown, whatever the instruction."""
    return (0.7 if texts[KEY + SHOWN] else 0.2) + 0.1 * hard(row)


def by_both(texts, row):
    return 0.5 * by_level(texts, row) + (0.4 if texts[KEY + SHOWN] else 0.0)


def searched(worth, budget=None, *, job=None, changes=None, seed=0, limits=None, before=lambda number: None, **more):
    """Search with scores in the place of programs. Returns (the search, what was run, the candidates)."""
    job = job or toy_job(val=10)
    scores, meter = Scores(worth, before), Meter()
    row_budget = RowBudget(limits or Budget(metric_calls=budget), meter)
    search = Search(job, scores, changes_of(job) if changes is None else changes, row_budget, seed=seed, **more)
    search.run()
    return search, scores.ran, [candidate_of(job, node) for node in search.nodes]


def is_sound(search, ran, candidates, budget=None):
    """Assert what holds of every search, however it ended."""
    assert budget is None or len(ran) <= budget
    assert search.row_budget.spent == len(ran)
    assert max(Counter(ran).values(), default=0) <= 1, "a row was run twice for one candidate"
    assert [each.index for each in candidates] == list(range(len(candidates)))
    assert all(0 <= parent < each.index for each in candidates for parent in each.parents)
    assert len({json.dumps(each.texts, sort_keys=True) for each in candidates}) == len(candidates)
    assert search.ended_by
    winner, seed = winner_of(candidates), candidates[0]
    if winner.index:
        assert support(winner.scores, seed.scores) > 0
        assert min(len(winner.scores), len(seed.scores)) >= min(MIN_ROWS, len(search.job.valset)) > 1
    return True


@pytest.mark.parametrize("worth", [by_level, by_demonstrations, by_both, lambda texts, row: 0.0, lambda texts, row: 0.5])
def test_a_budget_of_any_size_ends_it_soundly(worth):
    for budget in range(1, 61):
        for shares in (SHARES, SHARES_OF_SMALL):
            assert is_sound(*searched(worth, budget, shares=shares), budget)


def test_every_score_has_been_told_when_it_ends():
    def tell(node):
        told[node.index] = len(node.validation)

    for budget in range(4, 60):
        told = {}
        search, _, _ = searched(by_both, budget, on_node=tell)
        assert told == {node.index: len(node.validation) for node in search.nodes}


@pytest.mark.parametrize("worth", [by_level, by_demonstrations, by_both])
def test_few_rows_of_ones_own_are_run_once_though_they_train_and_validate(worth):
    own = rows("own", 12)
    job = job_of(recipe_of(), {"train": own, "val": own}, 0)
    for budget in (*range(1, 40), 400):
        search, ran, candidates = searched(worth, budget, job=job)
        assert is_sound(search, ran, candidates, budget)
        assert all(len(node.train) >= len(node.validation) for node in search.nodes)


def test_search_leaves_out_rows_that_ask_the_model_nothing_unless_none_is_left():
    own = rows("own", 12)
    some = replace(recipe_of(), asks=lambda row: row in own[:5])
    job = job_of(some, {"train": own, "val": own}, 0)
    assert {row.id for row in job.trainset} == {row.id for row in job.valset} == {row.id for row in own[:5]}
    job = job_of(replace(some, asks=lambda row: False), {"train": own, "val": own}, 0)
    assert len(job.trainset) == len(job.valset) == 12


def test_the_clearly_better_is_the_winner_as_soon_as_both_have_four_rows():
    told = False
    for budget in range(1, 61):
        _, _, candidates = searched(by_demonstrations, budget)
        shows = [each for each in candidates if each.texts[KEY + SHOWN]]
        if told := told or max((len(each.scores) for each in shows), default=0) >= MIN_ROWS:
            assert winner_of(candidates).texts[KEY + SHOWN], f"after {budget} rows"
    assert told


def stopping(reason, row):
    def before(number):
        if number == row:
            raise reason

    return before


@pytest.mark.parametrize("reason", [RunInterrupted("stopped"), BudgetSpent("7 USD")], ids=["signal", "limit"])
@pytest.mark.parametrize("worth", [by_demonstrations, by_both])
def test_stopped_at_any_row_it_leaves_what_the_rows_so_far_support(worth, reason):
    whole = searched(worth, 60)[1]
    for row in range(1, len(whole)):
        search, ran, candidates = searched(worth, 60, before=stopping(reason, row))
        assert is_sound(search, ran, candidates)
        assert ran == whole[:row], "until then it went as if nobody had stopped it"
        assert search.ended_by == ("7 USD" if isinstance(reason, BudgetSpent) else "a signal")


def test_stopped_before_the_first_row_it_says_so():
    for reason in (RunInterrupted("stopped"), BudgetSpent("7 USD")):
        with pytest.raises(type(reason)):
            searched(by_level, 60, before=stopping(reason, 0))


def test_the_clock_may_end_it_at_any_row():
    for minutes in range(1, 61):
        meter = Meter(clock=lambda: 0.0)

        def tick(number, meter=meter):
            meter.count("task", Used(calls=1), at=60.0 * (number + 1), replayed=False)
            meter.count_metric_call()

        job, scores = toy_job(val=10), Scores(by_both, tick)
        search = Search(job, scores, changes_of(job), RowBudget(Budget(minutes=minutes), meter))
        search.run()
        assert is_sound(search, scores.ran, [candidate_of(job, node) for node in search.nodes], max(minutes, MIN_ROWS))


@settings(max_examples=25, deadline=None)
@given(
    worlds=st.integers(0, 10**6),
    budget=st.integers(1, 90),
    train=st.integers(1, 14),
    val=st.integers(1, 14),
    steps=st.sampled_from([1, 2, 10]),
)
def test_whatever_the_scores_are_it_ends_soundly(worlds, budget, train, val, steps):
    def worth(texts, row):
        return random.Random(f"{worlds}{sorted(texts.items())}{row}").randint(0, steps) / steps

    job = toy_job(train, val)
    assert is_sound(*searched(worth, budget, job=job, seed=worlds), budget)
    assert searched(worth, budget, job=job, seed=worlds)[1] == searched(worth, budget, job=job, seed=worlds)[1]


def test_both_kinds_of_change_are_tried_and_the_best_has_both():
    search, _, candidates = searched(by_both, 400)
    winner = winner_of(candidates)
    assert winner.texts[KEY + SHOWN] and level_of(winner.texts[KEY]) >= HIGHEST - 2
    assert {each.start for each in candidates} >= {"next level", SPREAD}
    assert all(arm.tried for arm in search.arms)


@pytest.mark.parametrize("paying", ["next level", "other cover"])
def test_what_pays_is_accepted_and_what_does_not_pay_is_tried_less(paying):
    job = toy_job(val=10)
    changes = [NextLevel(Arm("next level", 1.0, 2.0)), OtherCover(Arm("other cover", 1.0, 2.0), job)]

    def worth(texts, row):
        shown = json.loads(texts[KEY + SHOWN] or "[]")
        sets = sum(hard(id_) for id_ in shown) / 4 if isinstance(shown, list) else 0.0
        return by_level(texts, row) if paying == "next level" else min(1.0, sets)

    search, _, _ = searched(worth, 200, changes=changes)
    accepted = {arm.name: arm.accepted for arm in search.arms}
    assert accepted[paying] > 0 == sum(accepted.values()) - accepted[paying]


def test_a_larger_budget_finds_what_the_smaller_found_in_the_same_order():
    large = searched(by_both, 300)[2]
    for budget in range(40, 300, 40):  # with fewer, the part for the first race has no room for all that is known
        small = searched(by_both, budget)[2]
        assert [each.texts for each in large[: len(small)]] == [each.texts for each in small]
        for one, other in zip(small, large, strict=False):
            both = min(len(one.scores), len(other.scores))
            assert one.scores[:both] == other.scores[:both]


def test_another_seed_makes_other_proposals():
    assert searched(by_both, 100, seed=0)[1] != searched(by_both, 100, seed=1)[1]


def test_a_perfect_score_on_every_row_ends_it():
    search, ran, candidates = searched(lambda texts, row: 1.0 if level(texts) >= 1 else 0.1, 1000)
    assert search.ended_by in ("a perfect score on every validation row", "having nothing left to try")
    assert winner_of(candidates).scores == (1.0,) * 10 and len(ran) < 200


def test_a_seed_that_is_perfect_is_not_searched_for_long():
    search, ran, candidates = searched(lambda texts, row: 1.0, 1000)
    assert winner_of(candidates).index == 0 and len(candidates[0].scores) == 10
    assert len(ran) <= 10 * len(search.job.starts) + MINIBATCH  # what scores the same on every row is given more of them


def test_proposals_that_are_always_the_same_end_it():
    for text in (None, SEED[KEY], "Guess. LEVEL-0 in other words"):
        same = Same(Arm("same", 1.0, 1.0), text)
        search, ran, _ = searched(lambda texts, row: 0.3, 10_000, changes=[same])
        assert search.ended_by == "having nothing left to try"
        assert len(ran) <= 12 * 2 + 10 * 4 and same.asked <= 2 * IDLE


def test_where_every_arm_is_closed_it_ends():
    search, _, _ = searched(by_level, 100, changes=[Same(Arm("same", 1.0, 1.0, closed="broken"), None)])
    assert search.ended_by == "having nothing left to try"
    assert searched(by_level, 100, changes=[])[0].ended_by == "having nothing left to try"


def test_a_plateau_ends_a_search_that_nobody_gave_a_budget():
    worse = {"limits": Budget(), "plateau": True}
    search, _, _ = searched(lambda texts, row: 0.5 - 0.01 * level_of(texts[KEY]) - 0.1 * bool(texts[KEY + SHOWN]), **worse)
    assert search.ended_by == f"{PLATEAU} proposals in a row that were no better"


def with_in_use(texts, **more):
    job = toy_job(val=10, **more)
    starts = [job.starts[0], InitialProgram("in use", texts), *job.starts[1:]]
    return type(job)(**{**vars_of(job), "starts": starts})


def vars_of(job):
    return {name: getattr(job, name) for name in job.__dataclass_fields__}


@pytest.mark.parametrize("budget", [2 * MIN_ROWS, 20, 40, 80, 200])
def test_what_must_be_beaten_is_always_scored(budget):
    texts = dict(SEED) | {KEY: "Guess. LEVEL-4"}
    search, ran, candidates = searched(
        by_both, budget, job=with_in_use(texts), must_beat=["in use"], shares=Shares(known=0.0, train=4, last=4)
    )
    assert is_sound(search, ran, candidates, budget)
    [now] = [each for each in candidates if each.start == "in use"]
    assert len(now.scores) >= MIN_ROWS and not now.fell_out
    if budget >= 200:
        assert len(now.scores) == len(candidates[0].scores) == len(winner_of(candidates).scores) == 10


def test_what_must_be_beaten_is_scored_even_where_it_is_worse_than_the_seed():
    job = with_in_use(showing(SEED, SPREAD))
    _, _, candidates = searched(lambda texts, row: 0.1 if texts[KEY + SHOWN] else 0.6, 40, job=job, must_beat=["in use"])
    [now] = [each for each in candidates if each.start == "in use"]
    assert len(now.scores) >= MIN_ROWS and not now.fell_out
    assert winner_of(candidates).index == 0


def test_a_start_that_adds_nothing_falls_out_and_says_so():
    _, _, candidates = searched(lambda texts, row: 0.1 if texts[KEY + SHOWN] == demonstrations_key(SPREAD) else 0.6, 40)
    [spread] = [each for each in candidates if each.start == SPREAD]
    assert spread.fell_out == f"no better than the seed after {MIN_ROWS} rows"


def test_little_is_spent_to_reject_a_change():
    """A change that does not beat its parent on three train rows costs those three rows and is no candidate."""
    worse = Same(Arm("same", 1.0, 1.0), "Guess. LEVEL-0, badly")
    _, ran, candidates = searched(lambda texts, row: 0.1 if "badly" in texts[KEY] else 0.5, 40, changes=[worse])
    tried = [row for texts, row in ran if "badly" in texts]
    assert not [each for each in candidates if "badly" in each.texts[KEY]]
    assert 0 < len(tried) <= 12 and all(row.startswith("t") for row in tried)
    assert len(tried) % MINIBATCH == 0


@pytest.mark.parametrize("sizes", [(1, 1), (1, 8), (12, 1), (2, 2), (3, 3)])
def test_however_few_rows_there_are_it_ends_well(sizes):
    """On one validation row nothing is supported, so there the seed stays."""
    train, val = sizes
    for worth in (by_level, by_demonstrations, by_both):
        assert is_sound(*searched(worth, 80, job=toy_job(train, val)), 80)


def test_no_row_to_show_leaves_the_instructions():
    job = toy_job(shown=0)
    assert [start.name for start in job.starts] == ["seed"]
    search, ran, candidates = searched(by_level, 200, job=job, changes=[NextLevel(Arm("next level", 1.0, 1.0))])
    assert is_sound(search, ran, candidates, 200)
    assert level_of(winner_of(candidates).texts[KEY]) >= 5


def test_two_hundred_candidates_are_not_too_many():
    def slowly(texts, row):
        return min(1.0, 0.004 * level_of(texts[KEY]))

    search, ran, candidates = searched(slowly, 3000, changes=[NextLevel(Arm("next level", 1.0, 1.0))])
    assert is_sound(search, ran, candidates, 3000)
    assert len(candidates) > 100 and winner_of(candidates).index > len(candidates) - 20


# Whole programs ---------------------------------------------------------------------------------------------------------


def compiled(worth, budget, threads=1, seed=0, journal=None, job=None):
    """Compile the toy program for real. Returns (the result, the task model, the reflection model, the meter)."""
    lms, meter, journal = (task_model(worth), reflector()), Meter(), Journal() if journal is None else journal
    job = job or toy_job(val=10)
    roles = zip(("task", "reflection"), lms, strict=True)
    task, reflection = (recorded(lm, role, journal, meter) for role, lm in roles)
    limits = {"budget": Budget(metric_calls=budget), "meter": meter, "seed": seed, "threads": threads}
    return compile_job(job, task_lm=task, reflection_lm=reflection, **limits), *lms, meter


def worth_of_prompts(prompt, shown, row):
    """By level up to 0.6, by what is shown up to 0.3, and harder on some rows."""
    return round(min(0.6, 0.15 * level_of(prompt)) + 0.1 * min(3, len(shown)) - 0.1 * hard(row) + 0.1, 6)


def test_sixteen_threads_give_what_one_gives_and_again_the_same():
    first = compiled(worth_of_prompts, 80)
    for threads in (1, 16):
        again = compiled(worth_of_prompts, 80, threads)
        assert again[0] == first[0]
        assert sorted(again[1].engine.prompts) == sorted(first[1].engine.prompts)
        assert again[2].engine.prompts == first[2].engine.prompts


def test_programs_get_better_by_both_and_nothing_is_asked_twice():
    result, task, reflection, meter = compiled(worth_of_prompts, 150)
    winner = result.winner
    assert winner.score > result.seed.score + 0.5
    assert level_of(winner.instructions["guess"]) >= 3 and winner.demonstrations
    for lm in (task, reflection):
        assert len(lm.engine.prompts) == len(set(lm.engine.prompts))
    assert meter.metric_calls <= 150 and result.proposals > 0 < result.accepted


def test_a_larger_budget_pays_for_the_difference_only():
    journal = Journal()
    small, *first, _ = compiled(worth_of_prompts, 40, journal=journal)
    before = {record["key"] for record in journal}
    assert before
    large, *then, _ = compiled(worth_of_prompts, 120, journal=journal)
    assert {record["key"] for record in journal} > before
    for one, other in zip(first, then, strict=True):
        assert not set(one.engine.prompts) & set(other.engine.prompts)
    assert [each.texts for each in large.candidates[: len(small.candidates)]] == [each.texts for each in small.candidates]


def test_a_model_that_is_right_by_chance_is_no_reason_to_end_unsoundly():
    for world in range(4):

        def luck(texts, row, world=world):
            return float(random.Random(f"{world}{sorted(texts.items())}{row}").random() < 0.5)

        assert is_sound(*searched(luck, 120), 120)
