"""Seed tasks made into rows: what is kept, how it is split, and that every row can be answered perfectly."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import dspy
import numpy as np
import pytest

from dspy_programs.embedding import embed_texts
from dspy_programs.errors import DatasetError
from dspy_programs.pair_quality import heuristic_quality
from dspy_programs.programs.data_generator import MEANING, DataGenerator
from dspy_programs.text import jaccard, words
from dspy_programs.types import Pair
from metrics.data_generator import pairs_are_useful
from optimizers.data import as_jsonl, data_directory, read_split
from optimizers.recipes import recipe
from optimizers.recipes.demonstrations.data_generator import as_demonstration
from optimizers.sources.data_generator import build, template_of

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def embed(texts):
    """Texts that differ are a bit alike, and no more."""
    codes = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=400) for text in texts]
    return np.array([[*(code / np.linalg.norm(code)), 0.5] for code in codes]) / np.sqrt(1.25)


def write_raw(folder, *more):
    """Write 30 tasks without a word in common but "explain", two of them alike, and more."""
    words = [[f"{letter}{i}" for letter in "abcdef"] for i in range(30)]
    words[29] = [*words[28][:5], "z29"]
    tasks = [
        {
            "name": f"{own[0]} Task",
            "instruction": f"Explain {' '.join(own)}.",
            "instances": [{"input": own[0], "output": f"{own[1]} so."}],
        }
        for own in words
    ]
    lines = [json.dumps({"id": f"seed_task_{i}", **task}) for i, task in enumerate([*tasks, *more])]
    (folder / "seed_tasks.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return build(write_raw(tmp_path_factory.mktemp("raw")), embed)


def test_build_gives_the_same_rows_again(splits, tmp_path):
    again = build(write_raw(tmp_path), embed)
    assert {name: as_jsonl(rows) for name, rows in again.items()} == {name: as_jsonl(rows) for name, rows in splits.items()}


def test_build_splits_by_task_and_keeps_near_tasks_together(splits):
    assert list(splits) == ["train", "val", "test"] and all(splits.values())
    tasks = {name: {row["id"].removesuffix("-tool") for row in rows} for name, rows in splits.items()}
    assert not tasks["train"] & tasks["val"] and not (tasks["train"] | tasks["val"]) & tasks["test"]
    assert {"28", "29"} <= next(own for own in tasks.values() if "28" in own)
    ids = [row["id"] for rows in splits.values() for row in rows]
    assert len(ids) == len(set(ids))


def test_build_makes_requests_for_tools_that_are_right_by_construction(splits):
    rows = [row for rows in splits.values() for row in rows if row["template"] == "TOOL_USE"]
    for row in rows:
        call = json.loads(row["seed"]["output"])
        assert f"{call['tool']}(text)" in row["seed"]["input"] and call["arguments"]["text"] in row["seed"]["instruction"]
        assert row["seed"]["input"].count("(text)") == 3
    assert rows


@pytest.mark.parametrize(
    "change",
    [{"output": ""}, {"output": "I'm sorry, but I cannot help with that."}, {"output": "x" * 1600}, {"output": "```\nx\n```"}],
)
def test_build_leaves_out_what_is_no_seed(change, tmp_path):
    task = {"name": "odd", "instruction": "Weigh the odd one.", "instances": [{"input": "", "output": "x"} | change]}
    rows = [row for rows in build(write_raw(tmp_path, task), embed).values() for row in rows]
    assert "Weigh the odd one." not in {row["seed"]["instruction"] for row in rows}


@pytest.mark.parametrize(
    "record", ["{}", "[]", "7", '{"id": "a", "name": "b", "instruction": "c", "instances": []}', "not JSON"]
)
def test_build_names_the_line_that_is_wrong(record, tmp_path):
    (tmp_path / "seed_tasks.jsonl").write_text(f"\n{record}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"seed_tasks\.jsonl:2"):
        build(tmp_path)


def test_build_says_which_folder_it_needs(tmp_path):
    with pytest.raises(DatasetError, match="--raw"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("instruction", "template"),
    [
        ("Write a Python function that sorts a list.", "CODE"),
        ("Solve the equation.", "REASONING"),
        ("Write a haiku on summer.", "CREATIVE"),
        ("Is there anything science can't explain?", "QA"),
        ("Who is she?", "QA"),
        ("Make a grocery list.", "INSTRUCTION"),
    ],
)
def test_template_is_assigned_by_words(instruction, template):
    assert template_of(Pair(instruction=instruction, output="x")) == template


def rows_of(split):
    generating = recipe("data_generator")
    return read_split(data_directory("data_generator") / f"{split}.jsonl", generating.program, generating.labels)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_examples_of_every_shipped_row_score_one(split):
    metric = pairs_are_useful(heuristic_quality, embed_texts)
    for row in rows_of(split):
        answer = dspy.Prediction(pairs=row.examples, rejected=[], failure=None)
        assert metric(row, answer).value == pytest.approx(1.0), row.id
        assert metric(row, dspy.Prediction(pairs=[row.seed] * row.n)).value <= 0.06
        assert len(row.examples) == row.n


def test_shipped_rows_have_every_template_early_and_no_near_task_in_two_splits():
    shipped = {split: rows_of(split) for split in ("train", "val", "test")}
    assert {row.template for row in shipped["val"][:16]} == {row.template for row in shipped["test"][:40]} == MEANING.keys()
    for row in shipped["test"]:
        for other in shipped["train"] + shipped["val"]:
            assert row.id != other.id
            if "tool" not in row.id + other.id:
                assert jaccard(words(row.seed.instruction), words(other.seed.instruction)) <= 0.5


def test_demonstration_is_what_the_predictor_takes_and_gives():
    signature = DataGenerator().write.signature
    for row in rows_of("train"):
        demo = as_demonstration(row)["write"]
        assert list(demo) == list(signature.fields)
        signature.output_fields["pair"].annotation.model_validate(demo["pair"])
        assert sum(len(str(value)) for value in demo.values()) < 2200


def test_embedding_gives_unit_vectors_and_zeros_for_nothing():
    vectors = embed_texts(["a river", "", "a stream", "\u4e2d\u6587", "x" * 100_000])
    lengths = [float(vector @ vector) for vector in vectors]
    assert lengths == pytest.approx([1, 0, 1, 1, 1]) and vectors[0] @ vectors[2] > vectors[0] @ vectors[3]
    assert len(embed_texts([])) == 0


def test_recipes_load_no_embeddings_and_their_lack_is_told_with_the_command():
    script = (
        "import sys, optimizers.recipes\n"
        "from dspy_programs.errors import MissingExtra\n"
        "from dspy_programs.embedding import embed_texts\n"
        "assert 'wordllama' not in sys.modules\n"
        "sys.modules['wordllama'] = None\n"
        "try:\n    embed_texts(['x'])\nexcept MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert 'pip install "dspy-programs[embed]"' in done.stdout, done.stderr
