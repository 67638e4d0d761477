"""One loaded model shared by all of a user's processes, for as long as any process that has it loaded is running.

The first process loads the model into itself, as usual, and its llama.cpp also listens on a socket in a directory that only
this user can enter. The next process that needs the same model, loaded in the same way, finds the socket and uses it. There
is no daemon to start or stop: when the first process ends or is killed, one of the others loads the model at its next
request, and the rest find that one.

Guarantees whatever fails here (no room, a full disk, a stopped server), the model is loaded as if there were no sharing; of
           two that start together one loads and the other waits; leftovers of a killed process do no harm; no other user,
           except root, can read the requests, send any, or answer in place of the model.
"""

import hashlib
import json
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm.embedded.llama_server import STOPPED, LlamaServer, ServerGone
from dspy_programs.lm.weights.messages import say

_SHARE_VARIABLE = "DSPY_PROGRAMS_SHARE"  # 0: every process loads its own
_LOADING_SECONDS = 120.0  # to wait for another process that is loading, before loading it here
PATIENCE_SECONDS = 3.0  # for a health check of the process that has loaded the model; llama.cpp answers while it works
_LONGEST_SOCKET_PATH = 100  # bytes; the system takes 104 to 108
_DECIDES = ("OMP_", "GOMP_", "CUDA_", "HIP_")  # prefixes of variables that affect speed; KMP_ is set by ggml itself


class Offer(BaseModel):
    """How others reach a loaded model. key: required by llama.cpp; socket: the name of its file."""

    address: str
    key: str
    socket: str


def shared(loaded_as: Mapping[str, Any], key: str, load: Callable[[Path | None], Any]) -> Any:
    """Return a running server of this model, else the result of `load`, which others will find at its socket.

    loaded_as: the model and everything that decides its answers and speed; only processes that agree share.
    """
    room = private_directory()
    if room is None:
        return load(None)
    offer = room / f"{_digest({**loaded_as, **conditions()})}.json"
    lock = FileLock(offer.with_suffix(".lock"))
    try:
        wait_for(lock)
    except OSError:  # includes Timeout: the loading process has stopped
        return load(None)
    try:
        return running(offer) or loaded(offer, key, load)
    finally:
        lock.release()


def wait_for(lock: FileLock) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("Waiting for another process that is loading the same model", progress=True)
        lock.acquire(timeout=_LOADING_SECONDS)


def loaded(offer: Path, key: str, load: Callable[[Path | None], Any]) -> Any:
    path = offer.with_name(f"{secrets.token_hex(8)}.sock")
    server = load(path)
    with suppress(OSError):  # then nobody finds it, which does no harm
        path.chmod(0o600)
        _write_private(offer, Offer(address=server.listening_address, key=key, socket=path.name).model_dump_json())
    return server


def running(offer: Path) -> LlamaServer | None:
    """Return the server of an offer, None if there is none or it does not answer; then its files are removed."""
    try:
        found = Offer.model_validate_json(offer.read_bytes())
        path = offer.with_name(Path(found.socket).name)
        server = LlamaServer(found.address, found.key, path, patience=PATIENCE_SECONDS)
    except (OSError, ValueError, LanguageModelError):
        return None
    trouble = server.trouble()
    if not trouble:
        with suppress(ServerGone, LanguageModelError):
            server.count_tokens("")  # the key fits; some builds of llama.cpp say which models they have without one
            return server
    if trouble == STOPPED:
        abandon(server)
    with suppress(OSError):
        offer.unlink()
        path.unlink()
    return None


def abandon(server: LlamaServer) -> None:
    """Leave a process that was stopped; at its socket nobody has to find that out again."""
    say("The process that has this model loaded was stopped (by Ctrl-Z?); the model is loaded anew", progress=True)
    if server.path:
        with suppress(OSError):
            server.path.unlink()


def private_directory() -> Path | None:
    """Return a directory that nobody else can enter, None if there is none or sharing is off."""
    if os.environ.get(_SHARE_VARIABLE) == "0" or not hasattr(socket, "AF_UNIX"):
        return None
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parent = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    try:
        parent = parent.resolve()
        room = parent / f"dspy-programs-{os.getuid()}"
        room.mkdir(mode=0o700, exist_ok=True)
        is_private = _is_ours_alone(room) and all(map(_stays_in_place, (parent, *parent.parents)))
    except OSError:
        return None
    return room if is_private and len(os.fsencode(room)) + 24 <= _LONGEST_SOCKET_PATH else None


def _is_ours_alone(room: Path) -> bool:
    state = room.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o077


def _stays_in_place(folder: Path) -> bool:
    """Return whether no other user can replace files in a folder: in /tmp nobody can."""
    state = folder.stat()
    others_write = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return state.st_uid in (0, os.getuid()) and (not others_write or bool(state.st_mode & stat.S_ISVTX))


def conditions() -> dict[str, Any]:
    """Return this process's share of the machine: a process that may use less never answers for another."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    chosen = {name: value for name, value in os.environ.items() if name.startswith(_DECIDES)}
    return {"cores": cores, "priority": os.getpriority(os.PRIO_PROCESS, 0), "environment": chosen}


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_suffix(f".{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
