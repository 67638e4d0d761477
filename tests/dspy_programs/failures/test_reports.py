"""Pages, SARIF, JUnit, lines and tables: whole, escaped, and every record in them."""

import hashlib
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from dspy_programs import __version__
from dspy_programs.failures import Batch, FailureClassifier, Outcome, Tally
from dspy_programs.failures.batch import Check
from dspy_programs.failures.classifier import report_of
from dspy_programs.failures.reports import html, table
from dspy_programs.failures.reports.html import Page, TracePage
from dspy_programs.failures.reports.junit import JUnit
from dspy_programs.failures.reports.lines import Lines
from dspy_programs.failures.reports.place import parse_place, uri_of
from dspy_programs.failures.reports.sarif import RULES, Sarif
from dspy_programs.failures.reports.words import sureness_in_words
from dspy_programs.programs.failure_judge import Ruling
from dspy_programs.types import Trace

HOSTILE = "</style><script>alert(1)</script><img src=https://example.com/x onerror=alert(1)> ]]> & \x1b[2J\x00 {{ 7*7 }} \"'"


def failing(text="meet", **more):
    return {
        "trace_id": "bad",
        "original_goal": "Greet",
        "tools": ["greet"],
        "final_result": "Hi",
        "turns": [
            {"turn_number": 0, "role": "user", "content": "Greet"},
            {
                "turn_number": 7,
                "role": "tool",
                "tool_name": text,
                "tool_input": {"to": text},
                "tool_output": f'{{"a": "{text}"}}',
            },
        ],
        **more,
    }


HEALTHY = {
    "trace_id": "good",
    "original_goal": "Greet",
    "is_successful": True,
    "turns": [{"turn_number": 0, "role": "agent", "content": "Hi"}],
}


def outcome(raw, source="runs.jsonl:3"):
    trace = Trace.model_validate(raw)
    return Outcome(source, trace, FailureClassifier(use_llm=False, min_probability=0).classify(trace), None)


OUTCOMES = [outcome(failing()), outcome(HEALTHY, "runs.jsonl:4"), Outcome("runs.jsonl:5", None, None, "not JSON")]


def written(kind, outcomes):
    file, tally = io.BytesIO(), Tally()
    sink = kind(file)
    for each in outcomes:
        tally.add(each)
        sink.add(each)
    sink.finish(tally.batch())
    return file.getvalue()


class Tags(HTMLParser):
    """Collects what a browser would see: tags, the attributes that lead elsewhere or run something, scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.policy, self.inside, self.codes = set(), [], "", "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.inside = tag
        given = dict(attributes)
        self.links += [given[name] for name in given if name in ("src", "href", "action", "style") or name.startswith("on")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, text):
        if self.inside in ("script", "style") and text.strip():
            self.codes.append((self.inside, text))


def assert_needs_nothing_else(page):
    seen = Tags(page)
    assert not seen.tags & {"img", "link", "iframe", "object", "embed", "form", "base"}
    assert all(link.startswith("#") for link in seen.links)
    assert "url(" not in page and "@import" not in page
    assert [kind for kind, _ in seen.codes] == ["style", "script"]
    hashes = [b64encode(hashlib.sha256(text.encode()).digest()).decode() for _, text in seen.codes]
    style, script = (f"'sha256-{each}'" for each in hashes)
    assert seen.policy == f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def test_lines_name_every_record_and_read_back():
    rows = [json.loads(line) for line in written(Lines, OUTCOMES).splitlines()]
    assert [row["source"] for row in rows] == ["runs.jsonl:3", "runs.jsonl:4", "runs.jsonl:5"]
    assert rows[0]["classified_failure_mode"] == "HALLUCINATION"
    assert rows[2] == {"source": "runs.jsonl:5", "problem": "not JSON"}


def test_page_of_a_trace_marks_the_blamed_turn_and_links_to_it():
    page = written(TracePage, OUTCOMES[:1]).decode()
    assert_needs_nothing_else(page)
    assert 'href="#turn-1">turn 7</a>' in page
    assert re.search(r'class="turn tool witness blamed" id="turn-1"', page)
    assert "first failing turn" in page


def test_page_of_a_trace_shows_all_turns_and_a_result_that_is_no_turn():
    page = written(TracePage, [outcome(failing(final_result="the very end"))]).decode()
    assert page.count("<article") == 3
    assert "the very end" in page


@pytest.mark.parametrize("kind", [TracePage, Page])
def test_page_escapes_what_a_trace_says(kind):
    page = written(kind, [outcome(failing(HOSTILE, trace_id=HOSTILE, original_goal=HOSTILE, final_result=HOSTILE))]).decode()
    assert_needs_nothing_else(page)
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page


def test_page_of_a_batch_names_traces_problems_and_shows_intervals():
    page = written(Page, OUTCOMES).decode()
    assert_needs_nothing_else(page)
    assert "2 traces, 1 failing" in page
    assert 'answered by rules. <a href="#unreadable">1 could not be read.</a>' in page
    assert 'href="#trace-1">bad</a>' in page and 'id="trace-1"' in page
    assert 'aria-label="HALLUCINATION: 50.0 %, 9.5 % to 90.5 %"' in page
    assert "runs.jsonl:5: not JSON" in page
    assert len(set(re.findall(r'id="([^"]+)"', page))) == len(re.findall(r'id="([^"]+)"', page))


def test_page_of_a_batch_links_only_to_what_is_there(monkeypatch):
    monkeypatch.setattr(html, "MOST_WHOLE", 2)
    page = written(Page, [*OUTCOMES[:1] * 4, OUTCOMES[2]]).decode()
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))
    assert page.count('class="whole"') == 2


def test_page_of_a_large_batch_is_bounded_and_says_so(monkeypatch):
    monkeypatch.setattr(html, "MOST_ROWS", 3)
    page = written(Page, [*[OUTCOMES[1]] * 5, *[OUTCOMES[0]] * 2]).decode()
    assert page.count("<tr data-mode") == 3
    assert "3 of 7 are listed here, failing ones first" in page
    assert page.count('<td><a href="#trace-') == 2


def turn(number, **more):
    return {"turn_number": number, "role": "agent", "content": f"step {number}", **more}


@pytest.mark.parametrize(("kind", "most"), [(TracePage, 100_000), (Page, 150_000)])
def test_page_of_a_huge_text_shows_its_ends_and_says_what_it_leaves_out(kind, most):
    text = "the start " + "x" * 3_000_000 + " the end"
    page = written(kind, [outcome(failing(turns=[*failing()["turns"], turn(8, content=text)], final_result=text * 2))]).decode()
    assert len(page) < most
    assert "the start xxx" in page and "xxx the end" in page
    assert re.search(r"[23],\d\d\d,\d\d\d characters left out", page)


@pytest.mark.parametrize(("kind", "most"), [(TracePage, 1_000_000), (Page, 150_000)])
def test_page_of_endless_turns_shows_those_with_evidence_and_says_how_many_it_leaves_out(kind, most):
    turns = [turn(number, content=f"step {number}" + "y" * 2_000) for number in range(1_000)]
    turns[700] = {**failing()["turns"][1], "turn_number": 700}
    page = written(kind, [outcome(failing(turns=turns))]).decode()
    assert len(page) < most
    assert 'turn-700">turn 700</a>' in page and re.search(r'id="[-\w]*turn-700"', page)
    shown = len(re.findall(r'<article class="turn[^>]* id=', page))  # the result is none
    assert sum(int(count.replace(",", "")) for count in re.findall(r"([\d,]+) turns? left out", page)) == 1_000 - shown
    assert f"{shown} of 1,000 turns are shown" in page


def test_page_of_many_huge_runs_is_bounded():
    huge = outcome(failing(turns=[*failing()["turns"], *(turn(number, content="x" * 100_000) for number in range(8, 100))]))
    assert len(written(Page, [huge] * 150)) < html.MOST_CHARACTERS + 500_000


@pytest.mark.parametrize("kind", [TracePage, Page])
def test_page_says_when_and_by_which_version_it_was_made(kind):
    page = written(kind, OUTCOMES[:1]).decode()
    (made,) = re.findall(r'<time datetime="([^"]+)">', page)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(made)) < timedelta(minutes=5)
    assert f"dspy-programs {__version__}, <time" in page


def test_page_of_a_batch_has_probabilities_and_what_the_filter_needs():
    known, unknown = OUTCOMES[0], OUTCOMES[0].report.model_copy(update={"probability": None, "trace_id": "unmeasured"})
    page = written(Page, [known, Outcome("x.json", known.trace, unknown, None), *OUTCOMES[1:]]).decode()
    likely = known.report.probability
    assert likely is not None and f'data-name="probability">{likely:.0%}'.replace("%", " %") in page
    row = '<tr data-mode="HALLUCINATION" data-counts="HALLUCINATION" data-probability='
    assert f'{row}"{likely}" data-run="trace-1">' in page and f'{row}"" data-run="trace-2">' in page
    assert '<option value="HALLUCINATION">HALLUCINATION (2)</option>' in page
    assert '<div class="filter" id="filter" hidden>' in page  # until the script shows it


@pytest.mark.parametrize("mode", ["UNKNOWN", "NO_ANSWER", "CRASH"])
def test_runs_that_failed_without_a_turn_to_blame_fail_in_every_report(mode):
    trace = Trace.model_validate({**HEALTHY, "is_successful": False, "error": "LimitError: 30 steps"})
    each = Outcome("run.json", trace, report_of(trace, [], Ruling(mode, None, 0.9, "it ended", True)), None)
    assert each.report.failed
    suite = ElementTree.fromstring(written(JUnit, [each])).find("testsuite")
    assert suite.get("failures") == "1" and suite.find("testcase/failure").get("type") == mode
    assert [r["ruleId"] for r in json.loads(written(Sarif, [each]))["runs"][0]["results"]] == [mode]
    for kind in (TracePage, Page):
        page = written(kind, [each]).decode()
        assert f'<span class="badge">{mode}</span>' in page and "LimitError: 30 steps" in page


def test_sarif_has_what_the_schema_requires():
    log = json.loads(written(Sarif, OUTCOMES))
    run = log["runs"][0]
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    assert run["tool"]["driver"]["name"] and [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["help"]["text"] and rule["shortDescription"]["text"].endswith(".")
    (result,) = run["results"]
    assert result["message"]["text"] and RULES[result["ruleIndex"]] == result["ruleId"] == "HALLUCINATION"
    assert result["level"] in ("none", "note", "warning", "error")
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("runs.jsonl", 3)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["message"]["text"] for each in invocation["toolExecutionNotifications"]] == ["not JSON"]


def test_sarif_of_nothing_found_is_a_document_too():
    run = json.loads(written(Sarif, OUTCOMES[1:2]))["runs"][0]
    assert run["results"] == [] and run["invocations"][0]["executionSuccessful"] is True


def test_sarif_gives_each_mode_of_a_trace_a_result_and_marks_the_verdict():
    slow = {"turn_number": 8, "role": "tool", "tool_name": "greet", "latency_ms": 9000, "tool_output": "a row of data " * 9}
    end = {"turn_number": 9, "role": "agent", "content": "OK"}
    run = json.loads(written(Sarif, [outcome(failing(turns=[*failing()["turns"], slow, end]))]))["runs"][0]
    assert [(r["ruleId"], r["properties"]["isVerdict"]) for r in run["results"]] == [
        ("HALLUCINATION", True),
        ("TIMEOUT_CASCADE", False),
    ]
    assert len({r["partialFingerprints"]["goalModeTool/v1"] for r in run["results"]}) == 2


def fingerprints(*raws):
    log = json.loads(written(Sarif, [outcome(raw, f"run-{number}.json") for number, raw in enumerate(raws)]))
    return [each["partialFingerprints"]["goalModeTool/v1"] for each in log["runs"][0]["results"]]


def test_sarif_fingerprint_survives_a_new_trace_id_another_file_and_later_turns():
    later = [{**turn, "turn_number": turn["turn_number"] + 1} for turn in failing()["turns"]]
    assert len(set(fingerprints(failing(), failing(trace_id="new"), failing(original_goal="Greet\n", turns=later)))) == 1


def test_sarif_fingerprint_tells_goals_modes_and_tools_apart():
    again = failing(tools=["meet"], turns=[{**failing()["turns"][1], "turn_number": number} for number in range(3)])
    assert len(set(fingerprints(failing(), failing("part"), failing(original_goal="Part"), again))) == 4


def test_sarif_names_the_tool_and_where_it_comes_from():
    driver = json.loads(written(Sarif, OUTCOMES))["runs"][0]["tool"]["driver"]
    assert driver["informationUri"].startswith("https://") and driver["version"]


def test_sarif_message_has_no_links_of_the_run():
    log = json.loads(written(Sarif, [outcome(failing("[pay](https://example.com/x)", trace_id="[a](1)"))]))
    text = log["runs"][0]["results"][0]["message"]["text"]
    assert "](" not in text and "[pay] (https" in text


def test_junit_has_a_case_for_each_record_and_counts_them():
    suite = ElementTree.fromstring(written(JUnit, OUTCOMES)).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["bad (runs.jsonl:3)", "good (runs.jsonl:4)", "runs.jsonl:5"]
    assert cases[0].find("failure").get("type") == "HALLUCINATION" and "How to fix it:" in cases[0].find("failure").text
    assert cases[0].find("failure").text.startswith("Goal: Greet\nHALLUCINATION at turn 7, confidence 0.90 (right in ")
    assert cases[1].find("failure") is None
    assert cases[2].find("error").get("message") == "not JSON"


def possibly(successful=None):
    """A failing run whose verdict is less likely than required."""
    known = outcome(failing(is_successful=successful))
    modes = [found.model_copy(update={"possible": True, "probability": 0.3}) for found in known.report.modes]
    return known._replace(report=known.report.model_copy(update={"possible": True, "probability": 0.3, "modes": modes}))


def test_what_is_only_possible_is_called_so_in_every_report(capsys):
    each = possibly()
    assert (
        "possible HALLUCINATION" in written(Page, [each]).decode() and "1 traces, 0 failing" in written(Page, [each]).decode()
    )
    assert "possible HALLUCINATION" in written(TracePage, [each]).decode()
    assert json.loads(written(Lines, [each]))["possible"] is True
    (result,) = json.loads(written(Sarif, [each]))["runs"][0]["results"]
    assert (result["level"], result["properties"]["isPossible"]) == ("note", True)
    assert "possibly: " in result["message"]["text"]
    table.print_report(each.source, each.report)
    table.print_outcome(each)
    assert capsys.readouterr().out.count("possible HALLUCINATION") == 2


def test_what_is_only_possible_passes_in_junit_and_says_so_and_a_failed_run_fails():
    suite = ElementTree.fromstring(written(JUnit, [possibly(), possibly(False)])).find("testsuite")
    maybe, failed = suite.findall("testcase")
    assert suite.get("failures") == "1"
    assert maybe.find("failure") is None and "possible HALLUCINATION" in maybe.find("system-out").text
    assert failed.find("failure").get("type") == "UNKNOWN" and "possible HALLUCINATION" in failed.find("failure").text


@pytest.mark.parametrize(
    ("mode", "probability", "successful", "says"),
    [
        ("GOAL_DRIFT", 0.64, None, "right in 64% of such cases"),
        ("GOAL_DRIFT", None, None, "how often that is right is not measured"),
        ("none", None, None, "how often that is right is not measured"),
        ("none", None, True, ""),
        ("CRASH", None, None, "observed, not inferred"),
        ("UNKNOWN", None, False, "observed, not inferred"),
    ],
)
def test_reports_say_how_often_a_verdict_is_right_or_that_nobody_knows(mode, probability, successful, says):
    fields = {"classified_failure_mode": mode, "probability": probability, "is_successful": successful}
    report = OUTCOMES[0].report.model_copy(update=fields)
    assert sureness_in_words(report) == says
    assert says in written(TracePage, [OUTCOMES[0]._replace(report=report)]).decode()


def test_lists_show_what_counts_before_what_is_possible_before_healthy_runs():
    page = written(Page, [OUTCOMES[1], possibly(), OUTCOMES[0]]).decode()
    rows = re.findall(r'<td class="badges"><span class="badge[^"]*">([^<]+)</span>', page)
    assert rows == ["HALLUCINATION", "possible HALLUCINATION", "none"]
    assert re.findall(r'data-mode="(\w+)" data-counts="(\w+)"', page)[1] == ("HALLUCINATION", "none")


@given(st.text(st.characters(), max_size=60))
def test_every_report_of_any_text_can_be_read_again(text):
    one = [outcome(failing(text or "x", trace_id=text, original_goal=text)), Outcome(f"{text}:3", None, None, text)]
    suite = ElementTree.fromstring(written(JUnit, one)).find("testsuite")
    assert [len(case) for case in suite] == [1, 1]
    results = json.loads(written(Sarif, one))["runs"][0]["results"]
    assert len(results) == len(one[0].report.modes)
    assert len(written(Lines, one).splitlines()) == 2
    written(Page, one).decode()
    tally = Tally()
    tally.add(one[1])
    assert Batch.model_validate_json(tally.batch().model_dump_json()) == tally.batch()


@pytest.mark.parametrize(
    ("source", "file", "line"),
    [
        ("runs.jsonl:17", "runs.jsonl", 17),
        ("runs.jsonl:17#2", "runs.jsonl", 17),
        ("log.json#3", "log.json", 1),
        ("a:b.json", "a:b.json", 1),
        ("-:2", "-", 2),
        ("", "", 1),
        (":5", ":5", 1),
        ("x:0", "x", 1),
    ],
)
def test_place_of_a_source(source, file, line):
    assert parse_place(source) == (file, line)


def test_uri_of_a_file_is_escaped_and_keeps_relative_names_relative():
    assert uri_of("runs/my file#1.json") == "runs/my%20file%231.json"
    assert uri_of("/runs/a b.json") == "file:///runs/a%20b.json"


def test_table_prints_nothing_that_moves_the_cursor(capsys):
    each = outcome(failing(HOSTILE, trace_id=HOSTILE, original_goal=HOSTILE), source="\x1b]0;owned\x07.json")
    table.print_report(each.source, each.report)
    table.print_trace(each.source, each.trace)
    tally = Tally()
    tally.add(each)
    tally.add(Outcome("\x1b[31m", None, None, "\x9b2J \u202e"))
    batch = tally.batch()
    batch.checks, batch.comparison = [Check(holds=False, text=HOSTILE), Check(holds=True, text=HOSTILE)], HOSTILE
    table.print_batch(batch, [each])
    shown = capsys.readouterr().out
    assert not [c for c in shown if not c.isprintable() and c != "\n"]
    assert "HALLUCINATION" in shown and "[31m" in shown


def test_table_into_a_pipe_has_no_rules_no_colours_and_no_blanks_at_the_end(capsys):
    tally = Tally()
    for each in OUTCOMES:
        tally.add(each)
    table.print_batch(tally.batch(), OUTCOMES[:2])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert "cannot be read: runs.jsonl:5: not JSON" in lines


def test_batch_counts_verdicts_modes_turns_and_problems():
    tally = Tally()
    for each in [
        *OUTCOMES,
        outcome(failing(turns=[{"turn_number": 50, "role": "tool", "tool_name": "x", "tool_output": "y"}])),
    ]:
        tally.add(each)
    batch = Batch.model_validate_json(tally.batch().model_dump_json())
    assert (batch.traces, batch.unreadable, batch.failing.count) == (3, 1, 2)
    assert batch.share("HALLUCINATION").count == 2 and batch.share("none").count == 1
    assert sum(share.count for share in batch.modes) == batch.traces
    assert batch.first_failure_turns == {"7": 1, "20+": 1}
    assert batch.answered_by == {"rules": 3}
    assert batch.problems[0].source == "runs.jsonl:5"
