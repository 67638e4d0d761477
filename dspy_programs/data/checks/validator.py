"""Check a file of pairs, or single pairs.

from dspy_programs.data.checks import CheckOptions, Validator

report = Validator(CheckOptions(checks=("schema", "near_dup"))).validate(Path("data/user/mine.jsonl"))
print(report.counts)

Memory     about 50 bytes a row while duplicates are looked for, beside what the checks themselves need.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from dspy_programs.atomic_file import require_apart, require_writable
from dspy_programs.cli import Progress
from dspy_programs.cluster import Cluster
from dspy_programs.data.checks.blocks import LONGEST, Block, blocks_of
from dspy_programs.data.checks.checked_block import BAD, ERROR, CheckedBlock
from dspy_programs.data.checks.checker import Checker
from dspy_programs.data.checks.clean import Written, rejects_of, write_clean
from dspy_programs.data.checks.comparing import similarities
from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.checks.minhash import BANDS
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.checks.report import Issue, Issues, ValidationReport
from dspy_programs.data.checks.rows import Batch, Duplicate, Rows
from dspy_programs.data.checks.workers import Workers
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import UsageError

_WORTH_PROCESSES = 4_000_000  # bytes; a smaller file is checked before they have started
MOST_ISSUES = 10_000


class Validator:
    """The checks of a data set. Raises UsageError, MissingExtra at once if a check lacks what it needs."""

    def __init__(
        self,
        options: CheckOptions | None = None,
        processes: int | None = None,
        max_issues: int = MOST_ISSUES,
        cluster: Cluster | None = None,
    ) -> None:
        """cluster: do the work there, whatever `processes` says."""
        self.options = options or CheckOptions()
        self.processes, self._cluster = processes, cluster
        self._most = max_issues
        self._checker = Checker(self.options)
        self.written: Written | None = None  # by the last `validate` that was given `clean`

    def check(self, pair: DataPair) -> list[Issue]:
        """Return what is wrong with one pair by itself: duplicates are a matter of files."""
        name = pair.identified().id
        return [Issue.model_validate(finding.as_issue(name)) for finding in self._checker.check(pair)]

    def validate(
        self, path: Path, dataset: str = "", clean: Path | None = None, redact: bool = False, progress: Progress | None = None
    ) -> ValidationReport:
        """Check a file of pairs. Raises UsageError if it cannot be read, or an output not written.

        clean: write the rows without errors and duplicates there, and beside it the others with their reasons.
        redact: without personal data in them; such rows then stay, whatever the policy.
        """
        if redact:
            self.require_redacting(clean)
        for output in [clean, rejects_of(clean)] if clean else []:
            require_apart([output], [path])
            require_writable(output)
        issues = Issues(self._most)
        with ExitStack() as stack:
            rows = stack.enter_context(closing(Rows(path, "near_dup" in self.options.checks)))
            reasons = stack.enter_context(tempfile.TemporaryFile())
            work = self._work(path.stat().st_size, stack)
            self._read(path, work, rows, issues, reasons, redact, progress)
            gone = self._duplicates(work, rows, issues)
            if clean:
                self.written = write_clean(path, clean, rows, _reasons_in(reasons), gone, redact)
            return issues.report(dataset or path.stem, rows.count)

    def _work(self, size: int, stack: ExitStack) -> "Work":
        """Return who does the work: a cluster if one was named, several processes if a file of `size` bytes is worth them."""
        if self._cluster:
            from dspy_programs.data.checks.ray_workers import RayWorkers

            return stack.enter_context(RayWorkers(self.options, self._cluster))
        processes = self.processes or (1 if size < _WORTH_PROCESSES else min(2, os.cpu_count() or 1))
        return stack.enter_context(Workers(self.options, processes)) if processes > 1 else _Alone(self._checker, self.options)

    def require_redacting(self, clean: Path | None) -> None:
        """Raise UsageError if there is nothing to redact, or nothing to redact by."""
        if clean is None or "pii" not in self.options.running():
            raise UsageError("--redact changes what --write-clean writes, by the check pii: give both")

    def _read(
        self,
        path: Path,
        work: "Work",
        rows: Rows,
        issues: Issues,
        reasons: IO[bytes],
        redact: bool,
        progress: Progress | None,
    ) -> None:
        size = path.stat().st_size
        for block, found in work.checked(blocks_of(path)):
            checked = found or _too_long(block)
            issues.add(checked.issues, checked.counts)
            for row, reason in sorted(checked.reasons.items()):
                if kept := [each for each in reason.split("; ") if not (redact and each.startswith("pii: "))]:
                    reasons.write(json.dumps([rows.count + row, "; ".join(kept)]).encode() + b"\n")
            rows.add(checked, block.offset)
            if progress:
                progress(block.end, size)

    def _duplicates(self, work: "Work", rows: Rows, issues: Issues) -> list[Duplicate]:
        """Return the rows that are superfluous, and report them."""
        on = self.options.running()
        exact = rows.exact_duplicates() if on & {"dedup", "near_dup"} else []
        if "dedup" not in on:
            exact = [each._replace(check="near_dup") for each in exact]
        near = rows.near_duplicates(work.compared, exact) if "near_dup" in on else []
        gone = [*exact, *near]
        for check in on & {"dedup", "near_dup"}:
            count = sum(each.check == check for each in gone)
            issues.counts.update({check: count, "severity:warning": count})
        issues.add(_lines(gone, rows, issues), {})
        return gone


class Work(Protocol):
    """Who checks blocks and compares rows, each in order."""

    def checked(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, CheckedBlock | None]]: ...

    def compared(self, batches: Iterable[Batch]) -> Iterator[tuple[list[tuple[int, int]], NDArray[np.float64]]]: ...


class _Alone:
    """What `Workers` do, in this process."""

    def __init__(self, checker: Checker, options: CheckOptions) -> None:
        self._checker, self._options = checker, options

    def checked(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, CheckedBlock | None]]:
        for block in blocks:
            yield block, None if block.text is None else self._checker.check_block(block.text, block.line)

    def compared(self, batches: Iterable[Batch]) -> Iterator[tuple[list[tuple[int, int]], NDArray[np.float64]]]:
        for batch in batches:
            yield batch.couples, similarities(batch.lines, batch.places, self._options.near_threshold)


def _lines(found: Iterable[Duplicate], rows: Rows, issues: Issues) -> Iterator[bytes]:
    for each in found:
        if not issues.has_room:
            yield b""  # counted, not shown
            continue
        row, of = rows.read(each.row).identified().id, rows.read(each.of).identified().id
        finding = Finding(each.check, "warning", each.message(of))
        yield json.dumps(finding.as_issue(row), ensure_ascii=False).encode("utf-8", "replace")


def _too_long(block: Block) -> CheckedBlock:
    """Return what is said of a line that nobody reads."""
    message = f"not a pair: a line of {block.end - block.offset:,} bytes, more than {LONGEST:,}"
    finding = Finding("schema", "error", message)
    issue = json.dumps(finding.as_issue(f"line {block.line}")).encode()
    one = np.zeros(1, np.uint32)
    flags, digests = np.array([BAD | ERROR], np.uint8), np.zeros(1, np.uint64)
    counts = {"schema": 1, "severity:error": 1}
    bands = np.zeros((BANDS, 1), np.uint32)
    return CheckedBlock(counts, [issue], {0: f"schema: {message}"}, [block.line], one, one + 2000, flags, digests, bands)


def _reasons_in(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    file.seek(0)
    for line in file:
        row, reason = json.loads(line)
        yield row, reason
