"""Results are written and read back the same; the page escapes everything and needs nothing from elsewhere."""

import re

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.budget import Negotiator, OfflineScorer, read_prompt
from dspy_programs.budget.report import as_html, diff, read_result_file, serialize
from dspy_programs.types import Section
from tests.dspy_programs.budget.test_negotiator import EXAMPLE

EVIL = '<script>alert(1)</script><img src=http://x.example/y onerror="a">{{ 7 * 7 }} Answer the question that was asked.'


def negotiated(sections):
    negotiator = Negotiator(OfflineScorer(), 0.5, 0.1, 0.9, strategies=["remove", "compress"])
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
    assert page.count('class="bar ') == 6 and 'class="bar removed"' in page and page.count('class="gone"') >= 1


def test_diff_has_every_line_before_and_after():
    result, _ = negotiated(read_prompt(EXAMPLE))
    lines = diff(result)
    assert [line[2:] for line in lines if line[0] in " +"] == result.optimized_prompt.splitlines()
    assert any(line.startswith("- Sound warm") for line in lines)
