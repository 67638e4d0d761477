"""The Kafka topics of a log: what comes in, what went wrong, and what was made of it."""

import re
import shlex
from typing import NamedTuple

from dspy_programs.errors import UsageError

RAW, EVENTS, RESULTS = "logs.raw.", "logs.ctx.", "agent.results."
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


class Topics(NamedTuple):
    """raw: lines, one a message; events: kinds of events as JSON; results: key points as JSON."""

    raw: str
    events: str
    results: str


def topics_of(name: str) -> Topics:
    """Return the topics of a log. Raises UsageError for a name that Kafka does not take."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name}: no part of a topic's name: letters, digits and . _ -")
    return Topics(RAW + name, EVENTS + name, RESULTS + name)


def topic_name(name: str) -> str:
    """Return a log's name as a part of a topic's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:200] or "_"


def creating(name: str, bootstrap: str) -> list[str]:
    """Return the commands of Kafka that create the topics of a log."""
    return [
        f"kafka-topics.sh --bootstrap-server {shlex.quote(bootstrap)} --create --if-not-exists --topic {topic}"
        for topic in topics_of(name)
    ]
