"""A GGUF file of the user's own as a model: `local/PATH.gguf`, absolute, relative or from `~`.

Nobody published a hash that it must have, so it is named by the one it has: `local/FILE@` and the first 8 digits of its
SHA-256. So a file that was moved is the same model, two files of one name are two, and no path of the user's machine gets
into a compiled program. That name can be used instead of the path for as long as the file stays where it was read.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from dspy_programs.errors import WeightsError
from dspy_programs.lm.gguf import chat_model
from dspy_programs.lm.hashes import known_sha256, remembered, sha256_of
from dspy_programs.lm.weights import notes_directory, say

DIGITS = 8
NAME = re.compile(rf"(?P<file>[^/\\]+)@(?P<digits>[0-9a-f]{{{DIGITS}}})")
LONG_TO_READ = 1_000_000_000  # bytes; what takes longer than a moment is said


@dataclass(frozen=True)
class OwnFile:
    """A file that was read: its header is a chat model's."""

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
    """Tell whether what stands behind `local/` names a file, by its path or as `FILE@DIGITS`."""
    return bool(re.search(r"[/\\]|\.gguf$", name, re.IGNORECASE) or NAME.fullmatch(name))


def own_file(name: str) -> OwnFile:
    """Read the header of the file that `name` stands for, and its hash, which is remembered.

    Raises     WeightsError when it is no whole chat model, or cannot be read or found.
    """
    path = path_of(name)
    header = chat_model(path)
    if header.size > LONG_TO_READ and known_sha256(path, notes_directory()) is None:
        say(f"Reading {path} once, {header.size / 1e6:,.0f} MB, to know it by its SHA-256", progress=True)
    try:
        return OwnFile(path, header.size, sha256_of(path, notes_directory()), header.context_tokens)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error


def path_of(name: str) -> Path:
    try:
        path = Path(name).expanduser().absolute()
        named = NAME.fullmatch(name)
        return path if named is None or path.is_file() else path_known_as(named["file"], named["digits"])
    except (RuntimeError, ValueError) as error:  # no such user, a null byte
        raise WeightsError(f"{name!r}: not a path of this machine: {error}") from error


def path_known_as(file: str, digits: str) -> Path:
    found = (known.path for known in remembered(notes_directory()) if known.path.name == file)
    for path in found:
        if (known_sha256(path, notes_directory()) or "").startswith(digits):
            return path
    raise WeightsError(f"no file {file} whose SHA-256 begins with {digits} is known here; give its path: local/PATH/{file}")


def as_it_was(model: OwnFile) -> Path:
    """Return the path. Raises WeightsError when the file has gone or changed since it was read."""
    if own_file(str(model.path)) != model:
        raise WeightsError(f"{model.path}: the file is another one than before; connect to it again")
    return model.path
