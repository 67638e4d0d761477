"""One step of a plan, and the deeds that a step may be part of."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Deed = Literal[
    "test",
    "coverage",
    "lint",
    "format",
    "types",
    "build",
    "install",
    "run",
    "docs",
    "clean",
    "add",
    "remove",
    "outdated",
    "upgrade",
    "bench",
    "release",
]
"""What the tools of a project do."""


class Step(NamedTuple):
    """says: in a few words; command: as a shell reads it, "" for a step that a person does."""

    says: str
    command: str = ""


def steps_in(table: Mapping[Deed, str], deed: Deed) -> list[Step]:
    """Return the steps of a deed, one a line of the table; what they do is not said yet."""
    return [Step("", command) for command in table.get(deed, "").split("\n") if command]
