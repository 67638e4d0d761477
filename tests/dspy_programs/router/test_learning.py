"""What the router learns: latencies (G16), failures, quality per program."""

import json
import random

import numpy as np
import pytest

from dspy_programs.errors import UsageError
from dspy_programs.router import Needs, Router
from dspy_programs.router.learning.circuit import Circuit
from dspy_programs.router.learning.difficulty import Difficulty
from dspy_programs.router.learning.difficulty_file import Easy, read_easy, write_easy
from dspy_programs.router.learning.latency import Latencies
from dspy_programs.router.learning.quality import Quality, read_quality, write_quality
from dspy_programs.router.learning.reading import scores_in
from tests.router_support import catalogue, entry


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def chosen(router, **needs):
    return router.catalogue.models[router.decide(Needs(**needs)).best].id


def two(clock=None, **settings):
    return Router(catalogue(entries=[entry(0), entry(1)], **settings), clock=clock or Clock())


def test_g16_learned_latency_changes_the_choice():
    router = two()
    assert chosen(router, priority="speed") == "m/0"
    for _ in range(20):
        router.observed.worked(0, 2000.0)
    assert chosen(router, priority="speed") == "m/1"


def test_g16_learned_latency_counts_for_the_hard_limit():
    router = two()
    for _ in range(20):
        router.observed.worked(0, 2000.0)
    assert chosen(router, priority="cost", max_latency_ms=500) == "m/1"


def test_g16_can_be_turned_off():
    router = two(learning={"latencies": False})
    for _ in range(20):
        router.observed.worked(0, 2000.0)
    assert chosen(router, priority="speed") == "m/0"


def test_slow_model_gets_another_chance_when_its_window_is_over():
    clock = Clock()
    router = two(clock)
    for _ in range(20):
        router.observed.worked(0, 2000.0)
    clock.now += 901
    assert chosen(router, priority="speed") == "m/0"


def test_failing_model_is_chosen_less_before_its_circuit_opens():
    router = two(fallback={"failures": 99})
    assert chosen(router, priority="quality") == "m/1"
    for _ in range(10):
        router.observed.failed(1)
    assert chosen(router, priority="quality") == "m/0"


def test_window_has_exact_quantiles_and_forgets():
    times = Latencies(500, 100, 60)
    for number in range(200):
        times.add(float(number), number / 100)
    assert len(times) == 100 and times.quantiles(2.0, 0.5, 0.95, 0.99) == [150.0, 195.0, 199.0]
    assert times.expected(2.0) == pytest.approx((5 * 500 + sum(range(100, 200))) / 105)
    assert times.quantiles(62.1, 0.5) == [] and times.expected(62.1) == 500


def test_circuit_waits_at_most_ten_minutes():
    circuit, now = Circuit(1, 30), 0.0
    for _ in range(12):
        circuit.failed(now)
        now = circuit.until
    assert circuit.state(now) == "half open" and circuit._wait == 600


def test_measured_quality_of_a_program_changes_its_choice():
    router = two()
    for _ in range(30):
        router.learn("planner", "m/0", 0.95)
        router.learn("planner", "m/1", 0.30)
    assert chosen(router, priority="quality", program="planner") == "m/0"
    assert chosen(router, priority="quality") == "m/1", "other programs have the catalogue's figures"
    assert chosen(router, priority="quality", program="made up") == "m/1"


def test_old_rows_fade():
    quality = Quality()
    for score in [0.0] * 300 + [1.0] * 300:
        quality.add("p", "m", score)
    assert quality.mean("p", "m", 0.5) > 0.6 and quality.known["p"]["m"].rows == pytest.approx(300)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_score_outside_its_range_is_refused(score):
    with pytest.raises(UsageError, match="scores are shares"):
        Quality().add("p", "m", score)


def test_unknown_model_cannot_be_learned():
    with pytest.raises(UsageError, match="'m/9' is not in the catalogue"):
        two().learn("p", "m/9", 1.0)


def picks(router, count=300):
    return [chosen(router, priority="quality", program="p") for _ in range(count)]


def test_exploration_is_off_by_default():
    assert set(picks(two())) == {"m/1"}


def test_exploration_tries_others_above_the_floor_only():
    models = [entry(0, quality=0.55), entry(1, quality=0.6), entry(2, quality=0.2)]
    router = Router(catalogue(entries=models, learning={"exploration": True, "floor": 0.5}), rng=random.Random(5))
    found = picks(router)
    assert {"m/0", "m/1"} == set(found), "m/2 is below the floor"


def test_exploration_ends_where_enough_is_known():
    models = [entry(0, quality=0.6), entry(1, quality=0.6)]
    router = Router(catalogue(entries=models, learning={"exploration": True}), rng=random.Random(5))
    for number in range(200):
        router.learn("p", "m/0", float(number % 10 < 9))
        router.learn("p", "m/1", float(number % 10 < 6))
    assert picks(router).count("m/0") > 295


def test_quality_file_is_read_again(tmp_path):
    path = tmp_path / "quality.json"
    quality = Quality()
    quality.add("p", "m/0", 0.75, rows=8)
    write_quality(quality, path)
    assert read_quality(path).known == quality.known and read_quality(tmp_path / "none.json").known == {}
    assert two(learning={"quality_file": str(path)}).decider.quality("p")[0] > 0.65


@pytest.mark.parametrize(
    "text", ["", "[]", '{"form": "x"}', '{"form": "dspy-programs route quality 1", "programs": {"p": {"m": [1, 5]}}}']
)
def test_damaged_quality_file_is_refused(tmp_path, text):
    path = tmp_path / "quality.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"quality\.json: not what `route learn` writes"):
        read_quality(path)


KNOWN = catalogue(entries=[entry(0), entry(1)])


def written(tmp_path, *rows):
    path = tmp_path / "scores.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_scores_of_evaluate_are_read(tmp_path):
    rows = [{"value": 0.5, "feedback": "", "components": {}}, {"value": 1.0, "feedback": "", "components": {}}]
    variants = {"twin": {"rows": []}, "seed": {"rows": [{"value": 0.0}]}, "compiled": {"rows": rows}}
    path = written(tmp_path, {"lm": "openai/up-1", "programs": [{"program": "planner", "variants": variants}]})
    assert scores_in(path, KNOWN) == [("planner", "m/1", 0.5), ("planner", "m/1", 1.0)]


def test_judged_traces_are_read(tmp_path):
    modes = ["none", "TOOL_MISUSE", "UNKNOWN"]
    path = written(tmp_path, *({"classified_failure_mode": mode} for mode in modes))
    assert scores_in(path, KNOWN, "m/0", "actor") == [("actor", "m/0", 1.0), ("actor", "m/0", 0.0)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"program": "p", "model": "m/0", "score": 2}, r"scores\.jsonl:2: .*a score of 2"),
        ({"program": "p", "model": "m/0", "score": True}, r"scores\.jsonl:2: .*a score of True"),
        ({"model": "m/0", "score": 1}, r"scores\.jsonl:2: .*no 'program'"),
        ("{", r"scores\.jsonl:2: not a row"),
        ({"program": "p", "model": "m/7", "score": 1}, "m/7 names no model of the catalogue"),
    ],
)
def test_wrong_row_is_named(tmp_path, row, says):
    with pytest.raises(UsageError, match=says):
        scores_in(written(tmp_path, {"program": "p", "model": "m/0", "score": 1}, row), KNOWN)


def test_file_without_scores_is_refused(tmp_path):
    with pytest.raises(UsageError, match="has no scores"):
        scores_in(written(tmp_path, ""), KNOWN)


@pytest.mark.parametrize("rows", ["Infinity", "NaN", "-1"])
def test_learnt_rows_that_are_no_number_are_refused(tmp_path, rows):
    path = tmp_path / "quality.json"
    path.write_text(f'{{"form": "dspy-programs route quality 1", "programs": {{"planner": {{"m/0": [{rows}, 1]}}}}}}')
    with pytest.raises(UsageError, match="not what `route learn` writes"):
        read_quality(path)


@pytest.mark.parametrize("wrong", [{"threshold": float("nan")}, {"base": float("inf")}, {"weights": [[0.0]] * 4096}])
def test_learnt_difficulty_that_is_no_number_is_refused(tmp_path, wrong):
    path = tmp_path / "difficulty.json"
    write_easy(Easy("planner", "m/0", "m/1", Difficulty(np.zeros(4096), 0.0, 0.0)), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    with pytest.raises(UsageError, match="not what `route fit` writes"):
        read_easy(path)
