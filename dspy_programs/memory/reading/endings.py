"""How a call ended, and why it failed.

Input      a result's text, None where there is none yet; whether its call changes something.
Output     ending_of: "done", "failed" or "asked", which has no result yet. reason_of: why it failed, short.
Source     faults.py of the failure judge; errors in other languages.
"""

import re
from itertools import islice
from typing import Any, Literal

from dspy_programs.memory.reading.compact import compact, plain
from dspy_programs.memory.reading.deed_lines import cut
from dspy_programs.memory.reading.outcomes import is_code, says_nothing
from dspy_programs.memory.reading.text_results import value_of
from dspy_programs.programs.failure_judge import fault_of

Ending = Literal["done", "failed", "asked"]

_LONGEST_REASON = 300  # characters
_FIRST_FIELDS = 6  # of an object, among which an error is
_END = 300  # characters of a test run's
_READ = 4_000  # characters at a result's beginning and end that are read

_FAILED = re.compile(
    r"(?:code: \d+\. )?[\w.:]{0,60}\w(?:::|\.)\w*exception: |"
    r"\W{0,4}(?:(?:[\w.@-]{1,40}: )?(?:fehler|fehlgeschlagen|erreur|échec|errore|fout|erro|error|exitcode: [1-9]\d*)\b|"
    r"错误|錯誤|失败|失敗|エラー|오류|실패|ошибка)",
    re.IGNORECASE,
)
_COUNTS_FAILED = re.compile(r"(?i)\b[1-9]\d* (?:failed|failures?|errors?)\b|\bmake: \*\*\*|\bFAILED \(")  # of a test run's end
_RAISED = re.compile(r"(?m)^(?:E\s+)?((?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Timeout)\b.*)")
_NAMES_ERROR = re.compile(r"(?i)_error$|^(?:failure|error)_(?:code|reason|message)$")
_COMPLAINS = re.compile(r"error|exception|fail|fatal|denied|not found", re.IGNORECASE)


def ending_of(result: str | None, deed: bool, value: Any = None) -> Ending:
    """Return how a call ended, by its result; value: what the result is if it is JSON."""
    if result is None:
        return "asked"
    text = result.strip()
    if isinstance(value, dict) and isinstance(code := value.get("exception"), str) and is_code(code):
        value = {key: inner for key, inner in value.items() if key != "exception"}  # one that was granted has a number
    fault = fault_of(text if value is None else value, text, deed)
    if not fault and (
        _FAILED.match(text) or (isinstance(value, dict) and (_says_failed(value) or (deed and _tells_error(value))))
    ):
        return "failed"
    if not fault and deed and value is None and "\n" in text and _COUNTS_FAILED.search(text[-_END:]):
        return "failed"
    return "failed" if fault and (deed or fault != "absent") else "done"


def _says_failed(value: dict[str, Any]) -> bool:
    """Return whether an object has an error in another language: as a key, or as its status."""
    return any(
        bool(inner) and (_FAILED.match(str(key)) or (isinstance(inner, str) and _FAILED.match(inner)))
        for key, inner in islice(value.items(), _FIRST_FIELDS)
        if isinstance(inner, (str, dict, list)) or inner is True
    )


def _tells_error(value: dict[str, Any]) -> bool:
    """Return whether a deed's result has the text of an error under a name of its own: `last_error`, `failure_reason`."""
    return any(
        isinstance(inner, str) and not says_nothing(inner) and _NAMES_ERROR.search(str(key)) is not None
        for key, inner in islice(value.items(), 2 * _FIRST_FIELDS)
    )


def reason_of(result: str) -> str:
    """Return why a call failed: the sentences or lines that say so."""
    text = result.strip()
    value = value_of(text) if text[:1] in ("{", "[") else None
    if isinstance(value, dict) and (short := compact(value, _LONGEST_REASON)) is not None:
        return short
    raised = list(_RAISED.finditer(text[:_READ])) or list(_RAISED.finditer(text[-_READ:]))
    if raised:
        return cut(plain(raised[-1][1]), _LONGEST_REASON)
    if "\n" in text and len(text) > _LONGEST_REASON:
        lines = [line.strip() for line in text[-_READ:].splitlines() if line.strip()]
        text = next((line for line in reversed(lines) if _COMPLAINS.search(line)), lines[-1])
    return cut(plain(text), _LONGEST_REASON)
