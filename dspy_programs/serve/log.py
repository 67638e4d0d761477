"""What the servers log to stderr: start, stop and failures. Never a request.

Guarantees all other loggers are silent, because the warnings of SDKs quote what clients sent, and their tracebacks look like
           faults of this server.
"""

import logging
import sys

_QUIET = ("a2a", "mcp", "sse_starlette", "uvicorn", "asyncio", "jsonrpc", "httpx", "httpx2", "dspy", "opentelemetry")


def to_stderr() -> None:
    """Send this package's log to stderr, one line per message, and silence all others."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    own = logging.getLogger("dspy_programs.serve")
    own.handlers = [handler]
    own.setLevel(logging.INFO)
    own.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())  # else Python writes what nobody handles to stderr
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
