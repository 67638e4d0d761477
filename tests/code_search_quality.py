"""python -m tests.code_search_quality [FOLDER...] [--questions 100]: does search find the function that a docstring describes?

Functions and methods with a docstring are drawn from a folder of Python packages, by default some of those installed here.
Each question is the first sentence of a docstring. The folder is copied with these docstrings taken out, so that a question
never finds its own words, and indexed. Told, for searches by words, by meaning and by both: in what share of the questions the
right symbol is the first hit and among the first five, with 95 % intervals, and the milliseconds of processor time a search
takes; also how long the vectors take to make.
"""

import argparse
import ast
import math
import random
import re
import shutil
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code import Hit, Index, embed_chunks, embedder_named, search, search_by_meaning, search_fused

PACKAGES = ("pydantic", "typer", "huggingface_hub", "rich", "httpx", "anyio")
_SHORTEST = 5  # words of a question


class Question(NamedTuple):
    text: str
    path: str
    symbol: str
    first: int
    """Lines of the docstring, from 1."""
    last: int


def questions_in(folder: Path) -> Iterator[Question]:
    for path in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        yield from _of(tree, "", path.relative_to(folder).as_posix())


def _of(node: ast.AST, outer: str, path: str) -> Iterator[Question]:
    for each in getattr(node, "body", []):
        if isinstance(each, ast.ClassDef):
            yield from _of(each, f"{outer}{each.name}.", path)
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and len(each.body) > 1:
            said = ast.get_docstring(each) or ""
            sentence = re.split(r"(?<=[.!?])\s|\n\s*\n", said.strip())[0].replace("\n", " ")
            if len(sentence.split()) >= _SHORTEST and not re.search(r"test", path):
                yield Question(sentence, path, f"{outer}{each.name}", each.body[0].lineno, each.body[0].end_lineno or 0)


def without(questions: Sequence[Question], folder: Path) -> None:
    """Empty the lines of the docstrings."""
    for path in {question.path for question in questions}:
        lines = (folder / path).read_text(encoding="utf-8").split("\n")
        for question in questions:
            if question.path == path:
                lines[question.first - 1 : question.last] = [""] * (question.last - question.first + 1)
        (folder / path).write_text("\n".join(lines), encoding="utf-8")


def interval(right: int, of: int) -> str:
    """Return a share with its Wilson interval of 95 %."""
    share, z = right / of, 1.96
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{share:.2f} ({middle - half:.2f} to {middle + half:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261201)
    parser.add_argument("--missed", action="store_true", help="show the questions that were not found")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        copy = Path(aside, "code")
        installed = Path(sysconfig.get_path("purelib"))
        for package in asked.folders or [installed / name for name in PACKAGES]:
            shutil.copytree(package, copy / package.name, ignore=shutil.ignore_patterns("*.pyc", "*.so"))
        drawn = random.Random(asked.seed).sample(list(questions_in(copy)), asked.questions)
        without(drawn, copy)
        index = Index(copy, Path(aside, "index.sqlite"))
        done = index.refresh()
        print(f"{len(drawn)} questions from docstrings, taken out of {done.lines:,} lines in {done.files:,} files")
        embedder, began = embedder_named(), time.process_time()
        embedder.vectors(["loaded"])
        loaded, began = time.process_time() - began, time.process_time()
        made = embed_chunks(index, embedder)
        print(f"{made:,} texts embedded in {time.process_time() - began:.1f} s, after {loaded:.1f} s of loading")
        told("words", drawn, lambda asked: search(index, asked, 5), asked.missed)
        told("meaning", drawn, lambda asked: search_by_meaning(index, asked, 5, embedder))
        told("both", drawn, lambda asked: search_fused(index, asked, 5, embedder))


def told(by: str, drawn: Sequence[Question], find: Callable[[str], list[Hit]], missed: bool = False) -> None:
    ranks, taken = [], []
    for question in drawn:
        began = time.process_time()
        hits = find(question.text)
        taken.append(time.process_time() - began)
        places = [(hit.path, hit.symbol) for hit in hits]
        right = (question.path, question.symbol)
        ranks.append(places.index(right) + 1 if right in places else 0)
        if missed and not ranks[-1]:
            print(f"{question.text}\n  {question.path} {question.symbol}")
            print("\n".join(f"    {hit.path} {hit.symbol} {hit.score}" for hit in hits))
    first, among = interval(ranks.count(1), len(ranks)), interval(sum(map(bool, ranks)), len(ranks))
    print(f"by {by}: right symbol first {first}, among the first five {among}")
    print(f"  a search takes {1000 * statistics.median(taken):.0f} ms, the longest {1000 * max(taken):.0f} ms")


if __name__ == "__main__":
    main()
