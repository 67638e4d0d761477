"""The right variables, growth and rewrite score 1; a name that is not there, another growth or result cost their part."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from metrics.complexity import class_of
from metrics.loop_explainer import UNPROVEN, WEIGHTS, Harness, explanation_holds

CODE = "out = []\nfor row in rows:\n    if row in names:\n        out.append(row)"
MENDED = "out = []\nknown = set(names)\nfor row in rows:\n    if row in known:\n        out.append(row)"
HARNESS = Harness(inputs=[{"rows": ["a"], "names": ["a"]}], results=["out"], expected=["[['a']]"])
ROW = dspy.Example(
    code=CODE,
    pattern="ListMembershipInLoop",
    suggestion="Build a set once before the loop: known = set(names)",
    types={"names": "list[str]"},
    keeps=["out"],
    variables=["names", "rows"],
    cost="O(n*m)",
    rewrite=MENDED,
    harness=HARNESS,
)
TEXT = "`row in names` is tested on each pass over `rows`: O(n*m); with a set O(n+m)."


def scored(explanation=TEXT, rewrite=MENDED, run=lambda code, harness: harness.expected, row=ROW, **fields):
    prediction = {"explanation": explanation, "rewrite": rewrite, "refused": "", "failure": None, **fields}
    return explanation_holds(run)(row, dspy.Prediction(**prediction))


def test_what_is_right_scores_one():
    assert scored().value == 1.0 and scored().feedback == "Perfect."


@pytest.mark.parametrize(
    ("part", "lost", "given", "said"),
    [
        ("variables", 0.5, {"explanation": TEXT.replace(" over `rows`", "")}, "does not name rows"),
        ("cost", 1, {"explanation": TEXT.replace("O(n*m)", "O(n)")}, "O(n*m)"),
        ("cost", 1, {"explanation": TEXT.replace("O(n*m); with a set O(n+m)", "slow")}, "it says none"),
        ("names", 1, {"explanation": TEXT + " See `lookup_table`."}, "lookup_table"),
        ("names", 1, {"explanation": TEXT + " Call fetchAll() instead."}, "fetchAll"),
        ("rewrite", 1, {"rewrite": ""}, "there is a rewrite"),
        ("rewrite", 1, {"rewrite": "", "refused": "it is not Python"}, "is refused: it is not Python"),
        ("rewrite", 1, {"rewrite": CODE.replace("out.append(row)", "out += [row]")}, "still has ListMembershipInLoop"),
        ("rewrite", 1, {"run": lambda code, harness: ["[[]]"]}, "gives [[]], and the code [['a']]"),
        ("rewrite", 1, {"run": lambda code, harness: None}, "does not run to its end"),
        ("rewrite", 1, {"run": lambda code, harness: []}, "does not run to its end"),
    ],
)
def test_each_fault_costs_its_part(part, lost, given, said):
    score = scored(**given)
    assert score.value == pytest.approx(1 - lost * WEIGHTS[part]) and said in score.feedback
    assert [name for name, value in score.components.items() if value < 1] == [part]


def test_without_a_harness_the_known_rewrite_counts_whatever_its_new_name():
    row = ROW.copy(harness=None)
    assert scored(rewrite=MENDED.replace("known", "lookup"), row=row).components["rewrite"] == 1.0
    other = "known = set(names)\nout = [row for row in rows if row in known]"
    assert scored(rewrite=other, row=row).components["rewrite"] == UNPROVEN


def test_where_none_is_sure_none_is_right():
    row = ROW.copy(rewrite="")
    assert scored(rewrite="", row=row).value == 1.0
    assert scored(row=row).components["rewrite"] == 0.0
    assert scored(rewrite="", refused="it is empty", row=row).components["rewrite"] == 0.0


def test_unreadable_replies_score_zero():
    assert scored(failure="x").value == 0.0 and scored(explanation=None).value == 0.0 and scored(rewrite=3).value == 0.0


ANYTHING = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.lists(st.text(max_size=5), max_size=3))


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING, st.text(st.sampled_from("O(nm*+^2log )²`"), max_size=20))
def test_malformed_predictions_score_between_0_and_1(explanation, rewrite, refused, text):
    for gold in (ROW, dspy.Example(), dspy.Example(rewrite="x = 1", pattern=3, variables="no", cost=None)):
        for said in (explanation, text):
            assert 0 <= scored(said, rewrite, refused=refused, row=gold).value <= 1


@pytest.mark.parametrize(
    "text",
    ["O(n*m)", "O(m * n)", "O(nm)", "O(a·b)", "O(len(rows) * len(names))", "it is O(`rows` × `names`), not O(n)", "O(N M)"],
)
def test_the_same_growth_in_other_words_is_equal(text):
    assert class_of(text) == class_of("O(n*m)")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("O(n^2)", "O(n**2)", True),
        ("O(n²)", "O(n*n)", True),
        ("O(n*m*log m)", "O(k * n * log(k))", True),
        ("O(n + m*log m)", "O(a log a + b)", True),
        ("O(n^2)", "O(n*m)", False),
        ("O(n)", "O(1)", False),
        ("O(n)", "O(n + m)", False),
        ("O(n*log n)", "O(n*log m)", False),
    ],
)
def test_growths_are_told_apart(one, other, same):
    assert class_of(one) is not None and (class_of(one) == class_of(other)) == same


@pytest.mark.parametrize("text", ["", "fast", "O()", "O(n", "O(?)", "O(a*b*c*d*e)", "O(n+)", "O(" * 50])
def test_what_is_no_growth_has_no_class(text):
    assert class_of(text) is None
