"""The agent over HTTP: runs end, are watched, answered and cancelled; nobody gets at them without the key."""

import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent, AgentConfig, Sessions, read_config
from dspy_programs.serve.agent_dashboard import composite
from dspy_programs.serve.agent_runs import AgentRuns
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import Unusable
from tests.servers import HTTP, on_its_way, running

KEY = "a-key-for-tests-0123456789"
ROUTES = [
    ("POST", "/agent/run"),
    ("GET", "/agent/sessions"),
    ("GET", "/agent/sessions/x"),
    ("GET", "/agent/sessions/x/events"),
    ("POST", "/agent/sessions/x/answer"),
    ("POST", "/agent/sessions/x/cancel"),
    ("GET", "/api/state"),
]


@contextlib.contextmanager
def serving(folder, key=None, **settings):
    (folder / "work").mkdir(exist_ok=True)
    (folder / "work" / "notes.txt").write_text("one\ntwo\n")
    config = AgentConfig(workspace=str(folder / "work"), sessions=str(folder / "s.sqlite"), **settings)
    with running(Limits(seconds_for_wrong_key=0), key=key, runs=AgentRuns(config, {})) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("agent")) as server:
        yield server


def post(server, path, body, **headers):
    return HTTP.post(f"{server.url}/agent/{path}", json=body, headers=headers, timeout=30)


def begun(server, goal, **more):
    response = post(server, "run", {"goal": goal, "detached": True, **more})
    assert response.status_code == 202, response.text
    return response.json()["session"]


def events_of(server, session, after=0):
    text = HTTP.get(f"{server.url}/agent/sessions/{session}/events?after={after}", timeout=30).text
    blocks = (dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if "event" in block)
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def asked(server, session):
    """Wait for a question; return its number."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        state = HTTP.get(f"{server.url}/agent/sessions/{session}").json()
        if state["question"]:
            return state["number"]
        time.sleep(0.05)
    raise AssertionError(f"no question: {state}")


def ended(server, session):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        state = HTTP.get(f"{server.url}/agent/sessions/{session}").json()
        if not state["running"]:
            return state
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_a_run_answers_with_its_result(server):
    result = post(server, "run", {"goal": "Read notes.txt"}).json()
    assert (result["completed"], result["answer"]) == (True, "one\ntwo\n")


def test_a_run_streams_its_events_and_then_its_result(server):
    text = post(server, "run", {"goal": "Read notes.txt"}, Accept="text/event-stream").text
    kinds = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert kinds[0] == "session" and "call" in kinds and kinds[-2:] == ["stop", "result"]


def test_a_detached_run_is_replayed_from_any_event_on(server):
    session = begun(server, "Read notes.txt")
    assert ended(server, session)["status"] == "done"
    events = events_of(server, session)
    assert events[-1][0] == "stop" and events[-1][1]["answer"] == "one\ntwo\n"
    assert events_of(server, session, after=len(events) - 1) == events[-1:]
    assert session in [one["id"] for one in HTTP.get(f"{server.url}/agent/sessions").json()]


def test_the_state_is_as_a_dashboard_polls_it(tmp_path):
    with serving(tmp_path) as server:
        empty = HTTP.get(f"{server.url}/api/state").json()
        assert empty == {
            **dict(tasks=[], history=[], tui="", rationale="", updated_at=0.0),
            "gepa": {"composite": 0.0, "timeline": []},
        }
        first = post(server, "run", {"goal": "Read notes.txt"}).json()["session"]
        post(server, "run", {"goal": "List the files"})
        state, last = (HTTP.get(f"{server.url}/api/state{which}").json() for which in (f"?session={first}", ""))
        assert set(state) == set(empty)
        assert [(task["description"], task["status"], task["children"]) for task in state["tasks"]] == [
            ("Read notes.txt", "complete", [])
        ]
        assert [each["status"] for each in state["history"]][::2] == ["pending", "complete"]
        assert state["tui"].startswith("- [x] Read notes.txt\n") and state["gepa"]["composite"] == 1.0
        assert state["updated_at"] > 0 and last["updated_at"] >= state["updated_at"] and last != state
        assert HTTP.get(f"{server.url}/api/state?session=none").status_code == 404


def test_the_score_counts_successes_and_how_long_ago_the_last_was():
    """0, .65, .5, .25: the values that the dashboard's own metric has."""
    outcomes = [[], [False], [False, True], [True, False], [True, False, False, False], [True]]
    assert [composite(each) for each in outcomes] == [0.0, 0.0, 0.65, 0.5, 0.25, 1.0]


@pytest.mark.parametrize(("answer", "status"), [("yes", "done"), ("no", "no_progress")])
def test_what_is_asked_about_is_done_if_the_answer_is_yes(tmp_path, answer, status):
    with serving(tmp_path) as server:
        session = begun(server, "Delete notes.txt")
        number = asked(server, session)
        wrong = post(server, f"sessions/{session}/answer", {"question": number + 1, "answer": "yes"})
        vague = post(server, f"sessions/{session}/answer", {"question": number, "answer": "maybe"})
        right = post(server, f"sessions/{session}/answer", {"question": number, "answer": answer})
        assert right.json()["question"] is None  # it is answered
        assert (wrong.status_code, vague.status_code, right.status_code) == (409, 422, 200)
        assert ended(server, session)["status"] == status
        assert (tmp_path / "work" / "notes.txt").exists() == (answer == "no")


def test_a_question_is_answered_once(tmp_path):
    """Of two that answer at once one is heard: a no is not overtaken by a yes."""
    with serving(tmp_path) as server:
        session = begun(server, "Delete notes.txt")
        body = {"question": asked(server, session), "answer": "no"}
        codes = sorted(post(server, f"sessions/{session}/answer", body).status_code for _ in range(3))
        assert codes[0] == 200 and set(codes[1:]) <= {404, 409}
        ended(server, session)
        assert (tmp_path / "work" / "notes.txt").exists()


def test_a_storm_of_cancels_ends_the_run_that_waits_and_nothing_else(tmp_path):
    with serving(tmp_path) as server:
        session = begun(server, "Delete notes.txt")
        asked(server, session)
        codes = []
        storm = [
            threading.Thread(target=lambda: codes.append(post(server, f"sessions/{session}/cancel", {}).status_code))
            for _ in range(20)
        ]
        for each in storm:
            each.start()
        for each in storm:
            each.join()
        assert set(codes) <= {200, 404} and 200 in codes
        assert ended(server, session)["status"] == "cancelled"
        assert post(server, "run", {"goal": "Read notes.txt"}).json()["completed"]
        assert (tmp_path / "work" / "notes.txt").exists()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_client_that_goes_away_ends_its_run(tmp_path, accept):
    with serving(tmp_path) as server:
        connection = on_its_way(server, "/agent/run", {"goal": "Delete notes.txt"}, accept)
        until = time.monotonic() + 20
        while not (known := HTTP.get(f"{server.url}/agent/sessions").json()) and time.monotonic() < until:
            time.sleep(0.05)
        asked(server, known[0]["id"])
        connection.close()
        assert ended(server, known[0]["id"])["status"] == "cancelled"


def test_who_watches_a_detached_run_may_go_away(tmp_path):
    with serving(tmp_path) as server:
        session = begun(server, "Delete notes.txt")
        number = asked(server, session)
        with HTTP.stream("GET", f"{server.url}/agent/sessions/{session}/events") as stream:
            next(stream.iter_lines())
        time.sleep(0.3)
        assert post(server, f"sessions/{session}/answer", {"question": number, "answer": "no"}).status_code == 200
        assert ended(server, session)["status"] == "no_progress"


def test_two_runs_on_one_session_are_refused(tmp_path):
    with serving(tmp_path) as server:
        session = begun(server, "Delete notes.txt")
        asked(server, session)
        second = post(server, "run", {"session": session})
        assert second.status_code == 409 and "has it open" in second.json()["error"]
        post(server, f"sessions/{session}/cancel", {})
        ended(server, session)
        assert begun(server, "", session=session) == session


def on_file(folder, goal):
    """Return a session of this goal that no run has begun."""
    with Sessions(folder / "s.sqlite").new(goal) as session:
        session.set(workspace=str((folder / "work").resolve()))
        return session.id


def test_of_many_that_go_on_with_a_session_at_once_one_does(tmp_path):
    with serving(tmp_path) as server:
        session = on_file(tmp_path, "Delete notes.txt")  # the run asks, so it goes on until all eight are answered
        with ThreadPoolExecutor(8) as pool:
            codes = [*pool.map(lambda _: post(server, "run", {"session": session, "detached": True}).status_code, range(8))]
        assert sorted(codes) == [202] + 7 * [409]
        post(server, f"sessions/{session}/cancel", {})
        ended(server, session)
        other = post(server, "run", {"session": session, "goal": "Read notes.txt"}, Accept="text/event-stream")
        assert "event: error" in other.text and "has another goal" in other.text


class Spends:
    """What keys may use; before a run's use is added, it tries to begin the next run of the same session."""

    def __init__(self, runs):
        self.runs, self.refused = runs, []

    def check(self, key, calls, tokens):
        pass

    def add(self, key, calls, tokens):
        (session,) = self.runs.list()
        try:
            self.runs.start("", session.id)
        except Unusable as refusal:
            self.refused.append(str(refusal))


def test_a_run_that_is_about_to_end_still_has_its_session(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "notes.txt").write_text("one\n")
    runs = AgentRuns(AgentConfig(workspace=str(tmp_path / "work"), sessions=str(tmp_path / "s.sqlite")), {})
    runs.spending = spends = Spends(runs)
    run = runs.start("Read notes.txt")
    assert run.ended.wait(20) and run.result.completed
    assert len(spends.refused) == 1 and "has it open" in spends.refused[0]
    runs.spending = None
    assert runs.start("", run.id).ended.wait(20), "the next one may begin"


def test_the_settings_are_those_of_run_and_told_in_a_line(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    (tmp_path / "own.toml").write_text('[[rules]]\nverdict = "deny"\npath = "*.txt"\n')
    (tmp_path / "agent.toml").write_text('lm = "none"\npolicy = "own.toml"\nsessions = "s.sqlite"\n[limits]\nseconds = 9\n')
    monkeypatch.chdir(tmp_path)
    runs = AgentRuns(read_config(None, {"workspace": "work"}), {})
    assert str(runs) == (
        f"agent in {tmp_path.resolve()}/work: no model; policy own.toml; iterations 25, seconds 9; sessions in s.sqlite"
    )
    (tmp_path / "work" / "notes.txt").write_text("one")
    with running(runs=runs) as server:
        result = post(server, "run", {"goal": "Read notes.txt"}).json()
        assert not result["completed"] and "not permitted" in result["why"]


@pytest.mark.parametrize(
    "options", [["--workspace", "nowhere"], ["--config", "agent.toml"], ["--workspace", ".", "--config", "no.toml"]]
)
def test_wrong_settings_are_one_line_before_the_server_starts(options, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "http", "--port", "0", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_house_is_said_and_leaves_no_session(tmp_path):
    with serving(tmp_path) as server:
        waiting = [begun(server, "Delete notes.txt") for _ in range(4)]
        fifth = post(server, "run", {"goal": "Read notes.txt"})
        assert fifth.status_code == 429 and fifth.headers["retry-after"]
        assert len(HTTP.get(f"{server.url}/agent/sessions").json()) == 4
        for each in waiting:
            post(server, f"sessions/{each}/cancel", {})


def test_a_server_that_ends_ends_its_runs(tmp_path):
    with serving(tmp_path) as server:
        session = begun(server, "Delete notes.txt")
        asked(server, session)
    with serving(tmp_path) as server:
        assert HTTP.get(f"{server.url}/agent/sessions/{session}").json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"goal": " "}, 409),
        ({"goal": "x" * 20_001}, 422),
        ({"goal": "x", "session": "../../etc"}, 422),
        ({"goal": "x", "session": "nobody"}, 404),
        ({"goal": "x", "workspace": "/"}, 422),
        ({"goal": "x", "lm": "openai/gpt-4.1"}, 422),
        ({"goal": ["x"]}, 422),
        ({"goal": "x\ud83d"}, 422),
    ],
)
def test_a_goal_that_is_none_is_said_in_a_line(server, body, status):
    response = HTTP.post(f"{server.url}/agent/run", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    assert "\n" not in response.json()["error"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nothing_is_told_or_done_without_the_key(tmp_path_factory, method, path, locked):
    body = {"goal": "Read notes.txt"} if method == "POST" else None
    for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
        response = HTTP.request(method, locked.url + path, json=body, headers=headers)
        assert response.status_code == 401 and response.json()["code"] == "no_key"
    assert HTTP.request(method, locked.url + path, json=body, headers={"X-API-Key": KEY}).status_code != 401


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("locked"), key=KEY) as server:
        yield server


def test_the_page_alone_gives_nothing_away(locked, server):
    page, open_page = HTTP.get(f"{locked.url}/agent"), HTTP.get(f"{server.url}/agent")
    assert page.status_code == 200 and page.text == open_page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe-inline" not in policy.split(";")[1]
    assert "http" not in page.text and ".innerHTML" not in page.text and "src=" not in page.text
    for path in ("/agent/", "/agent/../agent/sessions", "//agent/sessions", "/agent%2fsessions", "/AGENT/sessions"):
        assert HTTP.get(locked.url + path).status_code in (401, 404)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_pages_of_other_hosts_get_nothing(server, method, path):
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
        assert HTTP.request(method, server.url + path, headers=headers).status_code == 403


def test_without_a_workspace_there_is_no_agent():
    with running() as server:
        assert HTTP.get(f"{server.url}/agent").status_code == HTTP.get(f"{server.url}/agent/sessions").status_code == 404


def test_a_storm_of_clients_that_hang_up_at_once_leaves_nothing_running(tmp_path):
    with serving(tmp_path) as server:
        for accept in ("text/event-stream", "application/json") * 10:
            on_its_way(server, "/agent/run", {"goal": "Delete notes.txt"}, accept).close()
        until = time.monotonic() + 20
        while time.monotonic() < until and post(server, "run", {"goal": "Read notes.txt"}).status_code != 200:
            time.sleep(0.1)
        for one in HTTP.get(f"{server.url}/agent/sessions").json():
            ended(server, one["id"])
        assert (tmp_path / "work" / "notes.txt").exists()


def test_sessions_of_other_folders_are_neither_shown_nor_gone_on_with(tmp_path):
    (tmp_path / "other").mkdir()
    with Sessions(tmp_path / "s.sqlite").new("Delete notes.txt") as session:
        Agent(workspace=tmp_path / "other", session=session).run()
    with serving(tmp_path) as server:
        assert HTTP.get(f"{server.url}/agent/sessions").json() == []
        paths = (f"sessions/{session.id}", f"sessions/{session.id}/events")
        assert [HTTP.get(f"{server.url}/agent/{path}").status_code for path in paths] == [404, 404]
        assert post(server, "run", {"session": session.id}).status_code == 404


def test_hostile_text_stays_in_its_field(server):
    goal = "Read notes.txt\n\nevent: result\ndata: {}\n\n\u2028\r\nid: 99 \x1b[2J <script>alert(1)</script>"
    text = post(server, "run", {"goal": goal}, Accept="text/event-stream").text
    lines = [line for line in text.split("\n") if line and not line.startswith(("id: ", "event: ", "data: "))]
    assert lines == [] and text.count("event: result\n") == 1 and "\x1b" not in text
    assert [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: ")]


def test_a_huge_output_is_cut_and_does_not_stop_the_server(tmp_path):
    with serving(tmp_path) as server:
        result = post(server, "run", {"goal": "Run `yes`"}).json()
        assert not result["completed"] and len(json.dumps(result)) < 50_000
        (tmp_path / "work" / "big.txt").write_bytes(b"x" * 30_000_000)
        text = post(server, "run", {"goal": "Read big.txt"}, Accept="text/event-stream").text
        assert len(text) < 200_000 and "[cut here: " in text
