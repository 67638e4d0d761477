import contextlib
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.agent.tools.files import append
from dspy_programs.agent.workspace.workspace import MOST_BYTES, Workspace
from dspy_programs.errors import ToolError, UsageError
from tests.dspy_programs.agent.scopes import scope_in


@pytest.fixture
def root(tmp_path):
    (tmp_path / "ws" / "a" / "b").mkdir(parents=True)
    (tmp_path / "ws" / "a" / "b" / "x.txt").write_text("hi")
    (tmp_path / "ws" / "l").symlink_to("a/b")
    (tmp_path / "ws" / "a" / "y").symlink_to("b/x.txt")
    (tmp_path / "ws" / "whole").symlink_to(tmp_path / "ws" / "a")
    return tmp_path / "ws"


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("l/x.txt", "a/b/x.txt"),
        ("l/../b/x.txt", "a/b/x.txt"),
        ("l/../../a//./b", "a/b"),
        ("a/y", "a/b/x.txt"),
        ("whole/y", "a/b/x.txt"),
        (".", "."),
        ("a/..", "."),
        ("new/deep/../file", "new/file"),
        ("{root}/a", "a"),
        ("/{root}//a/../a", "a"),
        ("é", "é"),
        ("..a/...", "..a/..."),
        ("-rf", "-rf"),
        (" a", " a"),
    ],
)
def test_links_and_dots_inside_are_followed_by_hand(root, path, normal):
    assert Workspace(root).normal(path.replace("{root}", str(root))) == normal


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "a/../..",
        "new/../../x",
        "l/../../../x",
        "/",
        "/etc",
        "{root}x",
        "{root}/..",
        "~",
        "~root/x",
        "",
        " ",
        "a\0",
        "\ud800",
    ],
)
def test_what_leads_out_is_refused_in_a_line(root, path):
    workspace = Workspace(root)
    for method in (
        workspace.normal,
        workspace.kind,
        workspace.read,
        lambda given: workspace.write(given, "x"),
        workspace.remove,
    ):
        with pytest.raises(ToolError) as caught:
            method(path.replace("{root}", str(root)))
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(root.parent)) == ["ws"]
    assert sorted(os.listdir(root)) == ["a", "l", "whole"], "nothing was made on the way"


def test_a_write_is_whole_keeps_the_mode_and_goes_through_links_inside(root):
    workspace = Workspace(root)
    (root / "a" / "b" / "x.txt").chmod(0o751)
    workspace.write("l/x.txt", "new")
    assert (root / "a" / "b" / "x.txt").read_text() == "new" and (root / "l").is_symlink()
    assert stat.S_IMODE((root / "a" / "b" / "x.txt").stat().st_mode) == 0o751
    (root / "set").touch()
    (root / "set").chmod(0o4755)
    workspace.write("set", "x")
    assert stat.S_IMODE((root / "set").stat().st_mode) == 0o755, "new content gets no rights of another user"
    before = os.umask(0o027)
    try:
        workspace.write("n/m.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "n" / "m.txt").stat().st_mode) == 0o640


def test_a_read_only_file_a_folder_and_a_pipe_are_not_written(root):
    workspace = Workspace(root)
    (root / "locked").write_text("old")
    (root / "locked").chmod(0o444)
    os.mkfifo(root / "pipe")
    for path, fault in (("locked", "read-only"), ("a", "is a folder"), ("pipe", "not a regular file"), (".", "is a folder")):
        with pytest.raises(ToolError, match=fault):
            workspace.write(path, "x")
    assert (root / "locked").read_text() == "old"
    with pytest.raises(ToolError, match="too many at once"):
        workspace.write("big", b"x" * (MOST_BYTES + 1))
    with pytest.raises(ToolError, match="File name too long"):
        workspace.write("x" * 300, "x")


def test_a_hard_link_is_told_and_a_write_leaves_the_other_name_alone(root):
    workspace = Workspace(root)
    (root.parent / "outside").write_text("old")
    os.link(root.parent / "outside", root / "hard")
    assert workspace.is_shared("hard") and [found.shared for found in workspace.walk() if found.path == "hard"] == [True]
    workspace.write("hard", "new")
    assert (root.parent / "outside").read_text() == "old" and not workspace.is_shared("hard")
    workspace.write("mine", "x")
    os.link(root / "mine", root / "also mine")
    assert not workspace.is_shared("mine") and workspace.is_own("mine") and not workspace.is_own("a/b/x.txt")


def test_a_full_disk_leaves_the_old_file_and_no_other(root):
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from dspy_programs.agent.workspace.workspace import Workspace\n"
        "workspace = Workspace(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: workspace.write('a/b/x.txt', 'y' * 100_000)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ToolError a/b/x.txt: cannot be written: ")
    assert (root / "a" / "b" / "x.txt").read_text() == "hi" and os.listdir(root / "a" / "b") == ["x.txt"]


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(root):
    code = (
        "import sys; from dspy_programs.agent.workspace.workspace import Workspace\n"
        "workspace = Workspace(sys.argv[1]); print('on', flush=True)\n"
        "while True:\n  for letter in 'ab': workspace.write('big', letter * 1_000_000)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE)
    process.stdout.readline()
    time.sleep(0.15)
    process.kill()
    process.communicate()
    if (root / "big").exists():
        held = (root / "big").read_text()
        assert len(held) == 1_000_000 and len(set(held)) == 1


def test_threads_and_actors_see_whole_files(root):
    workspace = Workspace(root)

    def work(number: int) -> set[int]:
        workspace.write("one", f"{number % 10}" * 10_000)
        return {len(workspace.read("one")), len(set(workspace.read("one")))}

    with ThreadPoolExecutor(8) as pool:
        assert all(found == {10_000, 1} for found in pool.map(work, range(60)))


def test_a_deep_and_a_closed_folder_are_listed_as_far_as_that_goes(root):
    deep = root
    for _ in range(80):
        deep = deep / "d"
        deep.mkdir()
    found = list(Workspace(root).walk())
    assert max(each.path.count("/") for each in found) == 59
    assert [each.path for each in found if each.kind == "link"] == ["a/y", "l", "whole"]


def test_no_handle_is_left_open(root):
    def handles() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = handles()
    workspace = Workspace(root)
    for path in ("l/x.txt", "..", "a/b/c/d", "whole/y", "new/x", "a"):
        for method, more in (("normal", ()), ("kind", ()), ("read", ()), ("write", ("x",))):
            with contextlib.suppress(ToolError):
                getattr(workspace, method)(path, *more)
    list(workspace.walk())
    next(iter(workspace.walk()))
    assert handles() == before + 1
    del workspace
    assert handles() == before


@pytest.mark.parametrize("folder", ["/", "{root}/nothing", "{root}/a/b/x.txt"])
def test_what_cannot_be_a_workspace_is_said(root, folder):
    with pytest.raises(UsageError, match="cannot be the workspace"):
        Workspace(folder.replace("{root}", str(root)))


def test_two_that_have_the_folder_open_add_to_a_file_one_after_the_other(tmp_path):
    scopes = [scope_in(tmp_path) for _ in range(2)]

    def add(scope, number):
        append.call(scope, {"path": "log.txt", "content": f"{number}"})

    with ThreadPoolExecutor(8) as pool:
        [*pool.map(add, scopes * 30, range(60))]
    assert sorted(map(int, (tmp_path / "log.txt").read_text().split())) == [*range(60)]
