"""What a server that runs for weeks asks of its process: short garbage collections, and memory that goes back to the system.

Measured   by `python -m tests.servers_soak`: a full collection looked at all objects of the libraries, about 0.2 s in which
           nothing else ran; and glibc keeps a freed body for later once it has seen others of that size, so that after huge
           requests the process held twice of what it used.
"""

import contextlib
import ctypes
import gc

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE = 256 * 1024  # bytes; what is larger gets pages of its own, which are given back when it is freed


def settle() -> None:
    """Call it once, when all is loaded and no request has come."""
    gc.collect()
    gc.freeze()  # what is there stays, so no collection looks at it again
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
