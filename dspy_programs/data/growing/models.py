"""Models whose answers a growth keeps: a cycle that was cut asks them again for nothing.

The file of answers is the growth's own and has no age limit; the judge's opinions are in the cache that all judging shares.
"""

import math
from typing import TYPE_CHECKING

from dspy_programs.data.growing.cycle import Judge
from dspy_programs.data.growing.growth_files import GrowthFiles
from dspy_programs.data.growing.writing import Writer
from dspy_programs.data.judging.cache import JudgmentCache
from dspy_programs.data.judging.judges import ModelJudge, RulesJudge
from dspy_programs.data.judging.panel import Panel
from dspy_programs.data.judging.which_model import Spec, connected

if TYPE_CHECKING:
    from dspy_programs.data.spending import Meter
    from dspy_programs.types import Rubric

_TEMPERATURE, _REPLY_TOKENS, _SECONDS = 0.7, 2048, 120.0  # the data flywheel's


def writer_on(
    spec: Spec | None,
    files: GrowthFiles,
    meter: "Meter",
    temperature: float | None = None,
    reply_tokens: int | None = None,
    timeout: float | None = None,
) -> Writer:
    """Return who writes pairs: a model, its answers kept with the growth; rules without one."""
    if spec is None:
        return Writer()
    from dspy_programs.lm import AnswerCache, CachedEngine, decoding, wrap

    warm = _TEMPERATURE if temperature is None else temperature
    lm = connected(spec, meter, warm, reply_tokens or _REPLY_TOKENS, timeout or _SECONDS)
    files.checkpoints.mkdir(parents=True, exist_ok=True)
    kept = CachedEngine(lm, AnswerCache(files.answers, ttl_seconds=math.inf, most_bytes=10**12))
    return Writer(wrap(kept, lm.model, **decoding(lm)))


def judge_on(spec: Spec | None, rubric: "Rubric", files: GrowthFiles, meter: "Meter") -> Judge:
    """Return who judges: a model at temperature 0; rules without one."""
    if spec is None:
        return Panel([RulesJudge(rubric)], rubric, tag="rules").judgment
    cache = JudgmentCache(files.folder.judgment_cache)
    return Panel([ModelJudge(connected(spec, meter), rubric)], rubric, cache=cache, tag=files.dataset).judgment
