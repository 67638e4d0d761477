"""Self-contained HTML reports: one trace with the blamed turn and its evidence marked, or a whole batch.

Guarantees everything from a trace is escaped; no script, no external address, and a policy that forbids both; a page of
           many traces is bounded: it lists MOST_ROWS, shows MOST_WHOLE runs in full, and says so.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import IO, Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dspy_programs.failures.batch import Batch, Outcome
from dspy_programs.failures.classifier import FailureReport
from dspy_programs.failures.reports.words import sureness_in_words, verdict_in_words
from dspy_programs.types import Trace, Turn

MOST_ROWS = 1000  # traces listed on a batch page
MOST_WHOLE = 100  # failing runs shown in full on it
MOST_CHARACTERS = 4_000_000  # of the runs shown in full
_MOST_PROBLEMS = 1000


class _ShownTurn(NamedTuple):
    """A turn as shown on the page; input and output as indented JSON."""

    number: int
    role: str
    content: str
    tool_name: str
    input: str
    output: str
    latency_ms: float | None
    blamed: bool
    witness_of: Sequence[str]
    unfolded: bool


class _ShownTrace(NamedTuple):
    """A trace as shown on the page. `places`: turn number -> position; `result`: an answer that is not a turn."""

    name: str
    source: str
    outcome: str
    report: FailureReport
    turns: list[_ShownTurn]
    places: Mapping[int, int]
    result: str


class Row(NamedTuple):
    """A row of a batch's table. `anchor`: where the run is shown in full, "" if it is not."""

    name: str
    anchor: str
    mode: str
    possible: bool
    confidence: float
    turn: int | None
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
        """Keep a failing run in full, if there is room, and return its anchor."""
        if trace is None or not report.failed or len(self.sections) >= MOST_WHOLE or self.characters >= MOST_CHARACTERS:
            return ""
        anchor = f"trace-{len(self.sections) + 1}"
        text = template("section.html").render(trace=trace_for_page(source, trace, report), prefix=anchor)
        if self.characters + len(text) > MOST_CHARACTERS:
            return ""
        self.characters += len(text)
        self.sections.append(Markup(text))
        return anchor

    def finish(self, batch: Batch) -> None:
        shares = sorted((share for share in batch.modes if share.mode != "none"), key=lambda share: -share.count)
        scale = max([share.high for share in shares if share.count], default=1.0)
        text = template("batch.html").render(
            batch=batch,
            shares=shares,
            scale=scale,
            across=lambda share: f"{min(100.0, 100 * share / scale):.2f}",
            turns=list(batch.first_failure_turns.items()),
            most=max(batch.first_failure_turns.values(), default=1),
            rows=list(chain.from_iterable(self.rows))[:MOST_ROWS],
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
            self.file.write(_trace_page(outcome.source, outcome.trace, outcome.report))

    def finish(self, batch: Batch) -> None:
        """Nothing: the page was written with its trace."""


def _trace_page(source: str, trace: Trace, report: FailureReport) -> bytes:
    """Return the page of one trace."""
    return template("trace.html").render(trace=trace_for_page(source, trace, report)).encode("utf-8", "replace")


@lru_cache(maxsize=1)
def environment() -> Environment:
    folder = str(files("dspy_programs.failures.reports") / "templates")
    made = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["plainly"] = verdict_in_words
    made.globals["sureness"] = sureness_in_words
    made.globals["percent"] = lambda share: f"{share:.1%}".replace("%", " %")
    return made


def template(name: str) -> Any:
    return environment().get_template(name)


def trace_for_page(source: str, trace: Trace, report: FailureReport) -> _ShownTrace:
    places: dict[int, int] = {}
    for place, turn in enumerate(trace.turns):
        places.setdefault(turn.turn_number, place)
    blamed = None if report.first_failure_turn is None else places.get(report.first_failure_turn)
    turns: list[_ShownTurn] = []
    for place, turn in enumerate(trace.turns):
        answers_marked = turn.role == "tool" and bool(turns) and turns[-1].unfolded  # a call's result is read with it
        turns.append(_shown_turn(turn, report, place == blamed, answers_marked))
    last = next((turn.content for turn in reversed(trace.turns) if turn.role == "agent" and turn.content), "")
    result = trace.final_result if trace.final_result and trace.final_result.strip() != last.strip() else ""
    outcome = {True: "successful", False: "failed", None: ""}[trace.is_successful]
    return _ShownTrace(report.trace_id or source, source, outcome, report, turns, places, result)


def _shown_turn(turn: Turn, report: FailureReport, blamed: bool, answers_marked: bool) -> _ShownTurn:
    witness_of = [found.mode for found in report.modes if turn.turn_number in found.turns]
    return _ShownTurn(
        number=turn.turn_number,
        role=turn.role,
        content=turn.content,
        tool_name=turn.tool_name or "",
        input=_indented(turn.tool_input),
        output=_indented(turn.tool_output),
        latency_ms=turn.latency_ms,
        blamed=blamed,
        witness_of=witness_of,
        unfolded=blamed or bool(witness_of) or answers_marked,
    )


def _indented(value: Any) -> str:
    """Return a JSON value indented for people; text that contains JSON is indented too."""
    if value is None:
        return ""
    if isinstance(value, str):
        if value[:1] not in ("{", "["):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return str(value)
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return repr(type(value))


def row_of(source: str, report: FailureReport, anchor: str) -> Row:
    evidence = report.modes[0].evidence if report.modes else ""
    name = report.trace_id or source
    mode, turn = report.classified_failure_mode, report.first_failure_turn
    return Row(name, anchor, mode, report.possible, report.confidence, turn, evidence)
