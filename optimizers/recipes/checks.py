"""Run a code_editor row's checks on edited files, in the agent's sandbox.

Output     for each command whether it passed, and the end of what it printed. A command that runs too long, or cannot be
           started, did not pass.
Raises     DatasetError for a row whose base is no commit of a repository here.
"""

import base64
import json
import re
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from dspy_programs.errors import DatasetError
from dspy_programs.git import git
from metrics.code_editor import Base, Checked, Run

_SECONDS = 10.0  # of each command; a row's own tests take a tenth of one
_SECONDS_OVER = 180.0  # of each command in a copy of a repository, as in dspy-code
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\^?")
_RUNNER = """
import base64, io, json, os, shlex, subprocess, sys, tarfile
given = json.load(sys.stdin)
os.environ["PYTHONHASHSEED"] = "0"  # so that a set is printed in the same order every time
if given["archive"]:
    tarfile.open(fileobj=io.BytesIO(base64.b64decode(given["archive"]))).extractall(".", filter="data")
for path, text in given["files"].items():
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
said = []
for command in given["commands"]:
    argv = [sys.executable if word == "python" else word for word in shlex.split(command)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=given["seconds"], stdin=subprocess.DEVNULL)
        said.append([done.returncode == 0, (done.stdout + done.stderr)[-4000:].replace(os.getcwd() + os.sep, "")])
    except subprocess.TimeoutExpired:
        said.append([False, f"it runs for more than {given['seconds']:.0f} seconds"])
    except OSError as error:
        said.append([False, f"it cannot be started: {error.strerror}"])
print("\\n" + json.dumps(said))
"""  # noqa: E501


def checked(files: Mapping[str, str], commands: Sequence[str], seconds: float = _SECONDS) -> Sequence[Checked]:
    """Put files in an empty folder and run commands there, one after the other; `python` is this one. seconds: of each."""
    return _ran(files, commands, "", seconds)


def checked_over(base: Base) -> Run:
    """Return what puts files over a copy of a commit, and runs commands there."""

    def run(files: Mapping[str, str], commands: Sequence[str]) -> Sequence[Checked]:
        return _ran(files, commands, _archive(base.repository, base.commit), _SECONDS_OVER)

    return run


@lru_cache(maxsize=2)  # rows of one commit come one after the other
def _archive(repository: str, commit: str) -> str:
    packed = git(Path(repository), ["archive", "--format=tar", commit]) if _COMMIT.fullmatch(commit) else None
    if packed is None:
        raise DatasetError(f"{repository}: has no commit {commit[:50]}; make the rows again: dspy-programs code init")
    return base64.b64encode(packed).decode()


def _ran(files: Mapping[str, str], commands: Sequence[str], archive: str, seconds: float) -> Sequence[Checked]:
    from dspy_programs.agent import run_alone  # needs a POSIX system, which other programs do not

    given = {"files": dict(files), "commands": list(commands), "archive": archive, "seconds": seconds}
    done = run_alone([sys.executable, "-I", "-S", "-c", _RUNNER], json.dumps(given), seconds * len(commands) + 5)
    try:
        found = json.loads(done.output.rstrip("\n").rpartition("\n")[2]) if done.exit_code == 0 else []
    except ValueError:
        found = []
    return [Checked(bool(passed), str(output)) for passed, output in found] or [
        Checked(False, "it does not run to its end")
    ] * len(commands)
