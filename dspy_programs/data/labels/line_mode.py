"""Labelling by lines: one key a line on standard input, for scripts and for terminals that show no screen.

Input      a approve, r reject, n needs an edit, s skip, u undo, q quit; e alone as n; e TEXT approves the pair with TEXT as its
           output (\\n is a line break). What follows a key otherwise is the note: "r wrong sum". The end of the input quits.
"""

from collections.abc import Iterable
from typing import TextIO

from dspy_programs.data.labels.label import Status
from dspy_programs.data.labels.queue import Queue
from dspy_programs.data.labels.shown import text_of
from dspy_programs.errors import UsageError
from dspy_programs.text import printable, quantity

STATUS_OF: dict[str, Status] = {"a": "approved", "r": "rejected", "n": "needs_edit", "e": "needs_edit", "s": "skipped"}
KEYS = "a approve · r reject · e edit · n needs an edit · s skip · u undo · q quit"


def label_by_lines(queue: Queue, keys: Iterable[str], out: TextIO) -> int:
    """Show each pair on `out` and read what it is. Returns how many answers there were."""
    print(KEYS, file=out)
    typed = iter(keys)
    shown = None
    while True:
        known = queue.current()
        if known is not None and shown != known.original.id:
            print(f"\n{queue.progress()}\n{text_of(known)}", file=out)
        elif known is None and shown != "":
            print("\nno pair is left; u undo · q quit", file=out)
        shown = known.original.id if known else ""
        print("> ", end="", file=out, flush=True)
        if (line := next(typed, None)) is None:
            break
        key, _, rest = line.strip().partition(" ")
        key = key.lower()
        if key == "q":
            break
        if key == "u":
            print("undone" if queue.undo() else "nothing to undo", file=out)
            shown = None
        elif key in STATUS_OF:
            try:
                _answer(queue, key, rest.strip())
            except UsageError as error:
                print(f"not saved: {printable(str(error))}", file=out)
        elif line.strip():
            print(f"{printable(line.strip())[:40]!r} is no key; {KEYS}", file=out)
    print(f"\n{quantity(queue.answered, 'answer')}; {queue.left:,} left", file=out)
    return queue.answered


def _answer(queue: Queue, key: str, rest: str) -> None:
    if key == "e" and rest:
        queue.answer("approved", {"output": rest.replace("\\n", "\n")})
    else:
        queue.answer(STATUS_OF[key], note=rest)
