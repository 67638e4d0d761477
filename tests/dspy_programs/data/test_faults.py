"""Faults of written pairs: what a small model really wrote, and what is right and must be let through."""

import pytest

from dspy_programs.data import DataPair
from dspy_programs.data.growing.checking import usual_check
from dspy_programs.data.growing.faults import faults_of, tidied
from dspy_programs.types import Pair

TIDES = "Tides are the natural movements of the water on Earth. They occur every 24 hours due to the gravity of the moon."


def faults(template: str, instruction: str, output: str, given: str = "") -> list[str]:
    return faults_of(DataPair(instruction=instruction, input=given, output=output, category=template))


@pytest.mark.parametrize(
    ("template", "instruction", "given", "output", "said"),
    [
        ("instruction", TIDES, "What are the tides?", TIDES, "the instruction again"),
        ("qa", "What is the moon?", TIDES, TIDES + " It is.", "the input again"),
        ("reasoning", "Adjust the brakes of a bicycle.", "", ("1. Check the pads.\n2. Clean the pads.\n" * 9)[:299], "is cut"),
        ("reasoning", "x" * 200, "", "First 1 + 1 = 2. Then 2 + 2 = 4.", "is cut"),
        ("instruction", "A task in plain words and the text that does it", "", "Bake bread.", "what it was to be"),
        ("qa", "Give a short, true answer to the question: what is rye?", "", "A grain.", "what it was to be"),
        ("qa", "Make a new task of the same field about something rarer", "", "How do I grow ferns?", "what it was to be"),
        ("qa", "Why do taxes rise?", "", "Sure, please elaborate on the reasons.", "talks about"),
        ("qa", "What vegetables grow in your garden?", "", "Tomatoes.", "about the one who answers"),
        ("instruction", "How many calls did you receive today?", "", "I received 3.", "about the one who answers"),
        (
            "instruction",
            "Say why bread rises.",
            "",
            "Stocks closed lower on Friday after a weak report on jobs came out.",
            "not about",
        ),
        ("reasoning", "A pizza has 8 parts. What percentage is each?", "", "It is 1/8 of it, so it is small.", "a percentage"),
        ("qa", "How many legs does a spider have?", "", "Long ones.", "a number"),
        ("instruction", "Write a job application.", "", "Your job application is now complete.", "talks about"),
        ("code", "Write a function that sends mail.", "", "The function should use the `smtplib` library.", "talks about"),
        ("code", "Write a function that adds tax.", "0.1 and 1000", "1100 in all", "write the bare code"),
        ("instruction", "Write an e-mail to a client.", "", "Dear [Client Name], see you at nine. [Your Name]", "a gap"),
        ("tool_use", "Send a mail.", "Tools: send(to)", "send the mail", "no TOOL_USE pair"),
        ("qa", "Add 2 and 2. How much is it?", "", "2 + 2 = 5", "wrong"),
        ("qa", "What is the price of a car that costs 9,000?", "", "The price of a car that costs 9,000.", "no more than"),
        ("instruction", "Describe a museum you have visited.", "", "It was large and old.", "about the one who answers"),
        ("code", "Tell the time in Python.", "", "import time\nnow = time.time()\nreturn now", "no Python that can run"),
        ("code", "Train a model in Python.", "", "def train(rows):\n    # your code here\n    pass", "does nothing"),
        ("qa", "How do people agree?", "", "The most common method is to use a technique called", "stops in a sentence"),
        ("code", "Write a Python function that greets.", "", "import sys\nprint('hello', sys.argv)", "the code has none"),
        ("code", "Write a Python function for routes.", "", "def times(route):\n    return all_times[route]", "uses all_times"),
    ],
)
def test_what_a_reader_would_send_back_is_found(template, instruction, given, output, said):
    assert said in "; ".join(faults(template, instruction, output, given))


@pytest.mark.parametrize(
    ("template", "instruction", "given", "output"),
    [
        ("qa", "Which river flows through Vienna?", "", "The Danube."),
        ("qa", "Is the answer to life a number?", "", "In a novel by Douglas Adams it is 42."),
        ("instruction", "Correct the sentence.", "He go home every day.", "He goes home every day."),
        ("instruction", "Write to your neighbour about the noise.", "", "Dear Sam, the noise at night keeps us awake. Ada"),
        ("qa", "How many legs does a spider have?", "", "Eight."),
        ("qa", "What should I call for?", "", "A plumber, if it is the tap you worry for."),
        ("qa", "Which is larger, an elephant or a mouse?", "", "An elephant is larger, a mouse."),
        ("qa", "What is a bee that leads a hive called?", "", "A bee that leads a hive is called a queen."),
        ("code", "Sort the list `prices` in Python.", "", "def by_price():\n    return sorted(prices)"),
        (
            "code",
            "Count words in Python.",
            "",
            "from collections import Counter\n\ndef count(text):\n    return Counter(text.split())",
        ),
        (
            "code",
            "Add a Python class for a door.",
            "",
            "class Door:\n    def open(self):\n        self.is_open = True\n        return [x for x in range(3)]",
        ),
        (
            "code",
            "Read a file in Python.",
            "",
            "def read(path):\n    try:\n        return open(path).read()\n    except OSError as e:\n        return e",
        ),
        ("qa", "How do you boil an egg?", "", "Put it into boiling water for six minutes."),
        ("instruction", "Thank your aunt for the scarf.", "", "Dear aunt, thank you for the warm scarf! Yours, Ada"),
        ("qa", "How much does a cup of coffee cost?", "", "That varies by country."),
        ("code", "What does `len` return in Python?", "", "The number of items of what it is given."),
        ("code", "Write SQL that counts orders.", "orders(id)", "SELECT COUNT(*) FROM orders;"),
        ("instruction", "Say what a good answer to a question is like.", "", "It is short, true and complete."),
        ("creative", "Write a line about bread.", "", "Bread is the oldest clock that a kitchen still keeps."),
    ],
)
def test_what_is_right_is_let_through(template, instruction, given, output):
    assert faults(template, instruction, output, given) == []


def test_an_error_of_a_check_is_said_alone():
    found = usual_check()(DataPair(instruction="Do it now", output="[Generation failed]", category="qa"))
    assert found == ["placeholders: the output is a placeholder: '[Generation failed]'"]


@pytest.mark.parametrize(
    ("given", "output", "kept"),
    [
        ("rye bread", "Answer: It is a grain.", ("", "It is a grain.")),
        ("What is rye bread?", "A bread.", ("", "A bread.")),
        ("Rye flour, water, salt", "A bread.", ("Rye flour, water, salt", "A bread.")),
        ("bread of", "Output:\nA bread.", ("bread of", "A bread.")),
    ],
)
def test_labels_and_inputs_that_say_the_question_again_go(given, output, kept):
    tidy = tidied(Pair(instruction="What is rye bread?", input=given, output=output))
    assert (tidy.input, tidy.output) == kept and tidy.instruction == "What is rye bread?"
