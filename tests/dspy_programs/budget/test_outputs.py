"""Scoring what a model makes of examples: exact texts first, the judge where there are none."""

import json

import pytest

from dspy_programs.budget import Negotiator, OutputsScorer
from dspy_programs.budget.measuring.outputs import Example, agreement, filled, matches, read_examples
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


def many(count, **fields):
    return [Example(input=("2+2", "3+3")[i % 2] + " " * i, expected=("4", "6")[i % 2], **fields) for i in range(count)]


def test_negotiation_on_outputs_keeps_what_the_outputs_need():
    lm = scripted_lm(calculator, "scripted/target")
    result = Negotiator(OutputsScorer(lm, many(90)), 0.95, 0.7, 0.9).negotiate(SECTIONS)
    assert "Answer with digits." in result.optimized_prompt and "Once upon a time" not in result.optimized_prompt
    assert result.measured == "outputs" and result.optimized_score == result.original_score == 1.0
    assert 0.95 <= result.retention.low <= result.retention.value == 1.0
    assert result.model_calls == len(lm.engine.prompts) == len(set(lm.engine.prompts))
    assert result.scoring_calls <= Negotiator(OutputsScorer(lm, many(90))).price(SECTIONS).calls


def test_full_prompts_own_answers_are_the_reference_where_nothing_is_expected():
    lm = scripted_lm(calculator, "scripted/target")
    examples = [Example(input=one.input) for one in many(90)]
    result = Negotiator(OutputsScorer(lm, examples), 0.95, 0.7, 0.9).negotiate(SECTIONS)
    assert "Answer with digits." in result.optimized_prompt and "Once upon a time" not in result.optimized_prompt
    assert result.original_score == 1.0


@pytest.mark.parametrize(
    ("count", "threshold", "fault"),
    [
        (
            20,
            0.95,
            "20 examples prove at most 80% of the quality (6 for the search, 14 held back): give 89 for a threshold of 0.95",
        ),
        (500, 1.0, "no number of examples proves that nothing at all is lost"),
    ],
)
def test_too_few_examples_are_refused_before_anything_is_asked(count, threshold, fault):
    lm = scripted_lm(calculator, "scripted/target")
    with pytest.raises(UsageError) as error:
        Negotiator(OutputsScorer(lm, many(count)), threshold).negotiate(SECTIONS)
    assert fault in str(error.value) and not lm.engine.prompts


def test_model_that_fails_the_examples_is_no_measure():
    lm = scripted_lm(lambda prompt: "no idea", "scripted/target")
    with pytest.raises(UsageError, match="the model's answers with the full prompt are mostly wrong"):
        Negotiator(OutputsScorer(lm, many(90)), 0.9).negotiate(SECTIONS)


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
        *[(answer, "5", True) for answer in ("5.", "It is 5, no more", "$5", "(5)", "4-5", "x=5", "1,5,6", "5%", "6/5")],
        *[(answer, "5", False) for answer in ("-5", "It is \u22125.", "1.5", "5.2", "5e3", "5,000", "a5")],
        ("-5", "-5", True),
        ("5", "-5", False),
        ("1,500", "500", False),
        ("$1,500.", "1,500", True),
        ("1,500.25", "1,500", False),
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
        ('{"input": "a", "label": "b"}\n', ":1: example: the field 'label' is not read; name it 'expected'"),
        ('{"input": "a", "expected": {"a": 1}}\n', ":1: expected"),
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
    path.write_text(
        '{"input": "a", "output": "b"}\n{"input": "a", "expected": "c", "id": 7, "label": "d"}\n{"input": "x"}\n'
        '{"input": "y", "expected": 5}\n{"input": "z", "expected": [0.5, true]}\n'
    )
    assert [example.wanted for example in read_examples(path)] == [["b"], ["c"], [], ["5"], ["0.5", "true"]]


def test_read_examples_takes_any_line_break_in_a_text_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_bytes('\ufeff{"input": "a\u2028b", "output": ["x", "y"]}\r\n{"input": "c\x85d"}\r\n'.encode())
    found = read_examples(path)
    assert [example.input for example in found] == ["a\u2028b", "c\x85d"] and found[0].wanted == ["x", "y"]


def test_exact_match_takes_nothing_around():
    assert matches(" Unsafe ", "unsafe", "exact") and not matches("It is unsafe", "unsafe", "exact")


@pytest.mark.parametrize(
    ("answer", "reference", "share"), [("A b.", "a b", 1.0), ("a c", "a b", 0.5), ("", "", 1.0), ("x", "", 0.0)]
)
def test_agreement_is_the_share_of_words(answer, reference, share):
    assert agreement(answer, reference) == share


def test_copies_of_an_example_prove_nothing():
    scorer = OutputsScorer(scripted_lm(lambda prompt: "4"), [Example(input="2+2", expected="4")] * 60)
    with pytest.raises(UsageError, match=r"60 have the input .2\+2.; give each its own"):
        Negotiator(scorer, 0.9).negotiate(SECTIONS)
    assert not scorer.lm.engine.prompts


def test_examples_that_the_prompt_shows_are_no_measure():
    shown = "".join(f"Q: What is {n}+{n}?\nA: {2 * n}\n\n" for n in range(60))
    scorer = OutputsScorer(
        scripted_lm(lambda prompt: "4"), [Example(input=f"What is {n}+{n}?", expected=str(2 * n)) for n in range(60)]
    )
    with pytest.raises(UsageError, match=r"60 of 60 stand in the prompt itself, such as 'What is .*'"):
        Negotiator(scorer, 0.9).negotiate([{"name": "shots", "content": shown}, {"name": "task", "content": "Answer."}])
    assert not scorer.lm.engine.prompts


@pytest.mark.parametrize("answer", ["", "I cannot help with that."])
def test_one_answer_to_all_inputs_is_no_reference(answer):
    examples = [Example(input=one.input) for one in many(60)]
    with pytest.raises(UsageError, match="the full prompt has one answer to all inputs"):
        Negotiator(OutputsScorer(scripted_lm(lambda prompt: answer), examples), 0.9).negotiate(SECTIONS)
