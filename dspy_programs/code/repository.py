"""One folder for others to read: what is found in it, and nothing outside, whatever they ask for.

The agent's tools and the MCP server answer from this.

Guarantees paths are relative, inside and led there by no link; files made for secrets, what git keeps and what git ignores are
           never shown, but for logs, which git often ignores. The index is brought up to date before each answer.
Raises     UsageError for anything else.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath

from dspy_programs.code.files.secret_files import has_secret_name
from dspy_programs.code.files.source_files import LeftOut, checked_folder, read_bytes, text_in
from dspy_programs.code.finding.by_words import Hit, search
from dspy_programs.code.finding.extracting import Piece, extract_symbol
from dspy_programs.code.finding.grep import Line, grep_files
from dspy_programs.code.index.index import Definition, Index, Progress, Refreshed
from dspy_programs.code.overview.repo_map import RepoMap, map_of
from dspy_programs.code.overview.tree import tree_of
from dspy_programs.errors import UsageError
from dspy_programs.git import NOBODYS_OWN
from dspy_programs.logs import Digest, log_context, log_files

_MOST_LOGS = 200_000_000  # bytes at once: some seconds
_PACKED = 20  # times as large when it is unpacked


class Repository:
    """A folder, for reading. For several threads."""

    def __init__(self, folder: str | Path, db: str | Path | None = None) -> None:
        self.folder = checked_folder(Path(folder))
        self._index = Index(self.folder, db)
        self._lock = threading.Lock()

    def refresh(self, progress: Progress | None = None) -> Refreshed:
        """Bring the index up to date, and say what was done."""
        with self._lock:
            return self._index.refresh(progress)

    def search(self, question: str, k: int, progress: Progress | None = None) -> list[Hit]:
        self.refresh(progress)
        return search(self._index, question, k)

    def map(self, tokens: int, focus: Sequence[str] = (), progress: Progress | None = None) -> RepoMap:
        self.refresh(progress)
        with self._told():
            return map_of(self._index, tokens, focus)

    def outline(self, path: str, progress: Progress | None = None) -> list[Definition]:
        """Return the definitions of one file. Raises UsageError for a file that is not in the index."""
        self.refresh(progress)
        return self._index.definitions(path=self._indexed(path))

    def extract(self, name: str, path: str = "", nth: int | None = None, progress: Progress | None = None) -> Piece:
        """Return a definition by its dotted name. path: only in this file."""
        self.refresh(progress)
        own = self._indexed(path) if path else ""
        with self._told():
            piece = extract_symbol(self.folder / own, name, nth, self._index.file)
        return piece._replace(path=own or piece.path)

    def lines(self, path: str, first: int, last: int, progress: Progress | None = None) -> Piece:
        """Return the lines of a file in the index, both included, as far as they are there."""
        self.refresh(progress)
        own = self._indexed(path)
        lines = (text_in(read_bytes(self.folder / own) or b"") or "").splitlines()
        if not 1 <= first <= min(last, len(lines)):
            raise UsageError(f"{path}: lines {first} to {last} are not in it; it has {len(lines):,}, counted from 1")
        last = min(last, len(lines))
        return Piece(own, first, last, "", "\n".join(lines[first - 1 : last]) + "\n")

    def grep(
        self,
        pattern: str,
        most: int,
        *,
        fixed: bool = False,
        ignore_case: bool = False,
        only: Sequence[str] = (),
        exclude: Sequence[str] = (),
        context: int = 0,
        left_out: LeftOut | None = None,
    ) -> Iterator[Line]:
        """Yield the first lines that fit; only, exclude: patterns of paths."""
        found = grep_files(
            pattern,
            self.folder,
            fixed=fixed,
            ignore_case=ignore_case,
            only=only,
            exclude=exclude,
            context=context,
            left_out=left_out,
        )
        return islice(found, most)

    def tree(self, path: str = ".", depth: int = 2) -> Iterator[str]:
        return tree_of(self._inside(path), depth)

    def context(self, logs: Sequence[str]) -> Digest:
        """Return what went wrong, from log files and folders of them."""
        with self._told():
            files = [file for each in logs for file in log_files(self._inside(each)) if not has_secret_name(file.name)]
        size = sum(file.stat().st_size * (_PACKED if file.suffix == ".gz" else 1) for file in files)
        if size > _MOST_LOGS:
            raise UsageError(f"{', '.join(logs)}: {size // 1_000_000:,} MB of logs are too many at once; name fewer files")
        with self._told():
            found = log_context(files)
        for kind in found.kinds:
            kind.at, kind.files = self._relative(kind.at), [self._relative(each) for each in kind.files]
        return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong to somebody who does not know where the folder is, and has no command line."""
        try:
            yield
        except UsageError as error:
            said = str(error).replace(f"{self.folder}/", "").replace(str(self.folder), "the folder")
            raise UsageError(said.replace("add --nth", "say which (nth)").replace("--nth", "nth")) from None

    def _relative(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}/")

    def _indexed(self, path: str) -> str:
        """Return a path as the index has it. Raises UsageError."""
        own = os.path.normpath(path)
        if not self._index.database.rows("SELECT 1 FROM files WHERE path = ? AND why = ''", (own,)):
            raise UsageError(f"{path}: not among the files of this folder that are shown; give a path relative to it")
        return own

    def _inside(self, path: str) -> Path:
        """Return a path below the folder. Raises UsageError for one outside, behind a link, secret, or nobody's own."""
        parts = PurePosixPath(path).parts
        is_own = "\0" not in path and not any(each == ".." or each in NOBODYS_OWN or has_secret_name(each) for each in parts)
        here = self.folder.joinpath(*parts) if is_own else None
        if here is None or Path(os.path.realpath(here)) != here or not here.is_relative_to(self.folder):
            raise UsageError(f"{path!r}: not a path that is shown; give one relative to the folder, without links")
        return here
