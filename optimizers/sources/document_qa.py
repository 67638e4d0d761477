"""XQuAD's English paragraphs and questions as rows: a document, a question, and its answer with the sentence that says it.

Input      raw: a folder with xquad.en.json.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, document, question, answers, evidence, kind}.
Guarantees the same input gives the same rows, bit for bit; an article is in one split only; each question is in one row. In a
           quarter of the rows the document is another paragraph of the same article, which does not say the answer
           ("unanswerable"); in a fifth it is the whole article ("article").
Raises     DatasetError if the file is missing or malformed.
Source     github.com/google-deepmind/xquad, commit 7d30520c, xquad.en.json (CC BY-SA 4.0): 240 paragraphs of SQuAD's
           development set. See the data card.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.programs.document_qa import sentence_places
from dspy_programs.text import words
from optimizers.sources.reading import home, read_json

SEED = 20261130
_ARTICLES = {"test": 12, "val": 8}  # train gets the rest
_KINDS = ["paragraph"] * 11 + ["article"] * 4 + ["unanswerable"] * 5  # of 20 questions

Row = dict[str, Any]


def build(raw: Path, sizes: Mapping[str, int] = _ARTICLES) -> dict[str, list[Row]]:
    """Draw the splits by article; `sizes` are the articles of test and of val."""
    path = home(raw, "document_qa/xquad_en") / "xquad.en.json"
    draw = random.Random(SEED)
    try:
        articles = [_rows_of(article["paragraphs"], draw) for article in read_json(path)["data"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: not XQuAD's English file: {error!r}") from error
    draw.shuffle(articles)
    if len(articles) <= sum(sizes.values()):
        raise DatasetError(f"{path}: {len(articles)} articles, too few for {sum(sizes.values())} in val and test")
    splits = {split: [articles.pop() for _ in range(size)] for split, size in sizes.items()} | {"train": articles}
    return {split: _in_turn(splits[split]) for split in ("train", "val", "test")}


def _rows_of(paragraphs: Sequence[Row], draw: random.Random) -> list[Row]:
    """Return a row for each question of an article, in a drawn order."""
    texts = [paragraph["context"].strip() for paragraph in paragraphs]
    asked = [(i, qa) for i, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]]
    draw.shuffle(asked)
    kinds: list[str] = []
    rows = []
    for i, qa in asked:
        kinds = kinds or draw.sample(_KINDS, len(_KINDS))
        rows.append(_row(qa, texts, i, kinds.pop(), draw))
    return rows


def _row(qa: Row, texts: Sequence[str], own: int, kind: str, draw: random.Random) -> Row:
    answers = list(dict.fromkeys(answer["text"].strip() for answer in qa["answers"]))
    others = [text for i, text in enumerate(texts) if i != own and not any(_says(text, answer) for answer in answers)]
    row = {"id": qa["id"], "document": texts[own], "question": qa["question"].strip()}
    if kind == "unanswerable" and others:
        return row | {"document": draw.choice(others), "answers": [], "evidence": "", "kind": kind}
    place = qa["answers"][0]["answer_start"]
    evidence = next(texts[own][a:b] for a, b in sentence_places(texts[own]) if b > place)
    if kind == "article":
        row["document"] = "\n\n".join(texts)
    return row | {"answers": answers, "evidence": evidence, "kind": "article" if kind == "article" else "paragraph"}


def _says(text: str, answer: str) -> bool:
    return f" {' '.join(words(answer))} " in f" {' '.join(words(text))} "


def _in_turn(articles: Sequence[Sequence[Row]]) -> list[Row]:
    """Take a row of every article in turn, so that the first rows of a split are of as many as there can be."""
    return [row for turn in zip_longest(*articles) for row in turn if row]
