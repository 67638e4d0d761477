"""A progress bar with the remaining time on standard error, if that is a terminal; otherwise nothing."""

import contextlib
import sys
from collections.abc import Callable, Iterator

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is (0 if nobody knows), in one unit, between pieces of work."""


@contextlib.contextmanager
def show_progress(what: str, in_bytes: bool = False) -> Iterator[Progress | None]:
    """Show a bar while the block runs. Yields the function that moves it, or None if nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress as Bar, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn(elapsed_when_finished=True))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
