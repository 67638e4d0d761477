"""The command as a process: on a terminal, with and without the screen's package, and as a server."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from dspy_programs.data import DataFolder
from tests.dspy_programs.data.small_set import NAME, data_set, lines_of
from tests.servers import environment

COMMAND = "from dspy_programs.__main__ import main; raise SystemExit(main(sys.argv[1:]))"
WITHOUT_TEXTUAL = "sys.modules['textual'] = None; "


class OnTerminal:
    """The command on a pseudo terminal: what it shows, and keys for it."""

    def __init__(self, root: Path, before: str = "") -> None:
        self.master, slave = pty.openpty()
        argv = [sys.executable, "-c", f"import sys; {before}{COMMAND}", "data", "label", "-d", NAME, "--data", str(root)]
        settings = environment(TERM="xterm-256color", COLUMNS="100", LINES="30")
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=settings, start_new_session=True)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.shown = ""

    def until(self, condition, what: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self.shown[-2000:]}"
            self.read()
            time.sleep(0.05)

    def read(self) -> None:
        try:
            self.shown += os.read(self.master, 1 << 16).decode("utf-8", "replace")
        except OSError:  # nothing now, or the end
            pass

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def __enter__(self) -> "OnTerminal":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def labels_of(root: Path) -> list[str]:
    path = DataFolder(root).labels(NAME)
    return [line["status"] for line in lines_of(path)] if path.exists() else []


def test_a_terminal_shows_the_screen(tmp_path):
    data_set(tmp_path)
    with OnTerminal(tmp_path) as terminal:
        terminal.until(lambda: "approve" in terminal.shown and "0 + 0" in terminal.shown, "the screen")
        terminal.type("a")
        terminal.until(lambda: labels_of(tmp_path) == ["approved"], "an answer")
        terminal.type("r")
        terminal.until(lambda: labels_of(tmp_path) == ["approved", "rejected"], "an answer")
        terminal.type("q")
        terminal.until(lambda: terminal.process.poll() is not None, "the end")
        terminal.read()
    assert terminal.process.returncode == 0 and "2 answers; 6 left" in terminal.shown


def test_a_terminal_without_textual_takes_lines_and_says_what_to_install(tmp_path):
    data_set(tmp_path)
    with OnTerminal(tmp_path, WITHOUT_TEXTUAL) as terminal:
        terminal.until(lambda: "> " in terminal.shown, "a prompt")
        terminal.type("a\nq\n")
        terminal.until(lambda: terminal.process.poll() is not None, "the end")
        terminal.read()
    assert labels_of(tmp_path) == ["approved"] and "pip install 'dspy-programs[data]'" in terminal.shown


def test_a_screen_that_is_killed_has_kept_its_answers(tmp_path):
    data_set(tmp_path)
    with OnTerminal(tmp_path) as terminal:
        terminal.until(lambda: "0 + 0" in terminal.shown, "the screen")
        terminal.type("a")
        terminal.until(lambda: labels_of(tmp_path) == ["approved"], "an answer")
        os.kill(terminal.process.pid, signal.SIGKILL)
    assert labels_of(tmp_path) == ["approved"]


@pytest.mark.parametrize("by", ["the page", "Ctrl-C", "SIGTERM"])
def test_the_page_is_served_until_it_is_ended(tmp_path, by):
    pairs = data_set(tmp_path)
    argv = [sys.executable, "-m", "dspy_programs", "data", "label", "-d", NAME, "--mode", "web", "--data", str(tmp_path)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    try:
        url, token = re.search(r"(http://127.0.0.1:\d+)/\?token=(\S+)", process.stdout.readline()).groups()
        post(url, token, "answer", {"pair_id": pairs[0].id, "status": "approved"})
        if by == "the page":
            post(url, token, "quit", {})
        else:
            process.send_signal(signal.SIGINT if by == "Ctrl-C" else signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert labels_of(tmp_path) == ["approved"] and "Traceback" not in err and token not in err
    assert process.returncode == (143 if by == "SIGTERM" else 0)
    assert by == "SIGTERM" or "1 answer; 7 left" in out


def post(url: str, token: str, path: str, body: dict) -> None:
    headers = {"X-Token": token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
