"""From a listening socket to a running server.

Guarantees SIGTERM and Ctrl-C stop running work within a few seconds; a full garbage collection is short, and freed memory
           goes back (settling.py).
"""

import socket
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from dspy_programs.serve.app import create_app
from dspy_programs.serve.connections import Config
from dspy_programs.serve.failure_calls import classify_failure
from dspy_programs.serve.keys import Keys
from dspy_programs.serve.problems import LOG
from dspy_programs.serve.requests import ClassifyFailure
from dspy_programs.serve.security import is_loopback
from dspy_programs.serve.settling import settle
from dspy_programs.serve.worker_pool import WorkerPool
from dspy_programs.tokens import counter_for

if TYPE_CHECKING:
    from dspy_programs.documents import IngestionJobs
    from dspy_programs.router import Router
    from dspy_programs.serve.agent_runs import AgentRuns

_FIRST = ClassifyFailure(trace={"original_goal": "Say hi.", "turns": [{"role": "agent", "content": "Hi."}]}, use_llm=False)


class Server(uvicorn.Server):
    """Stops the work as soon as a signal arrives, so that clients get an answer instead of a broken connection."""

    def __init__(self, config: uvicorn.Config, worker_pool: WorkerPool) -> None:
        super().__init__(config)
        self.worker_pool = worker_pool

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.worker_pool.processes.warm()
        classify_failure(_FIRST, lambda done, total: None)  # what it loads takes half a second, of a client's time
        counter_for(self.worker_pool.lm).count("")  # and so does its vocabulary, which holds the interpreter meanwhile
        settle()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.worker_pool.close()
        super().handle_exit(sig, frame)


def run(
    listening: socket.socket,
    worker_pool: WorkerPool,
    keys: Keys | None,
    runs: "AgentRuns | None" = None,
    public_url: str | None = None,
    jobs: "IngestionJobs | None" = None,
    router: "Router | None" = None,
) -> None:
    """Serve until a signal arrives, then re-raise it, so that the exit code is the usual one."""
    config = Config(create_app(worker_pool, keys, runs, public_url, jobs, router), worker_pool.limits)
    host, port = listening.getsockname()[:2]
    model = worker_pool.lm.model if worker_pool.lm is not None else "no model"
    LOG.info("listening on http://%s:%d (%s)", f"[{host}]" if ":" in host else host, port, model)
    if runs is not None:
        LOG.info("%s", runs)
    if router is not None:
        LOG.info(
            "routes to %d models, %s; answers in %s", len(router.catalogue.models), router.catalogue.priority, router.place
        )
    if not is_loopback(str(host)):
        LOG.info("others can reach this server and the key is sent unencrypted: put a TLS proxy in front")
    Server(config, worker_pool).run(sockets=[listening])
