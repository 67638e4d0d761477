"""The index follows the folder, takes nothing that is not its own, and survives a kill."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from dspy_programs.code import Index, search, watch_folder
from dspy_programs.code.index.words import asked_words, humps
from dspy_programs.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "retry.py").write_text("class Retry:\n    def countAttempts(self):\n        return self.attempts\n")
    (top / "notes.txt").write_text("The observatory opens in May.\n")
    old = time.time() - 60  # else it may change again without a change of its time
    for path in top.iterdir():
        os.utime(path, (old, old))
    return top


def paths_found(index, question):
    return [hit.path for hit in search(index, question)]


def test_search_finds_a_method_by_the_words_in_its_name(folder):
    index = Index(folder)
    index.refresh()
    hit = search(index, "where are attempts counted?")[0]
    assert (hit.path, hit.line, hit.symbol, hit.score) == ("retry.py", 2, "Retry.countAttempts", 1.0)
    assert "def countAttempts" in hit.snippet


def test_a_snippet_of_imports_or_of_a_class_holds_no_line_of_another_hit(folder):
    (folder / "pay.py").write_text(
        "import money\n\n\nclass Money:\n    coins = 1\n\n    def pay(self):\n        return money.coins(self)\n\n\n"
        "money.close()\n"
    )
    index = Index(folder)
    index.refresh()
    snippets = {hit.symbol: hit.snippet for hit in search(index, "money coins")}
    assert snippets == {
        "": "import money\nmoney.close()",
        "Money": "class Money:\n    coins = 1",
        "Money.pay": "def pay(self):\n    return money.coins(self)",
    }


@pytest.mark.parametrize("question", ["", "???", '" OR *', "the of", "NEAR(", "a:b", "\0"])
def test_a_question_is_words_and_never_syntax(folder, question):
    index = Index(folder)
    index.refresh()
    assert isinstance(search(index, question), list)


def test_refresh_reads_only_what_has_changed(folder):
    index = Index(folder)
    assert index.refresh().read == 2
    assert index.refresh().read == 0
    (folder / "notes.txt").write_text("The lighthouse is closed.\n")
    assert index.refresh().read == 1
    assert paths_found(index, "lighthouse") == ["notes.txt"] and paths_found(index, "observatory") == []


def test_a_new_time_alone_parses_nothing(folder):
    index = Index(folder)
    index.refresh()
    os.utime(folder / "retry.py", (1, 1))
    assert index.refresh().read == 0
    assert index.database.rows("SELECT changed FROM files WHERE path = 'retry.py'")[0]["changed"] == 10**9


def test_a_change_within_the_clocks_grain_is_seen(folder):
    path = folder / "fresh.py"
    path.write_text("alpha = 1\n")
    status = path.stat()
    index = Index(folder)
    index.refresh()
    path.write_text("gamma = 1\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    index.refresh()
    assert paths_found(index, "gamma") == ["fresh.py"]


def test_overloads_are_one_hit(folder):
    (folder / "over.py").write_text(
        "@overload\ndef zebra(x: int): ...\n@overload\ndef zebra(x: str): ...\ndef zebra(x):\n    return x\n"
    )
    index = Index(folder)
    index.refresh()
    assert paths_found(index, "zebra") == ["over.py"]


def test_tests_and_stubs_stand_behind_what_they_are_about(folder):
    (folder / "tests").mkdir()
    for path in ("tests/test_zebra.py", "zebra.pyi", "zebra.py"):
        (folder / path).write_text("def zebra(x):\n    return x\n")
    index = Index(folder)
    index.refresh()
    assert paths_found(index, "zebra") == ["zebra.py", "zebra.pyi", "tests/test_zebra.py"]


def test_a_file_that_is_gone_is_forgotten(folder):
    index = Index(folder)
    index.refresh()
    (folder / "notes.txt").unlink()
    assert index.refresh().forgotten == 1
    assert paths_found(index, "observatory") == []


def test_what_is_not_the_folders_own_is_left_out_and_said(folder):
    (folder / ".gitignore").write_text("secret/\n*.gen.py\n")
    for name in ("secret/a.py", "b.gen.py", "node_modules/c.js", ".dspy_index/d.py", "kept/e.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("zebra = 1\n")
    (folder / "f.py").write_bytes(b"zebra\0")
    (folder / "poetry.lock").write_text("zebra\n")
    (folder / "min.js").write_text("zebra;" * 1000)
    (folder / "link.py").symlink_to("kept/e.py")
    os.mkfifo(folder / "pipe.py")
    (folder / os.fsdecode(b"caf\xe9.py")).write_text("zebra = 1\n")
    index = Index(folder, folder / "own.sqlite")
    left_out = index.refresh().left_out
    assert paths_found(index, "zebra") == ["kept/e.py"]
    wanted = {
        "ignored by git": 2,
        "binary": 1,
        "lock file": 1,
        "generated": 1,
        "link": 1,
        "pipe, socket or device": 1,
        "name that is no text": 1,
    }
    assert left_out == wanted
    assert not list(folder.glob(".git"))


def test_the_index_is_kept_outside_of_the_folder(folder):
    before = sorted(folder.rglob("*"))
    index = Index(folder)
    index.refresh()
    assert sorted(folder.rglob("*")) == before and index.file.stat().st_mode & 0o077 == 0


def test_definitions_are_found_by_the_end_of_their_name(folder):
    index = Index(folder)
    index.refresh()
    assert [one.symbol.name for one in index.definitions("countAttempts")] == ["Retry.countAttempts"]
    assert index.definitions("Other.countAttempts") == []


def test_watch_takes_up_a_change(folder, tmp_path):
    stop = threading.Event()
    index = Index(folder, tmp_path / "i.sqlite")
    watched = watch_folder(index, stop)
    assert next(watched).read == 2
    threading.Timer(0.3, (folder / "new.py").write_text, ["zebra = 1\n"]).start()
    late = threading.Timer(20, stop.set)
    late.start()
    assert next(watched).read == 1
    late.cancel()
    stop.set()
    assert paths_found(index, "zebra") == ["new.py"]


KILLED = """
import os, signal, sys
from dspy_programs.code.index import index as home
home._AT_ONCE = 10_000
index = home.Index(sys.argv[1], sys.argv[2])
def killed(done, total):
    if index.database.rows("SELECT count(*) AS n FROM files")[0]["n"] > 20:
        os.kill(os.getpid(), signal.SIGKILL)
index.refresh(killed)
"""
INDEX = "import sys; from dspy_programs.code import Index; Index(sys.argv[1], sys.argv[2]).refresh()"


def many(folder, count):
    for number in range(count):
        (folder / f"m{number}.py").write_text(f"def f{number}():\n    return 'needle'\n" * 20)


def is_sound(index, files):
    rows = index.database.rows
    assert rows("PRAGMA integrity_check")[0][0] == "ok"
    assert rows("SELECT count(*) FROM files")[0][0] == files
    assert rows("SELECT count(*) FROM places WHERE file NOT IN (SELECT id FROM files)")[0][0] == 0
    assert rows("SELECT count(*) FROM places")[0][0] == rows("SELECT count(*) FROM chunks")[0][0]


def test_a_killed_process_leaves_whole_files_and_the_next_one_completes_them(folder, tmp_path):
    many(folder, 60)
    done = subprocess.run([sys.executable, "-c", KILLED, folder, tmp_path / "i.sqlite"], check=False)
    assert done.returncode == -signal.SIGKILL
    index = Index(folder, tmp_path / "i.sqlite")
    held = index.database.rows("SELECT count(*) FROM files")[0][0]
    assert 20 < held < 62
    is_sound(index, held)
    assert index.refresh().read == 62 - held
    is_sound(index, 62)


def test_files_cut_into_lines_are_read_again_once_their_grammar_is_installed(folder, tmp_path):
    (folder / "a.go").write_text("package a\nfunc Zebra() {}\n")
    without = "import sys, importlib.util; sys.modules['ast_grep_py'] = None; " + INDEX
    subprocess.run([sys.executable, "-c", without, folder, tmp_path / "i.sqlite"], check=True)
    index = Index(folder, tmp_path / "i.sqlite")
    assert index.definitions("Zebra") == []
    assert index.refresh().read >= 1 and [one.path for one in index.definitions("Zebra")] == ["a.go"]
    assert index.refresh().read == 0


def test_two_processes_at_once_end_with_one_index(folder, tmp_path):
    many(folder, 60)
    command = [sys.executable, "-c", INDEX, folder, tmp_path / "i.sqlite"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [each.wait(60) for each in both] == [0, 0]
    is_sound(Index(folder, tmp_path / "i.sqlite"), 62)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"cannot be read: .*; name a folder"):
        Index(tmp_path / name)


def test_a_file_that_is_no_index_is_refused(tmp_path):
    (tmp_path / "x.sqlite").write_text("not a database, but a long enough text to be read as one " * 20)
    with pytest.raises(UsageError, match="index of code cannot be read"):
        Index(tmp_path, tmp_path / "x.sqlite")


def test_words_are_split_at_humps_and_underscores():
    assert humps("getHTTPResponse parse_json plain GZip") == "get HTTP Response GZip"
    assert asked_words("Where is getHTTPResponse and parse_json?") == ["get", "http", "response", "parse", "json"]
