"""datasets/<program>/<split>.jsonl -> typed examples.

A row is checked against the program itself: its signature's types for what goes in, the recipe's label types for what is
known to be right. There is no second schema to keep in step.
"""

import hashlib
import inspect
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import dspy
import jsonlines
from pydantic import TypeAdapter, ValidationError

from dspy_programs.errors import DatasetError

SPLITS = ("train", "val", "test")
FEWEST_OWN = 9  # rows of one file
LONGEST_LINE = 1_000_000  # bytes; a row that a model could read is far shorter
ID: TypeAdapter[str | int] = TypeAdapter(str | int)


def data_directory(name: str) -> Path:
    """Return where the rows of a program are: in the checkout, or inside the installed package."""
    here = Path(__file__).resolve().parent.parent / "datasets"
    return (here if here.is_dir() else Path(str(files("dspy_programs") / "datasets"))) / name


def read_split(path: Path, program: type[dspy.Module], labels: Mapping[str, Any]) -> list[dspy.Example]:
    """Read every row of `path`, checked and in order.

    Raises DatasetError as "file:line: field: why" for a row that is not UTF-8, not JSON, too long, lacks a field, has
    one that the program does not know, has a value of another type, or repeats an earlier row's id; and for no rows.
    """
    fields = field_types(program, labels)
    inputs = [name for name in fields if name not in labels]
    seen: dict[str, int] = {}
    examples = []
    for number, row in rows_of(path):
        where = f"{path}:{number}"
        if (id_ := str(checked(where, "id", ID, {"id": number} | row))) in seen:
            raise DatasetError(f"{where}: id: {id_!r} was used in line {seen[id_]}; every row needs its own")
        seen[id_] = number
        values = {name: checked(where, name, type_, row) for name, type_ in fields.items()}
        if unknown := sorted(row.keys() - fields.keys() - {"id"}):
            raise DatasetError(f"{where}: {unknown[0]}: no such field; known are id, {', '.join(fields)}")
        examples.append(dspy.Example(id=id_, **values).with_inputs(*inputs))
    if not examples:
        raise DatasetError(f"{path}: there are no rows in it")
    return examples


def split_own(rows: Sequence[dspy.Example], seed: int, where: Path) -> dict[str, list[dspy.Example]]:
    """Make three splits of the rows of one file: a third to test, the rest to learn from and to validate on.

    A row is never its own demonstration, so each of the rest can be validated on what the others show: leave-one-out
    cross-validation, where a validation set of a few rows would say nothing. Raises DatasetError for too few rows.
    """
    if len(rows) < FEWEST_OWN:
        raise DatasetError(f"{where}: {len(rows)} rows are too few to learn from and to test; give at least {FEWEST_OWN}")
    drawn = random.Random(f"{seed}-own").sample(list(rows), len(rows))
    cut = len(rows) // 3
    return {"train": drawn[cut:], "val": drawn[cut:], "test": drawn[:cut]}


def evenly(rows: Sequence[dspy.Example], kind: Callable[[dspy.Example], Hashable]) -> list[dspy.Example]:
    """Order the rows so that the first so many have the kinds of cases in about the shares that all of them have."""
    kinds = [kind(row) for row in rows]
    sizes, seen = Counter(kinds), Counter[Hashable]()
    places = []
    for each in kinds:
        places.append((seen[each] + 0.5) / sizes[each])
        seen[each] += 1
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: places[i])]


def field_types(program: type[dspy.Module], labels: Mapping[str, Any]) -> dict[str, TypeAdapter[Any]]:
    """Map each field to its type: what a predictor's signature says of it, else what `forward` does."""
    hints = get_type_hints(program.forward)
    for predictor in program().predictors():
        hints |= {name: field.annotation for name, field in predictor.signature.input_fields.items() if name in hints}
    names = [name for name in inspect.signature(program.forward).parameters if name != "self"]
    return {name: TypeAdapter(hints[name]) for name in names} | {n: TypeAdapter(t) for n, t in labels.items()}


def checked(where: str, name: str, type_: TypeAdapter[Any], row: Mapping[str, Any]) -> Any:
    if name not in row:
        raise DatasetError(f"{where}: {name}: missing")
    try:
        return type_.validate_python(row[name])
    except ValidationError as error:
        fault = error.errors()[0]
        inner = ".".join(str(part) for part in fault["loc"])
        raise DatasetError(f"{where}: {name}{'.' + inner if inner else ''}: {fault['msg']}") from error


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object); blank lines are passed over, CRLF is as good as LF, a byte order mark is dropped."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                text = decoded(f"{path}:{number}", line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
                if text.strip():
                    yield number, parsed(f"{path}:{number}", text)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error


def decoded(where: str, line: bytes) -> str:
    if len(line) > LONGEST_LINE:
        raise DatasetError(f"{where}: row: longer than {LONGEST_LINE:,} bytes")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where}: row: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error


def parsed(where: str, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
        json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair is JSON, but no text that can be sent
    except (ValueError, RecursionError) as error:  # not all of its ValueErrors are JSONDecodeErrors
        raise DatasetError(f"{where}: row: not JSON: {getattr(error, 'msg', error)}") from error
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: row: a JSON object is needed, not {type(row).__name__}")
    return row


def as_jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write rows the one way that gives the same bytes everywhere."""
    text = io.StringIO()
    jsonlines.Writer(text, dumps=partial(json.dumps, ensure_ascii=False)).write_all(rows)
    return text.getvalue().encode("utf-8")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
