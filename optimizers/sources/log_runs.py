"""Things that really go wrong, run to get their real logs: tracebacks of libraries, test runs, git, compilers, servers.

Guarantees a run sees a folder of its own, no network but this machine's, and none of the user's settings. What differs from one
           run to the next (paths, times, addresses, process ids) is written as if it were always the same.
Raises     DatasetError for a run that does not give what its case says, or for a program that is not installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError

HOME = "/home/ann/app"
_CASES = Path(__file__).with_name("log_run_cases.toml")
_LONGEST = 2_000  # characters of a log: its end, in whole lines
_SECONDS = 60
_ALIKE = (
    (r"\bin \d+\.\d\ds\b", "in 0.12s"),
    (r"0x[0-9a-f]{6,}", "0x7f3a5c2b1d90"),
    (r"Ran (\d+ tests?) in \d+\.\d+s", r"Ran \1 in 0.004s"),
    (r"/tmp/cc\w{6}\.o", "/tmp/ccQx2Lma.o"),
    (r"\[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d\]", "[12/Mar/2026 09:14:07]"),
    (r"after \d+ ms\b", "after 0 ms"),
    (r"\bNode\.js v[\d.]+", "Node.js v20.11.1"),
)


class Run(NamedTuple):
    """says: what went wrong; what an answer must say of it stands between stars. proofs: parts of the lines that prove it.

    script: a Python program, or with `shell` a command line; files: by name, besides. needs: programs that must be installed.
    """

    split: str
    source: str
    task: str
    says: str
    proofs: tuple[str, ...]
    script: str
    files: Mapping[str, str] = {}
    shell: bool = False
    needs: tuple[str, ...] = ()


def read_runs() -> tuple[Run, ...]:
    """Return the runs of log_run_cases.toml, in its order."""
    cases: list[dict[str, Any]] = tomllib.loads(_CASES.read_text(encoding="utf-8"))["run"]
    listed = ("proofs", "needs")
    return tuple(Run(**case | {name: tuple(case[name]) for name in listed if name in case}) for case in cases)


def log_of(run: Run, packages: Path) -> str:
    """Run it, and return what it printed. packages: the site-packages folder it may import from."""
    for program in run.needs:
        if shutil.which(program) is None:
            raise DatasetError(f"log_runs.py: {run.source}: {program} is not installed; install it to build these rows")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve() / "app"
        folder.mkdir()
        for name, text in {**run.files, **({} if run.shell else {"main.py": run.script})}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        command = ["bash", "-c", run.script] if run.shell else [sys.executable, "main.py"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(folder, packages),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    return _cut(_plain(done.stdout.decode("utf-8", "replace"), folder, packages))


def _environment(folder: Path, packages: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:{os.environ.get('PATH', '')}",
        "HOME": str(folder.parent),
        "PYTHONPATH": str(packages),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHON_COLORS": "0",
        "COLUMNS": "100",
        "LC_ALL": "C",
        "PYTHONUTF8": "1",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.com",
        "GIT_AUTHOR_DATE": "2026-03-12T09:14:07Z",
        "GIT_COMMITTER_DATE": "2026-03-12T09:14:07Z",
        "GIT_TERMINAL_PROMPT": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CONFIG_FILE": "/dev/null",
    }


def _plain(text: str, folder: Path, packages: Path) -> str:
    standard = str(Path(os.__file__).parent)
    for found, said in (
        (str(folder), HOME),
        (str(folder.parent), "/home/ann"),
        (str(packages), "/usr/lib/python3/site-packages"),
        (standard, "/usr/lib/python3.11"),
        (sys.executable, "/usr/bin/python3"),
    ):
        text = text.replace(found, said)
    for pattern, said in _ALIKE:
        text = re.sub(pattern, said, text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _cut(text: str) -> str:
    """Return the last lines that are short enough together."""
    kept: list[str] = []
    length = 0
    for line in reversed(text.split("\n")):
        length += len(line) + 1
        if length > _LONGEST:
            break
        kept.insert(0, line)
    return "\n".join(kept)
