"""Join a Ray cluster for the length of a block: one that is there, or one on this machine that goes when the block ends.

A cluster made here has no web page, sends no usage figures, needs a token to be talked to, and keeps its logs in a folder
that only the user can read and that is removed at the end. Nothing is written to the user's home or working folder.

Guarantees an address where no cluster answers is refused within seconds: Ray itself would wait for minutes, and then end the
           process. Signals do afterwards what they did before.
"""

import contextlib
import functools
import importlib
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dspy_programs.cluster.options import Cluster
from dspy_programs.errors import MissingExtra, RunError, UsageError

_STORE = 100 << 20  # bytes of shared memory of a cluster made here: what is sent is text
_PATIENCE = 5.0  # seconds for the head of a cluster to say something
_PORT = 6379
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # how a client of gRPC begins
_SETTINGS, _HEAD = 4, 9  # type of the frame that its server begins with, and bytes of a frame's head
_SHORT = Path("/tmp")  # Ray's sockets have long names below it, and a socket's path is at most 107 bytes


@contextlib.contextmanager
def joined(cluster: Cluster, environment: Mapping[str, str] | None = None) -> Iterator[Any]:
    """Run a block in a cluster, and yield the package `ray`.

    A process that is in a cluster already stays in it, whatever the address.
    environment: variables for the workers of a cluster made here; they pass from process to process, not through Ray.
    Raises     MissingExtra; UsageError if there is no cluster at the address.
    """
    if (known := sys.modules.get("ray")) and known.is_initialized():
        yield known
        return
    with contextlib.ExitStack() as stack:
        if cluster.address is not None:
            address, ray = _answering(cluster.address), _ray()
            _start(ray, address=address)
        else:
            stack.enter_context(_variables({**_own_settings(), **(environment or {})}))
            ray, folder = _ray(), stack.enter_context(_private_folder())
            _start(ray, num_cpus=cluster.workers, include_dashboard=False, object_store_memory=_STORE, _temp_dir=folder)
        stack.callback(ray.shutdown)
        yield ray


@contextlib.contextmanager
def lost() -> Iterator[None]:
    """Turn what Ray raises when workers are lost for good into one line, and what work raised there into the same here."""
    from ray.exceptions import RayError, RayTaskError

    try:
        yield
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        what = f"workers of the cluster were lost again and again ({type(error).__name__}); is there enough memory?"
        raise RunError(f"{what} What was answered is kept: run the same command again to resume") from error


def _ray() -> Any:
    try:
        with _variables({"RAY_USAGE_STATS_ENABLED": "0"}):
            ray = importlib.import_module("ray")
            importlib.import_module("ray._raylet").Config.initialize("")  # else it keeps the settings of its first import
            return ray
    except ImportError:
        raise MissingExtra('--engine ray needs an extra: pip install "dspy-programs[distributed]"') from None


def _start(ray: Any, address: str = "local", **settings: Any) -> None:
    ended = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **settings)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UsageError(f"Ray cannot {'start here' if address == 'local' else f'join {address}'}: {line}") from error
    if threading.current_thread() is threading.main_thread():  # Ray has put its own there
        signal.signal(signal.SIGTERM, ended)
    _keep_quiet()


def _keep_quiet() -> None:
    """Stop Ray from printing to standard output, in colours, that a worker has died: what is printed there is ours."""
    worker: Any = importlib.import_module("ray._private.worker")
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *args, **kwargs: None


def _own_settings() -> dict[str, str]:
    return {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()}


@functools.cache
def _token() -> str:
    """Return what this process and its clusters know each other by: one, because Ray reads it once a process."""
    return secrets.token_hex(32)


def _answering(address: str) -> str:
    """Return the address of a cluster that answers. Raises UsageError."""
    asked = os.environ.get("RAY_ADDRESS") or address if address == "auto" else address
    if asked == "auto":
        return asked  # Ray looks for its own processes, and says at once if there are none
    host, _, port = asked.rpartition(":")
    if "://" in asked or not host or not port.isdigit():
        raise UsageError(f"--address {asked}: give HOST:PORT of the cluster's head, such as 10.0.0.1:{_PORT}, or auto")
    if not _speaks_grpc(host.strip("[]"), int(port)):
        hint = "start one: ray start --head, or leave --address out for a cluster on this machine"
        raise UsageError(f"--address {asked}: no Ray cluster answers there; {hint}")
    return asked


def _speaks_grpc(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as connection:
            connection.sendall(_HELLO)
            head = connection.makefile("rb").read(_HEAD)
    except (OSError, OverflowError):
        return False
    return len(head) == _HEAD and head[3] == _SETTINGS


@contextlib.contextmanager
def _private_folder() -> Iterator[str]:
    """Yield a folder inside one that only the user may enter: Ray opens its own to everybody."""
    outer = tempfile.mkdtemp(prefix="ray-", dir=_SHORT if _SHORT.is_dir() else None)
    try:
        yield f"{outer}/r"
    finally:
        shutil.rmtree(outer, ignore_errors=True)


@contextlib.contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment, for this process and those it starts, while the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
