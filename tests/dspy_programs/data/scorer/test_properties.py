"""The order of rows does not matter, and a fault more never makes the score higher."""

import random

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.dspy_programs.data.scorer.made_rows import clean_rows, scored

ROWS = clean_rows(60, seed=9)
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _cut(row, drawn):
    words = row["output"].split()
    words[drawn.randrange(3, len(words) - 3)] = "altogether"
    return {**row, "output": " ".join(words)}


# in the place of a row without a fault
CHANGES = {
    "no answer": lambda row, drawn: {**row, "output": ""},
    "no request": lambda row, drawn: {**row, "instruction": " "},
    "null": lambda row, drawn: {**row, "output": None},
    "field gone": lambda row, drawn: {name: value for name, value in row.items() if name != "output"},
    "number": lambda row, drawn: {**row, "output": drawn.randrange(10**9)},
    "placeholder": lambda row, drawn: {**row, "output": "TODO"},
    "refusal": lambda row, drawn: {**row, "output": f"I'm sorry, but I can't help with that. {drawn.random()}"},
    "open fence": lambda row, drawn: {**row, "output": f"{row['output']}\n```python\nprint(1)"},
    "long": lambda row, drawn: {**row, "output": f"{row['output']} " * 300},
    "damaged": lambda row, drawn: {**row, "output": f"{row['output']} \ufffd"},
    "stray": lambda row, drawn: {**row, f"x{drawn.randrange(3)}": "y"},
    "French": lambda row, drawn: {
        **row,
        "output": f"La bibliothèque de la ville est fermée le dimanche matin. {drawn.random()}",
    },
}
# as one row more
COPIES = {"copy": lambda row, drawn: row, "near copy": _cut}


@slow
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(sorted(CHANGES)), max_size=25), st.integers(0, 20))
def test_the_order_of_rows_changes_nothing(drawn, changes, copies):
    rows = list(ROWS)
    for place, name in enumerate(changes):
        rows[place] = CHANGES[name](rows[place], drawn)
    rows += [drawn.choice(rows) if drawn.random() < 0.5 else _cut(drawn.choice(ROWS), drawn) for _ in range(copies)]
    before = scored(rows, examples=0).as_dict()
    drawn.shuffle(rows)
    after = scored(rows, examples=0).as_dict()
    for score in (before, after):  # findings of one size may stand in any order
        for check in score["checks"]:
            check["findings"] = sorted((f["kind"], f["rows"], f["message"]) for f in check.get("findings", []))
    assert before == after


@slow
@given(
    st.randoms(use_true_random=False), st.lists(st.sampled_from(sorted(CHANGES)), max_size=12), st.sampled_from(sorted(CHANGES))
)
def test_a_fault_more_never_scores_higher(drawn, changes, one_more):
    rows = list(ROWS)
    for place, name in enumerate(changes):
        rows[place] = CHANGES[name](rows[place], drawn)
    before = scored(rows, examples=0)
    place = len(changes)
    rows[place] = CHANGES[one_more](rows[place], drawn)
    after = scored(rows, examples=0)
    assert after.total <= before.total, (one_more, changes)


@slow
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(sorted(CHANGES)), max_size=12), st.integers(0, 30))
def test_a_copy_more_never_scores_higher(drawn, changes, copies):
    rows = list(ROWS)
    for place, name in enumerate(changes):
        rows[place] = CHANGES[name](rows[place], drawn)
    rows += [drawn.choice(rows) for _ in range(copies)]
    before = scored(rows, examples=0).total
    assert scored([*rows, drawn.choice(rows)], examples=0).total <= before


@pytest.mark.parametrize("copies", [0, 5, 30])
def test_a_near_copy_more_never_scores_higher(copies):
    drawn = random.Random(copies)
    rows = [*ROWS, *(_cut(row, drawn) for row in ROWS[:copies])]
    before = scored(rows, examples=0).total
    for row in ROWS[copies : copies + 10]:
        rows.append(_cut(row, drawn))
        after = scored(rows, examples=0).total
        assert after < before
        before = after


def test_the_same_rows_score_the_same_twice():
    assert scored(ROWS).as_dict() == scored(ROWS).as_dict()
