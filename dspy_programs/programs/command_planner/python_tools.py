"""The commands of a Python project's tools."""

from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Deed, Step, steps_in


def python_steps(deed: Deed, project: Project, which: str) -> list[Step]:
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
    return steps_in(table, deed)


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
