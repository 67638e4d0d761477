"""`python -m` of our commands for a shell, forked from a process that has imported dspy: a start takes hundredths of a second.

The shell's `python` hands its words, folder, environment and open files to that process over a Unix socket. What it forks
runs the module as `python -m` would, and is ended when the shell's `python` is.
"""

import array
import atexit
import contextlib
import json
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

VARIABLE = "FORKED_COMMANDS"  # in the environment of the shell: where the process listens
SHELL = f"""python() {{
  case "$1 $2" in
    "-m dspy_programs" | "-m optimizers."*) command python -SsE "{Path(__file__)}" "${{@:2}}" ;;
    *) command python "$@" ;;
  esac
}}
"""
_SIZE = 8  # bytes, of the number before what is asked


def listen(path: str) -> None:
    """Fork a process for each command, until this one is killed; to be run in a process of its own."""
    multiprocessing.current_process()._config["daemon"] = False  # a command may start others
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, *_ = socket.recv_fds(connection, _SIZE, 3)
    text = connection.makefile("rb").read(int(head))
    if (command := os.fork()) == 0:
        connection.close()
        os._exit(_run(files, *json.loads(text)))
    for file in files:
        os.close(file)
    threading.Thread(target=_end_with, args=(connection, command), daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with contextlib.suppress(OSError):
        connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _end_with(connection: socket.socket, command: int) -> None:
    with contextlib.suppress(OSError):
        connection.recv(1)  # nothing comes, until the other side is gone
        os.kill(command, signal.SIGTERM)


def _run(files: Sequence[int], words: Sequence[str], folder: str, environment: Mapping[str, str]) -> int:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [folder, *environment.get("PYTHONPATH", "").split(os.pathsep)]
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", buffering=1 if environment.get("PYTHONUNBUFFERED") else -1, closefd=False)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.argv = [*words]
    code: object = 0
    try:
        sys.modules.pop(f"{words[0]}.__main__" if hasattr(sys.modules.get(words[0]), "__path__") else words[0], None)
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        if not sys.stdout.closed:
            sys.stdout.flush()
    except OSError:  # a pipe that nobody reads
        return 120
    return code if isinstance(code, int) else int(code is not None)


def _ask() -> int:
    """Be the shell's `python -m`."""
    text = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(os.environ[VARIABLE])
        files = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
        server.sendmsg([f"{len(text):{_SIZE}}".encode()], [files])
        server.sendall(text)
        return int(server.recv(8) or 137)


if __name__ == "__main__":
    sys.exit(_ask())
