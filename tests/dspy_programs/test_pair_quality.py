"""The heuristics: each fault is seen, and what is right is left alone."""

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.pair_quality import heuristic_quality, pair_faults, template_fit
from dspy_programs.types import Pair


def pair(instruction, output, input=""):
    return Pair(instruction=instruction, input=input, output=output)


@pytest.mark.parametrize(
    "case",
    [
        pair("Find the four smallest perfect numbers.", "6, 28, 496, and 8128"),
        pair("List three rivers.", "1. Rhine\n2. Elbe\n3. Oder"),
        pair("List 3 rivers.", "- Rhine\n- Elbe\n- Oder"),
        pair("Name two colours.", "red and blue"),
        pair("Write a story in 2 sentences.", "It rained. We left."),
        pair("Summarize this in one sentence: it rained, and then it rained more", "It rained."),
        pair("Is water wet? Answer yes or no.", "Yes"),
        pair("Return the name as JSON.", '{"name": "Ann"}', "Ann"),
        pair("Write a Python function that adds two numbers.", "def add(a, b):\n    return a + b"),
        pair("Solve 10X + 5 = 10.", "10X = 5\nX = 0.5"),
        pair("Add up the parts.", "3 + 4 = 7, and 2 * (3 + 4) = 14. 10 / 3 = 3.33. 1,5 and 2y + 3 = 9."),
        pair("How many words are there?", "There are 3 words.", "it rained again"),
        pair("Summarize the following text.", "It rained.", "It rained a lot."),
        pair('Define the word in this sentence: "It rained."', "Water fell."),
        pair("Write a function that sorts a list.", "sorted(x)"),
        pair("Write a function to remove similar rows from the given matrix.", "def unique(rows): return set(rows)"),
        pair(
            "Create a SQL query that counts the rows of the list for each name.", "SELECT name, count(*) FROM l GROUP BY name"
        ),
        pair("What is the function of the liver?", "It cleans the blood."),
        pair("Who wrote the code of Justinian?", "Tribonian."),
        pair("What happens to water below freezing?", "It turns to ice."),
        pair("Write an email to a friend. Keep the email short.", "Dear Ann, all is well here."),
        pair("Compose a funny sentence about rain; the sentence must rhyme.", "The rain in Spain falls on the plain."),
        pair("What is the given name of Einstein?", "Albert"),
        pair("Write a poem about rain", "Rain on the roof\nRain on the road\nand nothing else the whole long day"),
        pair("\u041d\u0430\u0437\u043e\u0432\u0438 \u0440\u0435\u043a\u0443.", "\u0412\u043e\u043b\u0433\u0430"),
    ],
)
def test_right_pair_has_no_fault(case):
    assert pair_faults(case) == [] and heuristic_quality(case) == 1.0


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        (pair("Summarize the following article.", "It rained."), "not there"),
        (pair("Translate the sentence into French.", "Il pleut."), "not there"),
        (pair("Make the sentence passive.", "It was seen."), "not there"),
        (pair("Write a short summary of the article.", "It rained."), "not there"),
        (pair("Given a sentence, say whether the sentence is true.", "It is."), "not there"),
        (pair("Answer the question based on the table below.", "Ann"), "not there"),
        (pair("Write a function for the following task.", "def f(): pass"), "not there"),
        (pair("Sort the given words.", "ant, bee"), "not there"),
        (pair("Summarize it.", "It rained.", "[insert text here]"), "stands for a text"),
        (pair("Put this in capital letters.", "ABC DEF", "ABC DEF"), "input again"),
        (pair("Explain to a child why rain falls from clouds.", "Explain to a child why rain falls from clouds"), "repeats"),
        (pair("Why does it rain?", "Output: because clouds are cold."), "its own name"),
        (
            pair("Tell me about rain.", "Rain falls from the clouds. It comes when they are cold, and then the"),
            "stops in a sentence",
        ),
        (pair("List three rivers.", "Rhine, Elbe"), "three rivers asked"),
        (pair("Name 5 colours.", "red"), "5 colours asked"),
        (pair("Describe rain in one sentence.", "It is wet. It is cold. It falls."), "one sentence asked, 3 given"),
        (pair("Describe rain in two words.", "wet, cold and long"), "two word asked"),
        (pair("Is water wet? Answer yes or no.", "Water is wet"), "must be yes or no"),
        (pair("Return the name as JSON.", "Ann", "Ann"), "asked as JSON"),
        (pair("Write a Python function that adds.", "def add(a, b) return a"), "asked as Python"),
        (pair("Write a Python function that adds.", "\x00"), "asked as Python"),
        (pair("What is 17 + 5?", "17 + 5 = 23"), "it is 22"),
        (pair("What is 3 times 4?", "First, 3 x 4 = 13."), "it is 12"),
        (pair("Count the words.", "There are 5 words.", "it rained again"), "3 words, not 5"),
    ],
)
def test_fault_is_seen_and_told(case, fault):
    assert fault in "; ".join(pair_faults(case))
    assert heuristic_quality(case) <= 0.5


@pytest.mark.parametrize("output", ["", "[Generation failed]", "I cannot help with that."])
def test_quality_is_zero_for_what_must_not_be_trained_on(output):
    assert heuristic_quality(pair("Tell me about rain.", output)) == 0.0


CALL = '{"tool": "find", "arguments": {"text": "sea"}}'


@pytest.mark.parametrize(
    ("template", "case", "value"),
    [
        ("QA", pair("Who wrote Emma?", "Jane Austen"), 1.0),
        ("QA", pair("Sing!", "La"), 0.3),
        ("REASONING", pair("How old is she?", "She is 2 years older than 8. So she is 10."), 1.0),
        ("REASONING", pair("How old is she?", "10"), 0.3),
        ("CREATIVE", pair("Write a haiku.", "One two three four"), 0.5),
        ("CODE", pair("Add.", "a + b = c;"), 1.0),
        ("CODE", pair("Add.", "You add both"), 0.3),
        ("TOOL_USE", pair("Find the sea.", CALL, "Tools: find(text), sort(text)"), 1.0),
        ("TOOL_USE", pair("Look up the sea.", CALL, "Tools: finder(text)"), 0.5),
        ("TOOL_USE", pair("Find the sea.", "find(sea)", "Tools: find(text)"), 0.0),
        ("TOOL_USE", pair("Find the sea.", '{"tool": "find"}', "Tools: find(text)"), 0.0),
        ("TOOL_USE", pair("Find the sea.", "[" * 5000, "Tools: find(text)"), 0.0),
        ("INSTRUCTION", pair("Sing!", "La"), 1.0),
        ("POEM", pair("Sing!", "La"), 1.0),
    ],
)
def test_template_fit(template, case, value):
    assert template_fit(case, template) == value


@given(st.text(alphabet="0123456789.()+-*/x= ,a\n", max_size=120))
@settings(max_examples=100, deadline=None)
def test_no_sum_makes_it_fail(text):
    assert 0 <= heuristic_quality(pair("Count the words.", text, text)) <= 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["1 " * 3900, "(" * 7900, "1+" * 3900, "a b " * 1900, "9" * 7900, ". " * 3900, "list three " * 180, "[" * 7900]
)
def test_long_texts_take_no_long_time(text):
    case = pair(text[:2000], text, text[:4000])
    assert 0 <= heuristic_quality(case) <= 1
    assert 0 <= template_fit(case, "TOOL_USE") <= 1
