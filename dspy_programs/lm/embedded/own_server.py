"""A llama.cpp server that the user runs, which answers for every `local/...`: it must be one, and run the model.

Raises     LanguageModelError with what to mend.
"""

import os
import re
from pathlib import Path

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm.embedded.llama_server import LlamaServer, ServerGone
from dspy_programs.lm.weights.hub import within
from dspy_programs.lm.weights.local_models import LocalModel

LLAMA_VARIABLE = "DSPY_PROGRAMS_LLAMA"
_LLAMA_KEY_VARIABLE = "LLAMA_API_KEY"  # also read by llama-server itself
_LLAMA_SECONDS = 5.0  # for your own server to say what it is


def server_at(url: str, weights: LocalModel) -> LlamaServer:
    """Return the server at `url`. Raises LanguageModelError if it does not answer, or says it runs another model."""
    try:
        server = LlamaServer(url, os.environ.get(_LLAMA_KEY_VARIABLE, "").strip())
        runs = {re.split(r"[/\\]", name)[-1].lower() for name in _names_at(server)}
    except (ServerGone, LanguageModelError) as error:
        mend = f"fix or unset {LLAMA_VARIABLE}; if the server requires a key, set {_LLAMA_KEY_VARIABLE}"
        raise LanguageModelError(f"{error}; {mend}") from error
    ours = {name.lower() for name in (weights.id, weights.file, Path(weights.file).stem)}
    if not runs & ours and any(name.endswith(".gguf") for name in runs):  # any other name is an alias, which proves nothing
        raise LanguageModelError(
            f"{server.listening_address} runs {', '.join(sorted(runs))[:200]}, not {weights.file}; start llama-server with "
            f"that file (or with --alias {weights.id} if it is that model), or unset {LLAMA_VARIABLE}"
        )
    return server


def _names_at(server: LlamaServer) -> list[str]:
    """Return a server's names for its models, once it has counted tokens: only llama.cpp's does, and only with its key.

    Raises     ServerGone, LanguageModelError.
    """

    def asked() -> list[str]:
        names = server.model_names()
        server.count_tokens("")
        return names

    try:
        return within(_LLAMA_SECONDS, asked)
    except TimeoutError as error:
        raise LanguageModelError(f"{server.listening_address}: {error}") from None
