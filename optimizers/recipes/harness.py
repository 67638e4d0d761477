"""Run a loop_explainer row's code on its inputs in the agent's sandbox, and say what comes out.

Output     for each input what the named results are, as Python writes them, or the name of the exception; a long one is cut
           and marked by its hash. None if the code did not run to its end.
"""

import json
import sys
from collections.abc import Sequence

from metrics.loop_explainer import Harness

_SECONDS = 10.0
_RUNNER = """
import hashlib, json, sys
given = json.load(sys.stdin)
said = []
for values in given["inputs"]:
    names = {"__name__": "here", **values}
    try:
        exec(given["setup"], names)
        exec(given["code"], names)
        text = repr([names[name] for name in given["results"]])
    except Exception as error:
        text = type(error).__name__
    said.append(text if len(text) < 200 else text[:150] + hashlib.sha256(text.encode()).hexdigest()[:16])
print("\\n" + json.dumps(said))
"""


def results_of(code: str, harness: Harness) -> Sequence[str] | None:
    """Run code on every input of a harness, one after the other in one process."""
    from dspy_programs.agent import run_alone  # needs a POSIX system, which other programs do not

    given = {"code": code, "setup": harness.setup, "inputs": harness.inputs, "results": harness.results}
    done = run_alone([sys.executable, "-I", "-S", "-c", _RUNNER], json.dumps(given), _SECONDS)
    try:
        found = json.loads(done.output.rstrip("\n").rpartition("\n")[2]) if done.exit_code == 0 else None
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else None
