"""Syntax trees in a process of their own: a text can keep a grammar busy for ever, and only a kill stops it.

Output     definitions(text, language); matches(text, language, pattern): where code fits, and the code.
Guarantees a text takes PATIENCE seconds at most, and less after some slow ones. A grammar that crashes or takes all memory
           costs one text. The process ends with this one, however this one ends.
Raises     TookTooLong for a text that is given up; ValueError for what is no pattern; MissingExtra without the `code` extra.
"""

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import dspy_programs
from dspy_programs.code.parsing.grammar_symbols import grammar_matches, grammar_symbols, grammars_are_here
from dspy_programs.code.parsing.symbol import Symbol
from dspy_programs.errors import MissingExtra

PATIENCE = 3.0  # seconds for one text; an honest one of 2 MB takes less than one
_MOST_SLOW = 10  # texts: from then on,
_LITTLE_PATIENCE = 0.2  # seconds, which nearly every honest text needs less than
_MOST_MEMORY = 2 * 1024**3  # bytes
_ROOT = str(Path(dspy_programs.__file__).parent.parent)
_PROGRAM = "import sys; sys.path.append({!r}); from dspy_programs.code.parsing.grammar_process import main; main()"
_COMMAND = [sys.executable, "-P", "-c", _PROGRAM.format(_ROOT)]  # -P: no module comes from the working folder


class TookTooLong(Exception):
    """No tree of a text: its grammar took too long, or crashed."""


class GrammarProcess:
    """The process, which is started at the first text. For several threads, one after the other."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience, self._slow = patience, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def definitions(self, text: str, language: str) -> list[Symbol]:
        return [Symbol(*each) for each in self._ask(text, language, None)]

    def matches(self, text: str, language: str, pattern: str) -> list[tuple[int, int, str]]:
        """Return the first line, the last line (both from 1) and the code of each place."""
        return [(first, last, code) for first, last, code in self._ask(text, language, pattern)]

    def _ask(self, text: str, language: str, pattern: str | None) -> list[Any]:
        if not grammars_are_here():
            raise MissingExtra('code in languages other than Python needs an extra: pip install "dspy-programs[code]"')
        with self._lock:
            patience = self._patience if self._slow < _MOST_SLOW else min(self._patience, _LITTLE_PATIENCE)
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            line = b""
            try:
                with contextlib.suppress(OSError):  # it has ended
                    body = text.encode("utf-8", "replace")
                    process.stdin.write(json.dumps([language, pattern, patience, len(body)]).encode() + b"\n" + body)
                    process.stdin.flush()
                    line = process.stdout.readline()
            finally:
                if not line.endswith(b"\n"):  # also after an interrupt, or its answer would be the next text's
                    self._end()
            if not line.endswith(b"\n"):
                self._slow += 1
                raise TookTooLong
        answer = json.loads(line)
        if isinstance(answer, str):
            raise ValueError(answer)
        return list(answer)

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):  # what was not sent
                process.communicate()


GRAMMAR_PROCESS = GrammarProcess()
"""The one of this program."""


def main() -> None:
    """Answer one job after the other until stdin ends. Whatever goes wrong here ends this process, and costs one text.

    It ends itself when a job takes too long, for its parent may be gone by then.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a grammar prints is no answer
    while line := sys.stdin.buffer.readline():
        language, pattern, seconds, size = json.loads(line)
        text = sys.stdin.buffer.read(size).decode()
        _end_after(seconds)
        try:
            answer: Any = grammar_symbols(text, language) if pattern is None else grammar_matches(text, language, pattern)
        except (RuntimeError, ValueError) as error:  # of a pattern
            answer = str(error)
        _end_after(0)
        out.write(json.dumps(answer).encode() + b"\n")
        out.flush()


def _end_after(seconds: float) -> None:
    """End this process so many seconds from now, whatever it does then; 0: not at all."""
    if hasattr(signal, "setitimer"):  # its signal kills
        signal.setitimer(signal.ITIMER_REAL, seconds)
    elif seconds:
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    else:
        faulthandler.cancel_dump_traceback_later()
