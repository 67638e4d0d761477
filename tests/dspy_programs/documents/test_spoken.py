"""An answer is told from the moment its quote is found, in any pieces, and nothing that is withdrawn later."""

import json

import pytest

from dspy_programs.documents import Spoken

TEXT = 'Zoë said "hi 😀 there" in 1931.\nIts path is C:\\temp.'


def reply(quote: str, answer: str, ascii: bool = True) -> str:
    return json.dumps({"reply": {"quote": quote, "answer": answer}}, ensure_ascii=ascii)


def told_of(text: str, size: int = 1) -> list[str]:
    told: list[str] = []
    hear = Spoken(told.append).listener(TEXT)
    for start in range(0, len(text), size):
        hear(text[start : start + size])
    return told


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("ascii", [True, False])
def test_whatever_the_pieces_the_answer_is_told_whole(size, ascii):
    told = told_of(reply(TEXT, ' "hi 😀 there",\n C:\\temp ', ascii), size)
    assert "".join(told) == '"hi 😀 there",\n C:\\temp'
    assert len(told) > 2 and all(piece.encode() for piece in told)


@pytest.mark.parametrize(
    "text",
    [
        reply("Zoë was hacked by nobody at all", "HACKED"),
        reply("", "HACKED"),
        '{"reply": {"answer": "HACKED", "quote": "Zoë said"}}',
        f"<think>{reply('Zoë said', 'HACKED')}",
        '{"answer": ' * 50,
    ],
)
def test_what_rests_on_no_quote_is_not_told(text):
    assert told_of(text) == []


def test_thoughts_are_not_told():
    assert "".join(told_of(f"<think>{reply('Zoë said', 'no')}</think>{reply('Zoë said', 'yes')}")) == "yes"


def test_second_try_goes_on_where_the_first_stopped_or_is_not_told():
    for second, told, rest in (("in a song", "in a song", ""), ("a song", "in a s", None)):
        pieces: list[str] = []
        spoken = Spoken(pieces.append)
        spoken.listener(TEXT)(reply(TEXT, "in a s")[:-3])
        spoken.listener(TEXT)(reply(TEXT, second))
        assert "".join(pieces) == told and spoken.rest(second) == rest


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("in 1931, she said", "in 1931, she said"),
        ("in 1931", "in"),  # it may go on: what is missing is told at the end
        ("in 1888, she said", "in"),
        ("2 of them", "2 of them"),
    ],
)
def test_a_number_is_told_when_it_is_whole_and_the_documents(answer, told):
    assert "".join(told_of(reply(TEXT, answer))) == told


def test_what_only_asks_again_waits_for_what_it_goes_on_with():
    told: list[str] = []
    hear = Spoken(told.append).listener(TEXT, "What is its path?")
    hear('{"reply": {"quote": "Its path is", "answer": "Its path is')
    assert told == []
    hear(" C:")
    assert "".join(told) == "Its path is C:"
