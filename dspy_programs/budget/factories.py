"""From names to objects: model and scorer; the one place where flags and request fields are resolved.

Scorers    offline; sections, judge, outputs with any model; ollama and openrouter: a judge there. With examples, always
           outputs. Without a name and without examples: none.
"""

from pathlib import Path

import dspy

from dspy_programs.budget.measuring.outputs import OutputsScorer, read_examples
from dspy_programs.budget.measuring.scorers import OfflineScorer, Scorer, SectionsScorer
from dspy_programs.errors import UsageError

_SERVERS = ("ollama", "openrouter")
_SCORERS = ("offline", "sections", "judge", "outputs", *_SERVERS)


def model_of(
    scorer: str | None,
    model: str | None = None,
    lm: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
    cache: bool = True,
) -> dspy.LM | None:
    """Return the named language model, with its answers cached on disk; None if none is named, or for `offline`.

    model: at Ollama or OpenRouter; lm: provider/name. Raises UsageError, LanguageModelError.
    """
    _require_scorer(scorer)
    if scorer in _SERVERS:
        from dspy_programs.lm import connected, server_named

        return connected(server_named(scorer or "", model, api_base, api_key), cache)
    if model:
        raise UsageError("--model works only with --scorer ollama or openrouter; name any other model with --lm provider/name")
    if scorer == "offline" or not lm:
        if scorer not in (None, "offline"):
            raise UsageError(f"--scorer {scorer} needs a model: name one with --lm provider/name")
        return None
    from dspy_programs.lm import connect_kept

    return connect_kept(lm, cache, api_base=api_base, api_key=api_key)


def scorer_of(scorer: str | None, model: dspy.LM | None, examples: Path | None = None, judged: bool = False) -> Scorer | None:
    """Return the named scorer; with examples, the outputs scorer; None without either."""
    _require_scorer(scorer)
    if examples or scorer == "outputs":
        return OutputsScorer.on(model, read_examples(examples) if examples and model else (), judged)
    if scorer is None:
        return None
    if model is None:
        return OfflineScorer()
    if scorer == "sections":
        return SectionsScorer(model)
    from dspy_programs.budget.measuring.judge import JudgeScorer

    return JudgeScorer(model, scorer)


def _require_scorer(name: str | None) -> None:
    if name is not None and name not in _SCORERS:
        raise UsageError(f"unknown scorer {name[:60]!r}; choose from {', '.join(_SCORERS)}")
