"""Where the rows of a data set come from: a file, standard input, a folder of `datasets`, or the Hub."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dspy_programs.errors import UsageError
from dspy_programs.tables import FORMATS, STANDARD, Found, ending_of, is_saved, rows_and_faults, saved_or_hub

Format = Literal["auto", "jsonl", "json", "csv", "tsv", "parquet", "hf"]
_HUB = re.compile(r"hf:(//)?")


@dataclass(frozen=True)
class Source:
    """given: the path or the Hub's name; format: never auto; split: of a data set with several."""

    given: str
    format: str
    split: str | None = None

    def rows(self) -> Iterator[Found]:
        """Yield the rows and what is wrong with the others. Raises DatasetError for one that is unreadable as a whole."""
        if self.format == "hf":
            return saved_or_hub(self.given, self.split)
        return rows_and_faults(Path(self.given), f".{self.format}")

    @property
    def path(self) -> Path | None:
        """Return the file or folder; None for the Hub and for standard input."""
        return None if _HUB.match(self.given) or self.given == str(STANDARD) else Path(self.given)

    @property
    def name(self) -> str:
        """Return the name that a data set of it has by default."""
        return re.split(r"[:@.]", _HUB.sub("", self.given).rstrip("/").rpartition("/")[2])[0]


def source_of(given: str | Path, format_: str = "auto", split: str | None = None) -> Source:
    """Return what is named. given: a path, "-", or hf://OWNER/NAME. Raises UsageError for a format that cannot be told."""
    place = str(given)
    if hub := _HUB.match(place):
        if format_ not in ("auto", "hf"):
            raise UsageError(f"{place}: a data set of the Hub is --format hf, not {format_}")
        return Source(f"hf:{place[hub.end() :]}", "hf", split)
    if format_ == "hf" or (format_ == "auto" and is_saved(Path(place))):
        is_id = not Path(place).exists() and place.count("/") == 1
        return Source(f"hf:{place}" if is_id else place, "hf", split)
    if split is not None:
        raise UsageError(f"{place}: --hf-split chooses from a Hugging Face data set; this is not one")
    return Source(place, _format_of(place) if format_ == "auto" else format_)


def _format_of(place: str) -> str:
    if place == str(STANDARD):
        return "jsonl"
    if Path(place).is_dir():
        raise UsageError(f"{place}: a folder, but none that `save_to_disk` made; give one file")
    ending = ending_of(Path(place))
    if ending not in FORMATS:
        told = f"by the suffix {ending!r}" if ending else "without a suffix"
        raise UsageError(f"{place}: cannot tell the format {told}; give --format jsonl, json, csv or parquet")
    return ending.removesuffix(".gz").removeprefix(".").replace("ndjson", "jsonl")
