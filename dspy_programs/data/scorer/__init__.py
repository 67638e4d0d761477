"""How good is a data set? Eleven weighted checks, each finding with rows to look at; what can be mended; counts.

from dspy_programs.data.scorer import score_rows
from dspy_programs.tables import rows_and_faults

score = score_rows(rows_and_faults(Path("pairs.jsonl")))
print(score.total, score.band)

The ten commands of the Dataset Quality Scorer, and what does the same here:

| there       | here                                                                        |
|-------------|-----------------------------------------------------------------------------|
| score       | data score FILE --format terminal|json|html -o OUT --min-score N -c CONFIG  |
| quick       | data score FILE --limit N                                                   |
| analyse     | data score FILE --examples N: each finding with N rows                      |
| compare     | data score-diff A B                                                         |
| fix         | data fix FILE -o OUT, and OUT.changes.jsonl with every change               |
| autofix     | data fix FILE --apply: in place, the old rows kept as FILE.before           |
| stats       | data stats FILE                                                             |
| crosscheck  | data validate -d NAME --checks contamination --against TESTS; score-diff counts the rows that two files share |
| fetch       | data score hf:OWNER/NAME reads the Hub itself; data ingest keeps a copy     |
| llm-review  | data judge                                                                  |
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.scorer.config import (
        MEASURES as MEASURES,
        ScorerConfig as ScorerConfig,
        read_config as read_config,
    )
    from dspy_programs.data.scorer.difference import difference_of as difference_of
    from dspy_programs.data.scorer.result import (
        CheckScore as CheckScore,
        DatasetScore as DatasetScore,
        Example as Example,
        Finding as Finding,
    )
    from dspy_programs.data.scorer.scorer import score_rows as score_rows
    from dspy_programs.data.scorer.stats import stats_of as stats_of

_HOMES = {
    "CheckScore": "result",
    "DatasetScore": "result",
    "Example": "result",
    "Finding": "result",
    "MEASURES": "config",
    "ScorerConfig": "config",
    "difference_of": "difference",
    "read_config": "config",
    "score_rows": "scorer",
    "stats_of": "stats",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
