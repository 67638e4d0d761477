"""Ids: all that a model would be trained on counts, and nothing else."""

import pytest

from dspy_programs.data import DataFolder, DataPair
from dspy_programs.data.pair import id_of
from dspy_programs.data.pairs_file import as_line
from dspy_programs.errors import UsageError

PAIR = {"instruction": "Translate", "input": "cat", "output": "chat"}


@pytest.mark.parametrize(
    "other",
    [
        {"input": "dog"},
        {"context": "French"},
        {"output": "Chat"},
        {"rejected": "chien"},
        {"messages": [{"role": "user", "content": "cat"}]},
        {"instruction": "Translatecat", "input": ""},
    ],
)
def test_pairs_that_differ_in_what_is_trained_on_have_ids_of_their_own(other):
    assert id_of(DataPair(**PAIR)) != id_of(DataPair(**PAIR | other))


def test_what_is_only_said_about_a_pair_is_not_in_its_id():
    assert id_of(DataPair(**PAIR)) == id_of(DataPair(**PAIR, category="words", metadata={"tag": "a"}, cycle_id=3))


def test_a_lone_surrogate_has_an_id():
    assert id_of(DataPair(instruction="\ud800", output="b"))


@pytest.mark.parametrize("name", ["../escape", "a/b", "", ".hidden", "a\0b", "x" * 200, "a."])
def test_the_name_of_a_data_set_is_no_path(name):
    with pytest.raises(UsageError, match="cannot be the name of a data set"):
        DataFolder().pairs(name)


def test_half_an_emoji_is_written_as_a_question_mark():
    """A careless cut of a text leaves a lone surrogate, which no UTF-8 file can hold."""
    pair = DataPair(instruction="say \ud83d", output="hi", metadata={"\ud83d": ["\ude00", 1]}).identified()
    read = DataPair.model_validate_json(as_line(pair))
    assert (read.instruction, read.metadata, read.id) == ("say ?", {"?": ["?", 1]}, pair.id)
