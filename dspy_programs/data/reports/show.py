"""What `data diff` prints for people."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from dspy_programs.data.reports.difference import Change, Difference
from dspy_programs.text import printable, quantity, shortened

_LONGEST = 100  # characters of a text
_MARK = {"changed": "~", "removed": "-", "added": "+"}


def lines_of_difference(found: Difference, shown: Iterable[Change], output: Path | None) -> Iterator[str]:
    before, after = found.rows
    yield f"{found.paths[0]}: {quantity(before, 'pair')}; {found.paths[1]}: {quantity(after, 'pair')}"
    yield f"unchanged {found.unchanged:,}, changed {found.changed:,}, removed {found.removed:,}, added {found.added:,}"
    if found.about:
        yield f"{quantity(found.about, 'unchanged pair')} with another category, difficulty or metadata"
    for change in shown:
        pair = change.after or change.before
        if pair is None:
            continue
        where = f" [{', '.join(change.fields)}]" if change.fields else ""
        yield printable(f"{_MARK[change.what]} {shortened(' '.join(pair.instruction.split()), _LONGEST)}{where}")
        for name in change.fields:
            if name in ("instruction", "input", "output") and change.before and change.after:
                for mark, each in (("-", change.before), ("+", change.after)):
                    yield printable(f"    {mark} {name}: {shortened(' '.join(getattr(each, name).split()), _LONGEST)}")
    if output:
        yield f"every change: {output}"
