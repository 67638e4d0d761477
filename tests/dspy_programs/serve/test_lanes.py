"""Places of work: the keys get them in turn, and no number of requests of one shuts another out."""

import asyncio
import time

import pytest

from dspy_programs.serve.lanes import Lane
from dspy_programs.serve.problems import Busy


async def wait_in(lane, *keys, seconds=60.0):
    """Return one task for each key that waits for a place; they wait when this returns."""
    tasks = [asyncio.ensure_future(lane.take(key, time.monotonic() + seconds)) for key in keys]
    await asyncio.sleep(0)
    return tasks


async def served(lane, key, tasks):
    """Give a key's place back; return the numbers of the tasks that have one."""
    lane.give_back(key)
    await asyncio.sleep(0.01)
    return [number for number, task in enumerate(tasks) if task.done()]


def test_keys_get_places_in_turn():
    async def turns():
        lane, keys = Lane(1, most=20), ["ann", "ann", "ann", "bob", "eve", "bob"]
        await lane.take("ann", time.monotonic())
        tasks, order, at_work = await wait_in(lane, *keys), [], "ann"
        while len(order) < 6:
            order += [number for number in await served(lane, at_work, tasks) if number not in order]
            at_work = keys[order[-1]]
        return order, lane.waiting

    assert asyncio.run(turns()) == ([3, 4, 0, 5, 1, 2], 0)


def test_place_goes_to_the_key_that_holds_fewest():
    async def turns():
        lane = Lane(2, most=20)
        for _ in range(2):
            await lane.take("ann", time.monotonic())
        return await served(lane, "ann", await wait_in(lane, "ann", "ann", "bob"))

    assert asyncio.run(turns()) == [2]


def test_key_with_most_gives_up_its_last_for_another():
    async def crowd():
        lane = Lane(1, most=4)
        await lane.take("ann", time.monotonic())
        ann = await wait_in(lane, "ann", "ann", "ann", "bob")
        bob = await wait_in(lane, "bob", "bob", "ann", "eve")
        await asyncio.sleep(0.01)
        outcomes = [type(task.exception()) if task.done() else None for task in ann + bob]
        for task in ann + bob:
            task.cancel()
        await asyncio.wait(ann + bob)
        return outcomes, lane.waiting

    assert asyncio.run(crowd()) == ([None, Busy, Busy, None, None, Busy, Busy, None], 0)


@pytest.mark.parametrize("how", ["cancelled", "too late"])
def test_who_leaves_holds_no_place(how):
    async def leave():
        lane = Lane(1, most=9)
        await lane.take("ann", time.monotonic())
        leaving, staying = await wait_in(lane, "ann", seconds=0.02), await wait_in(lane, "bob")
        if how == "cancelled":
            leaving[0].cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        return await served(lane, "ann", staying), lane.waiting, lane._held

    assert asyncio.run(leave()) == ([0], 0, {"bob": 1})


def test_place_that_is_given_to_somebody_who_leaves_in_that_moment_goes_on():
    async def leave():
        lane = Lane(1, most=9)
        await lane.take("ann", time.monotonic())
        [leaving] = await wait_in(lane, "ann")
        lane.give_back("ann")
        leaving.cancel()
        await asyncio.wait([leaving])
        await lane.take("bob", time.monotonic() + 1)
        return lane._held

    assert asyncio.run(leave()) == {"bob": 1}
