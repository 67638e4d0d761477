"""What a person types, line by line: with history and completion at a terminal, plainly from a pipe.

Guarantees the end of the input ends the lines, Ctrl-C does not; only the owner can read the history, and no line with a secret
           is kept in it; without prompt-toolkit a terminal gives plain lines.
"""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Complete = Callable[[str], "Sequence[Completed]"]
"""From the line up to the cursor to what may come next."""


class Completed(NamedTuple):
    """text: what takes the place of the last `length` characters before the cursor."""

    text: str
    length: int


def typed_lines(history: Path, complete: Complete, sign: Callable[[], str] = lambda: "> ") -> Iterator[str]:
    """Yield the lines. sign: what is shown in front of each."""
    read = _reader(history, complete, sign)
    while True:
        try:
            yield read()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def first_words(known: Sequence[str]) -> Complete:
    """Complete the first word of a line."""

    def complete(line: str) -> list[Completed]:
        return [] if " " in line else [Completed(word, len(line)) for word in known if line and word.startswith(line)]

    return complete


def has_secret(line: str) -> bool:
    """Return whether a line has a key or a password in it; what is given as --api-key is one, whatever it looks like."""
    from dspy_programs.secret_values import secrets_in

    return "--api-key" in line or bool(secrets_in(line))


def _reader(history: Path, complete: Complete, sign: Callable[[], str]) -> Callable[[], str]:
    if not sys.stdin.isatty():
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # a line that is no UTF-8 must not end the session
        return lambda: input()
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory
    except ImportError:
        return lambda: input(sign())

    class Kept(FileHistory):
        def store_string(self, string: str) -> None:
            if not has_secret(string):
                super().store_string(string)

    history.parent.mkdir(0o700, parents=True, exist_ok=True)
    history.touch(0o600)
    prompt: Any = PromptSession(history=Kept(str(history)), completer=_completer(complete))
    return lambda: str(prompt.prompt(sign()))


def _completer(complete: Complete) -> Any:
    from prompt_toolkit.completion import Completer, Completion

    class FromFunction(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Iterator[Completion]:
            for found in complete(document.text_before_cursor):
                yield Completion(found.text, -found.length)

    return FromFunction()
