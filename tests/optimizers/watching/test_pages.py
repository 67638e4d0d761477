"""The page of a run: its candidates as a tree, the front, what is spent; the same by HTTP, on this machine only."""

import http.client
import json
import re
import threading

import pytest

from dspy_programs.errors import UsageError
from optimizers.calls import Budget, Meter, Progress
from optimizers.show import main
from optimizers.watching import page_of_run, server_of
from optimizers.watching.candidates import best_on, tree_of
from tests.browser import INSTALL, browser, program

EVIL = "<script>alert(1)</script>\u202e"


def candidate(number, parents, scores, fell_out="", start="rules"):
    told = {"index": number, "parents": parents, "start": start, "shows": "none", "fell_out": fell_out, "metric_calls": 3}
    return {**told, "scores": scores, "score": sum(scores) / len(scores)}


CANDIDATES = [
    candidate(0, [], [0, 1, 0], start="seed"),
    candidate(1, [0], [1, 0, 0], start=EVIL),
    candidate(2, [1], [0, 0], fell_out=f"behind {EVIL}"),
    candidate(3, [0, 1], [1, 1, 0]),
]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "planner"
    folder.mkdir(parents=True)
    (folder / "candidates.json").write_text(json.dumps(CANDIDATES))
    return folder


def test_candidates_come_after_their_parents_each_deeper():
    assert [(node.number, node.depth) for node in tree_of(CANDIDATES)] == [(0, 0), (1, 1), (2, 2), (3, 1)]


def test_the_front_is_who_is_best_on_a_row_that_several_were_scored_on():
    assert best_on(CANDIDATES) == {0: 2, 1: 2, 2: 0, 3: 3}
    assert best_on([candidate(0, [], [0, 1]), candidate(1, [0], [1])]) == {0: 0, 1: 1}


def test_a_page_shows_what_is_there_escaped(run):
    text = page_of_run(run).decode()
    assert "· · 2 rules, dropped" in text and "2 was dropped: behind &lt;script&gt;" in text
    assert '<td class="number">3 of 3</td>' in text
    assert not re.search(r"<script|\u202e|http-equiv=\"refresh\"|url\(|@import", text)


def test_progress_is_noted_with_limits_and_the_time_left(run):
    meter = Meter(limits=Budget(tokens=1000), clock=iter(range(100)).__next__)
    progress = Progress(meter, 20, file=run / "progress.json")
    progress.phase, progress.best = "searching", 0.5
    for _ in range(3):
        meter.count_metric_call()
        progress.note()
    text = page_of_run(run).decode()
    for said in ("searching", "3 of about 20", "0.500", "0 of 1,000", "time left, about"):
        assert said in text, said


def test_the_command_writes_the_page_and_refuses_what_is_no_run(run, tmp_path, capsys):
    assert main([str(run), "--html", str(tmp_path / "page.html")]) == 0
    assert "Pareto front" in (tmp_path / "page.html").read_text()
    (tmp_path / "empty").mkdir()
    for place in ("empty", "nowhere"):
        assert main([str(tmp_path / place), "--html", str(tmp_path / "other.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 2 and not (tmp_path / "other.html").exists()


def test_the_server_reads_the_folder_anew_and_answers_no_foreign_name(run):
    with server_of(run, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def answer(path="/", **headers):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

        assert 'http-equiv="refresh" content="5"' in answer()[1]
        (run / "candidates.json").write_text(json.dumps(CANDIDATES[:1]))
        assert "2 was dropped" not in answer()[1]
        assert answer(Host="evil.example")[0] == answer("/../run.json")[0] == 404
        (run / "candidates.json").unlink()
        assert answer()[0] == 503
        with pytest.raises(UsageError, match="give another"):
            server_of(run, server.server_port)
        server.shutdown()


@pytest.mark.skipif(program() is None, reason=INSTALL)
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_a_desk_and_a_phone(run, tmp_path, width):
    (tmp_path / "page.html").write_bytes(page_of_run(run))
    with browser() as page:
        page.open((tmp_path / "page.html").as_uri(), width)
        assert page.value("document.documentElement.scrollWidth") <= width
        assert page.errors == []
