"""`code ask` says which command it chose and runs it if it only reads; what changes files is shown."""

import json

import pytest

from dspy_programs.__main__ import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    top = tmp_path / "repo"
    (top / "shop").mkdir(parents=True)
    cart = "class Cart:\n    def total(self):\n        return 1  # TODO tax\n\n    def json(self):\n        return '{}'\n"
    (top / "shop" / "cart.py").write_text(f"{cart}\n\nprint(Cart().total())\n")
    (top / "logs").mkdir()
    (top / "logs" / "app.log").write_text("INFO ok\nERROR no disk\n")
    (top / ".gitignore").write_text("logs/\n")
    (top / "fix.patch").write_text("--- a/shop/cart.py\n+++ b/shop/cart.py\n")
    monkeypatch.chdir(tmp_path)
    return top


@pytest.mark.parametrize(
    ("query", "line", "printed"),
    [
        ("where is the total computed?", "code search 'where is the total computed?' repo", "repo/shop/cart.py:2  Cart.total"),
        ("show me Cart.total", "code extract repo --symbol Cart.total", "return 1  # TODO tax"),
        ("any TODOs in cart.py?", "code grep TODO repo/shop/cart.py", "cart.py:3: "),
        ("what went wrong last night?", "code context --logs repo/logs/app.log", "ERROR no disk"),
        ("where is Cart used?", r"code grep '\bCart\b' repo", "cart.py:1: class Cart"),
        ("what went wrong in the logs?", "code context --logs repo/logs", "ERROR no disk"),
        ("what does total do?", "code summary repo/shop/cart.py:Cart.total", "cart.py:2  Cart.total"),
        ("explain how Cart.json works", "code summary repo/shop/cart.py:Cart.json", "cart.py:5  Cart.json"),
        ("describe the class Cart", "code summary repo/shop/cart.py:Cart", "cart.py:1  Cart"),
        ("who calls Cart.total?", r"code grep '\.total\b' repo", "cart.py:9: "),
        ("who subclasses Cart?", r"code grep 'class .*\bCart\b' repo", "cart.py:1: "),
        ("what raises Cart?", r"code grep '\bCart\b' repo", "cart.py:1: "),
        ("who imports total?", r"code grep '\btotal\b' repo", "cart.py:2: "),
        ("which files are most important?", "code map repo", "shop/cart.py"),
        ("folders please, tree", "code tree repo", "shop/ (1 file)"),
    ],
)
def test_a_command_that_reads_is_said_and_run(folder, capsys, query, line, printed):
    assert main(["code", "ask", query, "repo"]) == 0
    out, err = capsys.readouterr()
    assert f"dspy-programs {line}\n" in err and printed in out


def test_what_is_to_be_explained_is_said_with_its_place_and_its_code(folder, capsys):
    (folder / "shop" / "tax.py").write_text(
        "def tax(net):\n    return net / 5\n" + "\n" * 3 + "def long():\n" + "    x = 1\n" * 20
    )
    assert main(["code", "ask", "what does the function tax do?", "repo"]) == 0
    out, err = capsys.readouterr()
    assert err == "dspy-programs code summary repo/shop/tax.py:tax\n"
    place, said, *code = out.splitlines()
    assert place == "repo/shop/tax.py:1  tax" and said.endswith("(by the rules)") and "net / 5" in said
    assert code == ["    def tax(net):", "        return net / 5"]
    assert main(["code", "ask", "explain the function long", "repo"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 14 and "9 more lines: dspy-programs code extract repo/shop/tax.py --symbol long" in err


def test_who_wants_to_see_code_gets_all_of_it(folder, capsys):
    assert main(["code", "ask", "what does Cart.total look like?", "repo"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("    def total(self):\n") and "code extract repo --symbol Cart.total" in err


def test_a_name_is_looked_for_as_a_whole_word_unless_it_is_nowhere(folder, capsys):
    (folder / "shop" / "tax.py").write_text("def tax_rate(): ...\n\n\ndef tax(): ...\n\n\napply_coupons = 1\n")
    assert main(["code", "ask", "who uses tax?", "repo"]) == 0
    assert "tax_rate" not in capsys.readouterr().out
    assert main(["code", "ask", "who uses tax()?", "repo"]) == 0
    assert capsys.readouterr().out == "repo/shop/tax.py:4: def tax(): ...\n"
    assert main(["code", "ask", "who uses coupons?", "repo"]) == 0
    out, err = capsys.readouterr()
    assert "apply_coupons = 1" in out and "code grep coupons repo" in err


def test_a_command_that_changes_files_is_only_shown(folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(["code", "ask", "rename total to amount", "repo"]) == 0
    out, err = capsys.readouterr()
    assert out == "dspy-programs code edit 'rename total to amount' repo\n" and "not run: it asks for a change" in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("show me that function", "code extract needs its symbol: the query does not say it; ask again and say it"),
        ("hello", "no command does this; dspy-programs code --help"),
        ("what's the weather?", "dspy-programs code search"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_code_1(folder, capsys, query, said):
    assert main(["code", "ask", query, "repo"]) == 1
    assert capsys.readouterr().err.startswith(said)


def test_nothing_found_is_the_exit_code_of_the_command(folder):
    assert main(["code", "ask", "grep for zebra", "repo"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"), [([" "], "the question is empty"), (["where?", "nowhere"], "nowhere: cannot be read")]
)
def test_what_is_wrong_is_one_line_and_exit_code_2(folder, capsys, arguments, said):
    assert main(["code", "ask", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_json_says_what_was_chosen_and_runs_nothing(folder, capsys):
    assert main(["code", "ask", "who uses Cart?", "repo", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tool"], told["arguments"]) == ("grep", {"pattern": r"\bCart\b"})
    assert told["command"] == r"dspy-programs code grep '\bCart\b' repo"


def test_a_query_cannot_become_an_option(folder, capsys):
    assert main(["code", "ask", "--show", "--", "--out=x where is total", "repo"]) == 0
    assert "search -- '--out=x where is total' repo" in capsys.readouterr().out


def test_commands_says_where_it_looked_for_a_tool(tmp_path, capsys):
    assert main(["code", "commands", "run the tests", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "missing: a tool to test: no file of the project names one\nno command: looked for pyproject.toml," in err
