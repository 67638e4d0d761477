"""From labelled findings to the shipped calibration, its figures and its reliability plot.

Input      findings.jsonl: a calibration_fit.Record a line.
Output     Calibration, as dspy_programs/failures/calibrated.py reads it; lines to print; a PNG.
Guarantees curves are fitted on train alone; val and test are only measured.
Raises     DatasetError as "file:line: field: why" for a row that is not a Record; MissingExtra without matplotlib.
"""

import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dspy_programs import __version__
from dspy_programs.errors import DatasetError, first_fault
from dspy_programs.failures import SCHEMA_VERSION, Calibration, Curve, FittedOn, value_at
from dspy_programs.types import FailureMode
from optimizers.data import rows_in, sha256
from optimizers.measures.calibration_fit import Record, figures, fit, tables_of
from optimizers.plotting import COLOURS, require_matplotlib

FINDINGS, PLOT = "findings.jsonl", "reliability.png"
_KINDS = ("human", "outcome", "rule-made", "constructed")
_WIDTH = 1.96  # standard errors on either side of a share


def read_findings(path: Path) -> tuple[list[Record], str]:
    """Return the records and the SHA-256 of their file."""
    records = []
    for where, _, row in rows_in(path):
        try:
            records.append(Record.model_validate(row))
        except ValidationError as error:
            raise DatasetError(f"{where}: {first_fault(error, 'row')}") from error
    if missing := sorted({"train", "val", "test"} - {record.split for record in records}):
        raise DatasetError(f"{path}: there are no rows of {missing[0]}; make it again: --raw DIR")
    return records, sha256(path.read_bytes())


def calibrate(records: Sequence[Record], rows_sha256: str) -> Calibration:
    """Fit on the rows of train; measure on those of val and test, by who labelled them."""
    train = [record for record in records if record.split == "train"]
    found, losses = fit(train)
    labels: dict[FailureMode, Counter[str]] = defaultdict(Counter)
    for record in train:
        labels[record.mode][record.kind] += 1
    measured: dict[str, Any] = {"log loss in cross-validation": losses}
    for split in ("val", "test"):
        of_split = [record for record in records if record.split == split]
        parts = {"all": of_split} | {kind: [r for r in of_split if r.kind == kind] for kind in _KINDS}
        measured[split] = {name: figures(part, found.curves)._asdict() for name, part in parts.items() if part}
    return Calibration(
        schema_version=SCHEMA_VERSION,
        method=found.method,
        shrinkage=found.shrinkage,
        fitted_on=FittedOn(split="train", rows_sha256=rows_sha256, labels={m: dict(c) for m, c in sorted(labels.items())}),
        versions={"dspy-programs": __version__},
        figures=measured,
        curves=found.curves,
    )


def summary(calibration: Calibration) -> Iterator[str]:
    """Yield the Markdown lines of the data card."""
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in calibration.figures["log loss in cross-validation"].items())
    yield f"log loss in cross-validation: {losses}"
    yield f"chosen: {calibration.method}, shrinkage {calibration.shrinkage:g}"
    for split in ("val", "test"):
        yield f"\n| {split}, labels | findings | | calibration error | the same, by mode | Brier score |"
        yield "|---|---|---|---|---|---|"
        for name, known in calibration.figures[split].items():
            for place, said in enumerate(("raw", "probability")):
                measured = [known[figure][place] for figure in ("error", "error_by_mode", "brier")]
                cells = " | ".join(f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in measured)
                yield f"| {name if not place else ''} | {known['records'] if not place else ''} | {said} | {cells} |"
    yield "\n| mode | labels it was fitted on | confidence -> probability |"
    yield "|---|---|---|"
    for mode, curve in calibration.curves.items():
        labels = ", ".join(f"{kind} {count}" for kind, count in calibration.fitted_on.labels[mode].items())
        points = [0.5, 0.6, 0.8] if mode == "none" else [0.4, 0.6, 0.75, 0.9]
        yield f"| {mode} | {labels} | {', '.join(f'{x:g} -> {value_at(curve, x):.2f}' for x in points)} |"


def reliability(records: Sequence[Record], curves: Mapping[FailureMode, Curve]) -> bytes:
    """Draw, for the rows of test, the share that is right against what was said, raw and calibrated, as a PNG."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    test = [record for record in records if record.split == "test" and record.mode in curves]
    failures = [record for record in test if record.mode != "none"]
    panels = {
        "the eight modes": failures,
        "OVER_REFUSAL, labelled by people": [record for record in failures if record.kind == "human"],
        "none": [record for record in test if record.mode == "none"],
    }
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (title, part) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(1, len(panels), place)
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        draw(axes, part, [r.confidence for r in part], "raw confidence", 1)
        draw(axes, part, [value_at(curves[r.mode], r.confidence) for r in part], "probability", 2)
        axes.set_title(f"{title}: {len(part):,} findings", fontsize=10)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="what was said", ylabel="share that is right")
        axes.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Failure rules on unseen runs; bins of a tenth, 95 % intervals, area by number of findings", fontsize=11)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    return png.getvalue()


def draw(axes: Any, records: Sequence[Record], said: Sequence[float], label: str, number: int) -> None:
    """Draw a point for each bin in which there is a finding."""
    bins = [cell for cell in tables_of(records, said).sum(axis=0) if cell[0]]
    xs, ys = [cell[1] / cell[0] for cell in bins], [cell[2] / cell[0] for cell in bins]
    halves = [_WIDTH * (y * (1 - y) / cell[0]) ** 0.5 for y, cell in zip(ys, bins, strict=True)]
    ends = [
        [min(y, half) for y, half in zip(ys, halves, strict=True)],
        [min(1 - y, half) for y, half in zip(ys, halves, strict=True)],
    ]
    sizes = [20 + 600 * cell[0] / len(records) for cell in bins]
    axes.errorbar(xs, ys, ends, fmt="none", color=COLOURS[number], linewidth=1)
    axes.scatter(xs, ys, s=sizes, color=COLOURS[number], alpha=0.75, label=label, zorder=3)
