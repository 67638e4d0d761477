"""Results are written and read back the same; the page escapes everything and needs nothing from elsewhere."""

import re

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.budget import Negotiator, Score, read_prompt
from dspy_programs.budget.report import as_html, diff, marked_diff, read_result_file, serialize, summary, word_diff
from dspy_programs.types import Section
from tests.dspy_programs.budget.test_negotiator import EXAMPLE

EVIL = '<script>alert(1)</script><img src=http://x.example/y onerror="a">{{ 7 * 7 }} Answer the question that was asked.'


class Always:
    """A scorer to which all prompts are the same."""

    name, noisy = "always", False

    def score(self, sections, rubric, task=""):
        return Score(1.0)


def negotiated(sections):
    negotiator = Negotiator(Always(), 0.5, 0.1, 0.9, strategies=["remove", "compress"])
    return negotiator.negotiate(sections), negotiator.counter.count


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_result_is_read_back_the_same(tmp_path, form):
    result, _ = negotiated(read_prompt(EXAMPLE))
    path = tmp_path / "r"
    path.write_text(serialize(result, form), encoding="utf-8")
    assert read_result_file(path) == result


printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.just("\n"), min_size=1, max_size=40)


@given(
    st.lists(printable, min_size=1, max_size=4).filter(lambda found: "".join(found).strip()), st.sampled_from(["json", "yaml"])
)
@settings(max_examples=40, deadline=None)
def test_any_result_is_read_back_the_same(tmp_path_factory, contents, form):
    result, _ = negotiated([Section(name=f"s{i}", content=content) for i, content in enumerate(contents)])
    path = tmp_path_factory.mktemp("r") / "r"
    path.write_text(serialize(result, form), encoding="utf-8")
    assert read_result_file(path) == result


def test_page_shows_every_section_and_escapes_everything():
    sections = [
        Section(name="<b>evil</b>", content=EVIL, priority=9),
        Section(name="talk", content="word " * 30, type="context"),
    ]
    result, count = negotiated(sections)
    page = as_html(result, count)
    assert "<script" not in page and "<img" not in page and "<b>evil" not in page
    assert "&lt;script&gt;" in page and "{{ 7 * 7 }}" in page and "&lt;b&gt;evil&lt;/b&gt;" in page and "talk" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.findall(r"<[a-z]+[^>]*\s(?:src|href)\s*=|url\(|@import", page)


def test_page_of_the_example_has_a_bar_for_each_section():
    result, count = negotiated(read_prompt(EXAMPLE))
    page = as_html(result, count)
    assert page.count('class="bar ') == 6 and 'class="bar removed"' in page and page.count("<del>") >= 1


@given(st.text(max_size=80), st.text(max_size=80))
@settings(deadline=None)
def test_diff_has_every_character_before_and_after(before, after):
    found = word_diff(before, after)
    assert "".join(text for mark, text in found if mark != "new") == before
    assert "".join(text for mark, text in found if mark != "gone") == after


def test_diff_marks_words_and_not_lines():
    assert word_diff("Please note that prices are in euros. Stay.", "Prices are in euros. Stay.") == [
        ("gone", "Please note that prices"),
        ("new", "Prices"),
        ("same", " are in euros. Stay."),
    ]


def test_diff_of_the_example_is_the_new_prompt_without_what_goes():
    result, _ = negotiated(read_prompt(EXAMPLE))
    assert "".join(text for mark, text in diff(result) if mark != "gone") == result.optimized_prompt
    assert "[-Sound warm" in marked_diff(result)


def test_what_is_lost_comes_first_with_its_reasons():
    result, count = negotiated(read_prompt(EXAMPLE))
    assert summary(result).startswith("Binding sentences that go (") and result.lost[0].goes_because in summary(result)
    page = as_html(result, count)
    assert page.index("Binding sentences that go") < page.index("of the quality kept") < page.index("word by word")


def test_page_without_a_measure_shows_no_share_of_quality():
    negotiator = Negotiator()
    result = negotiator.negotiate(read_prompt(EXAMPLE))
    page = as_html(result, negotiator.counter.count)
    assert "Quality not measured" in page and "not measured</b>" in page and "100.0 %</b>" not in page
    assert "Every binding sentence stays." in page
