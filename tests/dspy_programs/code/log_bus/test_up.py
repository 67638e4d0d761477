"""`code up` and `code watch` as processes: killed, interrupted, two at once, a full disk, standard input."""

import json
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code.log_bus import Bus, opened_storage
from tests.processes import OUT, Started

LIMIT = 60


class Ups:
    def __init__(self, folder):
        self.folder, self.log, self.db = folder, folder / "logs" / "app.log", folder / "e.sqlite"
        self.log.parent.mkdir()
        self.written = 0

    def start(self, name, *arguments):
        (self.folder / name).mkdir(exist_ok=True)
        command = ["code", "up", str(self.log), "--db", str(self.db), "--status-port", "0", "-n", "0.05", *arguments]
        return Started(main, command, self.folder / name)

    def write(self, count):
        with self.log.open("a") as file:
            for _ in range(count):
                self.written += 1
                file.write(f"ERROR job {self.written} failed\n  at step {self.written}\n")

    @property
    def counted(self):
        if not self.db.exists():
            return 0
        bus = Bus(opened_storage(self.db))
        try:
            return sum(one.counts.get("error", 0) for one in bus.containers())
        finally:
            bus.storage.close()

    def until(self, count):
        end = time.monotonic() + LIMIT
        while self.counted < count and time.monotonic() < end:
            time.sleep(0.05)
        return self.counted


@pytest.fixture
def ups(tmp_path):
    return Ups(tmp_path)


def test_nothing_is_counted_twice_or_lost_however_often_it_is_killed(ups):
    for turn in range(4):
        ups.write(8_000)
        process = ups.start("one")
        ups.until(ups.written - 8_000 + 1)  # it has begun to keep the new ones
        time.sleep(0.01 * turn)
        process.kill()
        process.process.join()
    _, err = ups.start("one", "--once").communicate(LIMIT)
    assert ups.counted == ups.written == 32_000, err


def test_two_on_one_store_and_one_log_count_each_line_once(ups):
    both = [ups.start(name) for name in ("one", "two")]
    for _ in range(10):
        ups.write(500)
        time.sleep(0.05)
    ups.until(ups.written - 1)  # the last one may go on
    for process in both:
        process.send_signal(signal.SIGTERM)
    told = [process.communicate(LIMIT) for process in both]
    assert [process.returncode for process in both] == [130, 130], told
    ups.start("one", "--once").communicate(LIMIT)
    assert ups.counted == ups.written == 5_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_it_says_what_is_kept(ups, number):
    ups.write(3)
    process = ups.start("one")
    assert ups.until(2) == 2
    process.send_signal(number)
    _, err = process.communicate(LIMIT)
    assert process.returncode == 130 and "Traceback" not in err
    assert err.splitlines()[-1].startswith(("2 new events kept in ", "3 new events kept in "))
    assert err.endswith("the same command goes on where it ended\n")
    bus = Bus(opened_storage(ups.db))
    assert bus.storage.get("up")["runs"] is False


def test_a_full_store_is_said(ups):
    with ups.log.open("w") as file:
        file.writelines(f"ERROR {chr(0x4E00 + number)}\n" for number in range(500))
    _, err = ups.start("one", "--once", "--keep-events", "100").communicate(LIMIT)
    assert err.splitlines() == [
        f"{ups.db} is full: from now on the oldest events make room",
        f"500 new events kept in {ups.db}; {500 - kept_in(ups.db)} dropped to make room",
    ]


def kept_in(db):
    (stream,) = opened_storage(db).streams()
    assert stream.entries <= 100
    return stream.entries


def test_a_port_in_use_is_one_line(ups):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = ups.start("one", "--status-port", str(port))
        _, err = process.communicate(LIMIT)
    assert process.returncode == 2
    assert err.startswith(f"error: --status-port {port}: 127.0.0.1:{port} is not available (Address already in use")
    assert err.endswith("; choose another\n") and err.count("\n") == 1


def test_another_host_needs_a_key(ups):
    process = ups.start("one", "--status-host", "0.0.0.0", "--status-port", "18999")
    _, err = process.communicate(LIMIT)
    assert process.returncode == 2 and "others could reach this server" in err and err.count("\n") == 1
    assert err.startswith("error: --status-host 0.0.0.0: ") and not ups.db.exists()


def test_watch_shows_events_whole_and_later_ones_of_a_kind_in_a_line(ups):
    ups.log.write_text("ERROR old 1\n" * 50)
    (ups.folder / "watch").mkdir()
    process = Started(main, ["code", "watch", str(ups.log), "-n", "0.05", "-t", "2"], ups.folder / "watch")
    shown = ups.folder / "watch" / OUT
    until(lambda: "ERROR old" in shown.read_text())
    with ups.log.open("a") as file:
        file.write("ERROR old 7\nWARNING token=hunter2hunter2 is old\n")
    until(lambda: "WARNING" in shown.read_text())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(LIMIT)
    first, text, *again, last, warned = out.splitlines()
    assert first.endswith("app.log:49") and text == "    ERROR old 1"
    assert again and all(re.fullmatch(r"error  [12] more, [23] times  .*app.log:5[01]  ERROR old [17]", line) for line in again)
    assert last.startswith("warning  1 time") and warned == "    WARNING token=[secret] is old"
    assert process.returncode == 130 and err.endswith("4 events of 2 kinds\n")


def until(is_so):
    end = time.monotonic() + LIMIT
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    assert is_so()


@pytest.mark.parametrize("interval", ["inf", "nan", "1e9"])
def test_an_interval_that_never_ends_is_refused(tmp_path, monkeypatch, capsys, interval):
    monkeypatch.chdir(tmp_path)
    assert main(["code", "up", "app.log", "--db", "x.sqlite", "--interval", interval]) == 2
    assert "--interval" in capsys.readouterr().err and not (tmp_path / "x.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["watch"], "there is no folder logs here; name log files, folders, containers, or - for stdin"),
        (["up", "no/such/app.log"], "there is no folder no/such"),
        (["last", "--db", "none.sqlite"], "not there; `dspy-programs code up --db none.sqlite` makes it"),
        (["status", "--db", "app.txt"], "file is not a database"),
        (["last", "--what", "plan"], "a log has no plan"),
        (["up", "app.txt", "--status-port", "0", "--db", "no.txt/e.sqlite"], "the events cannot be read or written"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.txt").write_text("INFO this is no database, as everybody can see\n" * 100)
    (tmp_path / "no.txt").write_text("")
    assert main(["code", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1, told


def test_last_and_status_show_what_is_kept(ups, capsys):
    ups.write(2)
    with ups.log.open("a") as file:
        file.write("WARNING disk is nearly full\n")
    assert main(["code", "up", str(ups.log), "--db", str(ups.db), "--once"]) == 0
    capsys.readouterr()
    assert main(["code", "last", "--db", str(ups.db)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"error  2 times  {ups.log}:1",
        "    ERROR job 1 failed",
        "      at step 1",
        f"warning  1 time  {ups.log}:5",
        "    WARNING disk is nearly full",
    ]
    for arguments, lines in (
        (["last", "--what", "warnings"], 2),
        (["last", "--what", "errors", "-c", "app"], 3),
        (["last", "--match", "disk full"], 2),
        (["last", "--what", "summary"], 1),
        (["last", "--what", "summary", "--match", "disk full"], 1),
        (["status"], 1),
    ):
        assert main(["code", *arguments, "--db", str(ups.db)]) == 0
        assert len(capsys.readouterr().out.splitlines()) == lines, arguments
    summary = ["code", "last", "--what", "summary", "--db", str(ups.db)]
    assert main([*summary, "--match", "disk full"]) == 0
    assert capsys.readouterr().out == "disk full: 1 warning; the worst: WARNING disk is nearly full\n"
    assert main([*summary, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"app": "2 error, 1 warning; the worst: ERROR job 1 failed"}
    assert main([*summary, "--json", "--match", "disk full"]) == 0
    assert json.loads(capsys.readouterr().out) == "1 warning; the worst: WARNING disk is nearly full"
    assert main([*summary, "--match", "zebra"]) == 1
    assert main(["code", "last", "--match", "zebra", "--db", str(ups.db)]) == 1
    assert main(["code", "last", "-c", "web", "--db", str(ups.db)]) == 2
    assert "known: app" in capsys.readouterr().err


def test_standard_input_is_followed_to_its_end(tmp_path):
    command = [sys.executable, "-m", "dspy_programs", "code", "watch", "-", "-n", "0.05"]
    done = subprocess.run(command, input="INFO\nERROR no disk\n", capture_output=True, text=True, timeout=LIMIT, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "error  1 time  stdin:2\n    ERROR no disk\n"
    assert done.stderr.endswith("1 event of 1 kind\n")


WITHOUT = """
import sys
for name in ("uvicorn", "mcp", "confluent_kafka"):
    sys.modules[name] = None
from dspy_programs.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["up", "-", "--db", "none"], 0, 'events are kept in memory; no status page: pip install "dspy-programs[serve]"'),
        (["up", "-", "--db", "none", "--kafka", "127.0.0.1:9"], 2, 'pip install "dspy-programs[kafka]"'),
        (["worker", "--topic", "app"], 2, 'error: Kafka needs an extra: pip install "dspy-programs[kafka]"'),
    ],
)
def test_without_an_extra_it_says_what_to_install(tmp_path, arguments, code, said):
    command = [sys.executable, "-c", WITHOUT, "code", *arguments]
    done = subprocess.run(command, input="ERROR no disk\n", capture_output=True, text=True, timeout=LIMIT, cwd=tmp_path)
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr, done.stderr
