"""What the servers write to stderr: their own lines, and nothing of the libraries below them."""

import subprocess
import sys

from tests.servers import ROOT, environment

PROGRAM = """
import logging
from dspy_programs.serve.log import to_stderr
to_stderr()
logging.getLogger("dspy_programs.serve").info("our line")
for name in ("opentelemetry.context", "a2a.server.events", "mcp.server", "asyncio", "uvicorn.error", "a.library.of.tomorrow"):
    try:
        raise ValueError("canary-4711")
    except ValueError:
        logging.getLogger(name).exception("Failed to detach context")
"""


def test_libraries_write_nothing():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, env=environment(), cwd=ROOT
    )
    [line] = done.stderr.splitlines()
    assert line.endswith(" our line") and not done.stdout
