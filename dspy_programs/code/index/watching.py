"""Keep an index up to date while files change.

Raises     UsageError for a folder that cannot be used; MissingExtra without the `code` extra.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from dspy_programs.code.index.index import Index, Refreshed
from dspy_programs.errors import MissingExtra


def watch_folder(index: Index, stop: Event | None = None) -> Iterator[Refreshed]:
    """Bring an index up to date now and after each change below its folder; yield what was done, if anything was.

    Changes that come together are taken together. stop: ends the watch; by default only an interrupt does.
    """
    try:
        from watchfiles import watch
    except ImportError:
        raise MissingExtra('watching needs an extra: pip install "dspy-programs[code]"') from None
    own = index.file.resolve()
    yield index.refresh()
    for changes in watch(index.folder, stop_event=stop, raise_interrupt=True):
        if all(Path(path).name.startswith(own.name) for _, path in changes):
            continue
        done = index.refresh()
        if done.read or done.forgotten:
            yield done
