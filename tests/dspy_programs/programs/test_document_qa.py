"""Answers come with the document's own words at their places; what cannot be quoted is withdrawn."""

import json
import time

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs import DocumentQA, use
from dspy_programs.programs.document_qa.passages import answer_by_rules
from dspy_programs.programs.document_qa.places import place_of, sentence_places, sentence_with
from metrics.document_qa import document_answers
from optimizers.recipes import RECIPES
from tests.fakes import scripted_lm

DOCUMENT = """The observatory on Mount Falk was opened in 1931. Its first director, Ada Lindqvist, kept the
logbooks in a cellar in Visby. The main mirror measures 2.4 metres; seven people work there."""


def answered(reply: object, document: str = DOCUMENT, question: str = "When?"):
    text = reply if isinstance(reply, str) else json.dumps({"reply": reply})
    with use(scripted_lm(lambda prompt: text)):
        return DocumentQA()(document, question)


@pytest.mark.parametrize(
    "quote, found",
    [
        ("was opened in 1931", "was opened in 1931."),
        ("kept the logbooks in a cellar", "kept the\nlogbooks in a cellar"),
        ("ITS FIRST DIRECTOR ada lindqvist", "Its first director, Ada Lindqvist"),
        ("The observatory on Mt Falk was opened in 1931.", "The observatory on Mount Falk was opened in 1931."),
    ],
)
def test_quote_is_the_documents_own_words_at_their_place(quote, found):
    result = answered({"quote": quote, "answer": "x"})
    [one] = result.quotes
    assert one.text == DOCUMENT[one.start : one.end] == found
    assert result.in_document and result.answered_by == "model"


@pytest.mark.parametrize(
    "reply",
    [
        {"quote": "", "answer": ""},
        {"quote": "It was opened in 1888.", "answer": "1888"},
        {"quote": "was opened in 1931", "answer": " "},
        {"quote": "...", "answer": "blue"},
        {"quote": "The observatory on Mount Falk was opened", "answer": "in 1888"},  # what a model remembers of elsewhere
    ],
)
def test_answer_without_words_of_the_document_is_withdrawn(reply):
    result = answered(reply)
    assert (result.answer, result.quotes, result.in_document) == ("", [], False)


@pytest.mark.parametrize("answer", ["1,931", "7 people", "2.4 metres", "in 1931, not in 1888 as asked"])
def test_numbers_of_the_document_or_the_question_may_be_said_in_another_form(answer):
    result = answered({"quote": "was opened in 1931", "answer": answer}, question="Was it opened in 1888?")
    assert result.answer == answer


@pytest.mark.parametrize(
    ("question", "answer", "is_replaced"),
    [
        ("Who was the first director?", "Who was the first director", True),
        ("Was Ada Lindqvist or Visby the first director?", "Ada Lindqvist", False),
        ("Who was the first director?", "The first director was Ada", False),
    ],
)
def test_answer_that_only_asks_again_gives_way_to_its_quote(question, answer, is_replaced):
    result = answered({"quote": "Ada Lindqvist", "answer": answer}, question=question)
    assert result.answer == ("Ada Lindqvist" if is_replaced else answer)


def test_wrong_quote_of_a_right_answer_is_replaced_by_the_sentence_that_has_it():
    result = answered({"quote": "The director of it.", "answer": "Ada Lindqvist"}, question="Who was its director?")
    assert result.answer == "Ada Lindqvist" and result.quotes[0].text.startswith("Its first director, Ada Lindqvist")


def test_unreadable_reply_is_a_failure_and_the_rules_answer():
    result = answered("the answer is 1931", question="When was the observatory opened?")
    assert result.failure and (result.answered_by, result.answer) == ("rules", "1931")


@pytest.mark.parametrize("document, question", [("", "When?"), (DOCUMENT, " "), ("\n", "\n")])
def test_nothing_is_asked_about_nothing(document, question):
    lm = scripted_lm(lambda prompt: "")
    with use(lm):
        assert not DocumentQA()(document, question).in_document
    assert not lm.engine.prompts


@pytest.mark.parametrize(
    "question, answer",
    [
        ("When was the observatory opened?", "1931"),
        ("Who was the first director?", "Ada Lindqvist"),
        ("How many people work there?", "seven"),
        ("Who paid for the parking garage?", ""),
    ],
)
def test_rules_answer_plain_questions(question, answer):
    found, place = answer_by_rules(DOCUMENT, question)
    assert found == answer and bool(place) == bool(answer)


PRICES = (
    "The monthly rent is EUR 1,250 and heating costs 95 € a month. A late payment costs $5 a day. The plan for teams is "
    "between 20 and 30 dollars for each user. In 2023 revenue was US$4.2 million. Building the hall took 2 years and cost "
    "21.4 billion Danish kroner. The flat measures 74 square metres. Shipping to Japan takes 5 to 7 days and costs ¥1,800. "
    "The share price rose by 45 percent when the firm was sold for £24bn in October 2011. The hall weighs 65 000 tonnes."
)


@pytest.mark.parametrize(
    "question, answer",
    [
        ("How much is the monthly rent?", "EUR 1,250"),
        ("What does heating cost?", "95 €"),
        ("How much does a late payment cost?", "$5"),
        ("How much is the plan for teams?", "between 20 and 30 dollars"),
        ("What was the revenue in 2023?", "US$4.2 million"),
        ("How much did building the hall cost?", "21.4 billion Danish kroner"),
        ("How long did building the hall take?", "2 years"),
        ("How large is the flat?", "74 square metres"),
        ("How long does shipping to Japan take?", "5 to 7 days"),
        ("How much does shipping to Japan cost?", "¥1,800"),
        ("By how much did the share price rise?", "45 percent"),
        ("For how much was the firm sold?", "£24bn"),
        ("When was the firm sold?", "October 2011"),
        ("How heavy is the hall?", "65 000 tonnes"),
    ],
)
def test_rules_keep_the_currency_and_the_unit_of_an_amount(question, answer):
    assert answer_by_rules(PRICES, question)[0] == answer


@pytest.mark.parametrize(
    "run", ["1" * 200_000, "1," * 100_000, "111 " * 50_000, "$ " * 100_000, "$5 " * 60_000, "5 to " * 40_000, "kron" * 50_000]
)
def test_long_runs_of_amounts_take_no_time(run):
    started = time.perf_counter()
    answer_by_rules(f"The price is {run}", "How much is the price, and how long, heavy and large is it?")
    assert time.perf_counter() - started < 5


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab. \n!?。"é1'), max_size=60), st.text(st.sampled_from("ab. é"), max_size=10))
def test_places_are_of_the_document(document, quote):
    ends = [0, *(end for place in sentence_places(document) for end in place)]
    assert ends == sorted(ends)
    for place in (place_of(quote, document), sentence_with(quote, document, "a"), answer_by_rules(document, quote)[1]):
        assert place is None or 0 <= place[0] < place[1] <= len(document)


def test_long_documents_take_no_time():
    document = "word " * 200_000 + DOCUMENT
    assert answer_by_rules(document, "When was the observatory opened?")[0] == "1931"
    assert place_of("word " * 50 + "The observatory", document)


def test_demonstrations_are_what_the_program_would_accept():
    row = dspy.Example(
        document=DOCUMENT, question="Who?", answers=["Ada Lindqvist"], evidence="Its first director, Ada Lindqvist"
    )
    shown = RECIPES["document_qa"].demonstrator(row)["answer"]
    result = answered(shown["reply"], question=shown["question"])
    assert document_answers(row, result).value == 1.0
