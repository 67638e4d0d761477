"""A pipeline: a data set and the steps that are done with it, as a YAML file says.

Formats    dataset: mine
           steps:
             - ingest: {input: raw.csv}
             - validate: {write_clean: true, fail_on: error}
             - judge: {dataset: mine.clean, tag: rules}
             - export: {dataset: mine.clean, to: out/train.jsonl, judgments: auto, filter: passed}
           A step is its name, or its name and options; options are those of the command, with _ for -. `judgments: auto` is
           the tag of the last judge before. Paths are relative to where the command runs.
Raises     UsageError, as "file:line: steps[2].judge.tga: why".
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from dspy_programs.atomic_file import require_apart
from dspy_programs.data.folder import DataFolder, checked_name
from dspy_programs.data.pipeline.document import Document
from dspy_programs.data.pipeline.step import Place, Step
from dspy_programs.data.pipeline.steps import STEPS
from dspy_programs.errors import UsageError

_MOST_STEPS = 200


class Placed(NamedTuple):
    """A step, where it stands, and the line of the file that it is on."""

    step: Step
    at: Place
    line: int

    @property
    def reads(self) -> list[Path]:
        return self.step.reads(self.at)

    @property
    def writes(self) -> list[Path]:
        return self.step.writes(self.at)


@dataclass(frozen=True)
class Pipeline:
    path: Path
    dataset: str
    steps: list[tuple[Step, int]]

    def placed(self, folder: DataFolder) -> list[Placed]:
        """Return the steps where they stand, all options checked. Raises UsageError, before anything is done."""
        judged: dict[str, tuple[str, frozenset[str]]] = {}
        made: set[str] = set()
        writers: dict[Path, int] = {}
        found = []
        for number, (step, line) in enumerate(self.steps):
            where = f"{self.path}:{line}: steps[{number}].{step.kind}"
            try:
                dataset = step.dataset or self.dataset
                at = step.placed(Place(folder, self.dataset, *judged.get(dataset, ())))
                new = step.makes(at)
                if at.dataset not in made | {*new}:
                    folder.existing(at.dataset)
                step.check(at)
                if judges := step.judges(at):
                    judged[at.dataset] = judges
                made |= {*new}
                _require_files(step, at, writers)
                if not step.appends:
                    writers.update(dict.fromkeys(step.writes(at), number))
                found.append(Placed(step, at, line))
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from None
        return found


def _require_files(step: Step, at: Place, writers: Mapping[Path, int]) -> None:
    """Raise UsageError for an input that nobody writes, and for an output that is an input, or another step's."""
    for path in step.needs(at):
        if path not in writers and not path.exists():
            raise UsageError(f"{path}: no such file, and no step before writes it")
    outputs = step.writes(at)
    require_apart(outputs, step.reads(at))
    if not step.appends and (twice := [path for path in outputs if path in writers]):
        raise UsageError(f"{twice[0]}: steps[{writers[twice[0]]}] writes it, too; give another file or tag")


def read_pipeline(path: Path) -> Pipeline:
    document = Document(path, "a pipeline")
    content = document.content
    if not isinstance(content, dict):
        raise document.error("a pipeline has `dataset:` and `steps:`", 1)
    for key in content:
        if key not in ("dataset", "steps"):
            raise document.error(f"{key}: unknown key; there are dataset and steps", document.line_of([str(key)]))
    name, listed = content.get("dataset"), content.get("steps")
    if not isinstance(name, str):
        raise document.error("dataset: give the name of the data set", document.line_of(["dataset"]))
    try:
        checked_name(name)
    except UsageError as error:
        raise document.error(f"dataset: {error}", document.line_of(["dataset"])) from None
    if not isinstance(listed, list) or not listed:
        raise document.error("steps: give a list of steps, such as `- judge: {tag: rules}`", document.line_of(["steps"]))
    if len(listed) > _MOST_STEPS:
        raise document.error(f"steps: more than {_MOST_STEPS}", document.line_of(["steps"]))
    return Pipeline(path, name, [_step(each, number, document) for number, each in enumerate(listed)])


def _step(given: Any, number: int, document: Document) -> tuple[Step, int]:
    line, where = document.line_of(["steps", number]), f"steps[{number}]"
    if isinstance(given, str):
        given = {given: {}}
    if not isinstance(given, dict) or len(given) != 1:
        names = f" ({', '.join(map(str, given))})" if isinstance(given, dict) else ""
        raise document.error(f"{where}: a step is one name with its options, as in `- judge: {{tag: rules}}`{names}", line)
    kind, options = next(iter(given.items()))
    if kind not in STEPS:
        raise document.error(f"{where}.{kind}: no such step; {_meant(str(kind), list(STEPS))}", line)
    try:
        return STEPS[kind].model_validate(options or {}), line
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        line = document.line_of(["steps", number, kind, *fault["loc"]])
        key = ".".join(map(str, fault["loc"]))
        why = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "model_type":
            why = "give its options as `name: value`"
        if fault["type"] == "extra_forbidden":
            why = f"unknown key; {_meant(str(fault['loc'][-1]), [*STEPS[kind].model_fields])}"
        raise document.error(f"{where}.{kind}{'.' if key else ''}{key}: {why[:1].lower()}{why[1:]}", line) from None


def _meant(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word.replace("-", "_"), known, 1, 0.6)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
