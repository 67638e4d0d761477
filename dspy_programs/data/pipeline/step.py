"""What a step of a pipeline is: its options, the files it reads and writes, and how it is done.

Holds      `run` does what the options, the files of `reads` and the environment in `settings` say, and nothing else: if all
           are as they were, and what it wrote is still there, it need not run again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from dspy_programs.cli import Progress
from dspy_programs.data.expressions import Expression
from dspy_programs.data.folder import DataFolder, checked_name
from dspy_programs.errors import UsageError

AUTO = "auto"
_CRITERION = re.compile(r"""scores\s*\[\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True)
class Place:
    """Where a step stands. tag, criteria: of the last judge before it, on its data set."""

    folder: DataFolder
    dataset: str
    tag: str | None = None
    criteria: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """said: what came of it, in a few words; passed: False if a gate is closed; complete: False if a run would do more."""

    said: str
    passed: bool = True
    complete: bool = True
    interrupted: bool = False


class Step(BaseModel):
    """One step. Options are named as on the command line, with _ for -."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    appends: ClassVar[bool] = False
    """Whether what others append to its files later is not its concern."""
    dataset: str | None = None
    """Another data set than the pipeline's."""

    def check(self, at: Place) -> None:
        """Raise UsageError for options that could never work, before any step runs."""

    def settings(self, at: Place) -> Mapping[str, Any]:
        """Return what decides beside the options and the files."""
        return {}

    def reads(self, at: Place) -> list[Path]:
        """Return the files that it reads, whether or not they are there."""
        return [at.folder.pairs(at.dataset)]

    def needs(self, at: Place) -> list[Path]:
        """Return the files of `reads` that must be there, or that an earlier step must write."""
        return []

    def writes(self, at: Place) -> list[Path]:
        raise NotImplementedError

    def makes(self, at: Place) -> list[str]:
        """Return the data sets that it makes."""
        return []

    def judges(self, at: Place) -> tuple[str, frozenset[str]] | None:
        """Return the tag of the judgments that it makes, and their criteria."""
        return None

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        raise NotImplementedError

    def placed(self, at: Place) -> Place:
        """Return its own place among the pipeline's."""
        return at if self.dataset is None else replace(at, dataset=checked_name(self.dataset))


def resolved(judgments: str | None, at: Place) -> str | None:
    """Return the tag or file that is meant. Raises UsageError for `auto` where nothing was judged."""
    if judgments != AUTO:
        return judgments
    if at.tag is None:
        raise UsageError("auto: no judge step stands before this one; name a tag or a file")
    return at.tag


def check_filter(text: str | None, judgments: str | None, at: Place) -> None:
    """Raise UsageError for a filter that could never work. What others judged by is seen when the step runs."""
    tag = resolved(judgments, at)
    if text is not None:
        asked = frozenset(_CRITERION.findall(text))
        Expression(text, None if tag is None else at.criteria if tag == at.tag else asked)


def judgments_path(judgments: str, at: Place) -> Path:
    """Return the file of a tag, or the file itself, whether or not it is there."""
    path = Path(judgments)
    return path if path.suffix == ".jsonl" or path.is_file() else at.folder.judgments(at.dataset, judgments)
