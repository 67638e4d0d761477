"""Greedy selection within a budget: pick the best value per cost, where each pick makes the remaining items worth less.

Source     greedy choice, lazily evaluated: Minoux 1978.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator


def best_first(numbers: Iterable[int], value: Callable[[int], float], cost: Callable[[int], int], budget: int) -> Iterator[int]:
    """Yield the numbers worth most, best first, as long as the budget lasts; one that no longer fits is passed over.

    value: what a number is worth now, for its cost; it only falls as others are chosen, and 0 is never chosen. The caller
    notes what it was given before it asks for the next.
    """
    heap = [(-value(number), number) for number in numbers]
    heapq.heapify(heap)
    while heap and budget > 0:
        number = heapq.heappop(heap)[1]
        now = -value(number)
        if heap and now > heap[0][0]:
            if now < 0:
                heapq.heappush(heap, (now, number))
        elif now < 0 and cost(number) <= budget:
            budget -= cost(number)
            yield number
