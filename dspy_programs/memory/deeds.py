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
from functools import lru_cache
from typing import Any, Literal

from dspy_programs.conversation import Call
from dspy_programs.memory.deed_lines import cut
from dspy_programs.memory.fields import compact, plain
from dspy_programs.memory.text_results import value_of
from dspy_programs.programs.failure_judge import acts, doing, fault_of

Ending = Literal["done", "failed", "asked"]

_LONGEST_REASON = 300  # characters
_MANY_FIELDS = 6  # of a result that only tells something
_MANY_ARGUMENTS = 4
_SHORT = 300  # characters of a result that says how a deed ended
_READ = 4_000  # characters of a command or a result that are read

_NAME = re.compile(r"[A-Za-z]+?(?=[A-Z][a-z])|[A-Za-z]+")
_CHANGES = frozenset(
    "mv cp mkdir touch rm rmdir ln chmod chown kill write upload download approve reject accept decline confirm login "
    "logout log "
    "authenticate sign fund press start stop fill lock unlock turn activate deactivate follow unfollow retweet tweet "
    "like contact "
    "resolve reopen escalate block unblock ban pin unpin star vote sync reset retry trigger launch provision scale "
    "migrate rollback "
    "commit push merge checkout rebase stash apply grant deny allow forbid hire fire feed play pause mute resume "
    "subscribe enroll "
    "withdraw deposit transfer redeem claim dispatch ship assign unassign attach detach link unlink tag untag label set "
    "unset".split()
)
_LOOKS = frozenset(
    "cat ls grep diff wc tail head sort pwd du which stat tree mean average subtract multiply divide logarithm "
    "sqrt power round "
    "max min sum convert percentage display estimate lookup peek scan detect classify predict score rank explain parse format "
    "validate test ping info details metadata stats metrics report thought reason reflect note current now today time "
    "date version "
    "help documentation docs schema trace balance quote rate rates forecast directions distance route dictionary define wiki "
    "lesen suchen pruefen prüfen anzeigen abfragen lire chercher consulter leer buscar consultar "
    "wikipedia google bing web page crawl scrape extract ocr caption embed retrieval rag knowledge memory recall".split()
)
_ONLY_LOOK = frozenset(
    "get list view search find fetch retrieve check show query read lookup analyze analyse calculate compute compare "
    "detect validate "
    "verify count describe".split()
)
_ALSO_NOUNS = frozenset(
    "message order credit email mail post log record report share text transfer comment tweet plot register return mark close "
    "open exchange charge issue deposit schedule plan budget store payment refund make book ticket login press star pin "
    "tag label "
    "vote contact feed block note export account reset".split()
)  # in front of the verb they name a thing: `ticket_get_login_status`
_READ_COMMAND = re.compile(
    r"\s*(?:sudo |time |env |\w+=\S+ )*(?:ls|cat|head|tail|grep|rg|egrep|fgrep|find(?! .*-(?:delete|exec))|wc|pwd|echo|"
    r"printf|which|type|file|"
    r"stat|du|df|ps|top|env|printenv|whoami|id|date|uname|tree|less|more|diff|cmp|sort|uniq|cut|awk|sed(?! -i| .*-i)|jq|"
    r"nl|cd|true|test|man|history|"
    r"nproc|free|uptime|hostname|dig|ping|curl(?!.*-X ?(?:POST|PUT|PATCH|DELETE)|.* -d|.*--data|.* -[oO])|"
    r"git (?:--no-pager )?(?:status|log|diff|show|branch(?! -[dDmM])|blame|remote -v|rev-parse|ls-files|grep|describe)|"
    r"(?:pip|npm|docker|kubectl|gh|conda|apt|systemctl) (?:list|show|ls|ps|get|describe|logs|images|view|status|info|"
    r"freeze|search)|"
    r"(?:python3? -m )?(?:pytest|unittest|mypy|ruff check|flake8|pylint|tsc)|npm (?:test|run (?:test|lint))|go (?:test|"
    r"vet)|cargo (?:test|check)|"
    r"python3? (?:-V|--version))\b"
)
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
    r"registered|changed)\b",
    re.IGNORECASE,
)
_STATES = frozenset(
    ("success", "status", "ok", "message", "result", "succeeded", "updated", "deleted", "created", "affected", "rowcount")
)
_NOTHING = re.compile(r"(?i)\bno \w+(?: \w+)? (?:was |were )?found\b|\bnothing found\b|\bno (?:results?|match(?:es)?)\b")
_FAILED = re.compile(
    r"(?:[\w.@-]{1,40}: )?(?:fehler|erreur|fout|errore|error|exitcode: [1-9]\d*)\b|错误|錯誤|エラー|오류|ошибка", re.IGNORECASE
)
_EMPTY = frozenset(("", "none", "null", "true", "ok", "done", "success", "successful", "{}", "[]", '""'))


@lru_cache(maxsize=4096)
def _by_name(name: str) -> bool | None:
    """Return whether a tool changes something, by its name; None where that says nothing."""
    does = doing(name)
    if does.looks:
        return False
    words = [word.lower() for word in _NAME.findall(name[:200].rpartition(".")[2] or name[:200])]
    first = words[0] if words else ""
    if first in _LOOKS or next((word in _ONLY_LOOK for word in words if word not in _ALSO_NOUNS and _is_verb(word)), False):
        return False
    if first in _CHANGES or (does.kinds and not acts(name)) or not _CHANGES.isdisjoint(words):
        return True
    return False if not _LOOKS.isdisjoint(words) else None


def _is_verb(word: str) -> bool:
    return word in _ONLY_LOOK or word in _CHANGES or bool(doing(word).kinds)


def changes(call: Call, result: str | None, value: Any = None) -> bool:
    """Return whether a call changed something, or might have; value: what the result is if it is JSON."""
    given = call.given if isinstance(call.given, dict) else {}
    by_input = _by_input(given, call)
    if by_input is not None:
        return by_input
    by_name = _by_name(call.name)
    if by_name is not None:
        return by_name and not _only_computes(given, result)
    return _by_outcome(given, result, value)


def _by_input(given: dict[str, Any], call: Call) -> bool | None:
    """Return what a shell, a database, an interpreter or a client of the web was asked to do."""
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


def _does_more_than_read(command: str) -> bool:
    if _REDIRECTS.search(command):
        return True
    parts = re.split(r"&&|\|\||[;|\n]", command)
    return not all(_READ_COMMAND.match(part) for part in parts if part.strip())


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
    fault = fault_of(text if value is None else value, text, deed)
    if not fault and _FAILED.match(text):
        return "failed"
    return "failed" if fault and (deed or fault != "absent") else "done"


def reason_of(result: str) -> str:
    """Return why a call failed: the sentences or lines that say so."""
    text = result.strip()
    value = value_of(text) if text[:1] in ("{", "[") else None
    if isinstance(value, dict):
        return cut(_words_of(value), _LONGEST_REASON)
    if "\n" in text and (len(text) > _LONGEST_REASON or "Traceback" in text):
        lines = [line.strip() for line in text[-_READ:].splitlines() if line.strip()]
        told_ = [line for line in lines if re.search(r"error|exception|fail|fatal|denied|not found", line, re.IGNORECASE)]
        text = (told_ or lines)[-1]
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
    if text in _EMPTY:
        return True
    if len(text) > 120 or not _SUCCESS.search(text):
        return False
    return all(word in call.lower() for word in re.findall(r"[\w.@-]*\d[\w.@-]*", text)) and "\n" not in text
