"""A notebook that fine-tunes a small model on exported files with TRL, and the check that it and they fit together.

Input      the method, sft or dpo; the files of its train and, if there are any, its evaluation rows; a model's name.
Output     the notebook as JSON (nbformat 4.5). It reads the files by paths relative to its own place.
Guarantees the columns that the trainer is told of are in every file; the notebook itself checks that again when it runs.
Raises     UsageError for a file that lacks them.
Source     TRL: SFTTrainer takes `messages`, `text`, or `prompt` with `completion`; DPOTrainer `prompt`, `chosen`, `rejected`.
"""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dspy_programs.errors import UsageError
from dspy_programs.text_stream import decode

Method = Literal["sft", "dpo"]
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
_SHAPES: dict[Method, tuple[tuple[str, ...], ...]] = {
    "sft": (("messages",), ("text",), ("prompt", "completion")),
    "dpo": (("prompt", "chosen", "rejected"),),
}
_MADE_BY = {"sft": "chatml", "dpo": "dpo"}
_LOADERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}
_LONGEST_LINE = 64_000_000  # bytes of a first row


def notebook_of(method: Method, place: Path, files: Mapping[str, Path], model: str = MODEL) -> str:
    """place: where the notebook will be; files: "train" and maybe "eval" -> the file."""
    columns = columns_for(method, files)
    relative = {
        part: Path(os.path.relpath(path.absolute(), place.absolute().parent)).as_posix() for part, path in files.items()
    }
    cells = [
        _markdown(f"# {method.upper()} of {model}", f"On {', '.join(path.name for path in files.values())}, with TRL."),
        _code("%pip install -q 'trl>=1' datasets transformers accelerate"),
        _code(*_load(relative, _loader(files["train"]), columns)),
        _code(f"MODEL = {model!r}", *_as_turns(columns)),
        _code(*_train(method, model, columns, "eval" in files)),
        _code("trainer.train()", "trainer.save_model()"),
        _code(*_try(columns)),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def columns_for(method: Method, files: Mapping[str, Path]) -> tuple[str, ...]:
    """Return the columns that the trainer reads, which each file has."""
    shape: tuple[str, ...] | None = None
    for path in files.values():
        there = columns_of(path)
        found = next((each for each in _SHAPES[method] if set(each) <= there), None)
        if found is None:
            wanted = " or ".join(", ".join(each) for each in _SHAPES[method])
            made = f"make it with: dspy-programs data export --format {_MADE_BY[method]}"
            raise UsageError(f"{path}: {method} needs {wanted}, there is {', '.join(sorted(there))[:200]}; {made}")
        if shape not in (None, found):
            raise UsageError(
                f"{path}: has {', '.join(found)}, the other file {', '.join(shape or ())}; export both in one format"
            )
        shape = found
    if shape is None:
        raise UsageError("give a file to train on")
    return shape


def columns_of(path: Path) -> set[str]:
    """Return the columns of an exported file. Raises UsageError for what is none."""
    _loader(path)
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return set(pq.read_schema(path).names)
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                return set(next(csv.reader(file), []))
            first = file.readline(_LONGEST_LINE)
            if path.suffix == ".json" and first.strip() == "[":  # a list, a row a line
                first = file.readline(_LONGEST_LINE).strip().removesuffix(",")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from None
    row, problem = decode(first.encode("utf-8", "replace"))
    if problem or not isinstance(row, dict):
        raise UsageError(f"{path}: the first row is {problem or 'no object'}; give a file that data export wrote")
    return set(row)


def _loader(path: Path) -> str:
    if path.suffix not in _LOADERS:
        raise UsageError(f"{path}: give a file that ends with {', '.join(_LOADERS)}")
    return _LOADERS[path.suffix]


def _load(files: Mapping[str, str], loader: str, columns: tuple[str, ...]) -> list[str]:
    return [
        "from datasets import load_dataset",
        "",
        f"FILES = {json.dumps(dict(files), ensure_ascii=False)}",
        f"COLUMNS = {json.dumps(list(columns))}",
        "",
        f"data = load_dataset({loader!r}, data_files=FILES)",
        "for part, rows in data.items():",
        "    missing = set(COLUMNS) - set(rows.column_names)",
        '    assert not missing, f"{FILES[part]} has no {missing}"',
        "data = data.select_columns(COLUMNS)",
        "data",
    ]


def _as_turns(columns: tuple[str, ...]) -> list[str]:
    """Return lines that make turns of plain texts: a chat model is trained in the form in which it is asked."""
    if "prompt" not in columns:
        return []
    roles = {name: "user" if name == "prompt" else "assistant" for name in columns}
    return [
        "",
        "from transformers import AutoTokenizer",
        "",
        f"ROLES = {json.dumps(roles)}",
        "",
        "",
        "def as_turns(row):",
        '    return {name: [{"role": role, "content": row[name]}] for name, role in ROLES.items()}',
        "",
        "",
        'if AutoTokenizer.from_pretrained(MODEL).chat_template and isinstance(data["train"][0]["prompt"], str):',
        "    data = data.map(as_turns)",
    ]


def _train(method: Method, model: str, columns: tuple[str, ...], has_eval: bool) -> list[str]:
    name = method.upper()
    options = {
        "output_dir": f"{model.rsplit('/', 1)[-1]}-{method}",
        **({"dataset_text_field": "text"} if columns == ("text",) else {}),
        "num_train_epochs": 1 if method == "dpo" else 2,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "learning_rate": 5e-6 if method == "dpo" else 2e-4,
        "max_length": 1024,
        **({"beta": 0.1} if method == "dpo" else {}),
        **({"eval_strategy": "epoch"} if has_eval else {}),
        "logging_steps": 10,
        "seed": 42,
        "report_to": "none",
    }
    return [
        f"from trl import {name}Config, {name}Trainer",
        "",
        f"config = {name}Config(",
        *(f"    {option}={value!r}," for option, value in options.items()),
        ")",
        f"trainer = {name}Trainer(",
        "    model=MODEL,",
        "    args=config,",
        '    train_dataset=data["train"],',
        *(['    eval_dataset=data["eval"],'] if has_eval else []),
        ")",
    ]


def _try(columns: tuple[str, ...]) -> list[str]:
    """Return a cell that shows what the model now answers to the first row."""
    asked = {"messages": 'row["messages"][:-1]', "text": 'row["text"][:200]'}.get(columns[0], 'row["prompt"]')
    return [
        "from transformers import pipeline",
        "",
        'row = data["train"][0]',
        f"asked = {asked}",
        *(
            ['asked = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked']
            if columns[0] != "text"
            else []
        ),
        'generate = pipeline("text-generation", model=trainer.model, tokenizer=trainer.processing_class)',
        "generate(asked, max_new_tokens=100)",
    ]


def _markdown(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(lines)}


def _code(*lines: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": "\n".join(lines)}
