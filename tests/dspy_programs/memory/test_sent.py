"""The tokens of what is sent: published examples, pictures and files by the targets' rules, and that nothing is free."""

import base64
import json

import pytest

from dspy_programs.memory import MemoryEntry, MemoryStore
from dspy_programs.memory.sending.chat import chat_messages
from dspy_programs.memory.sending.media import price_for, read, tokens_of
from dspy_programs.memory.sending.picture_size import size_of
from dspy_programs.memory.sending.sent import entry_tokens, opening, sent_tokens
from dspy_programs.memory.sessions.adapters import store_of
from dspy_programs.tokens import TokenCounter, counter_named
from tests.chat_api import picture

COOKBOOK = [  # OpenAI's cookbook, "How to count tokens with tiktoken": 129 tokens for gpt-4-0613, 124 for gpt-4o
    ("system", None, "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    (
        "system",
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    ("user", None, "This late pivot means we don't have time to boil the ocean for the client deliverable."),
]
LETTERS = TokenCounter("letters", True, len, "gpt-4o")


@pytest.mark.parametrize(("model", "tokens"), [("gpt-4-0613", 129), ("gpt-3.5-turbo-0613", 129), ("openai/gpt-4o", 124)])
def test_openais_published_example_is_counted_as_published(model, tokens):
    counter = counter_named(model)
    assert counter.exact, "litellm ships the vocabularies"
    raw = [{"role": role, "content": text, **({"name": name} if name else {})} for role, name, text in COOKBOOK]
    store = store_of(raw, counter).store
    assert store.token_total() == tokens
    assert sum(sent_tokens(message, counter) for message in raw) + opening(counter) == tokens


@pytest.mark.parametrize("kind", ["png", "gif", "jpeg", "webp"])
def test_size_of_a_picture_is_read_from_its_first_bytes(kind):
    assert size_of(picture(1024, 731, kind)) == (1024, 731)


@pytest.mark.parametrize(
    "data", ["", "AAAA", "not base64!", "é" * 40, picture(0, 9), picture(9, 9, "jpeg")[:12], "/9j/" + "/" * 90]
)
def test_size_of_anything_else_is_not_known(data):
    assert size_of(data) is None


@pytest.mark.parametrize(
    ("model", "size", "low", "tokens"),
    [
        ("gpt-4o", (1024, 1024), False, 765),  # OpenAI's own examples
        ("gpt-4o", (2048, 4096), False, 1105),
        ("gpt-4o", (4096, 8192), True, 85),
        ("gpt-4o", (128, 64), False, 255),
        ("gpt-4o-mini", (128, 64), False, 8500),
        ("gpt-4.1-mini", (1024, 1024), False, 1659),
        ("o1", (128, 64), False, 225),
        ("claude-3-5-sonnet-20241022", (200, 200), False, 54),  # Anthropic's
        ("claude-3-5-sonnet-20241022", (1092, 1092), False, 1590),
        ("gemini-2.0-flash", (384, 384), False, 258),  # Google's
        ("gemini-2.0-flash", (960, 540), False, 6 * 258),
    ],
)
def test_pictures_cost_what_the_target_publishes(model, size, low, tokens):
    detail = {"detail": "low"} if low else {}
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture(*size)}", **detail}}
    assert tokens_of(read(part), price_for(model)) == tokens


DATA = picture(600, 600)
IN_ALL_DIALECTS = [
    {"type": "image_url", "image_url": f"data:image/png;base64,{DATA}"},
    {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
    {"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"},
    {"type": "image", "base64": DATA, "mime_type": "image/png"},
    {"inline_data": {"mime_type": "image/png", "data": DATA}},
    {"inlineData": {"mimeType": "image/png", "data": DATA}},
    {"image": {"format": "png", "source": {"bytes": base64.b64decode(DATA)}}},
    {"type": "file", "file": {"file_data": f"data:image/png;base64,{DATA}", "filename": "a.png"}},
]


@pytest.mark.parametrize("part", IN_ALL_DIALECTS)
def test_one_picture_costs_the_same_in_every_dialect(part):
    assert sent_tokens({"role": "user", "content": [part]}, LETTERS) == 4 + 765


UNKNOWN = [
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    {"type": "image", "source": {"type": "file", "file_id": "f"}},
    {"type": "input_audio", "input_audio": {"data": "A" * 64_000, "format": "mp3"}},
    {"type": "file", "file": {"file_id": "file-1"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 9000, "filename": "a.pdf"}},
    {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
    {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
]


@pytest.mark.parametrize("part", UNKNOWN)
@pytest.mark.parametrize("model", ["gpt-4o", "claude-3-5-sonnet", "gemini-2.0-flash", "llava", ""])
def test_what_has_no_known_size_counts_as_much(part, model):
    counter = TokenCounter("letters", True, len, model)
    assert sent_tokens({"role": "user", "content": [part]}, counter) >= 1000


def test_pages_of_a_pdf_are_counted_where_they_can_be():
    pages = b"%PDF-1.4 " + b"<< /Type /Pages /Count 2 >> << /Type /Page >> << /Type/Page/Parent 1 >>"
    part = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + base64.b64encode(pages).decode()}}
    assert tokens_of(read(part), price_for("gpt-4o")) == 2 * (3000 + 1445)


def test_twenty_pictures_are_not_sixty_tokens():
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture(1024, 1024)}"}}
    store = store_of([{"role": "user", "content": [part]}] * 20, counter_named("openai/gpt-4o")).store
    assert store.token_total() == 20 * 769 + store.opening


@pytest.mark.parametrize(
    "part", [{"type": "hologram", "rays": ["x" * 500]}, {"odd": "x" * 500}, ["x" * 500], {"type": 7, "a": "x" * 500}]
)
def test_part_that_nobody_knows_is_counted_by_its_whole_json(part):
    assert sent_tokens({"role": "user", "content": [part]}, LETTERS) >= 4 + len(json.dumps(part))


def test_calls_are_counted_as_json_and_results_with_their_id():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
    asks = MemoryEntry(role="assistant", content="", metadata={"tool_calls": [call]})
    assert entry_tokens(asks, LETTERS) == 4 + len(json.dumps([call]))
    answers = MemoryEntry(role="tool", content="four", metadata={"tool_call_id": "c1", "name": "look"})
    assert entry_tokens(answers, LETTERS) == 4 + len("four") + len("c1")


def test_total_is_what_the_messages_are_that_a_memory_is_sent_as():
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture(64, 64)}"}}
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    raw = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "See"}, part]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "Done."},
    ]
    store = store_of(raw, counter_named("openai/gpt-4o")).store
    assert store.token_total() == opening(store.counter) + sum(
        sent_tokens(message, store.counter) for message in chat_messages(store)
    )


def test_total_includes_what_completes_the_messages():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    store = MemoryStore(counter=LETTERS)
    for role, content, metadata in [
        ("assistant", "Hello, how can I help?", {}),
        ("tool", "", {}),
        ("tool", "four", {"tool_call_id": "gone"}),
        ("assistant", "I look.", {"tool_calls": [call, call, {**call, "id": "not valid"}]}),
        ("user", "and now?", {}),
    ]:
        store.add(role, content, metadata=metadata)
        assert store.token_total() == 3 + sum(sent_tokens(message, LETTERS) for message in chat_messages(store))
    assert store.remove_entry(store.entries[0].id)
    assert store.token_total() == 3 + sum(sent_tokens(message, LETTERS) for message in chat_messages(store))


def test_empty_messages_and_thoughts_are_not_sent_and_cost_nothing():
    store = MemoryStore(counter=LETTERS)
    store.add("assistant", " \n")
    assert store.token_total() == 0
    thought = [{"type": "thinking", "thinking": "x" * 900}, {"type": "text", "text": "yes"}]
    assert sent_tokens({"role": "assistant", "content": thought}, LETTERS) == 4 + len("yes")


def test_picture_that_only_the_original_carries_is_counted_too():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture(1092, 1092)}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "seen"}, image]}
    metadata = {"tool_call_id": "t", "message": {"role": "user", "content": [result]}}
    entry = MemoryEntry(role="tool", content="seen", metadata=metadata)
    assert entry_tokens(entry, TokenCounter("letters", True, len, "claude-3-5-sonnet")) >= 1590 + len("seen")
    film = {"inline_data": {"mime_type": "video/mp4", "data": "A" * 90_000}}
    entry = MemoryEntry(role="user", content="See", metadata={"message": {"role": "user", "parts": [film]}})
    assert entry_tokens(entry, TokenCounter("letters", True, len, "gemini-2.0-flash")) > 3000
