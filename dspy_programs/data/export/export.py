"""Write a data set as files to train with, in two passes: which pairs, and in which part; then the rows.

from dspy_programs.data.export.export import Selection, export_pairs
export_pairs(DataFolder(), "mine", Path("mine.jsonl"), "chatml", Selection(statuses=("approved",)), {"train": 0.9, "test": 0.1})

Guarantees files take their places together when all is written, or not at all; a file that is read is never written; every
           pair that is left out is counted with the reason; an edited pair is written as it was edited.
Raises     UsageError if nothing is left, or the data set changes meanwhile; DatasetError for a line that is no pair.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dspy_programs.atomic_file import opened_atomically, require_apart, require_writable
from dspy_programs.cli import Progress
from dspy_programs.data.export.containers import Target
from dspy_programs.data.export.formats import FORMAT, Format, FormatName, Seen
from dspy_programs.data.export.grouping import GroupOf, group_of
from dspy_programs.data.export.splits import Groups, parts_of
from dspy_programs.data.export.writers import Hashed, writer_for
from dspy_programs.data.expressions import Expression
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.judging.judged import Judgments
from dspy_programs.data.known_rows import Known, known_rows, row_of
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity

_OFTEN = 1000  # pairs between two moves of the bar
_MOST_LICENCES = 50


@dataclass(frozen=True)
class Selection:
    """Which pairs. where: a filter; statuses: of the label, () for any or none; judgments: what the filter reads."""

    where: Expression | None = None
    statuses: tuple[str, ...] = ()
    judgments: Judgments | None = None


ALL = Selection()


class Part(NamedTuple):
    """A file that was written. name: of the part, "" without a split."""

    name: str
    path: Path
    rows: int
    bytes: int
    sha256: str


@dataclass
class Exported:
    """What became of the pairs. left_out: how many, by the reason; licences: as the pairs' metadata say."""

    dataset: str
    format: FormatName
    pairs: int = 0
    parts: list[Part] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    edited: int = 0
    unjudged: int = 0
    licences: Counter[str] = field(default_factory=Counter)
    seen: Seen = field(default_factory=Seen)
    card: Path | None = None

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


CardText: TypeAlias = Callable[[Exported], str]


def export_pairs(
    folder: DataFolder,
    name: str,
    to: Path,
    format: FormatName,
    selection: Selection = ALL,
    shares: Mapping[str, float] | None = None,
    seed: int = 42,
    by: str | GroupOf = "hash",
    card_text: CardText | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write the pairs to `to`, or, with shares, to a file for each part beside it. by: a name as in grouping.py, or a function.

    card_text: makes the data card from what was written; None for no card.
    """
    path, target = folder.existing(name), Target.of(to, format, shares is not None)
    names = list(shares or {"": 1.0})
    is_stream = to.exists() and not (to.is_file() or to.is_dir())  # a pipe or a device has no place for a card beside it
    outputs = [target.part(part) for part in names]
    card = target.card() if card_text and not is_stream else None
    inputs = [path, folder.labels(name), folder.meta(name), *([selection.judgments.path] if selection.judgments else [])]
    require_apart([*outputs, *([card] if card else [])], inputs)
    for output in outputs:
        if output.parent.is_dir():  # else it would be made, for nothing if nothing is left to write
            require_writable(output)
    labels, state = LabelStore(folder.labels(name)), _state(path)
    exported = Exported(name, format, card=card)
    first = _Selecting(path, labels, selection, FORMAT[format], target, exported, progress)
    parts = _parted(first, shares, seed, by)
    target.require_columns(FORMAT[format].columns(exported.seen))
    with ExitStack() as stack:
        files = [Hashed(stack.enter_context(opened_atomically(output))) for output in outputs]
        card_file = stack.enter_context(opened_atomically(card)) if card else None
        writers = [writer_for(target.container, file, FORMAT[format].columns(exported.seen)) for file in files]
        rows = [0] * len(files)
        for number, known in enumerate(known_rows(path, labels, selection.judgments)):
            if number < len(parts) and (part := int(parts[number])) >= 0:
                writers[part].write(FORMAT[format].row(known.pair, exported.seen))
                rows[part] += 1
        if _state(path) != state:
            raise UsageError(f"{path}: was changed while it was read; run the command again")
        for writer in writers:
            writer.end()
        exported.parts = [
            Part(part, output, count, file.size, file.hexdigest())
            for part, output, count, file in zip(names, outputs, rows, files, strict=True)
        ]
        if card_file and card_text:
            card_file.write(card_text(exported).encode("utf-8", "replace"))
    return exported


def _parted(first: "_Selecting", shares: Mapping[str, float] | None, seed: int, by: str | GroupOf) -> NDArray[np.int8]:
    """Return the part of each pair of the file; -1 for one that is left out."""
    if shares is None:
        for _pair in first.pairs():
            pass
        chosen = np.zeros(sum(first.kept), np.int8)
    else:
        groups: Groups = (group_of(by) if isinstance(by, str) else by)(first.pairs())
        first.require_some()
        chosen = parts_of(groups, shares, seed)
    first.require_some()
    parts = np.full(len(first.kept), -1, np.int8)
    parts[np.frombuffer(first.kept, np.uint8) == 1] = chosen
    return parts


class _Selecting:
    """The first pass."""

    def __init__(
        self,
        path: Path,
        labels: LabelStore,
        selection: Selection,
        format: Format,
        target: Target,
        exported: Exported,
        progress: Progress | None,
    ) -> None:
        self._path, self._labels, self._selection = path, labels, selection
        self._format, self._target, self._exported, self._progress = format, target, exported, progress
        self.kept = bytearray()

    def pairs(self) -> Iterator[DataPair]:
        """Yield the pairs that are to be written."""
        exported = self._exported
        for known in known_rows(self._path, self._labels, self._selection.judgments):
            exported.pairs += 1
            if self._progress and exported.pairs % _OFTEN == 0:
                self._progress(exported.pairs, 0)
            exported.unjudged += self._selection.judgments is not None and known.judgment is None
            why = self._why_not(known)
            self.kept.append(why is None)
            if why is not None:
                exported.left_out[why] += 1
                continue
            exported.seen = exported.seen.with_pair(known.pair)
            exported.edited += known.pair is not known.original
            self._count_licence(known.pair)
            yield known.pair
        if self._selection.where and exported.pairs:
            self._selection.where.require_metadata()

    def require_some(self) -> None:
        if not any(self.kept):
            why = "; ".join(f"{count:,} {reason}" for reason, count in self._exported.left_out.most_common())
            raise UsageError(f"nothing to export: of {quantity(self._exported.pairs, 'pair')}, {why or 'there is none'}")

    def _why_not(self, known: Known) -> str | None:
        statuses, label = self._selection.statuses, known.label
        if statuses and (label is None or label.status not in statuses):
            return f"{'labelled ' + label.status if label and label.status else 'without a label'}, not {' or '.join(statuses)}"
        if self._selection.where and not self._selection.where(row_of(known)):
            return "did not match the filter"
        problem = self._format.problem(known.pair) or self._target.problem(known.pair)
        return f"no {self._exported.format}: it {problem}" if problem else None

    def _count_licence(self, pair: DataPair) -> None:
        said = next((pair.metadata[key] for key in ("license", "licence", "License") if pair.metadata.get(key)), None)
        licence = "not said" if said is None else str(said)[:60]
        licences = self._exported.licences
        licences[licence if licence in licences or len(licences) < _MOST_LICENCES else "others"] += 1


def _state(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
