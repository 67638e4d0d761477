"""A container's log by its engine: here a script that speaks as `docker logs` does."""

import os
import sys
import threading
import time

import pytest

from dspy_programs.code.log_bus import Bus, follow, keep, opened_storage
from dspy_programs.code.log_bus.sources import Sources
from dspy_programs.errors import UsageError

ENGINE = """#!{python}
import sys
arguments = sys.argv[1:]
assert arguments[0] == "logs" and "--timestamps" in arguments, arguments
if arguments[-1] == "gone":
    sys.exit("Error: No such container: gone")
since = arguments[arguments.index("--since") + 1] if "--since" in arguments else ""
lines = open({log!r}).read().splitlines()
if "--tail" in arguments:
    lines = lines[-int(arguments[arguments.index("--tail") + 1]):]
for number, line in enumerate(lines):
    if line.split(" ")[0] >= since:
        print(line, file=sys.stdout, flush=True)
if "--follow" in arguments:
    import time
    time.sleep({seconds})
"""


class Engine:
    def __init__(self, folder, seconds=0):
        self.path, self.log = folder / "docker", folder / "container.txt"
        self.path.write_text(ENGINE.format(python=sys.executable, log=str(self.log), seconds=seconds))
        self.path.chmod(0o755)
        self.log.write_text("")

    def say(self, *lines):
        with self.log.open("a") as file:
            file.writelines(f"2026-01-01T00:00:{second:02}.5Z {text}\n" for second, text in lines)


def test_a_container_that_is_not_there_is_said_with_once_too(tmp_path):
    sources = Sources(once=True)
    sources.add_container("gone", str(Engine(tmp_path).path))
    notes = [note for each in follow(None, sources, once=True, interval=0.01) for note in each.notes]
    assert len(notes) == 1 and notes[0].startswith("gone: no such file, and docker does not show a log of it")


def found_in(bus, engine, container="web", last_lines=None):
    sources = Sources(once=True, last_lines=last_lines)
    sources.add_container(container, str(engine.path))
    found = [event.lines for each in follow(bus, sources, once=True, interval=0.01) for _, event in each.events]
    return found


@pytest.fixture
def bus(tmp_path):
    return Bus(opened_storage(tmp_path / "e.sqlite"))


def test_a_log_goes_on_after_the_last_line_that_was_read(tmp_path, bus):
    engine = Engine(tmp_path)
    engine.say((1, "INFO up"), (2, "ERROR 1"), (2, "ERROR 2"))
    assert found_in(bus, engine) == [["ERROR 1"], ["ERROR 2"]]
    assert found_in(bus, engine) == []
    engine.say((2, "ERROR 3"), (3, "ERROR 4"), (3, "Traceback (most recent call last):"), (3, '  File "a.py", line 1, in f'))
    engine.say((3, "KeyError: 1"))
    assert found_in(bus, engine)[:2] == [["ERROR 3"], ["ERROR 4", *TRACE]]
    assert {kind.count for kind in bus.kinds("web")} == {1, 3}


TRACE = ["Traceback (most recent call last):", '  File "a.py", line 1, in f', "KeyError: 1"]


def test_only_the_last_lines_are_read_if_so_asked(tmp_path):
    engine = Engine(tmp_path)
    engine.say(*((number, f"ERROR {number}") for number in range(9)))
    assert found_in(None, engine, last_lines=2) == [["ERROR 7"], ["ERROR 8"]]


def test_what_the_engine_says_is_a_note_and_no_event(tmp_path):
    engine = Engine(tmp_path)
    sources = Sources()
    sources.add_container("gone", str(engine.path))
    (web,) = sources.now()
    until = time.monotonic() + 20
    while not web.notes and time.monotonic() < until:
        assert web.read(1_000) == []
        time.sleep(0.02)
    assert web.notes == ["gone: docker shows no more of its log: Error: No such container: gone; asked again every 5 s"]


def test_an_engine_that_runs_is_ended(tmp_path):
    engine = Engine(tmp_path, seconds=300)
    engine.say((1, "ERROR 1"), (2, "INFO"))
    sources = Sources()
    sources.add_container("web", str(engine.path))
    (web,) = sources.now()
    found, until = [], time.monotonic() + 20
    while not found and time.monotonic() < until:
        found += web.read(1_000)
        time.sleep(0.02)
    process = web._process
    assert os.getsid(process.pid) == process.pid  # Ctrl-C does not reach it
    sources.close()
    assert [event.lines for event in found] == [["ERROR 1"]] and process.returncode is not None


class Failing:
    """A log that cannot be read any more."""

    name = key = "failing"
    notes, size, position = (), 0, None

    def read(self, most):
        raise UsageError("the broker is gone")

    def close(self):
        pass


def test_an_engine_that_runs_is_ended_after_an_error_too(tmp_path, bus):
    sources = Sources()
    sources.add_container("web", str(Engine(tmp_path, seconds=300).path))
    (web,) = sources.now()
    web.read(1)
    process = web._process
    sources.add(Failing())
    with pytest.raises(UsageError, match="the broker is gone"):
        keep(bus, sources, threading.Event(), 0.01, once=False)
    assert process.poll() is not None


@pytest.mark.parametrize("name", ["--help", "a b", "", "-f", "web;rm", "x" * 200])
def test_a_name_that_could_be_an_option_is_refused(name):
    with pytest.raises(UsageError, match="no name of a container"):
        Sources().add_container(name, "docker")
