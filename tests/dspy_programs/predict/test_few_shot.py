"""Demonstrations near the call: which are shown, how many, in which order, and that nothing else of Predict changes."""

import json

import dspy
import pytest
from hypothesis import given, strategies as st

from dspy_programs import use
from dspy_programs.predict import ALL_SHOWN, NEAREST, FewShot, Index, shown_length
from dspy_programs.predict.few_shot import LONGEST_SHOWN, as_text
from dspy_programs.types import Function
from tests.fakes import scripted_lm

TOPICS = ["bake bread", "fix engine", "book flight", "water plants", "sort mail", "tune piano", "paint fence", "walk dog"]


class Answer(dspy.Signature):
    """Answer."""

    place: str = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


def demo(question, place="home", answer="yes"):
    return {"place": place, "question": question, "answer": answer}


def pool(number):
    return [demo(f"how to {TOPICS[i % len(TOPICS)]} number {i}", answer=f"answer {i}") for i in range(number)]


def asked(predictor, **inputs):
    lm = scripted_lm(lambda prompt: json.dumps({"answer": "ok"}))
    with use(lm):
        predictor(**inputs)
    return lm.engine.prompts[-1]


def shown_in(prompt, demos):
    found = [(prompt.index(f'"{each["answer"]}"'), each["answer"]) for each in demos if f'"{each["answer"]}"' in prompt]
    return [answer for _, answer in sorted(found)]


@pytest.mark.parametrize("number", [0, 1, ALL_SHOWN])
def test_few_demonstrations_are_all_shown_in_their_order(number):
    predictor = FewShot(Answer)
    predictor.demos = pool(number)
    prompt = asked(predictor, place="home", question="how to tune piano")
    assert shown_in(prompt, predictor.demos) == [each["answer"] for each in predictor.demos]


def test_of_a_pool_the_nearest_are_shown_the_nearest_last():
    predictor = FewShot(Answer, by=["question"])
    predictor.demos = [*pool(40), demo("where is the grand piano tuned in spring", answer="near")]
    shown = shown_in(asked(predictor, place="home", question="is the grand piano tuned this spring"), predictor.demos)
    assert shown[-1] == "near"
    assert len(shown) == NEAREST


def test_only_the_named_inputs_are_compared():
    predictor = FewShot(Answer, by=["question"])
    predictor.demos = [
        *pool(20),
        demo("nothing alike", place="harbour crane", answer="place"),
        demo("lift a crane", answer="asked"),
    ]
    shown = shown_in(asked(predictor, place="harbour", question="who can lift a crane"), predictor.demos)
    assert shown[-1] == "asked"
    assert "place" not in shown


def test_demonstrations_given_in_the_call_go_before():
    predictor = FewShot(Answer)
    predictor.demos = pool(30)
    prompt = asked(predictor, place="home", question="how", demos=[demo("mine", answer="given")])
    assert '"given"' in prompt and shown_in(prompt, predictor.demos) == []


def test_another_set_of_demonstrations_is_noticed():
    predictor = FewShot(Answer)
    predictor.demos = pool(30)
    asked(predictor, place="home", question="how to walk dog")
    predictor.demos = [demo(f"new {i}", answer=f"new {i}") for i in range(30)]
    assert all(
        answer.startswith("new") for answer in shown_in(asked(predictor, place="home", question="new 3"), predictor.demos)
    )


def test_state_is_that_of_stock_predict():
    predictor, stock = FewShot(Answer), dspy.Predict(Answer)
    predictor.demos = pool(30)
    asked(predictor, place="home", question="how to walk dog")
    stock.load_state(predictor.dump_state())
    assert stock.dump_state() == predictor.dump_state()
    copy = predictor.deepcopy()
    question = {"place": "home", "question": "how to sort mail"}
    assert asked(copy, **question) == asked(predictor, **question)


def test_long_demonstrations_are_held_to_the_characters_of_one_call():
    demos = [demo(f"piano {i} " + "x" * (LONGEST_SHOWN // 2), answer=f"a{i}") for i in range(20)]
    assert len(Index(demos, ["question"]).nearest({"question": "piano 3"})) == 1  # two and their answers are too long
    assert shown_length(demos) == LONGEST_SHOWN


def test_one_that_is_longer_than_all_is_still_shown():
    demos = [demo("piano " + "x" * 2 * LONGEST_SHOWN, answer=f"a{i}") for i in range(20)]
    assert len(Index(demos, ["question"]).nearest({"question": demos[0]["question"]})) == 1


@given(st.lists(st.text(max_size=40), min_size=ALL_SHOWN + 1, max_size=30), st.text(max_size=40))
def test_whatever_is_asked_the_shown_ones_are_of_the_pool(questions, question):
    demos = [demo(text) for text in questions]
    index = Index(demos, ["question", "place"])
    inputs = {"question": question, "place": "home"}
    shown = index.nearest(inputs)
    assert len(shown) <= NEAREST
    assert bool(shown) == (max(index.likeness(inputs)) >= index.least)
    assert all(any(each is other for other in demos) for each in shown)


def test_a_call_far_from_the_pool_is_shown_nothing_and_one_near_to_it_is():
    predictor = FewShot(Answer, by=["question"])
    predictor.demos = pool(40)
    for question, near in (("how to walk dog number 7", True), ("is the treaty of 1648 still in force", False), ("", False)):
        assert bool(shown_in(asked(predictor, place="home", question=question), predictor.demos)) is near


def test_far_is_measured_on_the_inputs_that_are_compared():
    predictor = FewShot(Answer, by=["question"])
    predictor.demos = [demo(each["question"], place=f"place {i}") | {"answer": str(i)} for i, each in enumerate(pool(40))]
    assert shown_in(asked(predictor, place="on the moon", question="how to walk dog number 7"), predictor.demos)


def test_few_demonstrations_are_shown_however_far_the_call_is():
    predictor = FewShot(Answer, by=["question"])
    predictor.demos = pool(ALL_SHOWN)
    assert len(shown_in(asked(predictor, place="", question="treaty"), predictor.demos)) == ALL_SHOWN


@pytest.mark.parametrize("number", [ALL_SHOWN + 1, 40, 200])
def test_nine_of_ten_members_of_a_pool_are_near_to_the_others(number):
    index = Index(pool(number), ["question"])
    likeness = [sorted(index.likeness(each))[-2] for each in index.demos]  # the last is itself
    assert sum(near >= index.least for near in likeness) >= 0.9 * number


def test_objects_and_what_they_were_dumped_to_read_alike():
    tool = Function(name="find_file", description="find a file by name")
    assert as_text([tool]) == as_text([tool.model_dump()])
    assert as_text({"a": None, "b": [1, "two"]}) == " 1 two"


def test_equally_near_ones_come_in_the_order_of_the_pool():
    demos = [demo("the same", answer=str(i)) for i in range(20)]
    assert [each["answer"] for each in Index(demos, ["question"]).nearest({"question": "the same"})] == ["2", "1", "0"]


def test_goals_that_differ_in_numbers_alone_are_copies_when_far_is_measured():
    """Else a pool of a few forms, each many times over, would be shown only to calls of these very forms."""
    things = ("lamp", "parcel", "chair", "curtain", "kettle", "invoice")
    whys = ("it arrived cracked", "nobody signed for it", "we moved house")
    forms = [f"for the {thing} because {why}" for thing in things for why in whys]
    goals = [f"Please refund order {number} {form}" for number, form in enumerate(3 * forms, 1000)]
    index = Index([{"goal": goal} for goal in goals], ("goal",))
    new_form = {"goal": "Please refund order 5 for the mirror because it arrived cracked"}
    assert index.nearest(new_form)
    assert not index.nearest({"goal": "Which rivers flow through Vienna"})
