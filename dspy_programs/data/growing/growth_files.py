"""The files of a growth, in the form of the data flywheel's: checkpoints, what passed, what is trained on.

Formats    DATA/checkpoints/checkpoint_NNN.json   {current_cycle, cycles, all_passed_pairs_count}; ours: plan, next_seeds
           DATA/cycle_NNN_passed.json             the pairs of a cycle that passed, a list
           DATA/train/train_cycle_NNN.json        the same as {instruction, input, output, text}
           DATA/user/NAME.jsonl, NAME.meta.json   all that passed, as a data set: for validate, judge, label and export
           A growth with a name has its own folder, DATA/growths/NAME, for the first three.
Guarantees a cycle counts once its checkpoint is there, which is written last; until then it is begun again. Its other files
           are replaced as a whole. Of earlier cycles a checkpoint has the figures; their pairs are in their own checkpoints.
Raises     UsageError where a file cannot be written, or a data set of that name is not of this growth; DatasetError for a
           checkpoint that is none; RunLocked while another process grows here.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from dspy_programs.atomic_file import opened_atomically, write_atomically
from dspy_programs.data.folder import DataFolder, checked_name
from dspy_programs.data.growing.cycle_state import CycleState
from dspy_programs.data.growing.request import Settings
from dspy_programs.data.growing.seed import Seed
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import as_line
from dspy_programs.errors import DatasetError, RunLocked, UsageError, first_fault

USUAL_NAME = "grown"
_GROWTHS = "growths"
_CHECKPOINT = re.compile(r"checkpoint_(\d{3,6})\.json")
_TEMPORARY = re.compile(r"\.(?P<of>.+)\.[0-9a-f]{12}")  # as dspy_programs/atomic_file.py names what it has not finished
_OWN = re.compile(r"(?:checkpoint_\d+|cycle_\d+_passed|train_cycle_\d+|plan)\.json")
_SOURCE = "growth"
M = TypeVar("M", bound=BaseModel)


class Plan(BaseModel):
    """What a growth was begun with. Options of a later command take the place of all but the seeds."""

    seeds: list[Seed]
    settings: Settings = Settings()
    lm: str | None = None
    api_base: str | None = None
    judge_lm: str | None = None
    rubric: str | None = None


class Checkpoint(BaseModel):
    """The state after a cycle."""

    current_cycle: int
    cycles: list[CycleState]
    all_passed_pairs_count: int
    plan: Plan
    next_seeds: list[Seed]


class GrowthFiles:
    """name: of the growth and of the data set that it makes; None for the only one of a folder, which makes "grown"."""

    def __init__(self, folder: DataFolder, name: str | None = None) -> None:
        self.folder, self.dataset = folder, checked_name(name or USUAL_NAME)
        usual = self.dataset == USUAL_NAME
        self.root = folder.root if usual else folder.root / _GROWTHS / self.dataset
        self.checkpoints = folder.checkpoints if usual else folder.checkpoints_of(self.dataset)
        self.plan = self.checkpoints / "plan.json"
        self.answers = self.checkpoints / ".answers.sqlite"

    def checkpoint(self, cycle: int) -> Path:
        return self.checkpoints / f"checkpoint_{cycle:03}.json"

    def passed(self, cycle: int) -> Path:
        return self.root / f"cycle_{cycle:03}_passed.json"

    def train(self, cycle: int) -> Path:
        return DataFolder(self.root).train / f"train_cycle_{cycle:03}.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the growth until the block ends, and begin by removing what a killed process left half-written."""
        lock = FileLock(self.checkpoints / ".lock", timeout=0)
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise RunLocked(f"{self.checkpoints}: another process is growing here; wait, or give another --name") from None
        except OSError as error:
            raise UsageError(f"{self.checkpoints}: cannot be written: {error.strerror or error}") from error
        try:
            self._remove_leftovers()
            yield
        finally:
            lock.release()

    def _remove_leftovers(self) -> None:
        data_set = (self.folder.pairs(self.dataset), self.folder.meta(self.dataset))
        for folder in {self.root, self.checkpoints, self.train(1).parent, data_set[0].parent}:
            for path in folder.glob(".*"):
                match = _TEMPORARY.fullmatch(path.name)
                if match and (_OWN.fullmatch(match["of"]) or match["of"] in [each.name[:60] for each in data_set]):
                    path.unlink(missing_ok=True)

    def last(self) -> Checkpoint | None:
        """Return the last checkpoint."""
        numbers = [int(match[1]) for path in self.checkpoints.glob("*.json") if (match := _CHECKPOINT.fullmatch(path.name))]
        return _read(self.checkpoint(max(numbers)), Checkpoint) if numbers else None

    def begun(self) -> Plan | None:
        """Return the plan of a growth that was begun."""
        return _read(self.plan, Plan) if self.plan.exists() else None

    def begin(self, plan: Plan) -> None:
        self._require_own_data_set()
        write_atomically(self.plan, plan.model_dump_json(indent=2) + "\n")

    def pairs_of(self, cycle: int) -> list[DataPair]:
        """Return what passed in a cycle."""
        path = self.passed(cycle)
        try:
            return TypeAdapter(list[DataPair]).validate_json(path.read_bytes())
        except ValidationError as error:
            raise DatasetError(f"{path}: {first_fault(error, 'the file')}") from None
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}; without it this growth cannot go on") from None

    def commit(self, checkpoint: Checkpoint, passed: Sequence[DataPair]) -> None:
        """Write a cycle's files, the checkpoint last."""
        cycle = checkpoint.current_cycle
        pairs = [pair.model_dump(mode="json", exclude_none=True) for pair in passed]
        write_atomically(self.passed(cycle), json.dumps(pairs, ensure_ascii=False, indent=2) + "\n")
        rows = [_training_row(pair) for pair in passed]
        write_atomically(self.train(cycle), json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        self._write_data_set(cycle)
        write_atomically(self.checkpoint(cycle), checkpoint.model_dump_json(indent=2) + "\n")

    def _write_data_set(self, cycles: int) -> None:
        digest, count = hashlib.sha256(), 0
        with opened_atomically(self.folder.pairs(self.dataset)) as file:
            for cycle in range(1, cycles + 1):
                for pair in self.pairs_of(cycle):
                    line = as_line(pair)
                    digest.update(line)
                    count += 1
                    file.write(line)
        meta: dict[str, JsonValue] = {
            "name": self.dataset,
            "source": _SOURCE,
            "row_count": count,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "tags": [],
            "mapping": {},
            "checksum": digest.hexdigest(),
        }
        write_atomically(self.folder.meta(self.dataset), json.dumps(meta, ensure_ascii=False, indent=2) + "\n")

    def _require_own_data_set(self) -> None:
        """Refuse to replace what was ingested."""
        if self.folder.pairs(self.dataset).exists() and not self.plan.exists():
            raise UsageError(f"data set {self.dataset!r} exists and was not grown here; give another --name, or --from it")


def growths_in(folder: DataFolder) -> list[GrowthFiles]:
    """Return every growth of a folder that has finished a cycle."""
    names = sorted(path.name for path in (folder.root / _GROWTHS).glob("*") if path.is_dir())
    return [files for name in (None, *names) if any((files := GrowthFiles(folder, name)).checkpoints.glob("checkpoint_*.json"))]


def _training_row(pair: DataPair) -> dict[str, str]:
    """Return a row for TRL and the like: `text` is the whole example."""
    parts = [("Instruction", pair.instruction), ("Input", pair.input), ("Response", pair.output)]
    text = "\n\n".join(f"### {title}:\n{said}" for title, said in parts if said)
    return {"instruction": pair.instruction, "input": pair.input, "output": pair.output, "text": text}


def _read(path: Path, kind: type[M]) -> M:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DatasetError(f"{path}: {first_fault(error, 'the file')}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
