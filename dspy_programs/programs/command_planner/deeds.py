"""What a task wants of the project's own tools: tests, checks, builds, dependencies, by its words."""

import re
from collections.abc import Iterator

from dspy_programs.programs.command_planner.clauses import CLAUSE, Found
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Deed
from dspy_programs.programs.command_planner.toolchains import steps_of

_DEEDS: tuple[tuple[Deed, str], ...] = (
    ("remove", r"\b(?:remove|drop|uninstall|get rid of) (?:the )?(?:dependency|package|library|dep)\b"),
    (
        "add",
        r"\binstall (?:the )?(?:package|library|dependency|gem|crate|module) \w|\badd (?:a |the |an )?(?:new )?(?:dev "
        r")?(?:dependency|package|library|dep|module)\b|\badd \S+ (?:as a |to "
        r"(?:the |our )?)(?:dev )?(?:dep|requirements)",
    ),
    ("coverage", r"\bcover(?:age|ed)\b|\bhow much .{0,20}tested"),
    ("bench", r"\bbenchmarks?\b|\bbench\b"),
    (
        "types",
        r"\bcompiles?\b.{0,20}\bwithout\b|\bcheck (?:that|if|whether) (?:it|this|the code|everything) compiles\b|"
        r"\btypes?.?check\w*|\btypes?\b(?= (?:are|errors?|ok))|\bmypy\b|\bpyright\b|\btsc\b|\bcheck (?:the )?types",
    ),
    ("format", r"\b(?:re)?format(?:ting|ter|ted)?\b|\bprettier\b|\bblack\b|\bcode style\b|\btidy up the code"),
    (
        "lint",
        r"\blint\w*\b|\bvet\b|\bflake8\b|\bruff\b(?! format)|\beslint\b(?!-)|\bclippy\b|\bstatic (?:checks?|analysis)|\bcode "
        r"quality|"
        r"\bpre-?commit\b",
    ),
    ("outdated", r"\bout ?dated\b|\bout of date\b|\bold (?:deps|dependencies|packages)|\bnewer versions?\b"),
    (
        "upgrade",
        r"\b(?:upgrade|update|bump) \S+ to (?:the )?(?:latest|newest|\S*\d)|\b(?:upgrade|update|bump)\b.{0,20}\b(?:deps|"
        r"dependenc\w+|packages|libraries|lock ?file)",
    ),
    (
        "release",
        r"\b(?:publish|upload)\b|\bto (?:pypi|npm|crates\.io)\b|\b(?:cut|make|do|ship) (?:a |the )?(?:new "
        r")?release\b(?! (?:candidate|tag|build|binary|notes|branch))|"
        r"^release\b",
    ),
    ("docs", r"\b(?:build|make|generate|serve|render|preview)\b.{0,15}\b(?:docs|documentation|site|handbook)\b"),
    (
        "test",
        r"\b(?:re-?)?(?:run|execute|launch|start|see|do|check (?:that|if|whether))\b.{0,30}\b(?:tests?|specs?|suite)\b|"
        r"\bpytest\b"
        r"|\btests? (?:pass|green|still|suite|run|in|for|of|with|called|named)\b|\b(?:unit|integration|all) tests\b|"
        r"\bspecs?\b(?=$|[,.])"
        r"|\btests? stop\b|\btest (?:it|this|that|everything|the|only|just|all)\b|\btests?\b(?=[,.]| and| then| pls| "
        r"please|$)"
        r"|\b(?:only|just) (?:the )?(?:test\b|tests?[/_]|\S+[._](?:test|spec)\b)",
    ),
    (
        "install",
        r"\b(?:install|set ?up|bootstrap)\b(?! (?:go|python|node|rust|docker|git)\b)|\bget (?:this|it|the project|"
        r"everything) (?:running|ready|going)|"
        r"\bdev(?:elopment)? environment\b|\bvirtual ?env\w*|\bdependencies\b(?! (?:graph|tree))",
    ),
    (
        "build",
        r"\b(?:re-?)?(?:build|compile)\b(?! (?:the )?(?:docs|documentation|index))|\bpackage (?:it|up|the (?:jar|"
        r"project|app))\b|\bwheel\b|(?<!run the )(?<!start the )\bbinary\b|"
        r"\bdocker image\b",
    ),
    (
        "run",
        r"\b(?:run|start|launch|serve|boot|fire up|spin up|bring up)\b.{0,20}\b(?:app|server|binary|it|this|program|project|"
        r"service|site|api|locally|container|stack|cli|tool|dev)\b|\bstart up\b",
    ),
    ("clean", r"\bclean\b(?!er)|\bremove .{0,15}(?:build|artifacts?|caches?|compiled)|\bbuild (?:files|artifacts)"),
)
_WHICH = re.compile(
    r"\b(?:only|just|single|the)\s+(?:the )?(?:tests? (?:called |named |for |in |of |from )?)?`?([\w./:-]*[_/.:][\w./:-]+)`?"
    r"|\b(?:only|just)\s+(?:run )?(?:the )?(?:unit |integration )?tests? (?:for|of|in|called|named|from) (?:the "
    r")?`?([\w./:-]+)"
    r"|\b(?:only|just)\s+(?:run )?(?:the )?`?(?!the )([\w-]+)`? (?:unit )?tests?\b|\btests? (?:called|named|in|for|"
    r"from) (?:the "
    r")?`?([\w./:-]*[_/.:A-Z][\w./:-]*|\w+(?= module| package| folder))`?"
    r"|\b`?(test_\w+(?:\.py)?|[\w/]+_test\.\w+|[\w/]+\.(?:test|spec)\.\w+|tests?/[\w./]+)`?"
    r"|\btests? (?:for|of|in) (?:the )?(\w+)(?: app| module| package| folder)?$|\btest ([A-Z]\w+)|\b(?:only|just) "
    r"(?:the )?(?:module|package|crate|folder) ([\w./-]+)"
)
_PLACE = re.compile(
    r"\b(?:in|of|on|only|lint|check|format) (?:the )?([\w./-]+) (?:folder|package|directory|module)\b|"
    r"(?<![\w/])((?:[\w.-]+/)+[\w.-]*|"
    r"[\w-]+\.(?:py|js|ts|tsx|rb))(?!\w)"
)
_NOT_WHICH = frozenset(
    "me parallel docker ci order verbose mode unit integration all failing failed slow fast the whole full existing new "
    "e2e".split()
)
_ACTING: frozenset[Deed] = frozenset(
    ["install", "build", "run", "clean", "add", "remove", "upgrade", "release", "format", "test"]
)
_NEEDS: dict[Deed, str] = {
    "types": "check types",
    "docs": "build the docs",
    "release": "publish",
    "outdated": "list outdated packages",
    "bench": "run benchmarks",
}


def deeds_in(low: str, task: str, project: Project) -> Iterator[Found]:
    for deed, pattern in _DEEDS:
        for match in re.finditer(pattern, low):
            clause = next((each[1] for each in CLAUSE.finditer(low) if each.start(1) <= match.start() < each.end(1)), low)
            steps = steps_of(deed, project, _detail(deed, task, low, clause, project))
            lacks = "" if steps else f"a tool to {_NEEDS.get(deed, deed)}: no file of the project names one"
            yield Found(match.start(), match.end(), steps, lacks, deed in _ACTING)


def _detail(deed: Deed, task: str, low: str, clause: str, project: Project) -> str:
    """Return what the deed is limited to, or how it is done."""
    if deed == "test":
        if re.search(r"\b(?:stop|end|quit|abort) (?:at|on|after) (?:the )?first (?:failure|error)|\bfail fast\b", low):
            return "first"
        return "failed" if re.search(r"\b(?:failed|failing)\b", low) else _which(task)
    if deed in ("add", "remove"):
        found = re.search(
            r"\b(?:dependency|package|library|dep|module)(?: on| called| named|:)? (?!to\b|for\b)([\w@/.-]+)|\badd "
            r"([\w@/.-]+) (?:as|to)\b",
            task,
        )
        return (found[1] or found[2]) if found else "PACKAGE"
    if deed == "run":
        port = re.search(r"\bport (\d{2,5})\b", low)
        return port[1] if port else ""
    if deed == "docs":
        return "serve" if re.search(r"\b(?:serve|preview|locally)\b", low) else ""
    if deed == "lint" and re.search(r"\bfix\b", low):
        return "--fix"
    if deed in ("lint", "types", "format"):
        place = _PLACE.search(clause)
        found_place = next(filter(None, place.groups())).strip(".,") if place else ""
        is_there = "/" in found_place or "." in found_place or project.has(found_place)
        return next((word for word in task.split() if word.lower() == found_place), found_place) if is_there else ""
    if deed == "upgrade":
        one = re.search(r"\b(?:upgrade|update|bump) (?!the\b|all\b|my\b|our\b)([\w@/.-]+) to\b", task)
        return one[1] if one else ""
    return ""


def _which(task: str) -> str:
    """Return the one test, file or part that is to be tested; "" for all."""
    for groups in _WHICH.findall(task):
        name = next(filter(None, groups), "").strip(".,`:")
        if name and name.lower() not in _NOT_WHICH and not name.endswith(("pyproject.toml", "package.json")):
            return name
    return ""
