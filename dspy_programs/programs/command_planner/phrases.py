# ruff: noqa: E501  # a detail stands on a line
"""What a task asks for, read to its last word: what is asked, the details that its commands have a place for, and no more.

A question fits only if nothing of the task is left over but words that say nothing ("please"): "list the python files larger
than 1 MB" is planned, and "list the python files that Ann wrote" is not. The whole task is tried first, then its clauses.

Guarantees no command has a word of the task that is not quoted for the shell.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.programs.command_planner.clauses import CLAUSE, Found
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Step

QUOTED = r"(?:\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`)"
PATH = r"(?:(?<![\w./-])(?:~?/|\.{1,2}/)?(?:[\w.@][\w.@-]*/)+(?:[\w.@][\w.@-]*)?|(?<![\w./-])[\w@][\w.@-]*\.[A-Za-z]\w{0,6}\b(?!/)|(?<!\S)\.\w[\w.-]*\b)"
_COUNT = r"\d+|two|three|four|five|six|seven|eight|nine|ten|twenty"
_NUMBERS = dict(zip(_COUNT.split("|")[1:], (2, 3, 4, 5, 6, 7, 8, 9, 10, 20), strict=True))
KINDS = {
    "python": "py", "py": "py", "yaml": "yaml yml", "yml": "yml", "json": "json", "markdown": "md", "md": "md", "toml": "toml",
    "typescript": "ts tsx", "javascript": "js jsx mjs", "rust": "rs", "go": "go", "java": "java", "ruby": "rb", "csv": "csv",
    "log": "log", "text": "txt", "image": "png jpg jpeg gif svg", "html": "html", "css": "css", "shell": "sh", "sql": "sql",
    "xml": "xml", "notebook": "ipynb", "ini": "ini", "header": "h hpp", "rst": "rst", "parquet": "parquet", "pdf": "pdf",
}  # fmt: skip
_THE = r"(?:the |our |my |a |that )?"
DETAILS: Mapping[str, str] = {
    "folder": rf"\b(?:in|under|inside|within|of|from|for|below)? ?{_THE}(?:file |folder |directory )?(?P<folder>{PATH})(?: (?:folder|directory|file)\b)?"
    rf"|\b(?:(?:in|under|inside|within|of|from|below|does) )?{_THE}(?!(?:this|current|whole|same|root|project|python|empty|new|each|every|any|an?|the|that|which|what|our|my|all|some|per|by|hidden|top-level|largest|biggest)\b)(?P<folder_>[\w.-]+) (?:folder|directory|dir|package)\b",
    "suffix": rf"\b(?:in |the |all )*(?P<suffix>{'|'.join(KINDS)})s? (?:source |code )?(?:files?|code|sources|modules|scripts)\b|\*(?P<suffix_>\.\w+)\b|(?<![\w.])(?P<suffix__>\.\w+) files?\b|\b(?P<suffix___>notebooks|images)\b",
    "larger": r"\b(?:that are |which are )?(?:bigger|larger|over|above|more|greater)(?: in size)?(?: than)? (?P<larger>\d+) ?(?P<unit>kb|k|kib|mb|m|mib|megabytes?|gb|g|gib)\b",
    "days": rf"(?:\b(?:that (?:were|have been|are) |which were |(?:we |i )?))?(?:\b(?:changed|modified|edited|touched|created|added|updated))?(?: in| within| during| since)?(?: the)? (?:last|past|this) (?P<days>{_COUNT})? ?(?P<each>hours?|days?|weeks?|months?)\b|\b(?:modified|changed|edited|touched) (?P<today>today)\b",
    "older": rf"\b(?:that are |which are )?older than (?:a |an )?(?P<older>{_COUNT})? ?(?P<old>days?|weeks?|months?)\b|\b(?:that )?(?:were |have )?not (?:been )?(?:modified|changed|touched)(?: in| for| within)? (?:the last )?(?P<older_>{_COUNT}) (?P<old_>days?|weeks?|months?)\b",
    "empty": r"\b(?P<empty>empty)\b",
    "tracked": r"\b(?:that are )?(?P<tracked>tracked)(?: (?:in|by) git)?\b|\b(?:that )?(?P<tracked_>git knows)\b",
    "day": r"\b(?:since |from |of )?(?P<day>yesterday|today)\b",
    "top": rf"\b(?P<top>{_COUNT})\b",
    "case": r",? ?\b(?:and )?(?P<case>ignor(?:e|ing) (?:the )?case|case[- ]?insensitive(?:ly)?|(?:in )?(?:upper or lower|any) case|regardless of case)\b",
    "numbered": r"\b(?P<numbered>with (?:the |their )?(?:line numbers?|lines|file and line))\b",
    "counted": r"\b(?P<counted>(?:count(?: up)? )?(?:how many|the number of)|count(?: up)?|number of)\b",
    "taken": r"\b(?P<taken>(?:takes?|taking|uses?|used|using|occup(?:y|ies|ied))(?: up)?(?: on (?:the )?disk)?)\b",
    "sorted": r",? ?\b(?:and |then )*(?P<sorted>sort(?:ed)?(?: them| it)?(?: by (?:size|lines|length|number|line count|count))?)\b",
}  # fmt: skip
"""What limits a task, and how people say it; a group's name, without `_` at its end, is the name of the value."""
_IN = re.compile(r"\b(?:in|under|inside|within|of|from|below) (?:the )?(?P<folder>[\w.-]+/?)(?!\S)", re.IGNORECASE)
"""A folder by its bare name, if the project has it."""
_SAYS_NOTHING = frozenset(
    "a an the all any every each of in on at for from with by to and or me my our us i we you it its this that these those "
    "please pls kindly can could would will want need like how do does did is are was were be been am what which whats "
    "where show list find get give tell print display see look check there here now currently right just have has had "
    "project repo repository codebase code machine box computer system files file so far exactly quick quickly search "
    "let lets hey hi thanks thank command run use using as well also whole entire current some one ones only but box laptop folder folders directory directories much pytest dir subfolders subdirectories git script".split()
)


_MEANT = (
    (r"\b(?:in|on|with|using|from|via|through|for|inside) (?:the |a |my )?(?:git|linux|unix|macos|mac|ubuntu|bash|zsh|shell|terminal|command[- ]?line|cli|console"
     r"|github|npm|pip)\b(?! (?:files?|code|scripts?|packages?|folder|directory))", " "),
    (r"\b(are|is|was|were|have|has|do|does|did)n['\u2019]?t\b", r"\1 not"),
    (r"\b(what|where|who|when|it|that)['\u2019]s\b", r"\1 is"),
    (r"\b(?:i want|i need|i would like|i'd like|give me|gimme|let me see|tell me|can i see|could i see)(?! to\b)", "show"),
    (r"\b(?:clear out|clean out|erase|wipe out|get rid of|throw away|nuke|purge)\b", "delete"),
    (r"\b(?:recursively|and sub-?(?:folders|directories)|quickly|basically|anywhere|somewhere)\b", " "),
    (r"\b(?:specific|certain|particular|given|leftover|stray|local(?= (?:files|changes|folder))) ", ""),
)  # fmt: skip
"""What people say, and the plain word for it; outside of quotes."""
_LIMITS = re.compile(
    r"\s*(?:but|except|excluding|without|only|ignoring|not|no|unless|in|for|with|from|of|or|by|as|if|which|that|where)\b",
    re.IGNORECASE,
)
"""How a clause begins that changes the meaning of the one before it."""
_LONGEST = 400  # characters of a task, or of a clause, that is read to its last word


class Said(NamedTuple):
    """A task that fits: its match, its details as text, and the project."""

    match: re.Match[str]
    values: Mapping[str, str]
    project: Project

    def get(self, name: str, default: str = "") -> str:
        """Return a detail, or a group of the match, quoted for a shell."""
        return shlex.quote(found) if (found := self.plain(name)) else default

    def plain(self, name: str) -> str:
        """Return a detail, or a group of the match, as it is said, without quotes around it; "" for none."""
        groups = {**self.match.groupdict(), **self.values}
        found = next((value.strip() for key, value in groups.items() if value and key.rstrip("_") == name), "")
        return found[1:-1] if re.fullmatch(QUOTED, found) else found.rstrip(".,:")

    def number(self, name: str, default: int) -> int:
        said = self.plain(name).lower()
        return _NUMBERS.get(said, default) if not said.isdigit() else int(said)

    @property
    def globs(self) -> list[str]:
        """The patterns of the files that are meant: *.py; [] for all."""
        said = (self.plain("suffix")).lower()
        ends = KINDS.get(said.removesuffix("s"), KINDS.get(said, said[1:] if said.startswith(".") else ""))
        return [f"'*.{end}'" for end in ends.split()]

    @property
    def limits(self) -> str:
        """The pathspecs at the end of a command of git: ` -- '*.py'`; "" for none."""
        folder = self.plain("folder").rstrip("/")
        if folder and self.globs:
            return " -- " + " ".join(shlex.quote(f"{folder}/{glob[1:-1]}") for glob in self.globs)
        return " -- " + " ".join([*self.globs, *([shlex.quote(folder)] if folder else [])]) if folder or self.globs else ""


class Ask(NamedTuple):
    """pattern: what is asked; uses: names of details that the steps take into account; on: "unix", or "" for every system; more:
    details of its own, beside DETAILS."""

    pattern: str
    uses: str
    steps: Callable[[Said], Sequence[Step]]
    on: str = "unix"
    more: Mapping[str, str] = {}


def fixed(says: str, command: str) -> Callable[[Said], list[Step]]:
    """Return the steps of a question that has but one answer."""
    return lambda said: [Step(says, command)]


def asked_in(task: str, low: str, project: Project, asks: Sequence[Ask]) -> Iterator[Found]:
    """Find what a task asks for, in words that are all understood. low: the task in small letters, spelled right."""
    plain = " ".join(task.split()).rstrip(" .?!")
    if steps := _steps_for(_meant(plain), project, asks):
        yield Found(0, len(low), steps, "")
        return
    clauses = [each for each in zip(CLAUSE.finditer(plain), CLAUSE.finditer(low), strict=False) if each[0][1].strip(" .")]
    for (clause, span), (following, _) in zip(clauses, [*clauses[1:], *clauses[-1:]], strict=True):
        is_limited = following is not clause and _LIMITS.match(following[1])
        if not is_limited and not _LIMITS.match(clause[1]) and (steps := _steps_for(_meant(clause[1]), project, asks)):
            yield Found(span.start(1), span.end(1), steps, "")


def _meant(text: str) -> str:
    """Return a text in plainer words; what is in quotes stays."""
    if len(text) > _LONGEST:
        return text
    parts = re.split(f"({QUOTED})", text)
    for at in range(0, len(parts), 2):
        for pattern, word in _MEANT:
            parts[at] = re.sub(pattern, word, parts[at], flags=re.IGNORECASE)
    return " ".join("".join(parts).split())


def _steps_for(text: str, project: Project, asks: Sequence[Ask]) -> list[Step]:
    for ask in asks if len(text) <= _LONGEST else ():
        if ask.on == "unix" and project.windows:
            continue
        if (match := re.search(ask.pattern, text, re.IGNORECASE)) and (said := _said(text, match, ask, project)):
            if steps := ask.steps(said):
                return list(steps)
    return []


def _said(text: str, match: re.Match[str], ask: Ask, project: Project) -> Said | None:
    """Return what is said, or None if something is left over."""
    values: dict[str, str] = {}
    rest = f"{text[: match.start()]} ; {text[match.end() :]}"
    for name in ask.uses.split():
        found = re.search(ask.more.get(name) or DETAILS[name], rest, re.IGNORECASE)
        if name == "folder" and not found:
            known = (each for each in _IN.finditer(rest) if each["folder"].rstrip("/") in project.words)
            found = next(known, None)
        if found:
            values |= {key: value for key, value in found.groupdict().items() if value}
            rest = f"{rest[: found.start()]} ; {rest[found.end() :]}"
    left = re.findall(r"[\w./@*-]+", rest.lower().replace("what's", "what"))
    is_read = all(word.strip(".-") in _SAYS_NOTHING for word in left if word.strip(".-"))
    return Said(match, values, project) if is_read else None
