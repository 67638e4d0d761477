"""Which files a task names: the paths in it, however it is written, in time that grows with its length."""

import time

import pytest

from dspy_programs.code.changing.choosing import named_in, quoted_in

KNOWN = ["cart.py", "shop/till.py", "a/util.py", "b/util.py"]


@pytest.mark.parametrize(
    ("task", "named"),
    [
        ("round in cart.py.", ["cart.py"]),
        ("see ./cart.py:3, and till.py", ["cart.py", "shop/till.py"]),
        ("`shop/till.py` is slow", ["shop/till.py"]),
        ("mend util.py", []),
        ("x=cart.py", ["cart.py"]),
        ("nothing", []),
    ],
)
def test_paths_in_a_task_are_found(task, named):
    assert named_in(task, KNOWN) == named


@pytest.mark.parametrize("piece", ["a", "a/", "-", "“", "`a", "rename a "])
def test_a_long_task_is_read_at_once(piece):
    began = time.process_time()
    named_in(piece * 100_000, KNOWN)
    quoted_in(piece * 100_000)
    assert time.process_time() - began < 2
