"""A tally that is complete: its numbers as arrays, which rows are copies, and how findings are made of rows.

Every check but `duplicates` counts distinct rows: a fault that was copied fifty times is one fault, and copies of good rows do
not make the share of bad ones smaller.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.growing_numbers import Growing
from dspy_programs.data.scorer.config import CheckName, ScorerConfig
from dspy_programs.data.scorer.faults import RowFault
from dspy_programs.data.scorer.kept_rows import Kept
from dspy_programs.data.scorer.result import CheckScore, Example, Finding
from dspy_programs.data.scorer.tally import Tally
from dspy_programs.text import quantity

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
_KNOWN = ("alpaca", "chatml", "sharegpt", "prompt-completion")


class _Columns:
    """The columns by their name, each read when it is asked for: together they would take most of the memory."""

    def __init__(self, growing: Mapping[str, Growing]) -> None:
        self._growing = growing

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._growing[name].all()


class Ready:
    """group: the number of each row's set of copies, 0 to distinct - 1. first: the first row of each, by its number."""

    def __init__(self, tally: Tally, config: ScorerConfig) -> None:
        self.tally, self.config, self.rows = tally, config, tally.rows
        self.numbers = _Columns(tally.numbers)
        self.digests, self.first, group = np.unique(self.numbers["digest"], return_index=True, return_inverse=True)
        self.group = group.astype(np.int32)
        self.distinct = len(self.first)

    def has(self, fault: int) -> Mask:
        """Return which rows have a fault."""
        found: Mask = (self.numbers["faults"] & np.uint32(fault)) != 0
        return found

    def share(self, bad: Mask) -> float:
        """Return the share of distinct rows of which a copy is bad."""
        return len(np.unique(self.group[bad])) / self.distinct

    def asks(self) -> bool:
        """Return whether rows of this data set are to have a request."""
        return self._is_meant(RowFault.NO_REQUEST)

    def answers(self) -> bool:
        return self._is_meant(RowFault.NO_ANSWER)

    def _is_meant(self, without: int) -> bool:
        return self.tally.format in _KNOWN or 2 * int(self.has(without).sum()) < self.rows

    def finding(
        self, kind: str, text: str, bad: "Mask | Rows", show: Callable[[Kept], str], at: "Rows | None" = None
    ) -> Finding:
        """Return a finding: "12 rows " and the text. show: what is to be seen in a row. at: rows that each is a copy of."""
        rows = np.flatnonzero(bad) if bad.dtype == np.bool_ else bad
        examples = []
        for place, row in enumerate(rows[: self.config.examples].tolist()):
            kept = self.tally.kept.read(row)
            if at is None:
                examples.append(Example(kept.where, shortened(show(kept))))
            else:
                other = self.tally.kept.read(int(at[place]))
                one, two = shortened(show(kept)), shortened(show(other))
                examples.append(Example(kept.where, one if one == two else f"{one} ≈ {two}", other.where))
        return Finding(kind, f"{quantity(len(rows), 'row')} {text}", len(rows), examples)

    def scored(
        self, check: CheckName, share: float, findings: Sequence[Finding], of: int | None = None, note: str = ""
    ) -> CheckScore:
        measure = self.config.measure(check)
        of = self.distinct if of is None else of
        return CheckScore(
            check, measure.weight, measure.half, min(1.0, share), of, self.config.pass_score, [*findings], note=note
        )

    def skipped(self, check: CheckName, why: str) -> CheckScore:
        measure = self.config.measure(check)
        return CheckScore(check, measure.weight, measure.half, 0.0, 0, self.config.pass_score, skipped=why)


def shortened(text: str, longest: int = 240) -> str:
    """Return a text in one line, its end left out if it is long."""
    line = " ".join(text[: 2 * longest].split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
