"""What the servers log: to stderr, when they start, stop and fail. Never a request.

Holds      the loggers of the SDKs below are silent: at their warnings they quote what clients sent.
"""

import logging
import sys

QUIET = ("a2a", "mcp", "sse_starlette", "uvicorn", "asyncio", "jsonrpc", "httpx", "httpx2", "dspy")


def to_stderr() -> None:
    """Send this package's log to stderr, one line a message, and silence the SDKs'."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    own = logging.getLogger("dspy_programs.serve")
    own.handlers = [handler]
    own.setLevel(logging.INFO)
    own.propagate = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
