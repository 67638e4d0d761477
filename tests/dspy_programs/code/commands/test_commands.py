"""The commands: what they print, their exit codes, one line for what is wrong."""

import json
import subprocess
import sys

import pytest

from dspy_programs.__main__ import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "retry.py").write_text("class Retry:\n    def count_attempts(self):\n        return 1\n")
    (top / "app.log").write_text("INFO ok\nERROR no disk\n")
    monkeypatch.chdir(top)
    return top


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["index"], "2 files, 5 lines; 2 read, 0 forgotten"),
        (["search", "count attempts"], "retry.py:2  Retry.count_attempts  1.00"),
        (["map"], "    2   def count_attempts(self):"),
        (["grep", "return", "-C", "1"], "retry.py:3: return 1"),
        (["tree"], "  retry.py ("),
        (["extract", "--symbol", "Retry.count_attempts"], "    def count_attempts(self):\n        return 1"),
        (["sg", "return $A"], "retry.py:3: return 1"),
        (["context", "--logs", "."], "error  1 time  app.log:2\n    ERROR no disk"),
    ],
)
def test_command_prints_what_it_finds(folder, capsys, arguments, printed):
    assert main(["code", *arguments]) == 0
    assert printed.replace("3: return", "3:         return" if "-C" in arguments else "3: return") in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "--json"],
        ["search", "attempts", "--json"],
        ["map", "--json"],
        ["tree", "--json"],
        ["grep", "Retry", "--json"],
        ["extract", "--symbol", "Retry", "--json"],
        ["sg", "return $A", "--json"],
        ["context", "--logs", ".", "--json"],
    ],
)
def test_json_is_json(folder, capsys, arguments):
    assert main(["code", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "arguments", [["search", "zebra"], ["grep", "zebra"], ["sg", "zebra($A)"], ["context", "--logs", "retry.py"]]
)
def test_nothing_found_exits_with_1(folder, arguments):
    assert main(["code", *arguments]) == 1


def test_search_looks_only_in_the_file_that_is_named(folder, capsys):
    (folder / "other.py").write_text("def count_attempts():\n    return 2\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "data.bin").write_bytes(b"\0\1")
    (folder / ".gitignore").write_text("retry.py\n")
    assert main(["code", "search", "count attempts", "retry.py"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("retry.py:2  Retry.count_attempts  1.00\n") and "other.py" not in out
    assert main(["code", "search", "count attempts", str(folder / "retry.py")]) == 0
    assert capsys.readouterr().out.startswith(f"{folder}/retry.py:2")
    (folder / "linked.py").symlink_to("retry.py")
    assert main(["code", "search", "count attempts", "linked.py"]) == 0
    assert capsys.readouterr().out.startswith("linked.py:2")
    assert main(["code", "grep", "z.bra", "sub/data.bin"]) == 1
    assert "left out: 1 binary" in capsys.readouterr().err
    assert main(["code", "search", "zebra", "retry.py"]) == 1
    assert main(["code", "search", "x", "sub/data.bin"]) == 2
    assert capsys.readouterr().err.endswith("error: sub/data.bin: binary; name a text file or a folder\n")


def test_nothing_found_says_in_which_language_it_was_looked_for(folder, capsys):
    assert main(["code", "sg", "zebra($A)"]) == 1
    assert capsys.readouterr().err == "no python code fits zebra($A); --lang names another language\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["index", "nowhere"], "nowhere: cannot be read: No such file or directory; name a folder"),
        (["search", "count", "attempts"], "put a question of several words in quotes"),
        (["search", "where", "are", "retries", "counted"], "from retries on: put them in quotes"),
        (["search", " "], "the question is empty"),
        (["search", "x", "--embedder", "a/b"], "add --by meaning or --by both"),
        (["search", "x", "--by", "both", "--embedder", "a"], "name one as provider/model"),
        (["like", "retry.py"], "write FILE:LINE"),
        (["extract", "--symbol", "LIMITS"], "grep finds what is no definition"),
        (["grep", "("], "add --fixed"),
        (["extract"], "say what to take: either --symbol NAME or --regex PATTERN"),
        (["extract", "Cart.total"], "Cart.total: not there; a definition is named with --symbol Cart.total"),
        (["grep", ".", "def"], "def: not there; the pattern comes first"),
        (["extract", "--symbol", "Retri"], "did you mean Retry?"),
        (["extract", "app.log", "--symbol", "x"], "--regex finds lines in any text"),
        (["sg", "x", "--lang", "klingon"], "one of python"),
        (["map", "--focus", "x.py"], "x.py: not in the index"),
        (["context", "--logs", "nowhere"], "nowhere: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(folder, capsys, arguments, said):
    assert main(["code", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and said in lines[0]


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["search", "count attempts", "PATH"], "retry.py:2  Retry"),
        (["grep", "return", "PATH"], "retry.py:3: "),
        (["sg", "return $A", "PATH"], "retry.py:3: "),
        (["extract", "PATH", "--symbol", "count_attempts"], "retry.py:2-3 "),
    ],
)
def test_a_place_in_another_folder_can_be_opened_from_here(folder, monkeypatch, capsys, arguments, place):
    monkeypatch.chdir(folder.parent)
    assert main(["code", *(word.replace("PATH", "repo") for word in arguments)]) == 0
    said = capsys.readouterr()
    assert f"repo/{place}" in said.out + said.err


def test_a_file_given_by_name_keeps_its_name(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    assert main(["code", "grep", "return", "repo/retry.py"]) == 0
    assert capsys.readouterr().out.startswith("repo/retry.py:3:")


def test_a_map_without_room_says_what_to_do(folder, capsys):
    assert main(["code", "map", "--tokens", "2"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and said.err.endswith("; the first one needs more --tokens\n")


def test_extract_writes_to_a_file(folder, capsys):
    assert main(["code", "extract", "retry.py", "--symbol", "count_attempts", "--out", "piece.py"]) == 0
    assert (folder / "piece.py").read_text() == "    def count_attempts(self):\n        return 1\n"
    assert capsys.readouterr().out == ""


def test_learn_replaces_only_what_it_wrote(folder, capsys):
    out = folder.parent / "known.json"
    learn = ["code", "learn", "--out", str(out)]
    assert main(learn) == main(learn) == 0
    known = out.read_bytes()
    for mine in (b"", b"{}", b"[1]", b'{"root": "/", "mine": 1}', b"\xff", b"[" * 100_000):
        out.write_bytes(mine)
        capsys.readouterr()
        assert main(learn) == 2 and out.read_bytes() == mine
        told = capsys.readouterr().err
        assert "`learn` did not write what is there; --replace replaces it" in told and told.count("\n") == 1
    assert main([*learn, "--replace"]) == 0 and out.read_bytes() == known


def test_grep_shows_each_line_once(folder, capsys):
    (folder / "a.txt").write_text("one\nhit\nhit\ntwo\nthree\nfour\nhit\n")
    assert main(["code", "grep", "hit", "a.txt", "-C", "1"]) == 0
    said = [line.removeprefix("a.txt") for line in capsys.readouterr().out.splitlines()]
    assert said == ["-1- one", ":2: hit", ":3: hit", "-4- two", "--", "-6- four", ":7: hit"]


WITHOUT_EXTRA = """
import sys
sys.modules["ast_grep_py"] = sys.modules["watchfiles"] = None
from dspy_programs.__main__ import main
print([main(["code", *line.split()]) for line in ("index", "search send", "extract --symbol send", "sg x", "index --watch")])
"""


def test_python_is_read_without_the_extra_and_the_rest_says_what_it_needs(folder):
    (folder / "a.js").write_text("function send() {}\n")
    (folder / "b.py").write_text("def send(): ...\n")
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRA], capture_output=True, text=True, check=True)
    assert "1 javascript (pip install dspy-programs[code])" in done.stdout and done.stdout.endswith("[0, 0, 0, 2, 2]\n")
    assert done.stderr.count('pip install "dspy-programs[code]"') == 2
