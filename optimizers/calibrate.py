"""python -m optimizers.calibrate: fit how often the failure rules are right on labelled findings; measure on unseen ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import new_app, run
from optimizers.cli import require_checkout

app = new_app("Turn the confidence of the failure rules into probabilities, and measure how well they hold on unseen runs.")


@app.command()
def calibrate(
    raw: Annotated[
        Path | None, typer.Option(help="Raw data folder: run the rules on its runs again. Default: shipped rows.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder. Default: where the package keeps the files.")] = None,
    module: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Fit on train and val, measure on test and on each source left out.

    Writes findings.jsonl (with --raw), calibration.json, reliability.png and, without --out, the figures in the data card.
    """
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.errors import UsageError
    from dspy_programs.failures import FILE, calibration_file
    from optimizers.data import as_jsonl, data_directory
    from optimizers.measures import FINDINGS, PLOT, read_findings, reliability
    from optimizers.measures.calibration_report import CARD, calibrate as calibrated, into_card, summary
    from optimizers.plotting import require_matplotlib

    if module:  # the command that had this name before
        raise UsageError(f"--module: agreement with people is measured by: python -m optimizers.agreement --module {module}")
    require_matplotlib()
    folder = out or data_directory("failure_judge")
    rows = data_directory("failure_judge") / FINDINGS
    if raw is not None:
        require_checkout("reading raw runs")
        from optimizers.sources import all_records

        rows = folder / FINDINGS
        write_atomically(rows, as_jsonl(record.model_dump() for record in all_records(raw)))
    records, digest = read_findings(rows)
    calibration = calibrated(records, digest)
    write_atomically(out / FILE if out else calibration_file(), calibration.model_dump_json(indent=1) + "\n")
    write_atomically(folder / PLOT, reliability(records, calibration.curves))
    if out is None:
        write_atomically(card := folder / CARD, into_card(card.read_text(encoding="utf-8"), calibration))
    for line in summary(calibration):
        print(line)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
