"""What a bus keeps: whole or not at all, once, within its bounds, without secrets."""

import json
import os
import sqlite3

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code.log_bus import Batch, Bus, follow, opened_storage, sources_of
from dspy_programs.code.log_bus.redaction import redacted_lines
from dspy_programs.code.log_bus.sqlite_storage import SqliteStorage
from dspy_programs.errors import UsageError
from dspy_programs.logs import Event


def error(text, number=1):
    return Event("app.log", number, 3, [text])


@pytest.fixture
def storage(tmp_path):
    return SqliteStorage(tmp_path / "events.sqlite")


def test_a_batch_whose_expectation_is_wrong_changes_nothing(storage):
    assert storage.write(Batch({"at": None}, {"at": [1]}, [("s", "one")], {"n": 1}))
    assert not storage.write(Batch({"at": None}, {"at": [2]}, [("s", "two")], {"n": 1}))
    assert storage.get("at") == [1] and storage.counts() == {"n": 1}
    assert [entry.value for entry in storage.read("s")] == ["one"]


def test_streams_are_read_from_an_offset_and_from_their_end(storage):
    storage.write(Batch(appends=[(stream, number) for number in range(5) for stream in ("a", "b")]))
    first, second, *_ = storage.read("a")
    assert (first.value, second.value) == (0, 1)
    assert [entry.value for entry in storage.read("a", after=second.offset, most=2)] == [2, 3]
    assert [entry.value for entry in storage.last("b", 2)] == [3, 4]
    assert storage.read("no such") == []


def test_the_store_is_bounded_and_the_quiet_log_keeps_what_it_has(tmp_path):
    storage = SqliteStorage(tmp_path / "e.sqlite", keep_entries=100, keep_bytes=10_000)
    storage.write(Batch(appends=[("quiet", "one fatal event")]))
    for number in range(50):
        storage.write(Batch(appends=[("loud", f"{number} " + "x" * 100)] * 20))
    kept = {stream.name: stream for stream in storage.streams()}
    assert kept["quiet"].entries == 1 and kept["quiet"].dropped == 0
    loud = kept["loud"]
    assert loud.entries + loud.dropped == loud.appended == 1_000 and loud.bytes <= 10_000
    rows = storage.database.rows
    assert rows("SELECT count(*), sum(length(value)) FROM entries WHERE stream = 2")[0][:] == (loud.entries, loud.bytes)
    assert storage.last("loud", 1)[0].value.startswith("49 ")
    assert [entry.stream for entry in storage.search("fatal event")] == ["quiet"] and not storage.search("0")


def test_the_file_stops_growing_when_the_store_is_full(tmp_path):
    storage, sizes = SqliteStorage(tmp_path / "e.sqlite", keep_bytes=500_000), []
    for _ in range(30):
        storage.write(Batch(appends=[("loud", os.urandom(500).hex()) for _ in range(200)]))
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert max(sizes[15:]) < 1.3 * max(sizes[5:15])


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    storage = SqliteStorage(tmp_path / "e.sqlite")
    bus = Bus(storage)
    assert bus.add("app", [error("ERROR 1")], 10, "position:app", None, [1])
    ((pages,),) = storage.database.rows("PRAGMA page_count")
    storage.database.rows(f"PRAGMA max_page_count={pages}")
    many = [error(f"ERROR of kind {chr(65 + n % 26)}{chr(65 + n // 26)} " + "long words " * 500) for n in range(400)]
    with pytest.raises(UsageError, match=r"e\.sqlite: the events cannot be read or written: .*full") as told:
        bus.add("app", many, 10, "position:app", [1], [2])
    assert "\n" not in str(told.value)
    assert bus.position("position:app") == [1] and [kind.count for kind in bus.kinds("app")] == [1]
    storage.database.rows("PRAGMA max_page_count=1000000")
    assert bus.add("app", many, 10, "position:app", [1], [2]) and bus.position("position:app") == [2]


def test_a_file_of_something_else_is_refused(tmp_path):
    sqlite3.connect(tmp_path / "x.sqlite").execute("CREATE TABLE mine (a)").connection.commit()
    with pytest.raises(UsageError, match="holds something else than events"):
        opened_storage(tmp_path / "x.sqlite")


def test_only_the_owner_can_read_what_is_kept(tmp_path):
    opened_storage(tmp_path / "e.sqlite")
    assert (tmp_path / "e.sqlite").stat().st_mode & 0o077 == 0


def test_a_storm_of_one_kind_is_one_entry_a_batch(storage):
    bus = Bus(storage)
    bus.add("app", (error(f"ERROR job {number} failed", number) for number in range(100_000)), 1)
    (kind,) = bus.kinds("app")
    assert kind.count == 100_000 and bus.containers()[0].entries == 1


def test_kinds_of_one_batch_are_bounded_and_the_rest_is_counted(storage):
    bus = Bus(storage)
    bus.add("app", (error(f"ERROR {chr(0x4E00 + number)}") for number in range(2_100)), 1)
    (told,) = bus.containers()
    assert told.counts == {"error": 2_000, "not kept": 100} and told.entries == 2_000


def test_a_clock_that_goes_backwards_changes_no_order_and_no_count(storage):
    bus = Bus(storage)
    bus.add("app", [error("2026-01-02T00:00:05 ERROR a 1")], 1)
    bus.add("app", [error("2026-01-01T00:00:01 ERROR a 2")], 1)
    (kind,) = bus.kinds("app")
    assert (kind.count, kind.first, kind.last) == (2, "2026-01-01T00:00:01", "2026-01-02T00:00:05")
    assert kind.lines == ["2026-01-02T00:00:05 ERROR a 1"]


SECRETS = [
    "ERROR login failed for password=hunter2x",
    "ERROR GET /cb?token=ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "ERROR Authorization: Bearer abcdefghijkl.1234567890.ABCDEFGHIJ",
    "ERROR postgres://app:s3cr3tpw@db/x refused",
    "ERROR Cookie: sessionid=38afes7a8hunter2x",
    "ERROR curl -u admin:hunter2x failed",
    "ERROR --token hunter2x refused",
]


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_reaches_the_file(tmp_path, line):
    bus = Bus(opened_storage(tmp_path / "e.sqlite"))
    bus.add("app", [Event("app.log", 1, 3, ["ERROR", line])], 1)
    bus.storage.close()
    kept = (tmp_path / "e.sqlite").read_bytes()
    assert b"ERROR" in kept
    for secret in (b"hunter2x", b"ghp_abc", b"abcdefghijkl.", b"s3cr3tpw"):
        assert secret not in kept


def test_a_private_key_over_several_lines_is_taken_out():
    key = [
        "ERROR bad key",
        "  -----BEGIN RSA PRIVATE KEY-----",
        "  MIIEpAIBAAKCAQEA75",
        "  -----END RSA PRIVATE KEY-----",
        "  after",
    ]
    assert redacted_lines(key) == ["ERROR bad key", "  [PRIVATE_KEY]", "  after"]


@pytest.mark.parametrize(
    "line", ["max_tokens=4096", "token=None", "PWD=/home/app", "token: expired", "exit code=1234", "a -- b"]
)
def test_what_is_no_secret_stays(line):
    assert redacted_lines([line]) == [line]


def test_a_key_of_the_environment_is_taken_out(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "plainwordkey")
    assert redacted_lines(["ERROR plainwordkey was refused"]) == ["ERROR [key] was refused"]


@pytest.mark.parametrize(
    ("db", "environment", "place"),
    [
        (None, {"DSPY_PROGRAMS_CODE": "{}"}, "{}/log_events.sqlite"),
        ("auto", {"DSPY_PROGRAMS_CODE": "{}"}, "{}/log_events.sqlite"),
        ("none", {}, "memory"),
        (None, {"DB_BACKEND": "none"}, "memory"),
        (None, {"REDDB_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1/ (namespace dspy)"),
        ("reddb", {"REDDB_URL": "http://127.0.0.1:1", "REDDB_NAMESPACE": "n"}, "http://127.0.0.1:1/ (namespace n)"),
        ("{}/x.sqlite", {"REDDB_URL": "http://127.0.0.1:1"}, "{}/x.sqlite"),
    ],
)
def test_the_storage_is_what_was_named(tmp_path, db, environment, place):
    here = {name: value.format(tmp_path) for name, value in environment.items()}
    assert opened_storage(db and db.format(tmp_path), environment=here).place == place.format(tmp_path)


@pytest.mark.parametrize(
    ("db", "environment", "said"),
    [
        ("reddb", {}, "set REDDB_URL"),
        (None, {"DB_BACKEND": "mongo"}, "choose one of"),
        ("reddb", {"REDDB_URL": "ftp://x"}, "http"),
    ],
)
def test_a_storage_that_cannot_be_is_refused(db, environment, said):
    with pytest.raises(UsageError, match=said):
        opened_storage(db, environment=environment)


def test_another_process_that_has_read_on_is_gone_along_with(tmp_path):
    """Both read the same lines; one is refused, goes to where the other was, and nothing counts twice."""
    log = tmp_path / "app.log"
    log.write_text("ERROR 1\nINFO\n")
    one, two = (Bus(opened_storage(tmp_path / "e.sqlite")) for _ in range(2))
    rounds = [follow(bus, sources_of([log], once=True), once=True, interval=0) for bus in (one, two)]
    sources = sources_of([log])
    (file,) = sources.now()
    events = file.read(100)  # the other one reads, and is slow to keep it
    assert len(list(rounds[0])) == 1
    assert not two.add("app", events, 13, file.key, None, file.position)
    assert list(rounds[1]) == [] and [kind.count for kind in one.kinds("app")] == [1]


def test_entries_are_json_with_all_that_is_said_of_them(storage):
    Bus(storage).add("app", [Event("app.log", 7, 3, ["2026-01-02 03:04:05 ERROR x", "  at f"])], 1)
    value = storage.last("logs.ctx.app")[0].value
    assert json.loads(json.dumps(value)) == value
    assert {key: value[key] for key in ("severity", "count", "first", "at", "files", "lines")} == {
        "severity": "error",
        "count": 1,
        "first": "2026-01-02T03:04:05",
        "at": "app.log:7",
        "files": ["app.log"],
        "lines": ["2026-01-02 03:04:05 ERROR x", "  at f"],
    }


def test_a_search_can_be_of_one_log_however_much_the_others_have(tmp_path, capsys):
    bus = Bus(SqliteStorage(tmp_path / "e.sqlite"))
    for number in range(20):
        bus.add("app", [error(f"ERROR disk {chr(65 + number)}")], 1)
    bus.add("web", [error("ERROR disk of web")], 1)
    assert [kind.lines for kind in bus.search("disk", ["web"], most=1)] == [["ERROR disk of web"]]
    assert len(bus.search("disk", ["web", "app"])) == len(bus.search("disk")) == 21
    command = ["code", "last", "--match", "disk", "--db", str(tmp_path / "e.sqlite")]
    assert main([*command, "-c", "web"]) == 0
    out = capsys.readouterr().out
    assert "disk of web" in out and "disk A" not in out
