"""One long line, many brackets, commas, quotes, headings, 200 kB of one word: every shape is read in linear time."""

import time

import pytest

from dspy_programs.budget import Negotiator
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.budget.report import marked_diff
from dspy_programs.types import Section

SHORT = "\n\nAnswer in short.\n\nAnswer in short.\n"


def numbered(count, text, start=0):
    return "".join(text.replace("@", str(number)) for number in range(start, start + count))


SHAPES = {
    "deep JSON on one line": '{"a":' * 5000 + "1" + "}" * 5000,
    "one word": "word " * 20_000,
    "one letter": "a" * 100_000,
    "a word of many verbs": "ist " + "zu" * 50_000,
    "brackets": "[" * 100_000,
    "braces": "{" * 100_000,
    "opened and closed": "{{" * 20_000 + "}}" * 20_000,
    "angles": "<" * 100_000,
    "tags that stay open": "<a>\n" * 5000,
    "tags that were not opened": "</a>\n" * 5000,
    "tags in tags": numbered(2500, "<a@>\n") + numbered(2500, "</a@>\n"),
    "tags and headings": "<a>\nx\n</a>\n# Head\n" * 1500,
    "commas": "a, " * 20_000,
    "quotes": '"a ' * 20_000,
    "opening quotes": "“a" * 20_000,
    "headings": "# Head\n" * 5000,
    "rules under many headings": numbered(1500, "# Head @\n\nAnswer it well now.\n\n"),
    "a long heading": "# " + "a " * 20_000 + "\n" + "- Be kind.\n" * 1500,
    "a long line that introduces": "Never do " + "this " * 8000 + "\n\nas:\n" + "- Be kind.\n" * 3000,
    "lines that introduce": "Say this:\n" * 4000,
    "items": numbered(2500, "- Do this thing @.\n"),
    "nested items": "".join(" " * (depth % 300) + f"- Say {depth}:\n" for depth in range(900)),
    "rows": "| a | b |\n" * 6000,
    "fences": "~~~\n```\n" * 10_000,
    "JSON that stays open": '{\n"a": 1\n' * 4000,
    "dots": "Wait" + "." * 100_000 + "x",
    "danda": "Wait" + "؟" * 50_000 + "x",
    "spaces": "Wait" + " " * 100_000 + "x",
    "a rule of spaces": "- - " + " " * 100_000 + "x",
    "empty lines": "x" + "\n" * 100_000 + "y",
    "a label of spaces": "Input: a\nOutput: b\n\nInput" + " " * 100_000 + "1111:\nInput: c\nOutput: d",
    "a header of spaces": "Example 1: a\nb\n\nExample" + " " * 100_000 + "1: c\nd",
    "sentences": "Be kind. " * 4000,
    "Japanese of one particle": "お" + "に" * 60_000,
    "filler": numbered(1500, "Please note that you must do thing @.\n\n"),
    "filler without an end": "Please note that " * 5000 + "x",
    "examples": numbered(600, "Input: what is @ in a row of words\nOutput: it is @ and no more than that\n\n"),
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_hostile_shapes_take_seconds(text):
    start = time.process_time()
    result = Negotiator().negotiate([Section(name="whole", content=text + SHORT)])
    marked_diff(result)
    assert time.process_time() - start < 6


def test_a_hostile_prompt_is_split_in_seconds():
    start = time.process_time()
    for text in SHAPES.values():
        from_text(text + SHORT)
    assert time.process_time() - start < 12
