"""Says which limit no model can meet: one alone, or the smallest number of them together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import combinations
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.router.catalogue import Model
from dspy_programs.router.errors import NoModelFits
from dspy_programs.router.needs import Needs


class _Limit(NamedTuple):
    """name: as the sender wrote it; nearest: the model that comes closest, in words."""

    name: str
    met: Sequence[bool]
    nearest: str


def why_none_fits(models: Sequence[Model], latencies: Sequence[float], needs: Needs) -> NoModelFits:
    """Return the error of a request that no model fits."""
    limits = list(_limits(models, latencies, needs))
    for size in range(1, len(limits) + 1):
        for some in combinations(limits, size):
            if not any(all(met) for met in zip(*(limit.met for limit in some), strict=True)):
                return NoModelFits(_line(some))
    return NoModelFits("no model met these limits a moment ago; one does now, so try again")


def _line(limits: Sequence[_Limit]) -> str:
    if len(limits) == 1:
        return f"{limits[0].name}: no model can; {limits[0].nearest}"
    return f"{' with '.join(limit.name for limit in limits)}: each is possible, not all in one model; give up one of them"


def _limits(models: Sequence[Model], latencies: Sequence[float], needs: Needs) -> Iterable[_Limit]:
    if needs.preferred:
        yield _Limit(f"preferred_models {', '.join(needs.preferred)}", [one.id in needs.preferred for one in models], "")
    if (most := needs.max_latency_ms) is not None:
        ms, fastest = min(zip(latencies, (one.id for one in models), strict=True))
        nearest = f"the fastest, {fastest}, takes {ms:.0f} ms"
        yield _Limit(f"max_latency_ms {most:g}", [one <= most for one in latencies], nearest)
    if (dearest := needs.max_cost_per_1k) is not None:
        prices = [(one.prompt_usd_per_1k + one.completion_usd_per_1k) / 2 for one in models]
        price, cheapest = min(zip(prices, (one.id for one in models), strict=True))
        yield _Limit(
            f"max_cost_per_1k {dearest:g}",
            [one <= dearest for one in prices],
            f"the cheapest, {cheapest}, costs {price:.6f} USD on average of prompt and answer",
        )
    largest = max(models, key=lambda one: one.context)
    yield _Limit(
        f"about {needs.tokens:,} tokens",
        [one.context >= needs.tokens for one in models],
        f"the largest context, {largest.id}'s, has {largest.context:,}; send a shorter prompt",
    )
    able: tuple[tuple[bool, str, Callable[[Model], bool]], ...] = (
        (needs.tools, "tools", lambda one: one.tools),
        (needs.images, "images", lambda one: one.images),
        (needs.region is not None, f"region {needs.region}", lambda one: needs.region in one.regions),
    )
    for asked, name, can in able:
        if asked:
            yield _Limit(name, [can(one) for one in models], "the catalogue says which can")


def not_known(name: str, known: Mapping[str, int]) -> UsageError:
    """Return the error of a model that is not in the catalogue."""
    near = get_close_matches(name, known, 3, 0.5) or sorted(known)[:3]
    return UsageError(f"{name[:200]!r} is not in the catalogue; it has, for example, {', '.join(near)}")
