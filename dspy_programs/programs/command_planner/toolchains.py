"""The commands of a project's tools: what tests, checks, builds, installs and runs it.

A target that the project itself names (make, npm, tox) goes before the language's usual tool. Nothing is taken for granted: a
linter is only used where one is known.
"""

from collections.abc import Callable, Mapping

from dspy_programs.programs.command_planner.build_tools import (
    cmake_steps,
    compose_steps,
    docker_steps,
    go_steps,
    gradle_steps,
    maven_steps,
    ruby_steps,
    rust_steps,
)
from dspy_programs.programs.command_planner.node_tools import manager_of, node_steps
from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.python_tools import python_steps
from dspy_programs.programs.command_planner.step import Deed, Step

_TARGETS: Mapping[Deed, tuple[str, ...]] = {
    "test": ("test", "tests", "unit", "check"),
    "coverage": ("coverage", "cov", "test:coverage", "test-cov"),
    "lint": ("lint", "ruff", "flake8", "eslint", "check"),
    "format": ("format", "fmt", "prettier", "style"),
    "types": ("types", "typecheck", "type-check", "mypy", "tsc"),
    "build": ("build", "dist", "compile", "all", "package"),
    "install": ("install", "setup", "bootstrap", "deps"),
    "run": ("dev", "start", "run", "serve"),
    "docs": ("docs", "doc", "html", "site"),
    "clean": ("clean",),
    "bench": ("bench", "benchmark", "perf"),
    "release": ("release", "publish"),
}
_SAYS: Mapping[Deed, str] = {
    "test": "run the tests",
    "coverage": "run the tests and measure coverage",
    "lint": "run the linter",
    "format": "format the code",
    "types": "check the types",
    "build": "build the project",
    "install": "install the dependencies",
    "run": "start the program",
    "docs": "build the documentation",
    "clean": "remove what was built",
    "add": "add the dependency",
    "remove": "remove the dependency",
    "outdated": "list outdated dependencies",
    "upgrade": "upgrade the dependencies",
    "bench": "run the benchmarks",
    "release": "publish the release",
}


def steps_of(deed: Deed, project: Project, which: str = "") -> list[Step]:
    """Return the steps of a deed; [] if the context tells no way. which: one test, a file or a name."""
    if (not which or deed == "run") and (command := _own_target(deed, project)):
        return [Step(_SAYS[deed], command)]
    for kind in project.kinds:
        if found := _BY_KIND[kind](deed, project, which):
            says = f"{_SAYS[deed]} of {which}" if which and deed == "test" else _SAYS[deed]
            return [one if one.says else Step(says, one.command) for one in found]
    return steps_of(deed, project) if which and deed in ("lint", "types", "format") else []


def _own_target(deed: Deed, project: Project) -> str:
    names = _TARGETS.get(deed, ())
    if target := project.target("make", *names):
        return f"make {target}"
    if target := project.target("just", *names):
        return f"just {target}"
    if target := project.target("npm", *names):
        manager = manager_of(project)
        return f"{manager} {target}" if target in ("test", "start") or manager == "yarn" else f"{manager} run {target}"
    if deed in ("lint", "types", "docs", "coverage") and (target := project.target("tox", *names)):
        return f"tox -e {target}"
    if deed in ("lint", "types", "docs", "test") and (target := project.target("nox", *names)):
        return f"nox -s {target}"
    return ""


_BY_KIND: Mapping[str, Callable[[Deed, Project, str], list[Step]]] = {
    "python": python_steps,
    "node": node_steps,
    "rust": rust_steps,
    "go": go_steps,
    "maven": maven_steps,
    "gradle": gradle_steps,
    "cmake": cmake_steps,
    "ruby": ruby_steps,
    "compose": compose_steps,
    "docker": docker_steps,
}
