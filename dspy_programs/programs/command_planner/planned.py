"""Plan a developer's task by rules: what its words ask for, in their order, with the tools that the context tells of.

Input      task, context: texts.
Output     Planned: the steps, their commands, and what is missing, each as text; the steps of deeds in the order of the task.
Guarantees no command has an argument that neither the task nor the context gives: a word in capitals stands for it, and is
           told. No command that the rules write is dangerous.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dspy_programs.programs.command_planner.git_tasks import TASKS, Names, names_in
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Deed, Step
from dspy_programs.programs.command_planner.toolchains import steps_of
from dspy_programs.spelling import spelled_right
from dspy_programs.text import SPELLED, content_stems

_MOST = 8  # steps
_PLACEHOLDER = re.compile(r"(?<![\w$])(BRANCH|TAG|FILE|COMMIT|GOOD|URL|NUMBER|PORT|TEXT|PACKAGE|AUTHOR)\b")
_WHAT = {
    "BRANCH": "the name of the branch",
    "TAG": "the version to tag",
    "FILE": "the file",
    "COMMIT": "the commit",
    "GOOD": "a commit that was good",
    "URL": "the address of the repository",
    "NUMBER": "the number of the pull request",
    "PORT": "the port",
    "TEXT": "the text to look for",
    "AUTHOR": "whose commits",
    "PACKAGE": "the name of the package",
}
_DEEDS: tuple[tuple[Deed, str], ...] = (
    ("remove", r"\b(?:remove|drop|uninstall|get rid of) (?:the )?(?:dependency|package|library|dep)\b"),
    (
        "add",
        r"\binstall (?:the )?(?:package|library|dependency|gem|crate|module) \w|\badd (?:a |the |an )?(?:new )?(?:dev "
        r")?(?:dependency|package|library|dep|module)\b|\badd \S+ (?:as a |to "
        r"(?:the |our )?)(?:dep|requirements)",
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
        r"\blint\w*\b|\bvet\b|\bflake8\b|\bruff\b(?! format)|\beslint\b|\bclippy\b|\bstatic (?:checks?|analysis)|\bcode "
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
_VOCABULARY = (
    "check tests build install dependencies format types coverage documentation release publish start server compile "
    "commit branch "
    "rebase squash stash merge revert discard changes conflict outdated upgrade packages profile debugger linter staged "
    "history"
).split()
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
_CLAUSE = re.compile(r"(?:^|,|;|\. |\band\b|\bthen\b)((?:(?!,|;|\. |\band\b|\bthen\b).)*)")
_ASKS = re.compile(
    r"(?:please |also |finally )?(?:run|build|test|commit|push|make|update|create|delete|remove|start|stop|install|add|"
    r"open|move|rename|send|deploy|"
    r"write|fix|change|check|find|show|list|restart|copy|download|upload|merge|release|tag|preview|launch|generate|"
    r"restore|deploy|come back|go back)\b"
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


class Planned(NamedTuple):
    plan: list[str]
    commands: list[str]
    missing: list[str]


class _Found(NamedTuple):
    start: int
    end: int
    steps: list[Step]
    lacks: str


def planned_by_rules(task: str, context: str) -> Planned:
    """See the top of the file."""
    project, low, names = Project(context), spelled_right(task, _VOCABULARY), names_in(task)
    kept: list[_Found] = []
    for found in [*_plain(low, task, names, project), *_git(low, names), *_deeds(low, task, project)]:
        if all(found.end <= one.start or one.end <= found.start for one in kept):
            kept.append(found)
    kept.sort(key=lambda found: found.start)
    steps = [step for found in kept for step in found.steps]
    steps = [_with_own_tests(step, project) for step in steps]
    steps = list({step.command or step.says: step for step in reversed(steps)}.values())[::-1][:_MOST]
    commands = [step.command for step in steps if step.command]
    lacks = [found.lacks for found in kept if found.lacks]
    lacks += [f"{word}: {_WHAT[word]}" for command in commands for word in _PLACEHOLDER.findall(command)]
    lacks += _unheard(low, kept, steps)
    lacks += [f"how to {clause}" for clause in _unplanned(low, kept)] if kept else []
    if not steps and not lacks:
        lacks = ["what to do: the task asks for nothing that the rules know"]
    return Planned([step.says for step in steps], commands, list(dict.fromkeys(lacks)))


def _with_own_tests(step: Step, project: Project) -> Step:
    """Return a search by bisection with the tests of the project."""
    if not step.command.startswith("git bisect run"):
        return step
    tests = steps_of("test", project)
    return step._replace(command=f"git bisect run {tests[-1].command}") if tests else Step(step.says)


def _unheard(low: str, kept: list[_Found], steps: list[Step]) -> list[str]:
    """Return, as one line, the words that a planned clause has and neither its pattern nor a step: "verbose", "in "
    "parallel"."""
    heard = {
        stem for step in steps for stem in content_stems(f"{step.says} {step.command}".replace("/", " ").replace("_", " "))
    }
    found = []
    for clause in _CLAUSE.finditer(low):
        spans = [one for one in kept if one.start < clause.end(1) and clause.start(1) < one.end and one.steps]
        for word in re.finditer(r"[\w./-]{3,}", clause[1] if spans else ""):
            at = clause.start(1) + word.start()
            is_matched = any(one.start <= at < one.end for one in spans)
            stems = set(content_stems(word[0].replace("/", " ").replace("_", " ")))
            if stems and not is_matched and not stems & (heard | _FILLERS):
                found.append(word[0].strip("."))
    return [f"not taken into account: {', '.join(found)}"] if found else []


_FILLERS = frozenset(
    content_stems(
        "run start folder last date failure everything project program code app way repo repository machine computer "
        "local locally again first command "
        "shell terminal git "
        "here file files change changes work please quickly currently moment whole whatever somebody someone exactly "
        "simply best how "
        "branch commit commits test tests message called named name show see find tell type right suite python using"
    )
)


def _unplanned(low: str, kept: list[_Found]) -> Iterator[str]:
    """Yield the clauses that ask for something and of which nothing is planned."""
    for clause in _CLAUSE.finditer(low):
        is_planned = any(found.start < clause.end(1) and clause.start(1) < found.end for found in kept)
        if not is_planned and _ASKS.match(clause[1].strip()):
            yield clause[1].strip()


def _git(low: str, names: Names) -> Iterator[_Found]:
    for pattern, steps in TASKS:
        if match := pattern.search(low):
            yield _Found(match.start(), match.end(), steps(names), "")


def _deeds(low: str, task: str, project: Project) -> Iterator[_Found]:
    for deed, pattern in _DEEDS:
        for match in re.finditer(pattern, low):
            clause = next((each[1] for each in _CLAUSE.finditer(low) if each.start(1) <= match.start() < each.end(1)), low)
            steps = steps_of(deed, project, _detail(deed, task, low, clause, project))
            lacks = "" if steps else f"a tool to {_NEEDS.get(deed, deed)}: the context names none"
            yield _Found(match.start(), match.end(), steps, lacks)


_NEEDS: dict[Deed, str] = {
    "types": "check types",
    "docs": "build the docs",
    "release": "publish",
    "outdated": "list outdated packages",
    "bench": "run benchmarks",
}


def _detail(deed: Deed, task: str, low: str, clause: str, project: Project) -> str:
    """Return what the deed is limited to, or how it is done."""
    if deed == "test":
        if re.search(r"\b(?:stop|end|quit|abort) (?:at|on|after) (?:the )?first (?:failure|error)|\bfail fast\b", low):
            return "first"
        return "failed" if re.search(r"\b(?:failed|failing)\b", low) else _which(task)
    if deed in ("add", "remove"):
        found = re.search(
            r"\b(?:dependency|package|library|dep|module)(?: on| called| named|:)? (?!to\b|for\b)([\w@/.-]+)|\badd "
            r"(\S+) (?:as|to)\b",
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


def _plain(low: str, task: str, names: Names, project: Project) -> Iterator[_Found]:
    """Find tasks that need no tool of the project."""
    for pattern, steps in _PLAIN:
        if (match := re.search(pattern, low)) and (found := steps(low, names, project)):
            yield _Found(match.start(), match.end(), found, "")


def _port(low: str, names: Names, project: Project) -> list[Step]:
    port = re.search(r"\b(\d{2,5})\b", low)
    number = port[1] if port else "PORT"
    command = f"netstat -ano | findstr :{number}" if project.windows else f"lsof -i :{number}"
    return [Step("find the process that uses the port", command), Step("stop it by its number, if it is yours")]


def _largest(low: str, names: Names, project: Project) -> list[Step]:
    return [Step("list the largest files and folders", "du -ah . | sort -rh | head -20")]


def _count(low: str, names: Names, project: Project) -> list[Step]:
    return [Step("count the lines of all files that git knows", "git ls-files -z | xargs -0 wc -l")]


def _text(low: str, names: Names, project: Project) -> list[Step]:
    text = names.message if names.message and "'" not in names.message else ""
    marks = re.search(r"\b(todo|fixme)s?\b", low)
    return [
        Step(
            "find the text in all files that git knows",
            f"git grep -n -F '{text}'" if text else f"git grep -n {marks[1].upper() if marks else 'TEXT'}",
        )
    ]


def _profile(low: str, names: Names, project: Project) -> list[Step]:
    file = names.path or "FILE"
    return [
        Step("run it under the profiler", f"python -m cProfile -o profile.out {file}"),
        Step("show where the time goes", "python -m pstats profile.out"),
    ]


def _debug(low: str, names: Names, project: Project) -> list[Step]:
    return [Step("run it in the debugger", f"python -m pdb {names.path or 'FILE'}")]


def _find(low: str, names: Names, project: Project) -> list[Step]:
    suffix = re.search(r"\*?\.(\w{1,5})\b|\b(python|yaml|json|markdown|toml|typescript|rust|go)\b", low)
    ends = {"python": "py", "yaml": "y*ml", "markdown": "md", "typescript": "ts", "rust": "rs"}
    name = (suffix[1] or ends.get(suffix[2], suffix[2])) if suffix else "FILE"
    return [Step("list the files that git knows", f"git ls-files '*.{name}'")]


def _migrate(low: str, names: Names, project: Project) -> list[Step]:
    if not project.has("manage.py"):
        return []
    return [Step("write the migrations", "python manage.py makemigrations"), Step("apply them", "python manage.py migrate")]


def _django(project: Project, says: str, command: str) -> list[Step]:
    return [Step(says, f"python manage.py {command}")] if project.has("manage.py") else []


def _app(low: str, names: Names, project: Project) -> list[Step]:
    name = re.search(r"\bapp (?:called |named )?(\w+)", low)
    return _django(project, "create the app", f"startapp {name[1]}") if name else []


def _earlier(low: str, names: Names, project: Project) -> list[Step]:
    found = re.search(r"\b(\d+|two|three|four|five|six) commits? ago\b", low)
    ago = "1" if not found else found[1] if found[1].isdigit() else str(SPELLED.index(found[1]))
    return [Step("show the file as it was", f"git show HEAD~{ago}:{names.path or 'FILE'}")]


def _between(low: str, names: Names, project: Project) -> list[Step]:
    found = re.search(r"\bbetween (\w[\w./-]*) and (\w[\w./-]*)", low)
    return [Step("list the files that differ", f"git diff --stat {found[1]}..{found[2]}")] if found else []


_PLAIN: tuple[tuple[str, Callable[[str, Names, Project], list[Step]]], ...] = (
    (
        r"\bcollect(?: the)? static\b|\bcollectstatic\b",
        lambda low, names, project: _django(project, "collect the static files", "collectstatic"),
    ),
    (
        r"\b(?:open|start|get) (?:a |the )?(?:python |django )?shell\b",
        lambda low, names, project: _django(project, "open a shell", "shell"),
    ),
    (r"\b(?:create|make|add|start) (?:an? |the )?(?:new )?app (?:called |named )?\w+", _app),
    (r"\bsuper ?user\b", lambda low, names, project: _django(project, "create a superuser", "createsuperuser")),
    (r"\btidy\b", lambda low, names, project: [Step("tidy the modules", "go mod tidy")] if project.has("go.mod") else []),
    (r"\b(?:version|content|state) of .{0,40}\bcommits? ago\b", _earlier),
    (r"\b(?:running|listening|something|anything) on port\b", _port),
    (r"\bmigrations?\b|\bmigrate the database\b", _migrate),
    (r"\b(?:changed|differ\w*|diff|compare)\b.{0,20}\bbetween \w[\w./-]*[\d/][\w./-]* and \w[\w./-]*", _between),
    (
        r"\bport\b.{0,25}\b(?:used?|busy|taken|in use|block\w*|occup\w*)|\b(?:what|who|which)\b.{0,30}\bport\b|\bfree "
        r"(?:up )?(?:the )?port",
        _port,
    ),
    (r"\b(?:largest|biggest|big|huge) (?:files?|folders?)|\bdisk (?:space|usage)|\btakes? up .{0,15}space", _largest),
    (r"\b(?:count|how many|number of)\b.{0,15}\blines\b|\blines of code\b", _count),
    (r"\bprofil(?:e|er|ing)\b|\bwhere (?:does )?the time goes?\b|\bwhy .{0,20}\bslow\b", _profile),
    (r"\bdebugger\b|\bpdb\b|\bstep through\b|\bbreakpoints?\b", _debug),
    (
        r"\b(?:find|search|grep|list)\b.{0,25}\b(?:todos?|fixmes?|occurrences|mentions|string|text|the word)\b|\bgrep\b|"
        r"\b(?:find|see|show) where\b.{0,60}\b(?:occurs?|appears?|is (?:used|said|written))\b",
        _text,
    ),
    (r"\b(?:list|find|show) (?:all )?(?:the )?(?:\*?\.\w+|python|yaml|json|markdown|toml|typescript|rust|go) files", _find),
)
