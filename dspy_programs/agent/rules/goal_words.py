"""The words by which a goal says what is to be made, changed, deleted, moved or left alone: English and German patterns.

VERBOSE and IGNORECASE hold for all but PATH, whose names are written as they are.
"""

import re

_FLAGS = re.VERBOSE | re.IGNORECASE
_KINDS = (
    "txt md markdown csv tsv json jsonl yaml yml toml ini cfg conf log py pyi js ts jsx tsx html htm css xml sql sh bash rs go "
    "java kt c h cc cpp hpp rb php pl r env lock patch diff rst tex tpl ipynb bak old new orig out tmp dat data list rtf svg "
    "xlsx xls docx doc pdf png jpg zip gz"
)
_NAMES = r"\.(?:gitignore|env|editorconfig|dockerignore|npmrc)|Makefile|Dockerfile|LICENSE|README"
PATH = re.compile(
    r"(?<![\w@/.:*-])(?:\./)?(?:[\w.<>-]+/)*"
    rf"(?:[\w.<>-]*[\w>]\.(?:{'|'.join(_KINDS.split())})|{_NAMES})(?![\w/]|\.\w)"
)
FOLDER = re.compile(
    r"(?<![\w/.])(?P<slashed>(?:[\w.-]+/)+)(?![\w<])"
    r"|\bin\s+(?:the\s+)?(?:folder\s+)?(?P<named>[\w-]+)(?:\s+(?:folder|directory))?(?=\s+to\b)"
)
TO_FOLDER = re.compile(
    r"""\b(?:to|into|nach|in)\s+(?:the\s+|den\s+|das\s+)?(?:(?P<slashed>(?:[\w.-]+/)+)(?!\w)
    |(?:new\s+)?(?:folder|directory|ordner|verzeichnis)\s+["'`]?(?P<called>[\w./-]*\w))""",
    _FLAGS,
)
TO_NAME = re.compile(r"""\b(?:to|into|nach|in)\s+(?:the\s+)?["'`]?([\w-]+)""", _FLAGS)
IN_NAME = re.compile(r"""\bin\s+(?:the\s+)?(?:folder\s+)?["'`]?([\w-]+)""", _FLAGS)
PIECE = re.compile(
    r"""(?<=[.!?:;])\s+|\n+|\s+-\s+
    |,\s+(?=(?:and|but|except|aber|au(?:ß|ss)er|und|dann|then|not|also|nicht|leave|keep)\b)""",
    re.VERBOSE,
)

# what must stay
KEEP = re.compile(
    r"""\b(?:do\s+not|don['’]t|never|must\s+not|without|leav(?:e|ing)|keep(?:ing)?|except|but\s+not|also\s+not|not\s+the
    |not\s+in|nicht|au(?:ß|ss)er|lass(?:e|en)?)\b""",
    _FLAGS,
)
KEPT = re.compile(
    r"""\b(?:leave\s+(?:it|that|them)|(?:stays?|remains?|is|are)\s+(?:as\s+it|unchanged|untouched)|unchanged|untouched|intact
    |nicht\s+(?:ändern|anfassen|verändern|löschen)|unverändert|bleib(?:t|en))\b""",
    _FLAGS,
)
LEAVE_IT = re.compile(r"\bleave\s+(?:it|that|them)\b", _FLAGS)
TESTS_KEPT = re.compile(
    r"\b(?:without\s+(?:changing|touching|editing)|not|the)\s+(?:the\s+)?tests?\b(?:\s+(?:is|are)\s+right)?", _FLAGS
)

# what stands before a path
FROM = re.compile(
    r"""\b(?:from|(?<!end\s)(?<!top\s)(?<!start\s)(?<!bottom\s)(?<!beginning\s)of|run|read|open|see|using|with|per|execute|aus|von|lies|mit
    |has|does|hat|(?:what(?:['’]s|\s+is)|steht|ist|are|lines|words|zeilen|wörter)\s+in)
    (?:\s+(?:the|a|my|our|script|file|template|migration|\w+\s+script))*\s+["'`]?$""",
    _FLAGS,
)
CITED = re.compile(
    r"""\b(?:(?:according|compared?|refer(?:s|ring)?|similar|identical|equal|relative)\s+(?:\S+\s+)?to|gemäß|laut)\s+(?:the\s+)?["'`]?$""",
    _FLAGS,
)
CITES = re.compile(r"""\b(?:as|like|what|wie|was)\s+(?:(?:the|it|is|es|in)\s+)*["'`]?$""", _FLAGS)
SAYS = re.compile(
    r"""^["'`]?\s+(?:says?|said|tells?|states?|shows?|describes?|explains?|has\s+it|requires?|defines?|demands?|sagt|steht|zeigt|verlangt
    |beschreibt)\b""",
    _FLAGS,
)
"""A file that is only referred to: "according to a.md", or what stands before and after it in "as a.md says"."""
WITH = re.compile(r"""^["'`]?\s+(?:with|containing|about|for|mit|über|für)\b""", _FLAGS)
INTO = re.compile(r"""\b(?:to|into|onto|as|nach|an)\s+(?:the\s+)?["'`]?$""", _FLAGS)
TARGET = re.compile(
    r"""\b(?:to|into|in|as|onto|called|named|write|create|make|add|file|save|zu|nach|namens|datei)\s+(?:an?\s+|the\s+)?["'`]?$""",
    _FLAGS,
)
LISTED = re.compile(rf"(?:{PATH.pattern})[\"'`]?(?:,|\s+and|\s+und)\s+[\"'`]?$")
WORKED_ON = re.compile(
    r"""\b(?:summari[sz]e|translate|convert|merge|join|combine|sort|compare|analy[sz]e|parse|load|import|edit|fix|update|clean\s+up
    |fasse?|übersetze?|sortiere?|vergleiche?|bearbeite?)\s+(?:(?:the|file|die|den|datei)\s+)*["'`]?$""",
    _FLAGS,
)
OLD_NAME = re.compile(
    r"""\b(?:rename|move|copy|duplicate|umbenenne|benenne?|verschiebe?|kopiere?)\s+
    (?:(?:the|file|folder|die|den|datei)\s+)*["'`]?$""",
    _FLAGS,
)
DELETE = re.compile(
    r"""\b(?:delete|remove|erase|lösch\w*|entfern\w*)\s+(?:(?:the|all|every|old|files?|die|alle|datei\w*)\s+)*["'`*]*$""",
    _FLAGS,
)
AND = re.compile(r"(?:,|\band|\bund)\s+$", _FLAGS)
COPIES = re.compile(r"\b(?:copy|duplicate|kopier\w*)\b", _FLAGS)
COPY = re.compile(r"""\b(?:copy|duplicate|kopier\w*)\s+(?:the\s+|die\s+)?(?:file\s+|datei\s+)?["'`]?$""", _FLAGS)

# what is to happen
_THE_FILES = r"(?:\*\.\w+|\.\w+[- ](?:files|dateien))\b"  # a plural means all of them
DELETES = re.compile(
    rf"\b(?:delete|remove|erase|lösch\w*|entfern\w*)\s+(?:the\s+|die\s+)?(?:(?:all|every|alle)\b|{_THE_FILES})", _FLAGS
)
MOVES = re.compile(r"\b(?:rename|move|umbenenn\w*|benenn\w*|verschieb\w*)\b", _FLAGS)
_BARE = rf"[`\"']?(?!(?:{_NAMES})\b)(?P<{{}}>[A-Za-z_]\w*)(?:\(\))?[`\"']?(?![\w./])"
_PART = (
    r"(?:(?:function|method|class|variable|constant|field|key|column|parameter|argument|attribute|property|funktion|methode|klasse|"
    r"variablen?|konstanten?|feld|schlüssel|spalte|heading|section)\s+)"
)
RENAMES_CODE = re.compile(
    rf"""\b(?:rename|benenne?)\s+(?:in\s+\S+\s+)?(?:the\s+|die\s+|den\s+|das\s+)?{_PART}?{_BARE.format("old")}\s+
    (?:in\s+\S+[./]\S+\s+)?(?:to|into|as|in|zu)\s+{_BARE.format("new")}""",
    _FLAGS,
)
MOVES_CODE = re.compile(
    rf"\b(?:move|verschiebe?)\s+(?:the\s+|die\s+|den\s+|das\s+)?{_PART}{_BARE.format('name')}(?=\s)", _FLAGS
)
ENDING = re.compile(
    r"\b(?:ending|extension|suffix|endung)\w*\b.{0,200}?\.(?P<old>\w+)\b.{0,200}?\b(?:to|in|zu|auf)\s+\.(?P<new>\w+)", _FLAGS
)
RENAMES = re.compile(r"rename|(?:um)?benenn", re.I)
ALL_ENDINGS = re.compile(
    r"""\b(?:rename|change|benenn\w*)\s+(?:all|every|each|alle)\s+(?:of\s+)?(?:the\s+)?\*?\.(?P<old>\w+)\b
    (?:[- ](?:files?|dateien))?
    .{0,80}?\b(?:to|into|in|zu)\s+\*?\.(?P<new>\w+)""",
    _FLAGS,
)
EVERY = re.compile(
    rf"""(?:\b(?:all|every|each|alle|jede\w*)\s+(?:of\s+)?(?:the\s+)?["'`]?|\b(?:the|die)\s+(?={_THE_FILES}))\*?\.(?P<kind>\w+)\b""",
    _FLAGS,
)
ASKS = re.compile(
    r"""^\W*(?:(?:please|can\s+you|could\s+you|bitte)\s+)?
    (?:what|which|who|when|where|how|why|is|are|does|do\s+(?!not)|tell|show|explain|read|open|list|look|check|describe|find|count
    |summari[sz]e|compare|run|was|welche\w*|wer|wann|wo|wie|warum|zeig\w*|lies|erklär\w*|nenn\w*|fass\w*)\b""",
    _FLAGS,
)

EXAMPLE = re.compile(
    rf"""(?:\blike:|\bsuch\s+as|\be\.g\.,?|\bfor\s+example:?|\bz\.\s?B\.|\bzum\s+Beispiel|\]\()\s*["'`]?{PATH.pattern}""",
    _FLAGS & ~re.VERBOSE,
)
"""A path that only shows a form."""
MOVED_BEFORE = re.compile(r"""^\W*(?:was\s+|were\s+|has\s+been\s+)?(?:moved|renamed)\s+to\b""", _FLAGS)
MOVED_TO = re.compile(r"""\b(?:moved|renamed)\s+to\s+["'`]?$""", _FLAGS)
"""After a path that is no longer there, and before the one that is."""
PER_FILE = re.compile(r"\b(?:add|append|insert|prepend|put|write|häng\w*|füg\w*|ergänz\w*|schreib\w*)\b", _FLAGS)
"""What changes every file; a file may be clean already."""
UNLESS_THERE = re.compile(r"\b(?:not\s+(?:there|in\s+it)\s+yet|don'?t\s+have\s+(?:it|one)|already|schon)\b", _FLAGS)
QUESTION = re.compile(
    r"""^\W*(?:is|are|was|were|does|do|did|has|have|what|which|where|who|why|when|how|gibt|hat|haben|ist|sind|existiert|welche\w*|wo
    |wer|warum|wie|wann|was)\b.*\?\W*$
    |^\W*(?:(?:please|bitte)\s+)?(?:show|display|print|open|list|read|zeige?|lies|öffne)\b""",
    _FLAGS | re.DOTALL,
)
WRITES = re.compile(
    r"\b(?:write|put|save|store|create|make|add|append|insert|note|record|answer|print\s+to|into|schreib\w*|speicher\w*|leg\w*|"
    r"erstell\w*|trag\w*|füg\w*|copy|rename|move|translate|convert|redirect)\b",
    re.I,
)
"""A piece that asks, and one that wants something written all the same."""
ACTS = re.compile(
    r"\b(?:send|forward|reply|cancel|assign|reassign|schedule|reschedule|book|invite|plot|draw|post|publish|order|buy|pay|upload"
    r"|submit|approve|archive|share|senden?|schicke?n?|antworte|buche?n?|plane?n?)\b",
    re.I,
)
"""What a goal wants done beyond files, by tools of the user's own."""
_CHANGING = """move|remove|delete|erase|cut|clear|empty|edit|update|replace|change|mark|rename|sort|fix|clean|bump|set|correct
    |reorder|prepend|strip|wrap|back\\s+up|needs|should\\s+(?:be|have)|häng\\w*|verschieb\\w*|lösch\\w*|entfern\\w*
    |änder\\w*|ersetz\\w*|sortier\\w*|setz\\w*"""
CHANGING = re.compile(rf"\b(?:{_CHANGING})\b", _FLAGS)
CHANGES = re.compile(rf"\b(?:{_CHANGING}|both|each|every|all|jede\w*|alle\w*)\b", _FLAGS)
"""A goal that may want more files changed than the one that it has written."""
INTO_FILE = re.compile(r"""\b(?:in|into|to|nach)\s+["'`]?$""", _FLAGS)
ENSURES = re.compile(
    r"\b(?:make\s+sure|ensure|if\s+(?:needed|necessary|not|it|there|they)\b|unless|check\s+(?:that|whether)|sorge|falls|wenn)",
    _FLAGS,
)
"""What may be so already."""

CONDITION = re.compile(r"\b(?:if|unless|in\s+case|falls|sofern|wenn)\b", _FLAGS)
NARROW = re.compile(
    r"\b(?:bigger|larger|older|newer|smaller|longer|than|that|which|with|without|whose|empty|größer|älter|die\s+\w+\s+sind)\b",
    _FLAGS,
)

# texts and values, in the user's own words
_QUOTED = r"""(?:"(?P<double>[^"\n]+)"|`(?P<tick>[^`\n]+)`|“(?P<curly>[^”\n]+)”|„(?P<low>[^“”\n]+)[“”]
    |(?<!\w)'(?P<single>[^'\n]+)'(?!\w))"""
_FILLER = (
    r"(?:(?:the|an?|only|exactly|just|text|words?|line|content|number|single|überall|die|den|das|dem|zeile|wort|inhalt)\s+)*"
)
_OTHER = r"""["'`“„](?P<new>[^"'`”“\n]+)["'`”“]"""
SWAP = re.compile(
    rf"\b(?:replace|ersetze?n?|change)\s+(?:\S+\s+){{0,5}}?{_QUOTED}\s+(?:with|by|to|durch|mit)\s+{_OTHER}", _FLAGS
)
NAMED_VALUE = re.compile(
    rf"\bchange\s+(?:the\s+)?(?:value\s+of\s+)?[\"'`]?(?P<name>[\w-]+)[\"'`]?\s+(?:in\s+\S+\s+)?from\s+{_QUOTED}\s+to\s+{_OTHER}",
    _FLAGS,
)
SAYING = re.compile(rf"\b(?:with|containing|contains|saying|says|reading|mit)\s+{_FILLER}:?\s*{_QUOTED}", _FLAGS)
WRITING = re.compile(
    rf"\b(?:write|put|add|append|save|insert|schreib\w*|füg\w*)\s+{_FILLER}:?\s*{_QUOTED}\s+(?:to|into|in|at|an|zu|am|nach)\b",
    _FLAGS,
)
TEXT_INTO = re.compile(
    rf"""{_QUOTED}\s+(?:to|into|in|nach)\s+(?:the\s+|die\s+)?(?:file\s+|datei\s+)?["'`]?(?P<path>(?-i:{PATH.pattern}))""",
    _FLAGS,
)
VALUE = re.compile(
    r"""\b(?:to|auf|be|=)\s+(?:["'`](?P<quoted>[^"'`\n]+)["'`]|(?P<bare>-?\d(?:[\w:]|\.(?=\w))*|true|false))(?=\s|[.,;)]|$)""",
    _FLAGS,
)

_SAID = "|".join(re.sub(r"P<[a-z]+>", ":", pattern.pattern) for pattern in (SWAP, WRITING, VALUE))
CLEAR = re.compile(
    rf"""\b(?:rename|move|delete|remove|erase|copy|create|make|umbenenn\w*|verschieb\w*|lösch\w*|kopier\w*)\b|{_SAID}""", _FLAGS
)
"""A clause that says what is to happen."""

# commands that are to pass
COMMAND = re.compile(
    r"""`(?P<ticked>[^`\n]+)`
    |\b(?P<bare>python3?\s+(?:-m\s+[\w.]+(?:\s+-\w+)*|[\w./-]+\.py)|pytest(?:\s+-\w+|\s+[\w/]+\.py)*|npm\s+test
    |make\s+(?:test|check)|cargo\s+test|go\s+test\s+\S+)""",
    re.VERBOSE,
)
IS_COMMAND = re.compile(r"[\w./-]+\s+\S|pytest|make\b")
RED = re.compile(
    r"""\b(?:fails?|failing|red|crash\w*|broken|breaks?|pass(?:es|ing)?|green|succeeds?|works?|exits?|schlägt|rot|grün|läuft
    |durchläuft)\b""",
    _FLAGS,
)
CHECK_WITH = re.compile(
    r"\b(?:check|verify|test|prüf\w*|so\s+that|until)\s+(?:(?:it|that|this|es)\s+)?(?:with|mit)?\s*$", _FLAGS
)
TEST_FILES = ("test*.py", "*_test.py", "check*.py", "verify*.py", "tests/*", "*/tests/*", "*.test.js", "*.test.ts")
BRIEF = re.compile(
    r"\b(?:how\s+(?:much|many|long|old|often)|when|what\s+(?:is|was)|where\s+(?:is|was)|wie\s+(?:viele?|oft|lange?)|wann|wo\s+(?:ist|steht))\b"
    r"[^?\n]{0,200}\?|\b(?:just|only|nur)\s+(?:write\s+|put\s+)?(?:the\s+|die\s+|das\s+|den\s+)?"
    r"(?:number|figure|date|name|total|count|amount|path|answer|zahl|datum|namen?|betrag|antwort)\b",
    re.IGNORECASE,
)
"""A goal that wants one answer: a number, a date, a name."""
