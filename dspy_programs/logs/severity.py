"""How bad a line of a log is: what its level says; without a level, what its words say."""

import re

FATAL, ERROR, FAILURE, WARNING, NOTHING = 4, 3, 2, 1, 0
NAMES = {FATAL: "fatal", ERROR: "error", FAILURE: "failure", WARNING: "warning"}
"""failure: a line without a level that says that something failed."""

_SUSPECT = (
    *(
        "err",
        "warn",
        "fail",
        "exception",
        "timeout",
        "timed out",
        "timed-out",
        "not found",
        "refused",
        "denied",
        "fatal",
        "crit",
    ),
    *("panic", "kill", "abort", "severe", "traceback", "emerg", "alert", "unable to", "cannot", "could not", "out of memory"),
    *("seg", "unhandled", "uncaught", "throwable", "core dumped", "oom", '" 5', '"level":'),
    *("reject", "conflict", "undefined", "unbound", "no such", "*** "),
)
_SUSPECT_BYTES = tuple(word.encode() for word in _SUSPECT)
_GLOG_BYTES = re.compile(rb"^[efw]\d{4}", re.M)
_HEAD = 160  # characters in which a level stands
_LONGEST_NAME = 400  # characters of an exception, with its package
_LEVEL = re.compile(
    r"(?<![\w/.-])(?:(?P<fatal>FATAL|CRITICAL|CRIT|EMERG|ALERT|PANIC)|(?P<error>ERROR|ERR|SEVERE)|(?P<warning>WARN|WARNING)|"
    r"(?P<nothing>INFO|DEBUG|TRACE|NOTICE|FINE|CONFIG))(?![\w/-]|\.\w)"
    r"|(?:\blevel|\blvl|\bseverity|\blog\.level)[\"']?\s*[=:]\s*[\"']?(?:(?P<fatal2>fatal|critical|panic|dpanic|emerg|alert)|"
    r"(?P<error2>error|err)|(?P<warning2>warn|warning)|(?P<nothing2>info|debug|trace|notice))\b"
    r"|[\[<(](?:(?P<fatal3>fatal|critical|crit|emerg|alert)|(?P<error3>error|err)|(?P<warning3>warn|warning)|"
    r"(?P<nothing3>info|debug|trace|notice))[\])>]",
)
_GLOG = re.compile(r"^(?P<sign>[FEWI])\d{4} \d\d:\d\d:\d\d")
_SIGNS = {"F": FATAL, "E": ERROR, "W": WARNING, "I": NOTHING}
_ACCESS = re.compile(r'" (?P<status>[1-5]\d\d) (?:\d+|-)')  # of a web server
_HARMLESS = re.compile(
    r"\b(?:no|0|zero|without(?: any)?) (?:errors?|failures?|failed|warnings?|exceptions?)\b"
    r"|\b(?:errors?|failures?|failed|warnings?)\s*[=:]\s*0\b"
)
_BANNER = re.compile(r"=+ (?:ERRORS|FAILURES|warnings summary)(?: \S.*)? =+$")  # of pytest
_TOOLS = re.compile(
    r"make(?:\[\d+\])?: \*\*\* |E {3,}[^\s\[]|CONFLICT \(|.{0,200}: undefined (?:reference|symbol)"
    r"|\S{1,200}:\d+:\d+: [A-Z]{1,5}\d{2,4} "
)
"""What make, pytest, git, a linker and a linter say of an error."""
_TRACE = re.compile(r"Traceback \(most recent call last\)|^\s*(?:panic: |fatal error: )|panicked at |^Exception in thread ")
_NAMED = re.compile(r"^(?:Uncaught |Unhandled |\[?\w*\]?\s*)?[A-Za-z_][\w.$]*(?:Error|Exception|Throwable|Failure)\b(?::|$)")


def _as_words(alternatives: str) -> "re.Pattern[str]":
    """Return an expression for words that are not part of a name: libgpg-error-dev, error.log and /errors say nothing."""
    return re.compile(rf"(?i)(?<![\w./-])(?:{alternatives})(?![\w/-]|\.\w)")


_FATAL_WORDS = _as_words(r"fatal|panic|segfault|segmentation fault|core dumped|out of memory|oom-?kill\w*|emerg")
_ERROR_WORDS = _as_words(r"errors?|exception|unhandled|uncaught|traceback|aborted|severe|err(?==)")
_FAILURE_WORDS = _as_words(
    r"failed|failure|fails?|timeout|timed[ -]out|not found|refused|denied|killed|unable to|could not|cannot"
    r"|rejected|unbound variable|no such \w+"
)
_WARNING_WORDS = _as_words(r"warn|warning|\w+warning(?=: )")


def is_suspect(text: str) -> bool:
    """Return, in no time, whether a line can have a severity at all."""
    low = text.lower()
    if text.startswith("E   "):
        return True
    for word in _SUSPECT:  # many times as fast as one expression
        if word in low:
            return True
    return low[:1] in ("e", "f", "w") and low[1:5].isdigit()


def has_level(text: str) -> bool:
    """Return whether a line names its level, also one that says that nothing is wrong."""
    return _LEVEL.search(text[:_HEAD]) is not None


def suspects_in(data: bytes) -> list[int]:
    """Return places in the lines that is_suspect() is true of, at least one in each. data: whole lines, each with its end.

    If few are, this costs two thirds of looking at each line.
    """
    low = data.lower()
    found = [match.start() for match in _GLOG_BYTES.finditer(low)]
    for word in _SUSPECT_BYTES:
        at = low.find(word)
        while at >= 0:
            found.append(at)
            at = low.find(word, low.find(b"\n", at))
    return sorted(found)


def severity_of(text: str) -> int:
    """Return how bad a line is, from NOTHING to FATAL."""
    if (glog := _GLOG.match(text)) is not None:
        return _SIGNS[glog["sign"]]
    if _TRACE.search(text):
        return FATAL if "panic" in text or "fatal error" in text else ERROR
    if _NAMED.match(text[:_LONGEST_NAME]) or _TOOLS.match(text):
        return ERROR
    if (level := _LEVEL.search(text[:_HEAD])) is not None:
        named = str(level.lastgroup).rstrip("23")
        return {"fatal": FATAL, "error": ERROR, "warning": WARNING, "nothing": NOTHING}[named]
    if (access := _ACCESS.search(text)) is not None:
        return ERROR if access["status"].startswith("5") else NOTHING
    if text.startswith("=") and _BANNER.match(text):
        return NOTHING
    said = _HARMLESS.sub("", text.lower())
    for words, severity in (
        (_FATAL_WORDS, FATAL),
        (_ERROR_WORDS, ERROR),
        (_FAILURE_WORDS, FAILURE),
        (_WARNING_WORDS, WARNING),
    ):
        if words.search(said):
            return severity
    return NOTHING
