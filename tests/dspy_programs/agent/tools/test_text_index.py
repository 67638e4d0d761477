import json
import os

import pytest

from dspy_programs.agent.tools.text_index import FolderIndex, SearxNG, search_tool
from tests.dspy_programs.agent.scopes import said, scope_in
from tests.dspy_programs.agent.tools.answering import answering


@pytest.fixture
def scope(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("docs/install.md", "# How to install\n\nRun pip install zebra on every machine.\n")
    scope.workspace.write("docs/use.md", "# Use\n\n" + "Something else. " * 500 + "The port of the café server is 8080.\n")
    return scope


def test_the_best_page_comes_first_with_its_passage(scope):
    search = search_tool(FolderIndex(scope.workspace))
    assert (search.name, search.effect) == ("web_search", "reads")
    assert said(search, scope, query="installing zebras").startswith("1. How to install (docs/install.md)\n")
    assert "8080" in said(search, scope, query="cafe server port")
    assert said(search, scope, query="giraffe") == "[nothing found about giraffe]"


@pytest.mark.parametrize(
    "query", ['"', "a AND", "NEAR(", "title:x *", "'; DROP TABLE passages", "-", "((((", "x" * 10_000, "\0"]
)
def test_a_query_is_words_and_never_syntax(scope, query):
    assert not said(search_tool(FolderIndex(scope.workspace)), scope, query=query).startswith("ToolError: web_search")


def test_the_index_follows_the_folder(scope):
    search = search_tool(FolderIndex(scope.workspace))
    assert "install.md" in said(search, scope, query="zebra")
    scope.workspace.write("docs/install.md", "now about giraffes")
    scope.workspace.remove("docs/use.md")
    os.utime(scope.workspace.root / "docs" / "install.md", ns=(1, 1))
    assert "nothing found" in said(search, scope, query="zebra") and "nothing found" in said(search, scope, query="8080")
    assert "install.md" in said(search, scope, query="giraffe")


def test_a_server_like_searxng_is_asked(scope):
    asked = []

    def answer(request):
        asked.append(request.path)
        hits = [
            {"title": "Zebra", "url": "https://z.example/", "content": "Stripes"},
            {"title": "Two", "url": "u", "content": None},
        ]
        return 200, {"Content-Type": "application/json"}, json.dumps({"results": hits}).encode()

    with answering(answer) as address:
        search = search_tool(SearxNG(f"{address}/"))
        assert search.effect == "runs", "it reaches the network, so the policy asks"
        assert said(search, scope, query="a & b=c") == "1. Zebra (https://z.example/)\nStripes\n2. Two (u)\n"
    assert asked == ["/search?q=a+%26+b%3Dc&format=json"]


@pytest.mark.parametrize("answer", [(403, b"no"), (200, b"<html>"), (200, b'{"results": [{"x": 1}]}'), (200, b"[]")])
def test_a_server_that_answers_otherwise_is_an_error_that_says_what_to_do(scope, answer):
    with answering(lambda request: (answer[0], {}, answer[1])) as address:
        assert "is JSON among its formats" in said(search_tool(SearxNG(address)), scope, query="zebra")
