"""Work that runs in threads: it ends in time, stops when told, and never holds more places than there are."""

import asyncio
import threading
import time

import dspy
import pytest

from dspy_programs.errors import LanguageModelError, UsageError
from dspy_programs.lm import connect
from dspy_programs.lm.cached import AnswerCache, cached
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.operations import OPERATIONS
from dspy_programs.serve.problems import Busy, ServeError, TooSlow, Unavailable, Unusable
from dspy_programs.serve.spending import Spending
from dspy_programs.serve.typed_requests import request_from
from dspy_programs.serve.worker_pool import Stopped, Work, WorkerPool
from tests.fakes import ChatServer, scripted_lm
from tests.servers import Slow


def run(coroutine):
    return asyncio.run(coroutine)


def test_result_comes_back():
    assert run(WorkerPool(Limits()).run(lambda progress: 41 + 1)) == 42


def test_too_slow_work_is_stopped():
    slow = Slow()
    began = time.monotonic()
    with pytest.raises(TooSlow, match=r"0\.3 s"):
        run(WorkerPool(Limits(seconds=0.3)).run(lambda progress: slow(None, progress)))
    assert time.monotonic() - began < 2
    assert slow.stays_still()


def test_cancelled_work_is_stopped():
    slow = Slow()

    async def cancel():
        task = asyncio.create_task(WorkerPool(Limits()).run(lambda progress: slow(None, progress)))
        while slow.calls < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())
    assert slow.stays_still()


@pytest.mark.parametrize(
    ("name", "limits"), [("compress_memory", {"token_budget": 300}), ("build_context", {"max_tokens": 300})]
)
def test_work_on_a_memory_is_stopped_in_the_middle(name, limits):
    said = [{"role": "user", "content": f"Order A{n} goes to {n} Hill Road, and it costs {n}.50 EUR."} for n in range(300)]
    asked = 0

    def progress(done, total):
        nonlocal asked
        asked += 1
        if asked == 200:
            raise Stopped

    with pytest.raises(Stopped):
        OPERATIONS[name].call(request_from(OPERATIONS[name], {"messages": said, **limits}), progress)


def test_asking_whether_to_go_on_is_no_news():
    work = Work(ends=0, meter=Spending(Limits()).begin("default", 0))
    work.progress(3, 7)
    work.progress(0, 0)
    assert work.at == (3, 7)
    work.stop()
    with pytest.raises(Stopped):
        work.progress(0, 0)


def test_progress_is_heard():
    on_progress = []

    async def listen(done, total):
        on_progress.append((done, total))

    run(WorkerPool(Limits()).run(lambda progress: Slow(30)(None, progress), listen))
    assert on_progress and on_progress == sorted(on_progress) and all(total == 30 for _, total in on_progress)


def test_no_more_run_at_once_than_there_are_places():
    lock, now, most = threading.Lock(), 0, 0

    def call(progress):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.03)
        with lock:
            now -= 1
        return True

    async def many():
        worker_pool = WorkerPool(Limits(at_once=3, waiting=40))
        return await asyncio.gather(*(worker_pool.run(call) for _ in range(20)))

    assert all(run(many()))
    assert most == 3


def test_a_full_line_turns_away():
    async def many():
        worker_pool = WorkerPool(Limits(at_once=1, waiting=2))
        results = await asyncio.gather(
            *(worker_pool.run(lambda progress: time.sleep(0.05)) for _ in range(6)), return_exceptions=True
        )
        return [type(result) for result in results]

    kinds = run(many())
    assert kinds.count(Busy) == 3 and kinds.count(type(None)) == 3


def test_a_place_is_free_only_when_its_thread_has_ended():
    """Work that cannot be stopped keeps its place; the next one waits, and is told so in time."""
    release = threading.Event()

    async def stuck():
        worker_pool = WorkerPool(Limits(at_once=1, seconds=0.2))
        with pytest.raises(TooSlow):
            await worker_pool.run(lambda progress: release.wait(5))
        with pytest.raises(Unavailable, match="no worker was free"):
            await worker_pool.run(lambda progress: True)
        release.set()
        await asyncio.sleep(0.1)
        return await worker_pool.run(lambda progress: True)

    assert run(stuck())


def test_closing_stops_work_and_takes_no_more():
    slow = Slow()

    async def close():
        worker_pool = WorkerPool(Limits())
        task = asyncio.create_task(worker_pool.run(lambda progress: slow(None, progress)))
        while slow.calls < 3:
            await asyncio.sleep(0.01)
        worker_pool.close()
        with pytest.raises(Unavailable, match="shutting down"):
            await task
        with pytest.raises(Unavailable, match="shutting down"):
            await worker_pool.run(lambda progress: True)
        await worker_pool.ended()

    run(close())
    assert slow.stays_still()


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (UsageError("turns: no such format"), Unusable, "turns: no such format"),
        (LanguageModelError("no answer"), Unavailable, "the language model does not answer: no answer"),
        (ZeroDivisionError("secret-4711"), ServeError, "internal error"),
    ],
)
def test_what_a_call_raises(raised, kind, said, caplog):
    def call(progress):
        raise raised

    with pytest.raises(ServeError) as caught:
        run(WorkerPool(Limits()).run(call))
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert "secret-4711" not in str(caught.value) + caplog.text


def test_an_internal_error_can_be_found_in_the_log(caplog):
    def call(progress):
        raise ZeroDivisionError("secret-4711")

    with pytest.raises(ServeError) as caught:
        run(WorkerPool(Limits()).run(call))
    assert caught.value.id and caught.value.id in caplog.text
    assert "ZeroDivisionError" in caplog.text and "test_worker_pool.py" in caplog.text


def test_every_thread_has_the_servers_model_and_no_other():
    models = []

    def call(progress):
        models.append(dspy.settings.lm)
        time.sleep(0.05)

    async def both():
        with_model, without = WorkerPool(Limits(), scripted_lm(str)), WorkerPool(Limits())
        with dspy.context(lm=scripted_lm(str, name="scripted/other")):
            await asyncio.gather(with_model.run(call), without.run(call), with_model.run(call))

    run(both())
    assert [getattr(model, "model", None) for model in models].count("scripted/planner") == 2
    assert models.count(None) == 1


@pytest.mark.parametrize("status", [200, 429, 500], ids=["hangs", "is busy", "fails"])
@pytest.mark.parametrize("keep", [False, True], ids=["asked", "cached"])
def test_dead_model_gives_its_place_back_when_the_time_is_over(status, keep, tmp_path):
    """Retries of a model that fails at once would go on for half a minute, and hold the place."""

    async def ask(worker_pool):
        with pytest.raises(ServeError):
            await worker_pool.run(lambda progress: dspy.settings.lm("hello"))
        await worker_pool.ended()
        return worker_pool.running

    with ChatServer(status=status, seconds=2 if status == 200 else 0) as server:
        lm = connect("openai/x", api_base=server.url, api_key="k", timeout=60)
        lm = cached(lm, AnswerCache(tmp_path / "answers.sqlite")) if keep else lm
        began = time.monotonic()
        assert asyncio.run(ask(WorkerPool(Limits(seconds=0.4, seconds_to_stop=20), lm))) == 0
        assert time.monotonic() - began < 1.5
        assert status != 200 or len(server.requests) == 1
