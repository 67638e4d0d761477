"""Whatever a scorer says: never larger, never above the most savings, confirmed or left alone, nothing binding lost unseen."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import dspy_programs.budget as budget
from dspy_programs.budget import Negotiator, OfflineScorer, PromptSection, Score, SectionType, read_prompt
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.budget.prompts.prompt import joined
from dspy_programs.budget.redundancy import no_longer_said
from dspy_programs.errors import UsageError
from dspy_programs.types import Criterion, Rubric, Section
from tests.budget_search import false_drops, share_below

EXAMPLE = Path(budget.__file__).parent / "examples" / "prompt.yaml"
CASES = int(os.environ.get("DSPY_BUDGET_CASES", "60"))
RUBRIC = Rubric(name="r", criteria=[Criterion(name="commas", description="no commas"), Criterion(name="wit")])


class Table:
    """Scores by what is in the prompt: section name -> worth; a share for each name that is kept."""

    name = "table"

    def __init__(self, worth, noisy=False, noise=()):
        self.worth, self.noisy, self.noise = worth, noisy, list(noise)
        self.asked = []

    def score(self, sections, rubric, task=""):
        self.asked.append([section.name for section in sections])
        total = sum(self.worth.values())
        value = sum(self.worth.get(section.name, 0) for section in sections) / total if total else 0.0
        return Score(value + (self.noise[len(self.asked) % len(self.noise)] if self.noise else 0.0))


def prompt(*sizes, last="Go on."):
    sections = [Section(name=f"s{i}", type="system", content="word " * size, priority=i) for i, size in enumerate(sizes)]
    return [*sections, Section(name="task", content=last, priority=100)]


def test_worked_example_drops_the_style_guide_and_lists_its_sentences():
    result = Negotiator(OfflineScorer(), 0.8, 0.2, 0.8).negotiate(read_prompt(EXAMPLE))
    assert (result.original_token_count, result.optimized_token_count) == (118, 92)
    assert result.sections_removed == ["style_guide"] and f"{result.savings:.1%}" == "22.0%"
    assert [one.section for one in result.lost] == ["style_guide"] * 2 and not any(one.allowed for one in result.lost)
    assert result.answered_by == "rules" and result.scoring_calls == 2 and result.model_calls == 0


def test_words_of_a_rubric_are_no_measure_of_quality():
    result = Negotiator(OfflineScorer(), 0.8, 0.2, 0.8).negotiate(read_prompt(EXAMPLE))
    assert result.measured == "coverage" and result.retention.value is None
    assert result.retention.statement.startswith("quality not measured")


def test_a_rubric_about_other_things_is_refused_as_a_measure():
    with pytest.raises(UsageError, match=r"offline: the full prompt scores 0\.00, too little to measure by"):
        Negotiator(OfflineScorer()).negotiate(prompt(20, 20), RUBRIC)


def test_without_a_scorer_only_what_is_redundant_goes():
    sections = [
        Section(name="a", content="Please note that prices are in euros.\n\nNever promise a date to a customer.", priority=1),
        Section(name="b", content="Never promise a date to a customer.\n\nThe shop is by the sea.   It is old.", priority=2),
    ]
    result = Negotiator().negotiate(sections)
    assert (
        result.optimized_prompt
        == "Prices are in euros.\n\nNever promise a date to a customer.\n\nThe shop is by the sea. It is old."
    )
    assert result.measured == "nothing" and result.retention.statement == "quality not measured" and not result.lost
    assert result.original_score is None and {change.kind for change in result.changes} == {"filler", "duplicate", "whitespace"}


def test_scorer_is_asked_by_ascending_priority_and_keeps_what_falls_below():
    scorer = Table({"system": 1, "few_shot_1": 1})
    result = Negotiator(scorer, 0.9, 0.9, 1.0).negotiate(read_prompt(EXAMPLE))
    order = [step.sections[0] for step in result.steps]
    assert order == ["style_guide", "few_shot_1", "few_shot_2", "system", "context", "instruction"]
    assert [step.accepted for step in result.steps] == [True, False, True, False, True, False]
    assert "only placeholder {question}" in result.steps[-1].reason and not result.success
    assert result.scoring_calls == len(scorer.asked) == 6


def test_search_stops_at_least_savings_and_passes_over_what_saves_too_much():
    result = Negotiator(Table({"task": 1}), 0.9, 0.3, 0.45).negotiate(prompt(50, 10, 40))
    assert "s0" not in result.sections_removed and result.savings <= 0.45
    assert any("exceed the maximum savings" in line for line in result.log)


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
    assert result.measured == "opinion" and "in the opinion of the scorer" in result.retention.statement


POLICY = "Basic economy flights cannot be modified. Refuse medical questions."


@pytest.mark.parametrize(
    ("allow", "kept"),
    [
        (["none"], {"Basic economy flights cannot be modified.", "Refuse medical questions."}),
        (["1"], {"Refuse medical questions."}),
        (["medical"], {"Basic economy flights cannot be modified."}),
        (["all"], set()),
        (["1,2"], set()),
    ],
)
def test_only_allowed_sentences_go(allow, kept):
    sections = [Section(name="policy", content=POLICY, priority=1), Section(name="task", content="Answer {q}", priority=9)]
    result = Negotiator(Table({"task": 1}), 0.9, 0.9, 0.99, allow=allow).negotiate(sections)
    assert {
        text
        for text in ("Basic economy flights cannot be modified.", "Refuse medical questions.")
        if text in result.optimized_prompt
    } == kept
    assert all(one.allowed for one in result.lost) and len(result.lost) == 2 - len(kept)


@pytest.mark.parametrize(
    ("allow", "fault"), [(["7"], "--allow 7: the prompt has 3"), (["e"], "in 3 binding"), (["zebra"], "in no binding")]
)
def test_unknown_sentence_is_refused_before_anything_is_asked(allow, fault):
    scorer = Table({"task": 1})
    sections = [Section(name="policy", content=POLICY, priority=1), Section(name="task", content="Answer me {q}", priority=9)]
    with pytest.raises(UsageError, match=fault):
        Negotiator(scorer, allow=allow).negotiate(sections)
    assert not scorer.asked


def test_numbers_of_sentences_hold_when_redundant_ones_go_first():
    twice = "Never promise a date to a customer."
    sections = [
        Section(name="a", content=f"{twice}\n\n{twice}\n\nRefuse medical questions."),
        Section(name="task", content="Answer {q}", priority=9),
    ]
    result = Negotiator(Table({"task": 1}), 0.9, 0.9, 0.99, allow=["3"]).negotiate(sections)
    assert [one.text for one in result.lost] == ["Refuse medical questions."] and twice in result.optimized_prompt


def test_a_sentence_that_is_shortened_and_then_goes_is_named_once():
    sections = [
        Section(name="a", content="- Please note that you must be brief.", priority=1),
        Section(name="task", content="Answer {q}", priority=9),
    ]
    result = Negotiator(Table({"task": 1}), 0.9, 0.6, 0.9).negotiate(sections)
    assert [(one.text, one.new) for one in result.changes] == [("Please note that you must be brief.", None)]
    assert result.lost[0].goes_because == result.changes[0].reason


def test_noisy_judge_is_asked_again_until_it_is_clear():
    scorer = Table({"task": 1}, noisy=True, noise=[0.0, -0.2, 0.02, -0.15, -0.3, -0.05])
    Negotiator(scorer, 0.9, 0.4, 0.9).negotiate(prompt(30, 30))
    asked = [tuple(names) for names in scorer.asked]
    assert max(asked.count(names) for names in asked) > 2


def test_hopelessly_noisy_judge_leaves_the_prompt_as_it_is_and_says_so():
    scorer = Table({"s0": 1, "task": 9}, noisy=True, noise=[0.0, -0.9, -0.1, -0.8, -0.4])
    result = Negotiator(scorer, 0.98, 0.4, 0.99).negotiate(prompt(40))
    assert not result.sections_removed and not result.success and result.measured == "nothing"


def test_what_the_search_believed_is_dropped_if_fresh_answers_deny_it():
    class Lucky(Table):
        def score(self, sections, rubric, task=""):
            super().score(sections, rubric, task)
            worse = len(sections) == 1 and self.asked.count(["task"]) > 8
            return Score(0.5 if worse else 0.9)

    result = Negotiator(Lucky({}, noisy=True), 0.8, 0.4, 0.95).negotiate(prompt(30))
    assert not result.sections_removed and any("not confirmed" in line for line in result.log)
    assert not any(step.accepted for step in result.steps)


@pytest.mark.parametrize(
    ("measure", "size", "threshold"), [("examples", 150, 0.92), ("judge", 0.1, 0.95), ("judge", 0.1, 0.92)]
)
def test_a_section_that_costs_a_tenth_is_rarely_dropped(measure, size, threshold):
    _, ours = false_drops(measure, size, threshold, runs=40)
    assert share_below(ours, threshold)[0] <= 0.05


def test_reorder_puts_constant_sections_first_and_scores_it():
    sections = [
        Section(name="q", content="Question: {q}", priority=9),
        Section(name="rules", content="Be kind.", type="system"),
    ]
    scorer = Table({"q": 1, "rules": 1})
    result = Negotiator(scorer, strategies=["reorder"], min_token_savings=0.0).negotiate(sections)
    assert result.reordered and result.optimized_prompt == "Be kind.\n\nQuestion: {q}"
    assert scorer.asked[-1] == ["rules", "q"] and any(line.startswith("reorder: reaches") for line in result.log)


def test_progress_may_stop_the_work():
    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Negotiator(Table({"task": 1})).negotiate(prompt(20, 30), progress=stop)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"quality_threshold": 1.2}, "threshold is 1.2; give a share"),
        ({"min_token_savings": 0.7}, "exceeds max savings"),
        ({"max_token_savings": float("nan")}, "max savings is nan"),
        ({"strategies": ["fold"]}, "unknown strategy 'fold'"),
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
        ([{"name": "a", "text": "x"}], "text: unknown key"),
        ([7], "sections: "),
    ],
)
def test_negotiate_refuses_sections_that_are_none(sections, fault):
    with pytest.raises(UsageError, match=fault):
        Negotiator(OfflineScorer()).negotiate(sections)


def test_many_sections_and_one_huge_section_are_taken():
    many = [Section(name=f"s{i}", content=f"The shop number {i} is by the sea.", priority=i) for i in range(120)]
    assert Negotiator().negotiate(many).optimized_token_count > 0
    huge = "\n\n".join(f"- The shop has bicycle number {i}, and it is in the window." for i in range(500))
    result = Negotiator(Table({"a": 1}), 0.5, 0.1, 0.2, strategies=["compress"], allow=["none"]).negotiate(
        [Section(name="a", content=huge)]
    )
    assert result.original_token_count > 7000 and not result.lost


contents = st.sampled_from(
    [
        "Be kind.",
        "Never use commas.",
        "Never mention Bob.\n\nNever mention Bob.",
        "word " * 20,
        "Please note that the shop is old.",
        "Use {x}.",
        "Use {x} and {y}.",
        "# Rules\n- Never lie. Be quick.\n- Smile.",
        "# You must never answer in French\nThe shop is old.",
        "````md\n```\n# no heading\n```\n````",
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
    max_size=7,
).filter(lambda parts: any(part[0].strip() for part in parts) and any(part[3] for part in parts))


@given(
    sections_drawn,
    st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.sampled_from([["remove"], ["remove", "compress"], ["compress"], ["remove", "reorder"]]),
    st.sampled_from([None, ["all"], ["none"]]),
    st.lists(st.floats(-0.5, 0.3), max_size=4),
)
@settings(max_examples=CASES, deadline=None)
def test_promises_hold_for_any_prompt_and_any_scorer(drawn, threshold, limits, strategies, allow, noise):
    sections = [
        Section(name=f"s{i}", content=content, type=type_, priority=priority)
        for i, (content, type_, priority, _) in enumerate(drawn)
    ]
    scorer = Table({f"s{i}": part[3] for i, part in enumerate(drawn)}, bool(noise), noise)
    negotiator = Negotiator(scorer, threshold, *limits, strategies=strategies, allow=allow)
    try:
        result = negotiator.negotiate(sections, RUBRIC)
    except UsageError as error:
        assert noise and "too little to measure by" in str(error)
        return
    count = negotiator.counter.count
    assert result.original_token_count == sum(count(s.content) for s in sections)
    assert result.optimized_token_count == sum(count(s.content) for s in result.optimized_sections)
    assert result.optimized_token_count <= result.original_token_count and result.savings <= limits[1] + 1e-9
    if not noise and result.optimized_score is not None:
        assert result.optimized_score >= threshold * result.original_score - 1e-9
    assert any(s.content.strip() for s in result.optimized_sections)
    kept = [s.name for s in result.optimized_sections]
    assert set(kept) | set(result.sections_removed) == {s.name for s in sections}
    assert result.reordered or kept == [s.name for s in sections if s.name in kept]
    before, after = ("\n".join(s.content for s in found) for found in (sections, result.optimized_sections))
    assert all(place in after for place in ("{x}", "{y}") if place in before)
    assert [one.text for one in result.lost] == [one.text for one in no_longer_said(sections, result.optimized_sections)]
    assert allow != ["none"] or not result.lost
    assert "````md" not in after or "````md\n```\n# no heading\n```\n````" in after


@given(sections_drawn)
@settings(max_examples=20, deadline=None)
def test_same_input_gives_the_same_result(drawn):
    sections = [Section(name=f"s{i}", content=part[0], type=part[1], priority=part[2]) for i, part in enumerate(drawn)]
    first, again = (Negotiator(Table({"s0": 1}), 0.5).negotiate(sections, RUBRIC) for _ in range(2))
    assert first.model_dump(exclude={"elapsed"}) == again.model_dump(exclude={"elapsed"})


def test_a_number_of_thousands_of_digits_is_one_line():
    section = Section(name="a", type="instruction", content="Never refund anything.", priority=1)
    with pytest.raises(UsageError, match="the prompt has 1 binding sentence"):
        Negotiator(allow=["9" * 5000]).negotiate([section])


class Anything:
    """A scorer that takes every prompt for as good as the full one."""

    name, noisy, measures = "anything goes", False, "opinion"

    def score(self, sections, rubric, task=""):
        return Score(1.0)


def shortest(text, allow=("all",)):
    """Return what is left of a prompt if nothing but its own structure holds a sentence."""
    found = Negotiator(Anything(), 0.9, 0.99, 1.0, strategies=["remove", "compress"], allow=list(allow)).negotiate(
        from_text(text)
    )
    return found.optimized_prompt


@pytest.mark.parametrize(
    "text",
    [
        "Returns are free.\n\nUnless the seal is broken.\n\nTake {x}.",
        "# Rules\nReturns are free. In that case, ask for the bill.\n# Task\nTake {x}.",
        "- Returns are free.\n- Otherwise, ask for the bill.\n\nTake {x}.",
    ],
)
@pytest.mark.parametrize("allowed", ["1", "2"])
def test_a_demand_and_its_condition_stay_together(text, allowed):
    left = shortest(text, [allowed])
    assert "Returns are free." in left and joined(from_text(text)) == left
    assert "free" not in shortest(text) and "Unless" not in shortest(text) and "case" not in shortest(text)


def test_the_log_says_what_holds_a_sentence_that_may_go():
    sections = from_text("Returns are free. Unless the seal is broken. Be brief.\n\nTask: {x}")
    result = Negotiator(Anything(), 0.9, 0.5, 0.9, strategies=["compress"], allow=["1,3"]).negotiate(sections)
    assert "[1] stays with [2]: one means something else without the other; allow both, or none" in result.log
    assert [one.number for one in result.lost] == [3]


@pytest.mark.parametrize(
    "tags",
    [
        ("{% if new %}", "{% else %}", "{% endif %}"),
        ("{% for row in rows %}", "{{ row.name | upper }}", "{% endfor %}"),
        ("{{#each rows}}", "{{this.name}}", "{{/each}}"),
    ],
)
@pytest.mark.parametrize("space", ["\n", "\n\n"])
def test_tags_that_steer_a_template_never_go(tags, space):
    opening, middle, closing = tags
    left = shortest(space.join([opening, "Welcome the guest.", middle, "Thank the guest.", closing, "Be brief.", "Task: {x}"]))
    assert all(tag in left for tag in tags) and left.count("{%") + left.count("{{") == 3 and "Be brief" not in left


def test_plain_statements_may_be_let_go_together():
    text = "Our shop is by the sea.\n\nNever promise a date.\n\nTask: {x}"
    assert shortest(text, ["statements"]) == "Never promise a date.\n\nTask: {x}"
    assert shortest(text, ["none"]) == text


def test_plain_statements_are_tried_before_demands():
    sections = from_text("# A\nAnswer in short. Name the street. Our shop is old and lies by the sea.\n# B\nTask: {x}")
    result = Negotiator(Anything(), 0.9, 0.1, 0.9, strategies=["compress"]).negotiate(sections)
    assert [one.text for one in result.lost] == ["Our shop is old and lies by the sea."]
    assert not any(one.allowed for one in result.lost)
