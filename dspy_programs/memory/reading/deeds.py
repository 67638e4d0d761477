"""Whether a call changed something.

Input      a call, and its result's text; None where it has none.
Output     changes: whether the call changed something.
Guarantees what it was told to do decides first (a shell's command, SQL, code, a request's method), then its name, then what it
           was given and returned; a call that nothing tells anything of counts as a deed: better a line too many than one
           deed forgotten.
Source     verbs.py of the failure judge.
"""

import re
from typing import Any

from dspy_programs.conversation import Call
from dspy_programs.memory.reading.outcomes import SUCCESS
from dspy_programs.programs.failure_judge import acts, changes_by_name, doing

_MANY_FIELDS = 6  # of a result that only tells something
_MANY_ARGUMENTS = 4
_SHORT = 300  # characters of a result that only says what was done
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
_STATES = frozenset(
    ("success", "status", "ok", "message", "result", "succeeded", "updated", "deleted", "created", "affected", "rowcount")
)
_NOTHING = re.compile(r"(?i)\bno \w+(?: \w+)? (?:was |were )?found\b|\bnothing found\b|\bno (?:results?|match(?:es)?)\b")


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
        return result is not None and len(result) <= _SHORT and SUCCESS.search(result) is not None
    head = (result or "")[:_READ].strip()
    if isinstance(value, dict) and any(isinstance(each, str) and SUCCESS.fullmatch(each) for each in value.values()):
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
