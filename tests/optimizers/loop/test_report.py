"""The report: it shows what is in the folder, at any stage, and nothing of the folder becomes part of the page."""

import json
import re

import pytest

from optimizers.loop.report import write_report
from optimizers.loop.report.content import content_of
from tests.browser import INSTALL, browser, program

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[31m"
SPENT = {"calls": 1, "tokens": 1200, "usd": 0.5, "minutes": 2.0, "unpriced": 0}
DECISION = {
    "kind": "decision", "module": "planner", "round": "1-planner", "decision": "won", "shadow": False, "identity": "a",
    "prompt": "Plan. Be short.", "response": "promote: better by at least 0.1", "how": "rules", "score": 0.9,
    "champion_score": 0.5, "rows": 40, "low": 0.1, "mean": 0.4, "high": 0.7, "level": 0.05,
}  # fmt: skip
PROMOTED = {
    "kind": "promoted",
    "round": "1-planner",
    "identity": "a",
    "prompt": "Plan. Be short.",
    "new_prompt": "Plan. Be long.",
}


def run(cycle, kind, good, of, modes=None):
    share = {"runs": of, "known": of, "success": good / of, "low": 0.1, "high": 0.9, "unreadable": 0, "modes": modes or {}}
    return {"stage": f"{cycle}-{kind}", "cycle": cycle, "kind": kind, **share, "traces": "x", "spent": SPENT}


@pytest.fixture
def folder(tmp_path):
    def made(*results, history=(DECISION, PROMOTED), settings=None):
        for result in results:
            path = tmp_path / "stages" / f"{result['stage']}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(result))
        path = tmp_path / "loops" / "planner" / "gepa_history.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in history))
        (tmp_path / "improve.json").write_text(json.dumps(settings or {"agent": "python agent.py"}))
        return tmp_path

    return made


def learnt(promoted="rules", why=""):
    return {"stage": "1-planner", "cycle": 1, "kind": "planner", "module": "planner", "promoted": promoted, "why": why,
            "spent": SPENT}  # fmt: skip


def test_it_shows_success_modes_decisions_diffs_and_costs(folder):
    tests = [run(0, "test", 6, 10, {"STUCK": 4}), run(1, "run", 3, 10), learnt(), run(1, "test", 9, 10, {"STUCK": 1})]
    text = write_report(folder(*tests)).read_text()
    for said in (
        "On unseen tasks: 60.0% of 10 [10.0%, 90.0%] → 90.0% of 10",
        "Cycle 1: the planner was replaced: rules.",
        "40.0 % of 10",
        "10.0 % of 10",
        '<span class="verdict">promoted</span>',
        "0.500 → 0.900 on 40 held-back rows; difference +0.400 [0.100, 0.700]",
        '<span class="removed">- Be short.</span>',
        '<span class="added">+ Be long.</span>',
        '<span class="kept">  Plan.</span>',
        "4,800 in all",
        "2.0000 in all",
        "8.00 in all",
    ):
        assert said in text, said


def test_a_decision_is_drawn_where_its_interval_is(folder):
    (gate,) = content_of(folder(run(1, "run", 3, 10))).gates
    assert gate.places == pytest.approx((55, 70, 85))


def test_an_unfinished_or_empty_improvement_has_a_page(folder, tmp_path):
    assert "Nothing to compare yet" in write_report(folder(run(1, "run", 3, 10), history=())).read_text()
    assert "None: no challenger was compared." in write_report(tmp_path).read_text()


def test_a_null_result_is_told(folder):
    refused = {**DECISION, "decision": "refused", "response": "refuse: the rows ended before a gain was certain"}
    text = write_report(folder(learnt(None, "the rows ended"), history=[refused])).read_text()
    assert "Nothing was promoted." in text and "1-planner: nothing promoted: the rows ended" in text


def test_hostile_texts_stay_texts(folder):
    evil = {**DECISION, "how": EVIL, "module": EVIL, "response": f"promote: {EVIL}"}
    change = {**PROMOTED, "prompt": EVIL, "new_prompt": f"{EVIL} {EVIL}"}
    made = run(0, "test", 1, 2, {EVIL: 1})
    text = write_report(folder(made, learnt(EVIL), history=[evil, change], settings={EVIL: EVIL})).read_text()
    assert not re.search(r"<script|<img|\x1b|\u202e", text) and "&lt;script&gt;" in text
    assert "default-src 'none'" in text and not re.search(r"""(?:src|href)=["'](?!#)|url\(|@import""", text)


@pytest.mark.skipif(program() is None, reason=INSTALL)
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_a_desk_and_a_phone(folder, width):
    results = [run(0, "test", 6, 10, {EVIL * 5: 4}), learnt(EVIL * 5), run(1, "test", 9, 10)]
    path = write_report(folder(*results, history=[{**DECISION, "how": EVIL * 5}, PROMOTED], settings={"agent": "x" * 400}))
    with browser() as page:
        page.open(path.as_uri(), width)
        assert page.value("document.documentElement.scrollWidth") <= width
        assert page.errors == []
