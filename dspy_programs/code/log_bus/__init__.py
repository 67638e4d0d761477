"""Logs at scale: follow files, containers and stdin, and keep what went wrong in one store, each line read once.

from dspy_programs.code.log_bus import Bus, follow, opened_storage, sources_of

bus = Bus(opened_storage("events.sqlite"))
for _ in follow(bus, sources_of(["logs"], bus), once=True):
    pass
for kind in bus.kinds("app"):
    print(kind.count, kind.lines[0])
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.log_bus.bus import Bus as Bus, now as now
    from dspy_programs.code.log_bus.commands import (
        Containers as Containers,
        DbOption as DbOption,
        Interval as Interval,
        LogNames as LogNames,
        named as named,
    )
    from dspy_programs.code.log_bus.ending import ended_by_signals as ended_by_signals
    from dspy_programs.code.log_bus.keeping import keep as keep
    from dspy_programs.code.log_bus.log_status import (
        code_summary as code_summary,
        log_containers as log_containers,
        log_figures as log_figures,
        log_prometheus as log_prometheus,
    )
    from dspy_programs.code.log_bus.loop import Round as Round, follow as follow
    from dspy_programs.code.log_bus.publishing import Publisher as Publisher
    from dspy_programs.code.log_bus.redaction import redacted_lines as redacted_lines
    from dspy_programs.code.log_bus.sources import Sources as Sources, sources_of as sources_of
    from dspy_programs.code.log_bus.storage import (
        Batch as Batch,
        Entry as Entry,
        Storage as Storage,
        Stream as Stream,
        opened_storage as opened_storage,
    )

_HOMES = {
    "Batch": "storage",
    "Bus": "bus",
    "Containers": "commands",
    "DbOption": "commands",
    "Entry": "storage",
    "Interval": "commands",
    "LogNames": "commands",
    "Publisher": "publishing",
    "Round": "loop",
    "Sources": "sources",
    "Storage": "storage",
    "Stream": "storage",
    "code_summary": "log_status",
    "ended_by_signals": "ending",
    "follow": "loop",
    "keep": "keeping",
    "log_containers": "log_status",
    "log_figures": "log_status",
    "log_prometheus": "log_status",
    "named": "commands",
    "now": "bus",
    "opened_storage": "storage",
    "redacted_lines": "redaction",
    "sources_of": "sources",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
