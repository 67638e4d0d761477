"""Files written at once: whole or as before, with the rights they had, through links, whatever dies in between."""

import os
import stat
import subprocess
import sys

import pytest

from dspy_programs.atomic_file import opened_atomically, require_apart, require_writable, write_atomically
from dspy_programs.errors import UsageError
from tests.processes import forks

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and owners are those of POSIX")
ROOT = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may give files away")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_replaces_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "a.json"
    for text in ("old", "new «text»"):
        write_atomically(path, text)
    assert path.read_text(encoding="utf-8") == "new «text»"
    assert os.listdir(path.parent) == ["a.json"]


def test_keeps_old_file_when_text_cannot_be_written(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "x" * 100_000 + "\ud800")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.json"]


def test_keeps_old_file_when_disk_is_full(tmp_path):
    resource = pytest.importorskip("resource", reason="a limit on the size of files stands for a full disk")
    path = tmp_path / "a.json"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(UsageError, match="cannot be written"):
            write_atomically(path, "x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.json"]


def test_fails_below_a_file_and_keeps_it(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(UsageError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "a.json", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_leaves_no_rest_when_target_is_a_folder(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_atomically(tmp_path / "a.json", "new")
    assert os.listdir(tmp_path) == ["a.json"]


@POSIX
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_file_follows_the_umask(tmp_path, umask, mode):
    code = "import sys, pathlib; from dspy_programs.atomic_file import write_atomically as w; w(pathlib.Path(sys.argv[1]), 'x')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True, umask=umask, timeout=60)
    assert mode_of(tmp_path / "a") == mode


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_existing_file_keeps_its_mode_and_is_never_readable_by_more(tmp_path, mode):
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(mode)
    with opened_atomically(path) as file:
        file.write(b"new")
        assert {mode_of(each) & ~mode for each in tmp_path.iterdir()} == {0}
    assert (mode_of(path), path.read_text(), os.listdir(tmp_path)) == (mode, "new", ["a.json"])


@ROOT
def test_owner_and_group_stay(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write_atomically(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def write_as(user, path, said):
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    try:
        write_atomically(path, "new")
    except UsageError as error:
        said.write_text(str(error))


def written_by(user, path):
    """Write to a file as another user, in a folder open to all; return the error."""
    for above in path.parents[1:-2]:
        above.chmod(above.stat().st_mode | 0o011)
    path.parent.chmod(0o777)
    said = path.with_name("said")
    process = forks().Process(target=write_as, args=(user, path, said))
    process.start()
    process.join(60)
    return said.read_text() if said.exists() else ""


@ROOT
def test_group_that_cannot_be_kept_gets_no_rights_under_another_name(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(0o666)
    os.chown(path, 12345, 23456)
    assert written_by(54321, path) == ""  # a stranger may write the file only as everybody may
    assert (path.read_text(), path.stat().st_gid, mode_of(path)) == ("new", 54321, 0o606)


@ROOT
def test_read_only_file_is_refused_though_its_folder_is_not(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(0o444)
    os.chown(path, 12345, 12345)
    assert "it is read-only" in written_by(12345, path)
    assert (path.read_text(), mode_of(path)) == ("old", 0o444)


@pytest.mark.parametrize("target", ["there.json", "folder/new.json"])
def test_link_is_written_through_and_stays_a_link(tmp_path, target):
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.json").write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink() and (tmp_path / target).read_text() == "new" and link.read_text() == "new"


def test_link_that_leads_nowhere_is_refused_and_stays(tmp_path):
    link, loop = tmp_path / "link.json", tmp_path / "loop.json"
    link.symlink_to(tmp_path / "not mounted" / "a.json")
    loop.symlink_to(loop)
    with pytest.raises(UsageError, match=r"link\.json: cannot be written: a link to .*not mounted; create it"):
        write_atomically(link, "new")
    with pytest.raises(UsageError, match="leads back to itself"):
        write_atomically(loop, "new")
    assert sorted(os.listdir(tmp_path)) == ["link.json", "loop.json"] and link.is_symlink() and loop.is_symlink()


def test_second_name_of_a_file_keeps_the_old_content(tmp_path):
    (tmp_path / "a").write_text("old")
    os.link(tmp_path / "a", tmp_path / "backup")
    write_atomically(tmp_path / "a", "new")
    assert (tmp_path / "backup").read_text() == "old" and (tmp_path / "a").read_text() == "new"


def test_name_of_the_greatest_length_can_be_written(tmp_path):
    path = tmp_path / ("\u6bb5" * 85)
    write_atomically(path, "new")
    assert path.read_text() == "new"


def test_process_killed_while_it_writes_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    code = (
        "import sys, time, pathlib\nfrom dspy_programs.atomic_file import opened_atomically\n"
        "with opened_atomically(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'x' * 1_000_000)\n    print('half', flush=True)\n    time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"half\n"
    finally:
        writer.kill()
        writer.communicate()
    assert path.read_text() == "old"


def test_trial_of_an_output_leaves_no_trace_and_opens_no_pipe(tmp_path):
    old, pipe = tmp_path / ("o" * 250), tmp_path / "pipe"
    old.write_text("old")
    os.mkfifo(pipe)  # to open one waits for its reader
    for path in (old, pipe, tmp_path / ("n" * 255)):
        require_writable(path)
    assert old.read_text() == "old" and sorted(os.listdir(tmp_path)) == sorted([old.name, "pipe"])
    for path in (tmp_path, old / "below", tmp_path / ("n" * 256)):
        with pytest.raises(UsageError, match="cannot be written"):
            require_writable(path)


def test_an_output_is_no_input_and_no_other_output(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to("a")
    os.link(tmp_path / "a", tmp_path / "second")
    for name in ("a", "link", "second", "./a"):
        with pytest.raises(UsageError, match="is read, so it cannot be an output"):
            require_apart([tmp_path / name], [tmp_path / "a"])
    with pytest.raises(UsageError, match="given for two outputs"):
        require_apart([tmp_path / "new", tmp_path / "." / "new"])
    require_apart([tmp_path / "b", tmp_path / "new"], [tmp_path / "a", tmp_path / "loop"])
