"""A score on a terminal: the total, a line for each check, then the findings with rows to look at.

Guarantees what stands in the rows is shown as text: nothing in it moves the cursor, colours the screen or is read as markup.
"""

import io
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dspy_programs.data.scorer.result import CheckScore, DatasetScore, Finding
from dspy_programs.text import printable, quantity

_WIDTH_IN_PIPE = 120  # columns
_BAR = 20  # columns
COLOURS = {"READY": "bold green", "CAUTION": "bold yellow", "NEEDS_WORK": "bold red", "NOT_READY": "bold red"}


def show(*parts: "Table | Text | str") -> None:
    """Print to standard output; a pipe gets no colours."""
    text = rendered(*parts, for_terminal=sys.stdout.isatty())
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def rendered(*parts: "Table | Text | str", for_terminal: bool = False) -> str:
    """Return what would be printed, without blanks at the ends of lines; a terminal gives its colours and its width."""
    file = sys.stdout if for_terminal else io.StringIO()
    out = Console(file=file, markup=False, highlight=False, emoji=False, width=None if for_terminal else _WIDTH_IN_PIPE)
    with out.capture() as captured:
        for part in parts:
            out.print(part, soft_wrap=not isinstance(part, Table))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def parts_of(score: DatasetScore) -> "list[Table | Text | str]":
    """Return a score as it is printed."""
    band = (f"{score.total:.1f} of 100  {score.band}", COLOURS.get(score.band, ""))
    parts: list[Table | Text | str] = [Text.assemble(f"{_shown(score.name)}  ", band)]
    parts += [score.held_back] if score.held_back else []
    parts += [f"{what_is_in(score)}\n", _checks(score)]
    skipped = [f"{check.check} is left out: {check.skipped}" for check in score.checks if check.skipped]
    parts += [Text(text, style="dim") for text in skipped]
    lost = score.lost
    for check in sorted(score.checks, key=lambda check: -lost.get(check.check, 0.0)):
        parts += [_finding(check, finding) for finding in check.findings]
    return parts


def what_is_in(score: DatasetScore) -> str:
    """Say how many rows there are, and of which format."""
    parts = [quantity(score.rows, "row")]
    if score.distinct < score.rows:
        parts.append(f"{score.distinct:,} distinct")
    if score.unreadable:
        parts.append(f"{score.unreadable:,} more unreadable")
    others = [f"{count:,} {name}" for name, count in score.formats.items() if name != score.format]
    return ", ".join([*parts, f"format {score.format}" + (f" (but {', '.join(others)})" if others else "")])


def _checks(score: DatasetScore) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (("check", "left"), ("score", "right"), ("", "left"), ("points lost", "right"), ("bad rows", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    lost = score.lost
    for check in score.checks:
        if not check.skipped:
            full = round(_BAR * check.score)
            bar = Text("█" * full, style="green" if check.passed else "red") + Text("░" * (_BAR - full), style="dim")
            points = lost[check.check]
            table.add_row(check.check, f"{check.score:.3f}", bar, f"{points:.1f}" if points >= 0.05 else "", share_of(check))
    return table


def share_of(check: CheckScore) -> str:
    """Return the share of bad rows in words; nothing if there are none."""
    if not check.share:
        return ""
    return f"{check.share:.2%} of {check.of:,}" if check.share >= 0.0001 else f"under 0.01% of {check.of:,}"


def _finding(check: CheckScore, finding: Finding) -> Text:
    text = Text.assemble("\n", (check.check, "bold"), f": {_shown(finding.message)}")
    for example in finding.examples:
        where = f"{place(example.where)} = {place(example.other)}" if example.other else place(example.where)
        text.append(f"\n  {_shown(where)}  ", style="dim")
        text.append(_shown(example.text))
    return text


def place(where: str) -> str:
    """Return where a row is, without the folders of its file."""
    return where.rpartition("/")[2]


def _shown(text: str) -> str:
    return " ".join(printable(text).split())


def table_of(columns: list[str], rows: list[list[Any]]) -> Table:
    """Return a table; numbers are set to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(columns):
        is_number = all(isinstance(row[number], (int, float, type(None))) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(_figure(value)) for value in row))
    return table


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
