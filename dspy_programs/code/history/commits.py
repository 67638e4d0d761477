"""The commits from which a repository's own rows are made: small ones of people, whose message says what was done.

Output     History: the commits, the newest first, and why the others are left out, and how many.
Guarantees git runs nothing that the repository configures, and the repository is only read. Mail addresses and names of people
           are not kept.
Raises     UsageError for a folder without a repository, and for a repository without commits.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.git import git

MOST_FILES, MOST_LINES = 12, 400  # of a commit that is one piece of work
_FEWEST_WORDS = 3  # of a subject that says something
_HEAD = "%x01%H%x00%P%x00%ct%x00%an <%ae>%x00%B%x00"
_RECORD = re.compile("\x01(?=[0-9a-f]{40}(?:[0-9a-f]{24})?\0)")
_COUNTED = re.compile(r"(\d+|-)\t(\d+|-)\t([^\0]+)\0")
_LOG = ("log", "-z", "--numstat", "--no-renames", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-color")
_BOT = re.compile(
    r"\[bot\]|\b(?:dependabot|renovate|greenkeeper|snyk|pyup|github-actions|pre-commit-ci|semantic-release|weblate|crowdin|"
    r"transifex|imgbot|allcontributors|mergify|codecov)\b|\b[\w-]*bot(?:\b|@)",
    re.IGNORECASE,
)
_TRAILER = re.compile(
    r"^\s*(?:[A-Z][A-Za-z]+(?:-[A-Za-z]+)*-(?:by|id)|cc|git-svn-id|differential revision|pull request|pr[ -]url|bug)\s*:.*$",
    re.I,
)
_KIND = re.compile(
    r"^(?:(?:\[[^\]]{1,30}\]|[A-Z]{2,10}-\d+:?) *)?"  # [4.2.x], ABC-123:
    r"(?:(?:build|chore|ci|deps|docs?|feat|feature|fix|perf|refactor|revert|style|tests?)(?:\([^)]*\))?!?: *"
    r"|(?:fix(?:e[sd])?|refs?|closes?) (?:#\d+|CVE-[\d-]+)(?:, (?:#\d+|CVE-[\d-]+))* -- )?",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\s*\((?:[\w./-]*#\d+|[A-Z]{2,10}-\d+)(?:, *#\d+)*\)|\s*(?:\b(?:fix(?:es|ed)?|close[sd]?|refs?|gh-?)\s*:?\s*)?#\d+", re.I
)
_SAYS_NOTHING = re.compile(
    r"(?:bump|release|version|prepare|changelog|v?\d+\.\d|wip\b|fixup!|squash!|amend|merge\b|revert\b|initial commit|"
    r"first commit|update readme|typo|import(?:ed)? from|sync(?:ed)? |auto(?:matic)?[- ]?(?:generated|update)|back to dev|"
    r"post-release)",
    re.IGNORECASE,
)


class Commit(NamedTuple):
    """One piece of work. when: seconds since 1970; subject: without its kind and numbers of issues; paths: of text files."""

    id: str
    when: int
    subject: str
    body: str
    paths: tuple[str, ...]


class History(NamedTuple):
    """commits: the newest first; read: how many were looked at."""

    commits: list[Commit]
    left_out: Counter[str]
    read: int


def history_of(folder: Path, most: int) -> History:
    """Return what of a repository's newest `most` commits can be learnt from. Below its top, only what is in the folder."""
    if git(folder, ["rev-parse", "--git-dir"]) is None:
        raise UsageError(f"{folder}: no git repository, or git is not installed; name a repository")
    if git(folder, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]) is None:
        raise UsageError(f"{folder}: the repository has no commits, so there is nothing to learn from; commit first")
    is_below = bool((git(folder, ["rev-parse", "--show-prefix"]) or b"").strip())  # of the whole, no merge is passed over
    options = (f"--max-count={most}", "--relative", "--encoding=UTF-8", f"--format={_HEAD}", "HEAD")
    printed = git(folder, [*_LOG, *options, *(["--", "."] if is_below else [])])
    if printed is None:
        raise UsageError(f"{folder}: git cannot list the commits; run git fsck, or give a smaller --most")
    left_out, kept, read = Counter[str](), list[Commit](), 0
    for commit, why in _commits(printed.decode("utf-8", "replace")):
        read += 1
        if why:
            left_out[why] += 1
        else:
            kept.append(commit)
    return History(kept, left_out, read)


def _commits(printed: str) -> Iterator[tuple[Commit, str]]:
    """Yield each commit, and why it is left out if it is."""
    for record in _RECORD.split(printed)[1:]:
        id_, parents, when, author, message, counted = [*record.split("\0", 5), ""][:6]
        counts = _COUNTED.findall(counted)
        subject, _, body = message.strip().partition("\n")
        told = said_in(subject)
        text = "\n".join(line for line in body.strip().split("\n") if not _TRAILER.match(line)).strip()
        paths = tuple(path for added, _, path in counts if added != "-")
        commit = Commit(id_, int(when) if when.isdecimal() else 0, told, text, paths)
        lines = sum(int(added) + int(removed) for added, removed, _ in counts if added != "-")
        yield commit, _why_not(commit, " " in parents, author, counted=len(counts), lines=lines, subject=subject)


def _why_not(commit: Commit, is_merge: bool, author: str, counted: int, lines: int, subject: str) -> str:
    if is_merge:
        return "merge"
    if _BOT.search(author):
        return "by a bot"
    if not counted:
        return "without files here"
    if not commit.paths:
        return "binaries only"
    if counted > MOST_FILES or lines > MOST_LINES:
        return f"larger than {MOST_FILES} files or {MOST_LINES} lines"
    if len(commit.subject.split()) < _FEWEST_WORDS or _SAYS_NOTHING.match(commit.subject) or _SAYS_NOTHING.match(subject):
        return "message that says nothing"
    return ""


def said_in(subject: str) -> str:
    """Return what a subject says: without `fix(api): ` in front and the numbers of issues."""
    bare = _REFERENCE.sub("", _KIND.sub("", subject.strip(), count=1)).strip().rstrip(".")
    return bare if bare.partition(" ")[0].endswith(":") else f"{bare[:1].upper()}{bare[1:]}"
