"""The live line: what it says, and that a terminal of 80 columns has room for it."""

import io

import pytest

from optimizers.calls import Meter, Progress, Used


def line_after(rows: int, expected: int | None, best: float | None = None, usd: float = 0.0) -> str:
    now = [0.0]
    meter = Meter(clock=lambda: now[0])
    progress = Progress(meter, expected, io.StringIO())
    progress.phase, progress.best = "searching", best
    for _ in range(rows):
        now[0] += 30.0
        meter.count("task", Used(calls=1, input_tokens=1000, output_tokens=200, seconds=30.0, usd=usd), now[0], False)
        meter.count_metric_call()
        progress.line()
    return progress.line()


def test_line_says_rows_score_tokens_time_and_what_is_left():
    assert line_after(10, 40, 0.7351) == "searching 10/40 rows, best 0.735 | 12k tokens | 5:00, 15:00 left"


@pytest.mark.parametrize("usd", [0.0, 0.01])
def test_line_of_a_long_run_fits_80_columns(usd):
    line = line_after(400, 999, 0.999, usd)
    assert len(line) <= 80 and line.endswith("left")


def test_no_time_left_is_told_where_nobody_knows_it():
    assert line_after(3, None) == "searching 3 rows | 3,600 tokens | 1:30"
