"""The commands of a project's tools: what tests, checks, builds, installs and runs it.

A target that the project itself names (make, npm, tox) goes before the language's usual tool. Nothing is taken for granted: a
linter is only used where one is known.
"""

from collections.abc import Callable, Mapping

from dspy_programs.programs.command_planner.project import Project
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
        manager = _manager(project)
        return f"{manager} {target}" if target in ("test", "start") or manager == "yarn" else f"{manager} run {target}"
    if deed in ("lint", "types", "docs", "coverage") and (target := project.target("tox", *names)):
        return f"tox -e {target}"
    if deed in ("lint", "types", "docs", "test") and (target := project.target("nox", *names)):
        return f"nox -s {target}"
    return ""


def _manager(project: Project) -> str:
    locks = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}
    return next((manager for lock, manager in locks.items() if project.has(lock)), "npm")


def _of(table: Mapping[Deed, str], deed: Deed) -> list[Step]:
    return [Step("", command) for command in table.get(deed, "").split("\n") if command]


def _python(deed: Deed, project: Project, which: str) -> list[Step]:
    run = next(
        (
            f"{tool} run "
            for lock, tool in (("uv.lock", "uv"), ("poetry.lock", "poetry"), ("pdm.lock", "pdm"), ("Pipfile", "pipenv"))
            if project.has(lock)
        ),
        "",
    )
    manager, tools = run.split(" ")[0], project.tools
    if deed == "upgrade" and which:
        one = {"uv": f"uv lock --upgrade-package {which}", "poetry": f"poetry update {which}", "pdm": f"pdm update {which}"}
        return [Step(f"upgrade {which}", one.get(manager, f"python -m pip install --upgrade {which}"))]
    module = run or "python -m "
    if deed == "test":
        if project.has("manage.py") and "pytest" not in tools:
            return [Step("", f"{run}python manage.py test {which}".strip())]
        if "unittest" in tools and "pytest" not in tools:
            return [Step("", f"{run}python -m unittest {which}".strip())]
        if "tox" in tools and project.lists.get("tox") and not which and "pytest" not in tools:
            return [Step("", "tox")]
        if which == "first":
            return [Step("run the tests until one fails", f"{module}pytest -x")]
        if which == "failed":
            return [Step("run the tests that failed", f"{module}pytest --last-failed")]
        option = f" {which}" if "/" in which or which.endswith(".py") else f" -k {which}" if which else ""
        return [Step("", f"{module}pytest{option}")]
    if deed == "coverage":
        return [Step("", f"{run}coverage run -m pytest"), Step("show what is not covered", f"{run}coverage report -m")]
    if deed == "install":
        return _python_install(project, manager)
    if deed == "run":
        return _python_run(project, run, which)
    if deed == "remove":
        verb = "uninstall" if manager == "pipenv" else "remove"
        return [Step("", f"{manager} {verb} {which}" if manager else f"python -m pip uninstall {which}")]
    if deed == "add":
        return [
            Step(
                "",
                f"{manager} {'install' if manager == 'pipenv' else 'add'} {which}"
                if manager
                else f"python -m pip install {which}",
            )
        ]
    first = {
        "lint": {"ruff": "ruff check .", "flake8": "flake8", "pylint": "pylint", "pre-commit": "pre-commit run --all-files"},
        "format": {"ruff": "ruff format .", "black": "black ."},
        "types": {"mypy": "mypy .", "basedpyright": "basedpyright", "pyright": "pyright"},
        "docs": {"mkdocs": "mkdocs build", "sphinx": "sphinx-build docs docs/_build"},
    }.get(deed, {})
    found = next((command for tool, command in first.items() if tool in tools), "")
    if found == "pylint":
        found = f"pylint {next(iter(project.paths('.py')), '.')}"
    if deed == "docs" and not found and project.has("mkdocs.yml"):
        found = "mkdocs build"
    if deed == "docs" and project.has("zensical.toml"):
        found = "zensical build"
    if which and deed == "docs":
        found = {"mkdocs build": "mkdocs serve", "zensical build": "zensical serve"}.get(found, found)
    if which == "--fix":
        found = "ruff check --fix ." if found == "ruff check ." else found
    elif which and found.endswith(" ."):
        found = f"{found[:-1]}{which}"
    if found:
        return [Step("", run + found)]
    builds = {"uv": "uv build", "poetry": "poetry build", "pdm": "pdm build"}
    upload = {"uv": "uv publish", "poetry": "poetry publish", "pdm": "pdm publish"}
    outdated = {"uv": "uv tree --outdated", "poetry": "poetry show --outdated", "pdm": "pdm outdated"}
    upgrade = {"uv": "uv lock --upgrade\nuv sync", "poetry": "poetry update", "pdm": "pdm update", "pipenv": "pipenv update"}
    table: dict[Deed, str] = {
        "build": builds.get(manager, "python -m build"),
        "outdated": outdated.get(manager, "python -m pip list --outdated"),
        "upgrade": upgrade.get(manager, "python -m pip install --upgrade --upgrade-strategy eager -e ."),
        "release": f"{builds.get(manager, 'python -m build')}\n{upload.get(manager, 'python -m twine upload dist/*')}",
    }
    return _of(table, deed)


def _python_install(project: Project, manager: str) -> list[Step]:
    if manager:
        return [Step("", {"uv": "uv sync", "pipenv": "pipenv install --dev"}.get(manager, f"{manager} install"))]
    activate = ".venv\\Scripts\\activate" if project.windows else "source .venv/bin/activate"
    what = "-r requirements.txt" if project.has("requirements.txt") else "-e ."
    return [
        Step("make a virtual environment", "python -m venv .venv"),
        Step("activate it", activate),
        Step("", f"python -m pip install {what}"),
    ]


def _python_run(project: Project, run: str, port: str) -> list[Step]:
    if project.has("manage.py"):
        return [Step("", f"{run}python manage.py runserver {port}".strip())]
    mains = [path for path in project.paths("__main__.py") if "/" in path]
    if mains:
        package = mains[0].removeprefix("src/").rpartition("/")[0].replace("/", ".")
        return [Step("", f"{run}python -m {package}")]
    file = next((path for name in ("main.py", "app.py", "server.py", "cli.py") for path in project.paths(name)), "")
    return [Step("", f"{run}python {file}")] if file else []


def _node(deed: Deed, project: Project, which: str) -> list[Step]:
    manager, tools = _manager(project), project.tools
    which = "" if which in ("failed", "first") else which
    if deed == "upgrade" and which:
        return [Step(f"upgrade {which}", f"{manager} {'install' if manager == 'npm' else 'add'} {which}@latest")]
    once = {"npm": "npx", "pnpm": "pnpm exec", "yarn": "yarn", "bun": "bunx"}[manager]
    locked = {
        "npm": "npm ci",
        "pnpm": "pnpm install --frozen-lockfile",
        "yarn": "yarn install --frozen-lockfile",
        "bun": "bun install",
    }
    is_locked = project.has("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lockb", "bun.lock")
    if deed == "test" and (which or "vitest" in tools or "jest" in tools):
        runner = next((tool for tool in ("vitest", "jest") if tool in tools), "")
        return [
            Step(
                "",
                f"{once} {runner} {'run ' if runner == 'vitest' else ''}{which}".strip()
                if runner
                else f"{manager} test -- {which}",
            )
        ]
    lint = next(
        (
            f"{once} {command}"
            for tool, command in (
                ("eslint", f"eslint{' --fix' if which == '--fix' else ''} {'.' if which in ('', '--fix') else which}"),
                ("biome", "biome check ."),
            )
            if tool in tools
        ),
        "",
    )
    shape = next(
        (
            f"{once} {command}"
            for tool, command in (("prettier", "prettier --write ."), ("biome", "biome format --write ."))
            if tool in tools
        ),
        "",
    )
    table: dict[Deed, str] = {
        "test": f"{manager} test",
        "lint": lint,
        "format": shape,
        "types": f"{once} tsc --noEmit" if project.has("tsconfig.json") or "tsc" in tools else "",
        "install": locked[manager] if is_locked else f"{manager} install",
        "outdated": f"{manager} outdated",
        "upgrade": f"{manager} {'upgrade' if manager == 'yarn' else 'update'}",
        "add": f"{manager} {'install' if manager == 'npm' else 'add'} {which}",
        "remove": f"{manager} {'uninstall' if manager == 'npm' else 'remove'} {which}",
        "release": f"{manager} publish",
    }
    return _of(table, deed)


def _rust(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    table: dict[Deed, str] = {
        "test": f"cargo test {which}".strip(),
        "coverage": "cargo llvm-cov",
        "lint": "cargo clippy --fix --allow-dirty" if which == "--fix" else "cargo clippy --all-targets -- -D warnings",
        "add": f"cargo add {which}",
        "remove": f"cargo remove {which}",
        "format": "cargo fmt",
        "types": "cargo check",
        "build": "cargo build --release",
        "install": "cargo fetch",
        "run": "cargo run",
        "docs": "cargo doc --no-deps",
        "clean": "cargo clean",
        "bench": "cargo bench",
        "outdated": "cargo update --dry-run",
        "upgrade": f"cargo update {which}".strip(),
        "release": "cargo publish --dry-run\ncargo publish",
    }
    return _of(table, deed)


def _go(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    mains = [path.rpartition("/")[0] for path in project.paths("main.go") if path.startswith("cmd/")]
    is_path = "/" in which
    table: dict[Deed, str] = {
        "test": f"go test ./{which.strip('./')}/..."
        if is_path
        else f"go test -run {which} ./..."
        if which
        else "go test ./...",
        "coverage": "go test -cover ./...",
        "lint": "golangci-lint run" if "golangci-lint" in project.tools else "go vet ./...",
        "format": "go fmt ./...",
        "types": "go build ./...",
        "build": "go build ./...",
        "install": "go mod download",
        "run": f"go run ./{mains[0]}" if mains else "go run .",
        "docs": "go doc -all",
        "clean": "go clean",
        "bench": "go test -bench=. ./...",
        "add": f"go get {which}",
        "outdated": "go list -m -u all",
        "upgrade": f"go get {which}@latest" if which else "go get -u ./...\ngo mod tidy",
    }
    return _of(table, deed)


def _maven(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    mvn = "./mvnw" if project.has("mvnw") else "mvn"
    table: dict[Deed, str] = {
        "test": f"{mvn} test -Dtest={which}" if which else f"{mvn} test",
        "build": f"{mvn} package",
        "install": f"{mvn} install -DskipTests",
        "clean": f"{mvn} clean",
        "types": f"{mvn} compile",
        "outdated": f"{mvn} versions:display-dependency-updates",
    }
    return _of(table, deed)


def _gradle(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    gradle = "gradlew.bat" if project.windows else "./gradlew"
    table: dict[Deed, str] = {
        "test": f"{gradle} test --tests {which}" if which else f"{gradle} test",
        "build": f"{gradle} build",
        "run": f"{gradle} run",
        "lint": f"{gradle} check",
        "clean": f"{gradle} clean",
        "install": f"{gradle} dependencies",
    }
    return _of(table, deed)


def _cmake(deed: Deed, project: Project, which: str) -> list[Step]:
    configure = Step("configure the build", "cmake -S . -B build")
    compile_ = Step("compile it", "cmake --build build")
    if deed == "build":
        return [configure, compile_]
    option = f" -R {which}" if which else ""
    if deed == "test":
        return [configure, compile_, Step("", f"ctest --test-dir build --output-on-failure{option}")]
    return _of({"install": "cmake --install build", "clean": "cmake --build build --target clean"}, deed)


def _ruby(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    table: dict[Deed, str] = {
        "test": f"bundle exec rspec {which}".strip()
        if "rspec" in project.tools or project.has("spec")
        else "bundle exec rake test",
        "lint": "bundle exec rubocop" if "rubocop" in project.tools else "",
        "format": "bundle exec rubocop --autocorrect" if "rubocop" in project.tools else "",
        "install": "bundle install",
        "add": f"bundle add {which}",
        "outdated": "bundle outdated",
        "upgrade": "bundle update",
    }
    return _of(table, deed)


def _compose(deed: Deed, project: Project, which: str) -> list[Step]:
    return _of({"run": "docker compose up", "build": "docker compose build", "clean": "docker compose down"}, deed)


def _docker(deed: Deed, project: Project, which: str) -> list[Step]:
    name = next(iter(project.lists.get("name", [])), "app").lower()
    return _of({"build": f"docker build -t {name} .", "run": f"docker build -t {name} .\ndocker run --rm {name}"}, deed)


_BY_KIND: Mapping[str, Callable[[Deed, Project, str], list[Step]]] = {
    "python": _python,
    "node": _node,
    "rust": _rust,
    "go": _go,
    "maven": _maven,
    "gradle": _gradle,
    "cmake": _cmake,
    "ruby": _ruby,
    "compose": _compose,
    "docker": _docker,
}
