# ruff: noqa: E501  # a question stands on a line
"""Questions about dependencies and imports, by the tools that the project has."""

import re

from dspy_programs.programs.command_planner.node_tools import manager_of
from dspy_programs.programs.command_planner.phrases import Ask, Said
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Step
from dspy_programs.programs.command_planner.toolchains import steps_of

_PACKAGE = r"(?P<package>@?[A-Za-z][\w./-]*\w)"


def _python(project: Project) -> str:
    """Return the manager of a Python project: uv, poetry, pdm, pipenv; "pip" for none of them."""
    locks = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile": "pipenv"}
    return next((tool for lock, tool in locks.items() if project.has(lock)), "pip")


def _kind(said: Said) -> str:
    return next((kind for kind in said.project.kinds if kind in ("python", "node", "rust", "go", "ruby")), "")


def _chosen(said: Said, says: str, **commands: str) -> list[Step]:
    """Return the command for the kind of the project, or for the manager of a Python one."""
    kind = _kind(said)
    if kind == "python":
        command = commands.get(_python(said.project), commands.get("python", ""))
    else:
        command = commands.get(manager_of(said.project), commands.get("node", "")) if kind == "node" else commands.get(kind, "")
    return [Step(says, command)] if command else []


def _version(said: Said) -> list[Step]:
    name = said.get("package")
    return _chosen(
        said, "show its version", uv=f"uv pip show {name}", poetry=f"poetry show {name}", pdm=f"pdm show {name}", python=f"python -m pip show {name}",
        node=f"npm ls {name}", pnpm=f"pnpm why {name}", yarn=f"yarn why {name}", rust=f"cargo tree -i {name}", go=f"go list -m {name}", ruby=f"bundle info {name}",
    )  # fmt: skip


def _why(said: Said) -> list[Step]:
    name = said.get("package")
    return _chosen(
        said, "show what needs it", uv=f"uv tree --invert --package {name}", poetry=f"poetry show --why {name}", pdm=f"pdm list --tree --reverse {name}", python=f"python -m pip show {name}",
        node=f"npm explain {name}", pnpm=f"pnpm why {name}", yarn=f"yarn why {name}", rust=f"cargo tree -i {name}", go=f"go mod why -m {name}",
    )  # fmt: skip


def _listed(said: Said) -> list[Step]:
    return _chosen(
        said, "list the packages", uv="uv pip list", poetry="poetry show", pdm="pdm list", python="python -m pip list", node="npm ls --depth=0", pnpm="pnpm list --depth=0",
        yarn="yarn list --depth=0", rust="cargo tree --depth 1", go="go list -m all", ruby="bundle list",
    )  # fmt: skip


def _tree(said: Said) -> list[Step]:
    return _chosen(
        said, "show the tree of dependencies", uv="uv tree", poetry="poetry show --tree", pdm="pdm list --tree", pipenv="pipenv graph", node="npm ls --all", pnpm="pnpm list --depth=Infinity",
        rust="cargo tree", go="go mod graph",
    )  # fmt: skip


def _frozen(said: Said) -> list[Step]:
    return _chosen(
        said,
        "write the requirements",
        uv="uv export --format requirements-txt --output-file requirements.txt",
        python="python -m pip freeze > requirements.txt",
        poetry="",
        pdm="pdm export --output requirements.txt",
        pipenv="pipenv requirements > requirements.txt",
    )


def _checked(said: Said) -> list[Step]:
    return _chosen(
        said,
        "check that the packages fit each other",
        uv="uv pip check",
        python="python -m pip check",
        poetry="poetry check",
        node="npm ls --all",
        go="go mod verify",
    )


def _audited(said: Said) -> list[Step]:
    python = "pip-audit" if "pip-audit" in said.project.words else ""
    fix = " fix" if said.plain("fixes") else ""
    return _chosen(
        said,
        "look for known vulnerabilities",
        python=python,
        uv=python,
        poetry=python,
        pdm=python,
        node=f"npm audit{fix}",
        pnpm=f"pnpm audit{' --fix' if fix else ''}",
        yarn="" if fix else "yarn audit",
    )


def _unscripted(said: Said) -> list[Step]:
    locked = {
        "npm": "npm ci",
        "pnpm": "pnpm install --frozen-lockfile",
        "yarn": "yarn install --frozen-lockfile",
        "bun": "bun install",
    }
    manager = manager_of(said.project)
    install = locked[manager] if manager != "npm" or said.project.has("package-lock.json") else "npm install"
    return (
        [Step("install the dependencies, without their scripts", f"{install} --ignore-scripts")]
        if _kind(said) == "node"
        else []
    )


def _upgraded(said: Said) -> list[Step]:
    return steps_of("upgrade", said.project, said.get("package"))


def _script(said: Said) -> list[Step]:
    name, lists = said.plain("script"), said.project.lists
    if not re.search(r"\b(?:script|target|task|npm|yarn|make|just)\b", said.match[0]):
        return []
    command = {"make": "make", "just": "just", "npm": f"{manager_of(said.project)} run"}
    tool = next((tool for tool in command if name in lists.get(tool, [])), "")
    return [Step(f"run {name}", f"{command[tool]} {name}")] if tool else []


def _imports(said: Said) -> list[Step]:
    rule = "I" if said.plain("sorts") else "F401"
    tools = said.project.tools
    run = f"{_python(said.project)} run " if _python(said.project) != "pip" else ""
    fix = " --fix" if said.plain("sorts") or said.plain("removes") else ""
    says = "sort the imports" if rule == "I" else "remove unused imports" if fix else "find unused imports"
    place = said.get("folder", ".")
    if "ruff" in tools:
        return [Step(says, f"{run}ruff check --select {rule}{fix} {place}")]
    if rule == "I" and "isort" in tools:
        return [Step(says, f"{run}isort {place}")]
    return [Step(says, f"{run}flake8 --select F401 {place}")] if "flake8" in tools and not fix else []


def _needed(said: Said) -> list[Step]:
    if said.plain("what").lower() == "python" and said.project.has("pyproject.toml", "setup.cfg", "setup.py"):
        file = next(name for name in ("pyproject.toml", "setup.cfg", "setup.py") if said.project.has(name))
        return [Step("show which version it asks for", f"grep -nE 'requires-python|python_requires' {file}")]
    if said.plain("what").lower().startswith("node") and said.project.has("package.json"):
        return [Step("show which version it asks for", "grep -n -A 3 '\"engines\"' package.json")]
    return []


PACKAGE_ASKS = (
    Ask(rf"\b(?:update|upgrade|bump) (?:only |just )?(?:the )?(?:package|dependency|library|crate|module|gem) {_PACKAGE}$", "", _upgraded, ""),
    Ask(r"\b(?:which|what|list|show)\b.{0,12}\bscripts\b(?: (?:are|does))?(?: (?:defined|there))?(?: (?:in|of))?(?: the)? ?(?:package\.json)?(?: (?:define|have|has|offer))?", "", lambda said: [Step("list the scripts", f"{manager_of(said.project)} run")] if said.project.lists.get("npm") else [], ""),
    Ask(r"\b(?:run|start|execute) (?:the )?(?:npm |yarn |make |just )?(?:script |target |task )?[\"'`]?(?P<script>[\w:-]+)[\"'`]? ?(?:script|target|task)?(?: (?:of|from|in) (?:the )?(?:package\.json|makefile|justfile))?$", "", _script, ""),
    Ask(rf"\b(?:which|what) version of {_PACKAGE}(?: (?:is|do|are|have))?(?: (?:installed|used|we|i|using|use|in use|have|run))*$|\bis {_PACKAGE.replace('package', 'package_')} installed\b|\b(?:installed )?version of (?:the )?(?:package |library )?{_PACKAGE.replace('package', 'package__')}(?: (?:is|that is|we have))?(?: installed)?$", "", _version, ""),
    Ask(rf"\b(?:what|who|(?:which|what|list|show)\b.{{0,12}}\b(?:packages?|dependenc(?:y|ies)|librar(?:y|ies))(?: that| which)?) (?:depends? on|needs?|requires?|pulls? in|brings? in|uses) (?:the )?(?:package |library )?(?!this\b|it\b|the\b|to\b){_PACKAGE}$|\bwhy (?:is|do we (?:have|need)|do i have) (?:the )?(?:package |library )?{_PACKAGE.replace('package', 'package_')}(?: (?:installed|here|a dependency|in the (?:lock ?file|dependencies)))?$", "", _why, ""),
    Ask(r"\b(?:list|show|which|what|all)\b.{0,15}\b(?:installed (?:pip |npm |python |node )?(?:packages|libraries|dependencies|modules)|(?:packages|libraries|modules|dependencies) (?:that )?(?:are |is |have (?:i|we) )?installed)\b", "", _listed, ""),
    Ask(r"\b(?:dependency|dependencies|package) (?:tree|graph)\b|\btree of (?:the )?(?:dependencies|packages)", "", _tree, ""),
    Ask(r"\b(?:create|make|write|generate|export|freeze|save|produce|dump)\b.{0,40}\b(?:requirements(?:\.txt| file)?|versions to requirements\.txt)\b(?:.{0,12}\b(?:current |virtual ?)?(?:env(?:ironment)?|venv|installed packages|lock ?file))?", "", _frozen, ""),
    Ask(r"\b(?:conflicts? (?:between|among|in|of)|conflicting|broken|incompatible|consistent|check)\b.{0,25}\b(?:dependencies|packages|requirements)\b(?: (?:are )?(?:consistent|compatible|fit together|conflicts?))?", "", _checked, ""),
    Ask(r"\b(?P<fixes>fix|repair|resolve)?\b.{0,15}\b(?:audit|vulnerabilit(?:y|ies)|security (?:holes|issues|problems|advisories)|cves?)\b(?:.{0,25}\b(?:dependencies|packages|libraries))?(?: (?:for|have|against))*(?:.{0,12}\b(?:known )?(?:vulnerabilities|cves?|security (?:issues|holes|problems)))?", "", _audited, ""),
    Ask(r"\b(?:install)\b.{0,30}\b(?:packages|dependencies|deps|modules)\b.{0,12}\bwithout (?:running )?(?:any )?(?:the )?(?:(?:post)?install |lifecycle )?scripts", "", _unscripted, ""),
    Ask(r"\b(?P<sorts>sort|order|organi[sz]e|tidy|reorder) (?:all )?(?:the |my )?(?:python )?imports\b|\b(?P<removes>(?:remove|delete|drop|clean up|fix|get rid of) (?:all )?(?:the )?)?unused imports\b", "folder", _imports, ""),
    Ask(r"\b(?:which|what|minimum|minimal|oldest|lowest)\b.{0,12}\b(?P<what>python|node(?:\.?js)?) (?:versions?)\b.{0,12}\b(?:need(?:ed|s)?|requires?d?|supports?|supported|ask(?:s|ed)? for)?", "", _needed),
)  # fmt: skip
