"""The tools for other programs: MCP, A2A and REST.

from dspy_programs.serve import Limits, Workshop, create_app

app = create_app(Workshop(Limits(seconds=30)))  # ASGI, for any server; or python -m dspy_programs serve http
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dspy_programs.serve.app import create_app
    from dspy_programs.serve.limits import Limits
    from dspy_programs.serve.workshop import Workshop

_HOMES = {"create_app": "app", "Limits": "limits", "Workshop": "workshop"}
__all__ = ["Limits", "Workshop", "create_app"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
