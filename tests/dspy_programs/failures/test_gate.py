"""Limits: what closes, what does not, what is only possible, and what is no limit at all."""

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.failures import FailureClassifier, Outcome, Tally
from dspy_programs.failures.gate import bounds_of, checks_of
from dspy_programs.types import Trace

GOOD = {"original_goal": "Greet", "is_successful": True, "turns": [{"turn_number": 0, "role": "agent", "content": "Hello."}]}


def report(mode="none", **fields):
    known = FailureClassifier(use_llm=False).classify(Trace.model_validate(GOOD))
    return known.model_copy(update={"classified_failure_mode": mode, **fields})


def batch_of(*found):
    tally = Tally()
    for each, count in found:
        for _ in range(count):
            tally.add(Outcome("x", None, each, None))
    return tally.batch()


def test_bound_holds_up_to_its_rate_and_closes_above():
    batch = batch_of((report(), 9), (report("HALLUCINATION"), 1))
    holds = [check.holds for check in checks_of(batch, bounds_of(["HALLUCINATION=0.1", "hallucination=0.09", "ANY=0"]))]
    assert holds == [True, False, False]


def test_check_says_rate_interval_and_bound():
    text = checks_of(batch_of((report(), 9), (report("HALLUCINATION"), 1)), bounds_of(["ANY=0.05"]))[0].text
    assert text == "ANY: 10.0% [1.8%, 40.4%], above the limit of 5.0%"


def test_what_is_only_possible_closes_no_gate():
    possible = report("HALLUCINATION", possible=True, is_successful=None)
    batch = batch_of((report(), 6), (possible, 4))
    assert all(check.holds for check in checks_of(batch, bounds_of(["HALLUCINATION=0", "ANY=0"])))
    assert (batch.failing.count, batch.possible, batch.share("HALLUCINATION").possible) == (0, 4, 4)
    assert batch.share("none").count == 6


def test_a_run_recorded_as_failed_closes_the_gate_even_if_its_mode_is_only_possible():
    batch = batch_of((report(), 6), (report("HALLUCINATION", possible=True, is_successful=False), 4))
    found = {bound: checks_of(batch, bounds_of([bound]))[0].holds for bound in ("HALLUCINATION=0", "ANY=0.3", "UNKNOWN=0.3")}
    assert found == {"HALLUCINATION=0": True, "ANY=0.3": False, "UNKNOWN=0.3": False}
    assert (batch.failing.count, batch.possible) == (4, 0)


@pytest.mark.parametrize("mode", ["UNKNOWN", "NO_ANSWER", "CRASH"])
def test_a_fact_closes_the_gate(mode):
    assert not checks_of(batch_of((report(mode), 1)), bounds_of([f"{mode.lower()}=0"]))[0].holds


@pytest.mark.parametrize(
    "text", ["HALLUCINATION", "LIES=0.1", "ANY=", "ANY=x", "ANY=nan", "ANY=1.5", "ANY=-0.1", "none=0.5", ""]
)
def test_bound_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--fail-on"):
        bounds_of([text])
