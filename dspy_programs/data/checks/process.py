"""One process of the checks: options once, then blocks in, what was found out, until the input ends."""

import contextlib
import os
import signal
import sys

from dspy_programs.data.checks.checker import Checker
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.checks.processes import received, send


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started it ends it
    source, to = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a package prints is no result
    sys.stdout = sys.stderr
    with contextlib.suppress(EOFError, BrokenPipeError):
        checker = Checker(CheckOptions.from_json(received(source)[0]))
        while True:
            block, line = received(source)
            send(to, checker.check_block(block, int(line)).as_parts())
