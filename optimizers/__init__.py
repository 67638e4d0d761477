"""Compiling programs: `compile_program` for your own program in Python, and the commands (see README)."""

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.loop import Online
    from optimizers.recipes import Recipe
    from optimizers.training import CompiledProgram, compile_program


def require_our_metrics() -> None:
    """Name whatever shadows our package `metrics`, which would break imports. Runs none of it."""
    spec = find_spec("metrics")
    ours = os.path.join(os.path.dirname(os.path.dirname(__file__)), "metrics", "__init__.py")
    if spec is None or spec.origin is None or os.path.realpath(spec.origin) == os.path.realpath(ours):
        return
    line = f"{spec.origin} hides the package `metrics` that `optimizers` needs; rename it, or run from another folder"
    if sys.argv[:1] in (["-m"], ["-c"]):  # a command line: Python still looks for the module, or runs a line of text
        print(f"error: {line}", file=sys.stderr)
        raise SystemExit(2)
    raise ImportError(line, name="metrics", path=spec.origin)


require_our_metrics()

_HOMES = {"CompiledProgram": "training", "compile_program": "training", "Online": "loop", "Recipe": "recipes"}
__all__ = ["CompiledProgram", "Online", "Recipe", "compile_program"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
