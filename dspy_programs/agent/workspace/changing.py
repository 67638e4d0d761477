"""One lock for all that have the same folder open in this process, so that a read and the write that follows stay together."""

import os
import threading
import weakref

_LOCKS: weakref.WeakValueDictionary[tuple[int, int], "Changing"] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


class Changing:
    """A lock that a thread may take again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def changing_of(folder: int) -> Changing:
    """Return the lock of an open folder."""
    status = os.fstat(folder)
    with _LOCK:
        return _LOCKS.setdefault((status.st_dev, status.st_ino), Changing())
