"""Settings from pyproject.toml: the table [tool.dspy-programs.lint-loops].

Input      the nearest pyproject.toml at or above the first path, or the file that --config names.
Raises     UsageError for a file that cannot be read, an unknown key or pattern, or a wrong value, with its place.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dspy_programs.errors import UsageError, first_fault
from dspy_programs.lint_loops.patterns import BY_NAME, PATTERNS, Pattern

_TABLE = "tool.dspy-programs.lint-loops"


class Config(BaseModel):
    """The settings; the command line overrides them."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))

    select: list[str] = []
    """Codes or names of the only patterns to look for; [] for all."""
    ignore: list[str] = []
    """Codes or names of patterns to leave out."""
    exclude: list[str] = []
    """Globs of files and folders to leave out."""
    min_slowdown: int = Field(default=0, ge=0, le=100)
    """Leave out patterns with a smaller estimated slow-down, in percent."""


def read_config(chosen: Path | None, paths: Sequence[Path]) -> Config:
    """Return the settings of a file, or of the nearest pyproject.toml that has the table; the defaults if there is none."""
    for file in [chosen] if chosen else _candidates(paths):
        held = _read(file)
        for key in _TABLE.split("."):
            held = held.get(key, {}) if isinstance(held, dict) else {}
        if held or chosen:
            return _valid(held, file)
    return Config()


def patterns_of(select: Sequence[str], ignore: Sequence[str], where: str) -> frozenset[Pattern]:
    """Return the patterns that are selected and not ignored. Raises UsageError for an unknown one."""
    for name in [*select, *ignore]:
        if name not in BY_NAME:
            raise UsageError(f"{where}: {name!r} is not a pattern; choose from {', '.join(sorted(BY_NAME))}")
    chosen = {BY_NAME[name] for name in select} or set(PATTERNS)
    return frozenset(chosen - {BY_NAME[name] for name in ignore})


def _valid(held: object, file: Path) -> Config:
    try:
        config = Config.model_validate(held)
    except ValidationError as error:
        raise UsageError(f"{file}: [{_TABLE}] {first_fault(error, 'the table')}") from error
    patterns_of(config.select, config.ignore, f"{file}: [{_TABLE}]")
    return config


def _candidates(paths: Sequence[Path]) -> list[Path]:
    """Return every pyproject.toml at or above the first path, the nearest first."""
    first = next((path for path in paths if str(path) != "-"), Path())
    folders = [Path(first).absolute(), *Path(first).absolute().parents]
    return [file for folder in folders if (file := folder / "pyproject.toml").is_file()]


def _read(path: Path) -> object:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not TOML: {error}") from error
