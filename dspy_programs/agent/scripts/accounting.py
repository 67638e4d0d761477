"""What of a request a script leaves out, as far as its words tell: two scripts that agree often overlook the same word.

"Sort by points, highest first" needs a script that sorts and knows of points.

Input      the request; the script's code; what came of it: the texts of changed files and what was printed; the workspace.
Output     the words of the request that neither the script nor what came of it accounts for; [] where all are.
Guarantees no model; nothing is run.
"""

import re
from collections.abc import Iterator

from dspy_programs.agent.scripts.files_shown import files_in, is_named, text_at, texts_in
from dspy_programs.agent.workspace.workspace import Workspace

_FLAGS = re.IGNORECASE
_NAME = re.compile(r"(?<![\w./*-])(?:[\w./*-]*\.[A-Za-z]\w{0,9}\b|[\w-]+/[\w/-]*)")
_LITERAL = re.compile(r"(['\"])(?:(?!\1)[^\n{])*\.[A-Za-z]\w{0,5}\1")  # of a script: a name of a file
_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w])")
_QUOTED = re.compile(r"\"([^\"\n]{1,80})\"|(?<!\w)'([^'\n]{1,80})'(?!\w)|`([^`\n]{1,80})`")
_EXAMPLE = re.compile(
    r"\b(?:like:?|e\.g\.,?|such as|for example:?|z\. ?B\.|wie)\s(?:[^.;)\n]|\.(?=\S))*|\([^)]*\.\.\.[^)]*\)", _FLAGS
)
_READS = re.compile(r"\bopen\([^,()]*\)|['\"]r[bt]?['\"]|\.read|read_|glob|iterdir|listdir|walk|newline=|subprocess")
_THOUSANDS = re.compile(r"(?<=\d)[,.' ](?=\d{3}(?!\d))")
_HEAD = 30  # lines of a table whose first cells may be asked for
_LONGEST = 4000  # characters of a request that are read
_STEM = 4  # letters by which a word is known in a script
_LOOSE = re.compile(r"\[\s*-?\d+\s*\]|\bcsv\.reader\b")  # columns by their number: their names need not be in the script
_DEEDS = {
    r"average|mean|durchschnitt\w*|mittelwert": r"/|mean|average",
    r"median": r"median|sort",
    r"percent\w*|prozent\w*": r"100|%",
    r"sort(?:ed|iere?)?|alphabetical\w*|(?:highest|biggest|largest|longest|newest|oldest)\b[\w\s]{0,12}\bfirst": r"sort",
    r"once|unique|different|distinct|duplicates?|twice|einmal|doppelt\w*": r"\bset\b|\{|fromkeys|\bin\b|unique|groupby",
    r"most|largest|highest|slowest|biggest|longest|latest|newest|meisten|teuersten|größte\w*": r"max|sort|>|<|most_common",
    r"fewest|smallest|lowest|fastest|shortest|earliest|oldest|cheapest|kleinste\w*|billigste\w*": r"min|sort|<|>",
    r"rounded|decimals?|gerundet|nachkommastellen?": r"round|\.\d?f|format|quantize",
    r"lower[- ]?case|kleingeschrieben|kleinbuchstaben": r"lower|casefold|IGNORECASE",
    r"upper[- ]?case|capitals?|großbuchstaben": r"upper|title|capital|lower|casefold|IGNORECASE|A-Z",
    r"except|skip|exclud\w+|außer|ausser": r"\bnot\b|!=|\bif\b|\bdel\b|pop|remove|sub\(|replace",
    r"add up|sum|total of|altogether|summiere?|summe|gesamt\w*": r"sum|\+",
    r"how many|how often|count|wie viele|wie oft|zähle?": r"len|sum|count|\+|Counter|days",
    r"(?:every|each|jede\w*)\s(?:\w+\s)?(?:file|line|row|post|text|person|month|zeile|datei)": r"\bfor\b|\bsub\(|map",
    r"(?:every|each|per|by|je|pro)\s(?:month|monat)|month(?:ly)?\stotals?": r"month|:\s?7\]|%m|%b|split\(|\\d",
    r"(?:every|each|per|by|je|pro)\s(?:hour|stunde)|hourly": r"hour|\[\s?\d*\s?:|%H|split\(|\\d",
    r"weekdays?|days? of the week|wochentag\w*": r"weekday|%A|%a|day_name|strftime",
}
"""Words of a request -> how code does it."""
_DOES = [(re.compile(rf"\b(?:{said})\b", _FLAGS), re.compile(done, _FLAGS)) for said, done in _DEEDS.items()]


def unaccounted(request: str, code: str, came: str, workspace: Workspace) -> list[str]:
    """Return what a script leaves out. came: the texts of the files that it changed, and what it printed."""
    request = request[:_LONGEST]
    plain = _EXAMPLE.sub(" ", request)
    bare = _LITERAL.sub(" ", code)
    found = [said[0] for says, does in _DOES if (said := says.search(_NAME.sub(" ", plain))) and not does.search(bare)]
    found += [
        text
        for text in _texts_and_numbers(plain)
        if not any(form in code or form in came for form in (text, text.replace(",", ".")))
    ]
    if not _LOOSE.search(bare):
        known = bare.lower()
        found += [name for name in _columns(plain, workspace) if name.lower() not in known]
    return [*dict.fromkeys([*found, *_from_nowhere(code, request, workspace)])]


def _from_nowhere(code: str, request: str, workspace: Workspace) -> Iterator[str]:
    """Yield the numbers that a script which reads nothing has from no file and not from the request."""
    if not _READS.search(code):
        known = [_THOUSANDS.sub("", text) for text in (request, *(text for _, text in texts_in(workspace)))]
        yield from (
            f"where {number} is from"
            for number in _NUMBER.findall(_THOUSANDS.sub("", code))
            if not any(number in text for text in known)
        )


def _texts_and_numbers(request: str) -> Iterator[str]:
    """Yield the quoted texts and numbers of a request, without those in names of files."""
    for match in _QUOTED.finditer(request):
        text = next(filter(None, match.groups()), "")
        yield from (part for part in re.split(r"<\w+>|\.\.\.", text) if part.strip(" .,"))
    yield from _NUMBER.findall(_NAME.sub(" ", _QUOTED.sub(" ", request)))


def _columns(request: str, workspace: Workspace) -> Iterator[str]:
    """Yield the columns of named tables, and keys of named JSON, that a request speaks of."""
    spoken = {word.lower() for word in _WORD.findall(_NAME.sub(" ", request))}
    named = {part.lower() for name in _NAME.findall(request) for part in _WORD.findall(name)}  # orders.csv: its orders
    spoken = {word for word in spoken if word not in named} | {word.lower() for word in re.findall(r"<(\w+)>", request)}
    for file in files_in(workspace):
        if not file.path.endswith((".csv", ".tsv", ".json")) or not is_named(file.path, request):
            continue
        text = text_at(file.path, workspace) or ""
        if file.path.endswith(".json"):
            names = [*dict.fromkeys(re.findall(r'"([A-Za-z_]\w*)"\s*:', text))][:_HEAD]
        else:
            names = re.findall(r"\w+", text.split("\n", 1)[0])
        for name in names:
            if any(_same(part, word) for part in name.lower().split("_") for word in spoken if len(part) > 2):
                yield name


def _same(one: str, other: str) -> bool:
    """Return whether two words are one, but for an ending: amount and amounts."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and len(long) - len(short) <= (2 if len(short) >= _STEM else 1)
