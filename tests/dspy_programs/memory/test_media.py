"""Pictures, sounds, files and parts of unknown kinds: a mark in the text, everything readable counted, no base64."""

import pytest

from dspy_programs.memory import messages_of, store_of

DATA = "iVBORw0KGgoAAAANSUhEUg" * 40


def user(*parts):
    return {"role": "user", "content": [{"type": "text", "text": "See"}, *parts]}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (user({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}), "See\n(image)"),
        (user({"type": "image_url", "image_url": {"url": "https://cdn.example.com/a?key=k"}}), "See\n(image: cdn.example.com)"),
        (user({"type": "input_image", "image_url": "https://cdn.example.com/a"}), "See\n(image: cdn.example.com)"),
        (user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}), "See\n(image)"),
        (user({"type": "image", "source": {"type": "url", "url": "https://x.org/y.png"}}), "See\n(image: x.org)"),
        (user({"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"}), "See\n(image)"),
        (user({"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}), "See\n(audio)"),
        (user({"type": "file", "file": {"filename": "offer.pdf", "file_data": DATA}}), "See\n(file: offer.pdf)"),
        (user({"type": "file", "mediaType": "image/png", "filename": "a.png", "url": DATA}), "See\n(image: a.png)"),
        (user({"type": "document", "title": "Rules", "source": {"type": "text", "data": "Be kind."}}),
         "See\n(document: Rules)\nBe kind."),
        (user({"type": "search_result", "title": "T", "source": "s", "content": [{"type": "text", "text": "Found."}]}),
         "See\n(search_result: T)\nFound."),
        (user({"type": "weird", "said": "hello", "blob": DATA}), 'See\n(weird)\n{"said": "hello", "blob": "(data)"}'),
        ({"role": "user", "parts": [{"inlineData": {"mimeType": "audio/ogg", "data": DATA}}]}, "(audio)"),
        ({"role": "user", "parts": [{"file_data": {"mime_type": "text/csv", "file_uri": "gs://bucket/x"}}]}, "(file: bucket)"),
        ({"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": DATA}}}]}, "(image)"),
        ({"role": "user", "content": "Look", "images": [DATA]}, "Look\n(image)"),
        ({"type": "MultiModalMessage", "source": "user", "content": ["Look", {"data": DATA}]}, "Look\n(image)"),
        ({"role": "assistant", "content": None, "audio": {"id": "a", "data": DATA, "transcript": "Hello."}}, "(audio)\nHello."),
        ({"role": "user", "content": {"type": "text", "text": "I love hiking"}}, "I love hiking"),
        ({"role": "assistant", "content": None, "refusal": "I cannot."}, "I cannot."),
    ],
)  # fmt: skip
def test_what_is_no_text_leaves_a_mark(message, text):
    known = store_of([message])
    (entry,) = known.store
    assert entry.content == text and known.store.token_total() > 0
    assert messages_of(known)[0] is message


def test_a_picture_in_a_result_stays_with_that_result():
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
    calls = [{"type": "tool_use", "id": id_, "name": "shot", "input": {}} for id_ in "ab"]
    results = [
        {"type": "tool_result", "tool_use_id": "a", "content": "none"},
        {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "here"}, picture]},
    ]
    session = [{"role": "assistant", "content": calls}, {"role": "user", "content": [*results, picture]}]
    _, first, second, last = store_of(session).store
    assert (first.content, second.content, last.content) == ("none", "here\n(image)", "(image)")
    assert (first.answers, second.answers, last.role) == ("a", "b", "user")
    assert first.parts == results[:1] and second.parts == results[1:] and last.parts == [picture]


@pytest.mark.parametrize("wrapper", [
    lambda content: {"type": "human", "data": {"content": content}},
    lambda content: {"role": "user", "content": content},
    lambda content: {"role": "user", "parts": content},
    lambda content: {"lc": 1, "type": "constructor", "id": ["x", "HumanMessage"], "kwargs": {"content": content}},
    lambda content: {"type": "user", "sessionId": "s", "message": {"role": "user", "content": content}},
])  # fmt: skip
def test_the_parts_are_at_hand_in_every_wrapper(wrapper):
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://x.org/y"}}]
    assert store_of([wrapper(parts)]).store.entries[0].parts == parts
