"""What clients have sent is gone when they have their answers, also where Python never looks for rings of objects."""

import asyncio
import gc
import json

from dspy_programs.serve.app import create_app
from dspy_programs.serve.connections import Config
from dspy_programs.serve.http_server import Server
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.listening import listen
from dspy_programs.serve.rule_processes import LARGE
from dspy_programs.serve.worker_pool import WorkerPool
from tests.raw_http import Connection, a2a_call, mcp_call, mcp_session, post

MARK = "a sentence that nobody else says. "
LONG = MARK * (2 * LARGE // len(MARK))
TRACES = {
    "right": {"original_goal": "Say hi.", "turns": [{"role": "agent", "content": LONG}]},
    "of unknown form": {"what": [LONG]},
    "no object": [[LONG]],
    "too many values": [LONG, [[]] * 300_000],
}


def bodies_in_memory() -> list[int]:
    """Return the sizes of what has the mark, counted once."""
    found = {}
    for holder in gc.get_objects():
        for held in gc.get_referents(holder):
            if isinstance(held, (bytes, bytearray, str)) and len(held) > LARGE:
                start = held[:2_000] if isinstance(held, str) else bytes(held[:2_000]).decode("latin-1")
                if MARK in start and held is not LONG:
                    found[id(held)] = len(held)
    return list(found.values())


async def asked(port: int, surface: str, trace: object) -> int:
    async with Connection(port) as link:
        if surface == "mcp":
            session = await mcp_session(link)
            request = post("/mcp", mcp_call("classify_failure", {"trace": trace}), Mcp_Session_Id=session)
        elif surface == "a2a":
            request = post("/a2a", a2a_call(trace))
        elif surface == "no such tool":
            session = await mcp_session(link)
            request = post("/mcp", mcp_call("nothing", {"trace": trace}), Mcp_Session_Id=session)
        else:
            body = json.dumps({"trace": trace})
            request = post("/v1/failures/classify", (body if surface == "rest" else body[:-1]).encode())
        return (await link.ask(request)).status


async def kept() -> dict[str, list[int]]:
    pool = WorkerPool(Limits(kept_bytes=0))
    listening = listen("127.0.0.1", 0, has_key=False)
    server = Server(Config(create_app(pool), pool.limits), pool)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    gc.disable()
    gc.freeze()  # so that only what was made since is looked through, after each request
    found = {}
    try:
        for surface in ("rest", "not json", "mcp", "no such tool", "a2a"):
            for name, trace in TRACES.items():
                await asked(listening.getsockname()[1], surface, trace)
                await asyncio.sleep(0.05)  # the connection closes
                found[f"{surface}, {name}"] = bodies_in_memory()
        return found
    finally:
        gc.enable()
        server.should_exit = True
        await serving


def test_no_body_is_kept():
    found = asyncio.run(kept())
    assert len(found) == 20
    assert {case: sizes for case, sizes in found.items() if sizes} == {}
