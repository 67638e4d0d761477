"""Self-contained HTML reports: one trace with the blamed turn and its evidence marked, or a whole batch.

Guarantees everything from a trace is escaped; nothing is loaded from elsewhere; the page's policy runs its own style and
           script, named by their hashes, and nothing else. Without the script all is there, but for the filter.
           Pages are bounded, and say what they leave out: MOST_ROWS traces listed, MOST_WHOLE runs shown, see shown.py.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import IO, Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dspy_programs import __version__
from dspy_programs.failures.batch import Batch, Outcome
from dspy_programs.failures.classifier import FailureReport
from dspy_programs.failures.reports.shown import Cut, Room, cut, shown_trace
from dspy_programs.failures.reports.words import sureness_in_words, verdict_in_words
from dspy_programs.types import Trace

MOST_ROWS = 2000  # traces listed on a batch page
MOST_WHOLE = 100  # failing runs shown on it
MOST_CHARACTERS = 6_000_000  # of the runs shown on it
_ONE_TRACE = Room(turns=400, characters=2_000_000)
_ONE_OF_MANY = Room(turns=60, characters=60_000)
_MOST_PROBLEMS = 1000
_LONGEST_GOAL = 160  # characters of a row


class Row(NamedTuple):
    """A row of a batch's table. `anchor`: where the run is shown, "" if it is not."""

    name: str
    anchor: str
    goal: Cut
    report: FailureReport
    evidence: str


class Page:
    """Collects the contents of a batch page; `finish` writes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.rows: tuple[list[Row], ...] = ([], [], [])  # by rank
        self.sections: list[Markup] = []
        self.characters = 0

    def add(self, outcome: Outcome) -> None:
        report = outcome.report
        if report is None:
            return
        rows = self.rows[report.rank]
        if len(rows) < MOST_ROWS:
            rows.append(row_of(outcome.source, report, self.section(outcome.source, outcome.trace, report)))

    def section(self, source: str, trace: Trace | None, report: FailureReport) -> str:
        """Keep a failing run, if there is room, and return its anchor."""
        if trace is None or not report.failed or len(self.sections) >= MOST_WHOLE or self.characters >= MOST_CHARACTERS:
            return ""
        anchor = f"trace-{len(self.sections) + 1}"
        text = template("section.html").render(trace=shown_trace(source, trace, report, _ONE_OF_MANY), prefix=anchor)
        self.characters += len(text)
        self.sections.append(Markup(text))
        return anchor

    def finish(self, batch: Batch) -> None:
        shares = sorted((share for share in batch.modes if share.mode != "none"), key=lambda share: -share.count)
        scale = max([share.high for share in shares if share.count], default=1.0)
        rows = list(chain.from_iterable(self.rows))[:MOST_ROWS]
        text = template("batch.html").render(
            batch=batch,
            shares=shares,
            scale=scale,
            across=lambda share: f"{min(100.0, 100 * share / scale):.2f}",
            turns=list(batch.first_failure_turns.items()),
            most=max(batch.first_failure_turns.values(), default=1),
            rows=rows,
            modes=Counter(row.report.classified_failure_mode for row in rows).most_common(),
            sections=self.sections,
            most_problems=_MOST_PROBLEMS,
        )
        self.file.write(text.encode("utf-8", "replace"))


class TracePage:
    """The page of one trace: the first with a report."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def add(self, outcome: Outcome) -> None:
        if outcome.trace is not None and outcome.report is not None:
            trace = shown_trace(outcome.source, outcome.trace, outcome.report, _ONE_TRACE)
            self.file.write(template("trace.html").render(trace=trace).encode("utf-8", "replace"))

    def finish(self, batch: Batch) -> None:
        """Nothing: the page was written with its trace."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    folder = files("dspy_programs.failures.reports") / "templates"
    made = Environment(
        loader=FileSystemLoader(str(folder)), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["plainly"] = verdict_in_words
    made.globals["sureness"] = sureness_in_words
    made.globals["percent"] = lambda share: f"{share:.1%}".replace("%", " %")
    made.globals["version"] = __version__
    made.globals["now"] = lambda: datetime.now(UTC)
    for name, part in (("style", "style.css"), ("script", "script.js")):
        text = (folder / part).read_text(encoding="utf-8")
        made.globals[name] = Markup(text)
        made.globals[f"{name}_hash"] = b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return made


def template(name: str) -> Any:
    return environment().get_template(name)


def row_of(source: str, report: FailureReport, anchor: str) -> Row:
    name = cut(report.trace_id or source, 100)
    evidence = report.modes[0].evidence if report.modes else ""
    return Row(name.start + ("…" if name.left_out else ""), anchor, cut(report.original_goal, _LONGEST_GOAL), report, evidence)
