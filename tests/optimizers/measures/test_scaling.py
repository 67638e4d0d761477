"""The simulation of workers: its clock, its server, and what it says of them."""

import math

import pytest

from optimizers.measures.scaling import Clock, Run, Server, World, run
from optimizers.scaling import main, stops_at

EVEN = World(spread=0, stragglers=0, rate=None, driver=0, ray=0)  # every call takes a second, and nothing else takes any


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_even_calls_scale_as_they_must(workers):
    found = run(EVEN, "evaluate", 32, workers)
    assert found == Run("evaluate", workers, 32, pytest.approx(workers), 0, 0)


def test_a_search_keeps_no_more_than_a_minibatch_busy():
    assert run(EVEN, "train", 32, 16).rate == run(EVEN, "train", 32, 4).rate == pytest.approx(4)


def test_the_driving_process_is_a_limit():
    busy = World(spread=0, stragglers=0, rate=None, driver=0.1, ray=0)
    assert 9 < run(busy, "evaluate", 256, 64).rate <= 10


def test_a_worker_with_several_calls_is_as_many_workers():
    several = World(spread=0, stragglers=0, rate=None, driver=0, ray=0, each=4)
    assert run(several, "evaluate", 32, 2).rate == pytest.approx(8)


def test_a_run_is_the_same_every_time():
    world = World(rate=5)
    assert run(world, "evaluate", 64, 16) == run(world, "evaluate", 64, 16)


def test_a_server_refuses_what_is_over_its_rate_and_never_serves_more():
    world = World(spread=0, stragglers=0, rate=10, driver=0, ray=0)
    found = run(world, "evaluate", 128, 32)
    assert found.refused and found.rate <= 10 * 1.1 and run(EVEN, "evaluate", 128, 32).rate > 20
    assert run(world, "evaluate", 128, 8).refused == 0


def test_a_server_of_no_patience_makes_calls_give_up():
    assert run(World(spread=0, stragglers=0, rate=0.5, driver=0, ray=0), "evaluate", 64, 64).gave_up


def test_a_server_lets_a_second_of_its_rate_come_at_once_then_says_how_long_to_wait():
    server = Server(World(rate=2), clock := Clock())
    assert [server.refused_for() for _ in range(3)] == [0, 0, 1]
    clock.now = 0.5
    assert [server.refused_for() for _ in range(2)] == [0, 1]


def test_a_straggler_is_late_and_the_same_in_every_run():
    world = World(stragglers=0.1)
    found = [world.latency(row) for row in range(2000)]
    assert found == [world.latency(row) for row in range(2000)]
    usual = [World(stragglers=0).latency(row) for row in range(2000)]
    late = [one / other for one, other in zip(found, usual, strict=True) if one != other]
    assert 0.08 < len(late) / 2000 < 0.12 and all(math.isclose(times, 8) for times in late)


def test_where_it_stops_is_where_twice_as_many_are_hardly_faster():
    def of(workers, rate):
        return Run("evaluate", workers, 1, rate, 0, 0)

    assert "more than 2 workers hardly help (4: 1.10" in stops_at([of(1, 1.0), of(2, 2.0), of(4, 2.2)])
    assert stops_at([of(1, 1.0), of(2, 2.0)]) == "2 workers still help"


def test_the_command_prints_every_shape(capsys):
    assert main(["--rows", "8", "--rate", "0"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 + 3 * 7 + 3 + 1
    assert out[0].split()[:3] == ["work", "workers", "calls/s"]
    assert [line.split(":")[0] for line in out[22:]] == ["evaluate", "online", "train", "measured here"]
