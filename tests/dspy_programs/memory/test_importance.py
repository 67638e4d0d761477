"""Both published formulas, keywords, turns before clocks, and comparing by meaning."""

import sys

import pytest

from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.memory import ImportanceScorer, MemoryEntry, MemoryStore, ScoringConfig

NOW = 1_000_000.0


def said(content="well then", role="user", **fields):
    return MemoryEntry.model_validate({"role": role, "content": content, "timestamp": NOW, **fields})


def by_age(**config):
    scorer = ImportanceScorer(ScoringConfig(formula="age", **config))
    scorer.set_reference_time(NOW)
    return scorer


@pytest.mark.parametrize(
    ("entry", "score"),
    [
        (said(role="user"), 1.5),
        (said(role="user", timestamp=NOW - 3600), 0.75),
        (said(role="system", timestamp=NOW - 7200), 0.5),
        (said(role="tool"), 0.8),
        (said(role="compressed"), 0.5),
        (said(role="assistant", timestamp=NOW + 9e9), 1.0),
    ],
)
def test_by_age_is_decay_times_role_and_never_more_than_new(entry, score):
    assert by_age().score_entry(entry) == pytest.approx(score)


def test_by_age_keywords_add_their_boosts_and_half_life_and_weights_are_taken():
    scorer = by_age(boost_keywords={"Budget": 0.5, "deadline": 1.0, "": 9.0}, decay_half_life=60, type_weights={"user": 2.0})
    entry = said("The budget and the DEADLINE.", timestamp=NOW - 60)
    assert scorer.score_entry(entry) == pytest.approx(2.0 * 0.5 * 2.5)
    exact_case = by_age(boost_keywords={"Budget": 0.5}, case_sensitive=True)
    assert exact_case.score_entry(said("the budget")) == 1.5 and exact_case.score_entry(said("the Budget")) == 2.25


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (said("We decided to use the old one."), 0.9),
        (said("It costs $42,500."), 0.9),
        (said("well then", metadata={"type": "fact"}), 0.9),
        (said("well then", role="assistant"), 0.6),
        (said("well then"), 0.5),
        (said('{"rows": 4711}', role="tool"), 0.4),
    ],
)
def test_by_turn_is_the_published_table(entry, kind):
    scorer = ImportanceScorer()
    assert scorer.score_entry(entry) == pytest.approx(0.4 + 0.4 * kind)
    at = entry.turn_number
    recencies = [(scorer.score_entry(entry, at + ago) - 0.4 * kind) / 0.4 for ago in (4, 5, 6, 11, 12, 500)]
    assert recencies == pytest.approx([1.0, 0.85, 0.7, 0.0, 0.0, 0.0], abs=1e-9)


def test_by_turn_a_keyword_is_a_fifth_and_all_scores_are_shares():
    scorer = ImportanceScorer(ScoringConfig(boost_keywords={"then": 0.1}))
    assert scorer.score_entry(said()) == pytest.approx(0.4 + 0.2 + 0.2)
    assert scorer.score_entry(said("We decided on $5 then.", turn_number=-7)) <= 1.0


def test_turns_decide_and_not_clocks_and_without_turns_the_order():
    late_clock = [said(turn_number=turn, timestamp=NOW - turn) for turn in range(20)]
    scores = ImportanceScorer().scores(late_clock)
    assert scores == sorted(scores) and scores[0] < scores[-1]
    same_turn = [said(turn_number=0) for _ in range(20)]
    assert ImportanceScorer().scores(same_turn) == scores


def test_store_is_ranked_highest_first():
    store = MemoryStore()
    for content in ("well then", "Maria decided to stop.", "so so"):
        store.add("user", content)
    ranked = ImportanceScorer().score_store(store)
    assert ranked[0][0].content == "Maria decided to stop."
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)


@pytest.mark.parametrize("half_life", [0, -1, float("nan")])
def test_half_life_that_is_none_is_refused(half_life):
    with pytest.raises(UsageError, match="decay_half_life"):
        ImportanceScorer(ScoringConfig(decay_half_life=half_life))


@pytest.mark.parametrize("formula", ["turns", "age"])
def test_what_means_the_same_as_the_goal_counts_for_more(formula):
    pytest.importorskip("wordllama")
    entries = [said("The cat sleeps on the warm sofa."), said("Our SQL server keeps the customer tables.")]
    scorer = ImportanceScorer(ScoringConfig(formula=formula, goal="move the database"))
    scorer.set_reference_time(NOW)
    cat, server = scorer.scores(entries)
    assert server > cat + 0.02


def test_missing_extra_gives_the_command_that_installs_it(monkeypatch):
    from dspy_programs import embedding

    embedding.loaded.cache_clear()
    monkeypatch.setitem(sys.modules, "wordllama", None)
    with pytest.raises(MissingExtra, match=r'pip install "dspy-programs\[embed\]"'):
        ImportanceScorer(ScoringConfig(goal="anything")).scores([said()])
