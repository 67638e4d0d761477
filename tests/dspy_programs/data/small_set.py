"""A small data set in a folder, and the command that works on it."""

import json
from pathlib import Path

from dspy_programs.__main__ import main
from dspy_programs.data import DataFolder, DataPair
from dspy_programs.data.pairs_file import as_line

NAME = "sums"


def data_set(root: Path, count: int = 8, name: str = NAME, **fields) -> list[DataPair]:
    """Write `count` different pairs; fields: of all of them."""
    pairs = [
        DataPair(
            **{
                "instruction": f"What is {number} + {number}?",
                "output": str(2 * number),
                "category": "even" if number % 2 == 0 else "odd",
                "metadata": {"source": "sums", "license": "CC0-1.0"},
            }
            | fields
        ).identified()
        for number in range(count)
    ]
    write(root, pairs, name)
    return pairs


def write(root: Path, pairs: list[DataPair], name: str = NAME) -> Path:
    path = DataFolder(root).pairs(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(as_line(pair.identified()) for pair in pairs))
    return path


def judge(root: Path, pairs: list[DataPair], overalls: list[float | None], tag: str = "j", top: float = 10, **more) -> Path:
    """Write judgments with these overall scores; None is one that failed."""
    path = DataFolder(root).judgments(NAME, tag)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for pair, overall in zip(pairs, overalls, strict=False):
        row = {"pair_id": pair.id, "scores": {"accuracy": overall, "overall": overall}, "judge_model": "m", **more}
        row |= {"passed": overall >= 0.7 * top} if overall is not None else {"scores": {}, "passed": False, "error": "timeout"}
        lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines))
    return path


def data(root: Path, *arguments: object) -> int:
    return main(["data", *map(str, arguments), "--data", str(root)])


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
