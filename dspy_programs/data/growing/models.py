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
from dspy_programs.types import Criterion, Rubric

if TYPE_CHECKING:
    from dspy_programs.data.limits import Meter

_TEMPERATURE, _REPLY_TOKENS, _SECONDS = 0.7, 2048, 120.0  # the data flywheel's

_FORM = Rubric(
    name="form",
    description="Whether an answer is about what was asked, in the form that was asked for.",
    criteria=[
        Criterion(name="correctness", description="is about what was asked, in the form that was asked for", weight=2),
        Criterion(name="clarity", description="nothing repeated", weight=1),
    ],
    pass_condition="overall >= 0.6 and correctness >= 0.5",
)

WRITTEN = Rubric(
    name="written",
    description="Whether an answer that has none of the faults of faults.py repeats itself; a short one need not say more.",
    criteria=[Criterion(name="clarity", description="nothing repeated")],
    pass_condition="clarity >= 0.6",
)
"""For rules that judge what a model wrote."""


def writer_on(
    spec: Spec | None,
    files: GrowthFiles,
    meter: "Meter",
    temperature: float | None = None,
    reply_tokens: int | None = None,
    timeout: float | None = None,
    top_p: float | None = None,
) -> Writer:
    """Return who writes pairs: a model, its answers kept with the growth; rules without one."""
    if spec is None:
        return Writer()
    from dspy_programs.lm import AnswerCache, CachedEngine, decoding, wrap

    warm = _TEMPERATURE if temperature is None else temperature
    lm = connected(spec, meter, warm, reply_tokens or _REPLY_TOKENS, timeout or _SECONDS, top_p)
    files.checkpoints.mkdir(parents=True, exist_ok=True)
    kept = CachedEngine(lm, AnswerCache(files.answers, ttl_seconds=math.inf, most_bytes=10**12))
    return Writer(wrap(kept, lm.model, **decoding(lm)))


def judge_by_rules(rubric: Rubric | None = None) -> Judge:
    """Return rules that judge; by default only the form, for a right answer may be a single word."""
    rubric = rubric or _FORM
    return Panel([RulesJudge(rubric)], rubric, tag="rules").judgment


def judge_on(spec: Spec, rubric: Rubric, files: GrowthFiles, meter: "Meter") -> Judge:
    """Return a model that judges, at temperature 0."""
    cache = JudgmentCache(files.folder.judgment_cache)
    return Panel([ModelJudge(connected(spec, meter), rubric)], rubric, cache=cache, tag=files.dataset).judgment
