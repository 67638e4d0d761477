"""Edits are applied all or not at all; nearly exact ones become exact; edits between two texts give the other text."""

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.edits import Edit, apply_edits, edits_between, fitted

CODE = {"a.py": "def f(n):\n    if n:\n        return 1\n    return 0\n", "notes/b.txt": "one\r\ntwo\r\n", "empty.py": ""}


def edit(old, new, path="a.py"):
    return Edit(path=path, old=old, new=new)


def test_each_edit_sees_what_those_before_it_left():
    done = apply_edits(CODE, [edit("return 1", "return 2"), edit("return 2", "return 3"), edit("", "x = 1\n", "new/c.py")])
    assert done.fault == "" and "return 3" in done.code["a.py"] and done.code["new/c.py"] == "x = 1\n"
    assert CODE["a.py"].count("return 1") == 1 and "new/c.py" not in CODE


@pytest.mark.parametrize(
    ("edits", "fault"),
    [
        ([], "the edits change nothing"),
        ([edit("return 1", "return 2"), edit("return 9", "")], "old is not in a.py, which has 'return 2' and not 'return 9'"),
        ([edit("    return 0\n        return 1\n", "")], "old is not in a.py: its lines are, but not one after the other"),
        ([edit("quite another thing", "")], "old is not in a.py: nothing in it is like 'quite another thing'"),
        ([edit("return", "yield")], "old is in a.py 2 times, in lines 3, 4"),
        ([edit("", "x = 1\n", "empty.py"), edit("x = 1", "x =", "empty.py")], "empty.py is no longer Python: line 1"),
        ([edit("n:\n", "n:\0\n")], "a.py is no longer Python: source code string cannot contain null bytes"),
        *[([edit("", "x", path)], f"{path!r} is not a path inside the folder") for path in (
            "/etc/x", "../x", "a/../../x", "", ".", "a\\b", "C:x", "./a.py", "a//b", "x\n.py", "a/")],
    ],
)  # fmt: skip
def test_edits_that_do_not_fit_change_nothing(edits, fault):
    done = apply_edits(CODE, edits)
    assert done.code == CODE and done.fault.startswith(fault)


def test_a_file_that_was_no_python_may_stay_so():
    assert apply_edits({"a.py": "def f(:\n    x\n"}, [edit("x", "y")]).fault == ""


@pytest.mark.parametrize(
    ("given_", "exact"),
    [
        (
            edit("if n:\n    return 1", "if n:\n    return 2"),
            edit("    if n:\n        return 1\n", "    if n:\n        return 2\n"),
        ),
        (
            edit("if n: \n        return 1", "if n > 0:\n        return 1"),
            edit("    if n:\n        return 1\n", "    if n > 0:\n        return 1\n"),
        ),
        (edit("      return 0  ", "      return 5"), edit("    return 0\n", "    return 5\n")),
        (edit("two ", "three", "b.txt"), edit("two\r\n", "three\r\n", "notes/b.txt")),
        (edit("one", "1", "./notes/b.txt"), edit("one", "1", "notes/b.txt")),
        (edit("return", "yield"), edit("return", "yield")),  # twice: not for us to choose
        (edit("nowhere", "x"), edit("nowhere", "x")),
        (edit("", "x = 1", "./new.py"), edit("", "x = 1", "new.py")),
        (edit("", "x = 1", "./../new.py"), edit("", "x = 1", "../new.py")),
    ],
)
def test_nearly_exact_edits_become_exact(given_, exact):
    assert fitted(CODE, [given_]) == [exact]


@pytest.mark.parametrize(
    ("old", "new", "becomes"),
    [
        ("return 0", "    return 5", "return 5"),  # the indent is there already
        ("    return 0\n", "return 5\n", "    return 5\n"),
        ("    if n:\n", "for m in n:\n", "    for m in n:\n"),
        ("return 0", "    n = 5\n    return n", "n = 5\n    return n"),
        ("    return 0\n", "n = 5\nreturn n\n", "    n = 5\n    return n\n"),
        ("return 0", "return 5 +", "return 5 +"),  # no indent makes this Python
    ],
)
def test_an_edit_gets_the_indent_without_which_it_is_no_python(old, new, becomes):
    [found] = fitted(CODE, [edit(old, new)])
    assert (found.old, found.new) == (old, becomes)


def test_edits_that_change_nothing_are_left_out():
    assert fitted(CODE, [edit("return 1", "return 1"), edit("return 0\n", "return 3\n")]) == [edit("return 0\n", "return 3\n")]


TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "  a\n", "\n", "c = 1\n"]), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_edits_between_two_texts_give_the_other_one(was, now):
    edits = edits_between("a.txt", was, now)
    if now == was or not now:
        assert now == was or apply_edits({"a.txt": was}, edits).code["a.txt"] == now
    else:
        files = {"a.txt": was} if was else {}
        assert apply_edits(files, edits) == ({"a.txt": now}, "")
        assert all(files.get("a.txt", "").count(each.old) == 1 for each in edits if each.old)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS.filter(bool), TEXTS)
def test_fitted_edits_apply_wherever_the_given_ones_do(text, old, new):
    given_ = [edit(old, new, "a.txt")]
    was = apply_edits({"a.txt": text}, given_)
    if not was.fault:
        assert apply_edits({"a.txt": text}, fitted({"a.txt": text}, given_)) == was


def test_a_large_file_keeps_its_edits_small():
    was = "".join(f"line {n}\n" for n in range(20_000))
    [one] = edits_between("a.txt", was, was.replace("line 777\n", "line x\n"))
    assert len(one.old) < 40
