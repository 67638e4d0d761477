"""Which sentences must not get lost, when another one says the same, and what a shorter form keeps."""

import pytest
from hypothesis import given, strategies as st

from dspy_programs.budget.requirements import demands, is_demand, lost, placeholders, unseen
from dspy_programs.budget.shorten import compressions, is_faithful, pieces_of
from dspy_programs.tokens import counter_named
from dspy_programs.types import Criterion, Entry, Rubric, Section

COMMAS = Rubric(name="r", criteria=[Criterion(name="commas", description="no commas anywhere")])


@pytest.mark.parametrize(
    "text",
    [
        "Never give medical advice.",
        "Do not prior.",
        "Don't prior.",
        "Refrain from using commas.",
        "Answer in JSON.",
        "Use at most five sentences.",
        "Write 300 words.",
        'End with "Goodbye".',
        "Use `snake_case`.",
        "Question: {question}",
        "- Only output the table.",
        "你不得使用逗号。",
    ],
)
def test_rules_numbers_quotations_and_places_are_demands(text):
    assert is_demand(text)


@pytest.mark.parametrize(
    "text", ["Be kind.", "1. Read the text.", "You are an expert with 20 years of practice.", "# Never", "Dogs are animals."]
)
def test_talk_is_no_demand(text):
    assert not is_demand(text)


def test_examples_only_hold_places():
    assert demands(Section(name="a", type="few_shot", content="Q: 2+2? A: never 5. Q: {q}?")) == ["Q: {q}?"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a {x} b {{ y }} c ${z} d <<w>>", {"{x}", "{{ y }}", "${z}", "<<w>>"}),
        ('{"a": 1} {} { x y } {1}', set()),
        ("", set()),
    ],
)
def test_placeholders_are_names_in_braces(text, found):
    assert placeholders(text) == found


@pytest.mark.parametrize(
    ("other", "gone"),
    [
        ("Use at most 5 sentences.", False),
        ("Sentences: please use at most 5 sentences.", False),
        ("Use at most 6 sentences.", True),
        ("Use sentences.", True),
        ("", True),
    ],
)
def test_demand_is_lost_unless_the_same_is_said_with_the_same_numbers(other, gone):
    assert bool(list(lost(["Use at most 5 sentences."], [other]))) is gone


def test_a_ban_is_not_kept_by_the_opposite():
    assert list(lost(["Never mention the price."], ["Always mention the price."]))


def test_unseen_leaves_out_what_a_criterion_clearly_names():
    sections = [Section(name="a", content="Use no commas anywhere."), Section(name="b", content="Never lie.")]
    assert unseen(sections, COMMAS) == {"a": [], "b": ["Never lie."]}


FILLER = "It is a lovely shop by the sea and many people like it. "
LONG = f'# Shop\n\n{FILLER * 3}Never promise a date. {FILLER}Use {{name}}.\n- Say "hi".\n- {FILLER}'


def test_compressions_keep_headings_and_demands_word_for_word():
    counter = counter_named(None)
    (move,) = compressions([Section(name="a", content=LONG)], counter)
    assert move.saved == counter.count(LONG) - counter.count(move.content) > 0
    for part in ("# Shop", "Never promise a date.", "Use {name}.", '- Say "hi".'):
        assert part in move.content


def test_compressions_leave_examples_and_short_sections_alone():
    sections = [Section(name="a", type="few_shot", content=LONG), Section(name="b", content="Be kind to all.")]
    assert compressions(sections, counter_named(None)) == []


@pytest.mark.parametrize("form", ["Never promise a date.", "Say it in 3 words.", LONG + " Call Anna in Rome.", ""])
def test_unfaithful_forms_are_refused(form):
    assert not is_faithful(Section(name="a", content=LONG), form)


pieces = st.lists(
    st.sampled_from(["Be kind.", "Never lie! ", "\n\n", "# A\n", "- x\n", "1. Go. ", "e.g. this", "  ", "好。", "“Hi.” "])
)


@given(pieces)
def test_pieces_join_to_the_text(parts):
    text = "".join(parts)
    assert "".join(pieces_of(text)) == text or not text.strip()


@given(pieces)
def test_compressions_lose_no_demand_of_any_text(parts):
    section = Section(name="a", content="".join(parts) * 4)
    for move in compressions([section], counter_named(None)):
        assert not list(lost(demands(section), [move.content])) and len(move.content) < len(section.content)


def test_model_made_form_is_used_only_where_it_is_faithful(monkeypatch):
    from dspy_programs.programs.memory_summarizer import MemorySummarizer
    from tests.fakes import scripted_lm

    monkeypatch.setattr("dspy_programs.load", lambda name, lm: MemorySummarizer())
    section = Section(name="a", type="system", content=LONG)
    entry = Entry(turn=0, role="system", content=LONG)
    for summary in (FILLER.strip(), "Call Anna at 555."):
        reply = f'{{"memory": {{"summary": "{summary}", "decisions": [], "facts": []}}}}'
        (move,) = compressions([section], counter_named(None), scripted_lm(lambda prompt, r=reply: r, "scripted/short"))
        assert is_faithful(section, move.content) and "555" not in move.content and "Never promise a date." in move.content
    assert entry.content == LONG
