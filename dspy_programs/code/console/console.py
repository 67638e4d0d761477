"""Every line is a command as on the command line, run by the very same code; a few more steer the session.

    cd PATH   logs [PATH]   model [NAME]   help [COMMAND]   quit

Guarantees an error, a fault or Ctrl-C ends the command, not the session; an open quote is one line; nothing is read from a .env
           file of a folder that the session goes to.
"""

import os
import shlex
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dspy_programs.cli import FAILED, INTERRUPTED, NO_LLM, run_words
from dspy_programs.code.old_names.commands import ALIASES, ANSWERS, LOGS
from dspy_programs.code.printing import say
from dspy_programs.text import printable

_LM, _BASE, _KEY = "DSPY_PROGRAMS_LM", "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY"
_STEERING = ("cd", "logs", "model", "help", "quit", "exit")
_ASK = "ask"  # the command that takes what is no command
_OPENS = "start"  # the command that a session is

Commands = Mapping[str, Any]
Group = Callable[..., object]


class Console:
    """One session. groups: how each is called, its command group; the first that knows a command runs it."""

    def __init__(self, groups: Mapping[str, tuple[Group, Commands]], warn: Callable[[str], object]) -> None:
        self.groups, self.warn = groups, warn
        self.logs: Path | None = None
        self.began = os.getcwd()
        self.own_model = {name: os.environ.get(name) for name in (_LM, _BASE, _KEY)}

    @property
    def commands(self) -> list[str]:
        """What a line may begin with."""
        first = next(iter(self.groups.values()))[1]
        return sorted({*_STEERING, *ALIASES, *(name for name, each in first.items() if not each.hidden)} - {_OPENS})

    def obey(self, lines: Iterable[str]) -> int:
        """Run the lines until the end, quit or exit. Returns the exit code of the last one, as a shell does."""
        code = 0
        for line in map(str.strip, lines):
            if line.partition(" ")[0] in ("quit", "exit"):
                return code
            if line and not line.startswith("#"):
                try:
                    code = self._run(line)
                except KeyboardInterrupt:
                    code = INTERRUPTED
                except Exception:  # a fault in a command must not cost the session
                    traceback.print_exc()
                    code = FAILED
        return code

    def _run(self, line: str) -> int:
        first = line.split()[0]
        is_known = first in _STEERING or first in ALIASES or self._home_of(first) or first.replace("_", "-") in ANSWERS
        if not is_known:
            return self._ask(first, line)
        question = line.removeprefix(_ASK).strip()
        if first == _ASK and " " in question and question[0] not in "\"'-" and " --" not in question:
            return self._ask(first, question)
        try:
            words = shlex.split(line)
        except ValueError as error:
            return self._refuse(f"{str(error).lower()}; close the quote, or write \\ in front of it")
        if first in _STEERING:
            return self.steer(first, " ".join(words[1:]))
        if first == _OPENS:
            return self._refuse("a session is open already; cd goes to another folder")
        if first in ALIASES and self._home_of(first) is None:
            words = [*(self._logs_folder() if word == LOGS else word for word in ALIASES[first]), *words[1:]]
        return self._dispatch(words)

    def steer(self, word: str, value: str = "") -> int:
        """Do what one of the session's own words says, and say how it is now. Returns an exit code."""
        if word == "help":
            return self._help(value)
        code = self.set(word, value)
        if code == 0 and word != "cd":
            say(self._logs_folder() if word == "logs" else self._model_in_use())
        return code

    def set(self, word: str, value: str) -> int:
        """Go to a folder (cd), or choose the logs or the model of the commands that follow. Returns an exit code."""
        return {"cd": self._cd, "logs": self._logs, "model": self._model}[word](value)

    def _dispatch(self, words: Sequence[str]) -> int:
        name = self._home_of(words[0]) or next(iter(self.groups))
        return run_words(partial(self.groups[name][0], prog_name=name), words)

    def _home_of(self, word: str) -> str | None:
        names = {word, word.replace("_", "-")}
        return next((name for name, (_, commands) in self.groups.items() if names & commands.keys()), None)

    def _ask(self, first: str, line: str) -> int:
        if self._home_of(_ASK) and " " in line:
            return self._dispatch([_ASK, line])
        return self._refuse(f"{printable(first)}: no command; help lists them")

    def _refuse(self, why: str) -> int:
        self.warn(f"error: {why}")
        return FAILED

    def _cd(self, path: str) -> int:
        try:
            os.chdir(os.path.expanduser(path) or self.began)
        except (OSError, ValueError) as error:
            return self._refuse(f"{printable(path)}: {getattr(error, 'strerror', None) or error}; name a folder")
        return 0

    def _logs(self, path: str) -> int:
        if path and not Path(path).expanduser().exists():
            return self._refuse(f"{printable(path)}: not there; name a log file or a folder of them")
        self.logs = Path(os.path.abspath(Path(path).expanduser())) if path else self.logs
        return 0

    def _logs_folder(self) -> str:
        return str(self.logs or ("logs" if Path("logs").is_dir() else "."))

    def _model(self, name: str) -> int:
        """Choose a model. An address and a key stay with the model they came with."""
        if name == "none":
            os.environ[NO_LLM] = "1"
        elif name:
            os.environ.pop(NO_LLM, None)
            connection = self.own_model if name == self.own_model[_LM] else {_BASE: None, _KEY: None}
            for variable, value in {**connection, _LM: name}.items():
                if value is None:
                    os.environ.pop(variable, None)
                else:
                    os.environ[variable] = value
        return 0

    @staticmethod
    def _model_in_use() -> str:
        return "none" if os.environ.get(NO_LLM) else os.environ.get(_LM) or "each command's own"

    def _help(self, command: str) -> int:
        if command and self._home_of(command):
            return self._dispatch([command, "--help"])
        say(f"{'  '.join(self.commands)}\nhelp COMMAND says more; what is no command is a question")
        return 0
