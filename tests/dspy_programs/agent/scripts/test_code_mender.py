"""Code that a command tests: what the model is shown, where its functions go, and what never changes."""

import ast

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.scripts.code_mender import CodeMender, code_tested
from dspy_programs.agent.scripts.definitions import with_definitions
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.lm import running_on
from tests.fakes import scripted_lm

CART = '''"""Prices."""

import math

RATE = 0.1


class Cart:
    def total(self, prices):
        """Sum of the prices."""
        return sum(prices) + 1

    def count(self, prices):
        return len(prices)


def rounded(price):
    return math.floor(price)
'''
TEST = "from cart import Cart\n\nassert Cart().total([1, 2]) == 3, 'four, not three'\n"
GOAL = "`python test_cart.py` fails. Please fix the code."


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "cart.py").write_text(CART)
    (tmp_path / "test_cart.py").write_text(TEST)
    (tmp_path / "other.py").write_text("OTHER = 1\n")
    return tmp_path


def block(code):
    return f"```python\n{code}\n```"


def merged(old, new):
    return with_definitions(old, ast.parse(new), new)


def test_a_definition_takes_the_place_of_the_one_of_its_name_and_all_else_stays():
    new = "def total(self, prices):\n    return sum(prices)"
    assert merged(CART, new) == CART.replace("return sum(prices) + 1", "return sum(prices)")
    assert merged(CART, "RATE = 0.2\nprint(RATE)\nassert RATE") == CART.replace("0.1", "0.2")
    assert merged(CART, "class Cart:\n    def total(self, prices):\n        return 3\n").count("def count") == 1


def test_what_is_new_comes_at_the_end_and_an_import_to_the_imports():
    new = merged(CART, "import re\nimport math\n\ndef clean(name):\n    return re.sub(' ', '', name)")
    assert new.endswith("    return math.floor(price)\n\n\ndef clean(name):\n    return re.sub(' ', '', name)\n")
    assert new.count("import math") == 1 and new.index("import re") < new.index("RATE")
    assert merged("from __future__ import annotations\n", "import re").startswith("from __future__")


def test_decorators_and_a_module_without_a_last_line_break_stay():
    old = "class A:\n    @property\n    def x(self):\n        return 1"
    assert merged(old, "def x(self):\n    return 2") == "class A:\n    @property\n    def x(self):\n        return 2\n"


def test_two_methods_of_one_name_are_not_taken_for_each_other():
    old = "class A:\n    def x(self):\n        return 1\n\n\nclass B:\n    def x(self):\n        return 2\n"
    assert merged(old, "class B:\n    def x(self):\n        return 3\n") == old.replace("return 2", "return 3")
    assert merged(old, "def x(self):\n    return 3\n").startswith(old)


@pytest.mark.parametrize(
    ("goal", "code", "tests"),
    [
        (GOAL, ["cart.py"], ["test_cart.py"]),
        ("pytest -q is red. Make it green without changing the tests", ["cart.py"], ["test_cart.py"]),
        ("`python other.py` crashes, please fix it", ["other.py"], []),
        ("Explain cart.py", [], []),
    ],
)
def test_the_code_that_a_command_runs_may_change_and_its_tests_may_not(shop, goal, code, tests):
    found = code_tested(goal, Workspace(shop))
    assert ([*found.code], [*found.tests]) == (code, tests)


@pytest.mark.skipif(not sandbox.works(), reason="commands are checked in a sandbox only")
def test_a_wrong_correction_is_undone_and_the_next_one_counts(shop):
    replies = [block("def total(self, prices):\n    return 5"), block("def total(self, prices):\n    return sum(prices)")]
    lm = scripted_lm(lambda prompt: replies.pop(0), "local/scripted")
    done = Agent(lm=lm, workspace=shop, compiled=False).run(GOAL)
    assert done.completed and (shop / "cart.py").read_text() == CART.replace("sum(prices) + 1", "sum(prices)")
    assert "four, not three" in lm.engine.prompts[0] and "OTHER" not in lm.engine.prompts[0]


@pytest.mark.skipif(not sandbox.works(), reason="commands are checked in a sandbox only")
def test_nothing_is_left_of_corrections_that_do_not_pass(shop):
    lm = scripted_lm(
        lambda prompt: block("def total(self, prices):\n    return 5\n\n\ndef extra():\n    pass"), "local/scripted"
    )
    done = Agent(lm=lm, workspace=shop, compiled=False).run(GOAL)
    assert not done.completed and (shop / "cart.py").read_text() == CART and (shop / "test_cart.py").read_text() == TEST


def test_a_file_that_is_not_python_now_is_replaced_only_by_a_whole_one(shop):
    broken = CART.replace("def rounded(price):", "def rounded(price)")
    (shop / "cart.py").write_text(broken)

    def step(reply):
        with running_on(scripted_lm(lambda prompt: block(reply))):
            return CodeMender(Workspace(shop))(task="fix", context=GOAL)

    assert not step("def rounded(price):\n    return 1").calls
    (call,) = step(CART).calls
    assert broken.replace(call.arguments["old"], call.arguments["new"]) == CART


def test_copied_tests_and_their_imports_are_left_out(shop):
    reply = f"import os\nfrom cart import Cart\n{CART.replace('+ 1', '+ 0')}\n{TEST}"
    (shop / "test_cart.py").write_text(f"import unittest\n{TEST}\n\ndef test_it():\n    pass\n")
    with running_on(scripted_lm(lambda prompt: block(f"import unittest\n{reply}\n\ndef test_it():\n    pass"))):
        (call,) = CodeMender(Workspace(shop))(task="fix", context=GOAL).calls
    assert CART.replace(call.arguments["old"], call.arguments["new"]) == CART.replace("+ 1", "+ 0")
