"""The agent's tools for code: what they say, and what they do not show."""

import json
import os

import pytest

from dspy_programs.agent.tools.bundle import load_bundle
from dspy_programs.agent.tools.default import default_tools
from tests.dspy_programs.agent.scopes import said, scope_in

BUNDLE = {"bundle": [{"implementation": "dspy_programs.code.agent_tools:CODE_TOOLS"}]}
CANARY = "canary_4711"


@pytest.fixture
def scope(tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_CODE", str(tmp_path / "indexes"))
    scope = scope_in(tmp_path / "w")
    scope.workspace.write(
        "shop/cart.py", "from shop.prices import rounded\n\n\nclass Cart:\n    def total(self):\n        return rounded(1)\n"
    )
    scope.workspace.write("shop/prices.py", "def rounded(price):\n    return round(price, 2)\n")
    return scope


@pytest.fixture
def tools(tmp_path, scope):
    (tmp_path / "tools.json").write_text(json.dumps(BUNDLE))
    with load_bundle(tmp_path / "tools.json") as bundle:
        yield {tool.name: tool for tool in bundle.tools}


def test_they_are_of_a_bundle_read_only_and_beside_the_shipped_ones(tools, scope):
    assert set(tools) == {"code_search", "code_map", "code_outline", "code_grep", "code_extract"}
    assert {tool.effect for tool in tools.values()} == {"reads"}
    assert not tools.keys() & {tool.name for tool in default_tools(scope.workspace)}


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("code_search", {"question": "rounded price"}, "shop/prices.py:1-2 rounded\n    def rounded(price):"),
        ("code_map", {}, "shop/prices.py\n    1 def rounded(price):"),
        ("code_outline", {"path": "./shop/cart.py"}, "    4 class Cart:\n    5   def total(self):"),
        ("code_grep", {"pattern": "return r", "files": "*.py"}, "shop/cart.py:6: "),
        ("code_extract", {"symbol": "Cart.total"}, "shop/cart.py:5-6\n    def total(self):\n        return rounded(1)"),
        ("code_extract", {"symbol": "rounded", "path": "shop/prices.py"}, "shop/prices.py:1-2\ndef rounded(price):"),
    ],
)
def test_they_answer(tools, scope, name, arguments, answer):
    assert said(tools[name], scope, **arguments).startswith(answer)


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("code_extract", {"symbol": "roundet"}, "did you mean rounded?"),
        ("code_outline", {"path": "../x.py"}, "ToolError"),
        ("code_outline", {"path": "nowhere.py"}, "ToolError: nowhere.py: not among the files"),
        ("code_grep", {"pattern": "("}, "not a regular expression"),
        ("code_map", {"focus": "../x.py"}, "ToolError: ../x.py: not in the index"),
        ("code_search", {"question": "zebra"}, "[nothing is about zebra"),
    ],
)
def test_what_is_wrong_is_one_line_without_the_folders_place(tools, scope, name, arguments, answer):
    line = said(tools[name], scope, **arguments)
    assert answer in line and "\n" not in line and str(scope.workspace.root) not in line


def test_what_the_policy_closes_secrets_and_files_with_names_outside_are_not_shown(tools, scope, tmp_path):
    text = f"def {CANARY}():\n    return rounded(1)\n"
    for path in ("closed/a.py", ".env", "id_rsa"):
        scope.workspace.write(path, text)
    (tmp_path / "outside.py").write_text(text)
    os.link(tmp_path / "outside.py", tmp_path / "w" / "shared.py")
    scope.workspace.closed = lambda path: path.startswith("closed")
    answers = [
        said(tools["code_search"], scope, question=f"{CANARY} rounded"),
        said(tools["code_map"], scope, tokens=4_000),
        said(tools["code_grep"], scope, pattern="canary"),
        *(said(tools["code_outline"], scope, path=path) for path in ("closed/a.py", "shared.py", ".env")),
        *(said(tools["code_extract"], scope, symbol="canary_4711", path=path) for path in ("closed/a.py", "shared.py")),
    ]
    assert not any(f"def {CANARY}" in answer for answer in answers)
    assert answers[2] == "[no line fits canary]"


def test_they_follow_what_the_agent_writes(tools, scope):
    assert "prices" in said(tools["code_search"], scope, question="rounded")
    scope.workspace.write("shop/prices.py", "def floored(price):\n    return int(price)\n")
    assert said(tools["code_search"], scope, question="floored").startswith("shop/prices.py:1-2 floored")


def test_long_answers_are_cut(tools, scope):
    scope.workspace.write("long.py", "def long():\n" + "    value = 1\n" * 5_000)
    assert said(tools["code_extract"], scope, symbol="long").endswith("[cut here; read_file shows the rest]")
    assert said(tools["code_grep"], scope, pattern="value").endswith("[440 more lines; write a more exact pattern]")
