"""What this machine offers a model: llama.cpp itself, cores, memory.

Raises     MissingExtra where llama.cpp is not installed; LanguageModelError where a model does not fit.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

from dspy_programs.errors import LanguageModelError, MissingExtra

_BYTES_PER_PARAMETER_BYTE = 1.25  # an estimate on the safe side: resident memory over the size of the file ...
_CONTEXT_BYTES = 1_000_000_000  # ... plus context, scratch buffers and prompt cache
_SPIN_COUNT = "2000"  # `python -m tests.engine_speed`: alone as fast as 10,000 within noise, beside other work 1.4 times
_SLOTS_VARIABLE = "DSPY_PROGRAMS_SLOTS"


def slots_for_this_machine() -> int:
    """Return how many requests to decode in parallel: one up to 8 cores, then one for every 8, at most 4.

    On 2 cores more slots gave no more tokens per second, because one request already uses both; larger machines were not
    measured. Set DSPY_PROGRAMS_SLOTS if a measurement says otherwise (a GPU build of the wheel gains from 8 and more).
    """
    chosen = os.environ.get(_SLOTS_VARIABLE)
    return int(chosen) if chosen else max(1, min(4, (os.cpu_count() or 1) // 8))


def threads_for_this_process() -> int:
    """Return OMP_NUM_THREADS, else one thread for every core that this process may use.

    More threads than cores are much slower: each waits for one that is not running.
    """
    chosen = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_needed(size: int) -> int:
    """Return the bytes of free memory that a model needs. size: of its file, in bytes."""
    return int(size * _BYTES_PER_PARAMETER_BYTE) + _CONTEXT_BYTES


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return the bytes of memory that a new program can have; None where the system does not say.

    Linux keeps files in the memory that no program uses, and gives it back when one asks: after some hours of work, little
    is "free" and most is "available".
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def check_memory(name: str, size: int) -> None:
    """Refuse to load a model that does not fit: the kernel would kill the process silently. size: of its file, in bytes."""
    needed, free = memory_needed(size), free_memory()
    if free is not None and free < needed:
        raise LanguageModelError(
            f"{name} needs about {needed / 1e9:.1f} GB of free memory, but only {free / 1e9:.1f} GB are free: "
            "close other programs, or use a smaller model, e.g. --lm local/qwen2.5-coder-0.5b"
        )


def import_xllamacpp() -> Any:
    """Import llama.cpp. Its threads spin only briefly before they sleep; otherwise a busy machine stalls.

    libgomp reads the setting when it is loaded. If the user has set either variable, nothing is changed: GOMP_SPINCOUNT
    would override OMP_WAIT_POLICY.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra('embedded models need an extra: pip install "dspy-programs[local]"') from error
    return xllamacpp
