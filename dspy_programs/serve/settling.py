"""What a server that runs for weeks asks of its process: an event loop that need not wait, memory that goes back to the system.

Measured   by `python -m tests.servers_soak`: a full garbage collection looked at all objects of the libraries, about 0.2 s in
           which nothing else ran; after every read and write of a socket the event loop waited up to 5 ms for each thread at
           work, so a step with many of them took over 0.1 s; and glibc keeps a freed body for later once it has seen others
           of that size, so that after huge requests the process held twice of what it used. The next full collection was
           due after 60,000 more objects, whatever bodies the few that came held.
"""

import contextlib
import ctypes
import gc
import sys

_M_MMAP_THRESHOLD = -3  # malloc.h
_SWITCH = 0.001  # seconds after which a thread lets another run; Python's own is 0.005
_LARGE = 256 * 1024  # bytes; what is larger gets pages of its own, which are given back when it is freed


def settle() -> None:
    """Call it once, when all is loaded and no request has come."""
    gc.collect()
    gc.freeze()  # what is there stays, so no collection looks at it again
    gc.collect()  # the next full one is due when a quarter more is there than after this one
    sys.setswitchinterval(_SWITCH)
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
