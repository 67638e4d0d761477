"""When a goal counts as reached: what its own words ask for and code can check.

"Write the total to answer.txt, and do not change report.txt" asks for two things that can be looked at. They are read from
the user's words, never from the model's: a model that plans badly must not also say when it is done. Words tell little, the
workspace tells the rest: a path that is not there yet is to be made, one that is there is read or changed.

Input      the goal, English or German; the paths of the files that are there.
Output     one criterion for each path that is to be made, changed, deleted, moved or left alone, with its text where that is
           quoted, and for each command that is to pass. [] where the words say nothing that can be checked.
Guarantees no model; linear in the goal and the files.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise

from pydantic import BaseModel

from dspy_programs.agent.checking.checks import Check
from dspy_programs.agent.rules import goal_words as words
from dspy_programs.agent.rules.mentions import Mention, folders_in, mentions_in
from dspy_programs.programs.planner import split_goal

_LONGEST = 20_000  # characters of a goal that are read


class Criterion(BaseModel):
    """One thing that must be true in the end: the words that ask for it, and the check."""

    words: str
    check: Check

    def __str__(self) -> str:
        return str(self.check)


def criteria_of(goal: str, files: Collection[str] = ()) -> list[Criterion]:
    """Return what a goal asks for as far as code can check it, in the goal's order, each once."""
    goal, known = goal[:_LONGEST], set(files)
    found: dict[str, Criterion] = {}
    commands = [*_commands(goal)]
    quiet = words.COMMAND.sub(lambda match: " " * len(match[0]) if _text(match) in commands else match[0], goal)
    mentions = [*mentions_in(quiet, known)]
    checks = [*_kept(goal, mentions, commands, known)]
    stays = {check.path for check in checks}
    for wish in _wishes(quiet, known):
        own = mentions if wish == quiet else [*mentions_in(wish, known)]
        checks += [check for check in _checks_of(wish, own, known) if check.path not in stays]
    checks = _following(checks)
    checks += [Check(check="command_exits_0", command=command) for command in commands]
    for check in checks:
        said = next((one.piece for one in mentions if one.path == check.path), goal)
        found.setdefault(str(check), Criterion(words=said.strip(), check=check))
    return [*found.values()]


def _wishes(goal: str, known: set[str]) -> list[str]:
    """Return the clauses of a goal if several of them say clearly what is to happen to which file, else the whole goal."""
    clear = [clause for clause in split_goal(goal) if words.CLEAR.search(clause) and words.PATH.search(clause)]
    return clear if len(clear) > 1 else [goal]


def _following(checks: Sequence[Check]) -> list[Check]:
    """Let the checks of a file's text go with the file to its new name."""
    moved = {
        one.path: other.path for one, other in pairwise(checks) if (one.check, other.check) == ("file_missing", "file_exists")
    }
    return [
        check if check.check == "file_missing" else check.model_copy(update={"path": moved.get(check.path, check.path)})
        for check in checks
    ]


def _checks_of(wish: str, mentions: Sequence[Mention], known: set[str]) -> list[Check]:
    if words.CONDITION.search(wish):
        return []  # nobody knows before whether it holds
    if words.RENAMES_CODE.search(wish) or words.MOVES_CODE.search(wish):
        return [*_code_moved(wish, mentions)]
    checks = [*_moved(wish, mentions, known)] or [*_deleted(wish, mentions, known), *_written(wish, mentions, known)]
    gone = {check.path for check in checks if check.check == "file_missing"}
    return [check for check in checks if check.path not in gone or check.check == "file_missing"]


def is_test(path: str) -> bool:
    """Return whether a file is a test by its name."""
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path if "/" in each else name, each) for each in words.TEST_FILES)


def _text(match: re.Match[str]) -> str:
    return match["ticked"] or match["bare"]


def _commands(goal: str) -> Iterator[str]:
    """Yield the commands that are to pass: those said to fail now, or to be checked with."""
    for match in words.COMMAND.finditer(goal):
        sentence = re.split(r"(?<=[.!?])\s", goal[match.end() : match.end() + 120])[0]
        before = goal[max(0, match.start() - 40) : match.start()]
        is_one = match["bare"] or words.IS_COMMAND.match(match["ticked"])
        if is_one and (words.RED.search(sentence) or words.RED.search(before) or words.CHECK_WITH.search(before)):
            yield _text(match)


def _kept(goal: str, mentions: Sequence[Mention], commands: Sequence[str], known: set[str]) -> Iterator[Check]:
    yield from (Check(check="unchanged", path=one.path) for one in mentions if one.kept and one.is_there)
    for command in commands:
        tests = (path for path in words.PATH.findall(command) if path in known and is_test(path))
        yield from (Check(check="unchanged", path=path) for path in tests)
    if commands and words.TESTS_KEPT.search(goal):
        yield from (Check(check="unchanged", path=path) for path in sorted(filter(is_test, known)))


def _moved(goal: str, mentions: Sequence[Mention], known: set[str]) -> Iterator[Check]:
    if ending := words.ENDING.search(goal) or words.ALL_ENDINGS.search(goal):
        old, new = f".{ending['old']}", f".{ending['new']}"
        for path in _in_folders(goal, old, known):
            yield Check(check="file_missing", path=path)
            yield Check(check="file_exists", path=path.removesuffix(old) + new)
        return
    verb, copies = words.MOVES.search(goal), any(words.COPY.search(one.before) for one in mentions)
    if not (verb or copies):
        return
    free = [one for one in mentions if not one.kept]
    has_old = any(words.OLD_NAME.search(one.before) for one in free)  # then what follows "to" is new, even if it is there
    named_new = [one for one in free if not one.is_there or (has_old and words.INTO.search(one.before))]
    old_names, new_names = [one.path for one in free if one not in named_new], [one.path for one in named_new]
    if not new_names and old_names and (folder := _target_folder(goal, known)):
        new_names = [f"{folder}/{path.rpartition('/')[2]}" for path in old_names]
    if len(old_names) != len(new_names):
        return
    for old_name, new_name in zip(old_names, new_names, strict=True):
        if not copies:
            yield Check(check="file_missing", path=old_name)
        folder = old_name.rpartition("/")[0] if verb and words.RENAMES.match(verb[0]) else ""
        yield Check(check="file_exists", path=f"{folder}/{new_name}" if folder and "/" not in new_name else new_name)


def _code_moved(goal: str, mentions: Sequence[Mention]) -> Iterator[Check]:
    """Return checks of files in which something gets another name, or to which it moves: the files stay where they are."""
    free = [one for one in mentions if not one.kept]
    if renamed := words.RENAMES_CODE.search(goal):
        for one in free:
            yield Check(check="file_written", path=one.path)
            yield Check(check="file_contains", path=one.path, text=renamed["new"])
    elif moved := words.MOVES_CODE.search(goal):
        for one in free:
            if words.FROM.search(one.before):
                yield Check(check="file_exists", path=one.path)
            elif words.TARGET.search(one.before):
                yield Check(check="file_written", path=one.path)
                yield Check(check="file_contains", path=one.path, text=moved["name"])


def _deleted(goal: str, mentions: Sequence[Mention], known: set[str]) -> Iterator[Check]:
    kept = {one.path for one in mentions if one.kept}
    all_of = words.DELETES.search(goal)
    if all_of and (every := words.EVERY.search(goal)) and not words.NARROW.search(words.PIECE.split(goal[all_of.end() :])[0]):
        for path in _in_folders(goal, f".{every['kind']}", known):
            if path not in kept:
                yield Check(check="file_missing", path=path)
    follows = False
    for one in mentions:
        follows = not one.kept and bool(words.DELETE.search(one.before) or (follows and words.AND.search(one.before)))
        if follows:
            yield Check(check="file_missing", path=one.path)


def _written(goal: str, mentions: Sequence[Mention], known: set[str]) -> Iterator[Check]:
    """Return checks of what is made, or changed where nothing is made."""
    free = [one for one in mentions if not one.kept and not one.is_cited and "<" not in one.path]
    made = [one for one in free if not one.is_there and not one.is_needed and not one.is_asked_about]
    made = [one for one in made if one is made[0] or one.is_named_to_be_made]
    into = [one for one in free if one.is_there and words.INTO.search(one.before)]
    kept = {one.path for one in mentions if one.kept}
    every = words.EVERY.search(goal)
    paths: list[str] = []
    if every and (words.DELETES.search(goal) or words.COPIES.search(goal)):
        paths = []
    elif every and not made and not into and (not words.PER_FILE.search(goal) or words.UNLESS_THERE.search(goal)):
        paths = []
    elif not made and not into and every:
        paths = [path for path in _in_folders(goal, f".{every['kind']}", known) if path not in kept]
    elif made or into:
        paths = [one.path for one in made or into]
    elif words.ASKS.search(goal) and not words.CHANGING.search(goal) and not words.WRITES.search(goal):
        paths = []
    else:
        there = [one for one in free if one.is_there and not words.FROM.search(one.before)]
        changed = [one for one in there if not words.ASKS.search(one.piece) and not words.OLD_NAME.search(one.before)]
        missing = [one for one in free if not one.is_there]
        paths = [changed[0].path] if changed and not missing else []
    for path in dict.fromkeys(paths):
        yield Check(check="file_written", path=path)
        if path.endswith(".json"):
            yield Check(check="json_has", path=path)
        elif path not in known and words.BRIEF.search(goal):
            yield Check(check="file_short", path=path)
    for path in dict.fromkeys(paths if every else paths[:1]):
        yield from _texts_of(goal, path)


def _texts_of(goal: str, path: str) -> Iterator[Check]:
    """Return the texts that a goal wants in a file, in its own words."""
    if value := words.NAMED_VALUE.search(goal):  # other lines may have the old text
        yield Check(check="file_contains", path=path, text=value["new"], key=value["name"])
    elif swap := words.SWAP.search(goal):
        yield Check(check="file_lacks", path=path, text=_quoted(swap))
        yield Check(check="file_contains", path=path, text=swap["new"])
    elif said := words.WRITING.search(goal) or words.SAYING.search(goal):
        pairs = [*words.TEXT_INTO.finditer(goal)]
        if len(pairs) > 1 and words.WRITING.search(goal):  # "a" to one file and "b" to another
            yield from (
                Check(check="file_contains", path=each["path"].removeprefix("./"), text=_quoted(each)) for each in pairs
            )
        else:
            yield Check(check="file_contains", path=path, text=_quoted(said))
    elif value := words.VALUE.search(goal):
        yield Check(check="file_contains", path=path, text=value["quoted"] or value["bare"])


def _target_folder(goal: str, known: set[str]) -> str:
    """Return the folder that something is to be moved to: with a slash, called so, or there already; "" for none."""
    if found := words.TO_FOLDER.search(goal):
        return (found["slashed"] or found["called"]).rstrip("/")
    there = {path.partition("/")[0] for path in known if "/" in path}
    return next((match[1] for match in words.TO_NAME.finditer(goal) if match[1] in there), "")


def _in_folders(goal: str, ending: str, known: set[str]) -> list[str]:
    """Return the files of an ending in the folders that a goal names, or of the workspace itself."""
    there = {path.partition("/")[0] for path in known if "/" in path}
    folders = folders_in(goal) or [match[1] for match in words.IN_NAME.finditer(goal) if match[1] in there] or [""]
    inside = (path for path in sorted(known) if path.endswith(ending))
    return [path for path in inside if path.rpartition("/")[0] in {folder.rstrip("/") for folder in folders}]


def _quoted(match: re.Match[str]) -> str:
    return next(text for name in ("double", "tick", "curly", "low", "single") if (text := match[name]))
