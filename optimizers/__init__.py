"""How programs are made better: `compile_program` for one of your own in Python, and the commands (see README)."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.own_program import Compiled, compile_program
    from optimizers.recipe import Recipe

_HOMES = {"Compiled": "own_program", "compile_program": "own_program", "Recipe": "recipe"}
__all__ = ["Compiled", "Recipe", "compile_program"]

__getattr__ = exports(__name__, _HOMES)
