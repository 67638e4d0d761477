"""The cache: G7. The key covers whatever changes an answer; places are bounded in size and time."""

import pytest

from dspy_programs.router.answers.memory import MemoryAnswers
from dspy_programs.router.answers.store import answers_for, key_of
from dspy_programs.router.catalogue import Cache
from tests.openai_server import openai_servers
from tests.router_support import asks, catalogue, entry, router

MODELS = catalogue(entries=[entry(0), entry(1)]).models
BODY = asks("hi", temperature=0, tools=[{"type": "function"}])
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def test_g7_hit_is_marked_and_asks_nobody():
    with openai_servers("one") as [server]:
        routes = router(server)
        first, second = routes.chat(asks()), routes.chat(asks())
    assert (first.cached, second.cached, second.completion) == (False, True, first.completion)
    assert len(server.bodies) == 1 and second.ms < first.ms


@pytest.mark.parametrize(
    "other",
    [
        {**BODY, "temperature": 0.7},
        {**BODY, "top_p": 0.5},
        {**BODY, "max_tokens": 5},
        {**BODY, "seed": 1},
        {**BODY, "tools": []},
        {**BODY, "tool_choice": "none"},
        {**BODY, "response_format": {"type": "json_object"}},
        {**BODY, "n": 2},
        {**BODY, "messages": [{"role": "system", "content": "hi"}]},
        {**BODY, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, IMAGE]}]},
        {**BODY, "field_of_next_year": 1},
    ],
)
def test_g7_whatever_changes_an_answer_changes_the_key(other):
    assert key_of(MODELS[0], BODY) != key_of(MODELS[0], other)


def test_g7_key_depends_on_the_model_and_not_on_streaming():
    assert key_of(MODELS[0], BODY) != key_of(MODELS[1], BODY)
    assert key_of(MODELS[0], BODY) == key_of(MODELS[0], {**BODY, "stream": True, "user": "ann"})
    elsewhere = catalogue(entries=[entry(0, api_base="http://127.0.0.1:8/v1")]).models[0]
    assert key_of(MODELS[0], BODY) != key_of(elsewhere, BODY)


def test_g7_fresh_answer_on_demand():
    with openai_servers("one") as [server]:
        routes = router(server)
        routes.chat(asks()), routes.chat(asks(), cache=False)
    assert len(server.bodies) == 2


def test_g7_answer_is_forgotten_after_its_time():
    now = [0.0]
    kept = MemoryAnswers(10, 1000, lambda: now[0])
    kept.put("a", {"x": 1})
    assert kept.get("a") == {"x": 1}
    now[0] = 10.1
    assert kept.get("a") is None and kept.stats()["cached_entries"] == 0


def test_memory_is_bounded_in_bytes():
    kept = MemoryAnswers(1000, 1000)
    for number in range(100):
        kept.put(str(number), {"text": "x" * 50})
    told = kept.stats()
    assert told["used_memory"] <= 1000 and 10 <= told["cached_entries"] <= 20
    kept.put("huge", {"text": "x" * 5000})
    assert kept.get("huge") is None and kept.get("99")


def test_answer_that_was_changed_afterwards_is_kept_as_it_was():
    kept = MemoryAnswers(1000, 1000)
    answer = {"x": [1]}
    kept.put("a", answer)
    kept.get("a")["x"].append(2)
    answer["x"].append(3)
    assert kept.get("a") == {"x": [1]}


def test_sqlite_outlives_the_router(tmp_path):
    settings = {"cache": {"backend": "sqlite", "path": str(tmp_path / "answers.sqlite")}}
    with openai_servers("one") as [server]:
        first = router(server, **settings)
        first.chat(asks())
        first.close()
        again = router(server, **settings)
        assert again.chat(asks()).cached
        told = again.answers.stats()
        assert (told["backend"], told["connected"], told["cached_entries"]) == ("sqlite", True, 1) and told["used_memory"] > 0
        assert again.answers.clear() == 1 and not again.chat(asks()).cached
        again.close()


def test_no_cache_asks_every_time():
    assert answers_for(Cache(backend="none")) is None
    with openai_servers("one") as [server]:
        routes = router(server, cache={"backend": "none"})
        routes.chat(asks()), routes.chat(asks())
    assert len(server.bodies) == 2
