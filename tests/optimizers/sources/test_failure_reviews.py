"""The runs that one reader has read: verdicts that can be found in them, words that are there, nothing shared with test."""

import hashlib
import json

import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.programs.failure_judge import text_of
from dspy_programs.registry import digest
from dspy_programs.tables import rows_in
from optimizers.data import data_directory
from optimizers.sources.failure_reviews import ENDS, Review, _review, reviews

FOLDER = data_directory("failure_judge")
READ = reviews()


def everything(review: Review) -> str:
    turns = [turn for turn in review.trace.turns if review.turn in (None, turn.turn_number)]
    return "\n".join(f"{t.content} {t.tool_name} {text_of(t.tool_input)} {text_of(t.tool_output)}" for t in turns)


def test_sixty_findings_and_forty_silent_failures_are_read():
    found = [review for review in READ if review.found]
    assert (len(found), len(READ) - len(found)) == (60, 40)
    assert len({review.id for review in READ}) == 100
    assert all(review.is_successful is False for review in READ if not review.found)
    assert all(review.reason.endswith(".") for review in READ)


@pytest.mark.parametrize("review", READ, ids=lambda review: review.id)
def test_what_a_reader_says_is_in_the_run(review):
    numbers = {turn.turn_number for turn in review.trace.turns}
    for verdict in (review, *review.also):
        assert verdict.turn in numbers if verdict.mode not in ENDS else verdict.turn is None or verdict.turn in numbers
    assert review.cause in everything(review) and bool(review.cause) == (review.mode not in ("none", "UNKNOWN"))


def test_agreement_is_that_of_the_verdicts():
    for review in READ:
        found = review.found
        assert review.agrees == (found is not None and review.accepts(found.mode, found.turn)), review.id
        assert (review.points_at_fault is None) == (found is None) and not (review.agrees and not review.points_at_fault)


def test_a_verdict_is_accepted_by_mode_and_turn():
    ends = next(review for review in READ if review.mode == "NO_ANSWER")
    assert ends.accepts("NO_ANSWER", None) and not ends.accepts("none", None)
    other = next(review for review in READ if review.mode == "HALLUCINATION" and not review.also)
    assert other.accepts("HALLUCINATION", other.turn) and not other.accepts("HALLUCINATION", other.turn + 1)
    unknown = next(review for review in READ if review.mode == "UNKNOWN")
    assert unknown.accepts("none", None) and unknown.accepts("UNKNOWN", None) and not unknown.accepts("SCHEMA_ERROR", 1)


def test_no_group_is_shared_with_test_nor_between_the_halves():
    unseen = [row for name in ("test", "transfer_test") for _, _, row in rows_in(FOLDER / f"{name}.jsonl")]
    assert not {review.id for review in READ} & {row["id"] for row in unseen}
    assert not {review.trace.original_goal.strip() for review in READ} & {row["goal"].strip() for row in unseen}
    tasks = {"-".join(row["id"].split("-")[:2]) for row in unseen if row["source"] == "tau-bench"}
    assert not {review.group for review in READ} & tasks
    halves = [{review.group for review in READ if review.split == split} for split in ("train", "val")]
    assert not halves[0] & halves[1] and abs(len(halves[0]) - len(halves[1])) <= 1
    assert {review.source for review in READ if review.split == "train"} == {"tau-bench", "workbench"}  # see the card


def test_templates_of_test_are_not_among_those_read():
    """The shipped findings name the group of every WorkBench run by a digest of its template."""
    homes = {json.loads(line)["group"]: json.loads(line)["split"] for line in (FOLDER / "findings.jsonl").open()}
    for review in READ:
        if review.source == "workbench":
            assert homes[digest(review.group)[:8]] == review.split, review.id


def test_a_malformed_row_is_named():
    row = json.loads((FOLDER / "reviewed.jsonl").open().readline())
    with pytest.raises(DatasetError, match="there:3: mode: "):
        _review("there:3", {**row, "mode": "BAD_LUCK"})


def test_card_has_the_digest():
    sha256 = hashlib.sha256((FOLDER / "reviewed.jsonl").read_bytes()).hexdigest()
    assert f"{sha256}  reviewed.jsonl" in (FOLDER / "CARD.md").read_text()
