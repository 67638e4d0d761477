"""Finds each split's rows: in a file, a folder, a saved Hugging Face `datasets` folder, or a Hub dataset.

Nothing is read before it is needed, and `datasets` is imported only for what it alone can read.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.tables.arrow import arrow_rows
from dspy_programs.tables.files import FORMATS, by_split, ending_of, tables_in
from dspy_programs.tables.lines import reading
from dspy_programs.tables.row import WHOLE, Found, Row, Tables, foreign, one_line, strictly

HUB = "hf:"
_ON_HUB = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(?::(?P<config>[^@]+))?(?:@(?P<revision>\S+))?")
_SAVED = ("dataset_dict.json", "state.json")  # by `save_to_disk`: several splits, or one
RETRIES = 1  # if the Hub does not answer


def tables_at(place: Path) -> Tables:
    """Return the rows at a place by split; under WHOLE if it has no splits. Raises DatasetError."""
    if str(place).startswith(HUB):
        return tables_of(str(place), _of_hub(str(place)))
    with reading(place):
        if os.path.isfile(place):
            return tables_in(place)
        if not place.exists():
            raise DatasetError(f"{place}: no such file or folder")
        if not place.is_dir():
            raise DatasetError(f"{place}: neither a file nor a folder; give one with rows")
        if is_saved(place):
            return tables_of(str(place), _saved(place))
        return _folder_tables(place)


def _folder_tables(place: Path) -> Tables:
    """Return the rows of a folder's files, each named for its split."""
    files = _split_files(place)
    if not files:
        there = ", ".join(sorted(path.name for path in place.iterdir())[:6]) or "nothing"
        raise DatasetError(f"{place}: no train, val or test file ({', '.join(FORMATS[:5])}, .parquet), only {one_line(there)}")
    return {split: _one_table(file) for split, file in files.items()}


def _split_files(place: Path) -> dict[str, Path]:
    """Map each split to the file of its rows in a folder."""
    names = sorted(path.name for path in place.iterdir() if ending_of(path) in FORMATS and os.path.isfile(path))
    return {split: place / name for split, name in by_split(str(place), names).items()}


def _one_table(file: Path) -> Iterator[Row]:
    tables = tables_in(file)
    if tables.keys() != {WHOLE}:
        raise DatasetError(f"{file}: has several splits ({', '.join(tables)}); give this file itself")
    yield from tables[WHOLE]


# Hugging Face datasets -----------------------------------------------------------------------------------------------------


def saved_or_hub(place: str, split: str | None = None) -> Iterator[Found]:
    """Yield the rows of one split of a folder made by `save_to_disk`, or of hf:OWNER/NAME[:CONFIG][@REVISION].

    split: its own name there; it may be left out if there is only one. Raises DatasetError.
    """
    found = _of_hub(place) if place.startswith(HUB) else _saved(Path(place))
    splits = found if isinstance(found, Mapping) else {str(found.split or ""): found}
    names = one_line(", ".join(splits))
    if split is None and len(splits) > 1:
        raise DatasetError(f"{place}: has several splits; choose one of {names}")
    if split is not None and split not in splits:
        raise DatasetError(f"{place}: no split {split!r}, only {names or 'one without a name'}")
    with quiet():
        yield from arrow_rows(place, splits[split] if split is not None else next(iter(splits.values())))


def is_saved(place: Path) -> bool:
    """Return whether a folder was made by `save_to_disk`."""
    return any((place / name).is_file() for name in _SAVED)


def _saved(place: Path) -> Any:
    library = hugging_face()
    with foreign(place):
        return library.load_from_disk(str(place))


def _of_hub(place: str) -> Any:
    """Return a data set of the Hub, whose rows are fetched as they are read."""
    asked = _ON_HUB.fullmatch(place)
    if not asked:
        raise DatasetError(f"{one_line(place)}: give a Hub data set as hf:OWNER/NAME[:CONFIG][@REVISION]")
    library = hugging_face()
    with foreign(place, "fetched", "; check its name and the connection, or give a file"), quiet():
        patience = library.DownloadConfig(max_retries=RETRIES)
        return library.load_dataset(
            asked["name"],
            asked["config"],
            revision=asked["revision"],
            streaming=True,
            download_config=patience,
            token=os.environ.get("HUGGINGFACE_TOKEN") or None,  # None: the one that its own tools have stored
        )


def tables_of(place: str, found: Any) -> Tables:
    """Return a data set's rows by split; under WHOLE if it has a single split, whatever its name."""
    if not isinstance(found, Mapping):
        return {WHOLE: strictly(arrow_rows(place, found))}
    if len(found) == 1:
        return {WHOLE: strictly(arrow_rows(place, *found.values()))}
    splits = by_split(place, found)
    if not splits:
        raise DatasetError(f"{place}: no train, val or test split, only {one_line(', '.join(found))}")
    return {split: strictly(arrow_rows(f"{place} {name}", found[name])) for split, name in splits.items()}


def hugging_face() -> Any:
    """Return the library `datasets`, never a user's file of the same name, which is not even run."""
    spec = find_spec("datasets")
    if spec is None or not spec.submodule_search_locations or not spec.origin:
        here = spec.origin if spec and spec.origin else "a folder of this name"
        raise DatasetError(
            f"{here} hides the library `datasets`, which is needed to read this; rename it, or run from another folder"
        )
    with foreign("the library `datasets`"):
        import datasets

    return datasets


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the Hub client's retries: the one-line error reports them."""
    loggers = [logging.getLogger(name) for name in ("huggingface_hub", "datasets")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
