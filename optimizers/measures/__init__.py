"""Measure programs and judges: on unseen rows, against human labels, as probabilities."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.measures.agreement import (
        VERDICTS as VERDICTS,
        agreement_with_people as agreement_with_people,
        gate as gate,
        save_agreement as save_agreement,
        summary as summary,
    )
    from optimizers.measures.calibration_fit import Record as Record
    from optimizers.measures.calibration_report import (
        FINDINGS as FINDINGS,
        PLOT as PLOT,
        read_findings as read_findings,
        reliability as reliability,
    )
    from optimizers.measures.evaluation import Evaluation as Evaluation, evaluate_program as evaluate_program

_HOMES = {
    "VERDICTS": "agreement",
    "agreement_with_people": "agreement",
    "gate": "agreement",
    "save_agreement": "agreement",
    "summary": "agreement",
    "Record": "calibration_fit",
    "FINDINGS": "calibration_report",
    "PLOT": "calibration_report",
    "read_findings": "calibration_report",
    "reliability": "calibration_report",
    "Evaluation": "evaluation",
    "evaluate_program": "evaluation",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
