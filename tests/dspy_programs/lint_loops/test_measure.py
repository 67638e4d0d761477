"""What is measured: the share that a mend saves, and the complexity classes; the checked code is not run."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.lint_loops import PATTERNS
from dspy_programs.lint_loops.measuring.benchmarks import BENCHMARKS, items_of
from dspy_programs.lint_loops.measuring.measure import growth_of

SIZES = [100, 200, 400, 800]


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (lambda n: 1e-6, "O(1)"),
        (lambda n: n * 1e-7, "O(n)"),
        (lambda n: n * 1e-7 + 1e-5, "O(n)"),
        (lambda n: n**2 * 1e-9, "O(n^2)"),
        (lambda n: n**3 * 1e-11, "O(n^3)"),
    ],
)
def test_growth_is_named(seconds, name):
    assert growth_of(SIZES, [seconds(size) for size in SIZES]) == name


@pytest.mark.parametrize("kind", ["int", "str", "row"])
@pytest.mark.parametrize("code", [pattern.code for pattern in PATTERNS])
def test_both_versions_of_a_benchmark_give_the_same(code, kind):
    before, after = BENCHMARKS[code](items_of(kind, 20))
    assert before() == after()


def test_measure_adds_what_was_timed_and_runs_nothing_of_the_code(tmp_path, capsys):
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w')\ndef f(items):\n found = []\n for x in items:\n  found = found + [x]\n return found\n"
    (tmp_path / "a.py").write_text(code)
    assert main(["lint-loops", str(tmp_path), "--json", "--measure"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["growth"] == "O(n^2) -> O(n)" and 50 < row["measured_slowdown_pct"] <= 100 and not mark.exists()
