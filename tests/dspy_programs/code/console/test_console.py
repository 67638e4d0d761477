"""The session: each line is a command, and nothing that a command does ends it."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from dspy_programs.__main__ import app as every_app
from dspy_programs.cli import Completed
from dspy_programs.code import Index
from dspy_programs.code.commands import app
from dspy_programs.code.console import Console, completions, editor_words, names_in_index, place_named
from dspy_programs.errors import UsageError

VARIABLES = ("DSPY_PROGRAMS_LM", "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY", "DSPY_PROGRAMS_NO_LLM")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in (*VARIABLES, "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DSPY_PROGRAMS_CODE", str(tmp_path / "indexes"))
    top = tmp_path / "repo"
    (top / "logs").mkdir(parents=True)
    (top / "retry.py").write_text("class Retry:\n    def count_attempts(self):\n        return 1\n")
    (top / "logs" / "app.log").write_text("ERROR no disk\n")
    monkeypatch.chdir(top)
    return top


def console(**commands):
    """The real commands, or others in their place."""
    groups = [("dspy-programs code", get_command(app)), ("dspy-programs", get_command(every_app))]
    told = []
    made = Console({name: (group, group.commands) for name, group in groups}, told.append)
    if commands:
        made.groups = {"here": (commands.pop("run"), {name: SimpleNamespace(hidden=False) for name in commands["known"]})}
    return made, told


def test_a_line_does_what_the_command_does_and_the_last_code_is_returned(folder, capfd):
    made, told = console()
    assert made.obey(["tree logs", "grep Retry", "grep zebra", "quit", "tree"]) == 1
    out, err = capfd.readouterr()
    assert out == "logs/ (1 file)\n  app.log (14 bytes)\nretry.py:1: class Retry:\n"
    assert err == "no line fits zebra\n" and not told


def test_cd_goes_where_the_next_command_works(folder, capfd):
    made, told = console()
    assert made.obey(["cd logs", "ls", "cd", "ls logs"]) == 0
    assert capfd.readouterr().out.count("app.log") == 2 and Path.cwd() == folder
    assert made.obey(["cd nowhere", "cd \0"]) == 2
    assert told[0] == "error: nowhere: No such file or directory; name a folder" and len(told) == 2


def test_ctx_reads_the_logs_that_were_chosen(folder, capfd):
    made, _ = console()
    assert made.obey(["logs", "ctx", "logs logs/app.log", "cd logs", "ctx"]) == 0
    assert capfd.readouterr().out.count("ERROR no disk") == 2
    assert made.obey(["logs nowhere"]) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('grep "open', "no closing quotation"),
        ("tree \\", "no escaped character"),
        ("frobnicate", "frobnicate: no command; help lists them"),
        ("start", "a session is open already"),
        ("\x1b[31mred", "[31mred: no command"),
    ],
)
def test_what_is_wrong_is_one_line(folder, line, said):
    made, told = console()
    assert made.obey([line]) == 2
    assert len(told) == 1 and said in told[0] and "\n" not in told[0] and "\x1b" not in told[0]


def test_a_question_after_ask_needs_no_quotes(folder, capfd):
    made, told = console()
    assert made.obey(["ask what's in the logs folder", 'ask "who uses Retry?" .', "ask --show 'where is Retry'"]) == 0
    out = capfd.readouterr().out
    assert "app.log (14 bytes)" in out and "retry.py:1: class Retry:" in out and not told


def test_a_wrong_option_and_an_old_name_do_not_end_it(folder, capfd):
    made, _ = console()
    assert made.obey(["tree --nonsense", "emb_index", "grep Retry"]) == 0
    out, err = capfd.readouterr()
    assert "No such option" in err and "emb_index is the old name" in err and "retry.py:1" in out


def test_a_fault_and_an_interrupt_end_the_command_only(folder, capfd):
    def run(args, **_):
        raise {"bug": ZeroDivisionError("bug"), "stop": KeyboardInterrupt(), "end": SystemExit(3)}[args[0]]

    made, _ = console(run=run, known=["bug", "stop", "end"])
    assert made.obey(["bug", "stop", "end"]) == 3
    assert "ZeroDivisionError: bug" in capfd.readouterr().err


def test_what_is_no_command_is_a_question_word_for_word(folder):
    asked = []

    def run(args, **_):
        asked.append(args)

    made, told = console(run=run, known=["ask"])
    made.obey(["what's the count of 'attempts?", "hm"])
    assert asked == [["ask", "what's the count of 'attempts?"]] and len(told) == 1


def test_a_key_stays_with_the_model_it_came_with(folder, monkeypatch, capsys):
    for name, value in zip(VARIABLES, ("openai/mine", "http://mine", "sk-mine-0123456789"), strict=False):
        monkeypatch.setenv(name, value)
    made, _ = console()
    made.obey(["model openai/other"])
    assert {name: os.environ.get(name) for name in VARIABLES} == dict(
        zip(VARIABLES, ("openai/other", None, None, None), strict=True)
    )
    made.obey(["model none", "model"])
    assert os.environ["DSPY_PROGRAMS_NO_LLM"] == "1"
    made.obey(["model openai/mine"])
    assert os.environ["DSPY_PROGRAMS_API_KEY"] == "sk-mine-0123456789" and "DSPY_PROGRAMS_NO_LLM" not in os.environ
    assert capsys.readouterr().out == "openai/other\nnone\nnone\nopenai/mine\n"


def test_help_lists_what_may_be_typed(folder, capfd):
    made, _ = console()
    made.obey(["help", "help grep"])
    out = capfd.readouterr().out
    assert {"cd", "grep", "ctx", "gstatus", "open"} <= set(out.split()) and "--ignore-case" in out
    assert "start" not in out.splitlines()[0].split()


def test_completion_of_commands_paths_and_definitions(folder):
    Index().refresh()
    commands = ["grep", "tree", "extract"]
    found = lambda line: completions(line, commands, names_in_index)  # noqa: E731
    assert found("gr") == [Completed("grep", 2)]
    assert found("tree lo") == [Completed("logs/", 2)]
    assert found("tree logs/a") == [Completed("logs/app.log", 6)]
    assert found("extract --symbol Retry.c") == [Completed("Retry.count_attempts", 7)]
    assert found("extract --symbol count_") == [Completed("Retry.count_attempts", 6)]
    assert found("tree nowhere/x") == [] and found("") == []


def test_completion_without_an_index_makes_none(folder, tmp_path):
    assert names_in_index("Re") == []
    assert not (tmp_path / "indexes").exists()


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ("vim", ["vim", "+7", "FILE"]),
        ("code --wait", ["code", "--wait", "--goto", "FILE:7:3"]),
        ("/usr/bin/emacs -nw", ["/usr/bin/emacs", "-nw", "+7:3", "FILE"]),
        ("nano", ["nano", "+7,3", "FILE"]),
        ("subl", ["subl", "FILE:7:3"]),
        ("idea", ["idea", "--line", "7", "FILE"]),
        ("unheard-of", ["unheard-of", "FILE"]),
    ],
)
def test_editors_are_told_the_line_in_their_own_way(folder, editor, words):
    place = place_named("retry.py:7:3")
    assert editor_words(editor, place) == [word.replace("FILE", str(folder / "retry.py")) for word in words]


def test_a_file_whose_name_has_a_colon_or_a_dash_is_one(folder):
    (folder / "a:1").write_text("")
    (folder / "-x").write_text("")
    assert place_named("a:1").line is None
    assert editor_words("vim", place_named("-x:2"))[-1] == str(folder / "-x")
    with pytest.raises(UsageError, match="not there"):
        place_named("b.py:1")


def test_open_runs_the_editor_of_the_user(folder, monkeypatch, capfd):
    made, _ = console()
    assert made.obey(["open retry.py:2"]) == 2
    assert "set VISUAL or EDITOR" in capfd.readouterr().err
    editor = folder / "vim"
    editor.write_text('#!/bin/sh\necho "$@"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(editor))
    assert made.obey(["open retry.py:2"]) == 0
    assert capfd.readouterr().out == f"+2 {folder / 'retry.py'}\n"


def test_a_script_can_be_piped_in_and_a_folders_env_file_is_not_read(folder):
    (folder / "logs" / ".env").write_text("DSPY_PROGRAMS_LM=openai/theirs\n")
    done = subprocess.run(
        [sys.executable, "-m", "dspy_programs", "code", "start", str(folder)],
        input="# a remark\ncd logs\nmodel\ngrep disk\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder.parent,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "each command's own\napp.log:1: ERROR no disk\n",
        "left out: 1 made for secrets\n",
    )


def test_git_of_a_session_runs_nothing_of_the_repository(folder, tmp_path, monkeypatch, capfd):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    made, _ = console()
    assert made.obey(["gstatus"]) == 2
    assert "not a git repository" in capfd.readouterr().err
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    for hook in ("pre-commit", "commit-msg", "post-commit"):
        (folder / ".git" / "hooks" / hook).symlink_to(trap)
    for name in ("diff.external", "gpg.program", "filter.evil.clean", "core.fsmonitor", "core.editor"):
        subprocess.run(["git", "config", name, str(trap)], check=True)
    subprocess.run(["git", "config", "commit.gpgSign", "true"], check=True)
    assert made.obey(["gcommit -m 'too early'"]) == 2
    assert made.obey(["gadd retry.py", "gcommit -m 'Count the attempts'", "glog -n 1"]) == 0
    (folder / "retry.py").write_text("x = 1\n")
    assert made.obey(["gdiff", "gstatus"]) == 0
    out, err = capfd.readouterr()
    assert "Ann: Count the attempts" in out and "+x = 1" in out and " M retry.py" in out
    assert err.count("error: ") == 1
    (folder / ".gitattributes").write_text("*.py filter=evil\n")
    assert made.obey(["gadd retry.py"]) == 2
    assert "goes through the filter evil" in capfd.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_a_line_that_is_no_text_and_a_folder_that_is_gone_are_a_line_each(folder):
    gone = folder / "gone"
    gone.mkdir()
    code = "import os, sys; from dspy_programs.__main__ import main; {} sys.exit(main(sys.argv[1:]))"
    for before, words, typed, said in (
        ("", ["start", "--no-llm"], b"\xff\xfe\nfrobnicate\n", "frobnicate: no command"),
        ("os.rmdir(os.getcwd());", ["undo"], b"", "the folder you are in is gone"),
    ):
        run = [sys.executable, "-c", code.format(before), "code", *words]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(run, cwd=gone, input=typed, capture_output=True, env=environment, check=False)
        assert done.returncode == 2 and b"Traceback" not in done.stderr
        assert done.stderr.decode().splitlines()[-1].startswith(f"error: {said}")
