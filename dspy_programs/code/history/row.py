"""A row on its way into a data set, and what the makers of rows know of a repository."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.code.files.source_files import LeftOut, read_bytes, source_files, text_in
from dspy_programs.code.history.changes import CommitChange
from dspy_programs.code.history.commits import Commit
from dspy_programs.code.parsing.chunks import symbols_in
from dspy_programs.code.parsing.languages import language_of
from dspy_programs.text import content_stems

_TELLS = re.compile(
    r"(?!\s*(?:thanks|refs?\b|see |follow[- ]?up|backport|cherry|-{3}|http|co-authored|mime-version))", re.IGNORECASE
)
LONGEST = 12_000  # characters of code that a row shows


class Row(NamedTuple):
    """when: seconds since 1970, by which rows are split; key: two rows with one key ask the same, and only the newer stays."""

    id: str
    when: int
    key: str
    fields: dict[str, Any]


@dataclass
class KnownRepository:
    """folder: its real path; work: its commits with their changes, the newest first; test_command: "" for the usual one."""

    folder: Path
    work: list[tuple[Commit, list[CommitChange]]]
    test_command: str = ""
    logs: tuple[Path, ...] = ()
    left_out: dict[str, Counter[str]] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    _names: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def changed(self) -> dict[str, int]:
        """path -> when it was last changed, as far as is known."""
        return {change.path: commit.when for commit, changes in reversed(self.work) for change in changes}

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """folder -> its files that may be code, as they are today."""
        found: dict[str, list[str]] = {}
        for each in source_files(self.folder, LeftOut()):
            if language_of(each.path):
                found.setdefault(each.path.rpartition("/")[0], []).append(each.path)
        return found

    @cached_property
    def known(self) -> frozenset[str]:
        """The files that may be code, as they are today."""
        return frozenset(path for paths in self.files.values() for path in paths)

    def names(self, path: str) -> list[str]:
        """Return the definitions of a file, as it is today."""
        if path not in self._names:
            text = text_in(read_bytes(self.folder / path) or b"") or ""
            found = symbols_in(text, language_of(path, text)) or []
            self._names[path] = [symbol.name for symbol in found if not symbol.nested]
        return self._names[path]

    def leave_out(self, program: str, why: str) -> None:
        self.left_out.setdefault(program, Counter())[why] += 1


def task_of(commit: Commit) -> str:
    """Return what a commit did, as what is to be done: its subject and the first paragraph of its body."""
    first = " ".join(next((part for part in commit.body.split("\n\n") if _TELLS.match(part)), "").split())
    return f"{commit.subject}. {first[:600]}".strip() if first else commit.subject


def share_a_word(text: str, names: Iterable[str]) -> bool:
    """Return whether a text speaks of one of some names, in any form of one of its words."""
    said = set(content_stems(text))
    return any(said & set(content_stems(_apart(name))) for name in names)


def _apart(name: str) -> str:
    """Return the words of a name: getHTTPResponse, get_http_response, http/response.py."""
    from dspy_programs.code.index.words import humps

    return f"{name} {humps(name)}".replace("/", " ").replace(".", " ").replace("-", " ")
