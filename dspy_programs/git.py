"""Ask git: about a repository, which files it ignores, and to compare, merge and patch files outside of any.

Guarantees git runs nothing that a repository configures: no hooks, no monitor, no filters, no external diff, nothing that
           fetches what a partial clone lacks. Where there is no git, nothing is ignored; where there is no repository, the
           .gitignore files of the folder still count.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError

_QUIET = (
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotePath=false"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)
_SECONDS = 60
_FILTER = re.compile(rb"^(filter\..*)\.[^.\n]+$", re.M)  # no name has a line end in it
_COUNT = "GIT_CONFIG_COUNT"
LIST_FILTERS = ("config", "--name-only", "--get-regexp", r"^filter\.")
_LIST_IGNORED = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
NOBODYS_OWN = frozenset(
    ".git .hg .svn .venv venv node_modules __pycache__ .tox .nox .mypy_cache .ruff_cache .pytest_cache .eggs".split()
)
"""Names of folders that hold nobody's own code, whether or not there is git to ask."""


def ignored_below(folder: Path) -> frozenset[str]:
    """Return the files and folders below a folder that git ignores, relative to it; none if the folder itself is ignored."""
    if git(folder, ["rev-parse", "--git-dir"]) is None:
        return _ignored_without_repository(folder)
    if git(folder, ["check-ignore", "--quiet", "."]) is not None:
        return frozenset()
    return _names(git(folder, _LIST_IGNORED))


def _ignored_without_repository(folder: Path) -> frozenset[str]:
    """Let git read the .gitignore files with an empty repository elsewhere; none is made in the folder."""
    with tempfile.TemporaryDirectory() as aside:
        if git(Path(aside), ["init", "--quiet", "--bare", "--template=", "."]) is None:
            return frozenset()
        return _names(git(folder, [f"--git-dir={aside}", f"--work-tree={folder.absolute()}", *_LIST_IGNORED]))


def _names(listed: bytes | None) -> frozenset[str]:
    return frozenset(os.fsdecode(name).rstrip("/") for name in (listed or b"").split(b"\0") if name)


def git(folder: Path, words: Sequence[str], variables: Mapping[str, str] | None = None) -> bytes | None:
    """Return what git prints, None where it fails. variables: more for its environment."""
    return _run(folder, words, {**_quiet(folder), **(variables or {})})


def asker(folder: Path) -> Callable[[Sequence[str]], bytes | None]:
    """Return `git` for many questions about one folder: which filters to turn off is asked only once."""
    settings = _quiet(folder)
    return lambda words: _run(folder, words, settings)


def told_by_git(folder: Path, words: Sequence[str]) -> bytes:
    """Return what git prints. Raises UsageError with the first line of what it says where it fails."""
    answer = _answer(folder, words, _quiet(folder))
    if answer is None:
        raise UsageError(f"{folder}: git cannot be run, or takes more than {_SECONDS} seconds")
    if answer.code:
        said = (answer.errors.strip() or answer.out.decode("utf-8", "replace").strip() or "it says nothing").splitlines()
        raise UsageError(f"{folder}: git {words[0]}: {said[-1] if words[0] == 'commit' else said[0]}")
    return answer.out


def _quiet(folder: Path) -> dict[str, str]:
    given = os.environ.get(_COUNT, "")
    return without_filters(_run(folder, LIST_FILTERS, {}), int(given) if given.isdecimal() else 0)


class Answer(NamedTuple):
    """What git said, and its exit code."""

    code: int
    out: bytes
    errors: str


def git_apart(folder: Path, words: Sequence[str], stdin: bytes = b"") -> Answer:
    """Run git on files that are in no repository, with nobody's settings. Raises UsageError if there is no git."""
    environment = {
        **dict(PATH=os.environ.get("PATH", os.defpath), LC_ALL="C", GIT_CEILING_DIRECTORIES=str(folder.parent)),
        **dict(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1", GIT_ATTR_NOSYSTEM="1"),
    }
    try:
        done = subprocess.run(
            ["git", *_QUIET, "-c", f"core.attributesFile={os.devnull}", *words],
            cwd=folder,
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}; install it") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git {words[0]}: not done after {_SECONDS} seconds; try less at once") from None
    return Answer(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def without_filters(listed: bytes | None, given: int = 0) -> dict[str, str]:
    """Return the environment in which git runs no filter and fetches nothing.

    listed: what LIST_FILTERS prints; given: how many settings the environment has already.
    """
    names = sorted({os.fsdecode(name) for name in _FILTER.findall(listed or b"")})
    settings = [
        (f"{name}.{key}", value)
        for name in names
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]
    environment = {"GIT_ALLOW_PROTOCOL": "none", _COUNT: str(given + len(settings))}  # no protocol has this name
    for number, (key, value) in enumerate(settings, given):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _run(folder: Path, words: Sequence[str], settings: Mapping[str, str]) -> bytes | None:
    answer = _answer(folder, words, settings)
    return answer.out if answer and answer.code == 0 else None


def _answer(folder: Path, words: Sequence[str], settings: Mapping[str, str]) -> Answer | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **settings}
    try:
        done = subprocess.run(
            ["git", *_QUIET, *words], cwd=folder, env=environment, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Answer(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
