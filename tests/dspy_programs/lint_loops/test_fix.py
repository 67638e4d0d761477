"""Mended code does what it did: each case is rewritten, and both versions run on random inputs."""

import random

import pytest

pytest.importorskip("libcst", reason="the lint extra")

from dspy_programs.lint_loops import lint
from dspy_programs.lint_loops.fixing.fix import fix_all, fixed

MENDED = {
    "append": """
def run(numbers, text):
    found = []
    for number in numbers:
        found.append(number * 2)
    return found
""",
    "append on a condition": """
def run(numbers, text):
    found = list()
    for number in numbers:
        if number % 3 if number else True:
            found.append((number, text))
    return found
""",
    "append unless": """
def run(numbers, text):
    found: list[int] = []
    for number in numbers:
        if number in (1, 2):
            continue
        found.append(number)
    return found, [number for number in found]
""",
    "append in two loops": """
def run(numbers, text):
    pairs = []
    for number in numbers:
        if number:
            for letter in text, "x":
                pairs.append(10 // number if letter else None)
    return pairs
""",
    "concatenation of lists": """
def run(numbers, text):
    found = []
    for number in numbers:
        if number > 3:
            number += 1
            found = found + [number // (number - 7)]
    return found
""",
    "range(len) without the index": """
def run(numbers, text):
    doubled = [2 * number for number in numbers]
    total = 0
    for at in range(len(doubled)):
        total += doubled[at] * doubled[at]
    return total
""",
    "range(len) with the index": """
def run(numbers, text):
    words = text.split()
    found = {}
    for at in range(len(words)):
        found[words[at]] = at
    return found, at if words else None
""",
    "length in a guard": """
def run(numbers, text):
    at = 0
    line = str(text).strip()
    while at < len(line) and line[at] != "b":
        at += 1
    return at
""",
    "regular expressions": """
import re

def run(numbers, text):
    found = []
    for number in numbers:
        for word in text.split():
            if re.match(r"[a-m]+", word):
                found.extend([re.sub("a", "-", word, 1), number, re.split("b", word, 1)])
    return found
""",
}
MENDED["regular expression in a comprehension"] = """
import re

def run(numbers, text):
    if numbers:
        return {word: re.sub("a", "b", word).split("c") for word in text.split() if re.search(r"[a-m]", word)}
"""
KEPT = {
    "no line for the pattern": """
import re
def run(text):
    if text: return [re.match("a", word) for word in text]
    x = 1; y = [re.match("a", word) for word in text]
""",
    "two statements on a line": """
def run(numbers):
    found = []; count = 0
    for number in numbers:
        found.append(number + 1)
    return found, count
""",
    "the loop's variable is read afterwards": """
def run(numbers):
    found = []
    for number in numbers:
        found.append(number)
    return number
""",
    "the loop's variable is read on the next pass": """
def run(rows):
    item = None
    for row in rows:
        print(item)
        found = []
        for item in row:
            found.append(item)
""",
    "a handler sees the list half full": """
def run(numbers):
    found = []
    try:
        for number in numbers:
            found.append(1 / number)
    except ZeroDivisionError:
        pass
    return found
""",
    "the item waits": """
async def run(numbers):
    found = []
    for number in numbers:
        found.append(await number)
""",
    "the list is another's": """
def run(found, numbers):
    for number in numbers:
        found = found + [number]
    return found
""",
    "the list is remembered": """
def run(numbers):
    found = []
    first = found
    for number in numbers:
        found = found + [number]
    return first, found
""",
    "the sequence may be anything": """
def run(items):
    for at in range(len(items)):
        print(items[at])
""",
    "the list may be the one that grows": """
def run(items: list[int], others: list[int]):
    for at in range(len(items)):
        others.append(items[at])
""",
    "the pattern is wrong": """
import re
def run(words):
    for word in words:
        re.match("(", word)
""",
    "variables by name": """
def run(numbers):
    found = []
    for number in numbers:
        found.append(number)
    return locals()
""",
    "dismissed": """
def run(numbers):
    found = []
    for number in numbers:  # noqa: LOOP003
        found.append(number)
    return found
""",
}


def outcome(code, numbers, text):
    names = {}
    exec(code, names)
    try:
        return names["run"](list(numbers), text)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", MENDED)
def test_mended_code_does_the_same(name):
    code = MENDED[name]
    new, count = fixed(code.encode())
    assert count and new.decode() != code
    draw = random.Random(name)
    for _ in range(200):
        numbers = [draw.randrange(10) for _ in range(draw.randrange(8))]
        text = "".join(draw.choices("abcn  ", k=draw.randrange(12)))
        assert outcome(code, numbers, text) == outcome(new.decode(), numbers, text), new.decode()
    assert fixed(new)[1] == 0


@pytest.mark.parametrize("name", KEPT)
def test_code_that_might_do_something_else_is_kept(name):
    assert fixed(KEPT[name].encode()) == (KEPT[name].encode(), 0)


def test_comments_and_layout_stay():
    code = """def run(rows):
    # all sums
    found = []  # none yet
    for row in rows:  # each
        # but the empty ones
        if row:
            found.append(sum(row))  # of a row

    return   found
"""
    assert (
        fixed(code.encode())[0].decode()
        == """def run(rows):
    # all sums
    # each
    # but the empty ones
    # of a row
    found = [sum(row) for row in rows if row]  # none yet

    return   found
"""
    )


def test_a_long_comprehension_is_broken_into_lines():
    code = """class A:
    def run(self, rows):
        found = []
        for row in rows:
            if self.is_wanted(row):
                found.append(self.something_with_a_long_name(row, "and another argument"))
        return found
"""
    assert (
        fixed(code.encode())[0].decode()
        == """class A:
    def run(self, rows):
        found = [
            self.something_with_a_long_name(row, "and another argument")
            for row in rows
            if self.is_wanted(row)
        ]
        return found
"""
    )


def test_line_ends_stay(tmp_path):
    code = MENDED["append"].replace("\n", "\r\n").encode()
    new, count = fixed(code)
    assert count == 1 and b"\n" not in new.replace(b"\r\n", b"")


def test_files_are_written_and_what_is_left_is_reported(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(MENDED["append"] + KEPT["the sequence may be anything"])
    report = lint([path])
    assert [each.pattern.name for each in report.findings] == ["ListAppendInLoop", "RangeLenInLoop"]
    assert fix_all(report, only_reported=False) == [f"{path}: 1 loop rewritten"]
    assert [(each.pattern.name, each.line) for each in report.findings] == [("RangeLenInLoop", 7)]


def test_only_reported_lines_are_mended(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(MENDED["append"] + MENDED["append"].replace("run", "other"))
    report = lint([path])
    report.findings = report.findings[:1]
    fix_all(report, only_reported=True)
    assert path.read_text() == fixed(MENDED["append"].encode())[0].decode() + MENDED["append"].replace("run", "other")
