"""What the caller knows of a run's outcome, through the whole tool: reports, totals, gates, JUnit, SARIF."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.failures import FailureClassifier
from dspy_programs.failures.batch import Outcome, Tally
from dspy_programs.types import Trace

HELLO = [{"turn_number": 0, "role": "user", "content": "Say hello"}, {"turn_number": 1, "role": "agent", "content": "Hello!"}]


def run(successful, **more):
    return {"trace_id": "t", "original_goal": "Say hello", "is_successful": successful, "turns": HELLO, **more}


@pytest.fixture
def lost(tmp_path):
    path = tmp_path / "lost.json"
    path.write_text(json.dumps(run(False)))
    return path


def test_failed_run_without_a_cause_is_unknown_in_the_report():
    report = FailureClassifier(use_llm=False).classify(run(False))
    assert (report.classified_failure_mode, report.failed, report.first_failure_turn) == (
        "UNKNOWN",
        True,
        1,
    )  # where to begin reading
    assert report.modes[0].turn == 1 and report.fixes and report.probability is None
    assert FailureClassifier(use_llm=False).classify(run(True)).classified_failure_mode == "none"


def test_unknown_counts_as_a_failure_in_the_totals():
    tally = Tally()
    for known in (True, False, None):
        trace = Trace.model_validate(run(known))
        tally.add(Outcome("f", trace, FailureClassifier(use_llm=False).classify(trace), None))
    batch = tally.batch()
    assert batch.failing.count == batch.share("UNKNOWN").count == batch.share("ANY").count == 1


@pytest.mark.parametrize(("limit", "code"), [("ANY=0", 1), ("UNKNOWN=0", 1), ("CRASH=0", 0), ("ANY=1", 0)])
def test_unknown_closes_a_gate(lost, limit, code, capsys):
    assert main(["failures", "batch", str(lost), "--fail-on", limit]) == code
    assert "1 failing" in capsys.readouterr().out


def test_every_output_takes_a_failure_of_unknown_cause(lost, tmp_path, capsys):
    outputs = {name: tmp_path / f"out.{name}" for name in ("junit", "sarif", "html")}
    flags = [text for name, path in outputs.items() for text in (f"--{name}", str(path))]
    assert main(["failures", "batch", str(lost), *flags]) == 0
    assert 'failures="1"' in outputs["junit"].read_text() and "UNKNOWN" in outputs["html"].read_text()
    (result,) = json.loads(outputs["sarif"].read_text())["runs"][0]["results"]
    assert result["ruleId"] == "UNKNOWN"
    capsys.readouterr()
    assert main(["failures", "classify", str(lost)]) == 0
    assert "UNKNOWN" in capsys.readouterr().out


def test_error_of_a_trace_reaches_the_verdict(tmp_path, capsys):
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps(run(None, error="ConnectionError: refused", turns=HELLO[:1])) + "\n")
    assert main(["failures", "batch", str(path), "--fail-on", "CRASH=0"]) == 1
    assert "ConnectionError" in capsys.readouterr().out
