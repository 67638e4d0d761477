"""Nothing leaves the machine that was not asked for: every attempt is recorded by the interpreter itself, in real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import ChatServer

RECORDER = """
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        host = str(args[1][0]) if isinstance(args[1], tuple) else "local"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = str(args[0])
    else:
        return
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write(f"{host}\\n")

sys.addaudithook(note)
"""
LOOPBACK = {"127.0.0.1", "::1", "localhost", "local"}
SESSION = [{"role": "user", "content": f"Note {n}: the code of room {n} is {1000 + n}."} for n in range(40)]
STYLE = {"name": "style", "content": "Be nice."}
PROMPT = {"sections": [{"name": "task", "content": "Answer with facts.", "priority": 9}, STYLE]}
RUN = """
import sys
import dspy_programs, dspy_programs.budget, dspy_programs.failures, dspy_programs.memory
from dspy_programs.__main__ import main
for command in sys.argv[1:]:
    if main(command.split()):
        sys.exit(command)
"""
COMMANDS = [
    "memory inspect session.json",
    "memory compress session.json --budget 200 -o small.json",
    "memory context session.json --max-tokens 200",
    "memory restore session.json -o back.json",
    "memory demo",
    "budget analyze prompt.json",
    "budget negotiate prompt.json --min-savings 0.1",
    "failures classify session.json",
    "memory inspect session.json --lm openai/gpt-4o",
    "memory inspect session.json --lm anthropic/claude-sonnet-4-5",
]
USERS_OWN = """
import sys, dspy
from dspy_programs import use
from dspy_programs.lm.cached import cached
lm = dspy.LM("openai/gpt-4o-mini", api_base=sys.argv[1], api_key="none", cache=False)
with use(lm):
    cached(lm)("hi")
"""
HOSTED = """
from dspy_programs import connect
print(connect("openai/gpt-4o-mini", api_key="none").supports_response_schema)
"""


@pytest.fixture
def attempts(tmp_path):
    """Run Python in a new process; return how it ended and the hosts that it tried to reach."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(RECORDER)
    for name, content in (("session.json", SESSION), ("prompt.json", PROMPT)):
        (tmp_path / name).write_text(json.dumps(content))
    log = tmp_path / "attempts"
    root = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(root)]),
        "ATTEMPTS": str(log),
        "HOME": str(tmp_path / "home"),
    }
    environment.pop("LITELLM_LOCAL_MODEL_COST_MAP", None)

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        return done, set(log.read_text().split()) if log.exists() else set()

    return run


def test_commands_without_a_model_reach_nobody(attempts):
    done, hosts = attempts("-c", RUN, *COMMANDS)
    assert (done.returncode, hosts) == (0, set()), done.stderr


def test_command_with_a_model_on_this_machine_reaches_only_that(attempts):
    with ChatServer(lambda prompt: "no JSON at all") as server:
        ask = ["memory", "compress", "session.json", "--budget", "200", "-o", "small.json", "--fallback", "extract"]
        done, hosts = attempts(
            "-m", "dspy_programs", *ask, "--lm", "openai/gpt-4o-mini", "--api-base", server.url, "--no-cache"
        )
    assert done.returncode == 0 and hosts and hosts <= LOOPBACK, (hosts, done.stderr)


def test_users_own_model_on_this_machine_reaches_only_that(attempts):
    with ChatServer(lambda prompt: "hi") as server:
        done, hosts = attempts("-c", USERS_OWN, server.url)
    assert done.returncode == 0 and hosts and hosts <= LOOPBACK, (hosts, done.stderr)


def test_hosted_model_reaches_nobody_before_it_is_asked(attempts):
    done, hosts = attempts("-c", HOSTED)
    assert (done.returncode, hosts) == (0, set()), done.stderr


def test_recorder_records(attempts):
    done, hosts = attempts("-c", "import urllib.request as u; u.urlopen('http://192.0.2.1:9/', timeout=0.1)")
    assert done.returncode == 1 and "192.0.2.1" in hosts
