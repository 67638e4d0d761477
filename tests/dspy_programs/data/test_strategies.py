"""What each strategy asks of a model, and what it makes of the reply."""

import json

import dspy
import pytest

from dspy_programs.data import DataPair, Seed, Unjudged, Writer
from dspy_programs.data.growing.changes import CHANGES
from dspy_programs.data.growing.checking import usual_check
from dspy_programs.data.growing.examples import ASKED, CHANGED, WRITTEN
from dspy_programs.data.growing.personas import PERSONAS
from dspy_programs.data.growing.request import Request
from tests.fakes import ScriptedEngine

SEED = Seed(
    instruction="Name the capital of Norway.", output="Oslo is the capital.", failures=["HALLUCINATION: it said Bergen"]
)
NEW = {"instruction": "Which sea lies west of Denmark?", "input": "", "output": "The North Sea."}


def model(answer) -> tuple[dspy.LM, ScriptedEngine]:
    engine = ScriptedEngine(answer)
    return dspy.LM("scripted/writer", engine=engine, cache=False, num_retries=0), engine


def asked(strategy: str, answer, seed=SEED, pairs=1, turn=0, template="QA"):
    lm, engine = model(answer)
    return Writer(lm)(Request(seed, template, strategy, pairs, cycle=1, turn=turn)), engine.prompts


def asked_last(prompt: str) -> str:
    """Return what follows the examples."""
    return prompt.rsplit("[[ ## kind ## ]]", 1)[1]


def replying(pair):
    return lambda prompt: json.dumps({"pair": pair})


@pytest.mark.filterwarnings("ignore:.*not compiled")
@pytest.mark.parametrize("strategy", ["seed", "evolve", "persona"])
def test_lesson_and_template_are_in_the_request(strategy):
    found, (prompt,) = asked(strategy, replying(NEW))
    prompt = asked_last(prompt)
    assert [pair.instruction for pair in found.pairs] == [NEW["instruction"]] and found.answered_by == "model"
    assert "HALLUCINATION: it said Bergen" in prompt and "a question and its short, true answer" in prompt


@pytest.mark.filterwarnings("ignore:.*not compiled")
@pytest.mark.parametrize("strategy", ["seed", "evolve", "persona"])
def test_examples_are_shown_first_and_alike_and_no_copy_of_one_is_new(strategy):
    copy = {"instruction": ASKED[0]["pair"].instruction, "input": "", "output": "max(text.split(), key=len)"}
    found, prompts = asked(strategy, replying(copy))
    _, others = asked(strategy, replying(NEW), seed=Seed(instruction="Say which birds can swim under water."))
    starts = {prompt[: prompt.rindex("[[ ## kind ## ]]")] for prompt in (*prompts, *others)}
    assert len(starts) == 1 and copy["instruction"] in starts.pop()
    assert found.pairs == []


@pytest.mark.parametrize("pair", [each["pair"] for each in WRITTEN + CHANGED + ASKED])
def test_examples_have_no_fault(pair):
    templates = {each["kind"].partition(":")[0] for each in WRITTEN + CHANGED + ASKED if each["pair"] == pair}
    for template in templates:
        assert usual_check()(DataPair(**pair.model_dump(), category=template.lower())) == []


@pytest.mark.filterwarnings("ignore:.*not compiled")
def test_kinds_of_change_take_turns():
    texts = iter(["a", "b", "c", "d", "e", "f"])
    _, prompts = asked("evolve", lambda prompt: json.dumps({"pair": NEW | {"instruction": next(texts)}}), pairs=3, turn=2)
    seen = [next(name for name, text in CHANGES.items() if text in asked_last(prompt)) for prompt in prompts]
    assert seen == ["concretise", "broaden", "deepen"]


@pytest.mark.filterwarnings("ignore:.*not compiled")
def test_persons_take_turns_and_all_get_one():
    seen = set()
    for turn in range(8):
        _, prompts = asked("persona", replying(NEW), pairs=2, turn=turn)
        seen |= {person for person in PERSONAS for prompt in prompts if person in asked_last(prompt)}
    assert seen == set(PERSONAS)


@pytest.mark.filterwarnings("ignore:.*not compiled")
def test_back_translation_keeps_the_answer_and_asks_once():
    reply = json.dumps({"request": {"instruction": "Which city is Norway's capital?", "input": ""}})
    found, prompts = asked("back-translate", lambda prompt: reply, pairs=4)
    assert len(prompts) == 1 and [pair.output for pair in found.pairs] == ["Oslo is the capital."]
    only_text, _ = asked(
        "back-translate", lambda prompt: reply, seed=Seed(instruction="The river floods the fields in spring.")
    )
    assert only_text.pairs[0].output == "The river floods the fields in spring."


@pytest.mark.filterwarnings("ignore:.*not compiled")
def test_task_that_was_not_changed_is_refused():
    found, _ = asked("evolve", replying(NEW | {"instruction": "name the capital of Norway."}))
    assert not found.pairs and found.rejected[0].reason == "the instruction is the seed's"


@pytest.mark.filterwarnings("ignore:.*not compiled")
@pytest.mark.parametrize("strategy", ["seed", "evolve", "persona", "back-translate"])
@pytest.mark.parametrize(
    "reply", ["", "[Generation failed]", "I cannot do that.", "{", '{"pair": 3}', '```json\n{"pair": {"instr\n```']
)
def test_unreadable_reply_is_a_failure_and_rules_do_not_answer_for_it(strategy, reply):
    found, _ = asked(strategy, lambda prompt: reply)
    assert found.pairs == [] and found.unreadable and found.answered_by == "model"


@pytest.mark.filterwarnings("ignore:.*not compiled")
@pytest.mark.parametrize("strategy", ["evolve", "persona"])
@pytest.mark.parametrize(
    ("output", "kept"),
    [("```\nThe North Sea.\n```", True), ("I'm sorry, but I cannot help with that.", False), ("[your answer here]", False)],
)
def test_fences_go_and_what_must_not_be_trained_on_is_refused(strategy, output, kept):
    found, _ = asked(strategy, replying(NEW | {"output": output}))
    assert [pair.output for pair in found.pairs] == (["The North Sea."] if kept else [])
    assert bool(found.rejected) is not kept


@pytest.mark.filterwarnings("ignore:.*not compiled")
@pytest.mark.parametrize("strategy", ["seed", "evolve", "persona", "back-translate"])
def test_model_that_does_not_answer_is_no_pair(strategy):
    def dead(prompt):
        raise ConnectionError("connection refused")

    with pytest.raises(Unjudged, match="connection refused") as failure:
        asked(strategy, dead)
    assert failure.value.kind == "lost"


@pytest.mark.parametrize("strategy", ["seed", "evolve", "persona", "back-translate"])
def test_without_a_model_rules_answer_whatever_the_strategy_and_say_so(strategy):
    seed = Seed(instruction="The river floods the lower fields in spring, and the sheep go uphill.")
    found = Writer()(Request(seed, "INSTRUCTION", strategy, 1, cycle=1, turn=0))
    assert found.answered_by == "rules" and len(found.pairs) > 2
