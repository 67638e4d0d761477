"""python -m tests.router_simulation [--runs N]: what learning is worth where latencies and qualities shift.

Three models answer one program, 4,000 requests, each 1 second of a simulated clock apart. What they really are changes three
times: a cheap model becomes good, the fast one slow, then all is as before. An answer's worth is the score that the catalogue's
own formula would give to what really happened: 0.3 x quality + 0.4 x (1 - latency / 2 s) + 0.3 x (1 - price / the dearest). A
failed answer is worth 0. What a choice is worth on average is known, so regret has no noise of its own but the router's.

Routers    static: learns nothing. learned: latencies and failures, and the score of every tenth answer (a judge). exploring:
           also Thompson sampling. Regret is what the choices lost against the best one at each moment (dynamic), and against
           the best single model over the whole time (fixed; negative: better than it). Mean of `--runs` seeds, with 95 %
           intervals over them.
"""

import argparse
import random
from statistics import mean, stdev
from typing import NamedTuple

from dspy_programs.router import Needs
from tests.router_support import entry, router

REQUESTS = 4_000
PROGRAM = "simulated"
_DEAREST, _SLOWEST = 0.03, 2000.0  # USD per 1,000 tokens, milliseconds


class Truth(NamedTuple):
    quality: float
    ms: float
    works: float = 1.0


ENTRIES = [
    entry(0, latency_ms=400, quality=0.70, prompt_usd_per_1k=0.0005, completion_usd_per_1k=0.0015, context=10**6),
    entry(1, latency_ms=700, quality=0.80, prompt_usd_per_1k=0.002, completion_usd_per_1k=0.008, context=10**6),
    entry(2, latency_ms=1200, quality=0.95, prompt_usd_per_1k=0.005, completion_usd_per_1k=0.025, context=10**6),
]
PHASES = [
    [Truth(0.70, 400), Truth(0.80, 700), Truth(0.95, 1200)],
    [Truth(0.30, 1900), Truth(0.85, 500), Truth(0.95, 1200)],  # the first is slow and bad
    [Truth(0.75, 400, 0.3), Truth(0.40, 1500), Truth(0.98, 300)],  # it is back, and fails; the third is fast
    [Truth(0.70, 400), Truth(0.80, 700), Truth(0.95, 1200)],
]


def worth(truth: Truth, place: int) -> float:
    """Return what an answer of a model is worth on average."""
    price = ENTRIES[place]["prompt_usd_per_1k"] + ENTRIES[place]["completion_usd_per_1k"]
    return truth.works * (0.3 * truth.quality + 0.4 * (1 - truth.ms / _SLOWEST) + 0.3 * (1 - price / _DEAREST))


def truths(number: int) -> list[Truth]:
    return PHASES[number * len(PHASES) // REQUESTS]


BEST_FIXED = max(range(3), key=lambda place: sum(worth(truths(number)[place], place) for number in range(REQUESTS)))


def regrets(kind: str, seed: int) -> tuple[float, float]:
    """Return the mean regret of a request against the best choice of each moment, and against the best fixed one."""
    rng, now = random.Random(seed), [0.0]
    learning = {"latencies": kind != "static", "exploration": kind == "exploring", "floor": 0.2, "window_seconds": 300}
    routes = router(entries=ENTRIES, learning=learning, clock=lambda: now[0], rng=random.Random(seed + 1))
    lost = fixed = 0.0
    for number in range(REQUESTS):
        now[0] += 1.0
        real = truths(number)
        place = routes.decide(Needs(program=PROGRAM)).best
        routes.observed.admit(place)
        worths = [worth(each, at) for at, each in enumerate(real)]
        lost += max(worths) - worths[place]
        fixed += worths[BEST_FIXED] - worths[place]
        if kind == "static":
            continue
        if rng.random() > real[place].works:
            routes.observed.failed(place)
            continue
        routes.observed.worked(place, real[place].ms * rng.lognormvariate(0, 0.3))
        if number % 10 == 0:
            score = min(1.0, max(0.0, rng.gauss(real[place].quality, 0.2)))
            routes.learn(PROGRAM, ENTRIES[place]["id"], score)
    return lost / REQUESTS, fixed / REQUESTS


def summary(values: list[float]) -> str:
    half = 1.96 * stdev(values) / len(values) ** 0.5
    return f"{mean(values):+.4f} ({mean(values) - half:+.4f} to {mean(values) + half:+.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    perfect = mean(max(worth(each, at) for at, each in enumerate(truths(number))) for number in range(REQUESTS))
    print(
        f"the best choice of each moment is worth {perfect:.4f} a request; the best fixed model is {ENTRIES[BEST_FIXED]['id']}"
    )
    for kind in ("static", "learned", "exploring"):
        both = [regrets(kind, seed) for seed in range(runs)]
        print(
            f"{kind:10} regret {summary([one for one, _ in both])}; against the best fixed {summary([two for _, two in both])}"
        )


if __name__ == "__main__":
    main()
