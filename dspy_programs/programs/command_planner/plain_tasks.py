"""What developers do beside tests and git: ports, sizes, texts, the profiler, and Django's own commands."""

import re
from collections.abc import Callable, Iterator

from dspy_programs.programs.command_planner.clauses import Found
from dspy_programs.programs.command_planner.git_names import Names
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Step
from dspy_programs.text import SPELLED


def plain_in(low: str, names: Names, project: Project) -> Iterator[Found]:
    """Find tasks that need no tool of the project."""
    for pattern, steps in _PLAIN:
        if (match := re.search(pattern, low)) and (found := steps(low, names, project)):
            yield Found(match.start(), match.end(), found, "")


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
