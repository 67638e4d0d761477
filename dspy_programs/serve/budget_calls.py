"""What the servers ask of a prompt: what its sections cost, and which it can do without."""

from collections.abc import Sequence

from dspy_programs.budget import (
    DEFAULT_RUBRIC,
    Analysis,
    Example,
    NegotiationResult,
    Negotiator,
    OutputsScorer,
    Scorer,
    SectionsScorer,
    analyze,
)
from dspy_programs.errors import UsageError
from dspy_programs.model_in_use import model_in_use
from dspy_programs.serve import requests as asked
from dspy_programs.serve.worker_pool import Progress
from dspy_programs.tokens import TokenCounter, counter_for, counter_named
from dspy_programs.types import Section


def analyze_prompt(request: asked.AnalyzePrompt, progress: Progress) -> Analysis:
    progress(0, 1)
    return analyze(_sections_of(request.sections), _counter_of(request.model))


def negotiate_prompt(request: asked.NegotiatePrompt, progress: Progress) -> NegotiationResult:
    progress(0, 0)
    lm = model_in_use()
    if request.examples:
        examples = [Example.model_validate(example.model_dump()) for example in request.examples]
        scorer: Scorer | None = OutputsScorer.on(lm, examples, judged=request.rubric is not None)
    else:
        scorer = None if lm is None else SectionsScorer(lm)
    limits = (request.quality_threshold, request.min_token_savings, request.max_token_savings)
    counter = _counter_of(request.model)
    negotiator = Negotiator(scorer, *limits, strategies=request.strategies, allow=request.allow, counter=counter)
    rubric = request.rubric.model_dump() if request.rubric else DEFAULT_RUBRIC
    return negotiator.negotiate(_sections_of(request.sections), rubric, request.target_task, progress)


def _sections_of(sections: Sequence[asked.PromptSection]) -> list[Section]:
    return [Section.model_validate(section.model_dump()) for section in sections]


def _counter_of(model: str | None) -> TokenCounter:
    """Count as the named model does, else as the server's own, else with a shipped vocabulary."""
    return counter_for(model_in_use()) if model is None else counter_named(named(model))


def named(model: str) -> str:
    """Return the name of a model whose tokens count. Raises UsageError for a path."""
    if model.startswith("local/") and (model.count("/") > 1 or model.endswith(".gguf")):
        raise UsageError("model: a path; name a model, such as openai/gpt-4.1-mini: requests open no files of the server")
    return model
