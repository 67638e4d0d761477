"""Verdicts on a terminal: colours and lines there, plain columns in a pipe or a file.

Guarantees a trace's content is shown as text: nothing in it moves the cursor, colours the screen or is read as markup.
"""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dspy_programs.failures.batch import Batch, Outcome
from dspy_programs.failures.classifier import FailureReport
from dspy_programs.failures.reports.words import sureness_in_words, verdict_in_words
from dspy_programs.programs.failure_judge import quoted, text_of
from dspy_programs.types import Trace

_WIDTH_IN_PIPE = 400  # columns: cells are cut beforehand, so nothing wraps
_PREVIEW = 110  # characters of a turn
_PROBLEMS = 20
_EVIDENCE = 130  # characters in a list of traces: its start and its end, where an error stands
_BAR = 24  # columns


def show(*parts: Table | Text | str) -> None:
    """Print to the current standard output; a pipe gets no colours and no trailing blanks."""
    width = None if sys.stdout.isatty() else _WIDTH_IN_PIPE
    out = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, width=width)
    with out.capture() as captured:
        for part in parts:
            out.print(part, soft_wrap=not isinstance(part, Table))
    text = "\n".join(line.rstrip() for line in captured.get().splitlines())
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def cell_text(text: str, characters: int = 2000) -> str:
    """Return text for one cell: one line, without unprintable characters."""
    line = " ".join(text[: 2 * characters].split())
    shown = "".join(c for c in line if c.isprintable())
    return shown if len(shown) <= characters else shown[: characters - 1].rstrip() + "…"


def one_line(text: str, characters: int) -> Text:
    """Return text for a cell that a narrow terminal cuts instead of wrapping."""
    return Text(cell_text(text, characters), no_wrap=True, overflow="ellipsis")


def _end_of(source: str, characters: int) -> str:
    """Cut a path at its start: what distinguishes two traces is at its end."""
    return source if len(source) <= characters else f"…{source[1 - characters :]}"


def colour(mode: str) -> str:
    return "green" if mode == "none" else "bold red"


def _verdict_text(report: FailureReport) -> Text:
    mode = report.classified_failure_mode
    return Text(verdict_in_words(mode, report.possible), "yellow" if report.possible else colour(mode))


def _two_columns() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def print_report(source: str, report: FailureReport) -> None:
    """Print the verdict on one trace."""
    table = _two_columns()
    table.add_row("trace", f"{cell_text(report.trace_id) or 'without an id'} ({cell_text(source)})")
    table.add_row("goal", cell_text(report.original_goal, 300))
    table.add_row("verdict", _verdict_text(report))
    table.add_row("confidence", "; ".join(filter(None, (f"{report.confidence:.2f}", sureness_in_words(report)))))
    if report.first_failure_turn is not None:
        where = "begin reading" if report.classified_failure_mode == "UNKNOWN" else "first failure"
        table.add_row(where, f"turn {report.first_failure_turn} (of {report.turns} turns)")
    table.add_row("cause", cell_text(report.root_cause_summary))
    for number, fix in enumerate(report.fixes):
        table.add_row("" if number else "fixes", f"{number + 1}. {fix}")
    for number, found in enumerate(report.modes[1:]):
        name = verdict_in_words(found.mode, found.possible)
        also = f"{name} {found.confidence:.2f} at turn {found.turn}: {cell_text(found.evidence)}"
        table.add_row("" if number else "also seen", also)
    table.add_row("answered by", report.answered_by)
    if report.failure:
        table.add_row("model failed", cell_text(report.failure, 300))
    show(table)


def print_trace(source: str, trace: Trace) -> None:
    """Print how a trace was read: id, goal and the start of each turn."""
    table = _two_columns()
    table.add_row("trace", f"{cell_text(trace.trace_id) or 'without an id'} ({cell_text(source)})")
    table.add_row("goal", cell_text(trace.original_goal, 300))
    table.add_row("successful", {True: "yes", False: "no", None: "not recorded"}[trace.is_successful])
    if trace.tools is not None:
        table.add_row("tools", cell_text(", ".join(trace.tools), 300) or "none")
    if trace.final_result is not None:
        table.add_row("result", cell_text(trace.final_result, 300))
    table.add_row("turns", str(len(trace.turns)))
    turns = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("turn", "role", "tool", "ms", "text"):
        turns.add_column(name, justify="right" if name in ("turn", "ms") else "left", no_wrap=name != "text")
    for turn in trace.turns:
        result = "" if turn.tool_output is None else f"-> {text_of(turn.tool_output)}"
        given = quoted(text_of(turn.tool_input), _PREVIEW // 2 if result else _PREVIEW)
        text = " ".join(part for part in (turn.content, given, result) if part)
        milliseconds = "" if turn.latency_ms is None else f"{turn.latency_ms:.0f}"
        turns.add_row(
            str(turn.turn_number), turn.role, cell_text(turn.tool_name or "", 40), milliseconds, one_line(text, _PREVIEW)
        )
    show(table, turns)


def print_outcome(outcome: Outcome) -> None:
    """Print the outcome of one trace, on one line."""
    report = outcome.report
    if report is None and outcome.problem is None:
        show(Text(f"{cell_text(outcome.source)}  is no longer unreadable", "green"))
        return
    if report is None:
        show(Text(f"{cell_text(outcome.source)}  cannot be read: {cell_text(outcome.problem or '', 300)}", "yellow"))
        return
    name = f"{cell_text(outcome.source)}  {cell_text(report.trace_id, 60)}".rstrip()
    verdict = _verdict_text(report)
    where = (
        ""
        if report.first_failure_turn is None
        else f"  turn {report.first_failure_turn}: {cell_text(report.modes[0].evidence)}"
    )
    show(Text.assemble(f"{name}  ", verdict, f" {report.confidence:.2f}{where}"))


def print_batch(batch: Batch, rows: Sequence[Outcome]) -> None:
    """Print the distribution, the listed traces, what could not be read, and the checks."""
    show(_summary_line(batch))
    if batch.model_stopped:
        show(Text(f"the model stopped answering: {cell_text(batch.model_stopped, 300)}", "yellow"))
    if batch.traces:
        show(
            distribution(batch),
            f"first failing turn: {_first_turns(batch)}" if batch.first_failure_turns else "no failing turn",
        )
    if rows:
        show("", _traces_table(rows))
        if batch.traces > len(rows):
            show(f"{len(rows)} of {batch.traces:,} traces are listed, failing ones first; -o FILE has all")
    for line in _problem_lines(batch):
        show(Text(line, "yellow"))
    if batch.comparison:
        show("", cell_text(batch.comparison))
    for check in batch.checks:
        show(Text(f"PASS  {cell_text(check.text)}") if check.holds else Text(f"FAIL  {cell_text(check.text)}", "bold red"))


def _summary_line(batch: Batch) -> str:
    failing = batch.failing
    by = ", ".join(f"{count:,} by {who}" for who, count in batch.answered_by.items())
    unread = f"; {batch.unreadable:,} could not be read" if batch.unreadable else ""
    broken = f"; the model failed on {batch.model_failures:,}, the rules' verdict stands there" if batch.model_failures else ""
    possible = f", {batch.possible:,} possibly" if batch.possible else ""
    head = f"{batch.traces:,} traces, {failing.count:,} failing ({failing.rate:.1%}){possible}"
    return f"{head}{f'; {by}' if by else ''}{broken}{unread}"


def distribution(batch: Batch) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("mode", "count", "rate", "95 % interval", "possible", "also seen", ""):
        table.add_column(name, justify="left" if name in ("mode", "") else "right", no_wrap=True)
    for share in sorted(batch.modes, key=lambda share: -share.count):
        interval = f"{share.low:.1%} to {share.high:.1%}"
        bar = "█" * round(_BAR * share.rate) or ("▏" if share.count else "")
        also = share.seen - share.count - share.possible
        mode = Text(share.mode, colour(share.mode) if share.count else "dim")
        table.add_row(
            mode,
            f"{share.count:,}",
            f"{share.rate:.1%}",
            interval,
            _if_any(share.possible),
            _if_any(also),
            Text(bar, colour(share.mode)),
        )
    return table


def _if_any(count: int) -> str:
    return f"{count:,}" if count > 0 else ""


def _first_turns(batch: Batch) -> str:
    """Say how often the first failing turn was which, as "1: 12, 3: 4"."""
    return ", ".join(f"{turn}: {count:,}" for turn, count in batch.first_failure_turns.items())


def _traces_table(rows: Sequence[Outcome]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("source", "trace", "verdict", "conf.", "turn", "cause"):
        figure = name in ("conf.", "turn")
        table.add_column(name, justify="right" if figure else "left", no_wrap=figure or name == "verdict")
    for outcome in rows:
        if (report := outcome.report) is not None:
            turn = "" if report.first_failure_turn is None else str(report.first_failure_turn)
            evidence = report.modes[0].evidence if report.modes else ""
            names = (one_line(_end_of(outcome.source, 40), 40), one_line(report.trace_id, 40))
            cause = one_line(quoted(evidence, _EVIDENCE), _EVIDENCE)
            table.add_row(*names, _verdict_text(report), f"{report.confidence:.2f}", turn, cause)
    return table


def _problem_lines(batch: Batch) -> list[str]:
    lines = [f"cannot be read: {cell_text(each.source)}: {cell_text(each.problem, 300)}" for each in batch.problems[:_PROBLEMS]]
    rest = batch.unreadable - len(lines)
    return [*lines, f"and {rest:,} more that cannot be read; -o FILE lists all"] if rest > 0 else lines
