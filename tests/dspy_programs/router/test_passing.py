"""What reaches a model, and what comes back: G13 and G14. Bodies are compared as they arrive."""

import pytest

from dspy_programs.router import NoneAnswered, UpstreamError
from tests.openai_server import CUT, chunk, completion, openai_servers
from tests.router_support import asks, entry, router, said

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.mark.parametrize(
    "more",
    [{"temperature": 0}, {"temperature": 0.0, "top_p": 0.1}, {"seed": 7, "logit_bias": {"5": -1}}, {"field_of_next_year": [1]}],
)
def test_g13_temperature_0_and_all_else_arrive_as_sent(more):
    with openai_servers("ok") as [server]:
        router(server).chat(asks(**more))
    assert server.bodies == [asks(**more, model="up-0")]


def test_g13_nothing_is_added_to_a_request():
    with openai_servers("ok") as [server]:
        router(server).chat(asks())
    assert server.bodies[0].keys() == {"messages", "model"}


def test_g14_tool_calls_go_there_and_come_back():
    called = completion({"role": "assistant", "content": None, "tool_calls": [CALL]})
    with openai_servers(called) as [server]:
        answer = router(server).chat(asks(tools=[TOOL], tool_choice="auto"))
    assert server.bodies[0]["tools"] == [TOOL]
    assert answer.completion["choices"][0]["message"]["tool_calls"] == [CALL]


def test_g14_pictures_and_null_content_go_there():
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]
    with openai_servers("blind", "seeing") as servers:
        models = [entry(0, api_base=servers[0].base, images=False), entry(1, api_base=servers[1].base)]
        assert said(router(entries=models).chat({"messages": messages})) == "seeing"
    assert servers[1].bodies[0]["messages"] == messages and servers[0].bodies == []


def texts(stream):
    return [one["choices"][0]["delta"].get("content") for one in stream.chunks if one["choices"]]


def test_g14_stream_comes_in_its_chunks():
    with openai_servers(["Good ", "day", chunk({}, "stop")]) as [server]:
        assert texts(router(server).stream(asks())) == ["Good ", "day", None]
    assert server.bodies[0]["stream"] is True


def test_g14_stream_falls_back_before_its_first_chunk():
    with openai_servers([CUT], 500, ["third", chunk({}, "stop")]) as servers:
        stream = router(*servers).stream(asks())
        assert (stream.model, texts(stream)) == ("m/2", ["third", None])


def test_g14_stream_that_breaks_off_says_so_and_counts_as_a_failure():
    with openai_servers(["Good ", CUT]) as [server]:
        routes = router(server)
        stream = routes.stream(asks())
        with pytest.raises(UpstreamError):
            list(stream.chunks)
    assert routes.observed.shown(0)["success_share"] < 1
    assert routes.shown()["errors_count"] == 1


def test_g14_streamed_tool_calls_are_cached_whole():
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    more = [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in ('{"city":', ' "Ulm"}')]
    with openai_servers([chunk({"role": "assistant", "tool_calls": [first]}), *map(chunk, more), chunk({}, "tool_calls")]) as [
        server
    ]:
        routes = router(server)
        list(routes.stream(asks()).chunks)
        again = routes.chat(asks())
    assert again.cached and again.completion["choices"][0]["message"]["tool_calls"] == [CALL]
    assert again.completion["choices"][0]["finish_reason"] == "tool_calls"


def test_g14_cached_answer_can_be_streamed():
    with openai_servers("hello") as [server]:
        routes = router(server)
        routes.chat(asks())
        stream = routes.stream(asks())
    assert stream.cached and texts(stream) == ["hello", None] and len(server.bodies) == 1


def test_g14_server_that_cannot_stream_is_streamed_all_the_same():
    with openai_servers("whole") as [server]:
        assert texts(router(server).stream(asks())) == ["whole", None]


def test_stream_that_is_closed_early_is_not_cached():
    with openai_servers(["Good ", "day", chunk({}, "stop")]) as [server]:
        routes = router(server)
        chunks = routes.stream(asks()).chunks
        next(chunks)
        chunks.close()
    assert routes.answers.stats()["cached_entries"] == 0


def test_key_in_a_stream_is_not_told(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k3y-0123456789abcdef")
    with openai_servers(["key k3y-0123456789abcdef", chunk({}, "stop")]) as [server]:
        stream = router(entries=[entry(0, api_base=server.base, key_env="MY_KEY")]).stream(asks())
        assert texts(stream)[0] == "key [key]"


def test_no_model_streams_is_an_error_at_once():
    with openai_servers(500) as [server], pytest.raises(NoneAnswered):
        router(server).stream(asks())


def test_chat_of_a_body_that_asks_for_a_stream_is_whole():
    with openai_servers("whole") as [server]:
        assert said(router(server).chat(asks(stream=True, stream_options={"include_usage": True}))) == "whole"
    assert server.bodies[0].keys() == {"messages", "model"}


def streamed(stream):
    return [one.get("usage") for one in stream.chunks if not one["choices"]]


def test_cached_stream_tells_usage_only_to_who_asks():
    with openai_servers("hello") as [server]:
        routes = router(server)
        routes.chat(asks())
        assert streamed(routes.stream(asks())) == streamed(routes.stream(asks("2"))) == [], "cached, and in one piece"
        [usage] = streamed(routes.stream(asks(stream_options={"include_usage": True})))
    assert usage["total_tokens"] == 15


def test_logprobs_of_a_stream_are_cached_and_streamed_once():
    parts = [chunk(text) for text in ("Good ", "day")]
    for part in parts:
        part["choices"][0]["logprobs"] = {"content": [{"token": part["choices"][0]["delta"]["content"], "logprob": -0.1}]}
    with openai_servers([*parts, chunk({}, "stop")]) as [server]:
        routes = router(server)
        list(routes.stream(asks(logprobs=True)).chunks)
        [choice] = routes.chat(asks(logprobs=True)).completion["choices"]
        again = [one["choices"][0].get("logprobs") for one in routes.stream(asks(logprobs=True)).chunks]
    assert [one["token"] for one in choice["logprobs"]["content"]] == ["Good ", "day"]
    assert again == [choice["logprobs"], None]


def test_choices_of_a_stream_are_put_together_apart():
    def part(at, text, finish=None):
        return {"choices": [{"index": at, "delta": {"content": text}, "finish_reason": finish}]}

    with openai_servers([part(1, "b"), part(0, "a"), part(1, "b", "stop"), part(0, "a", "stop")]) as [server]:
        routes = router(server)
        list(routes.stream(asks(n=2)).chunks)
        again = routes.chat(asks(n=2))
    assert again.cached and [one["message"]["content"] for one in again.completion["choices"]] == ["aa", "bb"]
