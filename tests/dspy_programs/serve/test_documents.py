"""Documents over HTTP: the shapes of a server for cache-augmented generation, behind the same door as the rest."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable

import httpx
import pytest
from filelock import FileLock

from dspy_programs.documents import Documents, IngestionJobs, Source
from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.embedded.kept_prompts import directory
from dspy_programs.lm.server.lm_wrapper import wrap
from dspy_programs.lm.weights.catalog import CATALOG
from dspy_programs.serve.limits import Limits
from tests.dspy_programs.documents.slot_server import MODEL, slot_server
from tests.fakes import scripted_lm
from tests.servers import on_its_way, running

TEXT = "The observatory on Mount Falk was opened in 1931."


@pytest.fixture
def server(tmp_path):
    lm = scripted_lm(lambda prompt: '{"reply": {"quote": "opened in 1931.", "answer": "1931"}}', "openai/scripted")
    jobs = IngestionJobs(Documents(tmp_path / "d.sqlite", lm))
    with (
        running(lm=lm, key="k" * 32, jobs=jobs) as one,
        httpx.Client(base_url=one.url, headers={"X-API-Key": "k" * 32}) as client,
    ):
        yield client


def ingested(client: httpx.Client, **more) -> dict:
    begun = client.post("/ingest", json={"documents": [TEXT], "corpus_id": "falk", **more})
    assert begun.status_code == 202
    for _ in range(500):
        status = client.get(f"/status/{begun.json()['job_id']}").json()
        if status["status"] in ("completed", "failed"):
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def test_ingest_query_list_and_remove(server):
    assert ingested(server)["status"] == "completed"
    answer = server.post("/query", json={"corpus_id": "falk", "question": "When was it opened?"}).json()
    assert answer["answer"] == "1931" and TEXT[answer["quotes"][0]["start"] :] == "opened in 1931."
    assert [one["id"] for one in server.get("/corpora").json()] == ["falk"]
    assert server.delete("/corpora/falk").status_code == 204
    assert server.get("/corpora").json() == []
    gone = server.post("/query", json={"corpus_id": "falk", "question": "When?"})
    assert gone.status_code == 404 and ".sqlite" not in gone.text and "no corpus 'falk'" in gone.text


def test_query_streams_the_answer_then_what_is_known_of_it(server):
    ingested(server)
    reply = server.post("/query", json={"corpus_id": "falk", "question": "When?", "stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    content, done = [json.loads(line.removeprefix("data: ")) for line in reply.text.splitlines() if line]
    assert content == {"content": "1931"} and done["done"] and done["in_document"] and "restore_time_ms" in done


@pytest.fixture
def writing(tmp_path, monkeypatch):
    """A server on a model that stops before the last word of its answer, until `goes_on` is set; what it runs on."""
    with slot_server(lambda prompt: {"quote": TEXT, "answer": "in the year 1931"}) as llama:
        monkeypatch.setenv("DSPY_PROGRAMS_LLAMA", llama.url)
        lm = wrap(EmbeddedEngine(CATALOG[MODEL], url=llama.url), f"local/{MODEL}")
        shelf = Documents(tmp_path / "d.sqlite", lm)
        shelf.ingest("falk", [Source("a.txt", TEXT)])
        with running(Limits(seconds=2), lm=lm, jobs=IngestionJobs(shelf)) as server:
            llama.goes_on.clear()
            yield llama, server


QUESTION = {"corpus_id": "falk", "question": "When?", "stream": True}


def events_of(reply: httpx.Response):
    return (json.loads(line.removeprefix("data: ")) for line in reply.iter_lines() if line)


def soon(is_so: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 5
    while not is_so() and time.monotonic() < ends:
        time.sleep(0.02)
    return is_so()


def test_query_streams_while_the_model_writes(writing):
    llama, server = writing
    with httpx.stream("POST", f"{server.url}/query", json=QUESTION) as reply:
        events = events_of(reply)
        assert next(events) == {"content": "in the year"}
        llama.goes_on.set()  # the model had not written the rest yet
        assert next(events) == {"content": " 1931"}
        done = next(events)
        assert (done["done"], done["answer"], done["restored_tokens"]) == (True, "in the year 1931", 9)


def test_client_that_goes_away_in_the_middle_ends_the_work(writing):
    llama, server = writing
    connection = on_its_way(server, "/query", QUESTION)
    while b"in the year" not in connection.recv(10_000):
        pass
    assert server.worker_pool.running == 1
    connection.close()
    llama.goes_on.set()
    assert soon(lambda: server.worker_pool.running == 0)
    assert httpx.post(f"{server.url}/query", json=QUESTION | {"stream": False}).json()["answer"] == "in the year 1931"


def test_error_before_the_first_word_has_its_status_and_later_its_event(writing):
    llama, server = writing
    gone = httpx.post(f"{server.url}/query", json=QUESTION | {"corpus_id": "none"})
    assert gone.status_code == 404
    with httpx.stream("POST", f"{server.url}/query", json=QUESTION) as reply:
        content, fault = events_of(reply)
        assert content == {"content": "in the year"} and fault["code"] == "too_slow"
    llama.goes_on.set()


def test_question_that_waits_for_the_model_gives_its_place_back_in_time(writing):
    """An ingestion may take half an hour; meanwhile all other tools need their workers."""
    _, server = writing
    with FileLock(directory() / ".lock"):
        assert httpx.post(f"{server.url}/query", json=QUESTION, timeout=10).status_code == 504
        assert soon(lambda: server.worker_pool.running == 0)


def test_document_that_comes_with_its_question(server):
    asked = {"document": TEXT, "question": "When was the observatory opened?"}
    for more, by in (({}, "model"), ({"use_llm": False}, "rules")):
        answer = server.post("/v1/documents/ask", json=asked | more).json()
        assert (answer["answer"], answer["answered_by"], answer["in_document"]) == ("1931", by, True)
    long = server.post("/v1/documents/ask", json=asked | {"document": "word " * 12_000})
    assert long.status_code == 413 and "tokens, and openai/scripted reads at most" in long.text


@pytest.mark.parametrize(
    "method, path, body, status",
    [
        ("POST", "/ingest", {"documents": []}, 422),
        ("POST", "/ingest", {"documents": ["x"], "corpus_id": "../../victim"}, 422),
        ("POST", "/ingest", {"documents": ["x" * 90_000]}, 409),
        ("POST", "/ingest", {"documents": ["x"] * 1_001}, 422),
        ("POST", "/ingest", {"documents": ["  ", "\u200b\0"[1:]]}, 409),
        ("POST", "/ingest", {"documents": "x"}, 422),
        ("POST", "/ingest", {"documents": ["x"], "chunk": "yes"}, 422),
        ("POST", "/ingest", [], 422),
        ("POST", "/query", {"corpus_id": "falk", "question": "?" * 4_001}, 422),
        ("POST", "/query", {"corpus_id": "falk", "question": "When?", "max_tokens": "many"}, 422),
        ("POST", "/query", {"corpus_id": ["falk"], "question": "When?", "stream": True}, 422),
        ("POST", "/query", {"corpus_id": "none", "question": "When?"}, 404),
        ("POST", "/query", {"corpus_id": "falk"}, 422),
        ("GET", "/status/0000000000000000", None, 404),
        ("GET", "/status/none", None, 422),
        ("DELETE", "/corpora/none", None, 404),
        ("DELETE", "/corpora/..%2fa", None, 404),
    ],
)
def test_bad_requests_are_refused_in_one_form(server, method, path, body, status):
    reply = server.request(method, path, json=body)
    assert reply.status_code == status and reply.json()


def test_broken_file_is_a_problem_in_the_usual_form_and_says_no_path(server, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "d.sqlite")) as other:
        other.execute("DROP TABLE texts")
    for method, path, body in (
        ("GET", "/corpora", None),
        ("POST", "/query", {"corpus_id": "falk", "question": "When?", "stream": True}),
        ("POST", "/ingest", {"documents": ["x"]}),
    ):
        reply = server.request(method, path, json=body)
        assert reply.status_code == 409 and "no such table" in reply.json()["error"] and str(tmp_path) not in reply.text


def test_health_needs_no_key_and_all_else_does(server):
    bare = httpx.Client(base_url=server.base_url)
    assert bare.get("/health").json()["status"] == "ok"
    for method, path in (
        ("GET", "/corpora"),
        ("POST", "/query"),
        ("POST", "/ingest"),
        ("GET", "/status/0"),
        ("DELETE", "/corpora/a"),
    ):
        assert bare.request(method, path).status_code == 401, path
