"""Where an export goes: the kind of file, the names of its parts, and its data card.

Raises     UsageError for a name that does not fit the format, or names no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dspy_programs.data.export.formats import CONTAINERS, FORMAT, FormatName, Seen, messages_of
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import UsageError

MARK = "<!-- written by dspy-programs data export: "
_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")
_HEAD = 4_000  # bytes in which a card has its mark


@dataclass(frozen=True)
class Target:
    """A file; with parts, files beside it, or, where no ending says what to write, files in a folder: PART.jsonl."""

    path: Path
    container: str
    format: FormatName
    is_folder: bool = False

    @classmethod
    def of(cls, path: Path, format: FormatName, has_parts: bool = False) -> "Target":
        if has_parts and path.name and not path.suffix and not path.is_file():
            return cls(path, format if format in CONTAINERS else "jsonl", format, is_folder=True)
        _require_file(path)
        by_name = _BY_SUFFIX.get(path.suffix.lower())
        if format in CONTAINERS and by_name not in (None, format):
            raise UsageError(f"--to {path}: its name says {by_name}, --format says {format}")
        return cls(path, format if format in CONTAINERS else by_name or "jsonl", format)

    def part(self, name: str) -> Path:
        if self.is_folder:
            return self.path / f"{name}.{self.container}"
        return self.path.with_name(f"{self.path.stem}.{name}{self.path.suffix}") if name else self.path

    def card(self) -> Path:
        """Return README.md beside the files; another name if there is one that this export did not write."""
        card = self.path / "README.md" if self.is_folder else self.path.with_name("README.md")
        return card if not card.exists() or self._is_ours(card) else card.with_name(f"{self.path.stem}.card.md")

    def mark(self) -> str:
        return f"{MARK}{self.path.name} -->"

    @cached_property
    def _has_turns(self) -> bool:
        return "turns" in FORMAT[self.format].columns(Seen(has_turns=True)).values()

    def require_columns(self, columns: Mapping[str, str]) -> None:
        if self.container == "csv" and set(columns.values()) != {"text"}:
            raise UsageError(f"--to {self.path}: {self.format} has turns, which CSV cannot hold; name it .jsonl or .parquet")

    def problem(self, pair: DataPair) -> str | None:
        """Say why the file cannot hold a pair that the format can."""
        if self.container != "parquet" or not self._has_turns:
            return None
        odd = [key for turn in messages_of(pair) for key in turn if key not in ("role", "content")]
        return f"has {odd[0]!r:.40} in a turn, which Parquet has no column for" if odd else None

    def _is_ours(self, card: Path) -> bool:
        try:
            with card.open("rb") as file:
                return self.mark().encode() in file.read(_HEAD)
        except OSError:
            return False


def format_of(path: Path) -> FormatName:
    """Return the format that the name of a file says. Raises UsageError if it says none."""
    _require_file(path)
    found = _BY_SUFFIX.get(path.suffix.lower())
    for format in FORMAT:
        if format == found:
            return format
    raise UsageError(f"--to {path}: its name does not say what to write; give --format {'|'.join(FORMAT)}")


def _require_file(path: Path) -> None:
    if str(path) == "-" or not path.name or path.is_dir():
        raise UsageError(f"--to {path}: give the name of a file, such as out/train.jsonl")
    if path.suffix.lower() in _COMPRESSED:
        raise UsageError(f"--to {path}: compressed files are not written; .parquet is small")
