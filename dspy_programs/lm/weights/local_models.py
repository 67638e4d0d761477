"""What `local/...` refers to, and where it is on this machine.

local/qwen2.5-coder-1.5b           from the catalogue: downloaded and checked against the publisher's hash
local/PATH.gguf                    the user's own file, identified by its name and hash from then on
local/hf:OWNER/REPO/FILE.gguf      a file on the Hub, pinned at the first download
"""

from pathlib import Path
from typing import NamedTuple

from dspy_programs.lm.weights.catalog import CATALOG, Weights, find
from dspy_programs.lm.weights.gguf import chat_model
from dspy_programs.lm.weights.hub_file import PREFIX, HubFile, fetch_pinned, hub_file
from dspy_programs.lm.weights.own_file import NAME, OwnFile, as_it_was, is_path, own_file
from dspy_programs.lm.weights.weights import fetch, file_of

LOCAL = "local/"
LocalModel = Weights | OwnFile | HubFile


class Located(NamedTuple):
    """A verified local file. size: bytes; context_tokens: the longest context the model was trained for."""

    path: Path
    size: int
    context_tokens: int
    sha256: str


def local_model(name: str) -> LocalModel:
    """Return the model of a spec without its `local/`; only a path is read, nothing is downloaded.

    Raises     UnknownModel, LanguageModelError, WeightsError.
    """
    if name.startswith(PREFIX):
        return hub_file(name)
    return own_file(name) if name not in CATALOG and is_path(name) else find(name)


def canonical(spec: str) -> str:
    """Return a model's canonical name: a path becomes `local/FILE@DIGITS`, every other spec is unchanged.

    Raises     WeightsError if the path is not a chat model.
    """
    name = spec.removeprefix(LOCAL)
    if name == spec or name in CATALOG or name.startswith(PREFIX) or not is_path(name):
        return spec
    if NAME.fullmatch(name) and not Path(name).is_file():
        return spec  # already canonical; whether the file still exists matters only when it is loaded
    return LOCAL + own_file(name).id


def file_here(model: LocalModel) -> Path | None:
    """Return the model's file if it is on this machine. Nothing is downloaded, and only its size is checked."""
    if isinstance(model, Weights):
        return file_of(model)
    path = model.path if isinstance(model, OwnFile) else model.place
    return path if path.is_file() else None


def located(model: LocalModel) -> Located:
    """Download the model's file if needed, and check it. Raises WeightsError."""
    if isinstance(model, Weights):
        return Located(fetch(model), model.size, model.context_tokens, model.sha256)
    if isinstance(model, OwnFile):
        return Located(as_it_was(model), model.size, model.context_tokens, model.sha256)
    path, pin = fetch_pinned(model)
    return Located(path, pin.size, chat_model(path, model.file).context_tokens, pin.sha256)
