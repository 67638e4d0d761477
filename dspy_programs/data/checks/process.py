"""One process of the checks: options once, then blocks to check or rows to compare, until the input ends."""

import contextlib
import gc
import os
import signal
import sys

import numpy as np

from dspy_programs.data.checks.checker import Checker
from dspy_programs.data.checks.comparing import similarities
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.checks.workers import received, send


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started it ends it
    source, to = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a package prints is no result
    sys.stdout = sys.stderr
    with contextlib.suppress(EOFError, BrokenPipeError):
        options = CheckOptions.from_json(received(source)[0])
        checker = Checker(options)
        gc.freeze()
        gc.set_threshold(50_000)  # rows make hardly a cycle: to look for them so often takes a twentieth of the time
        while True:
            what, how, *rest = received(source)
            if what == b"check":
                send(to, checker.check_block(rest[0], int(how)).as_parts())
            else:
                couples = np.frombuffer(how, np.uint32).reshape(-1, 2)
                send(to, [similarities(rest, couples, options.near_threshold).tobytes()])
