"""The page in a browser, wide and narrow, and what it refuses to whoever is not this page. PICTURES=DIR keeps pictures."""

import contextlib
import http.client
import json
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dspy_programs.data import DataFolder
from dspy_programs.data.labels.label import Label
from dspy_programs.data.labels.queue import Queue
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.labels.web import Server
from dspy_programs.errors import UsageError
from tests.browser import INSTALL, browser, program
from tests.dspy_programs.data.small_set import NAME, data_set, judge, lines_of, write

MARKUP = "<img src=x onerror='document.title=1'><script>document.title=2</script> " + "unbroken" * 60


@contextlib.contextmanager
def serving(root, **more):
    folder = DataFolder(root)
    with Server(Queue(folder.existing(NAME), LabelStore(folder.labels(NAME)), "web", **more), NAME, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


@pytest.fixture(scope="module")
def page():
    if program() is None:
        pytest.skip(INSTALL)
    with browser() as page:
        yield page


def key(page, name, text="", ctrl=False):
    told = {"key": name, "text": text, "modifiers": 2 if ctrl else 0}
    told |= {"windowsVirtualKeyCode": 13} if name == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        page._send("Input.dispatchKeyEvent", type=kind, **told)


@pytest.mark.parametrize("width", [1200, 390])
def test_pairs_are_labelled_by_keys_and_by_fingers(tmp_path, page, width):
    pairs = data_set(tmp_path, 7)
    pairs[1] = pairs[1].model_copy(update={"output": MARKUP, "id": ""}).identified()
    pairs[3] = pairs[3].model_copy(update={"input": "some\nlines\n" * 30, "rejected": "worse", "id": ""}).identified()
    write(tmp_path, pairs)
    judge(tmp_path, pairs, [9.0] * 7)
    pictures = Path(os.environ.get("PICTURES") or tmp_path)
    with serving(tmp_path) as server:
        page.errors.clear()
        page.open(server.url, width)
        shows(page, "What is 0 + 0?")
        page.picture(pictures / f"labels-{width}.png")
        fits(page, width)
        key(page, "a")
        shows(page, "What is 1 + 1?")
        assert page.value("document.images.length") == 0 and page.value("document.title") == NAME
        page.picture(pictures / f"labels-{width}-markup.png")
        fits(page, width)
        page.click("#r")
        shows(page, "What is 2 + 2?")
        key(page, "u")
        shows(page, "What is 1 + 1?")
        page.click("#n")
        shows(page, "What is 2 + 2?")
        key(page, "e")
        page.until("document.activeElement.id === 'output'")
        page.value("document.activeElement.select()")
        page.type("#output", "four, as\nexpected")
        page.picture(pictures / f"labels-{width}-edit.png")
        fits(page, width)
        key(page, "a", "a")  # a letter of the text, not a command
        key(page, "Enter", ctrl=True)
        shows(page, "What is 3 + 3?")
        page.picture(pictures / f"labels-{width}-long.png")
        fits(page, width)
        key(page, "s")
        shows(page, "What is 4 + 4?")
        key(page, "e")
        page.type("#output", "not saved")
        key(page, "Escape")
        page.until("!document.querySelector('#keys').hidden")
        key(page, "e")
        page.until("!document.querySelector('#editor').hidden")
        assert page.value("document.querySelector('#output').value") == "8"
        page.value("document.querySelector('#output').value = ' '")
        page.click("#save")
        page.until("document.querySelector('#note').textContent.includes('leaves no output')")
        page.click("#cancel")
        for _ in range(3):
            before = page.value("document.querySelector('#progress').textContent")
            key(page, "a")
            page.until(f"document.querySelector('#progress').textContent != {json.dumps(before)} || !state.pair_id")
        shows(page, "No pair is left")
        page.picture(pictures / f"labels-{width}-end.png")
        key(page, "r")
        key(page, "q")
        page.until("document.querySelector('#progress').textContent.includes('7 answers are saved')")
        fits(page, width)
    assert page.errors == ["Failed to load resource: the server responded with a status of 500 (Internal Server Error)"]
    found = LabelStore(DataFolder(tmp_path).labels(NAME))
    said = [found.last(pair.id) for pair in pairs]
    assert [each.status for each in said] == ["approved", "needs_edit", "approved", "skipped", *["approved"] * 3]
    assert said[2].edit == {"output": "four, as\nexpecteda"} and [each for each in said if each.edit] == [said[2]]
    assert {each.labeler for each in said} == {"web"}


def shows(page, text):
    page.until(f"document.querySelector('#pair').innerText.includes({json.dumps(text)})")


def fits(page, width):
    """Nothing is wider than the window, and what is pressed is large enough for a finger."""
    assert page.value("document.documentElement.scrollWidth") <= width
    seen = "[...document.querySelectorAll('button, textarea')].map(e => e.getBoundingClientRect()).filter(b => b.width)"
    boxes = page.value(f"{seen}.map(b => [b.left, b.right, b.height])")
    assert all(left >= 0 and right <= width and height >= 36 for left, right, height in boxes), boxes


def ask(server, method="GET", path="/api/pair", body=None, **headers):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    given = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    connection.request(method, path, None if body is None else json.dumps(body), given)
    response = connection.getresponse()
    return response.status, response.read(), response.headers


def sent(server, **changed):
    return {"X_Token": server.token, "Content_Type": "application/json"} | changed


def test_only_this_page_is_answered(tmp_path):
    pairs = data_set(tmp_path)
    body = {"pair_id": pairs[0].id, "status": "approved"}
    with serving(tmp_path) as server:
        assert ask(server, X_Token=server.token)[0] == 200
        refused = [
            sent(server, X_Token=None),
            sent(server, X_Token="x" * 32),
            sent(server, X_Token="\u00e9"),
            sent(server, Host="evil.example"),
            sent(server, Host=f"evil.example:{server.server_port}"),
            sent(server, Origin="https://evil.example"),
            sent(server, Origin="null"),
            sent(server, Sec_Fetch_Site="cross-site"),
        ]
        for headers in refused:
            assert ask(server, "POST", "/api/answer", body, **headers)[0] == 403, headers
        for kind in ("text/plain", "application/x-www-form-urlencoded", None):
            assert ask(server, "POST", "/api/answer", body, **sent(server, Content_Type=kind))[0] == 415
        assert ask(server, path="/")[0] == 403 and ask(server, path="/?token=")[0] == 403
        assert ask(server, path="/../../etc/passwd", X_Token=server.token)[0] == 404
        assert ask(server, "PUT", "/api/answer", body, **sent(server))[0] == 501
        assert not DataFolder(tmp_path).labels(NAME).exists()
        assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999", "8000001", "\u0661"])
def test_a_body_without_a_sound_length_is_refused(tmp_path, length):
    data_set(tmp_path)
    with serving(tmp_path) as server:
        assert ask(server, "POST", "/api/answer", **sent(server, Content_Length=length.encode()))[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"pair_id": "x"},
        {"pair_id": "x", "status": "odd"},
        {"pair_id": "x", "status": "approved", "edit": {"id": "y"}},
        {"pair_id": 3, "status": "approved"},
        [],
        "a",
    ],
)
def test_a_malformed_answer_is_refused(tmp_path, body):
    data_set(tmp_path)
    with serving(tmp_path) as server:
        status, told, _ = ask(server, "POST", "/api/answer", body, **sent(server))
    assert status == 400 and json.loads(told)["error"]


def test_two_windows_cannot_answer_for_each_other(tmp_path):
    pairs = data_set(tmp_path)
    body = {"pair_id": pairs[0].id, "status": "approved"}
    with serving(tmp_path) as server:
        assert ask(server, "POST", "/api/answer", body, **sent(server))[0] == 200
        status, told, _ = ask(server, "POST", "/api/answer", body | {"status": "rejected"}, **sent(server))
        assert status == 409 and json.loads(told)["pair_id"] == pairs[1].id
        LabelStore(DataFolder(tmp_path).labels(NAME)).append(Label(pair_id=pairs[1].id, status="skipped"))
        assert json.loads(ask(server, X_Token=server.token)[1])["pair_id"] == pairs[2].id
    assert [line["status"] for line in lines_of(DataFolder(tmp_path).labels(NAME))] == ["approved", "skipped"]


def test_the_page_loads_nothing_and_may_be_framed_by_nobody(tmp_path):
    data_set(tmp_path)
    with serving(tmp_path) as server:
        first, again = (ask(server, path=f"/?token={server.token}") for _ in range(2))
    assert first[1] != again[1], "a nonce is used once"
    policy = first[2]["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert first[2]["Referrer-Policy"] == "no-referrer" and first[2]["Cache-Control"] == "no-store"
    assert b"http" not in first[1] and b"NONCE" not in first[1]


def test_a_port_that_is_taken_is_said(tmp_path):
    data_set(tmp_path)
    with serving(tmp_path) as server, pytest.raises(UsageError, match="--port"):
        folder = DataFolder(tmp_path)
        Server(Queue(folder.existing(NAME), LabelStore(folder.labels(NAME)), "web"), NAME, server.server_port)
