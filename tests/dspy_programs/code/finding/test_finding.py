"""grep, extract and sg: what they find, and that nothing stops them."""

import os

import pytest

from dspy_programs.code import extract_lines, extract_symbol, find_structure, grep_files
from dspy_programs.code.files.source_files import LeftOut
from dspy_programs.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    (top / "web").mkdir(parents=True)
    (top / "core.py").write_text(
        "class SessionStore:\n    def send(self, x):\n        return x\n\n\ndef helper():\n    return open('a')\n"
    )
    (top / "one.py").write_text("from core import SessionStore\nSessionStore().send(1)\n")
    (top / "two.py").write_text("from core import SessionStore\nSessionStore().send(2)\n")
    (top / "web" / "app.js").write_text("class Page {\n  send(a, b) {\n    return a\n  }\n}\n")
    return top


def found(*args, **settings):
    return [(line.path, line.number) for line in grep_files(*args, **settings)]


def test_grep_finds_lines_in_order(folder):
    assert found("send", folder) == [("core.py", 2), ("one.py", 2), ("two.py", 2), ("web/app.js", 2)]
    assert found(r"^def ", folder) == [("core.py", 6)]
    assert found("SEND", folder, ignore_case=True, only=["*.js"]) == [("web/app.js", 2)]
    assert found("send(", folder, fixed=True, exclude=["web/*", "two.py"]) == [("core.py", 2), ("one.py", 2)]


def test_grep_gives_the_lines_around(folder):
    (line,) = grep_files("return x", folder, context=1)
    assert (line.before, line.after) == (["    def send(self, x):"], [""])


def test_grep_is_not_stopped_by_pipes_long_lines_and_endless_expressions(folder):
    os.mkfifo(folder / "pipe.txt")
    (folder / "long.txt").write_text("a" * 1_000_000 + " needle\n")
    (folder / "slow.txt").write_text("a" * 5_000 + "!\n")
    told = LeftOut()
    assert found("needle", folder) == [("long.txt", 1)]
    assert len(next(grep_files("needle", folder)).text) < 300
    assert found(r"(a|aa)+$", folder, only=["slow.txt"], left_out=told) == []
    assert told["the expression takes too long"] == 1 and told["pipe, socket or device"] == 1


def test_grep_reads_large_files_and_wide_letters(folder):
    (folder / "big.txt").write_text(("x" * 999 + "\n") * 2_100 + "needle\n")
    (folder / "wide.txt").write_text("needle\n", encoding="utf-16")
    assert found("needle", folder) == [("big.txt", 2_101), ("wide.txt", 1)]


def test_grep_refuses_what_is_no_expression(folder):
    with pytest.raises(UsageError, match="add --fixed"):
        list(grep_files("send(", folder))
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        list(grep_files("x", folder / "pipe"))


@pytest.mark.parametrize(("path", "name", "place"), [("core.py", "SessionStore.send", 2), ("web/app.js", "Page.send", 2)])
def test_extract_finds_a_method_in_any_language(folder, path, name, place):
    for where in (folder, folder / path):
        piece = extract_symbol(where, name)
        assert (piece.symbol, piece.line) == (name, place) and "return" in piece.text


def test_extract_takes_a_name_with_its_module(folder):
    for where, name in (
        (folder, "web.app.Page.send"),
        (folder, "core.SessionStore.send"),
        (folder / "core.py", "core.SessionStore.send"),
    ):
        assert extract_symbol(where, name).text.strip().startswith(("send(a, b)", "def send"))
    with pytest.raises(UsageError, match="nothing named other"):
        extract_symbol(folder, "other.SessionStore.send")


def test_extract_asks_which_of_several(folder):
    with pytest.raises(UsageError, match=r"send: 2 definitions .*core.py:2 SessionStore.send, web/app.js:2 Page.send; .*--nth"):
        extract_symbol(folder, "send")
    assert extract_symbol(folder, "send", nth=2).path == "web/app.js"
    with pytest.raises(UsageError, match="choose one with --nth"):
        extract_symbol(folder, "send", nth=3)


def test_extract_takes_what_is_meant_of_overloads_and_properties(folder):
    (folder / "over.py").write_text(
        "import typing as t\n\n\n@t.overload\ndef f(a: int) -> int: ...\n@t.overload\ndef f(a: str) -> str: ...\n"
        "def f(a):\n    return a\n\n\nclass A:\n    @property\n    def x(self):\n        return 1\n\n"
        "    @x.setter\n    def x(self, value): ...\n"
    )
    for place in (folder, folder / "over.py"):
        assert extract_symbol(place, "f").text == "def f(a):\n    return a\n"
        assert extract_symbol(place, "A.x").text == "    @property\n    def x(self):\n        return 1\n"
    (folder / "over.py").write_text("if 1:\n    def f(): ...\nelse:\n    def f(): ...\n")
    with pytest.raises(UsageError, match="2 definitions have this name"):
        extract_symbol(folder / "over.py", "f")


def test_extract_says_what_is_like_it(folder):
    with pytest.raises(UsageError, match=r"nothing named SessionStor is defined here; did you mean SessionStore\?"):
        extract_symbol(folder, "SessionStor")


def test_extract_takes_lines_around_an_expression(folder):
    piece = extract_lines(folder / "core.py", "def ", before=0, after=1, nth=2)
    assert (piece.line, piece.end_line, piece.text) == (6, 7, "def helper():\n    return open('a')\n")
    for path, wrong in ((folder / "core.py", "no such line"), (folder, "a folder")):
        with pytest.raises(UsageError, match=wrong if wrong == "a folder" else "no line fits"):
            extract_lines(path, wrong if wrong != "a folder" else "def")


def test_sg_finds_structure_in_one_language(folder):
    assert [(m.path, m.line) for m in find_structure("open($A)", "py", folder)] == [("core.py", 7)]
    assert list(find_structure("open($A)", "js", folder)) == []


@pytest.mark.parametrize(
    ("pattern", "language", "said"), [("x", "klingon", "one of python"), (" ", "go", "empty"), ("$$$", "py", "not a pattern")]
)
def test_sg_refuses_in_one_line(folder, pattern, language, said):
    with pytest.raises(UsageError, match=said) as refused:
        list(find_structure(pattern, language, folder))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400
