"""What a row asks and answers, whatever its format, and even if something is wrong with it.

`data ingest` refuses a row that is no pair; here a row with a missing answer or a number for a text is what is looked for,
so nothing is refused and what cannot be read is empty.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from dspy_programs.data.checks.finding import contents_of
from dspy_programs.data.pair import DataPair

FORMATS = ("alpaca", "chatml", "sharegpt", "prompt-completion", "generic")
CHATS = ("messages", "conversations", "conversation")
ASKED = ("instruction", "prompt", "question", "query", "goal", "task")
ANSWERED = ("output", "completion", "response", "answer", "chosen")
GIVEN = ("input", "context", "passage")
REST = ("system", "rejected", "tools", "history")  # content too, beside what is asked and answered
_ABOUT = frozenset(
    "metadata meta category difficulty level source topic tags tag created_at created updated_at updated date timestamp split "
    "url link model model_name author annotator user score rating quality verdict rubric license version status hash dataset "
    "source_seed cycle_id".split()
)
_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant"}
IDS = frozenset(("id", "_id", "uuid", "guid", "idx", "index", "row_id", "example_id"))


_DEFAULTS: dict[str, Any] = {
    name: None if field.default_factory else field.default for name, field in DataPair.model_fields.items()
}
"""Given all of them, pydantic looks up none: that would take a third of all the time."""


class View(NamedTuple):
    """format: alpaca, chatml, sharegpt, prompt-completion or generic. turns: of a conversation, in OpenAI's form, else None.

    more: the texts of other columns, but for numbers, unless it is generic.
    """

    format: str
    asked: str
    given: str
    answered: str
    system: str = ""
    more: str = ""
    turns: list[dict[str, Any]] | None = None

    def as_pair(self) -> DataPair:
        """Return it as the checks of pairs take it. What other columns say is an input, or the answer if there is none."""
        beside, output = (self.given, self.answered or self.more)
        if self.answered and self.more:
            beside = f"{self.given}\n{self.more}"
        given: dict[str, Any] = {"instruction": self.asked, "input": beside, "output": output}
        given |= {"context": self.system, "messages": self.turns}
        return DataPair.model_construct(**{**_DEFAULTS, **given})

    def whole(self) -> str:
        """Return all its texts as one."""
        return "\n".join(text for text in (self.system, self.asked, self.given, self.answered, self.more) if text)


def view_of(row: Mapping[str, Any]) -> View:
    """Return what a row says."""
    names = {name.lower(): name for name in row}
    for chat in CHATS:
        if chat in names and not _is_text(row[names[chat]]):
            return _of_chat("chatml" if chat == "messages" else "sharegpt", row[names[chat]], row, names)
    asked, given, answered = (_first(row, names, group) for group in (ASKED, GIVEN, ANSWERED))
    kind = format_of(names)
    system = "\n".join(text for name in REST if name in names and kind != "generic" and (text := text_of(row[names[name]])))
    taken = {asked, given, answered, *(names[name] for name in REST if name in names and kind != "generic")}
    return View(
        kind,
        text_of(row[asked]) if asked else "",
        text_of(row[given]) if given else "",
        text_of(row[answered]) if answered else "",
        system,
        _more(row, taken, kind == "generic"),
    )


def _more(row: Mapping[str, Any], taken: set[str], with_numbers: bool) -> str:
    """Return the texts of the columns that no role takes, but for what only says something about the row."""
    rest = [value for name, value in row.items() if name not in taken and not is_about(name.lower())]
    return "\n".join(
        text for value in rest if (with_numbers or not isinstance(value, (int, float))) and (text := text_of(value))
    )


def is_about(name: str) -> bool:
    """Return whether a column says something about a row, which is not trained on."""
    return name in IDS or name in _ABOUT or name.endswith("_id")


def format_of(names: Mapping[str, str]) -> str:
    """Return the format that the names of a row's fields, in lower case, speak of."""
    if "messages" in names:
        return "chatml"
    if "conversations" in names or "conversation" in names:
        return "sharegpt"
    if "instruction" in names and ("output" in names or "response" in names or len(names) <= 2):
        return "alpaca"
    if "completion" in names or ("prompt" in names and ("response" in names or "chosen" in names)):
        return "prompt-completion"
    return "generic"


def text_of(value: object) -> str:
    """Return a value as the text it would be trained on: of turns what they say; nothing for null."""
    if isinstance(value, str):
        return value
    if value is None or value in ([], {}):
        return ""
    inner = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) else value
    if isinstance(inner, list) and all(isinstance(turn, dict) and isinstance(turn.get("content"), str) for turn in inner):
        return "\n".join(turn["content"] for turn in inner)
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _first(row: Mapping[str, Any], names: Mapping[str, str], group: tuple[str, ...]) -> str:
    """Return the column of the first name that has a value; else of the first that is there, else ""."""
    there = [names[name] for name in group if name in names]
    return next((name for name in there if row[name] not in (None, "")), there[0] if there else "")


def _of_chat(kind: str, value: object, row: Mapping[str, Any], names: Mapping[str, str]) -> View:
    each = value if isinstance(value, list) else []
    turns = [turn for one in each if (turn := _turn(one))]
    if any(isinstance(one, dict) and "from" in one for one in each):
        kind = "sharegpt"
    said: dict[str, list[str]] = {"user": [], "system": [], "": []}
    for turn in turns:
        role = "system" if turn["role"] == "developer" else turn["role"]
        said[role if role in said else ""] += contents_of(turn)
    system = [*said["system"], *(text for name in REST if name in names and (text := text_of(row[names[name]])))]
    taken = {names[name] for name in (*CHATS, *REST) if name in names}
    more = _more(row, taken, False)
    return View(kind, "\n".join(said["user"]), "", "\n".join(said[""]), "\n".join(system), more, turns)


def _turn(each: object) -> dict[str, Any] | None:
    if not isinstance(each, dict):
        return None
    if "role" in each:
        return {**each, "role": str(each["role"])}
    role = str(each.get("from", ""))
    return {"role": _ROLES.get(role, role), "content": text_of(each.get("value"))}
