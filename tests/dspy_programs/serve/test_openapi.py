"""The REST API against its own schema: schemathesis makes requests, valid and not, and checks every answer.

More of them: DSPY_PROGRAMS_TEST_EXAMPLES=1000 python -m pytest tests/dspy_programs/serve/test_openapi.py
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import schemathesis

from dspy_programs.agent import AgentConfig
from dspy_programs.serve.agent_runs import AgentRuns
from dspy_programs.serve.app import create_app
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.worker_pool import WorkerPool

EXAMPLES = int(os.environ.get("DSPY_PROGRAMS_TEST_EXAMPLES", "3"))
KEY = "a-key-for-tests-0123456789"


class AtLocalhost:
    """The app, for a client that insists on calling it testserver."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            scope["headers"] = [(k, b"localhost" if v == b"testserver" else v) for k, v in scope["headers"]]
        await self.app(scope, receive, send)


def agent():
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "work").mkdir()
    return AgentRuns(AgentConfig(lm="none", workspace=str(folder / "work"), sessions=str(folder / "s.sqlite")), {})


app = create_app(WorkerPool(Limits()), runs=agent())
schema = schemathesis.openapi.from_asgi("/openapi.json", AtLocalhost(app))
schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])


@schema.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck))
def test_answers_are_as_the_schema_says(case):
    case.call_and_validate()
