"""The forms that services write their logs in: a time, a level, who says it, what is said -> a line.

A form belongs to one split only, so that a test shows whether unseen forms are read.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

Form = Callable[[datetime, str, str, str, int], str]
"""(time, level, service, message, a number such as a process id) -> a line. level: info, warning, error or fatal."""


def _python(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": "INFO", "warning": "WARNING", "error": "ERROR", "fatal": "CRITICAL"}
    return f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03} {names[level]} {who}: {said}"


def _logback(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": "INFO ", "warning": "WARN ", "error": "ERROR", "fatal": "ERROR"}
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03} [worker-{pid % 8}] {names[level]} c.shop.{who.title()} - {said}"


def _json(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    return json.dumps({"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "level": level, "service": who, "msg": said})


def _logfmt(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    return f'ts={at:%Y-%m-%dT%H:%M:%SZ} level={level.replace("warning", "warn")} app={who} msg="{said}"'


def _syslog(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    mark = {"info": "", "warning": "warning: ", "error": "error: ", "fatal": "fatal: "}[level]
    return f"{at:%b} {at.day:2} {at:%H:%M:%S} web{pid % 3 + 1} {who}[{pid}]: {mark}{said}"


def _klog(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    return f"{level[0].upper()}{at:%m%d %H:%M:%S}.{at.microsecond:06} {pid:7} {who}.go:{pid % 400}] {said}"


def _console(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": "INFO", "warning": "WARN", "error": "ERROR", "fatal": "FATAL"}
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z\t{names[level]}\t{who}\t{said}"


def _short(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": "INF", "warning": "WARN", "error": "ERR", "fatal": "CRIT"}
    return f"[{at:%H:%M:%S} {names[level]}] {who}: {said}"


def _log4j(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": "INFO ", "warning": "WARN ", "error": "ERROR", "fatal": "FATAL"}
    return f"{at:%d %b %Y %H:%M:%S} {names[level]} [pool-{pid % 4}] {who}.Main:{pid % 300} {said}"


def _numbered(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    numbers = {"info": 30, "warning": 40, "error": 50, "fatal": 60}
    stamp = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    return json.dumps({"level": numbers[level], "time": stamp, "pid": pid, "name": who, "msg": said})


def _compose(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    return f"{who}-1  | {at:%Y/%m/%d %H:%M:%S} {level.upper()} {said}"


def _tracing(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": " INFO", "warning": " WARN", "error": "ERROR", "fatal": "ERROR"}
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}Z {names[level]} {who}::server: {said}"


def _apache(at: datetime, level: str, who: str, said: str, pid: int) -> str:
    names = {"info": "notice", "warning": "warn", "error": "error", "fatal": "crit"}
    return f"[{at:%a %b %d %H:%M:%S}.{at.microsecond:06} {at:%Y}] [{who}:{names[level]}] [pid {pid}] {said}"


FORMS: dict[str, tuple[Form, ...]] = {
    "train": (_python, _logback, _json, _logfmt, _syslog, _klog),
    "val": (_console, _short),
    "test": (_log4j, _numbered, _compose, _tracing, _apache),
}
