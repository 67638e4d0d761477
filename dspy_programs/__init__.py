"""Typed DSPy programs for people who build LM agents, each compiled to your own language model.

from dspy_programs import load, use

planner = load("planner")
with use("local/qwen2.5-coder-1.5b"):
    plan = planner(goal="...", tools=[{"name": "...", "description": "..."}])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dspy_programs.lm import configure, connect, use
    from dspy_programs.planner import Plan, Planner
    from dspy_programs.registry import load
    from dspy_programs.types import Task, Tool

__version__ = "0.1.0"

_HOMES = {
    "load": "registry",
    "use": "lm",
    "connect": "lm",
    "configure": "lm",
    "Planner": "planner",
    "Plan": "planner",
    "Task": "types",
    "Tool": "types",
}
__all__ = ["Plan", "Planner", "Task", "Tool", "configure", "connect", "load", "use"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
