"""Real processes share a tiny model, and one of them is stopped, killed or interrupted: the others get their answers."""

import sys
import time

import pytest

from tests.dspy_programs.lm.processes import Process, busy, wait_until
from tests.ggufs import babbler

pytest.importorskip("xllamacpp")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs Unix sockets")
LONG = {"text": "tell", "max_tokens": 6000}
SHORT = {"text": "tell", "max_tokens": 8}
SOON = 20.0  # seconds: up to nine until a process is known to be stopped, and some for a busy machine
IMPATIENT = "import dspy_programs.lm.embedded.sharing as sharing\nsharing.PATIENCE_SECONDS = 1.0\n"
"""Where a process is stopped for sure: a third of the time until it is known to be."""
FULL_DISK = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"


@pytest.fixture
def start(tmp_path, tmp_path_factory):
    """Starts processes of one user; none outlives the test."""
    (tmp_path / "tiny.gguf").write_bytes(babbler())
    runtime, started = tmp_path_factory.mktemp("r"), []

    def call(before: str = "") -> Process:
        cache = {"DSPY_PROGRAMS_CACHE": str(tmp_path / "cache")}
        started.append(Process(runtime, f"local/{tmp_path / 'tiny.gguf'}", before, **cache))
        return started[-1]

    yield call
    for process in started:
        process.kill()


def sharing(start, askers: int = 1, before: str = ""):
    """One process that has the model loaded, what it said, and others that ask it."""
    holder = start()
    said = holder.ask(**SHORT)
    others = [start(before) for _ in range(askers)]
    answers = [other.ask(**SHORT) for other in others]
    assert (said["kind"], {answer["kind"] for answer in answers}) == ("Server", {"LlamaServer"})
    assert {answer["text"] for answer in answers} == {said["text"]} and said["text"]
    return holder, said, others


def test_process_that_was_stopped_is_not_waited_for(start):
    holder, _, [asker] = sharing(start, before=IMPATIENT)
    holder.stop()
    begun = time.monotonic()
    assert asker.ask(**SHORT)["kind"] == "Server"
    assert time.monotonic() - begun < SOON
    assert "was stopped (by Ctrl-Z?); the model is loaded anew" in asker.said()


def test_process_that_is_stopped_in_the_middle_of_an_answer_is_not_waited_for(start):
    holder, said, [asker] = sharing(start, before=IMPATIENT)
    asker.send(**LONG)
    assert wait_until(lambda: busy(said))
    holder.stop()
    assert wait_until(lambda: "the model is loaded anew" in asker.said(), SOON)
    assert asker.read()["kind"] == "Server"


def test_new_process_finds_one_that_was_stopped_and_says_so(start):
    holder, _, [asker] = sharing(start)
    holder.stop()
    third = start(IMPATIENT)
    begun = time.monotonic()
    assert third.ask(**SHORT)["kind"] == "Server"
    assert time.monotonic() - begun < 2 * SOON, "it also has to start"
    assert "was stopped (by Ctrl-Z?); the model is loaded anew" in third.said()
    assert asker.ask(**SHORT)["kind"] == "LlamaServer", "and the other one finds it"


def test_two_processes_whose_model_is_killed_in_the_middle_of_an_answer_both_get_theirs(start):
    holder, said, askers = sharing(start, askers=2)
    for asker in askers:
        asker.send(**LONG)
    assert wait_until(lambda: busy(said))
    holder.kill()
    answers = [asker.read() for asker in askers]
    assert sorted(answer["kind"] for answer in answers) == ["LlamaServer", "Server"], "one loads, the other asks it"
    assert len({answer["text"] for answer in answers}) == 1
    assert len(answers[0]["text"]) >= 500  # where the small model only repeats itself, it is cut off


def test_interrupted_process_ends_and_who_waited_for_it_gets_an_answer(start):
    holder, said, [asker] = sharing(start)
    asker.send(**LONG)
    assert wait_until(lambda: busy(said))
    holder.interrupt()
    assert asker.read()["kind"] == "Server"
    holder.process.join(30)
    assert holder.process.exitcode


def test_client_that_is_killed_in_the_middle_of_an_answer_holds_up_nobody(start):
    holder, said, [asker] = sharing(start)
    asker.send(**LONG)
    assert wait_until(lambda: busy(said))
    asker.kill()
    assert wait_until(lambda: not busy(said), 15)
    assert holder.ask(**SHORT)["kind"] == "Server"


def test_client_that_was_stopped_for_long_goes_on(start):
    _, said, [asker] = sharing(start)
    asker.send(**LONG)
    assert wait_until(lambda: busy(said))
    asker.stop()
    time.sleep(7)
    asker.go_on()
    assert asker.read()["kind"] == "LlamaServer" and not asker.said()


def test_each_loads_its_own_on_a_full_disk(start):
    assert [start(FULL_DISK).ask(**SHORT)["kind"] for _ in range(2)] == ["Server", "Server"]
