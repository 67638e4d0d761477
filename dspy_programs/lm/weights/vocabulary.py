"""Count tokens as an embedded model does, from the vocabulary in its GGUF file: no weights are loaded, no engine is started.

Input      the file of a model with a byte-level BPE vocabulary (Qwen, SmolLM, Llama 3, GPT-2 and their kin).
Output     token_count(path) -> text -> tokens, as llama.cpp splits it; None for another kind of vocabulary (SentencePiece);
           count_named(name) -> the same for the model of `local/NAME`, None also if its file is not on this machine;
           control_tokens(path) -> the texts that stand for control tokens, of any kind of vocabulary.
Guarantees read once a file, in about a second; the first bytes of the file suffice.
Raises     WeightsError if the file cannot be read.
Source     llama.cpp, src/llama-vocab.cpp: how text is split before the merges, by `tokenizer.ggml.pre`
"""

import functools
from collections.abc import Callable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

from dspy_programs.jsonable import sound
from dspy_programs.lm.weights.gguf import read
from dspy_programs.lm.weights.local_models import LocalModel, file_here, local_model

_CONTRACTIONS = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_CL100K = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}%s| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
_SPLITS: dict[str, tuple[str, ...]] = {
    "qwen2": (_CL100K % "",),
    "llama-bpe": (_CL100K % "{1,3}",),
    "llama3": (_CL100K % "{1,3}",),
    "smollm": (r"\p{N}", _GPT2),
    "gpt-2": (_GPT2,),
}
_WHOLE = ("llama-bpe", "llama3")  # a piece that is a token is not merged
_TOKENS, _MERGES, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type"
_CONTROL, _USER_DEFINED = 3, 4


def count_named(name: str) -> Callable[[str], int] | None:
    """Return the counter of a spec without its `local/`. Raises UnknownModel, WeightsError."""
    return count_of(local_model(name))


def count_of(model: LocalModel) -> Callable[[str], int] | None:
    """Return the counter of a model; None if its file is not here, or its kind of vocabulary not known."""
    path = file_here(model)
    return token_count(path) if path else None


def token_count(path: Path) -> Callable[[str], int] | None:
    """Return the counter of a model's file; None if its kind of vocabulary is not known here."""
    state = path.stat()
    return _token_count(path, state.st_mtime_ns, state.st_size)


def control_tokens(path: Path) -> frozenset[str]:
    """Return the texts that the engine reads as control tokens wherever they stand, of any kind of vocabulary."""
    state = path.stat()
    return _control_tokens(path, state.st_mtime_ns, state.st_size)


@functools.cache
def _control_tokens(path: Path, changed: int, size: int) -> frozenset[str]:
    header = read(path, (_TOKENS, _TYPES))
    kinds = zip(header.wanted.get(_TOKENS, []), header.wanted.get(_TYPES, []), strict=False)
    return frozenset(str(token) for token, kind in kinds if kind == _CONTROL and len(str(token)) > 1)


@functools.cache
def _token_count(path: Path, changed: int, size: int) -> Callable[[str], int] | None:
    header = read(path, (_TOKENS, _MERGES, _TYPES))
    pre = str(header.values.get("tokenizer.ggml.pre", ""))
    if header.values.get("tokenizer.ggml.model") != "gpt2" or pre not in _SPLITS:
        return None
    tokens = [str(token) for token in header.wanted.get(_TOKENS, [])]
    merges = [(left, right) for merge in header.wanted.get(_MERGES, []) for left, _, right in [str(merge).partition(" ")]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    known = [(left, right) for left, right in merges if {left, right, left + right} <= vocabulary.keys()]
    tokenizer = Tokenizer(models.BPE(vocabulary, known, ignore_merges=pre in _WHOLE))
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in _SPLITS[pre]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    types = header.wanted.get(_TYPES, [])
    special = [token for token, kind in zip(tokens, types, strict=False) if kind in (_CONTROL, _USER_DEFINED)]
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return lambda text: len(tokenizer.encode(sound(text), add_special_tokens=False).ids)
