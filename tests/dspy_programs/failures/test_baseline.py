"""Baselines: how rarely a gate closes by chance, what closes it, how traces pair, and what cannot be compared."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dspy_programs.errors import UsageError
from dspy_programs.failures import FailureClassifier, Outcome, Tally
from dspy_programs.failures.baseline import LEVEL, Comparison, compared, read_baseline, rises_of
from dspy_programs.failures.batch import MODES, Batch, ModeShare, Share
from dspy_programs.failures.significance import holm
from dspy_programs.failures.verdicts import Pairs
from dspy_programs.types import Trace

GOOD = {"original_goal": "Greet", "is_successful": True, "turns": [{"turn_number": 0, "role": "agent", "content": "Hello."}]}
CLASSIFIER = FailureClassifier(use_llm=False)


def reports(verdicts, ids=None, goals=None):
    """A report for each letter: "." a good run, "x" a failing one."""
    for place, letter in enumerate(verdicts):
        trace_id = f"run-{place}" if ids is None else ids[place]
        named = {"trace_id": trace_id, "original_goal": f"Goal {place}" if goals is None else goals[place]}
        report = CLASSIFIER.classify(Trace.model_validate({**GOOD, **named}))
        yield report.model_copy(update={"classified_failure_mode": "HALLUCINATION"}) if letter == "x" else report


def outcomes(*given):
    return [Outcome(f"runs.jsonl:{place}", None, report, None) for place, report in enumerate(reports(*given), 1)]


def batch_of(*given, **settings):
    tally = Tally(**settings)
    for each in outcomes(*given):
        tally.add(each)
    return tally.batch()


def checked(before, *now):
    comparison = Comparison(before)
    for each in outcomes(*now):
        comparison.add(each)
    batch = batch_of(*now)
    comparison.check(batch)
    return batch


def closed(batch):
    return [check.text.split(":")[0] for check in batch.checks if not check.holds]


# ---- nothing has changed: how often does a gate close all the same?

DRAWS = 2000
ALLOWED = LEVEL + 3 * (LEVEL * (1 - LEVEL) / DRAWS) ** 0.5  # three standard errors of a simulation
RATES = {
    "few fail": [0.01, 0.01, 0.005, 0.005, 0, 0, 0, 0, 0, 0, 0, 0.97],
    "some fail": [0.06, 0.05, 0.05, 0.04, 0.03, 0.03, 0.02, 0.02, 0, 0, 0, 0.7],
    "most fail": [0.2, 0.15, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.02, 0.02, 0.01, 0.15],
}
SIZES = [(20, 20), (100, 100), (400, 400), (100, 1000), (1000, 100)]


def counted(counts):
    """A batch of which only the counts are known."""
    modes = [ModeShare.model_construct(mode=mode, count=int(count)) for mode, count in zip(MODES, counts, strict=True)]
    failing = Share.model_construct(count=int(sum(counts) - counts[-1]))
    return Batch.model_construct(traces=int(sum(counts)), failing=failing, modes=modes)


def p_values(now, before, pairs=None):
    return {mode: rise.p for mode, rise in rises_of(now, before, pairs).items()}


def closings(found, correct=holm):
    return np.mean([min(correct(p).values(), default=1) <= LEVEL for p in found])


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("sizes", SIZES)
def test_unchanged_rates_close_at_most_one_gate_in_twenty(rates, sizes):
    draw = np.random.default_rng([*sizes, len(rates)])
    now, before = (draw.multinomial(size, RATES[rates], DRAWS) for size in sizes)
    assert closings([p_values(counted(a), counted(b)) for a, b in zip(now, before, strict=True)]) <= ALLOWED


def drawn_pairs(rates, size, steady, draws, seed):
    """Pairs of verdicts on tasks that come out the same way with probability `steady`, and else by the rates."""
    draw = np.random.default_rng(seed)
    for _ in range(draws):
        usual, now, before = draw.choice(len(MODES), (3, size), p=rates)
        kept = draw.random((2, size)) < steady
        found = zip(np.where(kept[0], usual, before), np.where(kept[1], usual, now), strict=True)
        yield Pairs("goal", Counter((MODES[a], MODES[b]) for a, b in found))


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize(("size", "steady"), [(20, 0.0), (20, 0.8), (200, 0.5), (200, 0.95)])
def test_unchanged_tasks_close_at_most_one_gate_in_twenty(rates, size, steady):
    none = counted([0] * len(MODES))
    found = [p_values(none, none, pairs) for pairs in drawn_pairs(RATES[rates], size, steady, DRAWS, [size, len(rates)])]
    assert closings(found) <= ALLOWED


def test_the_simulation_would_notice_a_gate_that_closes_too_often():
    draw = np.random.default_rng(1)
    now, before = draw.multinomial(400, RATES["some fail"], (2, DRAWS))
    found = [p_values(counted(a), counted(b)) for a, b in zip(now, before, strict=True)]
    assert closings(found, correct=dict) > 2 * ALLOWED


def test_a_real_rise_closes_the_gate_paired_sooner_than_not():
    draw, worse = np.random.default_rng(2), np.array(RATES["few fail"])
    worse[0], worse[-1] = worse[0] + 0.06, worse[-1] - 0.06
    now, before = draw.multinomial(200, worse, 500), draw.multinomial(200, RATES["few fail"], 500)
    unpaired = closings([p_values(counted(a), counted(b)) for a, b in zip(now, before, strict=True)])
    none = counted([0] * len(MODES))
    same = list(drawn_pairs(RATES["few fail"], 200, 1.0, 500, 3))
    spoilt = [Pairs("goal", spoil(pairs.counts, draw.binomial(200, 0.06))) for pairs in same]
    paired = closings([p_values(none, none, pairs) for pairs in spoilt])
    assert 0.6 < unpaired < paired and paired > 0.9


def spoil(counts, number):
    """Let so many traces that were good fail now."""
    number = min(int(number), counts["none", "none"])
    return Counter(counts) + Counter({("none", MODES[0]): number}) - Counter({("none", "none"): number})


# ---- what closes, and what is said


def test_traces_pair_by_id_and_the_regressed_are_named():
    batch = checked(batch_of("." * 38 + "xx"), "x" * 8 + "." * 30 + "xx")
    assert closed(batch) == ["ANY", "HALLUCINATION"]
    assert "40 of 40 traces now and 40 then are paired by trace id (McNemar's exact test)" in batch.comparison
    risen = "risen beyond chance (8 of 40 pairs worse, 0 better, p = 0.0078): run-0, run-1, "
    assert batch.checks[0].text.startswith(f"ANY: 25.0% [14.2%, 40.2%], was 5.0%: {risen}")
    assert batch.checks[1].regressed == [f"run-{n}" for n in range(8)]


def test_many_regressed_traces_are_counted_and_some_named():
    check = checked(batch_of("." * 60), "x" * 30 + "." * 30).checks[0]
    assert check.text.endswith("run-4, run-5 and 24 more") and len(check.regressed) == 30


def test_fresh_ids_pair_by_goal():
    ids = [f"fresh-{n}" for n in range(40)]
    batch = checked(batch_of("." * 40), "x" * 8 + "." * 32, ids)
    assert "paired by goal" in batch.comparison and batch.checks[0].regressed == ids[:8]


def test_fresh_ids_and_one_goal_for_all_are_compared_by_rate():
    goals = ["Greet"] * 40
    before = batch_of("." * 40, [f"old-{n}" for n in range(40)], goals)
    ids = [f"new-{n}" for n in range(40)]
    batch = checked(before, "x" * 9 + "." * 31, ids, goals)
    assert "Fisher" in batch.comparison and closed(batch) == ["ANY", "HALLUCINATION"]
    assert batch.checks[0].regressed == ids[:9]
    assert closed(checked(before, "x" * 4 + "." * 36, ids, goals)) == []


def test_traces_without_an_id_or_a_goal_of_their_own_never_pair():
    before = batch_of("." * 40, [""] * 40, [""] * 40)
    assert "Fisher" in checked(before, "." * 40, [""] * 40, [""] * 40).comparison


def test_traces_without_a_partner_are_said_and_not_compared():
    batch = checked(batch_of("." * 40), "." * 40 + "x" * 20)
    assert "40 of 60 traces now and 40 then are paired by trace id" in batch.comparison
    assert closed(batch) == [] and [check.text.split(": ")[-1] for check in batch.checks] == ["no pair differs"]


def test_as_many_better_as_worse_is_chance():
    assert closed(checked(batch_of("x" * 10 + "." * 30), "." * 10 + "x" * 12 + "." * 18)) == []


def test_a_fall_never_closes():
    batch = checked(batch_of("x" * 40), "." * 40)
    assert closed(batch) == [] and "no rise (0 of 40 pairs worse, 40 better)" in batch.checks[0].text


def test_it_is_said_from_where_on_a_mode_closes():
    batch = checked(batch_of("." * 40), "." * 40)
    assert "a mode that is new closes from 6;" in batch.comparison  # it and ANY are two tests
    risen = checked(batch_of("." * 40), "x" * 5 + "." * 35)
    assert "closes from 6)" in risen.checks[0].text
    assert closed(risen) == []
    assert closed(checked(batch_of("." * 40), "x" * 6 + "." * 34)) == ["ANY", "HALLUCINATION"]


def test_too_few_traces_to_close_are_said():
    assert "cannot close with so few traces" in checked(batch_of("." * 40), "...").comparison


def test_a_new_mode_of_a_trace_is_worse_in_that_mode_and_no_worse_at_all():
    now = [each.model_copy(update={"classified_failure_mode": "CRASH"}) for each in reports("x" * 10)]
    before = batch_of("x" * 10)
    tally = Tally()
    for report in now:
        tally.add(Outcome("x", None, report, None))
    found = rises_of(tally.batch(), before, Pairs("goal", Counter({("HALLUCINATION", "CRASH"): 10})))
    assert "ANY" not in found and found["CRASH"].p == pytest.approx(2**-10) and found["HALLUCINATION"].p == 1


# ---- what is a baseline, and what can be compared


@pytest.fixture
def file(tmp_path):
    return tmp_path / "base.json"


def test_baseline_is_read_as_it_was_written(file):
    batch = batch_of("." * 30 + "x" * 10)
    file.write_text(batch.model_dump_json())
    assert read_baseline(file) == batch


def changed(**fields):
    return json.dumps({**json.loads(batch_of(".....xxxxx").model_dump_json()), **fields})


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "nonsense", "null"),
        changed(format="failures-batch-1"),
        changed(modes=[]),
        changed(traces=3),
        changed(surprise=1),
        changed(verdicts={}),
        changed(verdicts={"none": "0" * 31}),
        changed(verdicts={"none": "x" * 32}),
        changed(verdicts={"none": "0" * 320}),
        json.dumps({"reports": []}),
    ],
)
def test_baseline_of_another_format_or_damaged_is_refused(file, text):
    file.write_text(text)
    with pytest.raises(UsageError, match=r"base\.json: .*create it again"):
        read_baseline(file)


@pytest.mark.parametrize("verdicts", ["", ".", "xx..x"[:4]])
def test_baseline_that_can_never_close_is_refused(file, verdicts):
    file.write_text(batch_of(verdicts).model_dump_json())
    with pytest.raises(UsageError, match=r"base\.json"):
        read_baseline(file)


@pytest.mark.parametrize(
    "fields", [{"traces": 10**30}, {"traces": 8}, {"failing": Share(count=3, rate=0.3, low=0.1, high=0.6)}]
)
def test_baseline_whose_totals_are_not_those_of_its_verdicts_is_refused(file, fields):
    file.write_text(batch_of("." * 7 + "x" * 2).model_copy(update=fields).model_dump_json())
    with pytest.raises(UsageError, match="has 9 verdicts"):
        read_baseline(file)


def test_baseline_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr("dspy_programs.failures.baseline._LARGEST", 1_000_000)
    with pytest.raises(UsageError, match=r"zero: larger than 1,000,000 bytes"):
        read_baseline(Path("/dev/zero"))


def test_baseline_that_is_not_there_is_refused(file):
    with pytest.raises(UsageError, match="No such file"):
        read_baseline(file)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rules": "000000000000"}, "it is of rules 000000000000, and these are "),
        ({"model": "openai/old"}, "it was judged with openai/old, and now with openai/new"),
        ({"model": None}, "it was judged by rules alone, and now with openai/new"),
        ({"min_probability": 0.9}, "its --min-probability is 0.9, and now 0.5"),
        ({"model_stopped": "out of money", "model_failures": 7}, "its model stopped answering, and 7 of its verdicts"),
    ],
)
def test_what_gives_other_verdicts_on_the_same_traces_is_refused_unless_forced(fields, says):
    before = batch_of("." * 9, model="openai/new").model_copy(update=fields)
    with pytest.raises(UsageError, match=says):
        compared(before, "openai/new", 0.5, force=False)
    forced = compared(before, "openai/new", 0.5, force=True)
    batch = batch_of("." * 9, model="openai/new")
    forced.check(batch)
    assert says in batch.comparison


def test_the_same_rules_and_model_are_compared():
    assert compared(batch_of("." * 9), None, 0.5, force=False).differs == []
