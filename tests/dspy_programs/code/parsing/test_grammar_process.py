"""A text that keeps a grammar busy for ever costs its own definitions, and nothing else."""

import os
import signal
import subprocess
import sys
import time

import pytest

from dspy_programs.code import Index, find_structure, search
from dspy_programs.code.files.source_files import LeftOut
from dspy_programs.code.parsing.chunks import symbols_in
from dspy_programs.code.parsing.grammar_process import PATIENCE, GrammarProcess, TookTooLong
from dspy_programs.code.parsing.grammar_symbols import grammars_are_here

pytestmark = pytest.mark.skipif(not grammars_are_here(), reason="needs the code extra")
ENDLESS = ("/*" * 900 + "\n") * 40  # what Swift's grammar needs for these comments grows with their square: a minute for 72 KB
GOOD = "func zebra() {}\n"


def test_a_text_that_takes_too_long_is_given_up_and_the_next_one_is_read():
    grammars = GrammarProcess(patience=0.3)
    began = time.monotonic()
    with pytest.raises(TookTooLong):
        grammars.definitions(ENDLESS, "swift")
    assert [symbol.name for symbol in grammars.definitions(GOOD, "swift")] == ["zebra"]
    assert time.monotonic() - began < 3


def test_many_slow_texts_get_less_time_each():
    grammars = GrammarProcess(patience=0.6)
    grammars._slow = 9
    taken = []
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(TookTooLong):
            grammars.definitions(ENDLESS, "swift")
        taken.append(time.monotonic() - began)
    assert taken[0] >= 0.6 > taken[1]


def test_a_process_that_is_killed_costs_one_text():
    grammars = GrammarProcess()
    grammars.definitions(GOOD, "swift")
    os.kill(grammars._process.pid, signal.SIGKILL)
    with pytest.raises(TookTooLong):
        grammars.definitions(GOOD, "swift")
    assert len(grammars.definitions(GOOD, "swift")) == 1


def test_an_index_cuts_such_a_file_into_lines_once_and_says_so(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "a.swift").write_text(f"// giraffe\n{ENDLESS}")
    (folder / "b.swift").write_text(GOOD)
    index = Index(folder, tmp_path / "i.sqlite")
    began = time.monotonic()
    done = index.refresh()
    assert time.monotonic() - began < PATIENCE + 2
    assert (done.files, done.too_slow, dict(done.by_lines)) == (2, 1, {})
    assert [one.symbol.name for one in index.definitions()] == ["zebra"]
    assert [hit.path for hit in search(index, "giraffe")] == ["a.swift"]
    began = time.monotonic()
    index.refresh()
    assert time.monotonic() - began < 1, "it is not tried again"


def test_structure_leaves_such_a_file_out_and_says_so(tmp_path):
    (tmp_path / "a.swift").write_text(ENDLESS)
    (tmp_path / "b.swift").write_text(GOOD)
    told = LeftOut()
    assert [match.path for match in find_structure("func $A() {}", "swift", tmp_path, told)] == ["b.swift"]
    assert told == {"took too long": 1}


PARENT = """
import sys, threading
from dspy_programs.code.parsing.grammar_process import GrammarProcess
grammars = GrammarProcess(patience=1.0)
grammars.definitions("", "swift")
print(grammars._process.pid, flush=True)
grammars.definitions(sys.argv[1], "swift")
"""


def test_none_is_left_when_its_parent_is_killed_in_the_middle():
    with subprocess.Popen([sys.executable, "-c", PARENT, ENDLESS], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.kill()
    until = time.monotonic() + 10
    while is_running(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\r\nb", ""])
def test_any_text_is_answered(text):
    assert symbols_in(text, "swift") == []
