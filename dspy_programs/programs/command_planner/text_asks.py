# ruff: noqa: E501  # a question stands on a line
"""Questions about what stands in files: texts, definitions, imports, lines of logs; and texts put in place of others."""

import re
import shlex

from dspy_programs.programs.command_planner.phrases import PATH, QUOTED, Ask, Said
from dspy_programs.programs.command_planner.step import Step

_WORD = rf"(?:{QUOTED}|[\w@#$.:-]*\w(?:\(\))?)"
_LIMITS = "case numbered suffix folder counted"
_DEFINING = {
    "python": "(def|class)", "node": "(function|class|const|let|var|interface|type)", "rust": "(fn|struct|enum|trait|type|mod)",
    "go": "(func|type)", "ruby": "(def|class|module)", "maven": "(class|interface|enum)", "gradle": "(class|interface|fun)",
}  # fmt: skip


def _word(said: Said, name: str) -> str:
    return said.plain(name).removesuffix("()")


def _grep(said: Said, pattern: str, options: str = "") -> list[Step]:
    options += " -i" if said.plain("case") else ""
    if said.plain("counted"):
        return [Step("count the lines in all files that git knows", f"git grep -h{options} {pattern}{said.limits} | wc -l")]
    return [Step("find the lines in all files that git knows", f"git grep -n{options} {pattern}{said.limits}")]


def _searched(said: Said) -> list[Step]:
    word = _word(said, "text")
    if not word or word.lower() in ("it", "this", "that", "them", "files", "file", "text", "string", "word", "bugs", "errors"):
        return []
    return _grep(said, f"-F -e {shlex.quote(word)}")


def _occurrences(said: Said) -> list[Step]:
    option = " -i" if said.plain("case") else ""
    return [
        Step("count where it occurs", f"git grep -o -h{option} -F -e {shlex.quote(_word(said, 'text'))}{said.limits} | wc -l")
    ]


def _files_with(said: Said) -> list[Step]:
    word = shlex.quote(_word(said, "text"))
    if said.plain("suffix") and not said.globs:
        return []  # "test files": which they are is not known
    command = f"git grep -l{' -i' if said.plain('case') else ''} -F -e {word}{said.limits}"
    if said.plain("counted"):
        return [Step("count the files that have the text", f"{command} | wc -l")]
    return [Step("list the files that have the text", command)]


def _imports(said: Said) -> list[Step]:
    name = re.escape(_word(said, "text"))
    option = "-l" if re.search(r"\b(?:files?|modules?)\b", said.match[0]) else "-n"
    if "python" in said.project.kinds:
        pattern = rf"^ *(import|from) +{name}\b"
    elif "node" in said.project.kinds:
        pattern = rf"(from|import|require\() *[\"']{name}"
    else:
        return []
    return [Step("find the imports", f"git grep {option} -E {shlex.quote(pattern)}{said.limits}")]


def _defined(said: Said) -> list[Step]:
    name, kinds = _word(said, "text").rpartition(".")[2], [kind for kind in said.project.kinds if kind in _DEFINING]
    if not kinds or not re.fullmatch(r"\w+", name):
        return []
    return [Step("find the definition", f"git grep -nE '{_DEFINING[kinds[0]]} +{name}\\b'{said.limits}")]


def _definitions(said: Said) -> list[Step]:
    if "python" not in said.project.kinds:
        return []
    kind, is_test = said.plain("kind").lower(), bool(said.plain("test"))
    pattern = "^class " if kind.startswith("class") else f"^ *(async )?def {'test_' if is_test else ''}"
    where = said.limits or " -- '*.py'"
    where += " '*.py'" if " -- " not in where else ""
    if said.plain("counted"):
        return [Step(f"count the {kind}", f"git grep -hE '{pattern}'{where} | wc -l")]
    return [Step(f"list the {kind}", f"git grep -nE '{pattern}'{where}")]


def _marks(said: Said) -> list[Step]:
    found = list(dict.fromkeys(mark.upper() for mark in re.findall(r"todo|fixme|xxx|hack", said.match[0], re.IGNORECASE)))
    return _grep(said, found[0] if len(found) == 1 else f"-E '{'|'.join(found)}'")


def _replaced(said: Said) -> list[Step]:
    old, new = _word(said, "old"), _word(said, "new")
    if not (re.fullmatch(r"[\w .:@-]+", old) and re.fullmatch(r"[\w .:@-]+", new)) or old.startswith("-"):
        return []
    ends = "\\b" if re.fullmatch(r"\w+", old) else ""
    option = "-w " if ends else ""
    in_place = "sed -i ''" if "macos" in said.project.lists.get("os", []) else "sed -i"
    script = f"s/{ends}{re.escape(old)}{ends}/{new}/g".replace("\\ ", " ").replace("\\-", "-")
    return [
        Step("look at what would change", f"git grep -n {option}-F -e {shlex.quote(old)}{said.limits}"),
        Step(
            "replace it in the files that git knows",
            f"git grep -lz {option}-F -e {shlex.quote(old)}{said.limits} | xargs -0 {in_place} '{script}'",
        ),
        Step("look at what has changed", "git diff --stat"),
    ]


def _trailing(said: Said) -> list[Step]:
    if not said.plain("removes"):
        return [Step("find spaces at the ends of lines", f"git grep -nI '[[:space:]]$'{said.limits}")]
    in_place = "sed -i ''" if "macos" in said.project.lists.get("os", []) else "sed -i"
    return [
        Step(
            "remove spaces at the ends of lines",
            f"git grep -lzI '[[:space:]]$'{said.limits} | xargs -0 {in_place} 's/[[:space:]]*$//'",
        ),
        Step("look at what has changed", "git diff --stat"),
    ]


def _ends(said: Said) -> list[Step]:
    name = said.get("name")
    if said.plain("first"):
        return [Step("show the beginning of the file", f"head -n {said.number('count', 10)} {name}")]
    follow = "-f " if said.plain("follow") or said.plain("verb") else ""
    count = f"-n {said.number('count', 10)} " if said.plain("count") else ""
    return [
        Step(
            "show the end of the file, and what comes to it" if follow else "show the end of the file",
            f"tail {count}{follow}{name}",
        )
    ]


def _in_file(said: Said) -> list[Step]:
    return [
        Step(
            "find it in the file",
            f"grep -n{' -i' if said.plain('case') else ''} -F -e {shlex.quote(_word(said, 'text'))} {said.get('name')}",
        )
    ]


def _of_log(said: Said) -> list[Step]:
    name, level = said.get("name"), said.plain("level").lower().removesuffix("s").removesuffix("ing")
    option = "-i -c" if said.plain("counted") else "-i -n"
    return [Step("count the lines" if said.plain("counted") else "find the lines", f"grep {option} {level} {name}")]


def _between(said: Said) -> list[Step]:
    return [Step("show the lines", f"sed -n '{said.plain('start')},{said.plain('end')}p' {said.get('name')}")]


def _pretty(said: Said) -> list[Step]:
    return [Step("show it with indents", f"python -m json.tool {said.get('name')}")]


def _shown(said: Said) -> list[Step]:
    return [Step("show the file", f"cat {said.get('name')}")]


_IN_FILE = rf"(?:of|in|from|to) (?:the )?(?:file )?(?P<name>{PATH})"
_FOLLOWED = r"(?:,? ?(?:and|then) (?:then )?(?P<follow>keep (?:following|watching|tailing)|follow|watch|tail)(?: it| new lines| the file)?)?"
_THING = r"(?:text |string |word |symbol |name |function |method |variable |class |phrase )?"
TEXT_ASKS = (
    Ask(r"\b(?:find|show|locate)(?: me)? the (?:function|class|method|type|struct) (?:named |called )?(?P<text>\w+)$", "", _defined),
    Ask(rf"\b(?:search|grep|look through|look in) (?:the |our )?(?P<folder>[\w./-]+)(?: folder| directory)? for (?:the )?{_THING}(?P<text>{_WORD})", "case numbered", lambda said: _searched(said) if said.plain("folder").rstrip("/") in said.project.words or "/" in said.plain("folder") else [], ""),
    Ask(rf"\blines? (?:with|containing|having|that (?:contain|mention|have|use))s? (?:the )?{_THING}(?P<text>{_WORD}) (?:of|in|from) (?:the )?(?:file )?(?P<name>{PATH})", "case numbered", _in_file),
    Ask(rf"\b(?P<last>last|latest|most recent|first) (?P<level>error|warning|exception|traceback) (?:of|in|from)(?: the)?(?: log)?(?: file)? (?P<name>{PATH})", "", lambda said: [Step("find the line", f"grep -n -i {said.plain('level')} {said.get('name')} | {'head' if said.plain('last').lower() == 'first' else 'tail'} -1")]),
    Ask(rf"\b(?:does|do|is) (?:the )?(?:file )?(?P<name>{PATH}) (?:mention|contain|have|include|use|import|list)s? (?:the )?{_THING}(?P<text>{_WORD})|\bis {_THING}(?P<text_>{_WORD}) (?:mentioned |listed |used )?in (?:the )?(?P<name_>{PATH})", "case", _in_file),
    Ask(rf"\b(?:how (?:many times|often)|count how often) (?:does |do |is |are )?(?:the )?{_THING}(?P<text>{_WORD}) (?:occurs?|appears?|shows? up|come up|used|mentioned|called)", "case suffix folder", _occurrences, ""),
    Ask(rf"\b(?:is|are) there (?:an? |any )?{_THING}(?P<text>{QUOTED}|[\w.]+\(\)?|\w*[_.]\w+)(?: left| calls?| statements?)?", "case suffix folder", _searched, ""),
    Ask(r"\b(?:all )?(?:the )?(?:open |remaining )?(?:todos?|fixmes?|xxx|hack)s?\b(?:(?:,| and| or|/)+ ?(?:todo|fixme|xxx|hack)s?\b)*(?: comments| notes)?", "numbered suffix folder counted", _marks, ""),
    Ask(
        rf"\b(?:replace|change|substitute) (?:all )?(?:the )?(?:occurrences of |uses of )?{_THING}(?P<old>{QUOTED}|\w+) (?:with|by|to|into|for) {_THING}(?P<new>{QUOTED}|\w+)(?: everywhere| throughout)?"
        rf"|\brename (?:the )?(?:function|method|class|variable|constant|symbol|parameter|name) (?P<old_>{QUOTED}|\w+) (?:to|into|as) (?P<new_>{QUOTED}|\w+)(?: everywhere| throughout| across)?",
        "suffix folder",
        _replaced,
    ),
    Ask(r"\b(?P<removes>(?:remove|strip|delete|trim|fix|clean up) (?:all )?(?:the )?)?trailing (?:whitespace|spaces|blanks)\b", "suffix folder", _trailing),
    Ask(
        rf"\b(?:where (?:is|are)|find (?:where|the place where)|which (?:file|module)(?: is)?|what file(?: is)?) (?:the )?{_THING}(?P<text>{_WORD}) (?:is )?(?:defined|declared|implemented)\b"
        rf"|\b(?:find|show|where is|locate|go to)(?: me)? the (?:definition|declaration|implementation|source) of (?:the )?{_THING}(?P<text_>{_WORD})"
        rf"|\bwhich (?:file|module) (?:defines|declares|implements|has) (?:the )?{_THING}(?P<text__>{_WORD})",
        "suffix folder",
        _defined,
    ),
    Ask(
        r"\b(?:which |what |list |find |show )?(?:the )?(?:all )?(?:files?|modules?|places?|lines) (?:that |which )?imports? (?:from )?(?P<text>[\w.@/-]+)"
        r"|\b(?:where|place where|places where|who) (?:do we |we |is |are )?(?:imports? )?(?P<text_>[\w.@/-]+)(?: (?:is |gets |being )?imported)"
        r"|\bimports of (?P<text__>[\w.@/-]+)",
        "suffix folder",
        _imports,
    ),
    Ask(r"\b(?P<test>test )?(?P<kind>functions|classes|methods)\b(?: (?:we have|are there|are defined|defined|exist|there are))?", "folder counted", _definitions),
    Ask(
        rf"\b(?:which|what|list|find|show|how many|count)\b.{{0,20}}?\b(?P<suffix>(?!the\b|all\b|our\b)\w+ )?files?\b(?: (?:in|under|below|of) (?:the )?(?P<folder>[\w./-]+)(?: folder| directory)?)?(?: in which| where| that| which)? (?:contain(?:s|ing)?|mention(?:s|ing)?|have|has|use(?:s)?|with|refer(?:s|ring)? to|call(?:s)?) (?:the )?{_THING}(?P<text>{_WORD})(?: in (?:it|them))?",
        "case folder counted",
        _files_with,
        "",
    ),
    Ask(
        rf"\b(?:search|look)(?: through| in)?(?: (?:the |our |all )?(?:whole )?(?:code ?base|code|repo(?:sitory)?|project|files|sources?))? for (?:the |all )?(?:occurrences of )?{_THING}(?P<text>{_WORD})"
        rf"|\bgrep (?:for )?(?:the )?{_THING}(?P<text_>{_WORD})"
        rf"|\b(?:find|list|show|look up|count|how many|search|where are|number of|list)\b.{{0,12}}\b(?:occurrences?|mentions?|uses|usages?|references|calls?|places that use|callers) (?:of|to) (?:the )?{_THING}(?P<text__>{_WORD})"
        rf"|\b(?:where|places where|place where|everywhere) (?:do we |we |is |are )?(?:use |call )?(?:the )?{_THING}(?P<text___>{_WORD}) (?:is |are |gets )?(?:used|called|mentioned|referenced|set|raised)\b"
        rf"|\b(?:which lines|who) (?:uses?|calls?|mentions?|contains?) (?:the )?{_THING}(?P<text____>{_WORD})",
        _LIMITS,
        _searched,
        "",
    ),
    Ask(rf"\b(?:(?P<first>first)|last|end|tail) (?P<count>\d+)? ?(?:lines )?{_IN_FILE}{_FOLLOWED}|\b(?P<verb>tail|follow|watch) (?:the |a |my )?(?:log )?(?:file )?(?P<name_>{PATH})(?: (?:in real time|live|as it grows))?", "", _ends),
    Ask(rf"\b(?P<level>errors?|warnings?|exceptions?|critical|fatal|tracebacks?)\b(?: lines| messages| entries| there are| are there| are)*(?: (?:of|in|from)(?: the)?(?: log)?(?: file)? (?P<name>{PATH}))", "counted numbered", _of_log),
    Ask(rf"\blines? (?P<start>\d+) ?(?:-|to|through|until|and) ?(?P<end>\d+) {_IN_FILE}", "", _between),
    Ask(r"\b(?:pretty[- ]?print|format nicely|indent)(?: the)?(?: json)?(?: file)? (?P<name>[\w./-]+\.json)\b", "", _pretty),
    Ask(rf"\b(?:show|print|cat|display|view)(?: me)?(?: the)?(?: contents? of)?(?: the)?(?: file)? (?P<name>{PATH})$", "", _shown),
)  # fmt: skip
