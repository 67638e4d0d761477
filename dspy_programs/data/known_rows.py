"""What is known of each pair: the pair as it was last edited, its judgment and its label, as filters read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.data.expressions import Expression
from dspy_programs.data.judging.judged import Judgments, scores_in
from dspy_programs.data.labels.label import Label, revised
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import read_pairs


class Known(NamedTuple):
    """original: as it is in the data set; pair: as it was last edited, else the same."""

    original: DataPair
    pair: DataPair
    judgment: dict[str, Any] | None
    label: Label | None


def known_of(pair: DataPair, labels: LabelStore, judgments: Judgments | None) -> Known:
    pair = pair.identified()
    label = labels.last(pair.id)
    return Known(pair, revised(pair, label.edit if label else None), judgments.of(pair.id) if judgments else None, label)


def known_rows(path: Path, labels: LabelStore, judgments: Judgments | None = None) -> Iterator[Known]:
    """Yield each pair of a file with what is known of it. Raises DatasetError as read_pairs does."""
    for pair in read_pairs(path):
        yield known_of(pair, labels, judgments)


def row_of(known: Known) -> dict[str, Any]:
    """Return the names of a filter, under the id that judgments and labels have."""
    pair, label, judgment = known.pair, known.label, known.judgment
    return {
        "id": known.original.id,
        "instruction": pair.instruction,
        "input": pair.input,
        "output": pair.output,
        "context": pair.context,
        "category": pair.category,
        "difficulty": pair.difficulty,
        "metadata": known.original.metadata,
        "cycle_id": pair.cycle_id,
        "length": {name: len(getattr(pair, name)) for name in ("instruction", "input", "output", "context")},
        "scores": scores_in(judgment),
        "passed": judgment is not None and judgment.get("passed") is True,
        "judge_model": judgment.get("judge_model") if judgment else None,
        "label": {name: getattr(label, name) if label else None for name in ("status", "tag", "note")},
    }


def filter_of(text: str | None, judgments: Judgments | None) -> Expression | None:
    """Return a filter whose criteria are those of the judgments. Raises UsageError."""
    return None if text is None else Expression(text, judgments.criteria if judgments else None)
