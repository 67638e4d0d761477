"""PandaLM's records become balanced rows: the majority's verdict, one instruction in one split, the same bytes each time."""

import json
from collections import Counter

import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.programs.quality_judge.quality_judge import CompareResponses, Judgement
from dspy_programs.text import jaccard, words
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.recipes.demonstrations.quality_judge import as_demonstration
from optimizers.sources.quality_judge import LARGEST_OVERLAP, LONGEST_RESPONSE, build

RECIPE = RECIPES["quality_judge"]
SHIPPED = {
    split: read_split(data_directory("quality_judge") / f"{split}.jsonl", RECIPE.program, RECIPE.labels) for split in SPLITS
}
SIZES = {"test": 3, "val": 2}


def record(number: int, **changes) -> dict:
    group, word = number // 4, f"word{number // 4}"
    return {
        "idx": number,
        "instruction": f"{word} alpha{group} beta{group} gamma{group}",
        "input": "",
        "response1": f"good {number}",
        "response2": f"bad {number}",
        "annotator1": 1,
        "annotator2": 1,
        "annotator3": 2,
    } | changes


def built(tmp_path, records, sizes=SIZES):
    (tmp_path / "testset-v1.json").write_text(json.dumps(records), encoding="utf-8")
    return build(tmp_path, sizes)


def all_rows(splits):
    return [row for rows in splits.values() for row in rows]


def test_build_splits_by_instruction_and_balances_who_is_first(tmp_path):
    splits = built(tmp_path, [record(n) for n in range(40)])
    assert [len(splits[split]) for split in SPLITS] == [20, 8, 12]
    owners = [{row["instruction"] for row in rows} for rows in splits.values()]
    assert not owners[0] & owners[1] and not owners[1] & owners[2] and not owners[0] & owners[2]
    for rows in splits.values():
        assert Counter(row["verdict"] for row in rows) == {"first": len(rows) / 2, "second": len(rows) / 2}
    for row in all_rows(splits):
        assert row[{"first": "response", "second": "other"}[row["verdict"]]].startswith("good")


def test_build_gives_the_same_rows_each_time(tmp_path):
    records = [record(n) for n in range(40)]
    assert built(tmp_path, records) == built(tmp_path, records)


def test_build_takes_every_instruction_once_before_any_twice(tmp_path):
    test = built(tmp_path, [record(n) for n in range(40)])["test"]
    assert len({row["instruction"] for row in test[:3]}) == 3


@pytest.mark.parametrize(
    ("votes", "verdict", "unanimous"), [((1, 1, 1), "win", True), ((2, 0, 2), "lose", False), ((0, 0, 1), "tie", False)]
)
def test_build_takes_the_majority(tmp_path, votes, verdict, unanimous):
    special = record(3, **{f"annotator{i}": vote for i, vote in enumerate(votes, 1)})
    row = next(row for row in all_rows(built(tmp_path, [special] + [record(n) for n in range(4, 40)])) if row["id"] == "3")
    winner = {"win": "good 3", "lose": "bad 3"}.get(verdict)
    assert row["unanimous"] is unanimous
    assert winner is None or row["response" if row["verdict"] == "first" else "other"] == winner
    assert (row["verdict"] == "tie") == (verdict == "tie")


@pytest.mark.parametrize(
    "changes",
    [
        {"annotator1": 0, "annotator2": 1, "annotator3": 2},
        {"response2": "x" * (LONGEST_RESPONSE + 1)},
        {"input": "x" * 1600},
        {"instruction": " "},
        {"idx": 99, "response1": "bad 5", "response2": "good 5"},
    ],
    ids=["all three differ", "long response", "long input", "nothing asked", "the same two, turned round"],
)
def test_build_leaves_out(tmp_path, changes):
    special = record(5) | {"idx": 99} | changes
    assert "99" not in {row["id"] for row in all_rows(built(tmp_path, [record(n) for n in range(40)] + [special]))}


def test_build_keeps_like_instructions_together(tmp_path):
    records = [record(n) for n in range(40)] + [record(n, instruction=f"one two three four {n}") for n in range(40, 48)]
    splits = built(tmp_path, records)
    owners = [split for split, rows in splits.items() if any(row["instruction"].startswith("one two") for row in rows)]
    assert len(owners) == 1


def test_build_writes_a_response_that_is_no_text_as_text(tmp_path):
    row = next(
        row
        for row in all_rows(built(tmp_path, [record(n, response1=n == 0 or f"good {n}") for n in range(40)]))
        if row["id"] == "0"
    )
    assert "True" in (row["response"], row["other"])


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([{}], "not PandaLM's test set"),
        ([record(1, annotator1=3)], "not PandaLM's test set"),
        ([1], "not PandaLM's test set"),
        (7, "not PandaLM's test set"),
        ([], "not enough instructions for 3 in test"),
        ([record(1)], "not enough instructions"),
    ],
)
def test_build_says_what_is_wrong_with_the_source(tmp_path, records, reason):
    with pytest.raises(DatasetError, match=reason):
        built(tmp_path, records)


def test_build_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=r"testset-v1\.json: No such file"):
        build(tmp_path)


def test_shipped_rows_are_apart_and_balanced():
    bags = {
        split: {(row.instruction, row.input): frozenset(words(f"{row.instruction} {row.input}")) for row in rows}
        for split, rows in SHIPPED.items()
    }
    for split in ("train", "val"):
        for bag in bags[split].values():
            assert all(jaccard(bag, other) <= LARGEST_OVERLAP for other in bags["test"].values())
    for rows in SHIPPED.values():
        counts = Counter(row.verdict for row in rows)
        assert abs(counts["first"] - counts["second"]) <= 1
    ids = [row.id for rows in SHIPPED.values() for row in rows]
    assert len(ids) == len(set(ids))


def test_shipped_first_rows_are_a_fair_sample():
    assert {row.verdict for row in SHIPPED["val"][:16]} == {"first", "second", "tie"}
    assert len({row.instruction for row in SHIPPED["test"][:40]}) == 40


def test_demonstrations_are_replies_that_the_judge_could_have_given():
    means = {"first": [], "second": [], "tie": []}
    for row in SHIPPED["train"]:
        judgement = Judgement.model_validate(as_demonstration(row)["score"]["judgement"])
        assert [mark.criterion for mark in judgement.scores] == ["correctness", "helpfulness", "clarity"]
        assert judgement.reason
        means[row.verdict].append(sum(mark.score for mark in judgement.scores) / 3)
    first, second, tie = (sum(values) / len(values) for values in (means[name] for name in ("first", "second", "tie")))
    assert first > tie > second


def test_demonstration_shows_what_the_judge_shows():
    demo = as_demonstration(SHIPPED["train"][0])["score"]
    assert set(demo) == {"criteria", "instruction", "input", "response", "judgement"}
    assert json.loads(demo["response"]) == SHIPPED["train"][0].response


def test_demonstration_of_a_comparison_shows_both_and_the_peoples_letter():
    for row in SHIPPED["train"]:
        demo = as_demonstration(row)["compare"]
        assert (json.loads(demo["response_a"]), json.loads(demo["response_b"])) == (row.response, row.other)
        assert set(demo) == set(CompareResponses.fields) and demo["better"] in ("A", "B")
        assert row.verdict == "tie" or demo["better"] == {"first": "A", "second": "B"}[row.verdict]
