"""Whether a tool's result says that the call failed, and how.

Input      the result as the tool gave it, and as text if it is one; whether the tool changes anything.
Output     a Fault; "" for a result that is none. "absent": what was asked for is not there, told as an error.
Guarantees structure decides: an error key, a status, an exit code, an exception's line. Words count only in a short text
           that has no structure, and there only where they complain: a file named missing.py, a sum of 400.0 or a title
           about error handling is data. "Nothing found" answers a search, and fails a change. Patterns read at most
           LONGEST characters, and none nests repetitions.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from dspy_programs.programs.failure_judge.phrases import Phrases

Fault = Literal["", "tool", "schema", "transient", "argument", "absent", "failed"]

LONGEST = 1200  # characters of a result that are read
_LONGEST_COMPLAINT = 400  # characters of a text without structure in which a tool says what was wrong
_LONGEST_JSON = 20_000  # characters of a text that is read as JSON to find an error in it
_ERROR_KEYS = ("error", "errors", "exception", "error_message", "errorMessage", "isError", "is_error")
_NO_ERROR = ("", "none", "null", "no", "false", "0", "ok", "success")
_STATES = ("status", "state", "result", "outcome")
_FAILED_STATES = ("error", "failed", "failure", "fail", "rejected", "denied")
_SUCCESS_KEYS = ("success", "ok", "succeeded", "successful")
_CODE_KEYS = ("exit_code", "exitCode", "exitcode", "returncode", "return_code")
_HTTP_KEYS = ("status", "status_code", "statusCode", "http_status")
_SAYS = re.compile(r"err|fail|exception|success|\"ok\"|exit_?code|return_?code|status|detail|reject|denied", re.IGNORECASE)

_ERROR_FIRST = re.compile(
    r"\W{0,8}(?:(?:tool|api|http|server|client|runtime|fatal|internal|execution|command|function|request|validation|"
    r"system)[ _])?"
    r"(?:error|exception|failure|failed|fatal)\b(?:\s?\([^()\n]{0,60}\))?"
    r"(?:\s{0,2}[:\]!]| - | executing| calling| running| invoking| occurred| while| when| during| code| \d{3}\b|\W{0,3}$)",
    re.IGNORECASE,
)
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,60}(?:Error|Exception|Interrupt|Exit|Warning)(?::|\Z|\()")
_TRACEBACK = re.compile(r"\W{0,8}Traceback(?: \(most recent call last\))?:", re.IGNORECASE)
_HTTP = re.compile(
    r"\W{0,3}(?:https?(?:/\d(?:\.\d)?)?\s)?(?:status(?: code)?:?\s)?[45]\d\d:?\s(?:client error|server error|"
    r"bad request|unauthori[sz]ed|"
    r"payment required|forbidden|not found|method not allowed|not acceptable|request time-?out|conflict|gone|precondition|"
    r"(?:payload|request entity|uri) too|unsupported media|unprocessable|too many requests|internal server|not implemented|"
    r"bad gateway|service (?:temporarily )?unavailable|gateway time-?out|error)",
    re.IGNORECASE,
)
_EXIT = re.compile(r"\b(?:exit(?:ed with)?(?: code| status)?|exitcode|return ?code)[:= ]{1,3}(-?\d{1,5})\b", re.IGNORECASE)
_COMPLAINS = Phrases(
    r"\b(?:is |are |was |were )?(?:not |in)valid\b|\bmissing (?:required|argument|parameter|value|field|the|a )|"
    r"\A\W{0,3}missing \w+|\bis missing\b|"
    r"\b(?:is|are) (?:required|mandatory|needed)\b|\brequired (?:argument|parameter|field|property)|"
    r"\bmust (?:not )?(?:be|have|start|contain|match|provide|specify)\b|\bnot (?:been )?(?:provided|allowed|"
    r"recogni[sz]ed|supported|registered|"
    r"permitted|authori[sz]ed|available)\b|\bno \w+ (?:was |were )?(?:provided|given|specified)\b|\bunknown \w+|\bunexpected\b|"
    r"\b(?:un|mis)recogni[sz]ed\b|\bunsupported\b|\bunterminated\b|\bmalformed\b|\b(?:does|do|did) not (?:match|add up|have)\b|"
    r"\bno (?:such )?(?:tool|function)\b|\b(?:permission|access) denied\b|\b(?:currently|is) unavailable\b|"
    r"\btimed? ?out\b|\b(?:temporarily |"
    r"currently |is )unavailable\b|"
    r"\bunreachable\b|\btry again\b|\bretry\b|\bconnection (?:re|was|ab|error|fail)|\brate limit|"
    r"\btoo many (?:requests|attempts)|"
    r"\bcannot\b|\bcan't\b|\bcould(?: not|n't)\b|\bunable to\b|\bfailed to\b|\bhas failed\b|\brefused\b|\brejected\b|"
    r"\binsufficient\b|"
    r"\bbad (?:arguments?|input|value|format)\b|\bwrong \w+|\bout of range\b|\bnot (?:a |an )valid\b|\bin the past\b|"
    r"\balready (?:exists|taken|in use)\b|\bnot be (?:found|parsed|read|empty)\b|"
    r"\b(?:operation|request|call|command|action|attempt|login|payment|upload|update|authentication|creation|it) failed\b"
)
_OF_INPUT = Phrases(
    r"\b(?:arguments?|parameters?|fields?|inputs?|values?|schema|format|query|syntax|json|ids?|dates?|emails?|tool|function)\b|"
    r"\b(?:not|no \w+(?: was| were)?) (?:provided|given|specified)\b|\A\W{0,3}(?:invalid|missing|unknown|unexpected|"
    r"unsupported) \w+|"
    r"\bplease (?:choose|provide|specify|use|enter)\b|\btry again\b|\btimed? ?out\b|\bunavailable\b|\brate limit|"
    r"\bunreachable\b"
)  # what a look-up complains of: in its data, a visa may be required and a player may have been rejected
_ABSENT = Phrases(
    r"\bnot (?:be )?found\b|\b(?:does|do|did) not exist\b|\bdoesn't exist\b|\bno such\b|\bno \w+(?: \w+)? (?:found|"
    r"exists?|matche[sd]|"
    r"matching|with|has)\b|\bno (?:results?|match(?:es)?|data|records?|entries)\b|\bnothing found\b"
)
_NO_SUCH_TOOL = Phrases(
    r"(?:not a (?:valid|known|registered)|unknown|no such|unregistered|undefined|nonexistent|\bno) (?:tool|function)\b|"
    r"\b(?:tool|function) (?:\S{0,80} )?(?:is |was |does )?not (?:found|exist|registered|available|known)\b"
)
_TRANSIENT = Phrases(
    r"timed? ?-?out|temporar|try again|retry|rate.?limit|too many requests|\b(?:429|50[0234])\b(?![.,]?\d)|"
    r"connection(?:error| (?:re|was|ab|err|fail|time|closed))|unavailable|gateway|network|unreachable|overload|"
    r"deadline|lock wait|"
    r"database is locked|server error"
)
_NOT_JSON = Phrases(
    r"\bjson|\bpars(?:e|ing|er)\b|decode ?error|syntaxerror|malformed|unterminated|unexpected (?:token|end|eof)|delimiter|"
    r"'str' object has no attribute"
)
_ARGUMENT = Phrases(
    r"require|missing|invalid|argument|parameter|must (?:be|not|have)|not (?:a )?(?:valid|provided|allowed|recogni|supported)|"
    r"unknown|(?:value|type)error|validation|wrong|format|out of range|\b4(?:00|22)\b(?![.,]?\d)|unexpected keyword|"
    r"does not (?:match|add up)|\bno \w+ (?:was |were )?(?:provided|given|specified)"
)


def fault_of(value: Any, text: str, writes: bool = False) -> Fault:
    """Classify a tool's result. `text` is the result if it is a string; `writes`: the tool changes something."""
    if isinstance(value, Mapping):
        return _of_object(value, writes)
    if isinstance(value, bool):
        return "failed" if writes and not value else ""
    if not text or isinstance(value, (list, int, float)) or (text[0] == "[" and not _ERROR_FIRST.match(text[:60])):
        return ""
    if text[0] == "{":
        return _of_json(text, writes)
    return _of_text(text, writes) if len(text) > _LONGEST_COMPLAINT else _of_complaint(text, writes)


def _of_object(value: Mapping[str, Any], writes: bool) -> Fault:
    told = next((value[key] for key in _ERROR_KEYS if _is_error(value.get(key))), None)
    if told is None and _is_failed(value):
        told = value
    if told is None and isinstance(detail := value.get("detail"), (str, list)) and len(value) == 1:
        told = detail  # as FastAPI answers
    if told is None:
        return ""
    words = told if isinstance(told, str) else _words_of(value)
    return _kind_of(words[:LONGEST], writes)


def _is_error(told: Any) -> bool:
    return bool(told) and (not isinstance(told, str) or told.strip().lower() not in _NO_ERROR)


def _is_failed(value: Mapping[str, Any]) -> bool:
    """Whether a status, a success flag or a code says that the call failed."""
    if any(value.get(key) is False for key in _SUCCESS_KEYS):
        return True
    if any(isinstance(code := value.get(key), int) and code != 0 for key in _CODE_KEYS):
        return True
    if any(isinstance(code := value.get(key), int) and 400 <= code < 600 for key in _HTTP_KEYS):
        return True
    return any(isinstance(state := value.get(key), str) and state.lower() in _FAILED_STATES for key in _STATES)


def _words_of(value: Mapping[str, Any]) -> str:
    """Return the texts of an object, one after the other: what it says in words, whatever its keys are."""
    texts: list[str] = []
    waiting: list[Any] = [value]
    while waiting and len(texts) < 20:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting += list(item.values())[:20]
        elif isinstance(item, list):
            waiting += item[:20]
        elif isinstance(item, (str, int)) and not isinstance(item, bool):
            texts.append(str(item)[:LONGEST])
    return " ".join(reversed(texts))


def _of_json(text: str, writes: bool) -> Fault:
    """Read a text that starts like an object; one that is cut off or too long is read by its first key."""
    if not _SAYS.search(text[:LONGEST]):
        return ""
    try:
        value = json.loads(text) if len(text) <= _LONGEST_JSON else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return _of_object(value, writes)
    return _kind_of(text[:LONGEST], writes) if text[1:12].lstrip(" \"'").lower().startswith("err") else ""


def _of_text(text: str, writes: bool) -> Fault:
    head = text[:LONGEST]
    if _ERROR_FIRST.match(head) or _EXCEPTION.match(head) or _HTTP.match(head) or _TRACEBACK.match(head):
        return _kind_of(head[:_LONGEST_COMPLAINT] + text[-_LONGEST_COMPLAINT:], writes)
    last = text[-_LONGEST_COMPLAINT:].rstrip().rpartition("\n")[2]
    if len(text) > len(last) and _EXCEPTION.match(last):
        return _kind_of(last, writes)
    if (code := _EXIT.match(head) or _EXIT.search(last)) is not None and int(code.group(1)) != 0:
        return "failed"
    if len(text) > _LONGEST_COMPLAINT or "\n" in text.strip():
        return ""
    if _NO_SUCH_TOOL.search(head):
        return "tool"
    if _COMPLAINS.search(head) and (writes or _OF_INPUT.search(head)):
        return _kind_of(head, writes)
    return "argument" if writes and _ABSENT.search(head) else ""


_of_complaint = lru_cache(maxsize=4096)(_of_text)  # tools say the same few things again and again


def _kind_of(words: str, writes: bool) -> Fault:
    """Say how a call failed that is known to have failed."""
    if _NO_SUCH_TOOL.search(words):
        return "tool"
    if _TRANSIENT.search(words):
        return "transient"
    if _NOT_JSON.search(words):
        return "schema"
    if _ABSENT.search(words):
        return "argument" if writes else "absent"
    return "argument" if _ARGUMENT.search(words) else "failed"
