"""The calls that set values of keys: in JSON, INI, TOML, YAML and .env files.

Input      found: where a wording matches; goal; workspace.
Output     the calls; [] if the words leave anything open.
Raises     ToolError or ValueError with the reason where a file or a key is not as the words take it to be.
"""

import json
import re

from pydantic import JsonValue

from dspy_programs.agent.rules.pieces import NEW, PATH, THE, WORD, Maker, must_be_there, one, said
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?|true|false|null")
_SWITCHES = (("false", "true"), ("off", "on"), ("no", "yes"), ("0", "1"), ("disabled", "enabled"))
_JSON_VALUE = r'(?P<head>"KEY"\s*:\s*)(?P<value>"(?:[^"\\\n]|\\.)*"|-?[\d.]+|true|false|null)(?P<tail>)'
_LINE_VALUE = r"^(?P<head>[ \t]*[\"']?KEY[\"']?[ \t]*[:=][ \t]*)(?P<value>[^\r\n{\[][^\r\n]*?)(?P<tail>[ \t]*)$"
_KEY = r"(?P<key>[\w .-]{2,40}?)"
_SET = rf"\b(?:set|change|bump|update|setze?|ändere?|stelle?)\s+(?:bitte\s+)?{THE}[\"'`]?{_KEY}[\"'`]?\s+"


def values(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Set a key to a value in a file of keys and values: JSON, INI, TOML, YAML, .env."""
    return _value_set(found["key"].strip(), said(found, "value"), one(found["path"]), workspace)


def _value_set(name: str, value: str, path: str, workspace: Workspace) -> list[Call]:
    must_be_there(path, workspace)
    is_place = path.endswith(".json") and "." in name
    if is_place and not isinstance(_held(name.split("."), path, workspace), (dict, list, type(None))):
        return _inner(name, value, path, workspace)
    places = _places(name, path, workspace)
    if len(places) > 1 and path.endswith(".json") and not isinstance(_held([name], path, workspace), (dict, list, type(None))):
        return _inner(name, value, path, workspace)  # the one of the whole file, not one inside of something
    if len(places) != 1:
        held = f"is {len(places)} times in" if places else "is not in"
        raise ValueError(f"{name} {held} {path} as a key with a plain value")
    head, old, tail = places[0].group("head", "value", "tail")
    new = _in_the_form_of(old, value, is_json=path.endswith(".json"))
    if not new:
        raise ValueError(f"{name} is a number or true/false in {path}, and {value} is neither")
    if new == old:
        raise ValueError(f"{name} in {path} is {old} already")
    if workspace.text(path).count(head + old + tail) != 1:
        return []
    return [Call(tool="edit_file", arguments={"path": path, "old": head + old + tail, "new": head + new + tail})]


def _places(name: str, path: str, workspace: Workspace) -> list[re.Match[str]]:
    """Return where a file has a plain value for a key."""
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).split()
    key = r"[ \t._-]*".join(map(re.escape, words))
    pattern = _JSON_VALUE if path.endswith(".json") else _LINE_VALUE
    return [*re.finditer(pattern.replace("KEY", key), workspace.text(path), re.I | re.M)] if words else []


def switched(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Turn something on or off that is true or false."""
    is_on = (found["state"] or found["verb"]).lower() in ("on", "enable", "ein", "an", "aktiviere")
    name, path = found["key"].strip(), one(found["path"])
    must_be_there(path, workspace)
    places = _places(name, path, workspace)
    old = places[0]["value"] if len(places) == 1 else ""
    pair = next((pair for pair in _SWITCHES if old.strip("\"'").lower() in pair), None)
    if pair is None:
        raise ValueError(f"{name} is nothing in {path} that is on or off")
    return _value_set(name, pair[is_on], path, workspace)


def inner_values(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Set a value inside of another one in JSON: "the port of the db"."""
    path = one(found["path"])
    must_be_there(path, workspace)
    return _inner(f"{found['outer']}.{found['inner']}", said(found, "value"), path, workspace)


def _inner(place: str, value: str, path: str, workspace: Workspace) -> list[Call]:
    old = _held(place.split("."), path, workspace)
    if old is None or isinstance(old, (dict, list)):
        raise ValueError(f"{place} is not in {path} as a key with a plain value")
    if not isinstance(old, str) and not _PLAIN.fullmatch(value):
        raise ValueError(f"{place} is a number or true/false in {path}, and {value} is neither")
    new = value if isinstance(old, str) else json.loads(value)
    return [Call(tool="json_set", arguments={"path": path, "key": place, "value": new})]


def added(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Add a key to a JSON file."""
    path, key = one(found["path"]), said(found, "key")
    must_be_there(path, workspace)
    if _held(key.split("."), path, workspace) is not None:
        raise ValueError(f"{key} is in {path} already")
    return [Call(tool="json_set", arguments={"path": path, "key": key, "value": _literal(found, "value")})]


def _held(parts: list[str], path: str, workspace: Workspace) -> JsonValue:
    """Return what a JSON file has at a place, None for nothing."""
    held: JsonValue = json.loads(workspace.text(path))
    for part in parts:
        if isinstance(held, list):
            held = held[int(part)] if part.isdecimal() and int(part) < len(held) else None
        else:
            held = held.get(part) if isinstance(held, dict) else None
    return held


def _literal(found: re.Match[str], name: str) -> JsonValue:
    """Return a value as JSON has it: what is quoted is a text, and so is what is no number, true, false or null."""
    text = said(found, name)
    return json.loads(text) if text == found[name] and _PLAIN.fullmatch(text) else text


def _in_the_form_of(old: str, value: str, *, is_json: bool) -> str:
    """Return a value quoted as the old one was; "" if a text would take a number's place in JSON."""
    if old[:1] in ("'", '"') and old[-1:] == old[:1]:
        return json.dumps(value, ensure_ascii=False) if is_json else f"{old[0]}{value}{old[0]}"
    return value if not is_json or _PLAIN.fullmatch(value) else ""


WORDINGS: list[tuple[str, Maker]] = [
    (
        rf"\b(?P<verb>turn|switch)\s+(?P<state>on|off)\s+{THE}[\"'`]?{_KEY}[\"'`]?\s+in\s+{THE}(?P<path>{PATH})",
        switched,
    ),
    (
        rf"\b(?P<verb>turn|switch)\s+{THE}[\"'`]?{_KEY}[\"'`]?\s+(?P<state>on|off)\s+in\s+{THE}(?P<path>{PATH})",
        switched,
    ),
    (
        rf"\b(?P<verb>enable|disable|aktiviere|deaktiviere)\s+{THE}[\"'`]?{_KEY}[\"'`]?\s+in\s+{THE}(?P<path>{PATH})(?P<state>)",
        switched,
    ),
    (
        rf"\b(?:set|change|update)\s+{THE}(?P<inner>[\w-]+)\s+of\s+{THE}(?P<outer>[\w-]+)\s+in\s+{THE}(?P<path>{PATH})\s+to\s+(?P<value>{WORD})",
        inner_values,
    ),
    (
        rf"\badd\s+{THE}{NEW}(?:key|field|entry|setting|option)\s+(?P<key>{WORD})\s+(?:with\s+(?:the\s+)?value|=|set\s+to|as)\s+(?P<value>{WORD})\s+"
        rf"(?:to|in|into)\s+{THE}(?P<path>{PATH})",
        added,
    ),
    (
        rf"{_SET}in\s+{THE}(?P<path>{PATH})\s+(?:(?:from|von)\s+\S+\s+)?(?:to|auf)\s+(?P<value>{WORD})",
        values,
    ),
    (rf"{_SET}(?:(?:from|von)\s+\S+\s+)?(?:to|auf)\s+(?P<value>{WORD})\s+in\s+{THE}(?P<path>{PATH})", values),
]
