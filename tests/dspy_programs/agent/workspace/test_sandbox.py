"""The sandbox, and what stands in for it where there is none. How they hold against hostile commands: test_hostile_calls.py."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from dspy_programs.agent.workspace import reaper, sandbox
from dspy_programs.agent.workspace.supervise import CAPS, supervise
from tests.dspy_programs.agent.scopes import scope_in

PLAIN = [sys.executable, "-I", "-S", str(Path(reaper.__file__)), "/bin/sh", "-c"]
ROOT = Path(__file__).parents[4]
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def plain(folder, command, seconds=2.0, cancelled=None, caps=CAPS):
    """Run a command as on a machine without a sandbox."""
    flag = cancelled or threading.Event()
    return supervise([*PLAIN, command], folder, BARE, stdin=b"", seconds=seconds, cancelled=flag, caps=caps)


def below() -> set[int]:
    return {each.number for each in reaper.descendants(os.getpid())}


def running(words: str) -> bool:
    """Return whether any process has these words in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words.encode() in path.read_bytes().replace(b"\0", b" ") and path.parent.name != str(os.getpid()):
                return True
        except OSError:
            continue
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives abandoned processes a new parent of one's choice")
@pytest.mark.parametrize(
    "command",
    [
        "sleep 987 & echo started",
        "(setsid sleep 987 &); (sh -c 'sleep 987 &' &); echo started",
        "nohup setsid sh -c 'sleep 987' >/dev/null 2>&1 & echo started",
        "trap '' TERM INT HUP; sleep 987 & sleep 987",
    ],
)
def test_without_a_sandbox_nothing_is_left_either(tmp_path, command):
    done = plain(tmp_path, command, seconds=0.8)
    assert done.stopped == ("time" if "trap" in command else "") and done.seconds < 8
    assert not running("sleep 987")


@pytest.mark.parametrize(("code", "seen"), [("exit 3", 3), ("kill -9 $$", 137), ("nosuchprogram", 127), ("true", 0)])
def test_the_exit_code_comes_through(tmp_path, code, seen):
    assert plain(tmp_path, code, seconds=10).exit_code == seen


def test_output_is_cut_while_it_is_read(tmp_path):
    done = plain(tmp_path, "seq 1 400000", seconds=20)
    assert done.exit_code == 0 and len(done.output) < 17_000
    assert done.output.startswith("1\n2\n") and done.output.endswith("400000\n") and "bytes left out here" in done.output
    assert plain(tmp_path, "yes", seconds=20, caps=CAPS._replace(output=1 << 20)).stopped == "output"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to count by")
def test_too_many_processes_and_too_much_memory_are_stopped(tmp_path):
    many = "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait"
    assert plain(tmp_path, many, seconds=20, caps=CAPS._replace(processes=5)).stopped == "processes"
    large = "python3 -c 'import time; x = bytearray(b\"x\") * 90_000_000; time.sleep(60)'"
    assert plain(tmp_path, large, seconds=20, caps=CAPS._replace(memory=50 << 20)).stopped == "memory"


def test_a_cancelled_command_ends(tmp_path):
    flag = threading.Event()
    threading.Timer(0.3, flag.set).start()
    done = plain(tmp_path, "sleep 60", seconds=30, cancelled=flag)
    assert done.stopped == "cancelled" and done.seconds < 8


@pytest.mark.skipif(sys.platform != "linux", reason="no parent-death signal")
@pytest.mark.parametrize("in_sandbox", [True, False])
def test_what_runs_ends_with_the_process_that_started_it(tmp_path, in_sandbox):
    """Even by kill -9."""
    if in_sandbox and not sandbox.works():
        pytest.skip(sandbox.reason())
    switch = "" if in_sandbox else "sandbox._probe = lambda: (None, 'off'); "
    mark = f"98{os.getpid()}"
    code = (
        f"from tests.dspy_programs.agent.scopes import scope_in; from dspy_programs.agent.workspace import sandbox; {switch}"
        f"from pathlib import Path; sandbox.run(['/bin/sh', '-c', 'setsid sleep {mark} & echo; sleep {mark}'],"
        f" scope_in(Path({str(tmp_path / 'w')!r}), seconds=60))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 30
    while not running(f"sleep {mark}") and time.monotonic() < until:
        time.sleep(0.05)
    assert running(f"sleep {mark}")
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while running(f"sleep {mark}") and time.monotonic() < until:
        time.sleep(0.05)
    assert not running(f"sleep {mark}")


def test_a_command_says_whether_it_ran_in_a_sandbox(tmp_path):
    done = sandbox.run(["/bin/sh", "-c", "echo hi"], scope_in(tmp_path / "w"))
    assert done.output == "hi\n" and done.sandboxed == sandbox.works()
    assert bool(sandbox.reason()) != sandbox.works()


@pytest.mark.skipif(not sandbox.works(), reason=sandbox.reason() or "there is a sandbox")
def test_a_new_repository_and_a_nested_one_keep_their_hooks(tmp_path):
    scope = scope_in(tmp_path / "w")
    for folder in (".git", "lib/.git", "lib/deep/.git"):
        (tmp_path / "w" / folder / "hooks").mkdir(parents=True)
        (tmp_path / "w" / folder / "config").write_text("[core]\n")
    for folder in (".git", "lib/.git", "lib/deep/.git"):
        command = (
            f"echo evil > {folder}/hooks/pre-commit; echo evil >> {folder}/config; mv {folder} {folder}2; touch {folder}/index"
        )
        sandbox.run(["/bin/sh", "-c", command], scope)
        assert (tmp_path / "w" / folder / "config").read_text() == "[core]\n"
        assert os.listdir(tmp_path / "w" / folder / "hooks") == []
        assert (tmp_path / "w" / folder / "index").exists(), "git itself can still work"


@pytest.mark.skipif(not sandbox.works(), reason=sandbox.reason() or "there is a sandbox")
def test_a_link_to_another_repository_brings_none_of_it_in(tmp_path):
    (tmp_path / "other" / ".git").mkdir(parents=True)
    (tmp_path / "other" / ".git" / "config").write_text("SECRET")
    scope = scope_in(tmp_path / "w")
    (tmp_path / "w" / "link").symlink_to("../other")
    (tmp_path / "w" / ".git").symlink_to("../other/.git")
    done = sandbox.run(
        ["/bin/sh", "-c", "cat link/.git/config .git/config; echo x > link/.git/evil; echo x > .git/evil"], scope
    )
    assert "SECRET" not in done.output and os.listdir(tmp_path / "other" / ".git") == ["config"]


def test_a_program_that_is_not_there_is_an_exit_code(tmp_path):
    assert sandbox.run(["/nonexistent/program"], scope_in(tmp_path / "w")).exit_code == 127


BOMB = """
import os, time
until = time.monotonic() + 0.5
while time.monotonic() < until:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""
"""What it makes goes on making; it says nothing and lets others work, so that they can be counted."""
BOMB_IN_A_FOLDER = f"""
import os, sys, threading
from pathlib import Path
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.reaper import descendants
from dspy_programs.agent.workspace.supervise import CAPS
from tests.dspy_programs.agent.scopes import scope_in
if "plain" in sys.argv:
    sandbox._probe = lambda: (None, "off")
scope = scope_in(Path(sys.argv[1]), seconds=3)
print(sandbox.described())
sandbox.run(["true"], scope)
most, done = [0], threading.Event()
def count():
    while not done.wait(0.01):
        most[0] = max(most[0], len(descendants(os.getpid())))
counting = threading.Thread(target=count)
counting.start()
caps = CAPS._replace(processes=100_000, tasks=100)  # nobody but the kernel counts
sandbox.run([sys.executable, "-c", {BOMB!r}], scope, caps=caps)
done.set()
counting.join()
print(most[0])
"""


def run_as(user: int | None, code: str, *arguments: str) -> str:
    """Run Python as another user, who may not be able to reach this Python or its packages; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    same = f"import sys, dspy_programs.agent.tools.tool; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            asked = [python, "-c", same]
            if subprocess.run(asked, user=user, group=user, check=False, env=environment, capture_output=True).returncode == 0:
                argv = [python, "-c", code, *arguments]
                done = subprocess.run(argv, user=user, group=user, env=environment, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                return done.stdout
    pytest.skip("no Python for this user")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc counts")
@pytest.mark.parametrize("place", ["sandbox", "plain"])
@pytest.mark.parametrize("user", [None, 65534])
def test_the_kernel_holds_a_fork_bomb(place, user):
    if user is not None and os.getuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        how, most = run_as(user, BOMB_IN_A_FOLDER, folder, place).splitlines()
    if "kernel" not in how:
        pytest.skip(how)
    assert 80 < int(most) < 110, f"{most} ({how})"  # with the bomb stand bubblewrap, its first process and the reaper
