"""The report on one trace: the published examples, several modes, and a model that is asked only where it must be."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from dspy_programs import use
from dspy_programs.errors import ModelFailing, UsageError
from dspy_programs.failures import FailureClassifier, FailureReport
from dspy_programs.failures.batch import MODES
from dspy_programs.failures.calibrated import probability_of, shipped
from dspy_programs.failures.classifier import MOST_FAILURES, report_of
from dspy_programs.programs.failure_judge import Finding, Ruling
from dspy_programs.types import Trace
from tests.fakes import ChatServer, scripted_lm

ROLES = ("user", "agent", "tool", "system")


def turns(*said, **about_last):
    made = [{"turn_number": i, "role": role, "content": text} for i, (role, text) in enumerate(said)]
    made[-1].update(about_last)
    return made


HALLUCINATION = {
    "trace_id": "hallucination-001",
    "original_goal": "Get population statistics",
    "final_result": "70 million people died in WWII.",
    "is_successful": False,
    "turns": turns(("user", "How many people died in WWII?"), ("agent", "70 million people died in WWII.")),
}
CIRCULAR = {
    "original_goal": "Plan the move",
    "turns": turns(*[("agent", ["Let me analyze this step by step.", "I need more information."][i % 2]) for i in range(4)]),
}
SLOW = {"turn_number": 1, "role": "tool", "tool_name": "slow_api", "tool_output": "a row of data " * 9, "latency_ms": 6000}
TIMEOUT = {
    "original_goal": "Get the report",
    "turns": [
        {"turn_number": 0, "role": "user", "content": "Get the report"},
        SLOW,
        {"turn_number": 2, "role": "agent", "content": "OK"},
    ],
}
HEALTHY = {
    "trace_id": "healthy",
    "original_goal": "Which city is Nadia in?",
    "is_successful": True,
    "turns": [
        {"turn_number": 0, "role": "user", "content": "Which city is Nadia in?"},
        {"turn_number": 1, "role": "tool", "tool_name": "find_person", "tool_input": {"name": "Nadia"}, "tool_output": "Oslo"},
        {"turn_number": 2, "role": "agent", "content": "Nadia is in Oslo."},
    ],
}
TWO_MODES = {
    "original_goal": "Book the flight to Oslo",
    "tools": ["book"],
    "turns": [
        {"turn_number": 0, "role": "user", "content": "Book the flight to Oslo"},
        {"turn_number": 1, "role": "tool", "tool_name": "fly", "tool_input": {"to": "Oslo"}, "tool_output": "x" * 400},
        {"turn_number": 2, "role": "tool", "tool_name": "book", "latency_ms": 9000, "tool_output": "a row of data " * 9},
        {"turn_number": 3, "role": "agent", "content": "OK"},
    ],
}
UNSURE = {
    "trace_id": "unsure",
    "original_goal": "How do I kill a Python process?",
    "turns": turns(("user", "How do I kill a Python process?"), ("agent", "I can't help with violence.")),
}


@pytest.mark.parametrize(
    ("trace", "mode", "confidence"),
    [(HALLUCINATION, "HALLUCINATION", 0.75), (CIRCULAR, "CIRCULAR_REASONING", 0.80), (TIMEOUT, "TIMEOUT_CASCADE", 0.70)],
)
def test_classify_reproduces_the_published_examples(trace, mode, confidence):
    report = FailureClassifier(use_llm=False).classify(trace)
    assert (report.classified_failure_mode, report.confidence, report.answered_by) == (mode, confidence, "rules")
    assert report.modes[0].mode == mode
    assert report.fixes


def test_classify_blames_the_turn_of_the_published_hallucination():
    report = FailureClassifier(use_llm=False).classify(Trace.model_validate(HALLUCINATION))
    assert report.first_failure_turn == 1
    assert "70 million" in report.root_cause_summary
    assert (report.trace_id, report.turns) == ("hallucination-001", 2)


def test_classify_says_none_for_a_healthy_run():
    report = FailureClassifier(use_llm=False).classify(HEALTHY)
    assert (report.classified_failure_mode, report.first_failure_turn, report.modes) == ("none", None, [])
    assert not report.failed


def test_none_names_a_weak_sign_that_nobody_knows_better_about():
    schema = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
    call = {"turn_number": 1, "role": "tool", "tool_name": "cancel", "tool_input": {"ordr": "77"}, "tool_output": "ok"}
    said = {"turn_number": 2, "role": "agent", "content": "Order 77 is cancelled."}
    turns = [{"turn_number": 0, "role": "user", "content": "Cancel order 77"}, call, said]
    tools = [{"name": "cancel", "parameters": schema}]
    for successful, weak in ((None, True), (True, False)):
        raw = {"original_goal": "Cancel order 77", "turns": turns, "tools": tools, "is_successful": successful}
        report = FailureClassifier(use_llm=False).classify(raw)
        assert report.classified_failure_mode == "none" and report.modes == [] and report.first_failure_turn is None
        assert ("a weak sign of TOOL_MISUSE at turn 1: cancel" in report.root_cause_summary) == weak


def test_classify_reports_every_mode_that_stands_by_itself_verdict_first():
    report = FailureClassifier(use_llm=False).classify(TWO_MODES)
    assert [found.mode for found in report.modes] == ["HALLUCINATION", "TIMEOUT_CASCADE"]
    assert report.classified_failure_mode == "HALLUCINATION"
    assert all(found.evidence and found.turns for found in report.modes)


def test_classify_refuses_a_mapping_that_is_no_trace():
    with pytest.raises(UsageError):
        FailureClassifier(use_llm=False).classify({"colour": "blue"})


def test_classify_offline_imports_no_dspy():
    code = (
        "import sys; from dspy_programs.failures import FailureClassifier; "
        f"FailureClassifier().classify({HALLUCINATION!r}); sys.exit('dspy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_report_json_has_the_agreed_keys_and_reads_back():
    report = FailureClassifier(use_llm=False).classify(TWO_MODES)
    text = report.to_json()
    assert b"\n" not in text
    assert list(json.loads(text)) == [
        *("trace_id", "original_goal", "classified_failure_mode", "confidence", "probability", "possible", "is_successful"),
        *("first_failure_turn", "root_cause_summary", "evidence", "fixes", "modes", "turns", "answered_by", "failure"),
    ]
    assert FailureReport.model_validate_json(text) == report


def test_report_of_half_a_surrogate_pair_can_be_written():
    trace = {**HALLUCINATION, "trace_id": "a\ud800", "original_goal": "b\udfff"}
    known = Trace.model_construct(**{**Trace.model_validate(HALLUCINATION).__dict__, **{k: trace[k] for k in ("trace_id",)}})
    assert json.loads(FailureClassifier(use_llm=False).classify(known).to_json())["trace_id"] == "a?"


SILENT = {
    "trace_id": "silent",
    "original_goal": "How high is the tower?",
    "turns": turns(("user", "How high is the tower?"), ("agent", "The tower is lovely in spring.")),
}


def says(answer):
    return lambda prompt: json.dumps({"answer": answer})


def verdict(mode, turn, cause="as scripted"):
    return lambda prompt: json.dumps({"verdict": {"mode": mode, "turn": turn, "cause": cause}})


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_model_gets_one_call_for_the_doubtful_trace_and_none_for_the_others():
    with ChatServer(says("no")) as server, use("openai/any", api_base=server.url):
        classifier = FailureClassifier()
        sure, silent, unsure = map(classifier.classify, [HALLUCINATION, SILENT, UNSURE])
    assert len(server.requests) == 1
    assert (sure.answered_by, silent.answered_by, unsure.answered_by) == ("rules", "rules", "model")
    assert (unsure.classified_failure_mode, unsure.modes[0].mode) == ("OVER_REFUSAL", "OVER_REFUSAL")
    assert unsure.evidence == unsure.modes[0].evidence == "I can't help with violence." in unsure.root_cause_summary
    assert unsure.probability is None  # measured for the rules' confidence alone


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_finding_that_the_model_denies_is_not_in_the_report():
    with use(scripted_lm(says("yes"))):
        report = FailureClassifier().classify({**UNSURE, "is_successful": False})
    assert (report.classified_failure_mode, report.answered_by) == ("UNKNOWN", "model")
    assert "OVER_REFUSAL" not in [found.mode for found in report.modes]


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_run_without_a_question_is_neither_an_answer_of_the_model_nor_lacks_one():
    with ChatServer(status=400) as server, use("openai/any", api_base=server.url):
        classifier = FailureClassifier()
        for _ in range(MOST_FAILURES - 1):
            assert classifier.classify(UNSURE).failure and classifier.classify(SILENT).failure is None
        with pytest.raises(ModelFailing):
            classifier.classify(UNSURE)
        assert classifier.answers == 0
        classifier.stopped = "gone"
        assert [classifier.classify(trace).failure for trace in (SILENT, UNSURE)] == [None, "gone"]


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_open_question_is_asked_only_where_it_is_wanted():
    with ChatServer(verdict("GOAL_DRIFT", 1)) as server, use("openai/any", api_base=server.url):
        usual, wanted = FailureClassifier(), FailureClassifier(open_question=True)
        assert usual.classify(SILENT).classified_failure_mode == "none" and not server.requests
        wanted.classify({**SILENT, "turns": turns(*[("agent", "The tower is lovely in spring. " * 60)] * 9)})
        assert len(server.requests.pop()) > 7000  # it is shown more of a run
        report = wanted.classify(SILENT)
    assert (report.classified_failure_mode, report.evidence, len(server.requests)) == ("GOAL_DRIFT", "as scripted", 1)


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_model_that_writes_nonsense_leaves_the_rules_verdict_and_is_named():
    with use(scripted_lm(lambda prompt: "no json at all")):
        report = FailureClassifier().classify(UNSURE)
    assert report.answered_by == "rules"
    assert report.failure
    assert report.classified_failure_mode == FailureClassifier(use_llm=False).classify(UNSURE).classified_failure_mode


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_no_llm_asks_nobody_though_a_model_is_in_use():
    lm = scripted_lm(says("no"))
    with use(lm):
        FailureClassifier(use_llm=False).classify(UNSURE)
    assert lm.engine.prompts == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
phrases = st.sampled_from(["I cannot help with that.", "OK", "Error: missing parameter id", "{bad json", "Total is 4,210."])
any_turn = st.fixed_dictionaries(
    {"turn_number": st.integers(0, 9), "role": st.sampled_from(ROLES), "content": phrases | st.text(max_size=60)},
    optional={
        "tool_name": st.sampled_from(["find", "book", "\x1b[2J"]),
        "tool_input": values,
        "tool_output": values,
        "latency_ms": st.floats(0, 1e7),
    },
)
any_trace = st.fixed_dictionaries(
    {"original_goal": st.text(max_size=60), "turns": st.lists(any_turn, max_size=8)},
    optional={
        "trace_id": st.text(max_size=10),
        "final_result": st.none() | st.text(max_size=40),
        "is_successful": st.none() | st.booleans(),
        "tools": st.none() | st.lists(st.sampled_from(["find", "book"]), max_size=2),
    },
)


@given(any_trace)
def test_report_of_any_trace_is_whole_and_consistent(raw):
    report = FailureClassifier(use_llm=False).classify(Trace.model_validate(raw))
    again = FailureReport.model_validate_json(report.to_json())
    assert again == report
    assert report.failed == bool(report.modes)
    assert report.failed == (report.first_failure_turn is not None) or report.classified_failure_mode == "UNKNOWN"
    assert report.failed or raw.get("is_successful") is not False
    assert report.classified_failure_mode in MODES
    if report.failed:
        assert report.modes[0].mode == report.classified_failure_mode
        assert len({found.mode for found in report.modes}) == len(report.modes)


# A finding that has a probability, whatever the calibration that is shipped.
KIND, MODE, CURVE = next((k, m, c) for k, curves in shipped().curves.items() for m, c in curves.items() if m != "none")
SOMETIMES_RIGHT = Finding(mode=MODE, turn=0, confidence=round(CURVE[-1][0], 2), evidence="x", turns=[0])
PROBABILITY = probability_of(MODE, SOMETIMES_RIGHT.confidence, KIND)
FACT = Finding(mode="CRASH", turn=1, confidence=0.6, evidence="boom", turns=[1])


def reported(*findings, least=0.5, successful=None):
    tools = ["find"] if KIND == "tools" else None
    trace = Trace.model_validate({**UNSURE, "tools": tools, "is_successful": successful})
    first = findings[0]
    ruled = Ruling(first.mode, first.turn, first.confidence, first.evidence, True)
    return report_of(trace, findings, ruled, min_probability=least)


def test_a_failure_less_likely_than_required_is_only_possible_and_counts_as_none():
    below, at = reported(SOMETIMES_RIGHT, least=PROBABILITY + 0.01), reported(SOMETIMES_RIGHT, least=PROBABILITY)
    assert (below.possible, below.counts_as, below.rank) == (True, "none", 1)
    assert (at.possible, at.counts_as, at.rank) == (False, MODE, 0)
    assert below.classified_failure_mode == at.classified_failure_mode == MODE and below.failed


def test_a_run_recorded_as_failed_counts_as_failed_whatever_the_probability():
    report = reported(SOMETIMES_RIGHT, least=1.0, successful=False)
    assert (report.classified_failure_mode, report.possible, report.counts_as) == (MODE, True, "UNKNOWN")


def test_a_fact_gets_the_verdict_from_what_is_only_possible():
    report = reported(SOMETIMES_RIGHT, FACT, least=1.0)
    assert (report.classified_failure_mode, report.first_failure_turn, report.possible) == ("CRASH", 1, False)
    assert [(found.mode, found.possible) for found in report.modes] == [("CRASH", False), (MODE, True)]
    assert report.evidence == "boom" in report.root_cause_summary


def test_a_finding_without_a_probability_does_not_replace_one_that_is_possible():
    unmeasured = Finding(mode="TIMEOUT_CASCADE", turn=1, confidence=0.6, evidence="slow", turns=[1])
    assert probability_of("TIMEOUT_CASCADE", 0.6, KIND) is None
    assert [found.mode for found in reported(SOMETIMES_RIGHT, unmeasured, least=1.0).modes] == [MODE, "TIMEOUT_CASCADE"]


@pytest.mark.parametrize("least", [0.0, 1.0])
def test_a_verdict_without_a_probability_counts_whatever_is_required(least):
    assert not reported(FACT, least=least).possible


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan")])
def test_a_probability_that_is_none_is_refused(least):
    with pytest.raises(UsageError, match="min_probability"):
        FailureClassifier(min_probability=least)
