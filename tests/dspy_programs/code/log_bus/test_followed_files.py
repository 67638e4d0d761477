"""Each line once: growth, rotation in every way, truncation, deletion, restarts, folders that change."""

import os
import shutil

import pytest

from dspy_programs.code.log_bus import Bus, follow, opened_storage, sources_of
from dspy_programs.code.log_bus.followed_file import FollowedFile
from dspy_programs.code.log_bus.open_files import OpenFiles
from dspy_programs.code.log_bus.sources import Sources, name_of
from dspy_programs.errors import UsageError


class Room:
    """A folder of logs and a store. read(): what a process that is started now finds until nothing is left."""

    def __init__(self, folder):
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.app = self.logs / "app.log"
        self.bus = Bus(opened_storage(folder / "events.sqlite"))
        self.notes = []

    def write(self, text, path=None, mode="a"):
        with (path or self.app).open(mode) as file:
            file.write(text)

    def read(self, names=None, **settings):
        found = []
        for each in follow(self.bus, sources_of(names or [self.logs], once=True, **settings), once=True, interval=0):
            found += [event.lines[0] for _, event in each.events]
            self.notes += each.notes
        return found


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def test_each_line_is_read_once_over_restarts(room):
    room.write("ERROR 1\nINFO\n")
    assert room.read() == ["ERROR 1"]
    assert room.read() == []
    room.write("ERROR 2\n")
    assert room.read() == ["ERROR 2"]
    assert [kind.count for kind in room.bus.kinds("app")] == [2]


def test_a_file_that_was_renamed_is_read_to_its_end_and_then_the_new_one(room):
    room.write("ERROR 1\n")
    room.read()
    room.write("ERROR 2\n")
    os.rename(room.app, room.logs / "app.log.1")
    room.write("ERROR 3\n")
    assert room.read() == ["ERROR 2", "ERROR 3"]
    assert room.read() == []


def test_a_file_that_was_copied_and_truncated_is_read_from_its_new_beginning(room):
    room.write("ERROR 1\nERROR 2\n")
    room.read()
    shutil.copy(room.app, room.logs / "app.log.1")
    room.write("ERROR 3\n", mode="w")
    assert room.read() == ["ERROR 3"]
    assert room.notes == [f"{room.app}: replaced while nobody followed it; its new lines are read from the beginning"]


def test_a_file_that_was_truncated_and_has_grown_beyond_what_was_read_begins_anew(room):
    room.write("ERROR 1\n")
    room.read()
    room.write("ERROR other\nERROR and longer\n", mode="w")
    assert room.read() == ["ERROR other", "ERROR and longer"]


def test_a_packed_rotation_loses_nothing_that_was_read(room):
    room.write("ERROR 1\n")
    room.read()
    room.app.unlink()
    room.write("gone", room.logs / "app.log.1.gz")
    room.write("ERROR 2\n")
    assert room.read() == ["ERROR 2"]


def followed(path, settle=0.0, most_open=5):
    return FollowedFile(path, "app", OpenFiles(most_open), None, settle)


def lines_of(file):
    found = file.read(1_000)
    while file.has_more:
        found += file.read(1_000)
    return [event.lines[0] for event in found]


def test_while_it_is_followed_truncation_is_noticed_and_said(room):
    room.write("ERROR 1\nERROR 2\n")
    file = followed(room.app)
    assert lines_of(file) == ["ERROR 1", "ERROR 2"]
    room.write("ERROR 3\n", mode="w")
    assert lines_of(file) == ["ERROR 3"] and file.notes == [f"{room.app}: truncated; read again from the beginning"]


def test_a_writer_that_notices_a_rotation_late_is_still_read(room):
    room.write("ERROR 1\n")
    file = followed(room.app, settle=60)
    file.read(1_000)
    with room.app.open("a") as late:
        os.rename(room.app, room.logs / "app.log.1")
        room.write("ERROR 3\n")
        file.read(1_000)
        late.write("ERROR 2\nINFO\n")
    assert lines_of(file) == ["ERROR 1", "ERROR 2"]
    file.settle = 0.0
    assert lines_of(file) == ["ERROR 3"]


def test_a_file_that_is_deleted_while_it_is_read_is_read_to_its_end(room):
    room.write("ERROR 1\n" * 1_000)
    file = followed(room.app)
    first = file.read(80)
    room.app.unlink()
    rest = lines_of(file)
    assert len(first) + len(rest) == 1_000 and file.position is None
    room.write("ERROR new\n")
    assert lines_of(file) == ["ERROR new"]


def test_an_event_is_finished_when_its_file_rests(room):
    room.write("ERROR 1\n")
    file = followed(room.app, settle=60)
    assert lines_of(file) == []
    file.settle = 0.0
    assert lines_of(file) == ["ERROR 1"]


def test_more_files_than_may_be_open_are_all_followed(room):
    pool = OpenFiles(3)
    files = [FollowedFile(room.logs / f"{number}.log", "n", pool, None, 0.0) for number in range(20)]
    for turn in range(3):
        for number, file in enumerate(files):
            room.write(f"ERROR {turn}\n", file.path)
            assert lines_of(file) == [f"ERROR {turn}"], number
    assert sum(file._file is not None for file in files) <= 3


def test_last_lines_begin_at_a_line_and_know_its_number(room):
    room.write("".join(f"ERROR {number}\n" for number in range(1_000)))
    file = FollowedFile(room.app, "app", OpenFiles(), 3, 0.0)
    found = file.read(1_000) + file.read(1_000)
    assert [(event.number, event.lines) for event in found] == [(998 + n, [f"ERROR {997 + n}"]) for n in range(3)]


@pytest.mark.parametrize("lines", [0, 5])
def test_last_lines_of_a_short_file(room, lines):
    room.write("ERROR 1\n")
    file = FollowedFile(room.app, "app", OpenFiles(), lines, 0.0)
    assert len(file.read(1_000) + file.read(1_000)) == min(lines, 1)


def test_a_folder_gives_its_live_logs_and_no_rotated_ones(room):
    for name in ("app.log.1", "app.log.2.gz", "app.log-20260101", "syslog.1", "notes.md"):
        room.write("ERROR old\n", room.logs / name)
    room.write("ERROR new\n")
    room.write("ERROR sys\n", room.logs / "syslog")
    assert sorted(room.read()) == ["ERROR new", "ERROR sys"]


def test_links_in_a_folder_are_not_followed_so_none_leads_in_a_circle(room):
    (room.logs / "round").symlink_to(room.logs, target_is_directory=True)
    (room.logs / "twice.log").symlink_to(room.app)
    room.write("ERROR 1\n")
    assert room.read() == ["ERROR 1"]


def test_a_link_that_is_named_is_followed_to_where_it_leads(room):
    room.write("ERROR 1\n")
    (room.logs / "now").symlink_to(room.app)
    assert room.read([room.logs / "now"]) == ["ERROR 1"]


def test_of_too_many_files_those_that_changed_last_are_followed_and_it_is_said(room):
    for number in range(30):
        path = room.logs / f"{number}.log"
        room.write(f"ERROR {number}\n", path)
        os.utime(path, (number, number))
    found = room.read(most_files=5)
    assert sorted(found) == [f"ERROR {number}" for number in range(25, 30)]
    assert room.notes == ["30 log files; the 5 that changed last are followed"]


def test_a_file_may_come_later(room):
    sources = sources_of([room.app])
    assert sources.take_notes() == [f"{room.app}: not there yet; followed as soon as it is"]
    (file,) = sources.now()
    assert lines_of(file) == []
    room.write("ERROR 1\nINFO\n")
    assert lines_of(file) == ["ERROR 1"]


@pytest.mark.parametrize("name", ["no/such/folder/app.log", "no-such.log/x"])
def test_what_can_never_come_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        sources_of([name])


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.log")
    with pytest.raises(UsageError, match="not a regular file"):
        sources_of([tmp_path / "pipe.log"])


def test_a_file_that_may_not_be_read_waits(room):
    room.write("ERROR 1\n")
    room.app.chmod(0)
    if os.access(room.app, os.R_OK):
        pytest.skip("this user may read every file")
    assert room.read() == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("web/app.log", "app"),
        ("a/error.out", "error"),
        ("pods/web/0.log", "web"),
        ("/var/log/pods/shop_web-7d4b9_0b1c2d3e-1111-2222-3333-444455556666/app/0.log", "shop_web-7d4b9_app"),
        ("/var/log/pods/kube-system_etcd-n1.local_" + "0a" * 16 + "/etcd/12.log", "kube-system_etcd-n1.local_etcd"),
        ("a_b_c/web/0.log", "web"),
        ("/var/log/syslog", "syslog"),
        ("x.tar", "x.tar"),
    ],
)
def test_names(path, name):
    from pathlib import Path

    assert name_of(Path(path)) == name


def test_sources_without_anything_have_ended():
    assert Sources().have_ended
