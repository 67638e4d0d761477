"""map and tree: what others use comes first, within the budget; as many folders are open as were asked for."""

import pytest

from dspy_programs.code import Index, map_of, tree_of
from dspy_programs.code.overview.references import page_rank
from dspy_programs.code.overview.tree import tree_as_data
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


def test_tree_opens_so_many_folders(folder):
    (folder / "web" / "deep").mkdir()
    (folder / "web" / "deep" / "x.css").write_text("a{}")
    (folder / ".hidden").write_text("x")
    assert list(tree_of(folder, depth=1))[:2] == ["repo/ (5 files)", "  web/ (2 files)"]
    assert "    deep/ (1 file)" in list(tree_of(folder, depth=2)) and "  .hidden (1 byte)" in list(tree_of(folder, hidden=True))


def test_tree_as_data_has_what_the_lines_have(folder):
    (folder / "web" / "deep").mkdir()
    (folder / "web" / "deep" / "x.css").write_text("a{}")
    told = tree_as_data(folder, depth=1)
    assert (told["name"], told["files"]) == ("repo/", 5) and told["inside"][0] == {"name": "web/", "files": 2}
    web = tree_as_data(folder, depth=2)["inside"][0]
    assert web["inside"] == [{"name": "deep/", "files": 1}, {"name": "app.js", "bytes": 47}]


def test_page_rank_is_the_one_that_can_be_worked_out():
    ranks = page_rank({"a": {"c": 1}, "b": {"c": 3}, "c": {}}, {"a": 1, "b": 1, "c": 1})
    # by hand: a = b = x, c = x + 0.85 * 2x, a + b + c = 1
    assert ranks["a"] == pytest.approx(1 / 4.7, abs=1e-4) and ranks["c"] == pytest.approx(2.7 / 4.7, abs=1e-4)
    assert sum(ranks.values()) == pytest.approx(1)


def test_map_puts_what_others_use_first_and_keeps_the_budget(folder):
    index = Index(folder)
    index.refresh()
    whole = map_of(index, 500)
    assert whole.definitions[0].definition.symbol.name == "SessionStore"
    assert "    2   def send(self, x):" in whole.text and whole.shown == whole.known == 5
    for tokens in (1, 12, 25, 40):
        assert map_of(index, tokens).tokens <= tokens
    assert map_of(index, 1).text == ""


def test_map_prefers_what_the_files_in_focus_use(folder):
    (folder / "three.py").write_text("from core import helper\nhelper()\n")
    index = Index(folder)
    index.refresh()
    names = [one.definition.symbol.name for one in map_of(index, 500, ["three.py"]).definitions]
    assert names[0] == "helper"
    with pytest.raises(UsageError, match=r"nowhere.py: not in the index"):
        map_of(index, 500, ["nowhere.py"])
