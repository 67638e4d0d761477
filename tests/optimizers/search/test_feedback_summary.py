"""What feedback says over many cases: how often, by how much, in which direction."""

import time

from hypothesis import given, settings, strategies as st

from metrics.score import Component, composite
from optimizers.search.feedback_summary import FeedbackSummary


def ledger_of(*feedbacks):
    ledger = FeedbackSummary()
    for number, feedback in enumerate(feedbacks):
        ledger.add(number, feedback)
    return ledger


def test_counts_and_mean_are_over_all_cases():
    summary = ledger_of("steps 0.40: too long", "Perfect.", "Perfect.", "steps 0.20: too short").summary()
    assert summary == "steps: below 1 in 2 of 4 cases, mean 0.65; last: too short"


def test_numbers_of_alike_messages_are_averaged_in_their_places():
    feedbacks = [f"steps 0.50: planned {a} tasks, {b} are needed" for a, b in ((5, 2), (4, 3), (6, 2.5))]
    assert ledger_of(*feedbacks).summary().endswith("; on average planned 5 tasks, 2.5 are needed")


def test_commonest_message_goes_before_the_last():
    feedbacks = ["order 0.50: tasks wait", "order 0.50: tasks wait", "order 0.50: a comes late"]
    assert ledger_of(*feedbacks).summary().endswith("; often: tasks wait")


def test_costliest_components_come_first_and_at_most_three():
    feedback = "a 0.90: w\nb 0.10: x\nc 0.50: y\nd 0.70: z"
    assert [line.split(":")[0] for line in ledger_of(feedback).summary().splitlines()] == ["b", "c", "d"]


def test_what_belongs_to_one_row_is_left_out():
    feedback = "tools 0.50: missing pay. Right: pay_bill (Pay the bill of 4521)\nformat 0.00: it began: 'Dear Ms Kim'. Right: x"
    summary = ledger_of(feedback).summary()
    assert "4521" not in summary and "Kim" not in summary and "missing pay" in summary


def test_case_seen_again_replaces_what_was_known():
    ledger = ledger_of("steps 0.40: too long", "steps 0.40: too long")
    before = ledger.summary()
    ledger.add(0, "steps 0.40: too long")
    assert ledger.summary() == before
    ledger.add(0, "Perfect.")
    assert ledger.summary() == "steps: below 1 in 1 of 2 cases, mean 0.70; last: too long"


def test_reads_what_a_metric_writes():
    score = composite([Component("tools", 0.4, 0.5, "missing x"), Component("order", 1.0, 0.5)])
    assert ledger_of(score.feedback).summary() == "tools: below 1 in 1 of 1 cases, mean 0.40; last: missing x"


def test_nothing_seen_and_nothing_failed_are_empty():
    assert FeedbackSummary().summary() == "" and ledger_of("Perfect.", "", "no component here").summary() == ""


def test_megabyte_of_feedback_is_read_in_no_time():
    start = time.process_time()
    ledger = ledger_of("a 0.10: " + "'" * 1_000_000, "a 0.10: " + "9" * 1_000_000, "x 0.1" * 200_000)
    assert len(ledger.summary()) < 400
    assert time.process_time() - start < 1


NAMES = st.sampled_from(["a", "steps", "x" * 50, "\ud800", ""])
LINE = st.builds("{} {}: {}".format, NAMES, st.sampled_from(["0.10", "1.99", "2.00"]), st.text(max_size=80))
FEEDBACK = st.lists(LINE | st.text(), max_size=5).map("\n".join)


@settings(max_examples=100, deadline=None)
@given(st.lists(FEEDBACK, max_size=8))
def test_summary_is_always_short_and_sendable(feedbacks):
    summary = ledger_of(*feedbacks).summary()
    assert len(summary.split("\n")) <= 3 and len(summary) <= 3 * 250
    summary.encode()
