"""Days in an answer: one that no result, nobody and no arithmetic gave is found; the same day in other words is none."""

import time

import pytest

from dspy_programs.programs.failure_judge.detectors.date_from_nowhere import days_in
from tests.dspy_programs.programs.runs import ruled

ASKED = "When does my passport expire?"


def verdict(answer, output='{"expires": "2027-03-12"}', asked=ASKED):
    looked = {"role": "tool", "tool_name": "get_passport", "tool_input": {}, "tool_output": output}
    return ruled(asked, ("user", asked), looked, ("agent", answer))


@pytest.mark.parametrize(
    "answer", ["Your passport expires on 21 April 2027.", "It expires on April 21.", "Your passport expires on 2028-03-12."]
)
def test_a_day_that_contradicts_the_result_is_found_in_the_answer(answer):
    found = verdict(answer)
    assert (found.mode, found.turn) == ("HALLUCINATION", 2)
    assert "2027-03-12" in found.evidence


@pytest.mark.parametrize(
    ("answer", "output", "asked"),
    [
        ("Your passport expires on 12 March 2027.", '{"expires": "2027-03-12"}', ASKED),
        ("It expires on March 12th.", '{"expires": "12/03/2027"}', ASKED),
        ("On 21 April 2027 you will need a new one.", "it expires on 21.04.2027", ASKED),
        ("It is valid on 21 April 2027.", "expires: 2027-05-01, issued: 2017-05-02", "Is my passport valid on 21 April 2027?"),
        ("Shall I book the office for 21 April?", '{"expires": "2027-03-12"}', ASKED),
        ("It expires on 21 April 2027.", "valid", ASKED),  # the result names no day: it may have been cut
        ("You have 3 passports.", '[{"expires": "2027-03-12"}, {"expires": "2028-01-01"}, {"expires": "2029-01-01"}]', ASKED),
    ],
)
def test_a_day_that_was_given_or_asked_for_is_none(answer, output, asked):
    assert verdict(answer, output, asked).mode == "none"


def test_hostile_texts_are_read_in_no_time():
    for text in ("1 Mar" * 200_000, "March 1, " * 100_000, "2027-03-12" * 100_000, "." * 1_000_000, "1" * 1_000_000):
        begin = time.process_time()
        days_in(text)
        assert time.process_time() - begin < 1
