"""The exact tests against their definitions in whole numbers, published figures, and the correction for many of them."""

from itertools import pairwise
from math import comb

import pytest
from hypothesis import given, strategies as st

from dspy_programs.failures.significance import fisher, holm, mcnemar

COUNTS = st.integers(0, 60)
BATCHES = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda sizes: st.tuples(st.integers(0, sizes[0]), st.just(sizes[0]), st.integers(0, sizes[1]), st.just(sizes[1]))
)


@given(COUNTS, COUNTS)
def test_mcnemar_is_the_binomial_tail(worse, better):
    pairs = worse + better
    assert mcnemar(worse, better) == pytest.approx(sum(comb(pairs, k) for k in range(worse, pairs + 1)) / 2**pairs, abs=1e-12)


@given(BATCHES)
def test_fisher_is_the_hypergeometric_tail(case):
    count, total, before, before_total = case
    marked, plain = count + before, total + before_total - count - before
    ways = [comb(marked, k) * comb(plain, total - k) for k in range(count, min(marked, total) + 1) if total - k <= plain]
    assert fisher(*case) == pytest.approx(sum(ways) / comb(marked + plain, total), abs=1e-12)


def test_published_figures():
    assert fisher(3, 4, 1, 4) == pytest.approx(17 / 70)  # Fisher 1935: the lady tasting tea, three of four right
    assert mcnemar(12, 2) == pytest.approx(106 / 16384)


def test_nothing_to_compare_is_no_evidence():
    assert mcnemar(0, 0) == fisher(0, 5, 0, 5) == fisher(0, 5, 5, 5) == fisher(0, 0, 3, 5) == fisher(3, 5, 0, 0) == 1


@given(BATCHES, st.integers(0, 60))
def test_a_larger_rise_is_never_likelier(case, better):
    _, total, before, before_total = case
    tails = [fisher(n, total, before, before_total) for n in range(total + 1)]
    assert all(0 <= b <= a <= 1 for a, b in pairwise(tails))
    worse = [mcnemar(n, better) for n in range(60)]
    assert all(0 <= b <= a <= 1 for a, b in pairwise(worse))


def test_millions_are_counted_in_no_time():
    assert fisher(500_001, 1_000_000, 500_000, 1_000_000) == pytest.approx(0.5, abs=1e-7)
    assert fisher(51_000, 1_000_000, 50_000, 1_000_000) == pytest.approx(0.000628, abs=1e-6)
    assert fisher(1_000_000, 1_000_000, 0, 1_000_000) == 0
    assert mcnemar(505_000, 500_000) == pytest.approx(3.1e-7, rel=0.05)


def test_holm_multiplies_each_by_how_many_are_left_and_never_falls():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.5, "b": 0.9}) == {"a": 1, "b": 1}
    assert holm({}) == {}
