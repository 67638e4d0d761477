"""The user's own GGUF file as a model: `local/PATH.gguf`, absolute, relative or from `~`.

It has no published hash to check, so it is named by its own: `local/FILE@` and the first 8 digits of its SHA-256. So a moved
file is the same model, two files with the same name are two models, and no path of the user's machine gets into a compiled
program. That name can replace the path as long as the file stays where it was read.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.cache import notes_directory
from dspy_programs.lm.weights.gguf import chat_model
from dspy_programs.lm.weights.hashes import known_sha256, remembered, sha256_of
from dspy_programs.lm.weights.messages import say

DIGITS = 8
NAME = re.compile(rf"(?P<file>[^/\\]+)@(?P<digits>[0-9a-f]{{{DIGITS}}})")
_LONG_TO_READ = 1_000_000_000  # bytes; larger files are announced, because reading takes a while


@dataclass(frozen=True)
class OwnFile:
    """A file with a chat model's header."""

    path: Path
    size: int
    sha256: str
    context_tokens: int

    @property
    def file(self) -> str:
        return self.path.name

    @property
    def id(self) -> str:
        return f"{self.path.name}@{self.sha256[:DIGITS]}"


def is_path(name: str) -> bool:
    """Return whether the name after `local/` is a file, by its path or as `FILE@DIGITS`."""
    return bool(re.search(r"[/\\]|\.gguf$", name, re.IGNORECASE) or NAME.fullmatch(name))


def own_file(name: str) -> OwnFile:
    """Read the file's header and its hash, which is remembered.

    Raises     WeightsError if it is not a complete chat model, or cannot be read or found.
    """
    path = _path_of(name)
    header = chat_model(path)
    if header.size > _LONG_TO_READ and known_sha256(path, notes_directory()) is None:
        say(f"Reading {path} once, {header.size / 1e6:,.0f} MB, to identify it by its SHA-256", progress=True)
    try:
        return OwnFile(path, header.size, sha256_of(path, notes_directory()), header.context_tokens)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error


def _path_of(name: str) -> Path:
    try:
        path = Path(name).expanduser().absolute()
        named = NAME.fullmatch(name)
        return path if named is None or path.is_file() else _path_known_as(named["file"], named["digits"])
    except (RuntimeError, ValueError) as error:  # no such user, a null byte
        raise WeightsError(f"{name!r}: not a path on this machine: {error}") from error


def _path_known_as(file: str, digits: str) -> Path:
    found = (known.path for known in remembered(notes_directory()) if known.path.name == file)
    for path in found:
        if (known_sha256(path, notes_directory()) or "").startswith(digits):
            return path
    raise WeightsError(f"no known file {file} has a SHA-256 starting with {digits}; give its path: local/PATH/{file}")


def as_it_was(model: OwnFile) -> Path:
    """Return the path. Raises WeightsError if the file is gone or has changed since it was read."""
    if own_file(str(model.path)) != model:
        raise WeightsError(f"{model.path}: the file has changed since it was read; connect to it again")
    return model.path
