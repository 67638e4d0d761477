"""From names to objects: which model, which scorer, whose tokens; the one place where flags and fields of a request meet.

Scorers    offline; sections, judge, outputs with any model; ollama and openrouter: a judge there. With examples always outputs.
           Without a name: sections where there is a model, else offline.
"""

from pathlib import Path

import dspy

from dspy_programs.budget.scorers import OfflineScorer, Scorer, SectionsScorer
from dspy_programs.errors import UsageError
from dspy_programs.tokens import TokenCounter, counter_for, counter_named

SERVERS = ("ollama", "openrouter")
SCORERS = ("offline", "sections", "judge", "outputs", *SERVERS)


def model_of(
    scorer: str | None,
    model: str | None = None,
    lm: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
    cache: bool = True,
) -> dspy.LM | None:
    """Return the language model that is named, with its answers kept on disk; None where none is, or for `offline`.

    model: at Ollama or OpenRouter; lm: provider/name. Raises UsageError, LanguageModelError.
    """
    require_scorer(scorer)
    if scorer in SERVERS:
        from dspy_programs.budget.servers import connected, server_named

        return connected(server_named(scorer or "", model, api_base, api_key), cache)
    if model:
        raise UsageError("--model goes with --scorer ollama or openrouter; name any other model by --lm provider/name")
    if scorer == "offline" or not lm:
        if scorer not in (None, "offline"):
            raise UsageError(f"--scorer {scorer} needs a model: name it by --lm provider/name")
        return None
    from dspy_programs.lm.cached import connect_kept

    return connect_kept(lm, cache, api_base=api_base, api_key=api_key)


def scorer_of(scorer: str | None, model: dspy.LM | None, examples: Path | None = None) -> Scorer:
    """Return the scorer that is named; with examples, that of outputs."""
    require_scorer(scorer)
    if examples or scorer == "outputs":
        from dspy_programs.budget.outputs import OutputsScorer, read_examples

        if not examples or model is None:
            raise UsageError("to score outputs, name examples by --examples FILE and a model by --lm or --scorer ollama")
        return OutputsScorer(model, read_examples(examples))
    if model is None:
        return OfflineScorer()
    if scorer in (None, "sections"):
        return SectionsScorer(model)
    from dspy_programs.budget.judge import JudgeScorer

    return JudgeScorer(model, scorer or "judge")


def require_scorer(name: str | None) -> None:
    if name is not None and name not in SCORERS:
        raise UsageError(f"there is no scorer {name[:60]!r}; there are: {', '.join(SCORERS)}")


def counter_of(tokens: str | None, model: dspy.LM | None = None) -> TokenCounter:
    """Count as the model named by `tokens`, else as the one in use where its count is known, else by the bundled vocabulary."""
    if tokens or model is None:
        return counter_named(tokens)
    own = counter_for(model)
    return own if own.exact else counter_named(model.model)
