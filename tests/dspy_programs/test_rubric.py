"""Rubrics are read whole or refused with the place and the reason; pass conditions are evaluated, never executed."""

import pytest
import yaml

from dspy_programs.errors import UsageError
from dspy_programs.rubric import LARGEST_FILE, passes, read_rubric, rubric_of, shipped_rubrics
from dspy_programs.types import Rubric

CRITERIA = [{"name": "wit", "weight": 3}, {"name": "rhyme"}]


def rubric(condition: str) -> Rubric:
    return rubric_of({"name": "r", "criteria": CRITERIA, "pass_condition": condition})


@pytest.fixture
def file(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "r.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_read_rubric_reads_yaml_and_json(file):
    assert read_rubric(file("name: r\ncriteria:\n  - name: wit\n    weight: 2\n")).criteria[0].weight == 2
    assert read_rubric(file('{"name": "r", "criteria": [{"name": "wit"}]}')).pass_condition == "overall >= 0.6"


@pytest.mark.parametrize("name", ["quality", "factuality"])
def test_shipped_rubrics_can_be_used_by_name(name):
    shipped = rubric_of(name)
    assert shipped.name == name and name in shipped_rubrics()
    assert passes(shipped, {criterion.name: 1.0 for criterion in shipped.criteria})
    assert not passes(shipped, {})


def test_factuality_fails_what_is_not_correct_however_good_the_rest():
    assert not passes(rubric_of("factuality"), {"correctness": 0.0, "grounding": 1.0, "relevance": 1.0})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "rubric: Input should be a valid dictionary"),
        ("- a\n- b\n", "rubric: Input should be"),
        ("name: [", "not YAML: "),
        ("name: r\x00", "not YAML: "),
        ("[" * 50_000, "not YAML: "),
        (b"name: \xff", "byte 7 is not UTF-8"),
        ("x" * (LARGEST_FILE + 1), "larger than 100,000 bytes"),
        ("!!python/object/apply:os.system ['true']", "not YAML: could not determine a constructor"),
        ("name: r", "criteria: Field required"),
        ("name: r\ncriterias: [{name: wit}]", "criterias: unknown key"),
        ("name: r\ncriteria: []", "criteria: List should have at least 1 item"),
        ("name: r\ncriteria: [{name: wit}, {name: wit}]", "criteria: Value error, two criteria are named 'wit'"),
        ("name: r\ncriteria: [{name: two words}]", "criteria.0.name: String should match"),
        ("name: r\ncriteria: [{name: wit, weight: 0}]", "criteria.0.weight: Input should be greater than 0"),
        ("name: r\ncriteria: [{name: wit, wieght: 1}]", "criteria.0.wieght: unknown key"),
        ("name: r\ncriteria: [{name: overall}]", "criteria: none may be named 'overall'"),
        ("name: r\ncriteria: [{name: wit}]\npass_condition: wti > 0", "pass_condition: unknown criterion 'wti'"),
    ],
)
def test_read_rubric_says_where_and_what_is_wrong(file, text, fault):
    path = file(text)
    with pytest.raises(UsageError) as caught:
        read_rubric(path)
    assert str(caught.value).startswith(f"{path}: {fault}")
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


def test_read_rubric_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"r\.yaml: cannot be read: No such file"):
        read_rubric(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    ("condition", "passed"),
    [
        ("overall >= 0.6", False),
        ("overall > 0.5", True),
        ("wit == 0.75 and rhyme == 0", True),
        ("not rhyme > 0", True),
        ("wit > 0.9 or rhyme < 0.1", True),
        ("0.5 <= overall <= 1", True),
        ("min(wit, rhyme) >= 0.5", False),
        ("abs(wit - rhyme) < 0.5", False),
        ("2 * wit + -rhyme > 1", True),
        ("wit / rhyme > 1", False),
        ("  max(wit, rhyme, overall) != 0", True),
    ],
)
def test_passes_evaluates_the_condition(condition, passed):
    assert passes(rubric(condition), {"wit": 0.75, "rhyme": 0.0}) is passed


def test_passes_counts_a_missing_score_as_zero():
    assert passes(rubric("rhyme == 0"), {"wit": 1.0})


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "overall",
        "True",
        "wit and rhyme",
        "overall >=",
        "overall => 0.6",
        "overall >= '0.6'",
        "9**9**9 > 1",
        "humour > 0.5",
        "len(wit) > 0",
        "min(wit) > 0",
        "max(*wit) > 0",
        "__import__('os').system('true') > 0",
        "wit.__class__ == 1",
        "wit[0] > 1",
        "[wit] > [0]",
        "wit in overall",
        "(lambda: 1)() > 0",
        "overall > 0.5; wit > 1",
        "overall > 1j",
        "wit if rhyme else overall",
        "(" * 140 + "wit" + ")" * 140,
        "\x00",
        "overall >= 0.5\nwit > 1",
    ],
)
def test_condition_that_is_no_comparison_of_scores_is_refused_when_read(condition):
    with pytest.raises(UsageError, match="pass_condition: ") as caught:
        rubric(condition)
    assert len(str(caught.value)) < 700


def test_rubric_longer_than_its_bound_is_refused():
    with pytest.raises(UsageError, match="pass_condition: String should have at most 300"):
        rubric("overall > 0" + " or overall > 0" * 100)


def test_shipped_rubrics_are_plain_yaml():
    for path in shipped_rubrics().values():
        assert Rubric.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).description
