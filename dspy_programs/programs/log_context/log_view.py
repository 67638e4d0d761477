"""The part of a log that a model is shown, and what of its answer the log bears out.

Guarantees a short log is shown whole. Of a longer one: its beginning, its end and its events, those that matter most before
           others, in the order of the log, with a mark where lines are left out.
           A quote counts if a line has its words in a row, or most of them and all of its numbers; a sentence, if its numbers,
           names and ids stand in the log or the task.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from dspy_programs.logs import Kind, LogLine
from dspy_programs.programs.log_context.causes import cause_lines
from dspy_programs.programs.log_context.log_rules import Log, start_of
from dspy_programs.text import evidence_of, sentences, unsupported, words

LONGEST_SHOWN = 2_600  # characters, about 800 tokens
_LEFT_OUT = "[...]"
_LONGEST_LINE = 400  # characters that are shown of a line
_HEAD, _TAIL = 5, 7  # lines of a long event that are shown
_SAME = 0.8  # share of a quote's words in one line, from which that line is what was meant
_KNOWN = (
    "the A API APIs HTTP HTTPS SQL DB URL URI DNS TLS SSL CPU RAM JSON YAML TOML XML CSV TCP IP OS SSH EOF ID OOM "
    "UTF-8 JVM CI Python Java JavaScript Node Go Rust Docker Kubernetes Linux Git Postgres PostgreSQL MySQL Redis Kafka"
)
"""Names that say what kind of thing the log is about: a reader knows them, whether or not they stand in it."""


def shown_lines(log: Log) -> list[LogLine]:
    """Return the lines of a log that are shown, in their order."""
    if sum(len(line.text) + 1 for line in log.lines) <= LONGEST_SHOWN:
        return log.lines
    chosen: dict[int, LogLine] = {}
    left = LONGEST_SHOWN
    for line in _wanted(log):
        if line.number not in chosen and (left := left - min(len(line.text), _LONGEST_LINE) - 1) < 0:
            break
        chosen[line.number] = line._replace(text=line.text[:_LONGEST_LINE])
    return [chosen[number] for number in sorted(chosen)]


def as_shown(lines: Sequence[LogLine]) -> str:
    """Return the lines as one text, with a mark where others stand between them."""
    shown: list[str] = []
    for before, line in zip((None, *lines), lines, strict=False):
        if line.number != (before.number + 1 if before else 1):
            shown.append(_LEFT_OUT)
        shown.append(line.text)
    return "\n".join(shown)


def _wanted(log: Log) -> Iterator[LogLine]:
    """Yield lines, those that matter most first."""
    yield from (log.lines[0], *log.lines[-2:])
    for kind in log.kinds:
        yield from _of_event(log, kind)
    yield from log.lines


def _of_event(log: Log, kind: Kind) -> Iterable[LogLine]:
    length, start = len(kind.lines), start_of(kind)
    ats: Iterable[int] = range(length)
    if length > _HEAD + _TAIL:
        ats = sorted({*range(_HEAD), *cause_lines(kind.lines), *range(length - _TAIL, length)})
    return [log.lines[start - 1 + at] for at in ats if start - 1 + at < len(log.lines)]


def line_of(quote: str, lines: Sequence[LogLine]) -> LogLine | None:
    """Return the line that a quote is from, None if it is from none."""
    wanted = words(quote)
    if len("".join(wanted)) < 4:
        return None
    run, counted = f" {' '.join(wanted)} ", Counter(wanted)
    best, most = None, _SAME * len(wanted)
    for line in lines:
        found = words(line.text)
        if run in f" {' '.join(found)} ":
            return line
        shared = (counted & Counter(found)).total()
        if shared >= most and _numbers(wanted) <= _numbers(found):
            best, most = line, shared + 0.5
    return best


def _numbers(found: Sequence[str]) -> set[str]:
    return {word for word in found if any(map(str.isdigit, word))}


def borne_out(text: str, log: Log, lines: Sequence[LogLine], task: str) -> tuple[list[str], list[str]]:
    """Return the sentences of a text that the lines or the task bear out, and the others."""
    counts = " ".join(str(kind.count) for kind in log.kinds)
    evidence = evidence_of("\n".join([_KNOWN, task, counts, *(line.text for line in lines)]))
    kept: list[str] = []
    others: list[str] = []
    for sentence in sentences(text):
        (others if unsupported(sentence, evidence) else kept).append(sentence)
    return kept, others
