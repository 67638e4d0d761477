"""Choose a tool by the words of a query: the rules that answer without a model.

Input      a query and its Place; the names of the tools on offer.
Output     Route: a tool and the values that the query gives for its arguments, not checked yet; "" if no tool does this.
Guarantees linear in the query; the first rule that fits decides.
"""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.programs.orchestrator import wordings as words
from dspy_programs.programs.orchestrator.asked import Asked
from dspy_programs.programs.orchestrator.known_values import SUFFIXES
from dspy_programs.programs.orchestrator.patterns import OPEN_CALL, pattern_of
from dspy_programs.programs.orchestrator.repository_tools import READ_ONLY
from dspy_programs.text import SPELLED, content_stems

_ENDINGS = SUFFIXES | {"markdown": "md", "yaml": "yml"}
_GLOBS = {name: f"*.{_ENDINGS[name]}" for name in "python javascript typescript rust go markdown yaml java".split()}


class Route(NamedTuple):
    tool: str
    arguments: dict[str, JsonValue]


def route_of(asked: Asked, offered: Collection[str]) -> Route:
    """Return the first route that fits, of the tools on offer."""
    if not content_stems(asked.query) and not asked.names and not asked.paths:
        return Route("", {})
    for rule in _RULES:
        found = rule(asked)
        if found is not None and (found.tool in offered or not found.tool):
            return found
        if found is not None and found.tool not in READ_ONLY | {"plan"}:
            return Route("", {})  # a search would be no change
    return Route("search", {"question": asked.query}) if "search" in offered else Route("", {})


def _off_topic(asked: Asked) -> Route | None:
    is_of_code = asked.identifiers or asked.paths or asked.quoted
    return Route("", {}) if words.OFF_TOPIC.search(asked.bare) and not is_of_code else None


def _patch(asked: Asked) -> Route | None:
    files = [path for path in asked.paths if path.endswith((".patch", ".diff"))]
    if not (files and re.search(r"\bapply\b", asked.bare)) and not words.APPLY.search(asked.bare):
        return None
    if re.search(r"^(?:how|where|what|why)\b", asked.bare) and not files:
        return None
    known = [path for path in asked.place.paths if path.endswith((".patch", ".diff"))]
    return Route("patch", {"file": (files or known)[0]} if files or len(known) == 1 else {})


def _plan(asked: Asked) -> Route | None:
    is_plan = words.PLAN.search(asked.bare) and not any("plan" in path for path in asked.paths)
    return Route("plan", {"task": asked.query}) if is_plan else None


def _index(asked: Asked) -> Route | None:
    return Route("index", dict(asked.in_path)) if words.INDEX.search(asked.bare) else None


def _change(asked: Asked) -> Route | None:
    should_be = words.SHOULD_BE.search(asked.bare) and not words.SHOW.search(asked.bare) and not words.USES.search(asked.bare)
    if words.LOOK_FIRST.search(asked.bare) or not (words.CHANGE.search(asked.bare) or should_be):
        return None
    if words.MORE_DEEDS.search(asked.bare):
        return Route("run", {"task": asked.query})
    files = [path for path in asked.paths if not asked.is_folder(path)]
    return Route("edit", {"task": asked.query, **({"file": files[0]} if len(files) == 1 else {})})


def _commands(asked: Asked) -> Route | None:
    return Route("commands", {"task": asked.query}) if words.COMMANDS.search(asked.bare) else None


def _context(asked: Asked) -> Route | None:
    if not words.WENT_WRONG.search(asked.bare) or words.LOGGING.search(asked.bare):
        return None
    place = asked.place
    logs = {*place.log_paths, *_folders_of(place.log_paths)}
    said = [path for path in asked.paths if logs & {*place.named(path)} or path.endswith((".log", ".out", ".err"))]
    if said:
        return Route("context", {"logs": said[0]})
    if place.logs and not place.log_paths:
        return Route("context", {"logs": "-"})
    if place.log_paths:
        return Route("context", _log_place(asked))
    return Route("context", {}) if words.SAYS_LOGS.search(asked.bare) else None


def _log_place(asked: Asked) -> dict[str, JsonValue]:
    """Return the log that the query speaks of, the only one, or the folder of all."""
    paths = asked.place.log_paths
    said = re.findall(r"\w+", asked.low)
    named = [path for path in paths if re.split(r"[./]", path.rpartition("/")[2])[0] in said]
    files = [path for path in paths if not path.endswith("/")]
    if len(named) == 1:
        return {"logs": named[0]}
    if len(files) == 1 or len(paths) == 1:
        return {"logs": (files or paths)[0]}
    folders = _folders_of(files)
    return {"logs": folders[0]} if len(folders) == 1 and folders[0] else {}


def _folders_of(paths: Collection[str]) -> list[str]:
    return sorted({path[: path.rfind("/") + 1] for path in paths})


def _form(asked: Asked) -> Route | None:
    texts = [text for text in asked.quoted if words.FORM.search(text)]
    texts += re.findall(r"[\w.]*\w\([^()]*(?:\$|\.\.\.|…)[^()]*\)", asked.query)
    if not texts:
        return None
    language = asked.place.language
    other = {"lang": language} if language not in ("", "python") else {}
    return Route("sg", {"pattern": re.sub(r"\.\.\.|…", "$$$", texts[0]), **other, **_inside(asked, texts[0])})


def _inside(asked: Asked, other: str = "") -> dict[str, JsonValue]:
    """Return the path that a search is limited to."""
    paths = [path for path in asked.paths if path not in other]
    return {"path": paths[0]} if paths else {}


def _grep(asked: Asked) -> Route | None:
    is_text = bool(words.TEXT.search(asked.bare) or OPEN_CALL.search(asked.query))
    is_text = is_text or bool(asked.quoted and words.FIND.search(asked.bare))
    if not words.USES.search(asked.bare) and not is_text and not (asked.quoted and not asked.names):
        return None
    found = pattern_of(asked)
    if found is None:
        return Route("grep", {}) if re.search(r"\bgrep\b", asked.bare) else None
    globs = [glob for name, glob in _GLOBS.items() if re.search(rf"\b{name}(?: files?| code)\b|\bin {name}\b", asked.bare)]
    return Route("grep", {"pattern": found, **({"glob": globs[0]} if globs else {}), **_inside(asked, found)})


def _map(asked: Asked) -> Route | None:
    if not words.MAP.search(asked.bare) or any(not asked.is_folder(path) for path in asked.paths) or asked.identifiers:
        return None
    budget = re.search(r"\b(\d{2,6}) tokens\b", asked.bare)
    return Route("map", {**asked.in_path, **({"tokens": int(budget[1])} if budget else {})})


def _summary(asked: Asked) -> Route | None:
    if asked.paths and words.ABOUT.search(asked.bare) and not asked.names and not words.TREE.search(asked.bare):
        if asked.is_folder(asked.paths[0]) and (words.WHAT_IS_IN.search(asked.bare) or words.ASKS.search(asked.bare)):
            return None
        return Route("summary", dict(asked.in_path))
    return Route("summary", {}) if words.VAGUE_FILE.search(asked.bare) and not asked.paths and not asked.names else None


def _tree(asked: Asked) -> Route | None:
    there = re.match(r"which (\w+) (?:exist|are there|do we have)\b", asked.bare)
    if there and asked.is_folder(there[1]):
        return Route("tree", {"path": there[1]})
    is_folder = bool(asked.paths) and asked.is_folder(asked.paths[0])
    lists = is_folder and re.match(r"(?:please |pls )?(?:list|ls)\b", asked.bare)
    if asked.names or not (lists or words.TREE.search(asked.bare) or (words.WHAT_IS_IN.search(asked.bare) and is_folder)):
        return None
    levels = words.LEVELS.search(asked.bare)
    said = next(filter(None, levels.groups())) if levels else ""
    deep = {"depth": int(said) if said.isdigit() else SPELLED.index(said)} if said else {}
    return Route("tree", {**({"path": asked.paths[0]} if is_folder else {}), **deep})


def _extract(asked: Asked) -> Route | None:
    if re.search(r"\bdifferences? between\b", asked.bare):
        return None
    if not asked.names:
        return Route("extract", {}) if words.SHOW_ONE.search(asked.bare) and not asked.paths else None
    if not words.SHOW.search(asked.bare) and (words.ASKS.search(asked.bare) or not asked.identifiers):
        return None
    files = [path for path in asked.paths if not asked.is_folder(path)]
    return Route("extract", {"symbol": asked.names[0], **({"path": files[0]} if files else {})})


_RULES: tuple[Callable[[Asked], Route | None], ...] = (
    _off_topic,
    _patch,
    _plan,
    _index,
    _change,
    _form,
    _context,
    _commands,
    _grep,
    _map,
    _summary,
    _tree,
    _extract,
)
