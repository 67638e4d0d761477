"""A wrapped program: callers get the champion's answers, a challenger wins only on held-back calls, and a restart goes on."""

import json
import threading

import dspy
import pytest

from dspy_programs.errors import ModelFailing
from optimizers import Online
from tests.fakes import scripted_lm


def answered(prompt):
    """Answer right where the instruction says so; LEVEL-9 is right on what proposals are made from, and wrong elsewhere."""
    number = int(prompt.rsplit("[[ ## question ## ]]", 1)[1].split()[0].removeprefix("q"))
    level = int(prompt.split("LEVEL-")[1].split()[0].strip(".")) if "LEVEL-" in prompt else 0
    return json.dumps({"answer": f"a{number}" if number % 10 < level else "no idea"})


class Answer(dspy.Signature):
    """Answer. LEVEL-2 ."""

    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


def score(row, prediction):
    right = f"a{row.question.removeprefix('q')}"
    return dspy.Prediction(score=float(prediction.answer == right), feedback=f"right: {right}")


@pytest.fixture
def online(tmp_path):
    """Return a function that makes a wrapped program with a proposer of a fixed instruction."""
    made = []

    def make(propose="Answer. LEVEL-8 .", program=None, **settings):
        wrapped = Online(
            program or dspy.Predict(Answer),
            score,
            tmp_path / "history.jsonl",
            propose=lambda instructions, cases: dict.fromkeys(instructions, propose),
            **settings,
        )
        made.append(wrapped)
        return wrapped

    yield make
    for each in made:
        each.close()


@pytest.fixture(autouse=True)
def model():
    with dspy.context(lm=scripted_lm(answered, "scripted/answers"), adapter=dspy.JSONAdapter()):
        yield


def ask(online, numbers):
    answers = [online(question=f"q{number}").answer for number in numbers]
    assert online.wait(60)
    return answers


def decisions(online):
    return [line for line in online.log.lines() if line["kind"] == "decision"]


def test_a_better_challenger_is_promoted_and_callers_never_saw_it_before(online):
    wrapped = online()
    first = ask(wrapped, range(5))
    assert first == ["a0", "a1", "no idea", "no idea", "no idea"]
    ask(wrapped, range(5, 200))
    assert wrapped.instructions == {"self": "Answer. LEVEL-8 ."}
    (decision,) = decisions(wrapped)
    assert decision["decision"] == "won" and decision["low"] > 0
    lines = list(wrapped.log.lines())
    served = [line["response"] for line in lines[: lines.index(decision)] if line["kind"] == "call"]
    right = sum("no idea" not in response for response in served) / len(served)
    assert right < 0.4  # the champion's share, not the challenger's
    assert ask(wrapped, [205, 207]) == ["a205", "a207"]


@pytest.mark.parametrize("proposed", ["Answer. LEVEL-2 . Please.", "Answer. LEVEL-0 ."])
def test_what_is_no_better_on_held_back_calls_is_not_promoted(online, proposed):
    wrapped = online(proposed, most_rows=60)
    ask(wrapped, range(200))
    assert wrapped.instructions == {"self": "Answer. LEVEL-2 ."}
    assert [line["decision"] for line in decisions(wrapped)] == ["refused"]  # and it is not compared a second time


def test_every_challenger_since_the_last_promotion_spends_a_part_of_the_level_across_restarts(tmp_path):
    """Else twenty restarts, or every second challenger, would be looks that cost nothing."""
    texts = iter(["Answer. LEVEL-8 .", *(f"Answer. LEVEL-8 . {number}" for number in range(20))])
    calls = iter(range(2000))
    for rows in (200, 300, 300):
        with Online(
            dspy.Predict(Answer),
            score,
            tmp_path / "history.jsonl",
            propose=lambda instructions, cases: dict.fromkeys(instructions, next(texts)),
            most_rows=40,
        ) as wrapped:
            ask(wrapped, [next(calls) for _ in range(rows)])
    first, *later = decisions(wrapped)
    assert first["decision"] == "won" and len(later) > 3
    assert [line["number"] for line in later] == [*range(1, len(later) + 1)]
    assert sum(line["level"] for line in later) < 0.05


def test_a_challenger_that_memorised_the_failures_it_was_proposed_from_is_refused(online, tmp_path):
    """Poisoned: right on every call that proposals are made from, wrong on all that are held back."""
    shown = set()

    def propose(instructions, cases):
        shown.update(case["Inputs"]["question"] for case in cases)
        return dict.fromkeys(instructions, "MEMORISED")

    def poisoned(prompt):
        question = prompt.rsplit("[[ ## question ## ]]", 1)[1].split()[0]
        if "MEMORISED" in prompt:
            return json.dumps({"answer": f"a{question.removeprefix('q')}" if question in shown else "no idea"})
        return answered(prompt)

    with dspy.context(lm=scripted_lm(poisoned, "scripted/poisoned")):
        wrapped = Online(dspy.Predict(Answer), score, tmp_path / "poisoned.jsonl", propose=propose, most_rows=60)
        ask(wrapped, range(200))
        wrapped.close()
    assert shown and {line["decision"] for line in decisions(wrapped)} == {"refused"}
    assert not any("new_prompt" in line for line in wrapped.log.lines())


def test_shadow_mode_compares_and_promotes_nothing(online):
    wrapped = online(shadow=True)
    ask(wrapped, range(200))
    (decision,) = decisions(wrapped)
    assert (decision["decision"], decision["shadow"]) == ("won", True)
    assert wrapped.instructions == {"self": "Answer. LEVEL-2 ."}
    wrapped.close()
    promoting = online()
    ask(promoting, range(200, 400))
    assert promoting.instructions == {"self": "Answer. LEVEL-8 ."}


def test_what_was_rolled_back_is_not_promoted_again(online):
    wrapped = online()
    ask(wrapped, range(200))
    wrapped.rollback()
    ask(wrapped, range(200, 400))
    assert wrapped.instructions == {"self": "Answer. LEVEL-2 ."}


def test_a_restart_goes_on_with_the_prompt_in_use_and_rollback_undoes_it(online):
    ask(online(), range(200))
    again = online()
    assert again.instructions == {"self": "Answer. LEVEL-8 ."}
    assert ask(again, [206]) == ["a206"]
    assert again.rollback() == {"self": "Answer. LEVEL-2 ."}
    assert online().instructions == {"self": "Answer. LEVEL-2 ."}


def test_a_history_of_gepa_aime_starts_it_warm(online, tmp_path):
    line = {"prompt": "Answer.", "response": "r", "score": 0.1, "new_prompt": "Answer. LEVEL-7 ."}
    (tmp_path / "history.jsonl").write_text(json.dumps(line) + "\n")
    assert online().instructions == {"self": "Answer. LEVEL-7 ."}


def test_another_process_that_promoted_meanwhile_is_taken_over(online):
    one, other = online(), online("Answer. LEVEL-9 .")
    ask(one, range(200))
    assert one.instructions == {"self": "Answer. LEVEL-8 ."}
    ask(other, range(200))
    assert other.instructions == {"self": "Answer. LEVEL-8 ."}  # its own winner was compared with a champion of before
    assert "superseded" in {line["decision"] for line in decisions(other)}


class Tool(dspy.Module):
    """Raises for every question."""

    def __init__(self):
        super().__init__()
        self.answer = dspy.Predict(Answer)

    def forward(self, question):
        raise ModelFailing(f"the tool has no {question}")


def test_a_call_that_raises_is_the_callers_and_a_failure(online):
    wrapped = online(program=Tool())
    with pytest.raises(ModelFailing, match="no q1"):
        wrapped(question="q1")
    assert wrapped.wait(60)
    (line,) = wrapped.log.lines()
    assert line["score"] == 0.0 and "the tool has no q1" in line["response"]


def test_the_same_call_ten_thousand_times_decides_nothing(online):
    wrapped = online()
    ask(wrapped, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 20)
    assert decisions(wrapped) == []


def test_an_error_of_the_proposer_ends_no_call_and_is_told(online, tmp_path):
    def fail(instructions, cases):
        raise RuntimeError("no proposals today")

    with Online(dspy.Predict(Answer), score, tmp_path / "failing.jsonl", propose=fail) as wrapped:
        assert len(ask(wrapped, range(100))) == 100
        assert any("no proposals today" in line["response"] for line in wrapped.log.lines() if line["kind"] == "error")


def test_threads_may_call_at_once(online):
    wrapped = online()
    contexts = dspy.settings.lm

    def work(start):
        with dspy.context(lm=contexts, adapter=dspy.JSONAdapter()):
            for number in range(start, start + 40):
                wrapped(question=f"q{number}")

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 200, 300)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrapped.wait(60)
    assert sum(line["kind"] == "call" for line in wrapped.log.lines()) == 160
    assert wrapped.instructions == {"self": "Answer. LEVEL-8 ."}
