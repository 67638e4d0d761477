"""The keys of clients, by name: who sent a request, and which keys hold now.

Input      a file with one `name: key` a line (lines with # are comments; a line that is only a key has the name "default"; one
           name may have several keys, so a new one can be handed out before the old one goes), or one key.
Output     the name of whoever sent a key; `CALLER`, that name while the request is answered.
Guarantees keys are compared in constant time, by their digests, which is all that is kept; the file is read again when it has
           changed; one that cannot be read then leaves the keys as they were, and the log says so.
Raises     UsageError at the start: no such file, one that others may write, a short key, a name twice for one key.
"""

import hashlib
import hmac
import os
import re
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path

from dspy_programs.errors import UsageError
from dspy_programs.serve.problems import LOG

CALLER: ContextVar[str | None] = ContextVar("caller", default=None)
"""The name of the key whose request is being answered; None without keys."""
DEFAULT = "default"
VARIABLE = "DSPY_PROGRAMS_SERVER_KEY"
DOCUMENTS_VARIABLE = "CAG_API_KEY"  # of the server of documents that this one follows: whoever sets it wants a lock
_SHORTEST = 16  # characters of a key
_MOST_BYTES = 1_000_000  # of a file
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_SECONDS = 1.0  # between looks at the file
_Stamp = tuple[int, ...] | None


class Keys:
    """The keys that hold now."""

    def __init__(self, names: dict[bytes, str]) -> None:
        """names: of the owner of each key, by the key's digest."""
        self.names = names

    @classmethod
    def of(cls, key: str, variable: str = VARIABLE) -> "Keys":
        return cls(read_keys(f"{DEFAULT}: {' '.join(key.split())}", variable))

    def owner(self, given: Sequence[str]) -> str | None:
        """Return the name that belongs to one of the keys, None if they are all wrong."""
        self.look()
        digests = [_digest(one) for one in given]
        found = [name for known, name in self.names.items() for one in digests if hmac.compare_digest(known, one)]
        return found[0] if found else None

    def holds(self, given: Sequence[str], name: str) -> bool:
        """Whether one of the keys, which was right before, still is this name's."""
        return name in [self.names.get(_digest(one)) for one in given]

    def look(self) -> None:
        """Bring the keys up to date."""


class KeyFile(Keys):
    """Keys that may change while the server runs."""

    def __init__(self, path: Path, seconds: float = _SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        """Read the file. seconds: that may pass until a change counts. Raises UsageError."""
        self.path, self.seconds, self.now = path, seconds, now
        self._stamp = _stamp_of(path)
        self._looked, self._trouble = now(), ""
        super().__init__(_read(path))
        if self._stamp and self._stamp[0] & (stat.S_IRGRP | stat.S_IROTH):
            LOG.warning("%s: others can read the keys; chmod 600 it", path)

    def look(self) -> None:
        if self._stamp is None or self.now() - self._looked < self.seconds:
            return
        self._looked = self.now()
        try:
            if (stamp := _stamp_of(self.path)) in (None, self._stamp):
                return
            self.names = _read(self.path)
        except UsageError as error:
            if str(error) != self._trouble:
                LOG.error("%s; the keys stay as they were", error)
            self._trouble = str(error)
        else:
            self._stamp, self._trouble = stamp, ""
            LOG.info("%s: read again, %d keys", self.path, len(self.names))


def keys_from(file: Path | None, environment: Mapping[str, str], has_documents: bool = False) -> Keys | None:
    """Return the keys of the file, else the one of the environment, else None. Raises UsageError."""
    if file is not None:
        return KeyFile(file)
    variables = (VARIABLE, DOCUMENTS_VARIABLE) if has_documents else (VARIABLE,)
    found = ((name, environment.get(name, "").strip()) for name in variables)
    return next((Keys.of(key, name) for name, key in found if key), None)


def read_keys(text: str, source: str) -> dict[bytes, str]:
    """Return the names by the digests of their keys. Raises UsageError, which names the line and never the key."""
    names: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        name, colon, key = (part.strip() for part in line.partition(":"))
        name, key = (name, key) if colon else (DEFAULT, name)
        here = f"{source}: " if source in (VARIABLE, DOCUMENTS_VARIABLE) else f"{source}:{number}: "
        if not _NAME.fullmatch(name):
            raise UsageError(f"{here}a name has 1 to 64 letters, digits and _ . @ -; write NAME: KEY")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(f"{here}a key must be printable ASCII without spaces, because it is sent in a header")
        if len(key) < _SHORTEST:
            raise UsageError(f"{here}the key has {len(key)} characters; use at least {_SHORTEST}: `openssl rand -hex 32`")
        if names.setdefault(_digest(key), name) != name:
            raise UsageError(f"{here}this key has two names; each client needs its own")
    if not names:
        raise UsageError(f"{source}: has no key; write a line NAME: KEY into it, with a key from `openssl rand -hex 32`")
    return names


def _read(path: Path) -> dict[bytes, str]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not ASCII"
        raise UsageError(f"{path}: cannot read keys from it ({why})") from None
    if len(text) > _MOST_BYTES:
        raise UsageError(f"{path}: larger than {_MOST_BYTES:,} bytes; this is not a key file")
    return read_keys(text, str(path))


def _stamp_of(path: Path) -> _Stamp:
    """Return what changes with the file; None for a pipe, which can be read only once. Raises UsageError."""
    try:
        known = os.stat(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot read keys from it ({error.strerror})") from None
    if not stat.S_ISREG(known.st_mode):
        return None
    if os.name == "posix" and known.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"{path}: others can write keys into it; chmod 600 it")
    return (known.st_mode, known.st_ino, known.st_mtime_ns, known.st_ctime_ns, known.st_size)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
