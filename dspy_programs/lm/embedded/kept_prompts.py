"""The beginning of a prompt kept on the disk: llama.cpp saves what it computed for it, and restores that in milliseconds.

    kept = KeptPrompts(engine)
    with kept.turn():
        restored = kept.restore("falk.bin")
        ...  # prompts that begin like the kept one are answered here
        if restored is None:
            kept.save("falk.bin")

Guarantees what is restored is what was computed, bit for bit, and llama.cpp compares its tokens with those of the prompt, and
           reads anew from the first that differs. What is restored is of one prompt until the end of the turn, among all
           processes of this user. A file that is not as it was written is not read.
Source     prompt caching: Gim et al. 2023; cache-augmented generation: Chan et al. 2024; llama.cpp's slots
"""

import contextlib
import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import dspy
import platformdirs
from dspy import lm15
from filelock import FileLock, Timeout

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import NotKept, UsageError
from dspy_programs.lm.server.lm_wrapper import wrap

_FOLDER_VARIABLE = "DSPY_PROGRAMS_PROMPTS"  # moves the folder
SLOT = 0  # of llama.cpp, the one that every engine has
_PART, _SUM = ".part", ".sum"
_GLANCE = 0.2  # seconds
_NAME = re.compile(r"[a-z0-9][a-z0-9@_-]{0,120}\.bin")
_ASKED: ContextVar[dict[str, Any] | None] = ContextVar("what a turn asks of llama.cpp", default=None)


class Saved(NamedTuple):
    """What llama.cpp wrote or read: tokens of the prompt, bytes of the file, milliseconds."""

    tokens: int
    bytes: int
    milliseconds: float


class Slots(Protocol):
    """A loaded model, of which one slot can be saved and restored."""

    def complete(self, request: lm15.Request) -> lm15.Response: ...

    def slot_action(self, action: str, file: str) -> dict[str, Any]: ...

    def identity(self) -> dict[str, Any]: ...

    @property
    def url(self) -> str | None: ...


class _Reader:
    """Lets an engine read a prompt, and write one token, which is the whole reply."""

    supports_response_schema, supports_function_calling, supports_reasoning = True, False, False
    supported_params = frozenset({"response_format", "max_tokens"})

    def __init__(self, engine: Slots) -> None:
        self.engine = engine

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Reader":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        with read_anew():
            return replace(self.engine.complete(request), finish_reason="stop")  # nobody wants more of it


def directory() -> Path:
    """Return the folder in which our own engines keep prompts: DSPY_PROGRAMS_PROMPTS itself, else in the user's cache."""
    moved = os.environ.get(_FOLDER_VARIABLE)
    return Path(moved).expanduser() if moved else platformdirs.user_cache_path("dspy-programs") / "prompts"


def _sum(file: Path) -> str:
    """Return the size and the checksum of a file; 100 MB take about 0.1 s."""
    check = size = 0
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            check, size = zlib.crc32(piece, check), size + len(piece)
    return f"{size} {check:08x}"


def forget_prompts(beginning: str) -> None:
    """Remove all files whose names begin so. Those of a llama.cpp server of your own stay with it."""
    for file in directory().glob(f"{beginning}*"):
        file.unlink(missing_ok=True)


def turn_fields() -> dict[str, Any]:
    """Return what requests of this context must ask of llama.cpp, beside the rest."""
    return _ASKED.get() or {}


@contextlib.contextmanager
def read_anew() -> Iterator[None]:
    """Let llama.cpp read prompts from their first token on, so always in the same batches: sums of others differ in a bit."""
    token = _ASKED.set({**turn_fields(), "cache_prompt": False})
    try:
        yield
    finally:
        _ASKED.reset(token)


class KeptPrompts:
    """The prompts that one model has kept."""

    def __init__(self, engine: Slots) -> None:
        self.engine = engine
        self.directory = directory()

    def digest(self, text: str) -> str:
        """Return a name for a prompt as this very model reads it: another file of weights or context has another name."""
        told = json.dumps([self.engine.identity(), text], sort_keys=True)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def reader(self, model: str) -> dspy.LM:
        """Return the model to read prompts with: its replies are one token, so no program can make anything of them."""
        return wrap(_Reader(self.engine), model, max_tokens=1)

    @contextlib.contextmanager
    def turn(self, waits: Callable[[], object] | None = None) -> Iterator[None]:
        """Let nobody else restore a prompt until the block ends; inside a turn it is the same one.

        waits: is called now and then until it is our turn; what it raises ends the waiting.
        Raises     UsageError if the folder cannot be written.
        """
        if _ASKED.get():
            yield
            return
        try:
            self.directory.mkdir(0o700, parents=True, exist_ok=True)
            lock = FileLock(self.directory / ".lock", mode=0o600)  # of this turn alone, so threads wait for each other too
            while True:
                with contextlib.suppress(Timeout):
                    lock.acquire(timeout=_GLANCE if waits else -1)
                    break
                if waits:
                    waits()
        except OSError as error:
            raise UsageError(f"{self.directory}: {error.strerror or error}; prompts cannot be kept there") from error
        token = _ASKED.set({"id_slot": SLOT})
        try:
            yield
        finally:
            _ASKED.reset(token)
            lock.release()

    def save(self, name: str) -> Saved:
        """Keep what llama.cpp has computed in this turn. Raises NotKept."""
        if self.engine.url:  # the files are the server's
            return self._asked("save", name)
        part = self.directory / f"{name}{_PART}"
        try:
            saved = self._asked("save", part.name)
            if part.stat().st_size != saved.bytes:
                raise NotKept(f"{part}: not all of it was written; is the disk full?")
            os.chmod(part, 0o600)
            write_atomically(self._sum_of(name), _sum(part))
            os.replace(part, self.directory / name)
        except OSError as error:
            raise NotKept(f"{error.filename}: {error.strerror}") from error
        except UsageError as error:  # of the checksum: a full disk
            raise NotKept(str(error)) from error
        finally:
            part.unlink(missing_ok=True)
        return saved

    def restore(self, name: str) -> Saved | None:
        """Bring back a kept prompt for this turn; None if there is none."""
        if not self.engine.url and not self._is_whole(name):
            return None
        try:
            return self._asked("restore", name)
        except NotKept:
            return None

    def _is_whole(self, name: str) -> bool:
        """Return whether a file is there and as it was written: llama.cpp ends the whole process at a damaged one."""
        try:
            return self._sum_of(name).read_text(encoding="utf-8") == _sum(self.directory / name)
        except (OSError, ValueError):
            return False

    def _sum_of(self, name: str) -> Path:
        return self.directory / f"{name}{_SUM}"

    def _asked(self, action: str, name: str) -> Saved:
        if not _NAME.fullmatch(name.removesuffix(_PART)):
            raise ValueError(f"{name!r} is not the name of a kept prompt")
        reply = self.engine.slot_action(action, name)
        tokens, size = reply.get(f"n_{action}d"), reply.get("n_written", reply.get("n_read"))
        if not isinstance(tokens, int) or not isinstance(size, int) or not tokens or not size:
            error = reply.get("error")
            said = error.get("message") if isinstance(error, dict) else error
            raise NotKept(" ".join(str(said or "llama.cpp wrote nothing").split())[:200])
        timings = reply.get("timings")
        return Saved(tokens, size, float(timings.get(f"{action}_ms", 0.0)) if isinstance(timings, dict) else 0.0)
