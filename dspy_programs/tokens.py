"""Count a text's tokens as the language model in use does, and report whether the count is exact.

No network access: tiktoken downloads a missing vocabulary at every call, so it is used only if the file is already on this
machine (its own cache, or inside litellm's wheel).

Input      a model, or its name as a spec or as routers write it: openrouter/openai/gpt-4o, azure/gpt-4o, a dated or tuned name.
Output     counter_for(lm), counter_named(model) -> TokenCounter. `exact`: the model's own vocabulary counts. Otherwise its
           name says by what is estimated: another vocabulary with a margin, or text.approximate_tokens.

| model | counted by |
|---|---|
| OpenAI's, under any provider | tiktoken's vocabulary for the name; for one that it does not know, o200k_base, inexact |
| local/... | the vocabulary in the GGUF file, if that is on this machine; nothing is loaded |
| a model of the Hub | its tokenizer.json, if that is in the Hub's cache on this machine |
| Claude, Gemini (no public vocabulary) and others | cl100k_base with each digit as a token, times a margin that errs high |
"""

import functools
import hashlib
import importlib.util
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tiktoken

from dspy_programs.jsonable import sound
from dspy_programs.text import approximate_tokens

_LOCAL = "local/"
_SAME = {"o200k_harmony": "o200k_base"}  # the same words; only its signs for roles are other ones
CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"  # tiktoken names its files by this
_FALLBACK = "cl100k_base"  # the vocabulary for models without one here: common, and in litellm's wheel
_NEWEST = "o200k_base"
_OPENAI = re.compile(r"(ft:)?(gpt-|chatgpt-|o\d|codex-)")  # a name of theirs, also one that tiktoken does not know
_NEW_CLAUDE = r"claude-([a-z]+-)?([5-9]|4[.-][7-9])(?!\d)"
_MARGINS = ((_NEW_CLAUDE, 1.75), (r"claude", 1.35), (r"gemini|gemma", 1.15), (r"qwen", 1.1), (r"", 1.25))
"""What cl100k's count, with each digit as a token, is multiplied by, by the start of a model's name.

Claude 3.5 was measured at 1.2 to 1.3 times GPT's tokens (by others, 2024), and Anthropic gives 1.0 to 1.35 times that from 4.7
on. Qwen: python -m tests.tokens_sent. Gemini and the rest: an estimate.
"""
_DIGITS = re.compile(r"\d+")
SHIPPED = Path("litellm_core_utils", "tokenizers")  # inside litellm


@dataclass(frozen=True)
class TokenCounter:
    """name: of the tokenizer; count: text -> tokens; model: its bare name, whose rules for frames and pictures hold."""

    name: str
    exact: bool
    count: Callable[[str], int]
    model: str = ""


APPROXIMATE = TokenCounter("approximate", False, approximate_tokens)


def counter_for(lm: Any) -> TokenCounter:
    """Return the counter of a language model: its engine's own, else that of its name."""
    model = str(getattr(lm, "model", ""))
    if count := getattr(getattr(lm, "engine", None), "count_tokens", None):
        return TokenCounter(model, True, count, bare(model))
    return _estimate(model) if model.startswith(_LOCAL) else counter_named(model)  # a name of its own, with its own engine


def counter_named(model: str | None) -> TokenCounter:
    """Return the counter for a model's name, with no weights loaded and nothing downloaded; for none, cl100k's vocabulary.

    Raises     UnknownModel, WeightsError for a `local/` name that is no model's.
    """
    if not model:
        return with_vocabulary(_FALLBACK, exact=False) or APPROXIMATE
    return openai_counter(model) or _local_counter(model) or _hub_counter(model) or _estimate(model)


def bare(model: str) -> str:
    """Return a model's own name, without its providers and a router's variant: gpt-4o of openrouter/openai/gpt-4o:free."""
    name = model.rpartition("/")[2].lower()
    name = name if name.startswith("ft:") else name.partition(":")[0]
    return name.rpartition("anthropic.")[2] if "anthropic." in name else name  # Bedrock


def openai_counter(model: str) -> TokenCounter | None:
    """Return tiktoken's counter for a model of OpenAI's, under any provider; None for others, or without its vocabulary."""
    if model.startswith(_LOCAL):
        return None
    name, exact = bare(model), True
    try:
        vocabulary = _SAME.get(vocabulary := tiktoken.encoding_name_for_model(name), vocabulary)
    except KeyError:
        if not _OPENAI.match(name):
            return None
        vocabulary, exact = _NEWEST, False
    found = with_vocabulary(vocabulary, exact)
    return replace(found, model=name.removeprefix("ft:")) if found else None


def _local_counter(model: str) -> TokenCounter | None:
    """Return the counter of an embedded model from its file; None for another model, or if the file is not here."""
    if not model.startswith(_LOCAL):
        return None
    from dspy_programs.lm.weights.vocabulary import count_named  # only here: it imports the Hub's client

    count = count_named(model.removeprefix(_LOCAL))
    return TokenCounter(model, True, count, bare(model)) if count else None


@functools.cache
def _hub_counter(model: str) -> TokenCounter | None:
    """Return the counter of a model whose tokenizer is in the Hub's cache on this machine."""
    owner, _, name = model.rpartition("/")
    repo = f"{owner.rpartition('/')[2]}/{name.partition(':')[0]}"
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo) or model.startswith(_LOCAL):
        return None
    try:
        from huggingface_hub import try_to_load_from_cache
        from tokenizers import Tokenizer

        path = try_to_load_from_cache(repo, "tokenizer.json", cache_dir=os.environ.get("HF_HUB_CACHE"))
        tokenizer = Tokenizer.from_file(path) if isinstance(path, str) else None
    except Exception:  # of many kinds for a damaged file or cache: the estimate counts then, and says so
        return None
    if tokenizer is None:
        return None

    def count(text: str) -> int:
        return len(tokenizer.encode(sound(text), add_special_tokens=False).ids)

    return TokenCounter(f"tokenizer of {repo}", True, count, bare(model))


def _estimate(model: str) -> TokenCounter:
    """Return one of OpenAI's vocabularies with a margin: other ones have fewer words, and many count each digit."""
    known, name = with_vocabulary(_FALLBACK, exact=False), bare(model)
    if known is None:
        return replace(APPROXIMATE, model=name)
    margin = next(margin for start, margin in _MARGINS if re.match(start, name))

    def count(text: str) -> int:
        digits = sum(len(run) - -(-len(run) // 3) for run in _DIGITS.findall(text))
        return math.ceil(margin * (known.count(text) + digits))

    missing = "; its file is not on this machine" if model.startswith(_LOCAL) else ""
    return TokenCounter(f"{known.name} * {margin}, each digit a token{missing}", False, count, name)


@functools.cache
def with_vocabulary(name: str, exact: bool) -> TokenCounter | None:
    """Return tiktoken's counter with a vocabulary on this machine, else None."""
    folder = next((folder for folder in caches() if (folder / _file_of(name)).is_file()), None)
    if folder is None:
        return None
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    try:
        encoding = tiktoken.get_encoding(name)
    finally:
        if before is None:
            del os.environ[CACHE_VARIABLE]
        else:
            os.environ[CACHE_VARIABLE] = before
    return TokenCounter(f"tiktoken {name}", exact, lambda text: len(encoding.encode_ordinary(text)))


def caches() -> list[Path]:
    own = os.environ.get(CACHE_VARIABLE)
    litellm = importlib.util.find_spec("litellm")  # found, not imported: importing it takes seconds
    shipped = [Path(litellm.origin).parent / SHIPPED] if litellm and litellm.origin else []
    return ([Path(own)] if own else []) + shipped


def _file_of(encoding: str) -> str:
    return hashlib.sha1(VOCABULARY.format(encoding).encode(errors="replace"), usedforsecurity=False).hexdigest()
