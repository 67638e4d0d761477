# ruff: noqa: E501  # a question stands on a line
"""Questions about files and folders, and what is done with them: lists, counts, sizes, copies, archives."""

import shlex

from dspy_programs.programs.command_planner.phrases import PATH, Ask, Said
from dspy_programs.programs.command_planner.step import Step

_LIMITS = "folder suffix larger older days empty tracked counted"
_DAYS = {"hour": 0, "day": 1, "week": 7, "month": 30}
_UNITS = {"k": "k", "m": "M", "g": "G"}
_NAME = r"(?:['\"`]?)(?P<name>[\w.][\w.-]*(?:/[\w.-]+)*)(?:['\"`]?)"
_NOT_GIT = "-not -path '*/.git/*'"


def _age(said: Said, number: str, unit: str, sign: str) -> str:
    """Return the test of find for an age: -mtime -7; "" if none is said."""
    each = said.plain(unit).lower().rstrip("s")
    if not each:
        return ""
    if each == "hour":
        return f" -mmin {sign}{60 * said.number(number, 1)}"
    return f" -mtime {sign}{_DAYS[each] * said.number(number, 1)}"


def _find(said: Said, kind: str) -> str:
    """Return the command that lists the files (kind "f") or folders ("d") that are meant."""
    tests = " -empty" if said.plain("empty") else ""
    names = [f"-name {glob}" for glob in said.globs]
    tests += f" {names[0]}" if len(names) == 1 else rf" \( {' -o '.join(names)} \)" if names else ""
    if size := said.plain("larger"):
        tests += f" -size +{size}{_UNITS[said.plain('unit')[0].lower()]}"
    tests += _age(said, "days", "each", "-") + _age(said, "older", "old", "+")
    tests += " -mtime -1" if said.plain("today") else ""
    folder = said.get("folder", ".")
    return f"find {folder} -type {kind} {_NOT_GIT}{tests}"


def _listed(said: Said) -> list[Step]:
    named = [name for name in ("suffix", "larger", "older", "each", "today", "empty", "tracked", "folder") if said.plain(name)]
    counted = said.plain("counted") or said.plain("number")
    if not named and not counted:
        return []
    is_tracked = not {"larger", "older", "each", "today", "empty"} & {*named}
    command = f"git ls-files{said.limits}" if is_tracked else _find(said, "f")
    if counted:
        return [Step("count the files", f"{command} | wc -l")]
    return [Step("list the files", command)]


def _folders(said: Said) -> list[Step]:
    name = said.plain("named")
    if name.lower() == "empty":
        command = f"find {said.get('folder', '.')} -type d {_NOT_GIT} -empty"
    elif name.lower() in ("all", "the", "our", "any", "which", "what", "of", "many"):
        command = _find(said, "d")
    else:
        command = f"find {said.get('folder', '.')} -type d {_NOT_GIT} -name {shlex.quote(name)} -prune"
    if said.plain("deletes"):
        return [
            Step("list what would be deleted", command),
            Step(f"delete it once the list is right: {command} -exec rm -r {{}} +"),
        ]
    return [Step("count the folders", f"{command} | wc -l") if said.plain("counted") else Step("list the folders", command)]


def _deleted(said: Said) -> list[Step]:
    if not any(said.plain(name) for name in ("suffix", "larger", "older", "each", "empty")):
        return []
    command = _find(said, "f")
    return [Step("list what would be deleted", command), Step(f"delete it once the list is right: {command} -delete")]


def _largest(said: Said) -> list[Step]:
    count = said.number("top", 20)
    if said.plain("what").startswith(("folder", "dir")):
        return [Step("list the largest folders", f"du -h {said.get('folder', '.')} | sort -rh | head -{count}")]
    if said.plain("tracked"):
        return [
            Step(
                "list the largest files that git knows",
                f"git ls-files -z{said.limits} | xargs -0 du -h | sort -rh | head -{count}",
            )
        ]
    return [Step("list the largest files", f"{_find(said, 'f')} -exec du -h {{}} + | sort -rh | head -{count}")]


def _newest(said: Said) -> list[Step]:
    order = "-ltr" if said.plain("which").lower() == "oldest" else "-lt"
    return [
        Step(
            "list the files by the time of their last change",
            f"{_find(said, 'f')} -exec ls {order} {{}} + | head -{said.number('top', 20)}",
        )
    ]


def _size(said: Said) -> list[Step]:
    return [Step("show the size on disk", f"du -sh {said.get('folder', '.')}")]


def _long(said: Said) -> list[Step]:
    lines = f"git ls-files -z{said.limits} | xargs -0 wc -l"
    return [Step("list the files with more lines", f"{lines} | awk '$1 > {said.plain('lines')} && $2 != \"total\"' | sort -rn")]


def _longest(said: Said) -> list[Step]:
    lines = f"git ls-files -z{said.limits} | xargs -0 wc -l"
    return [
        Step("list the files with the most lines", f"{lines} | grep -v ' total$' | sort -rn | head -{said.number('top', 10)}")
    ]


def _lines_each(said: Said) -> list[Step]:
    return [Step("count the lines of each file", f"git ls-files -z{said.limits} | xargs -0 wc -l | sort -n")]


def _lines(said: Said) -> list[Step]:
    if said.get("folder") and "." in said.plain("folder").rpartition("/")[2]:
        return [Step("count the lines of the file", f"wc -l {said.get('folder')}")]
    return (
        [Step("count the lines of all files that git knows", f"git ls-files -z{said.limits} | xargs -0 cat | wc -l")]
        if said.limits
        else []
    )


def _tree(said: Said) -> list[Step]:
    depth = said.number("depth", 2)
    return [Step("show the folders and files", f"find {said.get('folder', '.')} -maxdepth {depth} {_NOT_GIT} | sort")]


def _made(said: Said) -> list[Step]:
    made = [Step("create the folder", f"mkdir -p {said.get('name')}")]
    return [*made, Step("move it there", f"mv -n {said.get('moved')} {said.get('name')}/")] if said.plain("moved") else made


def _moved(said: Said) -> list[Step]:
    source, target = said.get("source"), said.get("target")
    if said.plain("verb").lower() == "copy":
        return [Step("copy it", f"cp -r {source} {target}")]
    return [Step("move it, and keep what is there already", f"mv -n {source} {target}")]


def _executable(said: Said) -> list[Step]:
    return [Step("make it executable", f"chmod +x {said.get('name')}")]


def _named(said: Said) -> list[Step]:
    return [Step("list the files of this name", f"find {said.get('folder', '.')} -type f {_NOT_GIT} -name {said.get('name')}")]


def _backed_up(said: Said) -> list[Step]:
    return [Step("copy it beside itself", f"cp -n {said.get('name')} {shlex.quote(said.plain('name') + '.bak')}")]


def _compared(said: Said) -> list[Step]:
    return [Step("show the differences of the files", f"diff -u {said.get('source')} {said.get('target')}")]


def _archived(said: Said) -> list[Step]:
    name = said.plain("name").rstrip("/")
    base = name.rpartition("/")[2]
    if said.plain("verb").lower() == "zip" or said.plain("form").lower() == "zip":
        return [Step("pack it", f"zip -r {shlex.quote(said.plain('target') or f'{base}.zip')} {shlex.quote(name)}")]
    return [Step("pack it", f"tar -czf {shlex.quote(said.plain('target') or f'{base}.tar.gz')} {shlex.quote(name)}")]


def _unpacked(said: Said) -> list[Step]:
    name, target = said.get("name"), said.get("target")
    if said.plain("name").lower().endswith(".zip"):
        return [Step("unpack it", f"unzip {name}{f' -d {target}' if target else ''}")]
    if not target:
        return [Step("unpack it", f"tar -xf {name}")]
    return [Step("create the folder", f"mkdir -p {target}"), Step("unpack it there", f"tar -xf {name} -C {target}")]


def _contents(said: Said) -> list[Step]:
    name = said.get("name")
    return [
        Step("list what is in it", f"unzip -l {name}" if said.plain("name").lower().endswith(".zip") else f"tar -tf {name}")
    ]


_FOLDER = r"(?P<name>[\w.][\w./-]*)"
_INTO = (
    rf"(?:(?:in)?to|as|in) (?:the |a )?(?:folder |file |directory )?(?P<target>{PATH}|[\w.-]+)(?: (?:folder|directory|file))?"
)
_PACKED = r"(?P<name>[\w./-]+\.(?:tar\.\w+|tar|tgz|zip))\b"
FILE_ASKS = (
    Ask(r"\bfiles? (?:that (?:is|are) )?(?:called|named) [\"'`]?(?P<name>[\w*.][\w.*-]*)[\"'`]?|\b(?:all|every|each|find) (?:the )?(?P<name_>[\w-]+\.\w{1,5}) files?$", "folder", _named),
    Ask(rf"\b(?:create|make|build) an? (?P<form>zip|tarball|tar(?:\.gz)?|archive)(?: file| archive)? (?:of|from|with|out of) (?:the )?(?:folder |directory )?{_FOLDER}(?: (?:folder|directory))?", "", _archived),
    Ask(rf"\b(?:make|create|keep) a (?:backup|copy|backup copy) of (?:the )?(?:file )?(?P<name>{PATH})|\bback ?up (?:the )?(?:file )?(?P<name_>{PATH})", "", _backed_up),
    Ask(rf"\b(?:extract|unpack|unzip|untar|uncompress|decompress) (?:the )?(?:archive |file )?{_PACKED}(?: {_INTO})?", "", _unpacked),
    Ask(rf"\b(?:what(?:'s| is)|list|show|contents?)\b.{{0,25}} (?:in|inside|of) (?:the )?(?:archive )?{_PACKED}(?: without (?:extracting|unpacking)(?: it)?)?", "", _contents),
    Ask(
        rf"\b(?P<verb>zip|compress|archive|tar|pack)(?: up)? (?:the )?(?:folder |directory )?(?!it\b|this\b|everything\b){_FOLDER}(?: (?:folder|directory))?"
        rf"(?: (?:in)?to (?:an? |the )?(?:(?P<form>zip|tar|tar\.gz|tgz)(?: file| archive)?$|(?P<target>[\w./-]+\.\w+)))?",
        "",
        _archived,
    ),
    Ask(rf"\b(?:make|mark|set) (?:the )?(?:script |file )?(?P<name>{PATH}) (?:as )?executable\b|\bchmod \+x (?P<name_>{PATH})", "", _executable),
    Ask(rf"\b(?:create|make) (?:a |an |the )?(?:new )?(?:folder|directory) (?:called |named )?{_NAME}(?:,? (?:and|then) (?:then )?(?:move|put) (?P<moved>{PATH}) (?:in(?:to)?|there|in) ?(?:it|there)?)?", "", _made),
    Ask(rf"\b(?P<verb>move|rename|copy) (?:the )?(?:file |folder |directory )?(?P<source>{PATH})(?: file| folder)? {_INTO}", "", _moved),
    Ask(rf"\b(?:compare|diff|differences? between|differ)\b.{{0,12}} ?(?P<source>{PATH}) (?:and|with|to|from|against) (?P<target>{PATH})", "", _compared),
    Ask(r"\b(?:longer than|more than|over|above|at least|exceed(?:ing)?) (?P<lines>\d+) lines(?: of code| long)?\b", "folder suffix", _long),
    Ask(r"\b(?:with|have|has) the most lines(?: of code)?|\blongest (?:\w+ )?files?\b", "folder suffix top", _longest),
    Ask(r"\blines (?:of code )?(?:per|in each|for each|of each|by) file\b|\blines (?:does|do) (?:each|every) file have\b", "folder suffix counted sorted", _lines_each),
    Ask(r"\b(?:how many|count|number of)\b.{0,12}\blines\b(?: of code)?", "folder suffix", _lines),
    Ask(r"\b(?:biggest|largest|heaviest) (?:\d+ )?(?P<what>files?|folders?|director(?:y|ies)|dirs?)\b", "folder suffix tracked top", _largest),
    Ask(r"\b(?P<which>newest|latest|most recent|oldest|most recently (?:changed|modified|edited)|last modified) (?:\d+ )?files?\b", "folder suffix top", _newest),
    Ask(
        r"\b(?:how (?:big|large|heavy) (?:is|are)|size of|how much (?:disk )?(?:space|room)\b|disk usage(?: of)?)(?! (?:is )?(?:left|free))",
        "folder taken",
        _size,
    ),
    Ask(r"\b(?:(?:folder|directory|project|file|dir) (?:structure|tree|layout|hierarchy)|tree of (?:the )?(?:folders|files|directories|project))\b(?:.{0,12}\b(?P<depth>one|two|three|four|\d+) (?:levels?|deep)(?: deep)?)?", "folder", _tree),
    Ask(r"\b(?P<deletes>delete|remove|clean up|get rid of|wipe) (?:all |every |any )?(?:of )?(?:the |our )?(?P<named>[\w.-]+) (?:folders|directories|dirs)\b", "folder", _folders),
    Ask(r"\b(?P<named>(?!in\b|and\b|or\b)[\w.-]+) (?:folders|directories|dirs)\b", "folder counted days older", _folders),
    Ask(r"\b(?:delete|remove|clean up|get rid of) (?:all |every |any )?(?:the )?(?=.{0,30}\bfiles?\b)", _LIMITS.replace(" counted", "").replace(" tracked", ""), _deleted),
    Ask(r"\b(?:list|find|show|which|what|(?P<number>how many|count|number of)|are there|locate)\b(?=.{0,40}\b(?:files?|scripts|modules|notebooks|images)\b)(?! me (?:the )?file\b)", _LIMITS, _listed),
)  # fmt: skip
