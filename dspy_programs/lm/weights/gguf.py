"""Reads the header of a GGUF file and checks that the file is a complete chat model that the engine can run.

Reads the metadata and the table of tensors, not the weights: milliseconds, whatever the size. Nothing in the file is
trusted: every length is checked against the rest of the file.

Output     read(path) -> Header; chat_model(path) -> Header of a model that can chat. A list is read only if it is wanted.
Raises     WeightsError, one line: what is wrong with the file and what to use instead.
Source     the GGUF specification of ggml: docs/gguf.md; sizes of blocks from ggml's type traits
"""

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dspy_programs.errors import WeightsError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_LONGEST_TEXT = 16_000_000  # bytes; a chat template has thousands
_MOST_ENTRIES = 4_000_000  # of a list of strings, or of tensors; the largest vocabulary has 300,000 tokens
_ALIGNMENT = 32
_SCALARS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}  # number of a type -> its code in `struct`
TEXT, LIST = 8, 9
_TEMPLATE = re.compile(r"tokenizer\.chat_template(\..+|s)?")
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$", re.IGNORECASE)
_NO_CHAT = ("bert", "t5encoder", "embedding", "clip", "mmproj", "wavtokenizer")  # in the name of an architecture
SIZES = {
    1: {0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2},
    32: {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 9: 36, 20: 18, 39: 17},
    256: {10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 15: 292, 16: 66, 17: 74, 18: 98, 19: 50, 21: 110, 22: 82, 23: 136}
    | {29: 56, 34: 54, 35: 66},
}
"""Values in a block -> number of a tensor's type -> bytes of a block."""
_BLOCKS = {kind: (values, size) for values, sizes in SIZES.items() for kind, size in sizes.items()}

_Value = str | int | float | bool


@dataclass(frozen=True)
class _Header:
    values: dict[str, _Value]
    """Every value that is not a list, by key."""
    lists: frozenset[str]
    size: int
    """Actual bytes of the file."""
    least: int
    """Bytes it must have for all its tensors; one of unknown type counts as one byte."""
    wanted: dict[str, list[_Value]] = field(default_factory=dict)
    """The lists that were asked for, by key."""

    @property
    def architecture(self) -> str:
        return str(self.values.get("general.architecture", ""))

    @property
    def context_tokens(self) -> int:
        """The longest context the model was trained for; 0 if the file does not say."""
        found = self.values.get(f"{self.architecture}.context_length", 0)
        return found if isinstance(found, int) else 0

    @property
    def has_chat_template(self) -> bool:
        return any(_TEMPLATE.fullmatch(key) for key in self.lists.union(self.values))

    @property
    def embeds(self) -> bool:
        """Whether it turns texts into vectors or ranks them."""
        pooling = self.values.get(f"{self.architecture}.pooling_type", 0)
        causal = self.values.get(f"{self.architecture}.attention.causal", True)
        return bool(pooling) or not causal or any(word in self.architecture for word in _NO_CHAT)

    @property
    def parts(self) -> int:
        found = self.values.get("split.count", 1)
        return found if isinstance(found, int) else 1


def chat_model(path: Path, name: str | None = None) -> _Header:
    """Return the header of a file that the engine can run. name: the file's real name, if it has a temporary one."""
    header = read(path)
    if reason := _unfit(header, name or path.name):
        raise WeightsError(f"{path}: {reason}")
    return header


def _unfit(header: _Header, name: str) -> str:
    """Say why a file is not a complete chat model; "" if it is one."""
    pieces = _SPLIT.search(name)
    if header.parts > 1 or (pieces and int(pieces[2]) > 1):
        return "one piece of a split model; join the pieces first: llama-gguf-split --merge FIRST-PIECE WHOLE.gguf"
    if header.size < header.least:
        return f"cut off: {header.size:,} bytes of at least {header.least:,}; download it again"
    kind = header.values.get("general.type", "model")
    if kind != "model":
        return f"contains {short(kind)}, not a model; use the model's own file"
    if not header.architecture or header.context_tokens < 1:
        return "does not declare its architecture or context length; use another conversion of the model"
    if header.embeds:
        return f"a model for embeddings or images ({short(header.architecture)}), which cannot chat; use a chat model"
    if not header.has_chat_template:
        return "has no chat template, so it is a base model; use its instruct or chat version"
    return ""


def read(path: Path, wanted: Collection[str] = ()) -> _Header:
    """Return the header of a GGUF file, with the lists of these keys. Raises WeightsError if it cannot be read."""
    try:
        if not path.exists():
            raise WeightsError(f"{path}: no such file")
        if not path.is_file():
            raise WeightsError(f"{path}: not a file; give the GGUF file itself")
        with path.open("rb") as file:
            return _Reader(file, path).header(wanted)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{path}: cannot be read: {reason}") from error


class _Reader:
    """Reads one file from its start."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.size = path.stat().st_size

    def header(self, wanted: Collection[str] = ()) -> _Header:
        self.require_magic()
        tensors, count = self.number("Q"), self.number("Q")
        values: dict[str, _Value] = {}
        lists, found = set(), {}
        for _ in range(self.bounded(count)):
            key, kind = self.text(), self.number("I")
            if kind == LIST and key in wanted:
                found[key] = self.list_()
            elif kind == LIST:
                self.skip_list()
                lists.add(key)
            else:
                values[key] = self.value(kind)
        alignment = values.get("general.alignment", _ALIGNMENT)
        end = self.end_of_tensors(tensors)
        start = self.file.tell()
        if isinstance(alignment, int) and alignment > 0:
            start += -start % alignment
        return _Header(values, frozenset(lists), self.size, start + end if tensors else start, found)

    def require_magic(self) -> None:
        magic = self.file.read(4)
        if magic == b"vers":
            raise self.fault("a Git LFS pointer, not the file itself; download it: git lfs pull")
        if magic != _MAGIC:
            raise self.fault(f"not a GGUF file (it starts with {magic!r}); use a file that ends in .gguf")
        if (version := self.number("I")) not in _VERSIONS:
            raise self.fault(f"GGUF version {version}, which is not supported; use a newer conversion of the model")

    def value(self, kind: int) -> _Value:
        if kind == TEXT:
            return self.text()
        if kind not in _SCALARS:
            raise self.fault(f"damaged: a value of unknown type {kind}; download it again")
        found: _Value = struct.unpack(f"<{_SCALARS[kind]}", self.take(struct.calcsize(_SCALARS[kind])))[0]
        return found

    def list_(self) -> list[_Value]:
        kind, count = self.number("I"), self.number("Q")
        return [self.value(kind) for _ in range(self.bounded(count))]

    def skip_list(self) -> None:
        kind, count = self.number("I"), self.number("Q")
        if kind in _SCALARS:
            self.skip(count * struct.calcsize(_SCALARS[kind]))
        elif kind == TEXT:
            self.skip_texts(self.bounded(count))
        else:
            raise self.fault(f"damaged: a list of unknown type {kind}; download it again")

    def skip_texts(self, count: int) -> None:
        """A vocabulary has 300,000 of them, so this loop makes no unnecessary calls."""
        read, length_of = self.file.read, struct.Struct("<Q").unpack
        for _ in range(count):
            head = read(8)
            length = length_of(head)[0] if len(head) == 8 else _LONGEST_TEXT
            if length >= _LONGEST_TEXT or len(read(length)) < length:
                raise self.cut_off()

    def end_of_tensors(self, count: int) -> int:
        """Return how many bytes of data the table of tensors requires."""
        end = 0
        for _ in range(self.bounded(count)):
            self.skip(self.number("Q"))
            values = 1
            for _ in range(self.bounded(self.number("I"), most=8)):
                values *= self.number("Q")
            kind, offset = self.number("I"), self.number("Q")
            block, size = _BLOCKS.get(kind, (values or 1, 1))
            end = max(end, offset + values // block * size)
        return end

    def number(self, code: str) -> int:
        return int(struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0])

    def text(self) -> str:
        return self.take(self.bounded(self.number("Q"), _LONGEST_TEXT)).decode("utf-8", "replace")

    def take(self, count: int) -> bytes:
        found = self.file.read(count)
        if len(found) < count:
            raise self.cut_off()
        return found

    def skip(self, count: int) -> None:
        if count > self.size - self.file.tell():
            raise self.cut_off()
        self.file.seek(count, 1)

    def bounded(self, count: int, most: int = _MOST_ENTRIES) -> int:
        if count > most:
            raise self.fault(f"damaged: a length of {count:,} in its header; download it again")
        return count

    def cut_off(self) -> WeightsError:
        return self.fault(f"cut off in its header, after {self.size:,} bytes, or damaged; download it again")

    def fault(self, reason: str) -> WeightsError:
        return WeightsError(f"{self.path}: {reason}")


def short(value: _Value) -> str:
    return repr(value)[:60]
