"""The day's money: what begins is booked, at the same time and over midnight, also where an answer does not come."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.errors import BudgetSpent
from dspy_programs.router import Needs, NoneAnswered, needs_of
from dspy_programs.router.money import Money
from tests.openai_server import OpenAIServer, completion, openai_servers
from tests.raw_server import raw_server
from tests.router_support import asks, entry, router

PRICE = 0.001 * 0.001 * 10 + 0.002 * 0.001 * 5  # USD of a scripted answer: 10 tokens in, 5 out


def test_64_calls_at_once_never_overspend():
    most, spent, lock = 0.005, [0.0], threading.Lock()

    def reply(body):
        with lock:
            spent[0] += PRICE
        return completion("hi")

    with openai_servers(reply) as [server]:
        routes = router(server, budget={"usd_per_day": most}, cache={"backend": "none"})
        seen = []

        def ask(number):
            try:
                routes.chat(asks(str(number)), Needs(prompt=10, answer=1000))
            except BudgetSpent:
                return 0
            seen.append(routes.money.spent)
            return 1

        with ThreadPoolExecutor(64) as pool:
            answered = sum(pool.map(ask, range(64)))
    assert 0 < answered == len(server.bodies) and spent[0] == pytest.approx(answered * PRICE)
    assert max(seen) <= most and routes.money.spent == pytest.approx(answered * PRICE)


def test_each_of_n_answers_is_booked():
    assert needs_of(asks(n=5, max_tokens=100)).choices == 5
    with openai_servers("hi") as [server]:
        routes = router(server, budget={"usd_per_day": 0.003}, cache={"backend": "none"})
        routes.chat(asks(max_tokens=1000))
        with pytest.raises(BudgetSpent):
            routes.chat(asks(max_tokens=1000, n=5))


@pytest.mark.parametrize("n", [10**400, -1, "5", True, None])
def test_n_that_is_none_breaks_nothing(n):
    with openai_servers("hi") as [server]:
        router(server).chat(asks(n=n))
    assert len(server.bodies) == 1


def test_answer_that_came_too_late_may_have_to_be_paid():
    with OpenAIServer("late", seconds=0.5) as slow:
        routes = router(slow, fallback={"timeout_seconds": 0.05})
        with pytest.raises(NoneAnswered):
            routes.chat(asks(), Needs(prompt=0, answer=1000))
    assert routes.money.spent == pytest.approx(0.002)


def test_request_that_did_not_arrive_costs_nothing():
    with raw_server(b"") as base:
        pass
    routes = router(entries=[entry(0, api_base=base)])
    with pytest.raises(NoneAnswered):
        routes.chat(asks())
    assert routes.money.spent == 0


def test_what_was_booked_yesterday_takes_nothing_from_today():
    now = [86_400.0 - 1]
    money = Money(1.0, lambda: now[0])
    yesterday = money.book(0.9)
    now[0] += 2
    assert money.spent == 0 and money.book(0.5) is not None
    money.correct(yesterday, 0.1)
    assert money.spent == 0.5 and money.book(0.6) is None
