"""Bounds and baselines: what closes, what does not, and what is no bound or baseline at all."""

import json

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.failures import FailureClassifier, Outcome, Tally
from dspy_programs.failures.gate import bounds_of, checks_of, read_baseline
from dspy_programs.types import Trace

GOOD = {"original_goal": "Greet", "is_successful": True, "turns": [{"turn_number": 0, "role": "agent", "content": "Hello."}]}
BAD = {
    "original_goal": "Greet",
    "tools": ["greet"],
    "turns": [{"turn_number": 0, "role": "tool", "tool_name": "meet", "tool_output": "hi"}],
}


def batch_of(good, bad):
    tally, classifier = Tally(), FailureClassifier(use_llm=False)
    for raw, count in ((GOOD, good), (BAD, bad)):
        trace = Trace.model_validate(raw)
        report = classifier.classify(trace)
        for _ in range(count):
            tally.add(Outcome("x", trace, report, None))
    return tally.batch()


def test_bound_holds_up_to_its_rate_and_closes_above():
    batch = batch_of(9, 1)
    holds = [check.holds for check in checks_of(batch, bounds_of(["HALLUCINATION=0.1", "hallucination=0.09", "ANY=0"]), None)]
    assert holds == [True, False, False]


def test_check_says_rate_interval_and_bound():
    text = checks_of(batch_of(9, 1), bounds_of(["ANY=0.05"]), None)[0].text
    assert text == "ANY: 10.0% [1.8%, 40.4%], above the limit of 5.0%"


@pytest.mark.parametrize(
    "text", ["HALLUCINATION", "LIES=0.1", "ANY=", "ANY=x", "ANY=nan", "ANY=1.5", "ANY=-0.1", "none=0.5", ""]
)
def test_bound_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--fail-on"):
        bounds_of([text])


def test_baseline_closes_where_a_mode_rises_beyond_noise_and_not_before(tmp_path):
    file = tmp_path / "base.json"
    file.write_text(batch_of(95, 5).model_dump_json())
    base = read_baseline(file)
    assert all(check.holds for check in checks_of(batch_of(95, 5), [], base))
    assert all(check.holds for check in checks_of(batch_of(92, 8), [], base))
    risen = [check.text for check in checks_of(batch_of(60, 40), [], base) if not check.holds]
    assert [text.split(":")[0] for text in risen] == ["ANY", "HALLUCINATION"]
    assert "was 5.0% of 100, difference +35.0% [+24.0%, +45.2%]: risen beyond noise" in risen[0]


def test_baseline_that_fell_does_not_close(tmp_path):
    file = tmp_path / "base.json"
    file.write_text(batch_of(50, 50).model_dump_json())
    assert all(check.holds for check in checks_of(batch_of(100, 0), [], read_baseline(file)))


def changed(**fields):
    return json.dumps({**json.loads(batch_of(5, 5).model_dump_json()), **fields})


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "nonsense", "null"),
        batch_of(0, 0).model_dump_json(),
        changed(format="failures-batch-0"),
        changed(modes=[]),
        changed(traces=3),
        changed(surprise=1),
        json.dumps({"reports": []}),
    ],
)
def test_baseline_of_another_format_or_empty_is_refused(tmp_path, text):
    file = tmp_path / "base.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"base\.json"):
        read_baseline(file)


def test_baseline_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_baseline(tmp_path / "none.json")
