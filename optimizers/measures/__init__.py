"""Programs and judges measured: on unseen rows, against people, as probabilities."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.measures.calibration import (
        VERDICTS as VERDICTS,
        calibrate as calibrate,
        gate as gate,
        save_calibration as save_calibration,
        summary as summary,
    )
    from optimizers.measures.confidence_fit import records_of as records_of
    from optimizers.measures.confidence_report import (
        FINDINGS as FINDINGS,
        PLOT as PLOT,
        read_findings as read_findings,
        reliability as reliability,
    )
    from optimizers.measures.evaluation import Evaluation as Evaluation, evaluate_program as evaluate_program

_HOMES = {
    "VERDICTS": "calibration",
    "calibrate": "calibration",
    "gate": "calibration",
    "save_calibration": "calibration",
    "summary": "calibration",
    "records_of": "confidence_fit",
    "FINDINGS": "confidence_report",
    "PLOT": "confidence_report",
    "read_findings": "confidence_report",
    "reliability": "confidence_report",
    "Evaluation": "evaluation",
    "evaluate_program": "evaluation",
}

__getattr__ = exports(__name__, _HOMES)
