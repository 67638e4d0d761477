"""A message for what is staged: a subject in the imperative, and a line for each file if there are several.

Output     CommitMessage; answered_by says who wrote it: rules, from names of files and definitions, or a model, from the diff.
Calls      one, if a model is in use; if its subject cannot be used, the rules' is.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from dspy_programs.code.changing.staged import StagedFile, staged_files
from dspy_programs.code.files.source_files import LOCKS
from dspy_programs.model_in_use import model_in_use
from dspy_programs.text import printable, quantity

LONGEST = 72  # characters of a subject
_LONGEST_LINE = 100  # characters of a line for a file
_MOST_NAMES = 3
_MOST_FILES = 12
_TEST = re.compile(r"(^|/)(tests?|specs?|__tests__)/|(^|/)test_[^/]*$|_test\.\w+$|\.(test|spec)\.\w+$|(^|/)conftest\.py$")
_DOCS = re.compile(r"\.(md|rst|adoc|txt)$|(^|/)(docs?|LICENSE|NOTICE|AUTHORS)(/|$)", re.IGNORECASE)
_VERSION = re.compile(rb"^([-+])\s*[\"']?(?:__)?version(?:__)?[\"']?\s*[:=]\s*[\"']?v?(\d[\w.+-]*)", re.M)
_PIN = re.compile(rb"^([-+])\s*[\"']?([\w@/.\[\]-]+?)[\"']?\s*(?:[=~^><!]=?=?|:)\s*[\"']?[\^~>=<v]*(\d[\w.+*-]*)", re.M)
_MANIFEST = re.compile(r"(^|/)(pyproject\.toml|setup\.cfg|package\.json|Cargo\.toml|go\.mod|requirements[\w-]*\.(txt|in))$")
_HEADING = re.compile(rb"^\+#{1,4} +(.+)$", re.M)


class CommitMessage(NamedTuple):
    """A message. It prints as git takes it."""

    subject: str
    body: str
    answered_by: Literal["model", "rules"]

    def __str__(self) -> str:
        return f"{self.subject}\n\n{self.body}" if self.body else self.subject


def commit_message(folder: str | Path = ".") -> CommitMessage:
    """Write a message for what is staged in a folder's repository. Raises UsageError if nothing is."""
    files = staged_files(Path(folder))
    message = by_rules(files)
    if model_in_use() is None:
        return message
    from dspy_programs.code.changing.commit_writer import written

    return written(files, message) or message


def by_rules(files: Sequence[StagedFile]) -> CommitMessage:
    """Write a message from names of files and definitions. files: those with most changed lines first."""
    ordered = sorted(files, key=lambda file: 0 if _is_code(file) else 1 if _is_docs(file) else 2)
    main = [file for file in files if _is_code(file)] or [file for file in files if _is_docs(file)] or files
    subject = _of_all(files) or _of_all(main) or _subject(main[0], len(main) - 1)
    lines = [f"- {_in_one_line(_said(file))}" for file in ordered[:_MOST_FILES]]
    if len(files) > _MOST_FILES:
        lines.append(f"- and {quantity(len(files) - _MOST_FILES, 'more file')}")
    return CommitMessage(_in_one_line(subject), "\n".join(lines) if len(files) > 1 else "", "rules")


def _in_one_line(text: str) -> str:
    """Return a text that names of files, which may have line ends in them, neither break nor make steer a terminal."""
    return " ".join(printable(text).split())


def _is_code(file: StagedFile) -> bool:
    return not (_is_test(file) or _is_docs(file) or _is_lock(file))


def _is_test(file: StagedFile) -> bool:
    return _TEST.search(file.path) is not None


def _is_docs(file: StagedFile) -> bool:
    return _DOCS.search(file.path) is not None and not _MANIFEST.search(file.path)


def _is_lock(file: StagedFile) -> bool:
    return PurePosixPath(file.path).name.lower() in LOCKS


def _of_all(files: Sequence[StagedFile]) -> str:
    """Say what was done to all files, if it is one thing; "" otherwise."""
    if len(files) < 2:
        return ""
    kinds, names = {file.kind for file in files}, {pair for file in files for pair in file.renamed}
    folder = os.path.commonpath([PurePosixPath(file.path).parent.as_posix() for file in files])
    if len(names) == 1 and kinds == {"changed"} and not any(file.added or file.removed for file in files):
        old, new = next(iter(names))
        return _cut(f"Rename {old} to {new}")
    if kinds == {"renamed"}:
        return _cut(f"Move {quantity(len(files), 'file')} to {folder}" if folder else f"Rename {quantity(len(files), 'file')}")
    if kinds in ({"added"}, {"deleted"}):
        verb, place = ("Add", "to") if kinds == {"added"} else ("Remove", "from")
        listed = ", ".join(PurePosixPath(file.path).name for file in files)
        short = f"{verb} {listed}{f' {place} {folder}' if folder else ''}"
        return short if len(short) <= LONGEST else _cut(f"{verb} {quantity(len(files), 'file')}{f' {place} {folder}'}".rstrip())
    return ""


def _subject(file: StagedFile, others: int) -> str:
    """Say what was done to one file, and how many there are beside."""
    more = f", and {quantity(others, 'more file')}" if others > 0 else ""
    short = file._replace(path=PurePosixPath(file.path).name, before=PurePosixPath(file.before).name)
    tried = [_said(each, LONGEST - len(more)) + more for each in (file, short)]
    return next((said for said in tried if len(said) <= LONGEST), _cut(tried[-1].removesuffix(more)))


def _said(file: StagedFile, longest: int = _LONGEST_LINE) -> str:
    """Say what was done to a file in a line, with as many names as there is room for."""
    tried = [_said_with(file, names) for names in range(_MOST_NAMES, -1, -1)]
    return next((said for said in tried if len(said) <= longest), tried[-1])


def _said_with(file: StagedFile, names: int) -> str:
    path = file.path
    if file.kind == "renamed":
        old, new = PurePosixPath(file.before), PurePosixPath(path)
        also = " and change it" if file.lines else ""
        return (f"Rename {old} to {new.name}" if old.parent == new.parent else f"Move {old} to {new.parent}") + also
    if file.kind == "added":
        return f"Add {path}" + (f": {_listed(file.added, names)}" if file.added and not _is_test(file) else "")
    if file.kind == "deleted":
        return f"Remove {path}"
    return _bumped(file) or _redefined(file, names) or _reworded(file)


def _redefined(file: StagedFile, names: int) -> str:
    """Say which definitions of a file are other than they were."""
    added, removed = _listed(file.added, names), _listed(file.removed, names)
    if file.renamed and not (file.added or file.removed):
        pairs = [f"{old} to {new}" for old, new in file.renamed]
        return f"Rename {_listed(pairs, names)} in {file.path}"
    if added and removed:
        return f"Replace {removed} by {added} in {file.path}"
    if added or removed:
        return f"Add {added} to {file.path}" if added else f"Remove {removed} from {file.path}"
    return f"Change {_listed(file.changed, names)} in {file.path}" if file.changed else ""


def _reworded(file: StagedFile) -> str:
    headings = [found.decode("utf-8", "replace").strip() for found in _HEADING.findall(file.diff)]
    is_one = file.path.lower().endswith(".md") and len(headings) == 1
    return f"Update {file.path}: {headings[0]}" if is_one else f"Update {file.path}"


def _bumped(file: StagedFile) -> str:
    """Say which version a file names now, if only that has changed."""
    versions = {sign: number.decode() for sign, number in _VERSION.findall(file.diff)}
    if file.lines == 2 and len(versions) == 2:
        return f"Bump version from {versions[b'-']} to {versions[b'+']}"
    if not _MANIFEST.search(file.path):
        return ""
    pins = [(sign, name.decode(), number.decode()) for sign, name, number in _PIN.findall(file.diff)]
    old, new = ({name: number for sign, name, number in pins if sign == which} for which in (b"-", b"+"))
    if len(pins) != file.lines or (old.keys() - new.keys() and new.keys() - old.keys()):
        return ""
    if old.keys() == new.keys():
        return f"Update {', '.join(f'{name} to {number}' for name, number in list(new.items())[:_MOST_NAMES])}"
    gone, here = [*(old.keys() - new.keys())], [*(new.keys() - old.keys())]
    return f"Require {_listed(sorted(here))}" if here else f"No longer require {_listed(sorted(gone))}"


def _listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Return names as a list in words, the public ones first; how many there are if none is wanted."""
    if names and not most:
        return quantity(
            len(names), "test" if all(name.rpartition(".")[2].startswith("test") for name in names) else "definition"
        )
    ordered = sorted(names, key=lambda name: name.rpartition(".")[2].startswith("_"))
    if len(ordered) <= most:
        return " and ".join(filter(None, [", ".join(ordered[:-1]), *ordered[-1:]]))
    return f"{', '.join(ordered[:most])} and {len(ordered) - most} more"


def _cut(subject: str) -> str:
    return subject if len(subject) <= LONGEST else f"{subject[: LONGEST - 3].rsplit(' ', 1)[0]}..."
