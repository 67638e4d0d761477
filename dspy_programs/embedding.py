"""Texts as vectors, without a network: WordLlama's static embeddings, whose weights ship in its wheel."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dspy_programs.errors import MissingExtra


def embed_texts(texts: list[str]) -> npt.NDArray[np.float64]:
    """Return one vector of length 1 for each text; zeros for one without a token.

    Raises MissingExtra if the package `wordllama` is not installed. It is loaded at the first call.
    """
    if not texts:
        return np.zeros((0, 0))
    vectors = np.asarray(loaded().embed(texts, norm=False), dtype=np.float64)
    vectors = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


@functools.cache
def loaded() -> Any:
    try:
        import wordllama
    except ImportError as error:
        raise MissingExtra('comparing texts needs wordllama; install it: pip install "dspy-programs[embed]"') from error
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
