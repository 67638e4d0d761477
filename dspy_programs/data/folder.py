"""Where the files of a data set are. The layout is the data flywheel's (`data/user`, `data/validation`, ...).

Guarantees the name of a data set is a name, never a path: no file is outside the folder.
Raises     UsageError for another name, or for a data set that is not there.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dspy_programs.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
_ROOT = Path("data")
_REJECTS = ".rejects"
_ELSEWHERE = {  # folders that the environment moves out of the data: by our names, else by the data flywheel's
    "checkpoints": ("DSPY_PROGRAMS_CHECKPOINTS", "CHECKPOINTS_DIR"),
    "reports": ("DSPY_PROGRAMS_REPORTS", "REPORTS_DIR"),
}


def checked_name(name: str, what: str = "data set") -> str:
    """Return the name if it is one. what: that is named so, for the error."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UsageError(f"{name!r} cannot be the name of a {what}: use letters, digits, '.', '-' and '_', no path")
    if name.lower().endswith(_REJECTS):
        raise UsageError(f"{name!r} cannot be the name of a {what}: {_REJECTS} names the rows that were not taken")
    return name


@dataclass(frozen=True)
class DataFolder:
    """A folder of data sets."""

    root: Path = _ROOT

    def pairs(self, name: str) -> Path:
        """Return the file of a data set's pairs, one JSON object a line."""
        return self.root / "user" / f"{checked_name(name)}.jsonl"

    def meta(self, name: str) -> Path:
        return self.root / "user" / f"{checked_name(name)}.meta.json"

    def rejects(self, name: str) -> Path:
        """Return the file of the rows that were not taken, each with the reason."""
        return self.root / "user" / f"{checked_name(name)}{_REJECTS}.jsonl"

    def validation(self, name: str) -> Path:
        return self.root / "validation" / f"{checked_name(name)}.report.json"

    def judgments(self, name: str, tag: str) -> Path:
        return self.root / "judgments" / f"{checked_name(name)}.{checked_name(tag, 'tag')}.jsonl"

    @property
    def judgment_cache(self) -> Path:
        return self.root / "judgments" / ".cache"

    def labels(self, name: str) -> Path:
        return self.root / "labels" / f"{checked_name(name)}.jsonl"

    @property
    def checkpoints(self) -> Path:
        return _moved("checkpoints") or self.root / "checkpoints"

    def checkpoints_of(self, growth: str) -> Path:
        """Return the folder of a growth with a name of its own: no two growths share one."""
        moved = _moved("checkpoints")
        return moved / growth if moved else self.root / "growths" / growth / "checkpoints"

    @property
    def train(self) -> Path:
        return self.root / "train"

    def reports(self, name: str) -> Path:
        """Return the folder of a data set's reports."""
        return self.all_reports / checked_name(name)

    @property
    def all_reports(self) -> Path:
        """Return the folder of all reports: beside the data, not in it."""
        return _moved("reports") or self.root.parent / "reports"

    def names(self) -> list[str]:
        """Return the names of the data sets that are there."""
        stems = (each.stem for each in (self.root / "user").glob("*.jsonl"))
        return sorted(stem for stem in stems if _NAME.fullmatch(stem) and not stem.lower().endswith(_REJECTS))

    def existing(self, name: str) -> Path:
        """Return the file of the pairs of a data set that is there."""
        path = self.pairs(name)
        if not path.exists():
            there = self.names()
            known = f"there are: {', '.join(there)}" if there else "ingest one first: dspy-programs data ingest -i FILE -n NAME"
            raise UsageError(f"no data set {name!r} in {self.root}; {known}")
        return path


def _moved(folder: str) -> Path | None:
    said = next(filter(None, map(os.environ.get, _ELSEWHERE[folder])), None)
    return Path(said) if said else None
