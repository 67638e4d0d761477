"""What a cycle starts from: an instruction, or a whole pair, and mistakes that its pairs should teach to avoid.

Sources    a text with commas; a file, one seed a line (plain text, or JSON objects in a .jsonl); a data set; the reports of
           `dspy-programs failures classify -o` and `batch -o`, whose goals become instructions and whose causes mistakes.
Raises     UsageError where a source has no seed; DatasetError for a line that is none.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.data.judging.sampling import SEED, pairs_in, sampled
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import DatasetError, UsageError, first_fault
from dspy_programs.text import quantity, words
from dspy_programs.types import Pair

_MOST_FAILURES = 5  # that the data generator reads


class Seed(BaseModel):
    """failures: what went wrong earlier, in words."""

    model_config = ConfigDict(extra="ignore")

    instruction: str
    input: str = ""
    output: str = ""
    failures: list[str] = []

    @property
    def pair(self) -> Pair:
        return Pair(instruction=self.instruction, input=self.input, output=self.output)


def seed_of(value: "Seed | Pair | str") -> Seed:
    """Return a seed from what Python code has. Raises UsageError for one without a word."""
    if isinstance(value, Pair):
        value = Seed(instruction=value.instruction, input=value.input, output=value.output)
    seed = Seed(instruction=value.strip()) if isinstance(value, str) else value
    if not words(seed.instruction):
        raise UsageError(f"{seed.instruction!r} is not a seed: it has no word")
    return seed


def distinct(seeds: Iterable[Seed]) -> list[Seed]:
    """Return each seed once, in order, with the mistakes of all that ask the same."""
    found: dict[tuple[str, ...], Seed] = {}
    for seed in seeds:
        key = (*(" ".join(text.lower().split()) for text in (seed.instruction, seed.input)),)
        known = found.setdefault(key, seed)
        failures = list(dict.fromkeys([*known.failures, *seed.failures]))[:_MOST_FAILURES]
        found[key] = known.model_copy(update={"failures": failures})
    return list(found.values())


def seeds_in_text(text: str) -> list[Seed]:
    """Read "a,b": commas part seeds."""
    return [seed_of(part) for part in text.split(",") if part.strip()]


def seeds_in_file(path: Path) -> list[Seed]:
    """Read a file: of a .jsonl the objects' instruction, input, output and failures, of any other each line."""
    if path.suffix in (".jsonl", ".json"):
        found = [_seed_in(value, where) for where, value in _objects_in(path)]
    else:
        found = [Seed(instruction=line.strip()) for line in _text_of(path).splitlines() if words(line)]
    if not found:
        raise UsageError(f"{path}: no seed in it")
    return found


def seeds_in_pairs(path: Path, most: int) -> list[Seed]:
    """Draw at most so many pairs of a data set's file: always the same ones."""
    total = pairs_in(path)
    share = min(1.0, most / total) if total else 1.0
    found = [_seed_of_pair(pair) for pair in sampled(path, total, share, most, SEED) if words(pair.instruction)]
    if not found:
        raise UsageError(f"{path}: no pair to start from")
    return found


def seeds_in_reports(path: Path) -> list[Seed]:
    """Read the failure tool's reports: one seed for each failure that counts."""
    from dspy_programs.failures import FailureReport

    found, possible = [], 0
    for where, value in _objects_in(path):
        if not isinstance(value, dict) or "problem" in value:
            continue
        try:
            report = FailureReport.model_validate({name: given for name, given in value.items() if name != "source"})
        except ValidationError as error:
            raise DatasetError(f"{where}: not a report of `failures classify` or `batch`: {first_fault(error, 'it')}") from None
        possible += report.possible
        if report.counts_as != "none" and words(report.original_goal):
            said = f"{report.classified_failure_mode}: {report.root_cause_summary}"
            found.append(Seed(instruction=report.original_goal, failures=[said]))
    if not found:
        only = f"; {quantity(possible, 'failure')} only possible: classify with --min-probability 0" if possible else ""
        raise UsageError(f"{path}: no report of a failure in it{only}")
    return found


def _seed_of_pair(pair: DataPair) -> Seed:
    return Seed(instruction=pair.instruction, input=pair.input, output=pair.output)


def _seed_in(value: Any, where: str) -> Seed:
    try:
        return seed_of(Seed(instruction=value) if isinstance(value, str) else Seed.model_validate(value))
    except ValidationError as error:
        raise DatasetError(f"{where}: not a seed: {first_fault(error, 'it')}") from None
    except UsageError as error:
        raise DatasetError(f"{where}: {error}") from None


def _objects_in(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the JSON values of a file, one a line, or one value, or a list of them; each with its place."""
    text = _text_of(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if _is_json(first):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"{path}:{number}", _json_of(line, f"{path}:{number}")
        return
    value = _json_of(text, str(path))
    yield from ((f"{path}#{number}", each) for number, each in enumerate(value if isinstance(value, list) else [value], 1))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | str)
    except (ValueError, RecursionError):
        return False


def _json_of(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: not JSON: {error}") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
