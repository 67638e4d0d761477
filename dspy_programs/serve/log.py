"""What the servers log to stderr: start, stop and failures. Never a request.

Guarantees the SDKs' loggers are silent, because their warnings quote what clients sent.
"""

import logging
import sys

_QUIET = ("a2a", "mcp", "sse_starlette", "uvicorn", "asyncio", "jsonrpc", "httpx", "httpx2", "dspy")


def to_stderr() -> None:
    """Send this package's log to stderr, one line per message, and silence the SDKs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    own = logging.getLogger("dspy_programs.serve")
    own.handlers = [handler]
    own.setLevel(logging.INFO)
    own.propagate = False
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
