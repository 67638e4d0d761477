"""Which model reads documents on a machine: the largest whose weights and state fit in its free memory.

Holds      for an embedded one, weights * 1.25 + 1 GB, the rule by which it is loaded, with a context of 8,192 tokens; on a GPU,
           for a llama.cpp server of your own, weights + 1 GB, and the rest is room for context.
Source     sizes of files: their publishers; state of a token: layers * heads of keys and values * size of one * 4 bytes, two of
           float16.
"""

import contextlib
import shutil
import subprocess
from typing import NamedTuple

from dspy_programs.lm import memory_needed

_SECONDS = 5.0  # for nvidia-smi to answer
_BESIDE = 1_000_000_000  # bytes of a GPU for what is neither weights nor state
_MIB = 1024 * 1024


class ModelChoice(NamedTuple):
    """lm: as in --lm; weights: bytes; state: bytes of one token of context; longest: context it was trained for, in tokens."""

    lm: str
    weights: int
    state: int
    longest: int

    @property
    def needed(self) -> int:
        """Return the bytes of RAM that must be free."""
        return memory_needed(self.weights)

    def context_in(self, free: int) -> int:
        """Return the tokens of context for which a GPU with so many free bytes has room; 0 if not even the weights fit."""
        return min(self.longest, max(0, free - self.weights - _BESIDE) // self.state)


MODEL_CHOICES = (  # the largest first
    ModelChoice(
        "local/hf:bartowski/Qwen2.5-14B-Instruct-GGUF/Qwen2.5-14B-Instruct-Q4_K_M.gguf", 8_990_000_000, 196_608, 32_768
    ),
    ModelChoice("local/hf:bartowski/Qwen2.5-7B-Instruct-GGUF/Qwen2.5-7B-Instruct-Q4_K_M.gguf", 4_680_000_000, 57_344, 32_768),
    ModelChoice("local/qwen2.5-coder-1.5b", 1_117_320_768, 28_672, 32_768),
    ModelChoice("local/qwen2.5-coder-0.5b", 491_400_064, 12_288, 32_768),
)


def chosen_for(free: int) -> ModelChoice | None:
    """Return the largest model for so many free bytes of RAM; None if none fits."""
    return next((each for each in MODEL_CHOICES if each.needed <= free), None)


def free_gpu() -> int | None:
    """Return the free bytes of the GPU that has most; None without one of NVIDIA's."""
    if (smi := shutil.which("nvidia-smi")) is None:
        return None
    asked = [smi, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        told = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
        return max(int(line) for line in told.splitlines()) * _MIB
    return None
