"""What went wrong, from logs: their lines, the events in them with whole stack traces, and each kind of event once."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.logs.assigned import without_assigned as without_assigned
    from dspy_programs.logs.digest import (
        Digest as Digest,
        Kind as Kind,
        count_event as count_event,
        digest_of as digest_of,
        log_context as log_context,
        signature_of as signature_of,
        time_in as time_in,
        worst_first as worst_first,
    )
    from dspy_programs.logs.events import Event as Event, EventReader as EventReader, events_in as events_in
    from dspy_programs.logs.line_reader import LineReader as LineReader, Place as Place, as_place as as_place
    from dspy_programs.logs.lines import (
        LONGEST as LONGEST,
        STDIN as STDIN,
        LogLine as LogLine,
        is_file as is_file,
        lines_in as lines_in,
        lines_of as lines_of,
        log_files as log_files,
        log_names as log_names,
        plain as plain,
    )
    from dspy_programs.logs.severity import (
        ERROR as ERROR,
        FAILURE as FAILURE,
        FATAL as FATAL,
        NAMES as NAMES,
        NOTHING as NOTHING,
        WARNING as WARNING,
        severity_of as severity_of,
    )

_HOMES = {
    "without_assigned": "assigned",
    "Digest": "digest",
    "Kind": "digest",
    "count_event": "digest",
    "digest_of": "digest",
    "log_context": "digest",
    "signature_of": "digest",
    "time_in": "digest",
    "worst_first": "digest",
    "Event": "events",
    "EventReader": "events",
    "events_in": "events",
    "LineReader": "line_reader",
    "Place": "line_reader",
    "as_place": "line_reader",
    "LONGEST": "lines",
    "STDIN": "lines",
    "LogLine": "lines",
    "is_file": "lines",
    "lines_in": "lines",
    "lines_of": "lines",
    "log_files": "lines",
    "log_names": "lines",
    "plain": "lines",
    "ERROR": "severity",
    "FAILURE": "severity",
    "FATAL": "severity",
    "NAMES": "severity",
    "NOTHING": "severity",
    "WARNING": "severity",
    "severity_of": "severity",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
