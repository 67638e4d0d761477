"""code context --explain and code summary: by the rules or on a model, and which is said; what is wrong is one line."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code.explaining import logs
from tests.fakes import ChatServer

LOG = """2026-03-01 09:00:00,100 INFO shop: started
2026-03-01 09:00:01,200 ERROR shop: order 17 was lost
Traceback (most recent call last):
  File "/srv/shop/cart.py", line 12, in add
    self.items[name] = price
TypeError: unhashable type: 'list'
"""
CODE = '''"""What customers buy."""


class Cart:
    """A cart of one customer."""

    def add(self, name, price):
        if price < 0:
            raise ValueError(name)
        self.items[name] = price


def rounded(price):
    return round(price, 2)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text(LOG)
    (tmp_path / "other.log").write_text("INFO fine\nWARNING disk is 80% full\n")
    (tmp_path / "cart.py").write_text(CODE)
    (tmp_path / "blob.py").write_bytes(b"\0\1\2")
    return tmp_path


def code(*words):
    return main(["code", *words])


def on_a_model(reply, *words):
    with ChatServer(lambda prompt: json.dumps({"reply": reply})) as server:
        return code(*words, "--lm", "openai/scripted", "--api-base", server.url, "--api-key", "k", "--no-cache")


def test_logs_are_explained_by_the_rules_with_their_files_and_lines(folder, capsys):
    assert code("context", "--logs", "other.log", "--logs", "app.log", "--explain", "--task", "Why was the order lost?") == 0
    out = capsys.readouterr().out
    assert out.startswith("`TypeError: unhashable type: 'list'` in `add` (/srv/shop/cart.py:12)") and "(by the rules)" in out
    assert "    app.log:6: TypeError: unhashable type: 'list'\n" in out


def test_logs_are_explained_on_a_model_and_what_they_do_not_say_is_left_out(folder, capsys):
    reply = {"context": "Order 17 was lost. It took 99 s.", "key_points": ["unhashable type: 'list'", "no such line here"]}
    assert on_a_model(reply, "context", "--logs", ".", "--explain", "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["context"], found["answered_by"]) == ("Order 17 was lost.", "model")
    assert found["points"] == [{"path": "app.log", "line": 6, "text": "TypeError: unhashable type: 'list'"}]
    assert found["withdrawn"] == ["It took 99 s.", "no such line here"] and "2 statements" in told.err


def test_of_logs_that_are_too_large_the_events_are_explained_in_their_places(folder, capsys, monkeypatch):
    (folder / "app.log").write_text("INFO all is well\n" * 300 + LOG + "INFO all is well\n" * 300)
    monkeypatch.setattr(logs, "LARGEST", 2_000)
    assert code("context", "--logs", "app.log", "--explain") == 0
    assert "    app.log:306: TypeError" in capsys.readouterr().out


def test_logs_in_which_nothing_went_wrong_end_with_one(folder, capsys):
    (folder / "app.log").write_text("INFO fine\n")
    assert code("context", "--logs", "app.log", "--explain") == 1
    assert capsys.readouterr().out == "Nothing in the log says that anything went wrong. (by the rules)\n"


def test_no_secret_is_printed(folder, capsys):
    (folder / "app.log").write_text(
        "ERROR login failed: password=hunter2x\nERROR key ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8\n"
    )
    code("context", "--logs", "app.log", "--explain")
    out = capsys.readouterr().out
    assert "login failed" in out and "hunter" not in out and "ghp_" not in out


def test_a_file_is_summarized_in_outline(folder, capsys):
    assert code("summary", "cart.py") == 0
    assert capsys.readouterr().out.splitlines() == [
        "cart.py:1  python",
        "What customers buy. It defines the class `Cart` and the function `rounded`. (by the rules)",
        "      4  class Cart:  A cart of one customer.",
        "      7    def add(self, name, price):",
        "     13  def rounded(price):",
    ]


def test_a_definition_is_summarized_and_asked_about(folder, capsys):
    assert code("summary", "cart.py:Cart.add") == 0 and "It raises `ValueError` if `price < 0`." in capsys.readouterr().out
    assert code("summary", "cart.py:Cart.add", "--ask", "What does it raise?", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["line"], found["symbol"], found["summary"]) == (7, "Cart.add", "It raises `ValueError` if `price < 0`.")


def test_a_model_summarizes_and_a_name_from_nowhere_is_left_out(folder, capsys):
    reply = {"summary": "Rounds `price` to cents. It calls `math.floor`."}
    assert on_a_model(reply, "summary", "cart.py:rounded", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["summary"], found["answered_by"]) == ("Rounds `price` to cents.", "model") and len(found["withdrawn"]) == 1


def test_a_folder_is_outlined(folder, capsys):
    (folder / "empty.py").write_text("")
    assert code("summary") == 0
    told = capsys.readouterr()
    assert "cart.py  14 lines  What customers buy.\n    Cart, rounded\n" in told.out and "empty.py  0 lines" in told.out
    assert "2 files, 14 lines" in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["context", "--logs", "app.log", "--task", "Why?"], "--task is for --explain"),
        (["context", "--logs", "nowhere", "--explain"], "nowhere: cannot be read"),
        (["summary", "nowhere.py"], "nowhere.py: not there; name a file"),
        (["summary", "Cart.total"], "Cart.total: not there; name a file or a folder, or a definition in a file as FILE:SYMBOL"),
        (["summary", "nowhere.py:Cart"], "nowhere.py: not there"),
        (["summary", "x" * 9_999], "not there"),
        (["summary", "blob.py"], "blob.py: a binary file"),
        (["summary", "cart.py:Basket"], "nothing named Basket is defined here"),
        (["summary", ".", "--ask", "What?"], "--ask is about a file"),
    ],
)
def test_what_is_wrong_is_one_line(folder, capsys, words, said):
    assert code(*words) == 2
    assert said in (err := capsys.readouterr().err) and err.count("\n") == 1


def test_logs_are_named_with_or_without_the_option_or_are_those_of_the_folder_logs(folder, capsys):
    assert code("context") == 2 and "there is no folder logs here" in capsys.readouterr().err
    assert code("context", "app.log", "--logs", "other.log") == 0
    assert "in 2 files" in capsys.readouterr().err
    (folder / "logs").mkdir()
    (folder / "app.log").rename(folder / "logs" / "app.log")
    assert code("context") == 0
    assert "order 17 was lost" in capsys.readouterr().out


def test_overloads_are_named_once(folder, capsys):
    (folder / "cast.py").write_text("def to(x: int): ...\ndef to(x: str): ...\ndef other(): ...\n")
    assert code("summary", "cast.py") == 0
    assert "the functions `to` and `other`" in capsys.readouterr().out


def test_the_list_of_commands_cuts_no_sentence(capsys):
    assert code("--help") == 0
    out = capsys.readouterr().out.partition("\nCommands:\n")[2]
    assert "..." not in out and "all of it or nothing" in " ".join(out.split())
