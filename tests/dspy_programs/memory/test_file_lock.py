"""Several processes on one memory's file: nothing is lost, whoever dies, waits or may not."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryCompressor, MemoryStore, load, opened, restore, save
from dspy_programs.memory.file_lock import locked
from tests.processes import forks

ADDS = """
import sys
from dspy_programs.memory import opened
for number in range(int(sys.argv[3])):
    with opened(sys.argv[1]) as store:
        store.add("user", f"{sys.argv[2]} {number}")
    print(number, flush=True)
"""


def adder(path, name, times):
    return subprocess.Popen([sys.executable, "-c", ADDS, str(path), name, str(times)], stdout=subprocess.PIPE)


def said_in(path):
    return [entry.content for entry in load(path).store]


def test_processes_that_add_at_once_lose_nothing_and_keep_their_order(tmp_path):
    path = tmp_path / "m.json"
    processes = [adder(path, name, 12) for name in ("ann", "bob", "cyd")]
    for process in processes:
        process.communicate(timeout=120)
    said = said_in(path)
    assert sorted(said) == sorted(f"{name} {number}" for name in ("ann", "bob", "cyd") for number in range(12))
    assert [text for text in said if text.startswith("ann")] == [f"ann {number}" for number in range(12)]


def test_what_was_saved_before_a_kill_stays_and_the_others_go_on(tmp_path):
    path = tmp_path / "m.json"
    lasting, killed = adder(path, "lasting", 15), []
    for round_ in range(3):
        dying = adder(path, f"dying{round_}", 1000)
        saved = [int(dying.stdout.readline()) for _ in range(3)]
        dying.send_signal(signal.SIGKILL)
        rest, _ = dying.communicate(timeout=60)
        killed += [f"dying{round_} {number}" for number in [*saved, *map(int, rest.split())]]
    lasting.communicate(timeout=120)
    said = set(said_in(path))
    assert set(killed) <= said and {f"lasting {number}" for number in range(15)} <= said


def add_with_links(path, link, together):
    together.wait()
    for name in (path, link) * 5:
        with opened(name) as store:
            store.add("user", "hi")


def test_every_name_of_a_file_is_one_lock(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path, link = tmp_path / "m.json", tmp_path / "elsewhere" / "link.json"
    link.symlink_to("../m.json")
    together = forks().Barrier(3)
    writers = [forks().Process(target=add_with_links, args=(path, link, together)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert len(load(path).store) == 30 and link.is_symlink()


def test_block_that_raises_changes_nothing_and_lets_the_file_go(tmp_path):
    path = save(MemoryStore(), tmp_path / "m.json")
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), opened(path) as store:
        store.add("user", "never")
        raise ZeroDivisionError
    assert path.read_bytes() == before
    with opened(path, wait=0.1) as store:
        store.add("user", "now")
    assert said_in(path) == ["now"]


def test_file_that_another_holds_is_an_error_that_names_file_and_lock(tmp_path):
    path = tmp_path / "m.json"
    with (
        locked(path),
        pytest.raises(UsageError, match=r"m\.json: another process .* 0\.1 seconds; .*\.m\.json\.lock"),
        opened(path, wait=0.1),
    ):
        raise AssertionError("two at once")
    assert not path.exists()


def test_long_names_that_begin_alike_are_two_locks(tmp_path):
    one, other = (tmp_path / f"{'k' * 60}{end}.json" for end in ("messages", "originals"))
    with locked(one), locked(other, wait=0.1), pytest.raises(UsageError, match="another process"), locked(one, wait=0.1):
        raise AssertionError("two at once")
    with locked(tmp_path / ("\u6bb5" * 85), wait=0.1):
        assert max(len(os.fsencode(name)) for name in os.listdir(tmp_path)) <= 255


def test_a_memory_in_a_new_folder_is_begun(tmp_path):
    with opened(tmp_path / "new" / "folder" / "m.json") as store:
        store.add("user", "hi")
    assert said_in(tmp_path / "new" / "folder" / "m.json") == ["hi"]


def test_old_lock_file_left_by_a_dead_process_is_no_lock(tmp_path):
    (tmp_path / ".m.json.lock").write_text("1\nanother-machine\n")
    with opened(tmp_path / "m.json", wait=1) as store:
        store.add("user", "hi")
    assert said_in(tmp_path / "m.json") == ["hi"]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_private_memory_stays_private_and_so_does_its_lock(tmp_path):
    path = save(MemoryStore(), tmp_path / "m.json")
    path.chmod(0o600)
    with opened(path) as store:
        store.add("user", "secret")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["folder", "/dev/null"])
def test_what_is_no_file_is_refused_and_gets_no_lock_beside_it(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="not a file"), opened(tmp_path / name):
        raise AssertionError("opened")
    assert not list((tmp_path / name).parent.glob(".*.lock"))


@pytest.mark.skipif(not os.path.isdir("/sys"), reason="a folder that takes no files, not even from root")
def test_folder_that_takes_no_files_is_one_line():
    with pytest.raises(UsageError, match=r"^/sys/m\.json: cannot be locked: .*; keep the memory where"), opened("/sys/m.json"):
        raise AssertionError("opened")


def test_report_and_whatever_else_the_file_has_stay(tmp_path, store):
    report = MemoryCompressor(700).compress(store).to_dict()
    path = save(store, tmp_path / "m.json", report)
    content = json.loads(path.read_bytes())
    content["extra"]["theirs"] = {"a": [1]}
    path.write_text(json.dumps(content))
    with opened(path) as again:
        again.add("user", "one more")
    assert load(path).extra == {"last_report": report, "theirs": {"a": [1]}}
    assert len(restore(load(path).store)) == 62


def full(path, said):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    try:
        with opened(path) as store:
            store.add("user", "x" * 100_000)
    except UsageError as error:
        Path(said).write_text(str(error))


def test_full_disk_leaves_the_memory_as_it_was(tmp_path):
    pytest.importorskip("resource", reason="a limit on the size of files stands for a full disk")
    path = tmp_path / "m.json"
    with opened(path) as store:
        store.add("user", "first")
    process = forks().Process(target=full, args=(path, tmp_path / "said"))
    process.start()
    process.join(60)
    assert "m.json: cannot be written" in (tmp_path / "said").read_text() and said_in(path) == ["first"]
    assert sorted(os.listdir(tmp_path)) == [".m.json.lock", "m.json", "said"]
