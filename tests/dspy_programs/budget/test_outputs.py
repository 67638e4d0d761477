"""Scoring what a model makes of examples: exact texts first, the judge where there are none."""

import json

import pytest

from dspy_programs.budget import Negotiator, OutputsScorer
from dspy_programs.budget.outputs import Example, filled, matches, read_examples
from dspy_programs.errors import UsageError
from dspy_programs.programs.quality_judge import QualityJudge
from dspy_programs.rubric import rubric_of
from dspy_programs.types import Section
from tests.fakes import scripted_lm

EXAMPLES = [Example(input="2+2", output="4"), Example(input="3+3", expected="6")]
SECTIONS = [
    Section(name="story", type="context", content="Once upon a time there was an old calculator by the sea.", priority=1),
    Section(name="rule", type="system", content="Answer with digits.", priority=2),
    Section(name="task", content="Compute {input}", priority=3),
]


def calculator(prompt):
    """Knows the answers, but writes digits only where it is told to."""
    value = 4 if "2+2" in prompt else 6
    return f"It is {value}." if "digits" in prompt else {4: "four", 6: "six"}[value]


def test_outputs_scorer_gives_the_share_of_right_answers():
    scorer = OutputsScorer(scripted_lm(calculator, "scripted/target"), EXAMPLES)
    whole, without = (scorer.score(sections, rubric_of("qa")) for sections in (SECTIONS, SECTIONS[2:]))
    assert (whole.value, whole.calls, whole.answered_by) == (1.0, 2, "model") and without.value == 0.0


def test_negotiation_on_outputs_keeps_what_the_outputs_need():
    lm = scripted_lm(calculator, "scripted/target")
    result = Negotiator(OutputsScorer(lm, EXAMPLES), 0.95, 0.7, 0.9).negotiate(SECTIONS)
    assert result.sections_removed == ["story"] and result.optimized_score == 1.0 and not result.success
    assert lm.engine.prompts[0].endswith("Answer with digits.\n\nCompute 2+2") and result.model_calls == len(lm.engine.prompts)


def test_examples_without_an_answer_go_to_the_judge():
    def answer(prompt):
        if "judgement" not in prompt:
            return "Paris, I think."
        marks = [{"criterion": name, "score": 10} for name in ("accuracy", "relevance")]
        return json.dumps({"judgement": {"reason": "fine", "scores": marks}})

    scorer = OutputsScorer(scripted_lm(answer, "scripted/target"), [Example(input="Capital of France?")], QualityJudge())
    score = scorer.score(SECTIONS, rubric_of("qa"), "geography")
    assert (score.value, score.calls, score.note) == (1.0, 2, "")


def test_judge_that_cannot_be_read_is_said():
    scorer = OutputsScorer(scripted_lm(lambda prompt: "hm", "scripted/target"), [Example(input="x")], QualityJudge())
    assert "could not be read" in scorer.score(SECTIONS, rubric_of("qa")).note


@pytest.mark.parametrize(
    ("answer", "wanted", "found"),
    [
        ("4", "4", True),
        ("It is 4.", "4", True),
        ("14", "4", False),
        ("PARIS\n", "paris", True),
        ("a  b", "A B", True),
        ("anything", "", False),
        ("", "", True),
        ("(x+y)", "x+y", True),
        ("C++ it is", "c++", True),
    ],
)
def test_matches_whole_words_without_regard_to_case_and_space(answer, wanted, found):
    assert matches(answer, wanted) is found


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("Do {input} now", "Do {x}\\1 now"),
        ("{{ question }}!", "{x}\\1!"),
        ("Do it.", "Do it.\n\n{x}\\1"),
        ("", "{x}\\1"),
        ("Use {name}.", "Use {name}.\n\n{x}\\1"),
    ],
)
def test_filled_puts_the_input_in_as_it_is(prompt, message):
    assert filled(prompt, "{x}\\1") == message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "0 examples"),
        ('{"input": "a"}\n{"input": ""}\n', ":2: input: String should have at least 1"),
        ('{"input": "a"}\n\n{"output": "b"}\n', ":3: input: Field required"),
        ("nonsense\n", ":1: example: Invalid JSON"),
        ('{"input": 7}\n', ":1: input: Input should be a valid string"),
    ],
)
def test_read_examples_names_the_line(tmp_path, text, fault):
    path = tmp_path / "e.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_examples(path)
    assert fault in str(error.value)


def test_read_examples_reads_both_spellings(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"input": "a", "output": "b"}\n{"input": "a", "expected": "c", "id": 7}\n{"input": "x"}\n')
    assert [example.wanted for example in read_examples(path)] == ["b", "c", None]
