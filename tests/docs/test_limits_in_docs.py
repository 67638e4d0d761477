"""The figures that docs/security.md promises for the servers are those of the code."""

from pathlib import Path

from dspy_programs.serve import connections, keys, logins
from dspy_programs.serve.light_calls import MOST_TO_READ
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.rule_processes import SMALL

DOCS = Path(__file__).resolve().parents[2] / "docs" / "security.md"
MB = 1024 * 1024


def test_figures_are_those_of_the_code():
    limits, words = Limits(), {2: "two", 4: "four"}
    promised = [
        f"requests of {limits.body_bytes // MB} MB, calls of MCP and A2A of {limits.call_bytes // MB} MB",
        f"of all clients together {limits.bytes_at_once // MB} MB at once, and {limits.task_bytes // MB} MB in A2A tasks",
        f"{limits.connections_of_one} from one address, {limits.connections} in all",
        f"A request's head must arrive in {limits.seconds_for_head:g} seconds",
        f"more than {connections._MOST_CHUNKS:,} chunks a read, or {connections._MOST_SMALL_CHUNKS:,} of under "
        f"{connections._SMALL} bytes",
        f"a body must arrive in {limits.seconds_to_read:g} seconds",
        f"up to {limits.seconds_for_wrong_key:g} seconds; more than {logins._WAITING_OF_ONE} at once, or {logins._WAITING} of",
        f"one request has {limits.seconds:g} seconds",
        f"{words[limits.at_once].capitalize()} that may ask the model run at once, {words[limits.at_once]} others, and "
        f"{words[limits.processes]} large ones; {limits.waiting} of each kind wait",
        f"a request of more than {SMALL // 1024} KB",
        f"{limits.sessions // 2} of {limits.sessions}, each key",
        f"after {limits.kept_tasks:,} of one key, and where all take more than {limits.kept_bytes // MB} MB",
        f"at most {MOST_TO_READ:,} values",
        f"at least {keys._SHORTEST} characters",
    ]
    text = " ".join(DOCS.read_text(encoding="utf-8").replace("A key has at\nleast", "A key has at least").split())
    assert [promise for promise in promised if " ".join(promise.split()) not in text] == []
    assert limits.kept_seconds == 3_600 and "finished A2A tasks go after an hour" in text
