"""What is near a pair that exists, and what only looks so."""

import pytest

from dspy_programs.data.growing import diversity
from dspy_programs.data.growing.diversity import Known
from dspy_programs.types import Pair

TEXT = "The river floods the lower fields in spring, and farmers move the sheep to the hills before the water comes."


def pair(instruction: str, given: str = "", output: str = "an answer") -> Pair:
    return Pair(instruction=instruction, input=given, output=output)


def near(one: Pair, other: Pair, by_meaning: bool | None = None) -> diversity.Near | None:
    known = Known(by_meaning)
    known.add([pair("Something else altogether, about ships."), one], "mine")
    return known.near(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pair("Name the capital of Norway.", output="Oslo"), pair("name the capital of norway", output="It is Oslo.")),
        (pair("Count the words of this text, please.", TEXT), pair("Count the words of this text, please.", TEXT + " Indeed.")),
        (
            pair("Explain in three sentences why the sky over the sea looks blue at noon."),
            pair("Explain in three sentences why the sky over the sea looks blue at dusk."),
        ),
        (pair("请把下面的句子翻译成英文。"), pair("请把下面的句子翻译成英文！")),
        (pair("???"), pair("???")),
    ],
)
def test_same_request_in_nearly_the_same_words_is_near(one, other):
    found = near(one, other, by_meaning=False)
    assert found is not None and found.where == "pair 2 of mine" and found.by == "words"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pair("Translate into French.", "cat"), pair("Translate into French.", "dog")),
        (pair("Count the words of the text.", TEXT), pair("Write the words of the text in reverse order.", TEXT)),
        (pair("What is 12 plus 7 in whole numbers?"), pair("What is 12 plus 9 in whole numbers?")),
        (pair("Convert 5 kilometres to miles, rounded."), pair("Convert 6 kilometres to miles, rounded.")),
        (pair("Name the capital of Norway."), pair("Name the capital of Sweden.")),
        (pair("请把下面的句子翻译成英文。"), pair("写一首关于秋天的短诗。")),
    ],
)
def test_another_exercise_of_the_same_form_is_new(one, other):
    assert near(one, other) is None


def test_same_question_in_other_words_is_near_by_meaning():
    pytest.importorskip("wordllama")
    one, other = pair("How do I boil an egg?"), pair("How can I boil eggs?")
    assert near(one, other, by_meaning=False) is None
    found = near(one, other)
    assert found is not None and found.by == "meaning"


def test_every_pair_that_exists_counts_the_first_and_the_last():
    known = Known(by_meaning=False)
    words = [f"alpha{i} beta{i * 7} gamma{i * 3} delta{i}" for i in range(3000)]
    known.add((pair(f"Compare {each} by weight") for each in words[:2000]), "one")
    known.add((pair(f"Compare {each} by weight") for each in words[2000:]), "two")
    assert len(known) == 3000
    assert str(known.near(pair(f"compare {words[0]} by weight!"))) == "near pair 1 of one (words 1.00)"
    assert str(known.near(pair(f"compare {words[1999]} by weight!"))) == "near pair 2000 of one (words 1.00)"
    assert str(known.near(pair(f"compare {words[2999]} by weight!"))) == "near pair 1000 of two (words 1.00)"


def test_only_as_many_embeddings_are_kept_as_there_is_room_for():
    pytest.importorskip("wordllama")
    known = Known(most_embedded=100)
    filler = [pair(f"Topic {chr(97 + i % 26)}{chr(97 + i // 26 % 26)} of chapter {i}") for i in range(300)]
    known.add([pair("How do I boil an egg?")], "first")
    assert known.near(pair("How can I boil eggs?")) is not None
    known.add(filler, "filler")
    assert known.near(pair("How can I boil eggs?")) is None
    known.add([pair("Where do I buy a ticket for the bus?")], "last")
    assert str(known.near(pair("Where can I buy a bus ticket?"))).startswith("near pair 1 of last (meaning")
