"""What a unified diff makes of files: git's own diff or a plain one, of several files.

Input      the diff as bytes, with whatever a mail has around it; names with or without a/ and b/.
Output     the changes; nothing is written.
Guarantees git applies it to copies of the files, in an empty folder. A hunk may stand elsewhere than it says, but its lines
           must be there exactly; only line ends may differ.
Raises     UsageError for what does not apply, for links and submodules.
"""

import re
import tempfile
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dspy_programs.diffs import Change, File, Hunk, has_crlf, hunks_of, write_aside
from dspy_programs.errors import ProgramsError, UsageError
from dspy_programs.git import git_apart
from dspy_programs.text import printable

_MOST_BYTES = 20_000_000
_GIT_HEADER = re.compile(rb'^diff --git (?:"?a/.+ "?b/.+|(?P<old>\S+) (?P<new>\S+))\r?$', re.M)
_NAMED = re.compile(rb"^(?:---|\+\+\+) (.+)$", re.M)
_HEADER = re.compile(rb"^--- (?P<old>.+)\n\+\+\+ (?P<new>.+)\n@@ ", re.M)
_NO_FILES = re.compile(rb"^(?:new file mode|new mode|old mode|deleted file mode|index \w+\.\.\w+) (120000|160000)", re.M)
_HEADERS = re.compile(rb"^(?:--- .+|\+\+\+ .+|@@ .+)$", re.M)
_FAILED = re.compile(r"error: patch failed: (.+):(\d+)")
_HUNK_HEADER = re.compile(rb"^@@ -", re.M)
_TAKES_AWAY = re.compile(rb"^(@@ -\d+(?:,\d+)? )\+([1-9]\d*),0(?= @@)", re.M)
_READ_AS: Sequence[Sequence[str]] = ([], ["--recount"])  # a model miscounts its lines


class Files(Protocol):
    """The files that a patch may change."""

    def checked(self, path: str) -> str:
        """Return the path of a file that may be changed, or made. Raises UsageError or ToolError for any other."""

    def file(self, path: str) -> File | None:
        """Return what is in a file; None where there is none."""


def patched(patch: bytes, files: Files) -> list[Change]:
    """Return what a patch makes of files. Raises UsageError."""
    if len(patch) > _MOST_BYTES:
        raise UsageError(f"the patch is larger than {_MOST_BYTES:,} bytes; apply it in parts")
    if _NO_FILES.search(patch):
        raise UsageError("the patch makes or changes a link or a submodule; only files are patched")
    for header in _HEADER.finditer(patch):
        for name in header.groups():
            if name.startswith((b"/", b'"/')) and not name.startswith(b"/dev/null"):
                shown = printable(name.decode("utf-8", "replace").partition("\t")[0].strip())
                raise UsageError(f"{shown}: outside of the folder; a patch names files relative to it")
    patch = patch.removeprefix(BOM_UTF8)
    patch = patch if patch.endswith(b"\n") else patch + b"\n"
    headers = _HEADERS.findall(patch)
    if headers and all(line.endswith(b"\r") for line in headers):  # all of it was saved with line ends of Windows
        return _applied(patch.replace(b"\r\n", b"\n"), files, plain_ends=True)
    try:
        return _applied(patch, files, plain_ends=False)
    except _DoesNotFit:
        if b"\r" in patch:
            raise
        return _applied(patch, files, plain_ends=True)


class _DoesNotFit(UsageError):
    """The lines of a hunk are not there."""


def _applied(patch: bytes, files: Files, plain_ends: bool) -> list[Change]:
    """Let git apply a patch to copies. plain_ends: compare files whose lines all end with CRLF as if they ended with LF."""
    with tempfile.TemporaryDirectory(prefix="patch-") as outer:
        aside = Path(outer, "files")
        aside.mkdir()
        options, names = _names(patch, aside, files)
        before = {name: files.file(name) for name in names}
        ended = {name for name, file in before.items() if plain_ends and file and has_crlf(file.content)}
        for name, file in before.items():
            if file is not None:
                shown = file.content.replace(b"\r\n", b"\n") if name in ended else file.content
                write_aside(aside / name, File(shown, file.executable))
        _apply(patch, aside, options)
        changes = []
        for name in names:
            after = _read(aside / name)
            if after is not None and name in ended:
                after = after._replace(content=after.content.replace(b"\n", b"\r\n"))
            changes.append(Change(name, before[name], after))
    return [change for change in changes if change.before != change.after]


def _names(patch: bytes, aside: Path, files: Files) -> tuple[Sequence[str], list[str]]:
    """Return the options by which git can read a patch, and the files that it touches, checked."""
    readings = [
        ([f"-p{level}", *how], _touched(patch, aside, [f"-p{level}", *how])) for how in _READ_AS for level in _levels(patch)
    ]
    read = [(options, touched) for options, touched in readings if not isinstance(touched, str)]
    if not read:
        why = "it has none" if b"\n@@ " not in b"\n" + patch else readings[0][1]
        raise UsageError(f"no unified diff that can be read: {why}; make one with git diff or diff -u")
    there = [sum(_is_there(files, name) for name in names) for _, names in read]
    options, names = read[there.index(max(there))]
    return options, [files.checked(name) for name in names]


def _is_there(files: Files, name: str) -> bool:
    try:
        return files.file(files.checked(name)) is not None
    except ProgramsError:
        return False


def _levels(patch: bytes) -> Sequence[int]:
    """Return how many parts may have to be stripped from names, the likeliest first."""
    if header := _GIT_HEADER.search(patch):
        return (0, 1) if header["old"] is not None and header["old"] == header["new"] else (1,)
    named = [name for name in _NAMED.findall(patch) if not name.startswith(b"/dev/null")]
    return (1, 0) if named and all(name[:2] in (b"a/", b"b/") for name in named) else (0, 1)


def _touched(patch: bytes, aside: Path, options: Sequence[str]) -> list[str] | str:
    """Let git say which files a patch touches, or what is wrong with it."""
    names = dict[str, None]()
    for way in ([], ["--reverse"]):  # forward the new names, in reverse the old ones
        done = git_apart(aside, ["apply", "--numstat", "-z", *options, *way], patch)
        if done.code != 0:
            return _said(done.errors)
        rows = [row for row in done.out.decode("utf-8", "surrogateescape").split("\0") if row.count("\t") >= 2]
        names |= dict.fromkeys(row.split("\t", 2)[2] for row in rows)
    return list(names) or "it names no file"


def _apply(patch: bytes, aside: Path, options: Sequence[str]) -> None:
    """Apply a patch to the files of a folder. Raises UsageError."""
    words = ["apply", "--whitespace=nowarn", *options]
    hunks = [hunk for hunk in hunks_of(patch) if not hunk.whole]
    errors = ""
    if all(hunk.has_context for hunk in hunks):
        done = git_apart(aside, words, patch)
        if done.code == 0:
            return
        errors = done.errors or "git was stopped"
    if _apply_anywhere(patch, hunks, aside, words):
        return
    if git_apart(aside, [*words, "--reverse", "--check"], patch).code == 0:
        raise UsageError("the patch has been applied already; nothing was changed")
    if not errors:
        raise _DoesNotFit("a hunk without lines around it does not apply where it says; make the patch with diff -U3")
    if failed := _FAILED.search(errors):
        raise _DoesNotFit(f"{failed[1]}:{failed[2]}: the patch does not apply: other lines are there; nothing was changed")
    raise UsageError(f"the patch does not apply: {_said(errors)}; nothing was changed")


def _apply_anywhere(patch: bytes, hunks: Sequence[Hunk], aside: Path, words: Sequence[str]) -> bool:
    """Apply hunks with few or no lines around them, if each is where it says, or its lines are in one place only.

    Git by itself would put a hunk without lines around it at the end of the file.
    """
    words = [*words, "--unidiff-zero"]
    patch = _TAKES_AWAY.sub(lambda found: b"%s+%d,0" % (found[1], int(found[2]) + 1), patch)  # git counts from there
    dry = git_apart(aside, [*words, "--check", "--verbose"], patch)
    if dry.code == 0 and "(offset " in dry.errors:
        texts = [path.read_bytes() for path in aside.rglob("*") if path.is_file()]
        if len(hunks) + patch.count(b"\n@@ -0,0 ") < len(_HUNK_HEADER.findall(patch)):
            return False  # counted wrong
        if any(sum(_places(hunk.old_lines, text) for text in texts) != 1 for hunk in hunks):
            return False
    return dry.code == 0 and git_apart(aside, words, patch).code == 0


def _places(lines: Sequence[bytes], text: bytes) -> int:
    """Count the places of some lines in a text."""
    wanted, text = b"\n" + b"\n".join(lines) + b"\n", b"\n" + text.rstrip(b"\n") + b"\n"
    count, at = 0, text.find(wanted)
    while lines and at >= 0:
        count, at = count + 1, text.find(wanted, at + 1)
    return count


def _said(errors: str) -> str:
    """Return the first thing that git complains of."""
    return next(iter(errors.splitlines()), "git says nothing").removeprefix("error: ")


def _read(path: Path) -> File | None:
    if path.is_symlink() or path.is_dir():
        raise UsageError(f"{path.name}: the patch makes a link or a folder of it; only files are patched")
    return File(path.read_bytes(), bool(path.stat().st_mode & 0o100)) if path.exists() else None
