"""Count a text's tokens as the language model in use does, and report whether the count is exact.

No network access: tiktoken downloads a missing vocabulary at every call, so it is used only if the file is already on this
machine (its own cache, or inside litellm's wheel).

Output     counter_for(lm) -> TokenCounter; `exact` is False for the estimate of text.approximate_tokens, which is high for
           English and counts every CJK character as a token.
"""

import functools
import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiktoken

from dspy_programs.text import approximate_tokens

CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"  # tiktoken names its files by this
_FALLBACK = "cl100k_base"  # the vocabulary for models without one here: common, and in litellm's wheel
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
    """Return the counter of a language model: its engine's own, OpenAI's by the model's name, else the estimate."""
    model = str(getattr(lm, "model", ""))
    if count := getattr(getattr(lm, "engine", None), "count_tokens", None):
        return TokenCounter(model, True, count)
    return openai_counter(model.removeprefix("openai/")) or APPROXIMATE


def counter_named(model: str | None) -> TokenCounter:
    """Return the counter for a model's name: exact for OpenAI's, one of OpenAI's vocabularies for others and for none.

    No weights are downloaded and no model is loaded; without any vocabulary on this machine, it is the estimate.
    """
    known = openai_counter((model or "").removeprefix("openai/"))
    return known or with_vocabulary(_FALLBACK, exact=False) or APPROXIMATE


def openai_counter(model: str) -> TokenCounter | None:
    """Return tiktoken's counter for a model it knows by name; None for others, or if the vocabulary is missing."""
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return None
    return with_vocabulary(name, exact=True)


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
