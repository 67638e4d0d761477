"""What happens when a model fails: G8, over real connections."""

import random
import threading

import pytest

from dspy_programs.errors import BudgetSpent
from dspy_programs.router import AllBusy, Needs, NoneAnswered
from dspy_programs.router.figures import quantile
from tests.openai_server import OpenAIServer, openai_servers
from tests.router_support import asks, entry, router, said


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_g8_next_best_answers_when_the_best_fails():
    with openai_servers(500, "second", "third") as servers:
        answer = router(*servers).chat(asks(), Needs(priority="speed"))
    assert (answer.model, said(answer)) == ("m/1", "second")
    assert [(one.model, bool(one.problem)) for one in answer.attempts] == [("m/0", True), ("m/0", True), ("m/1", False)]


def test_g8_fallback_keeps_the_limits():
    with openai_servers(500, "second", "third") as servers, pytest.raises(NoneAnswered, match="m/0: HTTP 500"):
        router(*servers).chat(asks(), Needs(priority="speed", max_latency_ms=150))
    assert servers[1].bodies == servers[2].bodies == []


def test_g8_answer_of_the_next_best_is_cached_under_its_own_name():
    with openai_servers(500, "second") as servers:
        routes = router(*servers, fallback={"failures": 1, "open_seconds": 60})
        first, second = routes.chat(asks()), routes.chat(asks())
    assert (first.model, first.cached, second.model, second.cached) == ("m/1", False, "m/1", True)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_model_that_cannot_answer_is_not_asked_twice(status):
    with openai_servers(status, "second") as servers:
        assert router(*servers).chat(asks()).model == "m/1"
    assert len(servers[0].bodies) == 1


def limited_once():
    replies = iter([(429, {"Retry-After": "2"}), "then"])
    return lambda body: next(replies)


def test_model_that_asks_for_a_long_wait_is_passed_over():
    with openai_servers(limited_once(), "second") as servers:
        routes = router(*servers, fallback={"failures": 9})
        assert routes.chat(asks()).model == "m/1"
        assert routes.observed.shown(0)["circuit"] == "open", "and left alone as long as it asks"


def test_last_model_is_waited_for_as_it_asks():
    clock = Clock()
    with openai_servers(limited_once()) as [server]:
        answer = router(server, clock=clock, sleep=lambda wait: setattr(clock, "now", clock.now + wait)).chat(asks())
    assert said(answer) == "then" and clock.now == 1002.0


def test_wait_before_a_retry_doubles():
    waits = []
    with openai_servers(503) as servers, pytest.raises(NoneAnswered):
        routes = router(
            *servers, sleep=waits.append, rng=random.Random(1), fallback={"retries": 3, "backoff_seconds": 1, "failures": 9}
        )
        routes.chat(asks())
    assert len(waits) == 3 and [0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits)] == [True] * 3


def test_circuit_opens_is_tried_once_and_closes():
    clock = Clock()
    with openai_servers(500, "second") as servers:
        routes = router(
            *servers, clock=clock, fallback={"failures": 2, "retries": 1, "open_seconds": 30}, cache={"backend": "none"}
        )
        routes.chat(asks())
        assert routes.chat(asks()).attempts[0].model == "m/1" and len(servers[0].bodies) == 2, "open: it is not asked"
        clock.now += 31
        routes.chat(asks())
        assert len(servers[0].bodies) == 3, "half open: one request"
        clock.now += 31
        routes.chat(asks())
        assert len(servers[0].bodies) == 3, "the trial failed, so it waits twice as long"
        clock.now += 31
        servers[0].reply = "first again"
        assert said(routes.chat(asks())) == "first again"
        assert routes.observed.shown(0)["circuit"] == "closed"


def test_only_one_request_tries_a_half_open_circuit():
    clock = Clock()
    release = threading.Event()
    with openai_servers(500, "second") as servers:
        routes = router(*servers, clock=clock, fallback={"failures": 1, "retries": 0}, cache={"backend": "none"})
        routes.chat(asks())
        clock.now += 31
        servers[0].reply = lambda body: release.wait(5) and "first"
        trial = threading.Thread(target=routes.chat, args=(asks(),))
        trial.start()
        while len(servers[0].bodies) < 2:
            pass
        assert routes.chat(asks()).model == "m/1"
        release.set()
        trial.join(5)


def test_request_that_every_model_refuses_keeps_its_status():
    with openai_servers(400, 422) as servers, pytest.raises(NoneAnswered) as raised:
        router(*servers).chat(asks())
    assert raised.value.status == 400
    assert [len(server.bodies) for server in servers] == [1, 1]


def test_refused_request_does_not_open_a_circuit():
    with openai_servers(400, "second") as servers:
        routes = router(*servers, fallback={"failures": 1})
        assert routes.chat(asks()).model == "m/1"
        assert routes.observed.shown(0)["circuit"] == "closed"


@pytest.mark.parametrize("reply", [{"nothing": 1}, {"choices": []}, {"error": {"message": "quota"}}])
def test_answer_that_is_none_counts_as_a_failure(reply):
    with openai_servers(reply, "second") as servers:
        assert router(*servers).chat(asks()).model == "m/1"


def test_server_that_is_not_there_is_passed_over():
    with openai_servers("second") as [server]:
        routes = router(entries=[entry(0), entry(1, api_base=server.base)])
        answer = routes.chat(asks())
    assert answer.model == "m/1" and answer.attempts[0].problem.startswith("no connection")


def test_slow_server_is_given_up_in_time():
    with OpenAIServer("late", seconds=1.0) as slow, OpenAIServer("second") as fast:
        answer = router(slow, fast, fallback={"timeout_seconds": 0.1}).chat(asks())
    assert answer.model == "m/1" and answer.attempts[0].problem == "no answer in time" and len(answer.attempts) == 2


def test_at_most_so_many_models_are_asked():
    with openai_servers(404, 404, 404, "fourth") as servers, pytest.raises(NoneAnswered):
        router(*servers).chat(asks())
    assert [len(server.bodies) for server in servers] == [1, 1, 1, 0]


def test_limit_of_requests_a_minute_is_kept():
    clock = Clock()
    with openai_servers("first", "second") as servers:
        models = [entry(0, api_base=servers[0].base, requests_per_minute=2), entry(1, api_base=servers[1].base)]
        routes = router(entries=models, clock=clock, cache={"backend": "none"})
        assert [routes.chat(asks()).model for _ in range(4)] == ["m/0", "m/0", "m/1", "m/1"]
        clock.now += 61
        assert routes.chat(asks()).model == "m/0"


def test_all_at_their_limit_is_said():
    with openai_servers("first") as [server]:
        routes = router(entries=[entry(0, api_base=server.base, requests_per_minute=1)], cache={"backend": "none"})
        routes.chat(asks())
        with pytest.raises(AllBusy):
            routes.chat(asks())


def test_budget_ends_requests_before_they_are_sent():
    with openai_servers("first") as [server]:
        routes = router(server, budget={"usd_per_day": 0.003}, cache={"backend": "none"})
        needs = Needs(prompt=10, answer=1000)
        routes.chat(asks(), needs)
        assert routes.money.spent == pytest.approx((10 * 0.001 + 5 * 0.002) / 1000), "what it did cost"
        routes.money.book(0.002)
        with pytest.raises(BudgetSpent, match=r"of 0\.003 USD are spent today"):
            routes.chat(asks(), needs)
    assert len(server.bodies) == 1


def test_budget_passes_over_what_is_too_dear():
    with openai_servers("first", "second") as servers:
        routes = router(*servers, budget={"usd_per_day": 0.0025})
        assert routes.chat(asks(), Needs(priority="quality", answer=1000)).model == "m/0"


def test_what_is_wrong_with_all_is_said_once():
    with openai_servers(500, 500) as servers, pytest.raises(NoneAnswered) as raised:
        router(*servers, fallback={"retries": 2, "backoff_seconds": 0.0}).chat(asks())
    assert len(raised.value.attempts) == 6 and str(raised.value).count("HTTP 500") == 1
    assert str(raised.value).startswith("no model answered (m/0, m/1: HTTP 500")


@pytest.mark.parametrize(
    "count, share, value", [(0, 0.5, None), (1, 0.99, 1), (2, 0.5, 1), (3, 0.5, 2), (100, 0.95, 95), (100, 0.99, 99)]
)
def test_percentiles_are_of_the_nearest_rank(count, share, value):
    assert quantile(range(1, count + 1), share) == value


def test_key_is_in_no_error(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k3y-0123456789abcdef")
    with openai_servers(500) as [server], pytest.raises(NoneAnswered) as raised:
        router(entries=[entry(0, api_base=server.base, key_env="MY_KEY")]).chat(asks())
    assert server.keys[0] == "Bearer k3y-0123456789abcdef"
    assert "k3y-0123456789abcdef" not in str(raised.value) and "[key]" in str(raised.value)


def test_key_is_in_no_answer(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k3y-0123456789abcdef")
    with openai_servers("you sent k3y-0123456789abcdef") as [server]:
        answer = router(entries=[entry(0, api_base=server.base, key_env="MY_KEY")]).chat(asks())
    assert said(answer) == "you sent [key]"


def test_key_that_is_no_header_is_the_models_fault(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k3y-0123\n456789abcdef")
    with openai_servers("one", "two") as servers:
        routes = router(entries=[entry(0, api_base=servers[0].base, key_env="MY_KEY"), entry(1, api_base=servers[1].base)])
        assert routes.chat(asks()).model == "m/1" and servers[0].bodies == []


def test_redirect_is_not_followed():
    with openai_servers("elsewhere") as [other], openai_servers((307, {"Location": other.base})) as [server]:
        with pytest.raises(NoneAnswered, match="HTTP 307"):
            router(server).chat(asks())
    assert other.bodies == []


def test_many_threads_share_a_router():
    with openai_servers("first", "second") as servers:
        routes = router(*servers, cache={"backend": "none"})
        found = []
        threads = [threading.Thread(target=lambda: found.append(routes.chat(asks()).model)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert len(found) == 20 and routes.shown()["total_requests"] == 20


def test_figures_count_a_failed_request_once():
    with openai_servers(500, 500) as servers:
        routes = router(*servers)
        with pytest.raises(NoneAnswered):
            routes.chat(asks())
    told = routes.shown()
    assert (told["total_requests"], told["errors_count"]) == (1, 1)
