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


async def served(lane, tasks):
    """Give one place back; return the numbers of the tasks that have one."""
    lane.give_back()
    await asyncio.sleep(0.01)
    return [number for number, task in enumerate(tasks) if task.done()]


def test_keys_get_places_in_turn():
    async def turns():
        lane = Lane(1, most=20)
        await lane.take("ann", time.monotonic())
        tasks = await wait_in(lane, "ann", "ann", "ann", "bob", "eve", "bob")
        order = []
        while len(order) < 6:
            order += [number for number in await served(lane, tasks) if number not in order]
        return order, lane.waiting

    assert asyncio.run(turns()) == ([0, 3, 4, 1, 5, 2], 0)


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
        await asyncio.wait(leaving)
        return await served(lane, staying), lane.waiting, lane._free

    assert asyncio.run(leave()) == ([0], 0, 0)


def test_place_that_is_given_to_somebody_who_leaves_in_that_moment_goes_on():
    async def leave():
        lane = Lane(1, most=9)
        await lane.take("ann", time.monotonic())
        [leaving] = await wait_in(lane, "ann")
        lane.give_back()
        leaving.cancel()
        await asyncio.wait([leaving])
        await lane.take("bob", time.monotonic() + 1)
        return lane._free

    assert asyncio.run(leave()) == 0
