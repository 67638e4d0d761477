"""What the failure rules say of labelled runs, and whether the labels agree: what calibration is fitted on."""

from collections.abc import Iterable

from dspy_programs.programs.failure_judge import View, findings_of, ruling
from dspy_programs.registry import digest
from optimizers.measures import Record
from optimizers.sources.failure_labels import Labelled


def records_of(runs: Iterable[Labelled]) -> list[Record]:
    """Let the rules judge each run; keep every finding, and "none" where they say so, that the run's label settles."""
    records = []
    for run in runs:
        findings = findings_of(View(run.trace))
        ruled = ruling(findings)
        said = [(f.mode, f.confidence) for f in findings] + ([("none", ruled.confidence)] if ruled.mode == "none" else [])
        for mode, confidence in said:
            if (right := run.settles(mode)) is not None:
                group = digest(run.group)[:8]
                known = {"split": run.home.split, "source": run.source, "kind": run.kind, "group": group}
                records.append(Record(mode=mode, confidence=confidence, right=right, **known))
    return records
