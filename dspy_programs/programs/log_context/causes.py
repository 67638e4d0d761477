"""What of an event says why it happened: the lines that name its causes, and the code that it came from."""

import re
from collections.abc import Sequence

_CHAIN = ("During handling of the above exception", "The above exception was the direct cause")
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?::\s|$)|(?:[a-z_]\w*\.)+[A-Za-z]\w*(?::\s|$)")
HEADING = re.compile(
    r"Traceback \(most recent call last\)|During handling of the above|The above exception was the direct|Traceback:$"
)
"""Lines of a trace that say nothing of their own."""
_ERROR = re.compile(r"[\w.]*(?:Error|Exception|Warning|Exit|Interrupt|Timeout|Group)\b")
_PYTEST = re.compile(r"E {2,}\S")
_PYTHON_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>\S+))?')
_FRAMES = (
    _PYTHON_FRAME,
    re.compile(r"\s*at (?P<name>[\w.$<>/]+)\((?P<file>[\w$]+\.(?:java|kt|scala)):(?P<line>\d+)\)"),
    re.compile(r"\s*at (?:(?P<name>[^()\s]+) \()?(?:file://)?(?P<file>/?[^():\s]+\.[cm]?[jt]sx?):(?P<line>\d+):\d+\)?"),
    re.compile(r"\s*(?P<file>/\S+\.go):(?P<line>\d+)(?P<name>(?!))?"),
    re.compile(r".* panicked at (?:'.*', )?(?P<file>\S+\.rs):(?P<line>\d+)(?::\d+)?(?P<name>(?!))?"),
    re.compile(r"(?P<file>[\w./-]+\.py):(?P<line>\d+): (?P<name>(?!))?"),
)
_OF_OTHERS = re.compile(
    r"site-packages|dist-packages|/lib/python|node:|node_modules|/go/pkg/mod/|/src/runtime/|/usr/local/go/|/rustc/|^<|^internal/|^\w+\.js$|\\lib\\|\.px[di]$|\.pyx$"
)
_OF_JAVA = re.compile(r"(?:java|javax|jdk|sun|org\.springframework|org\.apache|com\.zaxxer)\.")


def cause_lines(lines: Sequence[str]) -> list[int]:
    """Return the places of the lines that say why, from 0: what was raised, then what it was caused by."""
    lines = _from_the_margin(lines)
    if (pytest := next((at for at, line in enumerate(lines) if _PYTEST.match(line)), None)) is not None:
        return [pytest]
    if java := [at for at, line in enumerate(lines) if line.startswith("Caused by: ")]:
        raised = next((at for at, line in enumerate(lines[:4]) if _EXCEPTION.match(line)), 0)
        return list(dict.fromkeys([raised, java[-1]]))
    if "panicked at" in lines[0]:
        return [min(1, len(lines) - 1)]
    if not any("Traceback (most recent call last)" in line for line in lines):
        return [next((at for at, line in enumerate(lines[:3]) if _EXCEPTION.match(line)), 0)]
    named = [at for at, line in enumerate(lines) if _EXCEPTION.match(line) and not line.startswith(_CHAIN)]
    raises = [at for at in named if _ERROR.match(lines[at])] or named
    chained = any(line.startswith(_CHAIN) for line in lines)
    return list(dict.fromkeys([raises[-1], raises[0]] if chained else raises[-1:])) if raises else [len(lines) - 1]


def _from_the_margin(lines: Sequence[str]) -> list[str]:
    """Return an event whose Python trace is indented as a whole as it would be without that."""
    trace = next((line for line in lines if line.lstrip().startswith("Traceback (most")), "")
    indent = trace[: len(trace) - len(trace.lstrip())]
    return [line.removeprefix(indent) for line in lines]


def is_exception(line: str) -> bool:
    """Return whether a line names an exception first of all."""
    return _EXCEPTION.match(line) is not None


def place_in(lines: Sequence[str]) -> str:
    """Return the innermost code of the program itself in a stack trace, as "`add` (shop/cart.py:12)"; "" without one."""
    traced = [(line, match) for line in lines for frame in _FRAMES if (match := frame.match(line))]
    own = [match for line, match in traced if not _OF_OTHERS.search(match["file"]) and not _OF_JAVA.match(match["name"] or "")]
    if not own:
        return ""
    found = own[-1] if own[-1].re is _PYTHON_FRAME else own[0]  # Python has the innermost frame last
    where = f"{found['file']}:{found['line']}"
    name = (found["name"] or "").rpartition(".")[2]
    return f"`{name}` ({where})" if name and name.isidentifier() else where
