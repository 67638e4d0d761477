"""A model behind an API: each request counted once, a schema given up for itself alone, answers that end in time."""

import asyncio
import contextlib
import json
import socket
import threading
import time

import dspy
import pytest
from dspy import lm15
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import LMAuthError, LMError, LMInvalidRequestError, LMServerError, LMTransportError

from dspy_programs.lm import connect
from dspy_programs.lm.cached import AnswerCache, cached
from dspy_programs.lm.models import RETRIES, CompleteJSONAdapter
from dspy_programs.lm.server.answers import events_without_keys
from dspy_programs.lm.server.server import LONGEST_WAIT, ServerEngine
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.spending import Spending
from dspy_programs.serve.stoppable import stoppable
from optimizers.calls import Journal, Meter, recorded
from tests.dspy_programs.lm.dialects import Loopback, Reply, chat, refusal, streamed
from tests.fakes import ChatServer

ANSWER = json.dumps({"answer": "forty two it is"})
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class Heard(BaseCallback):
    def __init__(self):
        self.starts = 0

    def on_lm_start(self, call_id, instance, inputs):
        self.starts += 1


def answering(path, body) -> Reply:
    return streamed(ANSWER) if body.get("stream") else chat(ANSWER)


LAYERS = {
    "served": lambda lm, folder: lm,
    "cached": lambda lm, folder: cached(lm, AnswerCache(folder / "answers.sqlite")),
    "recorded": lambda lm, folder: recorded(lm, "task", Journal(folder / "calls.jsonl"), Meter()),
    "stoppable": lambda lm, folder: stoppable(lm, lambda: None, time.monotonic() + 60, Spending(Limits()).begin("", 0)),
    "all": lambda lm, folder: recorded(cached(lm, AnswerCache(folder / "a.sqlite")), "task", Journal(None), Meter()),
}


@pytest.mark.parametrize("layers", LAYERS)
def test_one_request_is_counted_once_however_many_models_stand_behind_each_other(layers, tmp_path):
    heard = Heard()
    with Loopback(answering) as server:
        lm = LAYERS[layers](connect("openai/m", api_base=server.url), tmp_path)
        with dspy.context(lm=lm, adapter=CompleteJSONAdapter(), callbacks=[heard], track_usage=True):
            usage = dspy.Predict("question -> answer")(question="q").get_lm_usage()
    assert (heard.starts, len(lm.history), len(server.bodies)) == (1, 1, 1)
    assert {name: usage["openai/m"][name] for name in USAGE} == USAGE


async def chunks_of(**inputs) -> list:
    listeners = [dspy.streaming.StreamListener(signature_field_name="answer")] if inputs.pop("listen", False) else None
    program = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=listeners)
    return [chunk async for chunk in program(**inputs)]


def test_streamed_tokens_are_those_of_the_server_and_come_once(tmp_path):
    with Loopback(answering) as server:
        for lm in (
            connect("openai/m", api_base=server.url),
            dspy.LM("openai/m", api_base=server.url, api_key="x", cache=False),
        ):
            with dspy.context(lm=lm, adapter=CompleteJSONAdapter()):
                *chunks, prediction = asyncio.run(chunks_of(question="q"))
            said = [chunk.choices[0].delta.content for chunk in chunks]
            assert said == [*(ANSWER[i : i + 12] for i in range(0, len(ANSWER), 12)), None]
            assert prediction.answer == "forty two it is"
    assert len(server.bodies) == 2


def test_stream_listener_hears_its_field():
    with (
        Loopback(answering) as server,
        dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()),
    ):
        *heard, prediction = asyncio.run(chunks_of(question="q", listen=True))
    assert "forty two it is" in "".join(chunk.chunk for chunk in heard) and prediction.answer == "forty two it is"


def test_tokens_stream_while_the_server_still_writes():
    read = threading.Event()
    waits = iter([True, True])  # the first two pieces come at once, the others once the first was read

    def wait() -> None:
        if not next(waits, False):
            assert read.wait(5), "nothing was read before the answer ended"

    async def first_chunk() -> None:
        program = dspy.streamify(dspy.Predict("question -> answer"))
        async for chunk in program(question="q"):
            read.set()
            assert chunk

    with Loopback(lambda path, body: streamed(ANSWER, wait)) as server:
        with dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()):
            asyncio.run(first_chunk())


def test_server_that_does_not_stream_is_asked_for_the_whole_answer():
    with Loopback(lambda path, body: chat(ANSWER)) as server:
        with dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()):
            assert [asked(stream=True).answer for _ in range(2)] == ["forty two it is"] * 2
    assert [bool(body.get("stream")) for body in server.bodies] == [True, False, False]


@pytest.mark.parametrize("layers", LAYERS)
def test_model_can_be_awaited_and_is_counted_once_then_too(layers, tmp_path):
    heard = Heard()

    async def both() -> list[dspy.Prediction]:
        predict = dspy.Predict("question -> answer")
        return await asyncio.gather(*(predict.acall(question=question) for question in "ab"))

    with Loopback(answering) as server:
        lm = LAYERS[layers](connect("openai/m", api_base=server.url), tmp_path)
        with dspy.context(lm=lm, adapter=CompleteJSONAdapter(), callbacks=[heard]):
            assert [each.answer for each in asyncio.run(both())] == ["forty two it is"] * 2
    assert (heard.starts, len(server.bodies)) == (2, 2)


def test_stream_of_an_awaited_program_is_that_of_the_server():
    class Asks(dspy.Module):
        def __init__(self):
            super().__init__()
            self.predict = dspy.Predict("question -> answer")

        async def aforward(self, question):
            return await self.predict.acall(question=question)

    async def chunks() -> list:
        program = dspy.streamify(Asks(), is_async_program=True)
        return [chunk async for chunk in program(question="q")]

    with (
        Loopback(answering) as server,
        dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()),
    ):
        *said, prediction = asyncio.run(chunks())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == ANSWER
    assert prediction.answer == "forty two it is" and len(server.bodies) == 1


KEY = "sk-secret-secret"


def asked(stream: bool) -> dspy.Prediction:
    return asyncio.run(chunks_of(question="q"))[-1] if stream else dspy.Predict("question -> answer")(question="q")


@pytest.mark.parametrize("stream", [False, True])
def test_refused_schema_is_given_up_in_a_stream_too(stream):
    def respond(path, body) -> Reply:
        return refusal("no response_format here") if body.get("response_format") else answering(path, body)

    with Loopback(respond) as server, dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()):
        assert asked(stream).answer == "forty two it is"
    assert server.bodies[-1].get("response_format") is None


@pytest.mark.parametrize("stream", [False, True])
def test_error_shows_no_key_in_a_stream_either(stream):
    with Loopback(lambda path, body: refusal(f"bad key {KEY}")) as server:
        lm = connect("openai/m", api_base=server.url, api_key=KEY)
        with dspy.context(lm=lm, adapter=CompleteJSONAdapter()), pytest.raises(Exception) as caught:
            asked(stream)
    seen = {}
    left = [caught.value]
    while left:
        error = left.pop()
        seen[id(error)] = f"{error!r} {error}"
        behind = (error.__cause__, error.__context__, *getattr(error, "exceptions", ()))
        left += [each for each in behind if each is not None and id(each) not in seen]
    shown = " ".join(seen.values())
    assert "bad key" in shown and KEY not in shown


def test_served_model_is_tried_again_after_errors_that_pass(tmp_path):
    for layers in LAYERS:
        with ChatServer(lambda prompt: ANSWER) as server:
            server.fail_next = 2
            (tmp_path / layers).mkdir()
            lm = LAYERS[layers](connect("openai/m", api_base=server.url), tmp_path / layers)
            assert lm(f"hello {layers}") == [ANSWER] and len(server.requests) == 3, layers


TRICKLE = json.dumps({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "model": "m"}).encode()


def test_answer_that_trickles_is_given_up_after_the_time_for_one_call():
    def trickling(path, body) -> Reply:
        return Reply(pieces=tuple(bytes([byte]) for byte in TRICKLE * 3), wait=lambda: time.sleep(0.1))

    with Loopback(trickling) as server:
        lm = connect("openai/m", api_base=server.url, timeout=0.5)
        lm.num_retries = 0
        start = time.monotonic()
        with pytest.raises(LMTransportError, match=r"not complete after 0\.5 seconds"):
            lm("hello")
        assert time.monotonic() - start < 3


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
def test_answer_that_never_ends_is_given_up_before_memory_is_full(kind):
    sent = []

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def pour() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % kind.encode())
                while len(sent) < 2000:
                    connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                    sent.append(65536)

        threading.Thread(target=pour, daemon=True).start()
        lm = connect("openai/m", api_base=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", timeout=30)
        lm.num_retries = 0
        with pytest.raises(LMTransportError, match="longer than 50,000,000 bytes"):
            lm("hello")
    assert sum(sent) < 70_000_000


def test_head_that_trickles_is_given_up_too():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.1)

        threading.Thread(target=trickle, daemon=True).start()
        lm = connect("openai/m", api_base=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", timeout=0.5)
        lm.num_retries = 0
        start = time.monotonic()
        with pytest.raises(LMTransportError):
            lm("hello")
        assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": -1, "completion_tokens": 5}, {"completion_tokens": 5}),
        ({"prompt_tokens": "ten", "completion_tokens": 5}, {"completion_tokens": 5}),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": "no"}, USAGE),
        ({"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": -2}}, USAGE),
        ({"prompt_tokens": 10.5, "total_tokens": None}, {}),
        ({"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.1}, USAGE),
        ("unknown", {}),
        ([], {}),
        ({}, {}),
    ],
)
def test_odd_figures_of_use_do_not_spoil_the_answer(usage, counted):
    with Loopback(lambda path, body: chat("ok", usage=usage)) as server:
        lm = connect("openai/m", api_base=server.url)
        assert lm("hello") == ["ok"]
    found = lm.history[-1]["usage"]
    assert {name: found[name] for name in found if isinstance(found[name], int)} == counted


def test_odd_figures_of_use_do_not_spoil_a_stream():
    def respond(path, body):
        reply = streamed(ANSWER)
        return reply._replace(
            pieces=tuple(piece.replace(b'"prompt_tokens": 10', b'"prompt_tokens": "x"') for piece in reply.pieces)
        )

    with Loopback(respond) as server, dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()):
        assert asyncio.run(chunks_of(question="q"))[-1].answer == "forty two it is"


# What a server refuses, and what it is asked for then.


def schema_of(*names: str) -> dict:
    properties = {name: {"type": "string", "maxLength": 9} for name in names}
    return {"type": "object", "properties": properties, "required": [*names[:1]], "additionalProperties": False}


def format_of(*names: str) -> dict:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema_of(*names), "strict": True}}


class Picky:
    """A server that answers "ok" and refuses with `message` what `refuses` says."""

    def __init__(self, message: str, refuses, status: int = 400) -> None:
        self.server = Loopback(lambda path, body: refusal(message, status) if refuses(body) else chat("ok"))

    def __enter__(self) -> "Picky":
        self.server.__enter__()
        self.lm = connect("openai/m", api_base=self.server.url)
        self.lm.num_retries = 0
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    @property
    def types(self) -> list[str | None]:
        return [(body.get("response_format") or {}).get("type") for body in self.server.bodies]

    @property
    def logprobs(self) -> list[int | None]:
        return [body.get("top_logprobs") for body in self.server.bodies]


def has_schema(body) -> bool:
    return (body.get("response_format") or {}).get("type") == "json_schema"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("Invalid schema for response_format 'reply'", 400),
        ("failed to parse grammar", 400),
        ("guided_json is not supported", 422),
        ("json_schema: unsupported", 500),
    ],
)
def test_refused_schema_is_left_out_from_then_on(message, status):
    with Picky(message, has_schema, status) as picky:
        for _ in range(2):
            assert picky.lm("one", response_format=format_of("a")) == ["ok"]
    assert picky.types == ["json_schema"] * 3 + ["json_object"] * 2


@pytest.mark.parametrize("message", ["This response_format type is unavailable now", "'response_format.type' must be 'text'"])
def test_type_that_a_server_does_not_know_is_not_tried_in_other_forms(message):
    with Picky(message, lambda body: "response_format" in body) as picky:
        assert picky.lm("one", response_format=format_of("a")) == ["ok"]
    assert picky.types == ["json_schema", "json_object", None]


def test_refused_schema_says_nothing_of_another_one():
    with Picky("Invalid schema", lambda body: "bad" in json.dumps(body) and has_schema(body)) as picky:
        for name in ("bad", "good", "bad"):
            assert picky.lm("one", response_format=format_of(name)) == ["ok"]
    assert picky.types == ["json_schema"] * 3 + ["json_object", "json_schema", "json_object"]
    assert picky.server.bodies[4]["response_format"]["json_schema"]["schema"] == schema_of("good")


@pytest.mark.parametrize("message", ["no", "max_tokens is too large", "the model is not known"])
def test_error_that_does_not_speak_of_the_schema_ends_nothing(message):
    with Picky(message, has_schema) as picky, pytest.raises(LMError):
        picky.lm("one", response_format=format_of("a"))
    assert picky.types == ["json_schema"]


@pytest.mark.parametrize(("status", "raised"), [(500, LMServerError), (401, LMAuthError), (404, LMError)])
def test_other_errors_end_the_call(status, raised):
    with Picky("down", has_schema, status) as picky, pytest.raises(raised):
        picky.lm("one", response_format=format_of("a"))
    assert picky.types == ["json_schema"] and picky.lm.supports_response_schema


def test_last_refusal_is_raised_when_nothing_helps():
    with Picky("this schema", lambda body: True) as picky, pytest.raises(LMInvalidRequestError, match="this schema"):
        picky.lm("one", response_format=format_of("a"))
    assert picky.types[-2:] == ["json_object", None] and not picky.lm.engine.taken


BOTH = {"response_format": format_of("a"), "logprobs": True, "top_logprobs": 20}


def test_logprobs_are_given_up_alone_and_for_good():
    with Picky("logprobs are not supported", lambda body: "top_logprobs" in body) as picky:
        assert "logprobs" in picky.lm.supported_params
        for _ in range(2):
            assert picky.lm("one", **BOTH)[0]["text"] == "ok"
    assert picky.logprobs == [20, None, None] and picky.types == ["json_schema"] * 3
    assert "logprobs" not in picky.lm.supported_params and picky.lm.supports_response_schema


def test_logprobs_stay_when_the_schema_was_the_fault():
    with Picky("Invalid schema", has_schema) as picky:
        picky.lm("one", **BOTH)
    assert set(picky.logprobs) == {20} and picky.types[-1] == "json_object"


def test_both_are_given_up_when_both_are_refused():
    with Picky("no logprobs and no response_format", lambda body: has_schema(body) or "top_logprobs" in body) as picky:
        picky.lm("one", **BOTH)
    assert (picky.logprobs[-1], picky.types[-1]) == (None, "json_object")


def test_hosted_model_is_asked_in_strict_mode_first():
    with Picky("", lambda body: False) as picky:
        inner = dspy.LM("openai/gpt-4.1-mini", api_base=picky.server.url, api_key="x", cache=False, num_retries=0)
        lm = dspy.LM(inner.model, engine=ServerEngine(inner, own=False), cache=False, num_retries=RETRIES)
        assert lm("one", response_format=format_of("a", "b")) == ["ok"]
    schema = picky.server.bodies[0]["response_format"]["json_schema"]
    assert schema["strict"] is True and schema["schema"]["required"] == ["a", "b"]
    assert lm15.Config(response_format={"type": "json_schema", "name": "reply", "schema": schema["schema"]})


@pytest.mark.parametrize(("asked", "waits"), [(None, None), (0.0, 0.0), (0.5, None), (1.0, None), (1.5, 1.5), (7.0, 7.0)])
def test_a_refused_call_waits_as_long_as_the_server_asks_or_as_dspy_does_if_that_is_longer(asked, waits):
    """DSPy's own waits are 1, 2, 4, 8 and 16 seconds: calls refused together come back apart."""
    engine = connect("openai/m", api_base="http://127.0.0.1:9/v1").engine
    with pytest.raises(lm15.RateLimitError) as raised, engine.keeping_the_key():
        raise lm15.RateLimitError("slow down", retry_after=asked)
    assert raised.value.retry_after == waits


def test_a_refused_call_is_asked_again_when_the_server_says():
    came = []
    with ChatServer(lambda prompt: came.append(time.monotonic()) or "yes") as server:
        server.fail_next, server.retry_after = 1, "1.3"
        start = time.monotonic()
        assert connect("openai/m", api_base=server.url)("hello") == ["yes"]
    assert len(server.requests) == 2 and came[0] - start >= 1.3, "without the header it would be a second"


def test_a_server_that_asks_to_wait_for_a_day_is_asked_again_within_a_minute():
    engine = connect("openai/m", api_base="http://127.0.0.1:9/v1").engine
    with pytest.raises(lm15.RateLimitError) as raised, engine.keeping_the_key():
        raise lm15.RateLimitError("slow down", retry_after=86_400)
    assert raised.value.retry_after == LONGEST_WAIT


def test_an_answer_that_tells_our_key_is_answered_and_cached_without_it(tmp_path):
    key = "zq9-private-key-77aa"
    with Loopback(lambda path, body: chat(f"it is {key}, {key}", model=key)) as server:
        lm = cached(connect("openai/m", api_base=server.url, api_key=key), AnswerCache(tmp_path / "answers.sqlite"))
        assert [text if isinstance(text, str) else text["text"] for text in lm("hello")] == ["it is [key], [key]"]
    assert not any(key.encode() in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("size", range(1, 24))
def test_a_stream_that_tells_our_key_in_pieces_is_heard_without_it(size):
    key = "zq9-private-key-77aa"
    said = f"zq9-it is {key}{key}, zq9-private-key-77 and zq9-private-"
    with Loopback(lambda path, body: streamed(said, size=size)) as server:
        lm = connect("openai/m", api_base=server.url, api_key=key)
        request = lm15.Request(model="openai/m", messages=lm15.Message.user("hello"))
        events = list(lm.engine.stream(request))
    text = "".join(event.delta.text for event in events if event.type == "delta")
    assert text == said.replace(key, "[key]"), "and the rest is whole"


def test_keys_of_the_environment_are_not_in_an_answer_either(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "zq9-of-the-environment")
    with Loopback(lambda path, body: chat('it is zq9-of-the-environment and "quo\\ted"-key')) as server:
        lm = connect("openai/m", api_base=server.url, api_key='"quo\\ted"-key')
        assert lm("hello") == ["it is [key] and [key]"]


def test_calls_in_a_stream_keep_their_names(tmp_path):
    key = "zq9-private-key-77aa"
    made = [lm15.ToolCallDelta(input="", id="1", name="find"), lm15.ToolCallDelta(input='{"q": "zq9-priv')]
    made += [lm15.ToolCallDelta(input='ate-key-77aa"}'), lm15.ThinkingDelta(text="zq9-private-key-77aa!")]
    events = [lm15.StreamStartEvent(id=key, model="m"), *map(lm15.StreamDeltaEvent, made), lm15.StreamEndEvent()]
    heard = list(events_without_keys(events, [key]))
    assert key not in "".join(map(repr, heard)) and heard[0].id == "[key]" and heard[-1].type == "end"
    calls = [event.delta for event in heard[1:-1] if event.delta.type == "tool_call"]
    assert calls[0].name == "find" and "".join(call.input for call in calls) == '{"q": "[key]"}'
