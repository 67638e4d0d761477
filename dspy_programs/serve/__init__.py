"""Serve the tools to other programs over MCP, A2A and REST.

from dspy_programs.serve import Limits, WorkerPool, create_app

app = create_app(WorkerPool(Limits(seconds=30)))  # ASGI, for any server; or python -m dspy_programs serve http
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.serve.app import create_app
    from dspy_programs.serve.keys import KeyFile, Keys
    from dspy_programs.serve.limits import Limits
    from dspy_programs.serve.worker_pool import WorkerPool

_HOMES = {"create_app": "app", "KeyFile": "keys", "Keys": "keys", "Limits": "limits", "WorkerPool": "worker_pool"}
__all__ = ["KeyFile", "Keys", "Limits", "WorkerPool", "create_app"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
