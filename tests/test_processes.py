"""A forked command runs the code beside these tests, in its folder, and tells how it ended and what it printed."""

import os
import signal
import sys
import time

import dspy_programs
from tests.processes import ROOT, Started


def fails(argv) -> int:
    print(dspy_programs.__file__, os.getcwd(), os.environ["GIVEN"])
    print(*argv, file=sys.stderr)
    return 3


def waits(argv) -> int:
    time.sleep(60)
    return 0


def test_forked_command_is_of_this_project_and_tells_its_end(tmp_path):
    process = Started(fails, ["a", "b"], tmp_path, GIVEN="yes")
    assert process.communicate() == (f"{ROOT / 'dspy_programs' / '__init__.py'} {tmp_path} yes\n", "a b\n")
    assert process.returncode == process.poll() == 3


def test_forked_command_that_was_killed_says_so(tmp_path):
    process = Started(waits, [], tmp_path)
    assert process.poll() is None
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
