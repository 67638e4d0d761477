"""Whatever a scorer says: never larger, never below the target, never above the most savings, nothing guarded is lost."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import dspy_programs.budget as budget
from dspy_programs.budget import Negotiator, OfflineScorer, PromptSection, Score, SectionType, read_prompt
from dspy_programs.errors import UsageError
from dspy_programs.types import Criterion, Rubric, Section

EXAMPLE = Path(budget.__file__).parent / "examples" / "prompt.yaml"
CASES = int(os.environ.get("DSPY_BUDGET_CASES", "150"))
RUBRIC = Rubric(name="r", criteria=[Criterion(name="commas", description="no commas"), Criterion(name="wit")])


class Table:
    """Scores by what is in the prompt: section name -> worth; a share for each name that is kept."""

    name = "table"

    def __init__(self, worth, noisy=False, reads="outputs", noise=()):
        self.worth, self.noisy, self.reads, self.noise = worth, noisy, reads, list(noise)
        self.asked = []

    def score(self, sections, rubric, task=""):
        self.asked.append([section.name for section in sections])
        total = sum(self.worth.values())
        value = sum(self.worth.get(section.name, 0) for section in sections) / total if total else 0.0
        return Score(value + (self.noise[len(self.asked) % len(self.noise)] if self.noise else 0.0))


def prompt(*sizes, last="Go on."):
    sections = [Section(name=f"s{i}", type="system", content="word " * size, priority=i) for i, size in enumerate(sizes)]
    return [*sections, Section(name="task", content=last, priority=100)]


@pytest.mark.parametrize("search", ["ours", "greedy"])
def test_worked_example_drops_the_style_guide(search):
    result = Negotiator(OfflineScorer(), 0.8, 0.2, 0.8, search=search).negotiate(read_prompt(EXAMPLE))
    assert (result.original_token_count, result.optimized_token_count) == (118, 92)
    assert result.sections_removed == ["style_guide"] and result.success
    assert f"{result.savings:.1%}" == "22.0%" and result.retention.statement == "100.0%"
    assert result.answered_by == "rules" and result.scoring_calls == 2 and result.model_calls == 0


def test_greedy_goes_by_ascending_priority_and_keeps_what_falls_below():
    scorer = Table({"system": 1, "few_shot_1": 1})
    result = Negotiator(scorer, 0.9, 0.9, 1.0, search="greedy").negotiate(read_prompt(EXAMPLE))
    order = [step.sections[0] for step in result.steps]
    assert order == ["style_guide", "few_shot_1", "few_shot_2", "system", "context", "instruction"]
    assert [step.accepted for step in result.steps] == [True, False, True, False, True, True]
    assert not result.success  # it drops even the instruction, and 59 % is less than 90 %
    assert result.scoring_calls == len(scorer.asked) == 7


def test_greedy_stops_at_least_savings_and_passes_over_what_saves_too_much():
    sections = prompt(50, 10, 40)
    result = Negotiator(Table({"task": 1}), 0.9, 0.3, 0.45, search="greedy").negotiate(sections)
    assert result.sections_removed == ["s1"] or result.savings <= 0.45
    assert "s0" not in result.sections_removed and any("exceed the maximum savings" in line for line in result.log)


def test_published_snippet_runs_with_a_scorer_of_ones_own():
    sections = [
        PromptSection(name="sys", content="You are helpful.", section_type=SectionType.SYSTEM, priority=20),
        PromptSection(name="q", content="What is 2+2?", section_type=SectionType.INSTRUCTION, priority=100),
    ]
    rubric = Rubric(name="qa", description="qa rubric", criteria=[Criterion(name="accuracy", description="correct", weight=1)])

    class Stub:
        def score(self, sections, rubric, task=""):
            return Score(1.0)

    negotiator = Negotiator(scorer=Stub(), quality_threshold=0.9, min_token_savings=0.1, max_token_savings=0.9)
    result = negotiator.negotiate(sections=sections, rubric=rubric, target_task="qa")
    assert result.original_token_count > result.optimized_token_count and result.sections_removed == ["sys"]


def test_ours_drops_a_free_group_with_one_call():
    scorer = Table({"task": 1})
    result = Negotiator(scorer, 0.9, 0.8, 0.99).negotiate(prompt(30, 30, 30))
    assert result.success and result.scoring_calls == 2 and result.steps[0].sections == ["s0", "s1", "s2"]


def test_ours_finds_the_one_section_that_matters_in_a_group():
    result = Negotiator(Table({"s1": 1, "task": 1}), 0.9, 0.95, 0.99).negotiate(prompt(20, 30, 20, 20))
    assert result.sections_removed == ["s0", "s2", "s3"] and result.optimized_score == 1.0


def test_ours_spends_the_allowance_where_it_buys_most():
    worth = {"s0": 10, "s1": 9, "task": 81}  # 10 % may go: one of the two, and s1 is much longer
    sections = prompt(5, 60)
    greedy = Negotiator(Table(worth), 0.9, 0.95, 0.95, search="greedy").negotiate(sections)
    ours = Negotiator(Table(worth), 0.9, 0.95, 0.95).negotiate(sections)
    assert greedy.sections_removed == ["s0"] and ours.sections_removed == ["s1"]
    assert ours.scoring_calls <= len(sections) + 1


def test_ours_keeps_the_cheapest_of_sections_that_say_the_same():
    long = "Do not use any commas in the whole of your response, not even where grammar would want one of them."
    sections = [
        Section(name="long", content=long, priority=50),
        Section(name="short", content="Use no commas.", priority=10),
        Section(name="task", content="Write a story.", priority=100),
    ]
    result = Negotiator(OfflineScorer(), 0.9, 0.9, 0.95).negotiate(sections, Rubric(name="r", criteria=RUBRIC.criteria[:1]))
    assert result.sections_removed == ["long"]


def test_ours_exchanges_a_needed_section_for_a_shorter_one_that_says_the_same():
    class Either(Table):
        def score(self, sections, rubric, task=""):
            super().score(sections, rubric, task)
            return Score(float({"long", "short"} & {section.name for section in sections} != set()))

    sections = [
        Section(name="short", content="Write for children at school.", type="system", priority=1),
        Section(
            name="long", content="Write for children at school who like dogs and cats and birds.", type="system", priority=2
        ),
        *prompt(20),
    ]
    scorer = Either({})
    result = Negotiator(scorer, 0.9, 0.9, 0.95, most_calls=20).negotiate(sections)
    assert result.sections_removed == ["long", "s0"] and result.optimized_score == 1.0


RULE = "Never mention the name of a competitor."


@pytest.mark.parametrize(("reads", "kept"), [("rubric", True), ("outputs", False)])
def test_ours_keeps_a_demand_that_a_scorer_of_prompts_cannot_see(reads, kept):
    sections = [*prompt(20), Section(name="rule", type="system", content=RULE, priority=1)]
    result = Negotiator(Table({"task": 1}, reads=reads), 0.5, 0.95, 0.99).negotiate(sections, RUBRIC)
    assert ("rule" not in result.sections_removed) is kept
    assert any("has a requirement the rubric omits: 'Never mention" in line for line in result.log) is kept


def test_ours_drops_a_demand_that_another_section_repeats():
    sections = [*prompt(20), Section(name="a", content=RULE, priority=1), Section(name="b", content=f"# Rules\n{RULE}")]
    result = Negotiator(Table({"task": 1}, reads="rubric"), 0.5, 0.9, 0.99).negotiate(sections, RUBRIC)
    assert len({"a", "b"} & set(result.sections_removed)) == 1


def test_ours_keeps_the_main_instruction_and_the_only_place_to_fill_in():
    sections = [*prompt(20), Section(name="input", type="context", content="Text: {text}", priority=0)]
    result = Negotiator(Table({"s0": 1}), 0.0, 0.99, 1.0).negotiate(sections)
    assert result.sections_removed == ["s0"]


def test_prompt_that_scores_nothing_is_left_alone():
    result = Negotiator(Table({"x": 1})).negotiate(prompt(20, 20))
    assert not result.success and not result.sections_removed and "scores 0" in "".join(result.log)


def test_noisy_judge_is_asked_again_until_it_is_clear():
    scorer = Table({"task": 1}, noisy=True, noise=[0.0, -0.2, 0.02, -0.15, -0.3, -0.05])
    result = Negotiator(scorer, 0.9, 0.4, 0.9, repeats=8).negotiate(prompt(30, 30))
    assert result.scoring_calls > 2 and result.scoring_calls <= 8 * 4
    asked = [tuple(names) for names in scorer.asked]
    assert max(asked.count(names) for names in asked) > 1


def test_hopelessly_noisy_judge_leaves_the_prompt_as_it_is_and_says_so():
    scorer = Table({"s0": 1, "task": 9}, noisy=True, noise=[0.0, -0.9, -0.1, -0.8, -0.4])
    result = Negotiator(scorer, 0.98, 0.4, 0.99).negotiate(prompt(40))
    assert not result.sections_removed and not result.success
    assert any("undecided" in line for line in result.log)


def test_retention_above_all_is_called_noise():
    class Rising(Table):
        def score(self, sections, rubric, task=""):
            return Score(low if len(sections) == 3 else 0.7)

    for low, why in ((0.66, "is the scorer's noise"), (0.35, "preference for short prompts, beyond its noise")):
        retention = Negotiator(Rising({}, noisy=True), 0.8, 0.4, 0.9).negotiate(prompt(30, 30)).retention
        assert retention.value == pytest.approx(0.7 / low) and retention.low < retention.value < retention.high
        assert retention.statement.startswith(f"100.0%: measured {0.7 / low:.1%}") and why in retention.statement


def test_compress_shortens_what_must_stay_and_keeps_every_demand():
    talk = "It is a lovely shop by the sea. " * 4 + "Never promise a delivery date. " + "We have many friends there. " * 4
    sections = [Section(name="a", type="system", content=talk), Section(name="task", content="Answer {q}.", priority=9)]
    result = Negotiator(Table({"a": 1, "task": 1}), 0.9, 0.2, 0.9, strategies=["remove", "compress"]).negotiate(sections)
    assert result.sections_compressed == ["a"] and "Never promise a delivery date." in result.optimized_prompt
    assert result.optimized_token_count < result.original_token_count and result.success


def test_reorder_puts_constant_sections_first_and_scores_it():
    sections = [
        Section(name="q", content="Question: {q}", priority=9),
        Section(name="rules", content="Be kind.", type="system"),
    ]
    scorer = Table({"q": 1, "rules": 1})
    result = Negotiator(scorer, strategies=["reorder"], min_token_savings=0.0).negotiate(sections)
    assert result.reordered and result.optimized_prompt == "Be kind.\n\nQuestion: {q}"
    assert scorer.asked[-1] == ["rules", "q"] and any(line.startswith("reorder: score 1.000") for line in result.log)


def test_progress_may_stop_the_work():
    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Negotiator(Table({"task": 1})).negotiate(prompt(20, 20), progress=stop)


def test_progress_counts_scoring_calls():
    seen = []
    Negotiator(Table({"s0": 1, "task": 1}), 0.9, 0.9, 0.95).negotiate(prompt(9, 9), progress=lambda *at: seen.append(at))
    assert seen and all(done <= total == 4 for done, total in seen)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"quality_threshold": 1.2}, "threshold is 1.2; give a share"),
        ({"min_token_savings": 0.7}, "exceeds max savings"),
        ({"max_token_savings": float("nan")}, "max savings is nan"),
        ({"search": "best"}, "unknown search 'best'"),
        ({"strategies": ["fold"]}, "unknown strategy 'fold'"),
        ({"strategies": ["compress"], "search": "greedy"}, "only removes"),
    ],
)
def test_negotiator_refuses_what_it_cannot_do(change, fault):
    with pytest.raises(UsageError, match=fault):
        Negotiator(OfflineScorer(), **change)


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ([], "all are empty"),
        ([{"name": "a", "content": " \n"}], "all are empty"),
        ([{"name": "a", "content": "x"}] * 2, "two sections are named 'a'"),
        ([{"name": f"s{i}", "content": "x"} for i in range(41)], "41 sections; give at most 40"),
        ([{"name": "a", "text": "x"}], "text: Extra inputs"),
        ([7], "sections: "),
    ],
)
def test_negotiate_refuses_sections_that_are_none(sections, fault):
    with pytest.raises(UsageError, match=fault):
        Negotiator(OfflineScorer()).negotiate(sections)


contents = st.sampled_from(
    [
        "Be kind.",
        "Never use commas.",
        "Never mention Bob.",
        "word " * 20,
        "Use {x}.",
        "Use {x} and {y}.",
        "",
        " ",
        "1",
        "逗号" * 9,
    ]
)
sections_drawn = st.lists(
    st.tuples(
        contents, st.sampled_from(["system", "few_shot", "context", "instruction"]), st.integers(-3, 3), st.integers(0, 5)
    ),
    min_size=1,
    max_size=9,
).filter(lambda parts: any(part[0].strip() for part in parts))


@given(
    sections_drawn,
    st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.sampled_from(["ours", "greedy"]),
    st.sampled_from([["remove"], ["remove", "compress"], ["compress"], ["remove", "reorder"]]),
    st.sampled_from(["rubric", "outputs"]),
    st.lists(st.floats(-0.5, 0.5), max_size=4),
)
@settings(max_examples=CASES, deadline=None)
def test_promises_hold_for_any_prompt_and_any_scorer(drawn, threshold, limits, search, strategies, reads, noise):
    sections = [
        Section(name=f"s{i}", content=content, type=type_, priority=priority)
        for i, (content, type_, priority, _) in enumerate(drawn)
    ]
    if search == "greedy":
        strategies = [name for name in strategies if name != "compress"]
    scorer = Table({f"s{i}": part[3] for i, part in enumerate(drawn)}, bool(noise), reads, noise)
    negotiator = Negotiator(scorer, threshold, *limits, search=search, strategies=strategies)
    result = negotiator.negotiate(sections, RUBRIC)
    count = negotiator.counter.count
    assert result.original_token_count == sum(count(s.content) for s in sections)
    assert result.optimized_token_count == sum(count(s.content) for s in result.optimized_sections)
    assert result.optimized_token_count <= result.original_token_count
    assert result.savings <= limits[1] + 1e-9
    changed = result.sections_removed or result.sections_compressed
    if result.original_score and not result.reordered:
        assert not changed or result.optimized_score >= threshold * result.original_score - 1e-9
    if not noise:
        assert result.scoring_calls <= len(sections) + 2
        distinct = {tuple(names) for names in scorer.asked}
        assert "compress" in strategies or len(distinct) == len(scorer.asked)
    assert any(s.content.strip() for s in result.optimized_sections)
    kept = [s.name for s in result.optimized_sections]
    assert set(kept) | set(result.sections_removed) == {s.name for s in sections}
    assert result.reordered or kept == [s.name for s in sections if s.name in kept]
    tokens = [step.tokens for step in result.steps if step.accepted]
    assert tokens == sorted(set(tokens), reverse=True)
    if search == "ours":
        before, after = ("\n".join(s.content for s in found) for found in (sections, result.optimized_sections))
        assert all(place in after for place in ("{x}", "{y}") if place in before)
        banned = any("Bob" in s.content and s.type != "few_shot" for s in sections)
        assert reads == "outputs" or not banned or "Never mention Bob." in after


def test_demand_stays_where_an_example_said_it_and_both_could_go():
    texts = [("a", "system"), ("b", "few_shot"), ("c", "context")]
    sections = [Section(name=name, type=type_, content=RULE) for name, type_ in texts] + prompt(9)
    result = Negotiator(Table({"task": 1}, reads="rubric"), 0.0, 0.99, 1.0).negotiate(sections, RUBRIC)
    assert RULE in result.optimized_prompt and len(result.sections_removed) == 3


@given(sections_drawn, st.sampled_from([0.5, 0.9, 1.0]))
@settings(max_examples=30, deadline=None)
def test_same_input_gives_the_same_result(drawn, threshold):
    sections = [Section(name=f"s{i}", content=part[0], type=part[1], priority=part[2]) for i, part in enumerate(drawn)]
    first, again = (Negotiator(OfflineScorer(), threshold).negotiate(sections, RUBRIC) for _ in range(2))
    assert first.model_dump(exclude={"elapsed"}) == again.model_dump(exclude={"elapsed"})


def test_bound_on_calls_ends_the_search_with_what_is_found():
    scorer = Table({f"s{i}": 1 for i in range(6)} | {"task": 9})
    result = Negotiator(scorer, 0.5, 0.95, 0.99, most_calls=3).negotiate(prompt(*[10] * 6))
    assert result.scoring_calls == len(scorer.asked) == 3
