"""Make a data set of any rows: pairs, what is known about them, and the rows that were not taken, each with its reason.

Guarantees no row is merged or dropped in silence: a duplicate (the same content; `input` counts), an empty row and an
           unreadable one are lines of NAME.rejects.jsonl. All files are replaced at once at the end: whatever ends an ingest
           before, a signal included, the old data set stays; what kills it in the instant between two of the three files is
           seen by the checksum (`info`). Two ingests of one name cannot run at once. Memory is constant but
           for 24 to 48 bytes a pair, which find the duplicates.
Raises     UsageError, DatasetError: a source that is unreadable as a whole, or has no pair in it; nothing is written then.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from dspy_programs.atomic_file import opened_atomically, require_apart
from dspy_programs.cli import Progress
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.reading.alone import alone
from dspy_programs.data.reading.columns import checked_mapping
from dspy_programs.data.reading.shapes import Shaper
from dspy_programs.data.reading.sources import Source, source_of
from dspy_programs.data.reading.taking import Pair, Reject, taken
from dspy_programs.errors import DatasetError, UsageError
from dspy_programs.text import quantity

_OFTEN = 1000  # rows between two moves of the progress bar


class Preview(NamedTuple):
    """pairs: the first ones, as they would be written; rejects: the rows before and between them that would not be taken."""

    pairs: list[dict[str, Any]]
    rejects: list[Reject]


@dataclass(frozen=True)
class Ingested:
    """shapes, rejects: how many of each kind; meta: what NAME.meta.json says."""

    path: Path
    pairs: int
    shapes: Mapping[str, int]
    rejects: Mapping[str, int]
    meta: Mapping[str, Any]


def ingest(
    given: str | Path,
    name: str,
    folder: DataFolder | None = None,
    *,
    format: str = "auto",
    split: str | None = None,
    mapping: Mapping[str, str] | None = None,
    tag: str = "",
    limit: int | None = None,
    progress: Progress | None = None,
) -> Ingested:
    """Make the data set `name` of a file, "-" (standard input), a folder of `datasets` or hf://OWNER/NAME.

    format: auto (by the suffix), jsonl, json, csv, tsv, parquet or hf. split: of a Hugging Face data set. mapping: our field
    -> their column. tag: noted in each pair. limit: how many pairs to take.
    """
    folder = folder or DataFolder()
    source, shaper = source_of(given, format, split), Shaper(checked_mapping(mapping or {}), tag)
    outputs = (folder.pairs(name), folder.rejects(name), folder.meta(name))
    require_apart(outputs[1:], [] if source.path is None else [source.path])
    with alone(outputs[0], outputs[1:]), ExitStack() as stack:
        # the last file that is opened is replaced first, and the pairs are what counts
        meta_file, rejects_file, pairs_file = (stack.enter_context(opened_atomically(path)) for path in reversed(outputs))
        writer = _Writer(pairs_file, rejects_file)
        for number, found in enumerate(taken(source.rows(), shaper, limit), 1):
            writer.add(found)
            if progress and number % _OFTEN == 0:
                progress(number, 0)
        _require_pairs(writer, source)
        if shaper.unmet and limit is None:
            field, column = next(iter(shaper.unmet.items()))
            raise UsageError(f"--map {field}={column}: no row of {source.given} has {column}")
        meta = _meta_of(name, source, shaper, writer)
        meta_file.write(json.dumps(meta, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n")
        for file in (pairs_file, rejects_file, meta_file):  # on the disk now, so that replacing them takes no time
            file.flush()
            os.fsync(file.fileno())
    return Ingested(outputs[0], writer.pairs, writer.shapes, writer.kinds, meta)


def preview(
    given: str | Path,
    *,
    format: str = "auto",
    split: str | None = None,
    mapping: Mapping[str, str] | None = None,
    tag: str = "",
    count: int = 3,
) -> Preview:
    """Return the first pairs that `ingest` would write, without writing anything."""
    source, shaper = source_of(given, format, split), Shaper(checked_mapping(mapping or {}), tag)
    found = list(taken(source.rows(), shaper, count))
    return Preview(
        [each.fields for each in found if isinstance(each, Pair)], [each for each in found if isinstance(each, Reject)]
    )


class _Writer:
    """Writes what becomes of each row, and counts."""

    def __init__(self, pairs: IO[bytes], rejects: IO[bytes]) -> None:
        self.pairs_file, self.rejects_file = pairs, rejects
        self.digest, self.bytes = hashlib.sha256(), 0
        self.shapes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.first: Reject | None = None

    @property
    def pairs(self) -> int:
        return self.shapes.total()

    def add(self, found: Pair | Reject) -> None:
        if isinstance(found, Reject):
            self.first = self.first or found
            self.kinds[found.kind] += 1
            self.rejects_file.write(found.as_line())
            return
        self.shapes[found.shape] += 1
        self.digest.update(found.line)
        self.bytes += len(found.line)
        self.pairs_file.write(found.line)


def _require_pairs(writer: _Writer, source: Source) -> None:
    if writer.pairs:
        return
    if writer.first is None:
        raise DatasetError(f"{source.given}: no rows; nothing was written")
    rows, first = quantity(writer.kinds.total(), "row"), writer.first
    raise DatasetError(f"{source.given}: no pair in {rows}; the first, in line {first.line}: {first.reason}")


def _meta_of(name: str, source: Source, shaper: Shaper, writer: _Writer) -> dict[str, Any]:
    return {
        "name": name,
        "source": source.format,
        "from": source.given,
        "row_count": writer.pairs,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tags": [shaper.tag] if shaper.tag else [],
        "mapping": dict(shaper.mapping),
        "checksum": writer.digest.hexdigest(),  # of the file of pairs
        "bytes": writer.bytes,
        "shapes": dict(writer.shapes.most_common()),
        "rejects": writer.kinds.total(),
        "rejects_by_kind": dict(writer.kinds.most_common()),
    }
