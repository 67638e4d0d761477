"""The files of a harvest, written as it goes, none of which takes its place before all are complete."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from dspy_programs.atomic_file import opened_atomically

SPLITS = ("train", "val", "test")
FILES = (*SPLITS, "failures", "rejects")


class OutputFiles:
    """The output files of all programs, none of which takes its place before all are complete."""

    def __init__(self, out: Path, modules: Sequence[str]) -> None:
        self._places = {(name, file): out / name / f"{file}.jsonl" for name in modules for file in FILES}
        self._open: dict[tuple[str, str], IO[bytes]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "OutputFiles":
        try:
            for key, path in self._places.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._open[key] = self._stack.enter_context(opened_atomically(path))
        except BaseException as error:
            self._stack.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)
        for path in self._places.values() if error[0] is None else ():
            if path.stem in SPLITS and path.stat().st_size == 0:
                path.unlink()  # an empty split is none

    def write(self, module: str, file: str, line: Mapping[str, Any]) -> None:
        self._open[module, file].write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
