"""XQuAD becomes rows: each question once, an article in one split, no answer where the paragraph does not say it."""

import json
from pathlib import Path

import pytest

from dspy_programs.errors import DatasetError
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.sources.document_qa import build

RECIPE = RECIPES["document_qa"]
SIZES = {"test": 2, "val": 1}


def article(number: int) -> dict:
    def paragraph(part: int) -> dict:
        text = f"House {number}-{part} is red. The owner of it is Ann{number}x{part}."
        asked = {"id": f"{number}-{part}", "question": f"Who owns {part}?"}
        answer = f"Ann{number}x{part}"
        return {"context": text, "qas": [asked | {"answers": [{"text": answer, "answer_start": text.index(answer)}]}]}

    return {"paragraphs": [paragraph(part) for part in range(5)]}


def built(folder: Path, articles: int = 8) -> dict:
    (folder / "xquad.en.json").write_text(json.dumps({"data": [article(n) for n in range(articles)]}), encoding="utf-8")
    return build(folder, SIZES)


def test_rows_are_of_whole_articles_and_the_same_each_time(tmp_path):
    splits = built(tmp_path)
    assert splits == built(tmp_path)
    assert [len(splits[split]) for split in SPLITS] == [25, 5, 10]
    ids = [row["id"] for rows in splits.values() for row in rows]
    assert len(set(ids)) == len(ids) == 40
    owners = [{row["id"].partition("-")[0] for row in rows} for rows in splits.values()]
    assert not owners[0] & owners[1] and not owners[0] & owners[2] and not owners[1] & owners[2]


def test_answers_and_evidence_are_in_the_document_or_there_are_none(tmp_path):
    kinds = set()
    for row in (row for rows in built(tmp_path).values() for row in rows):
        kinds.add(row["kind"])
        name = "Ann" + row["id"].replace("-", "x")
        if row["kind"] == "unanswerable":
            assert (row["answers"], row["evidence"]) == ([], "") and name not in row["document"]
        else:
            assert row["answers"] == [name] and row["evidence"] == f"The owner of it is {name}."
            assert row["evidence"] in row["document"]
    assert kinds == {"paragraph", "article", "unanswerable"}


@pytest.mark.parametrize("content", ["{}", "[]", '{"data": [{}]}', '{"data": []}', "no"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "xquad.en.json").write_text(content)
    with pytest.raises(DatasetError, match=r"xquad\.en\.json"):
        build(tmp_path)


@pytest.mark.parametrize("split", SPLITS)
def test_shipped_rows(split):
    rows = read_split(data_directory("document_qa") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    assert all(row.evidence in row.document and all(answer in row.document for answer in row.answers) for row in rows)
    assert {row.kind for row in rows} == {"paragraph", "article", "unanswerable"}
