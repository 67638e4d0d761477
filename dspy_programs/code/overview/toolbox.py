"""What a folder tells of its tools: files, targets of make, npm and tox, known tools, system: the context of command_planner.

Output     lines such as `files: pyproject.toml tests/`, `make: test lint`, `tools: pytest ruff`, `os: linux`.
Guarantees nothing is run; a file that cannot be read, or is not what it should be, adds nothing.
"""

import configparser
import json
import platform
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.code.files.source_files import checked_folder, read_bytes, text_in
from dspy_programs.code.overview.listing import listing_of

LOOKED_AT = "pyproject.toml, setup.cfg, tox.ini, Makefile, justfile, package.json, Cargo.toml, go.mod and their like"
"""The files that name a project's tools, for people."""
_MOST_FILES, _MOST_FOLDERS = 40, 20
_TELLING = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.(?:py|cfg)|requirements[\w-]*\.txt|tox\.ini|noxfile\.py|manage\.py|Pipfile|"
    r"package\.json|tsconfig\.json"
    r"|Cargo\.toml|go\.mod|pom\.xml|mvnw|build\.gradle(?:\.kts)?|gradlew|CMakeLists\.txt|Gemfile|Rakefile|Makefile|"
    r"[Jj]ustfile|Dockerfile"
    r"|(?:docker-)?compose\.ya?ml|mkdocs\.yml|zensical\.toml|conf\.py|__main__\.py|main\.(?:py|go|rs)|app\.py|"
    r"server\.py|cli\.py|[\w-]+\.lock(?:b)?"
    r"|(?:package-lock|bun)\.\w+|pnpm-lock\.yaml|\.pre-commit-config\.yaml)$"
)
_TOOLS = (
    "pytest ruff flake8 pylint black isort mypy basedpyright pyright pre-commit tox nox coverage sphinx mkdocs twine "
    "django flask "
    "eslint prettier biome jest vitest rubocop rspec golangci-lint"
).split()
_TARGET = re.compile(r"^([A-Za-z][\w.-]*)[ \t]*:(?![=:])", re.M)


def context_of(path: Path) -> str:
    """Return the context of a folder. Raises UsageError if it is none, or cannot be read."""
    folder = checked_folder(path)
    paths = listing_of(folder).splitlines()
    telling = sorted((each for each in paths if _TELLING.search(each)), key=lambda each: (each.count("/"), each))
    folders = sorted({each.partition("/")[0] + "/" for each in paths if "/" in each and not each.startswith(".")})[
        :_MOST_FOLDERS
    ]
    lines = {"files": [*folders, *telling[:_MOST_FILES]]}
    lines |= {
        "make": _targets(folder, "Makefile", _TARGET),
        "just": _targets(folder, "justfile", re.compile(r"^([A-Za-z][\w-]*)[^:=\n]*:(?!=)", re.M)),
    }
    lines |= {"npm": _scripts(folder), "tox": _environments(folder), "tools": _tools(folder, paths)}
    lines["os"] = [{"Darwin": "macos"}.get(platform.system(), platform.system().lower())]
    name = re.sub(r"[^a-z0-9_-]", "-", folder.name.lower()).strip("-")
    lines["name"] = [name] if name else []
    return "\n".join(f"{key}: {' '.join(words)}" for key, words in lines.items() if words)


def _text(file: Path) -> str:
    data = read_bytes(file) if file.is_file() else None
    return (text_in(data) if data else None) or ""


def _targets(folder: Path, name: str, pattern: re.Pattern[str]) -> list[str]:
    return [target for target in dict.fromkeys(pattern.findall(_text(folder / name))) if target != "PHONY"]


def _scripts(folder: Path) -> list[str]:
    scripts = _json(folder / "package.json").get("scripts")
    return [name for name in scripts if re.fullmatch(r"[\w:.-]+", name)] if isinstance(scripts, dict) else []


def _json(file: Path) -> dict[str, Any]:
    try:
        held = json.loads(_text(file) or "{}")
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def _environments(folder: Path) -> list[str]:
    """Return the environments of tox: those of its list and those with a section."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(folder / "tox.ini"))
    except (configparser.Error, ValueError):
        return []
    listed = parser.get("tox", "envlist", fallback="") or parser.get("tox", "env_list", fallback="")
    own = [section.removeprefix("testenv:") for section in parser.sections() if section.startswith("testenv:")]
    return [name for name in dict.fromkeys([*re.split(r"[\s,]+", listed), *own]) if re.fullmatch(r"[\w.-]+", name)]


def _tools(folder: Path, paths: list[str]) -> list[str]:
    """Return the tools that the files with settings and dependencies name."""
    texts = [_text(folder / name) for name in ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "Gemfile", "Pipfile")]
    texts += [
        _text(folder / each) for each in paths if re.fullmatch(r"requirements[\w-]*\.txt|requirements/[\w-]+\.txt", each)
    ][:10]
    package = _json(folder / "package.json")
    texts += [" ".join(held) for key in ("dependencies", "devDependencies") if isinstance(held := package.get(key), dict)]
    named = {
        ".pre-commit-config.yaml": "pre-commit",
        ".flake8": "flake8",
        "mkdocs.yml": "mkdocs",
        ".golangci.yml": "golangci-lint",
    }
    found = {tool for file, tool in named.items() if (folder / file).is_file()}
    text = "\n".join(map(_settings, texts))
    return [tool for tool in _TOOLS if tool in found or re.search(rf"(?<![\w./-]){re.escape(tool)}(?![\w/-])", text)]


def _settings(text: str) -> str:
    """Return a text without comments, and a pyproject.toml as the names that its tables and dependencies have."""
    try:
        held = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return "\n".join(line.partition("#")[0] for line in text.splitlines())
    return "\n".join(_names(held, 0))


def _names(value: Any, depth: int) -> Iterator[str]:
    if depth > 8:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("classifiers", "keywords", "description", "urls", "authors", "select", "ignore", "filterwarnings"):
                yield str(key)
                yield from _names(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner, depth + 1)
    elif isinstance(value, str) and len(value) < 200:
        yield value
