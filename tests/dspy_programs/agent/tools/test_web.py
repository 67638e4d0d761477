import time

import pytest

from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.tools.web import MOST_BYTES, Page, fetch, http_get, readable
from tests.dspy_programs.agent.scopes import said, scope_in
from tests.dspy_programs.agent.tools.answering import answering


def test_a_page_is_read_without_its_markup():
    page = Page(200, "text/html", "<head><title>T</title></head><p>One &amp; <b>two</b></p><script>evil()</script><li>three")
    assert readable(page) == "One & two\nthree"
    assert readable(Page(200, "text/plain", "<p>as it is</p>")) == "<p>as it is</p>"
    assert readable(Page(200, "text/html", "<style>" * 10_000 + "x" + "<p" * 1000)) == ""


def test_an_address_of_this_machine_is_refused_before_anything_is_sent(tmp_path):
    asked = []
    with answering(lambda request: asked.append(request) or (200, {}, b"hello")) as address:
        assert "private network" in said(http_get, scope_in(tmp_path / "w"), url=address)
        assert fetch(address, seconds=5, anywhere=True).text == "hello"
    assert len(asked) == 1
    assert not {"Cookie", "Authorization"} & asked[0].headers.keys()


def test_a_configured_server_is_not_followed_elsewhere():
    asked = []

    def answer(request):
        asked.append(request.path)
        return 302, {"Location": "/elsewhere"}, b"moved"

    with answering(answer) as address:
        assert fetch(f"{address}/x", seconds=5, headers={"Authorization": "Bearer k"}, anywhere=True).status == 302
    assert asked == ["/x"]


@pytest.mark.parametrize(
    ("headers", "data", "fault"),
    [
        ({"Content-Type": "image/png"}, b"\x89PNG\0\0", "not a text"),
        ({"Content-Encoding": "gzip"}, b"x", "compressed"),
    ],
)
def test_what_is_no_text_is_refused(headers, data, fault):
    with answering(lambda request: (200, headers, data)) as address, pytest.raises(ToolError, match=fault):
        fetch(address, seconds=5, anywhere=True)


def test_an_endless_page_is_cut_and_a_dripping_one_ends():
    with answering(lambda request: (200, {"Content-Type": "text/plain; charset=nonsense"}, b"x" * 3_000_000)) as address:
        assert len(fetch(address, seconds=20, anywhere=True).text) == MOST_BYTES
    with answering(lambda request: time.sleep(1.5) or (200, {}, b"late")) as address:
        started = time.monotonic()
        with pytest.raises(ToolError, match="cannot be"):
            fetch(address, seconds=0.3, anywhere=True)
        assert time.monotonic() - started < 1.4


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://[", "http://exa mple/", "x", "http://"])
def test_an_address_that_cannot_be_reached_is_one_line(url):
    with pytest.raises(ToolError) as caught:
        fetch(url, seconds=2, anywhere=True)
    assert "\n" not in str(caught.value)
