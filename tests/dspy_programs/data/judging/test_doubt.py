"""The embedded model as a judge: one question, and how sure it is."""

import dspy
import pytest

from dspy_programs.data.judging.doubt import EVEN, PASSING, share_of
from dspy_programs.data.judging.judges import ModelJudge, RulesJudge, Unjudged, key_of
from dspy_programs.data.judging.shown import Shown
from dspy_programs.rubric import rubric_of
from tests.fakes import ScriptedEngine
from tests.torn import TornEngine

QUALITY = rubric_of("quality")
SHOWN = Shown("Name a river of France.", "", "The Loire flows through France.")
pytestmark = pytest.mark.filterwarnings("ignore:.*not compiled")


def judge_on(engine, rubric=QUALITY, name="local/small") -> ModelJudge:
    return ModelJudge(dspy.LM(name, engine=engine, cache=False, num_retries=0), rubric)


def torn(no: float, **more) -> TornEngine:
    return TornEngine("mistake", lambda prompt: {"yes": 1 - no, "no": no}, **more)


@pytest.mark.parametrize(("no", "passes"), [(0.9, True), (EVEN + 0.01, True), (EVEN - 0.01, False), (0.2, False)])
def test_the_chance_of_no_mistake_is_the_share_of_every_criterion(no, passes):
    opinion = judge_on(torn(no)).opinion(SHOWN)
    assert opinion.scores == pytest.approx(dict.fromkeys(("correctness", "helpfulness", "clarity"), share_of(no)), abs=1e-6)
    assert opinion.answered_by == "model"
    assert (QUALITY.overall(opinion.scores) >= PASSING) is passes and f"{no:.0%}" in opinion.reason


def test_the_scale_has_fixed_ends_and_no_gap():
    assert [share_of(chance) for chance in (0, EVEN, 1)] == [0, pytest.approx(PASSING), 1]
    assert share_of(EVEN - 1e-9) == pytest.approx(share_of(EVEN))


def test_a_fault_of_form_keeps_an_answer_from_passing():
    copied = Shown("Name a river of France, and say where it ends.", "", "Name a river of France, and say where it ends.")
    opinion = judge_on(torn(0.99)).opinion(copied)
    assert QUALITY.overall(opinion.scores) < PASSING and "copies the request" in opinion.reason


def test_one_short_question_is_asked():
    engine = torn(0.9)
    judge_on(engine).opinion(SHOWN)
    (request,) = engine.requests
    assert "The Loire flows" in request.messages[-1].text and "mistake" in request.messages[0].text + str(request.system)


def marks(prompt: str) -> str:
    scores = ", ".join(f'{{"criterion": "{each.name}", "score": 10}}' for each in QUALITY.criteria)
    return f'{{"judgement": {{"reason": "as scripted", "scores": [{scores}]}}}}'


def test_servers_and_other_rubrics_are_asked_for_marks():
    strict = QUALITY.model_copy(update={"criteria": QUALITY.criteria[:1]})
    for judge in (judge_on(ScriptedEngine(marks), name="openai/large"), judge_on(ScriptedEngine(marks))):
        assert judge.opinion(SHOWN).reason == "as scripted"
    one = '{"judgement": {"reason": "as scripted", "scores": [{"criterion": "correctness", "score": 1}]}}'
    assert judge_on(ScriptedEngine(lambda prompt: one), strict).opinion(SHOWN).scores == {"correctness": 0.0}


def test_a_blank_answer_is_not_asked_about():
    engine = torn(0.9)
    assert set(judge_on(engine).opinion(Shown("Name a river.", "", " ")).scores.values()) == {0.0}
    assert engine.requests == []


def test_a_reply_that_cannot_be_read_is_no_opinion():
    with pytest.raises(Unjudged) as failure:
        judge_on(TornEngine("other", lambda prompt: {"yes": 0.5, "no": 0.5})).opinion(SHOWN)
    assert failure.value.kind == "reply"


def test_the_opinion_is_kept_apart_from_that_of_the_rules():
    assert key_of(judge_on(torn(0.9)), SHOWN) != key_of(RulesJudge(QUALITY), SHOWN)
