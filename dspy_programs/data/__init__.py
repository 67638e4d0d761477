"""Training data from nothing to a gate: read, check, judge, label, grow, export.

from dspy_programs.data import DataFolder, read_pairs

for pair in read_pairs(DataFolder().existing("mine")):
    print(pair.instruction)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.checks import (
        CheckOptions as CheckOptions,
        ValidationReport as ValidationReport,
        Validator as Validator,
    )
    from dspy_programs.data.export.export import Exported as Exported, Selection as Selection, export_pairs as export_pairs
    from dspy_programs.data.export.hub import push_export as push_export
    from dspy_programs.data.expressions import Expression as Expression
    from dspy_programs.data.folder import DataFolder as DataFolder
    from dspy_programs.data.growing.cycle_state import metrics_of as metrics_of
    from dspy_programs.data.growing.growth import Grown as Grown, grow as grow
    from dspy_programs.data.growing.request import Settings as Settings
    from dspy_programs.data.growing.seed import Seed as Seed
    from dspy_programs.data.growing.writing import Writer as Writer
    from dspy_programs.data.judging.async_judge import (
        AsyncQualityJudge as AsyncQualityJudge,
        default_rubric as default_rubric,
    )
    from dspy_programs.data.judging.cache import JudgmentCache as JudgmentCache
    from dspy_programs.data.judging.calibration import Calibration as Calibration, require_trusted as require_trusted
    from dspy_programs.data.judging.judged import Judgments as Judgments
    from dspy_programs.data.judging.judges import Unjudged as Unjudged
    from dspy_programs.data.judging.judgment import Judgment as Judgment
    from dspy_programs.data.judging.judgments_file import read_judgments as read_judgments
    from dspy_programs.data.judging.measuring import calibration_of as calibration_of, comparison_of as comparison_of
    from dspy_programs.data.judging.statistics import (
        cohens_kappa as cohens_kappa,
        fleiss_kappa as fleiss_kappa,
        pearson as pearson,
        prf as prf,
    )
    from dspy_programs.data.judging.which_model import get_backend as get_backend
    from dspy_programs.data.labels.label import Label as Label
    from dspy_programs.data.labels.store import LabelStore as LabelStore
    from dspy_programs.data.pair import DataPair as DataPair
    from dspy_programs.data.pairs_file import as_line as as_line, read_pairs as read_pairs
    from dspy_programs.data.pipeline import read_pipeline as read_pipeline, run_pipeline as run_pipeline
    from dspy_programs.data.reading import ingest as ingest, load_dataset_jsonl as load_dataset_jsonl
    from dspy_programs.data.reports import overview_of as overview_of, pairs_diff as pairs_diff
    from dspy_programs.data.scorer import DatasetScore as DatasetScore, ScorerConfig as ScorerConfig, score_rows as score_rows

_HOMES = {
    "CheckOptions": "checks",
    "DataFolder": "folder",
    "Grown": "growing.growth",
    "Seed": "growing.seed",
    "Settings": "growing.request",
    "Writer": "growing.writing",
    "grow": "growing.growth",
    "AsyncQualityJudge": "judging.async_judge",
    "default_rubric": "judging.async_judge",
    "JudgmentCache": "judging.cache",
    "Calibration": "judging.calibration",
    "require_trusted": "judging.calibration",
    "Unjudged": "judging.judges",
    "Judgment": "judging.judgment",
    "read_judgments": "judging.judgments_file",
    "calibration_of": "judging.measuring",
    "comparison_of": "judging.measuring",
    "cohens_kappa": "judging.statistics",
    "fleiss_kappa": "judging.statistics",
    "pearson": "judging.statistics",
    "prf": "judging.statistics",
    "get_backend": "judging.which_model",
    "DataPair": "pair",
    "Expression": "expressions",
    "Judgments": "judging.judged",
    "Label": "labels.label",
    "LabelStore": "labels.store",
    "Exported": "export.export",
    "Selection": "export.export",
    "export_pairs": "export.export",
    "push_export": "export.hub",
    "metrics_of": "growing.cycle_state",
    "ingest": "reading",
    "load_dataset_jsonl": "reading",
    "DatasetScore": "scorer",
    "ScorerConfig": "scorer",
    "ValidationReport": "checks",
    "Validator": "checks",
    "overview_of": "reports",
    "pairs_diff": "reports",
    "as_line": "pairs_file",
    "read_pairs": "pairs_file",
    "read_pipeline": "pipeline",
    "run_pipeline": "pipeline",
    "score_rows": "scorer",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
