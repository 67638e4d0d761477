"""The status page of `code up`: its routes, who may ask, and what Prometheus reads."""

import json
import re

import pytest
from starlette.testclient import TestClient

from dspy_programs.code import Index
from dspy_programs.code.log_bus import Bus, now, opened_storage
from dspy_programs.logs import Event
from dspy_programs.serve.keys import Keys
from dspy_programs.serve.listening import listen
from dspy_programs.serve.log_status import serving, status_app, url_of

KEY = "a-key-of-enough-characters"
TRACE = ["ERROR job 7 failed", "Traceback (most recent call last):", '  File "a.py", line 1, in f', "KeyError: 'no'"]


@pytest.fixture
def bus(tmp_path):
    bus = Bus(opened_storage(tmp_path / "e.sqlite"))
    bus.add("app", [Event("logs/app.log", 3, 3, TRACE), Event("logs/app.log", 9, 1, ["WARNING x"])], 120)
    bus.add('we"b\nx', [], 7)
    return bus


def client(bus, tmp_path, keys=None):
    return TestClient(status_app(bus, tmp_path, keys, now()), base_url="http://127.0.0.1")


def test_health_says_ok(bus, tmp_path):
    told = client(bus, tmp_path).get("/health")
    assert told.status_code == 200 and told.json()["status"] == "ok"


def test_health_says_so_when_the_store_does_not_answer(bus, tmp_path):
    page = client(bus, tmp_path)
    bus.storage.close()
    told = page.get("/health")
    assert told.status_code == 503 and told.json()["status"] != "ok"


def test_containers_have_key_points(bus, tmp_path):
    told = client(bus, tmp_path).get("/containers").json()
    assert told["names"] == ["app", 'we"b\nx']
    assert told["containers"]["app"] == {
        "summary": "1 error, 1 warning; the worst: ERROR job 7 failed -> KeyError: 'no'",
        "key_points": [
            "error 1 time logs/app.log:3: ERROR job 7 failed -> KeyError: 'no'",
            "warning 1 time logs/app.log:9: WARNING x",
        ],
        "plan": None,
        "ts": None,
    }


def test_metrics_are_json_or_what_prometheus_reads(bus, tmp_path):
    page = client(bus, tmp_path)
    assert page.get("/metrics").json()["containers"]["app"]["events"] == {"error": 1, "warning": 1}
    text = page.get("/metrics", headers={"Accept": "text/plain;version=0.0.4"}).text
    sample = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"(,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? \d+')
    for line in text.splitlines():
        assert line.startswith("# ") or sample.fullmatch(line), line
    assert 'log_events_total{container="app",severity="error"} 1' in text and "log_up 0" in text


def test_up_is_alive_while_it_is_seen(bus, tmp_path):
    bus.beat(now(), 1)
    assert "log_up 1" in client(bus, tmp_path).get("/metrics?format=prometheus").text
    bus.beat(now(), 1, runs=False)
    assert "log_up 0" in client(bus, tmp_path).get("/metrics?format=prometheus").text


def test_code_shows_the_index_of_the_folder(bus, tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_CODE", str(tmp_path / "cache"))
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "a.py").write_text("def one():\n    return 1\n")
    page = client(bus, folder)
    assert page.get("/code").json()["indexed"] is False
    Index(folder).refresh()
    told = page.get("/code").json()
    assert told["languages"] == {"python": {"files": 1, "lines": 2}} and "def one():" in told["summary"]


def test_deploy_and_auto_and_the_list_of_routes(bus, tmp_path):
    page = client(bus, tmp_path)
    assert page.get("/deploy").json().keys() == {"status", "ts", "compose_hash", "image", "pid"}
    assert page.get("/auto").json()["enabled"] is False
    assert page.get("/").json()["routes"] == ["/health", "/deploy", "/containers", "/code", "/metrics", "/auto"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("POST", "/metrics", 405)])
def test_what_is_not_there_is_one_line(bus, tmp_path, method, path, status):
    told = client(bus, tmp_path).request(method, path)
    assert told.status_code == status and told.json()["error"] == "GET / lists what there is here"


def test_with_keys_only_health_is_open(bus, tmp_path):
    page = client(bus, tmp_path, Keys.of(KEY))
    assert page.get("/health").status_code == 200 and "app" not in page.get("/health").text
    for path in ("/", "/deploy", "/containers", "/code", "/metrics", "/auto"):
        assert page.get(path).status_code == 401, path
        assert page.get(path, headers={"X-API-Key": KEY}).status_code == 200, path


def test_without_keys_another_name_of_this_machine_is_refused(bus, tmp_path):
    page = client(bus, tmp_path)
    assert page.get("/containers", headers={"Host": "evil.example"}).status_code == 403
    assert page.get("/containers", headers={"Origin": "http://evil.example"}).status_code == 403


def test_it_serves_while_the_block_runs(bus, tmp_path):
    import urllib.request

    listening = listen("127.0.0.1", 0, has_key=False)
    with serving(listening, status_app(bus, tmp_path)):
        with urllib.request.urlopen(f"{url_of(listening)}/health", timeout=20) as answer:
            assert json.load(answer)["status"] == "ok"
