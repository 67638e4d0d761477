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


def read_split(path: Path, program: type[dspy.Module], labels: Mapping[str, Any] | None) -> list[dspy.Example]:
    """Read every row of `path`, checked and in order. An input that the program has a default for may be left out.

    Raises DatasetError as "file:line: field: why" for a row that is not UTF-8, not JSON, too long, lacks a field, has
    one that the program does not know, has a value of another type, or repeats an earlier row's id; and for no rows.
    """
    fields, defaults = field_types(program, labels), defaults_of(program)
    inputs = [name for name in fields if name not in labels]
    seen: dict[str, int] = {}
    examples = []
    for number, row in rows_of(path):
        where = f"{path}:{number}"
        row = defaults | {name: value for name, value in row.items() if name != "id" or value is not None}
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
    cross-validation, where a validation set of a few rows would say nothing. Rows with the same inputs stay together.
    Raises DatasetError for too few different rows.
    """
    alike: dict[str, list[dspy.Example]] = {}
    for row in rows:
        alike.setdefault(inputs_of(row), []).append(row)
    if len(alike) < FEWEST_OWN:
        count = f"{len(rows)} rows, {len(alike)} of them different," if len(alike) < len(rows) else f"{len(rows)} rows"
        raise DatasetError(f"{where}: {count} are too few to learn from and to test; give at least {FEWEST_OWN}")
    drawn = random.Random(f"{seed}-own").sample(list(alike.values()), len(alike))
    cut = len(alike) // 3
    test, rest = ([row for group in groups for row in group] for groups in (drawn[:cut], drawn[cut:]))
    return {"train": rest, "val": rest, "test": test}


def require_unseen(splits: Mapping[str, Sequence[dspy.Example]], where: Path) -> None:
    """Refuse a test row whose inputs are in another split too, whatever its id. Raises DatasetError with both ids."""
    seen = {inputs_of(row): (split, row.id) for split in ("val", "train") for row in splits[split]}
    for row in splits["test"]:
        if inputs_of(row) in seen:
            split, other = seen[inputs_of(row)]
            line = f"row {row.id!r} of test has the same inputs as row {other!r} of {split}; test must stay unseen"
            raise DatasetError(f"{where}: {line}")


def inputs_of(row: dspy.Example) -> str:
    """Return the inputs of a row as text: two rows with the same ask for the same."""
    return json.dumps(dict(row.inputs()), ensure_ascii=False, sort_keys=True, default=lambda model: model.model_dump())


def evenly(rows: Sequence[dspy.Example], kind: Callable[[dspy.Example], Hashable]) -> list[dspy.Example]:
    """Order the rows so that the first so many have the kinds of cases in about the shares that all of them have."""
    kinds = [kind(row) for row in rows]
    sizes, seen = Counter(kinds), Counter[Hashable]()
    places = []
    for each in kinds:
        places.append((seen[each] + 0.5) / sizes[each])
        seen[each] += 1
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: places[i])]


def defaults_of(program: type[dspy.Module]) -> dict[str, Any]:
    """Return the inputs that a program can be called without, and what it takes then."""
    parameters = inspect.signature(program.forward).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


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
        row = json.loads(text, parse_constant=refused)
        json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair is JSON, but no text that can be sent
    except json.JSONDecodeError as error:
        ends = "; its lines end in CR alone, save it with LF" if "\r" in text.strip() else ""
        raise DatasetError(f"{where}: row: not JSON: {error.msg.removesuffix(' at')}, column {error.colno}{ends}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: row: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: row: a JSON object is needed, not {type(row).__name__}")
    return row


def refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def as_jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write rows the one way that gives the same bytes everywhere."""
    text = io.StringIO()
    jsonlines.Writer(text, dumps=partial(json.dumps, ensure_ascii=False)).write_all(rows)
    return text.getvalue().encode("utf-8")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
