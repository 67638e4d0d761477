"""Run a code_editor row's checks on edited files, in the agent's sandbox.

Output     for each command whether it passed, and the end of what it printed. A command that runs too long, or cannot be
           started, did not pass.
"""

import json
import sys
from collections.abc import Mapping, Sequence

from metrics.code_editor import Checked

_SECONDS = 10.0  # of each command; a row's own tests take a tenth of one
_RUNNER = """
import json, os, shlex, subprocess, sys
given = json.load(sys.stdin)
os.environ["PYTHONHASHSEED"] = "0"  # so that a set is printed in the same order every time
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


def checked(files: Mapping[str, str], commands: Sequence[str]) -> Sequence[Checked]:
    """Put files in an empty folder and run commands there, one after the other; `python` is this one."""
    from dspy_programs.agent import run_alone  # needs a POSIX system, which other programs do not

    given = {"files": dict(files), "commands": list(commands), "seconds": _SECONDS}
    done = run_alone([sys.executable, "-I", "-S", "-c", _RUNNER], json.dumps(given), _SECONDS * len(commands) + 5)
    try:
        found = json.loads(done.output.rstrip("\n").rpartition("\n")[2]) if done.exit_code == 0 else []
    except ValueError:
        found = []
    return [Checked(bool(passed), str(output)) for passed, output in found] or [
        Checked(False, "it does not run to its end")
    ] * len(commands)
