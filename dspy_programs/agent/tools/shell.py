"""Run a shell command or a piece of Python in the workspace, in the sandbox where there is one.

Output     what it printed, both streams, the middle cut if it is long; then the exit code if it is not 0, what stopped it,
           and whether there was no sandbox.
Guarantees a command that fails is a result, not an error: the model is to read it. One that was stopped is a ToolError.
Raises     ToolError.
"""

import ast
import re
import shutil
import sys

from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, tool
from dspy_programs.agent.workspace.sandbox import run
from dspy_programs.agent.workspace.supervise import Finished

_SHOWN = 12_000  # characters
_SHOWN_OF_FAILURE = 2_000  # a trace of calls, mostly
_LONGEST = 100_000  # characters of a command
_WHY = {
    "time": "it took longer than allowed; do less at once",
    "cancelled": "the run was cancelled",
    "output": "it printed far too much; write to a file, or print less",
    "processes": "it started too many processes",
    "memory": "it used too much memory; work in smaller pieces",
}


@tool(effect="runs")
def shell(scope: Scope, command: Composed) -> str:
    """Run a shell command in the workspace, like: wc -l data.csv. There is no network."""
    if len(command) > _LONGEST:
        raise ToolError("the command is too long; write it to a file with write_file and run the file")
    command = _bare(command)
    program = shutil.which("bash", path="/bin:/usr/bin:/usr/local/bin") or "/bin/sh"
    return _told(run([program, "-c", command], scope))


@tool(effect="runs")
def python(scope: Scope, code: Composed) -> str:
    """Run Python code in the workspace and return what it prints. The value of a last expression is printed too."""
    return _told(run([sys.executable, "-"], scope, stdin=_with_last_shown(_bare(code))))


def _bare(text: str) -> str:
    """Take code out of the fence that a model may put around it."""
    fenced = re.fullmatch(r"\s*```\w*\n(.*?)\n?```\s*", text, re.S)
    return fenced[1] if fenced else text


def _with_last_shown(code: str) -> str:
    """Print the value of the last line if it is an expression, as at the prompt; a syntax error is left to Python itself."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    if not body or not isinstance(last := body[-1], ast.Expr):
        return code
    lines = code.encode().split(b"\n")  # positions are in bytes
    before = b"\n".join([*lines[: last.lineno - 1], lines[last.lineno - 1][: last.col_offset]])
    value = ast.get_source_segment(code, last.value)
    return f"{before.decode()}_ = ({value})\nif _ is not None: print(_)\n"


def _told(done: Finished) -> str:
    if done.stopped:
        said = f". Until then it printed:\n{done.output[-1000:]}" if done.output.strip() else ""
        raise ToolError(f"stopped: {_WHY[done.stopped]}{said}")
    notes = [f"[exit code {done.exit_code}]"] if done.exit_code else []
    notes += [] if done.sandboxed else ["[run without a sandbox]"]
    output = _ends(done.output.rstrip("\n"), _SHOWN_OF_FAILURE if done.exit_code else _SHOWN)
    return "\n".join(filter(None, [output, *notes])) or "[it printed nothing]"


def _ends(text: str, most: int) -> str:
    """Leave out the middle of a long text; its end says more than its beginning."""
    if len(text) <= most:
        return text
    return f"{text[: most // 4]}\n[cut: the middle is left out]\n{text[-most * 3 // 4 :]}"
