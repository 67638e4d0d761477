"""Words of a goal that two things there may be meant by: "the report" of two reports, "Anna" of two people in a list.

A model would take the first one. Only the user knows, so it is asked for before anything is done.

Input      goal, English or German; the workspace.
Output     Choice: the words, and what they may mean; None where the goal means all of them, or its other words tell which.
Guarantees no model; only texts of the files that the goal names are read.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dspy_programs.agent.rules.goal_words import PATH
from dspy_programs.agent.scripts.files_shown import files_in, is_named, text_at
from dspy_programs.agent.workspace.workspace import Workspace

_LONGEST = 600  # characters of a goal: who says so much has said which
_MOST = 6  # things to choose from; of more, the words name a kind
_MANY = re.compile(
    r"\b(?:all|any|both|each|every\w*|those|these|how\s+many|count|list|merge|compare|everywhere|alle\w*|jede\w*|beide\w*|sämtliche\w*)\b",
    re.IGNORECASE,
)
_ONE = re.compile(
    r"\b(?:set|change|update|correct|give|mark|remove|delete|rename|move|copy|raise|put|add|append|edit|fix|open|read|show|print"
    r"|clear|archive|what|when|where|send|setz\w*|änder\w*|lösch\w*|trag\w*|verschieb\w*|benenn\w*|kopier\w*|ergänz\w*|öffne|lies"
    r"|zeig\w*|was|wann|wo|häng\w*)\b",
    re.IGNORECASE,
)
_THING = re.compile(
    r"\b(?:the|die|den|das|der)\s+(?P<noun>[A-Za-zÄÖÜäöüß]{4,20})(?:\s+(?:file|datei))?"
    r"(?!\w|\s+(?:of|from|von|des|named|called|files|dateien)\b|-)",
    re.I,
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|`[^`\n]*`|“[^”\n]*”|„[^“”\n]*[“”]|(?<!\w)'[^'\n]*'(?!\w)")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-ZÄÖÜ][a-zäöüß]{2,}(?:-[A-ZÄÖÜ][a-zäöüß]+)?\b(?!['’]?s?\s+[A-ZÄÖÜ][a-zäöüß]{2,})")
_FIELD = re.compile(r"[,;\t|]")
_FULL = re.compile(r"[A-ZÄÖÜ][\w'’-]+(?:\s+[A-ZÄÖÜ][\w'’.-]+)+")
_WORD = re.compile(r"[^\W_]{3,}")


class Choice(NamedTuple):
    """words: of the goal; options: what they may mean, in the workspace's words."""

    words: str
    options: tuple[str, ...]


def choice(goal: str, workspace: Workspace) -> Choice | None:
    """Return what a goal leaves open between several things."""
    bare = _QUOTED.sub(" ", goal)
    if len(goal) > _LONGEST or _MANY.search(bare) or not _ONE.search(bare):
        return None
    paths = [file.path for file in files_in(workspace)]
    return _of_paths(bare, paths) or _of_descriptions(bare, paths) or _of_people(bare, paths, workspace)


def _of_paths(goal: str, paths: Sequence[str]) -> Choice | None:
    """Return a name that several folders have a file of."""
    for match in PATH.finditer(goal):
        name = match[0].removeprefix("./")
        same = [path for path in paths if path.endswith(f"/{name}")]
        told = [path for path in same if re.search(rf"(?<![\w-]){re.escape(path.split('/')[-2])}(?![\w-])", goal, re.I)]
        if name not in paths and 2 <= len(same) <= _MOST and not told:
            return Choice(match[0], (*same,))
    return None


def _of_descriptions(goal: str, paths: Sequence[str]) -> Choice | None:
    """Return a noun that is in the names of several files, of which the goal names none."""
    words = {word.lower() for word in _WORD.findall(goal)}
    for match in _THING.finditer(goal):
        noun = match["noun"].lower()
        found = [path for path in paths if noun in _parts(path)]
        told = [path for path in found if is_named(path, goal) or words & (_parts(path) - {noun})]
        if (
            2 <= len(found) <= _MOST
            and not told
            and not any(noun == word for path in paths if is_named(path, goal) for word in _parts(path))
        ):
            return Choice(match[0], (*found,))
    return None


def _of_people(goal: str, paths: Sequence[str], workspace: Workspace) -> Choice | None:
    """Return a name that several people have in the one file that the goal names."""
    named = [path for path in paths if is_named(path, goal)]
    if len(named) != 1 or named[0].endswith(".py"):
        return None
    lines = (text_at(named[0], workspace) or "").splitlines()
    spoken = {word.lower() for word in _WORD.findall(PATH.sub(" ", goal))}
    for name in dict.fromkeys(_NAME.findall(PATH.sub(" ", goal))):
        own = re.compile(rf"\b{re.escape(name)}\b")
        having = [line for line in lines if own.search(line)]
        people = [next(_people_in(line, own), "") for line in having]
        if 2 <= len(having) <= _MOST and all(people) and len(set(people)) == len(people):
            told = [sum(word.lower() in spoken for word in _WORD.findall(line)) for line in having]
            if told.count(max(told)) == len(told):
                return Choice(name, (*people,))
    return None


def _people_in(line: str, own: re.Pattern[str]) -> Iterator[str]:
    """Yield the full names in a line that have a name in them: "Anna Berg", or Anna and Berg in two cells."""
    fields = [field.strip(" \"'-*") for field in _FIELD.split(line)]
    for place, field in enumerate(fields):
        yield from (full for full in _FULL.findall(field) if own.search(full))
        beside = fields[place + 1 : place + 2] + fields[max(0, place - 1) : place]
        if own.fullmatch(field):
            yield from (f"{field} {other}" for other in beside if re.fullmatch(r"[A-ZÄÖÜ][\w'’-]+", other))


def _parts(path: str) -> set[str]:
    """Return the words of a file's name."""
    return {word.lower() for word in re.findall(r"[^\W\d_]+", path.rpartition("/")[2].rpartition(".")[0])}
