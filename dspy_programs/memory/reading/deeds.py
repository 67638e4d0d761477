"""Whether a call changed something, how it ended, and why it failed.

Input      a call, and its result's text; None where it has none.
Output     changes: whether the call changed something. ending_of: "done", "failed" or "asked", which has no result yet.
           reason_of: why it failed, short.
Guarantees a tool's own name decides first, then its arguments (a shell's command, SQL, code, a request's method), then what it
           returned; a call that nothing tells anything of counts as a deed: better a line too many than a deed forgotten.
Source     verbs.py and faults.py of the failure judge.
"""

import json
import re
from itertools import islice
from typing import Any, Literal

from dspy_programs.conversation import Call
from dspy_programs.memory.reading.deed_lines import Deed, cut
from dspy_programs.memory.reading.fields import Part, Parts, compact, plain
from dspy_programs.memory.reading.text_results import value_of
from dspy_programs.programs.failure_judge import acts, changes_by_name, doing, fault_of

Ending = Literal["done", "failed", "asked"]

_LONGEST_REASON = 300  # characters
_MANY_FIELDS = 6  # of a result that only tells something
_MANY_ARGUMENTS = 4
_LONGEST_OUTCOME = 200  # characters
_TELLING_VALUE = 3  # characters; a shorter one stands in many arguments by chance
_SHORT = 300  # characters of a result that says how a deed ended
_READ = 4_000  # characters of a command or a result that are read

_READ_COMMAND = re.compile(
    r"\s*(?:sudo |time |env |\w+=\S+ )*(?:ls|cat|head|tail|grep|rg|egrep|fgrep|find(?! .*-(?:delete|exec))|wc|pwd|echo|"
    r"printf|which|type|file|"
    r"stat|du|df|ps|top|env|printenv|whoami|id|date|uname|tree|less|more|diff|cmp|sort|uniq|cut|awk|sed(?! -i| .*-i)|jq|"
    r"nl|cd|true|test|man|history|"
    r"nproc|free|uptime|hostname|dig|ping|curl(?!.*-X ?(?:POST|PUT|PATCH|DELETE)|.* -d|.*--data|.* -[oO])|"
    r"git (?:--no-pager )?(?:status|log|diff|show|branch(?! -[dDmM])|blame|remote -v|rev-parse|ls-files|grep|describe)|"
    r"(?:pip|npm|docker|kubectl|gh|conda|apt|systemctl|helm|aws|gcloud)(?: --?[\w-]+(?:[= ][\w./:@-]+)?)* (?:list|show|ls|ps|"
    r"get|describe|logs|top|images|view|status|info|freeze|search|history|rollout (?:status|history))|sleep|"
    r"(?:python3? -m )?(?:pytest|unittest|mypy|ruff check|flake8|pylint|tsc)|npm (?:test|run (?:test|lint))|go (?:test|"
    r"vet)|cargo (?:test|check)|"
    r"python3? (?:-V|--version|[\w./-]*(?:test|bench)[\w-]*\.py))(?!\w)"
)
_DATABASE = re.compile(r"\s*(?:psql|mysql|mariadb|sqlite3|duckdb)\b")
_QUOTED_TEXT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_REDIRECTS = re.compile(r"(?<![0-9&<>=-])>{1,2}\s*(?!/dev/null|&)[\w./~$\"']")
_WRITING_CODE = re.compile(
    r"\bopen\([^)\n]{0,200}[\"'][wax]b?\+?[\"']|\.(?:write|write_text|write_bytes|to_csv|to_excel|to_json|to_sql|save|savefig|dump|"
    r"commit|post|put|patch|delete|unlink|rmdir|mkdir|rename|insert|update_one|insert_one|send|send_message)\(|"
    r"\b(?:shutil|subprocess|smtplib)\b|\bos\.(?:remove|system|rename|mkdir|makedirs)|"
    r"\b(?:INSERT INTO|UPDATE \w|DELETE FROM|DROP |CREATE |ALTER )"
)
_SQL = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:(?P<reads>select\b.*\bfrom|select\s+[\d(]|with\s+\w+\s+as\s*\(|show\s+(?:tables|databases|"
    r"columns)|describe\s+\w+\s*;?\s*$|"
    r"explain\s+select|pragma)|(?P<changes>insert\s+(?:or\s+\w+\s+)?into|update\s+[\w.\"`]+\s+set|delete\s+from|"
    r"(?:create|alter|drop)\s+(?:or\s+"
    r"replace\s+)?(?:temp\w*\s+)?(?:table|index|view|database|schema|user|role|function|trigger)|merge\s+into|"
    r"replace\s+into|grant\s|truncate\s))\b",
    re.IGNORECASE | re.DOTALL,
)
_COMMANDS = ("command", "cmd", "shell_command", "script", "bash", "shell")
_CODES = ("code", "python_code", "program")
_QUERIES = ("sql", "statement")
_ASKS_ONLY = re.compile(
    r"(?:query|queries|q|question|search\w*|keywords?|term|expression|prompt|topic|filter\w*|url|limit|page|offset|"
    r"thought|city|"
    r"location|symbol|fields?|columns?|select|(?:date|time)_?(?:min|max|from|to)|"
    r"(?:min|max|from|to|start|end|since|until)_?(?:date|time)|order_?by|sort\w*)$"
)
_ASKS_FIELDS = frozenset(("field", "fields", "columns", "select"))
_GIVES_VALUE = re.compile(r"value|new|content|body|data|to$", re.IGNORECASE)
_SUCCESS = re.compile(
    r"\bsuccess|\b(?:created|updated|deleted|removed|sent|booked|cancell?ed|saved|added|scheduled|submitted|assigned|"
    r"moved|completed|"
    r"processed|applied|activated|enabled|disabled|started|stopped|written|uploaded|installed|merged|deployed|"
    r"registered|changed|edited)\b",
    re.IGNORECASE,
)
_STATES = frozenset(
    ("success", "status", "ok", "message", "result", "succeeded", "updated", "deleted", "created", "affected", "rowcount")
)
_NOTHING = re.compile(r"(?i)\bno \w+(?: \w+)? (?:was |were )?found\b|\bnothing found\b|\bno (?:results?|match(?:es)?)\b")
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
_STATE = re.compile(r"stat(?:us|e)$|result|outcome|error|message|confirm|success|warning", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?i)(?:^|[_. (])(?:amount|total|price|balance|cost|fee|refund|payment|paid|charge|count|rows|"
    r"betrag|summe|preis|kosten|montant|prix|importe|precio)(?:$|[,)s])"
)
_NEW_ID = re.compile(r"(?:id|number|code|reference|ref|url|key)$|^id\b", re.IGNORECASE)
_CODE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])(?!\d{4}-\d\d)[\w#/-]{3,40}|\d{5,}")  # A-30991, d-71, 88210
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[:.]\d\d")
_EMPTY = frozenset(("", "none", "null", "true", "ok", "done", "success", "successful", "{}", "[]", '""'))


def changes(call: Call, result: str | None, value: Any = None) -> bool:
    """Return whether a call changed something, or might have; value: what the result is if it is JSON."""
    given = call.given if isinstance(call.given, dict) else {}
    by_input = _by_input(given, call)
    if by_input is not None:
        return by_input
    if _gives_new(call.name, given, value):
        return True
    by_name = changes_by_name(call.name)
    if by_name is False or _only_computes(given, result):
        return False
    return by_name or _by_outcome(given, result, value)


def _by_input(given: dict[str, Any], call: Call) -> bool | None:
    """Return what a shell, a database, an interpreter or a client of the web was asked to do."""
    if (edits := _edits(given)) is not None:
        return edits
    lone = call.given if isinstance(call.given, str) else None
    command = next((given[key] for key in _COMMANDS if isinstance(given.get(key), (str, list))), None)
    if command is None and acts(call.name):
        command = lone or next((given[key] for key in ("input", "text", "__arg1") if isinstance(given.get(key), str)), None)
    code = next((given[key] for key in _CODES if isinstance(given.get(key), str)), None)
    sql = next((given[key] for key in _QUERIES if isinstance(given.get(key), str)), None)
    sql = given["query"] if sql is None and isinstance(given.get("query"), str) else sql
    if command is not None:
        text = " ".join(map(str, command[:50])) if isinstance(command, list) else command
        return _does_more_than_read(text[:_READ])
    if code is not None:
        return _WRITING_CODE.search(code[:_READ]) is not None
    if sql is not None and (match := _SQL.match(sql[:_READ])):
        return match["changes"] is not None
    method = given.get("method")
    if isinstance(method, str) and method.upper() in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        return method.upper() not in ("GET", "HEAD", "OPTIONS")
    return None


def _edits(given: dict[str, Any]) -> bool | None:
    """Return whether an editor's call changes a file: it has an old text and a new one, or says that it only views."""
    if given.get("command") == "view":
        return False
    changed = any(f"new{key[3:]}" in given for key in given if key.startswith("old"))
    return True if changed or isinstance(given.get("edits"), list) else None


def _does_more_than_read(command: str) -> bool:
    if _REDIRECTS.search(command):
        return True
    asked = [match for text in _QUOTED_TEXT.findall(command) if (match := _SQL.match(text[1:]))]
    queries = bool(asked) and not any(match["changes"] for match in asked)
    parts = re.split(r"&&|\|\||[;|\n]", _QUOTED_TEXT.sub("''", command))
    return not all(_READ_COMMAND.match(part) or (queries and _DATABASE.match(part)) for part in parts if part.strip())


def _gives_new(name: str, given: dict[str, Any], value: Any) -> bool:
    """Return whether a result has a new id of what the tool is named for: `page` gives a page_id, `note` a note_id."""
    own = f"{name.rpartition('.')[2].lower()}_id"
    return isinstance(value, dict) and bool(value.get(own)) and own not in given and not doing(name).looks


def _only_computes(given: dict[str, Any], result: str | None) -> bool:
    """Return whether numbers went in and a number came out: `add(a=1, b=2)` adds nothing to the world."""
    numbers = list(given.values())
    return (
        bool(numbers)
        and all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in numbers)
        and result is not None
        and re.fullmatch(r"\W*(?:\"?result\"?\W+)?-?\d[\d.,e+-]*\W*", result[:60]) is not None
    )


def _by_outcome(given: dict[str, Any], result: str | None, value: Any) -> bool:
    """Guess from what went in and what came out, where the tool's name says nothing."""
    if given and _is_question(given):
        return result is not None and len(result) <= _SHORT and _SUCCESS.search(result) is not None
    head = (result or "")[:_READ].strip()
    if isinstance(value, dict) and any(isinstance(each, str) and _SUCCESS.fullmatch(each) for each in value.values()):
        return True  # status: cancelled
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), list):
        return False  # what there is: `restaurant_tables(...)`
    if head == "[]" or not (_ASKS_FIELDS.isdisjoint(given) or any(map(_GIVES_VALUE.search, given))):
        return False
    if _is_order(given):
        return True
    if isinstance(value, dict):
        told_ = any(str(key).lower() in _STATES for key in value)
        figures = len(value) > 1 and all(isinstance(each, (int, float)) for each in value.values())
        return len(value) <= _MANY_FIELDS and (told_ or not figures)
    if head[:1] in ("{", "[") or len(head) > _SHORT:
        return False
    return _NOTHING.search(head) is None


def _is_order(given: dict[str, Any]) -> bool:
    """Return whether a call says in detail how something is to be: records, or many values."""
    nested = any(
        isinstance(each, dict) or (isinstance(each, list) and each and isinstance(each[0], dict)) for each in given.values()
    )
    return nested or len(given) >= _MANY_ARGUMENTS


def _is_question(given: dict[str, Any]) -> bool:
    return all(_ASKS_ONLY.search(str(key).lower()) for key in given)


def ending_of(result: str | None, deed: bool, value: Any = None) -> Ending:
    """Return how a call ended, by its result; value: what the result is if it is JSON."""
    if result is None:
        return "asked"
    text = result.strip()
    if isinstance(value, dict) and isinstance(code := value.get("exception"), str) and _CODE.fullmatch(code):
        value = {key: inner for key, inner in value.items() if key != "exception"}  # one that was granted has a number
    fault = fault_of(text if value is None else value, text, deed)
    if not fault and (
        _FAILED.match(text) or (isinstance(value, dict) and (_says_failed(value) or (deed and _tells_error(value))))
    ):
        return "failed"
    if not fault and deed and value is None and "\n" in text and _COUNTS_FAILED.search(text[-_SHORT:]):
        return "failed"
    return "failed" if fault and (deed or fault != "absent") else "done"


def _says_failed(value: dict[str, Any]) -> bool:
    """Return whether an object has an error in another language: as a key, or as its status."""
    return any(
        bool(inner) and (_FAILED.match(str(key)) or (isinstance(inner, str) and _FAILED.match(inner)))
        for key, inner in islice(value.items(), _MANY_FIELDS)
        if isinstance(inner, (str, dict, list)) or inner is True
    )


def _tells_error(value: dict[str, Any]) -> bool:
    """Return whether a deed's result has the text of an error under a name of its own: `last_error`, `failure_reason`."""
    return any(
        isinstance(inner, str) and inner.lower() not in _EMPTY and _NAMES_ERROR.search(str(key)) is not None
        for key, inner in islice(value.items(), 2 * _MANY_FIELDS)
    )


def _is_said(part: Part, call: Deed) -> bool:
    """Return whether an argument has a part's value: a short one only under the same name."""
    key, sign, value = part.text.partition(": ")
    value = (value if sign else key).strip('"')
    named = f"{key.rpartition('.')[2]}=" if sign else ""
    return any(
        re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", argument) is not None
        for argument in call.arguments
        if value in argument and (len(value) >= _TELLING_VALUE or (named and argument.startswith(named)))
    )


def outcome_of(parts: Parts, call: Deed) -> list[Part]:
    """Return what a deed brought about that its arguments do not say: new ids, then states, amounts, of a short result
    all that is new; else its first words."""
    new = [part for part in parts.parts if not _is_said(part, call)]
    if parts.noun not in ("field", "item") or not any(": " in part.text or part.under for part in new):
        best = max(new, key=lambda part: part.worth, default=None)
        return [] if best is None else [best._replace(text=cut(best.text, _LONGEST_OUTCOME))]
    telling = [part for tells in (_is_new_id, _is_state, _is_amount, _is_id) for part in new if tells(part)]
    others = sorted(new, key=lambda part: _DATE.search(part.text) is None) if len(parts.parts) <= _MANY_FIELDS else []
    found = list(dict.fromkeys([*telling, *others]))
    chosen: list[Part] = []
    room = _LONGEST_OUTCOME
    for part in [part for part in found if not only_says_done(part)] or found:
        size = len(part.text) + len(part.under)
        if size <= room:
            chosen.append(part)
            room -= size + 2
    return chosen


def only_says_done(part: Part) -> bool:
    """Return whether a field is no more than `status: ok`."""
    return part.text.rpartition(": ")[2].lower() in _EMPTY


def _key_of(part: Part) -> str:
    return part.under or part.text.partition(": ")[0]


def _is_new_id(part: Part) -> bool:
    return not part.under and not _is_of_a_person(part) and _CODE.fullmatch(part.text.rpartition(": ")[2]) is not None


def _is_state(part: Part) -> bool:
    return _STATE.search(_key_of(part)) is not None


def _is_amount(part: Part) -> bool:
    return not part.under and _AMOUNT.search(_key_of(part)) is not None


def _is_id(part: Part) -> bool:
    return not _is_of_a_person(part) and _NEW_ID.search(_key_of(part)) is not None


def _is_of_a_person(part: Part) -> bool:
    return _key_of(part).lower().startswith(("user", "customer", "account"))


def reason_of(result: str) -> str:
    """Return why a call failed: the sentences or lines that say so."""
    text = result.strip()
    value = value_of(text) if text[:1] in ("{", "[") else None
    if isinstance(value, dict):
        return cut(_words_of(value), _LONGEST_REASON)
    raised = list(_RAISED.finditer(text[:_READ])) or list(_RAISED.finditer(text[-_READ:]))
    if raised:
        return cut(plain(raised[-1][1]), _LONGEST_REASON)
    if "\n" in text and len(text) > _LONGEST_REASON:
        lines = [line.strip() for line in text[-_READ:].splitlines() if line.strip()]
        text = next((line for line in reversed(lines) if _COMPLAINS.search(line)), lines[-1])
    return cut(plain(text), _LONGEST_REASON)


def _words_of(value: dict[str, Any]) -> str:
    """Return what an object says of an error: its short fields."""
    short = compact(value, _LONGEST_REASON)
    if short is not None:
        return short
    texts = [
        f"{key}: {text}" for key, inner in list(value.items())[:20] if (text := compact(inner, _LONGEST_REASON)) is not None
    ]
    return "; ".join(texts) or json.dumps(list(value)[:10], ensure_ascii=False)


def says_only_done(result: str, call: str) -> bool:
    """Return whether a result says nothing but that the call worked."""
    text = result.strip().rstrip(".!").lower()
    if text in _EMPTY or (len(text) <= _SHORT and text in call.lower()):
        return True
    if len(text) > 120 or not _SUCCESS.search(text):
        return False
    figures = re.findall(r"[\w.@-]*\d[\w.@-]*", text)
    return all(word == "1" or word in call.lower() for word in figures) and "\n" not in text
