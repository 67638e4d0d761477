"""From labelled findings to the shipped calibration, its figures and its reliability plot.

Input      findings.jsonl: a calibration_fit.Record a line.
Output     Calibration, as dspy_programs/failures/calibrated.py reads it; lines to print; a PNG.
Guarantees curves are fitted on train and val; test is only measured. A source that is left out is measured by curves that
           have seen nothing of it.
Raises     DatasetError as "file:line: field: why" for a row that is not a Record; MissingExtra without matplotlib.
"""

import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from dspy_programs import __version__
from dspy_programs.errors import DatasetError, first_fault
from dspy_programs.failures import FACTS, SCHEMA_VERSION, Calibration, FittedOn, RunKind, holds_at, value_at
from dspy_programs.tables import rows_in
from dspy_programs.types import FailureMode
from optimizers.data import sha256
from optimizers.measures.calibration_fit import Curves, Record, figures, fit, refitted, tables_of, with_curve
from optimizers.plotting import COLOURS, require_matplotlib

FINDINGS, PLOT, CARD = "findings.jsonl", "reliability.png", "CARD.md"
_MODES: tuple[FailureMode, ...] = tuple(mode for mode in get_args(FailureMode) if mode not in FACTS)
_START, _END = "<!-- made by python -m optimizers.calibrate -->", "<!-- end of what it makes -->"
_SHOWN = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # confidences in the card
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
    """Fit on train and val; measure on test, and on each source with curves that were fitted without it."""
    known = [record for record in records if record.split != "test"]
    found = fit(known)
    labels: dict[RunKind, dict[FailureMode, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for record in known:
        labels[record.run][record.mode][record.kind] += 1
    measured: dict[str, Any] = {"log loss in cross-validation": found.losses, "test": {}, "source left out": {}}
    unseen = [record for record in records if record.split == "test"]
    measured["test"] = _by(unseen, lambda record: record.kind, found.curves)
    for source in sorted({record.source for record in records}):
        curves = refitted([record for record in known if record.source != source], found.methods)
        of_source = [record for record in records if record.source == source]
        if with_curve(of_source, curves):
            measured["source left out"][source] = _by(of_source, lambda record: f"{record.run} {record.mode}", curves)
    return Calibration(
        schema_version=SCHEMA_VERSION,
        methods=found.methods,
        fitted_on=FittedOn(
            split="train and val",
            rows_sha256=rows_sha256,
            labels={run: {mode: dict(kinds) for mode, kinds in sorted(of.items())} for run, of in sorted(labels.items())},
        ),
        versions={"dspy-programs": __version__},
        figures=measured,
        not_measured={run: [m for m in _MODES if m not in found.curves.get(run, {})] for run in get_args(RunKind)},
        curves=found.curves,
    )


def _by(records: Sequence[Record], name_of: Callable[[Record], str], curves: Curves) -> dict[str, Any]:
    """Measure all records, and each part of them."""
    parts: dict[str, list[Record]] = {"all": [record for record, _ in with_curve(records, curves)]}
    for record in parts["all"]:
        parts.setdefault(name_of(record), []).append(record)
    return {name: figures(part, curves)._asdict() for name, part in sorted(parts.items()) if part}


def summary(calibration: Calibration) -> Iterator[str]:
    """Yield the Markdown lines of the data card: how the choice was made, the figures, the curves."""
    for run, losses in calibration.figures["log loss in cross-validation"].items():
        method, shrinkage = calibration.methods[run]
        of_all = ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
        yield f"- {run}: {method}, shrinkage {shrinkage:g}. Log loss in cross-validation: {of_all}."
    parts = {f"test, {name}": part for name, part in calibration.figures["test"].items()}
    for source, known in calibration.figures["source left out"].items():
        parts |= {f"{source} left out, {name}": part for name, part in known.items()}
    yield (
        "\n| measured on | findings | called right | raw says | probability says | calibration error, raw | of probability "
        "| Brier score, raw | of probability |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, part in parts.items():
        figures = [part["right"], *part["expected"], *part["error_by_mode"], *part["brier"]]
        yield f"| {name} | {part['records']} | {' | '.join(map(_in_words, figures))} |"
    yield "\n| runs | mode | labels it was fitted on | confidence -> probability |"
    yield "|---|---|---|---|"
    for run, of_run in calibration.fitted_on.labels.items():
        for mode, known in of_run.items():
            curve = calibration.curves.get(run, {}).get(mode)
            points = ", ".join(f"{x:g} -> {value_at(curve, x):.2f}" for x in _SHOWN if holds_at(curve, x)) if curve else ""
            labels = ", ".join(f"{kind} {count}" for kind, count in sorted(known.items()))
            yield f"| {run} | {mode} | {labels} | {points or 'not measured'} |"


def _in_words(figure: float | Sequence[float]) -> str:
    if isinstance(figure, float):
        return f"{figure:.3f}"
    value, low, high = figure
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def into_card(card: str, calibration: Calibration) -> str:
    """Return the data card with today's figures and the digest of today's findings. Raises DatasetError without the marks."""
    before, start, rest = card.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise DatasetError(f"CARD.md: has no place for the figures: {_START!r} ... {_END!r}; restore it")
    made = before + start + "\n\n" + "\n".join(summary(calibration)) + "\n\n" + end + after
    return re.sub(rf"[0-9a-f]{{64}}  {FINDINGS}", f"{calibration.fitted_on.rows_sha256}  {FINDINGS}", made)


def reliability(records: Sequence[Record], curves: Curves) -> bytes:
    """Draw, for the rows of test, the share called right against what was said, raw and calibrated, as a PNG."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    test = [(record, said) for record, said in with_curve(records, curves) if record.split == "test"]
    panels = {
        "failures, runs with tools": [(r, p) for r, p in test if r.mode != "none" and r.run == "tools"],
        "failures, chats": [(r, p) for r, p in test if r.mode != "none" and r.run == "chat"],
        "none": [(r, p) for r, p in test if r.mode == "none"],
    }
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (title, part) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(1, len(panels), place)
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        of_part = [record for record, _ in part]
        draw(axes, of_part, [record.called_right(record.confidence) for record in of_part], "raw confidence", 1)
        draw(axes, of_part, [said for _, said in part], "probability", 2)
        axes.set_title(f"{title}: {len(part):,} findings", fontsize=10)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="what was said", ylabel="share called right")
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
