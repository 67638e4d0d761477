"""What a log says went wrong, by rules: the worst events, and those that the task asks about before others.

Guarantees a key point is a line of the log, but for what controls a terminal; secrets are out, and lines keep their numbers.
           Text in a log is data: nothing in it is followed.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from pydantic import BaseModel

from dspy_programs.logs import ERROR, FAILURE, Kind, LogLine, digest_of, lines_in, without_assigned
from dspy_programs.programs.log_context.causes import HEADING, cause_lines, is_exception, place_in
from dspy_programs.secret_values import without_secrets
from dspy_programs.text import content_stems, printable, quantity

MOST_POINTS = 5
_LONGEST_POINT, _LONGEST_SAID = 300, 160  # characters
_MOST_RANKED = 200  # kinds
_MORE = 4  # lines of a message besides its first
_SUMMING_UP = re.compile(
    r"=+ .*\b(?:failed|errors?)\b|FAILED \(|make(?:\[\d+\])?: \*\*\* \[|_{5,} .* _{5,}$"
    r"|npm (?:ERR!|error) (?:Linux|Darwin|Windows|argv|node v|npm +v|code|errno|Exit status|A complete|Failed at|$)"
    r"|npm (?:ERR!|error) \S+@\S+ \w+: "
    r"|[^a-z]*$|Traceback:$|Found \d+ errors?|\d+ (?:failed|errors?)\b"
    r"|.*(?:\bexit(?:ed)?(?: with)? (?:status|code)|see the log|complete log of|could not compile)"
    r"|.*(?:build failed|job failed|to see the full|re-run |subprocess-exited|not recoverable|returned \d+ exit)"
    r"|.*(?:shutting down|giving up)",
    re.IGNORECASE,
)
_NO_MESSAGE = re.compile(rf"{HEADING.pattern}|[-=*]{{5,}}|\d+\.\d+\.\d+\.\d+ ")
_SAYS_NOTHING = re.compile(r"\W*(?:$|For further information|Background on this error)")
_ACCESS = re.compile(r'"(?P<asked>[A-Z]+ \S+)[^"]*" (?P<status>[1-5]\d\d) ')
_TIME = re.compile(
    r"^[\[(\s]*(?:\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?)?|\d\d:\d\d:\d\d(?:[.,]\d+)?)"
    r"(?:Z|\s?[+-]\d\d:?\d\d)?(?: UTC)?\]?\s*"
    r"|^\[?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:\S+ )?"
)
_LEVEL = re.compile(
    r"^(?:[\[<(]\s*)?(?:FATAL|CRITICAL|CRIT|EMERG|ALERT|PANIC|ERROR|ERR|SEVERE|WARNING|WARN|fatal|error|warning|warn|crit)\b(?:\s*[\])>])?"
    r"(?: \d+)?[\s:|-]*(?=\S)"
)
_KLOG = re.compile(r"^[EFW]\d{4} [\d:.]+ +\d+ [^\]]{1,80}\] ")
_THREAD = re.compile(r"^\[[\w#.: /-]{1,40}\]\s*(?:--- )?(?=\S)")
_GENERIC = frozenset(
    content_stems("why error fail failure failed log logs wrong broken breaks crash cause happen problem run test tests")
)


class KeyPoint(BaseModel):
    """A line of the log. line: its number, from 1."""

    line: int
    text: str


class Told(NamedTuple):
    """context: what went wrong, in a few sentences; key_points: the lines that say so, the cause's first."""

    context: str
    key_points: list[KeyPoint]


class Log:
    """A log without secrets and control characters, and its events. lines: all of them, the first one is number 1."""

    def __init__(self, text: str, task: str = "") -> None:
        self.lines = [
            LogLine(line.path, line.number, _shown(line.text))
            for line in lines_in(without_assigned(without_secrets(text)), "log")
        ]
        self._asked = frozenset(content_stems(task)) - _GENERIC

    @cached_property
    def kinds(self) -> list[Kind]:
        """The kinds of events, those that matter most first."""
        found = digest_of([self.lines]).kinds[:_MOST_RANKED]
        first = min((start_of(kind) for kind in found if kind.level >= FAILURE), default=0)
        said = {kind.at: self._asked & set(content_stems("\n".join(kind.lines))) for kind in found}
        common = {word for word in self._asked if sum(word in each for each in said.values()) > len(found) / 2}
        if len(found) > 1:
            said = {at: words - common for at, words in said.items()}
        return sorted(found, key=lambda kind: (-_weight(kind, len(said[kind.at]), start_of(kind) == first), start_of(kind)))

    @property
    def has_errors(self) -> bool:
        return any(kind.level >= FAILURE for kind in self.kinds)

    def is_asked_about(self, kind: Kind) -> bool:
        """Return whether the task has a word of an event's first line."""
        return bool(self._asked & set(content_stems(kind.lines[0])))

    def points_of(self, kind: Kind) -> list[KeyPoint]:
        """Return the lines of an event that say what happened and why, the cause first."""
        wanted = [kind.lines[at] for at in (*reversed(cause_lines(kind.lines)), 0)]
        told = [text for text in dict.fromkeys(wanted) if not HEADING.search(text)]
        found = [at for text in told if (at := self._at(text, start_of(kind), len(kind.lines)))]
        return list({each.line: each for each in (*found[:1], *map(point, self.message_after(kind)), *found[1:])}.values())

    def message_after(self, kind: Kind) -> list[LogLine]:
        """Return the next lines of an exception's message that has several: what follows the last line of a trace."""
        raised = kind.lines[cause_lines(kind.lines)[0]]
        near = self.lines[start_of(kind) - 1 :][: 2 * len(kind.lines)]
        at = next((line.number for line in reversed(near) if line.text == raised), 0)
        if at < 2 or not is_exception(raised) or not self.lines[at - 2].text.startswith(" "):  # no frame before it
            return []
        more: list[LogLine] = []
        for line in self.lines[at : at + _MORE]:
            if not line.text.strip() or any(sign.match(line.text) for sign in (_TIME, _LEVEL, _NO_MESSAGE)):
                break
            if not _SAYS_NOTHING.match(line.text):
                more.append(line)
        return more

    def _at(self, text: str, start: int, length: int) -> KeyPoint | None:
        """Find a line of an event in the log: JSON's message is a part of its line."""
        near = self.lines[start - 1 : start + 2 * length + 8]
        same = next((line for line in near if line.text.strip() == text.strip()), near[0] if near else None)
        return point(same) if same is not None and same.text.strip() else None


def _weight(kind: Kind, shared: int, is_first: bool) -> float:
    """Weigh a kind: its level, its stack trace, the task's words, being the first; less if it only sums up others."""
    causes = cause_lines(kind.lines)
    traced = bool(place_in(kind.lines)) or causes != [0]
    sums_up = _SUMMING_UP.match(kind.lines[0]) is not None
    return min(kind.level, ERROR) + 0.5 * traced + 0.75 * min(shared, 2) + 0.4 * is_first - 2 * sums_up


def point(line: LogLine) -> KeyPoint:
    return KeyPoint(line=line.number, text=line.text.strip()[:_LONGEST_POINT])


def start_of(kind: Kind) -> int:
    """Return the number of the line where the first event of a kind begins."""
    return int(kind.at.rpartition(":")[2])


def told_by_rules(task: str, logs: str) -> Told:
    """Say what went wrong in a log. task: what the reader wants to know or to do, "" for anything."""
    return told_of(Log(logs, task), task)


def told_of(log: Log, task: str) -> Told:
    telling = [kind for kind in log.kinds if len(re.findall("[^\\W\\d_]", said_in(kind.lines))) > 1]
    errors = [kind for kind in telling if kind.level >= FAILURE or log.is_asked_about(kind)]
    if not errors:
        near = _asked_for(log.lines, task)
        but = f", but for a warning: `{said_in(telling[0].lines)}`" if telling else ""
        nothing = f"Nothing in the log says that anything went wrong{but}."
        return Told(f"{nothing} Line {near[0].line} is what the task names." if near else nothing, near)
    said = [_sentence(kind, log.message_after(kind)) for kind in errors[:1]]
    told = errors[:1] + [kind for kind in errors[1:3] if not _SUMMING_UP.match(kind.lines[0])]
    others = dict.fromkeys(f"`{said_in(kind.lines)}`" for kind in told)
    if also := [other for other in others if other.strip("`") not in said[0]]:
        said.append(f"There is also {' and '.join(also)}.")
    points = {each.text: each for kind in reversed(told) for each in reversed(log.points_of(kind))}
    return Told(" ".join(said), list(reversed(points.values()))[:MOST_POINTS])


def _asked_for(lines: Sequence[LogLine], task: str) -> list[KeyPoint]:
    """Return the first lines with a number or a path of the task: a request that was answered with 404 is no error."""
    named = re.findall(r"/[\w./-]{3,}|\b\d{3,}\b", task)
    return [point(line) for line in lines if any(name in line.text for name in named)][:2]


def _sentence(kind: Kind, more: Sequence[LogLine]) -> str:
    causes, place = cause_lines(kind.lines), place_in(kind.lines)
    said = f"`{'; '.join(plain_message(line) for line in (kind.lines[causes[0]], *(line.text for line in more)))}`"
    root = f", caused by `{plain_message(kind.lines[causes[-1]])}`" if len(causes) > 1 else ""
    head = plain_message(kind.lines[0])
    logged = f", logged as `{head}`" if causes[0] != 0 and not HEADING.search(head) and not is_exception(head) else ""
    often = f"; {quantity(kind.count, 'time')}" if kind.count > 1 else ""
    return f"{said}{f' in {place}' if place else ''}{root}{logged}{often}."


def said_in(lines: Sequence[str]) -> str:
    """Return what an event says first of all, without time and level."""
    return plain_message(lines[cause_lines(lines)[0]])


def plain_message(line: str) -> str:
    """Return a line without its time and level, and short enough for a sentence."""
    if access := _ACCESS.search(line):
        return f"{access['asked']} answered {access['status']}"
    text = _KLOG.sub("", line.strip(), count=1)
    for _ in range(3):  # a time, a level, and a thread between them, in any order
        text = _LEVEL.sub("", _TIME.sub("", text, count=1), count=1) or text
        text = _THREAD.sub("", text, count=1)
    text = re.sub(r"^(?:Caused by: |E {2,})", "", text).replace("`", "'").rstrip(".")
    return text if len(text) <= _LONGEST_SAID else text[:_LONGEST_SAID].rsplit(" ", 1)[0] + " ..."


def _shown(text: str) -> str:
    """Return a line as a terminal would have it: of what is written over with carriage returns, the last."""
    return printable(text.rstrip("\r").rpartition("\r")[2])
