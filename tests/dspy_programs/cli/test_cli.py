"""How every command ends: one line, no key, nothing that steers a terminal, whatever the shell closed."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from dspy_programs import __version__
from dspy_programs.__main__ import main
from dspy_programs.atomic_file import opened_atomically
from dspy_programs.cli import FAILED, new_app, run
from dspy_programs.errors import UsageError
from dspy_programs.lm.server import redact
from dspy_programs.lm.server.redaction import SHOWN, without_keys
from tests.processes import Started

ROOT = Path(__file__).parents[3]
HISTORY = [sys.executable, "-m", "optimizers.history", "--module", "planner"]


def test_error_that_quotes_a_server_does_not_steer_the_terminal(capsys):
    app = new_app("fails")

    @app.command()
    def fail() -> None:
        raise UsageError("it said \x1b[31mred\x9b2J\u202e and\ta tab,\nin a file with a line break")

    assert run(app, []) == FAILED
    assert capsys.readouterr().err == "error: it said [31mred2J and\ta tab, in a file with a line break\n"
    assert warnings.formatwarning("it warned\n\x1b[2J", UserWarning, "file.py", 1) == "warning: it warned [2J\n"


def test_command_without_standard_output_ends_without_traceback():
    line = " ".join(HISTORY) + " >&-"
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0 and done.stderr == ""


def test_command_without_standard_input_reads_nothing():
    line = f"{sys.executable} -m dspy_programs memory inspect - <&-"
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stderr) == (2, "error: stdin: is empty; give a memory file or messages\n")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Incorrect API key provided: mine-is-long.", f"Incorrect API key provided: {SHOWN}."),
        ("sent Bearer abcdefgh12345, refused", f"sent Bearer {SHOWN}, refused"),
        ("sk-proj-abcdefgh_1 is no key", f"{SHOWN} is no key"),
        ("a secret of the environment: from-the-env", f"a secret of the environment: {SHOWN}"),
        ("none of your tasks, sk-ip it", "none of your tasks, sk-ip it"),
    ],
)
def test_keys_are_taken_out_and_words_are_left(text, left, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "from-the-env")
    monkeypatch.setenv("OTHER_TOKEN", "no")  # too short to be one
    assert without_keys(text, ["mine-is-long", "none", ""]) == left


def test_keys_are_taken_out_of_an_error_and_of_what_it_came_from():
    cause = ValueError("with mine-is-long inside")
    error = RuntimeError("mine-is-long")
    error.__cause__, error.url = cause, "http://x/?key=mine-is-long"
    cause.__cause__ = error  # a circle ends too
    redact(error, ["mine-is-long"])
    assert "mine-is-long" not in f"{error!r} {error.url} {cause!r}"


def write_slowly(argv):
    app = new_app("writes")

    @app.command()
    def write() -> None:
        with opened_atomically(Path("out")) as file:
            file.write(b"half")
            time.sleep(60)

    return run(app, argv)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_command_that_is_stopped_while_it_writes_leaves_no_file(tmp_path, number, code):
    process = Started(write_slowly, [], tmp_path)
    while not list(tmp_path.glob(".out.*")):
        time.sleep(0.01)
    process.send_signal(number)
    assert process.communicate(20) == ("", "") and process.returncode == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stderr.txt", "stdout.txt"]


@pytest.mark.parametrize("words", [[], ["code"], ["failures"]])
def test_without_a_command_the_commands_are_listed(words, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and "\nCommands:\n" in err


def test_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"
