"""On a real cluster of two workers on this machine: the same scores and findings, also if a worker is killed."""

import contextlib
import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from dspy import lm15
from dspy.utils.exceptions import LMError

from dspy_programs.__main__ import main as dspy_programs
from dspy_programs.cluster import Cluster, joined, spread
from dspy_programs.errors import RunError, UsageError
from dspy_programs.lm import connect
from optimizers.evaluate import main as evaluate
from optimizers.online import main as online
from tests.fakes import ChatServer, ContextTooLong, plan_reply, scripted_lm, write_toy_data
from tests.optimizers.harvesting.runs import refund_run, write_runs

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='needs pip install "dspy-programs[distributed]"'
)
KEY = "zq9-private-key-77aa"
SPEC = "openai/scripted"
REQUEST = lm15.Request(model=SPEC, messages=lm15.Message.user("hello"))
ROWS = 24
EACH = 4  # calls under way on one worker


@pytest.fixture(scope="module")
def cluster():
    with joined(Cluster(2)):
        yield Cluster(2)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path):
    return write_toy_data(tmp_path / "data", test=ROWS)


def uneven_planner(prompt):
    """Name one to four of the tools of the goal, by its number: rows differ in their scores."""
    number, tools = re.findall(r"job (\d+) with (.+?)\.", prompt.rsplit("[[ ## goal ## ]]", 1)[1])[0]
    return plan_reply(tools.split(" then ")[: 1 + int(number) % 4])


def processes_of(title):
    """Return the ids of processes that Ray names so, of this user."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def one_killed_when(is_time, title):
    """Kill one process of that title when it is time, within the block; yield a list that its id is then in."""
    killed, ended = [], threading.Event()

    def kill():
        while not killed and not ended.wait(0.005):
            if is_time() and (found := processes_of(title)):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def scores(server, data, name, *more):
    """Evaluate, and return what was written of every row."""
    where = ["--module", "planner", "--lm", SPEC, "--api-base", server.url, "--data", str(data), "--rows", str(ROWS)]
    assert evaluate([*where, "--json", name, "--threads", str(2 * EACH), *more]) == 0
    return json.loads(Path(name).read_text())


def journalled():
    [path] = Path("runs/evaluate").rglob("calls.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_scores_on_one_and_two_workers_are_those_without(cluster, data):
    with ChatServer(uneven_planner) as server:
        here = scores(server, data, "here.json")
        asked = len(server.requests)
        Path("runs").rename("runs-here")
        for workers in ("1", "2"):
            assert scores(server, data, f"{workers}.json", "--engine", "ray", "--workers", workers, "--fresh") == here
            Path("runs").rename(f"runs-{workers}")
        assert len(server.requests) == 3 * asked == 3 * ROWS
    assert 0 < here["programs"][0]["variants"]["seed"]["mean"]["mean"] < 1


def test_a_killed_worker_loses_nothing_and_only_what_was_under_way_is_asked_again(cluster, data, capsys):
    with ChatServer(uneven_planner) as server:
        here = scores(server, data, "here.json")
    Path("runs").rename("runs-here")
    with ChatServer(busy := Busy(0.25)) as server:
        with one_killed_when(lambda: len(server.requests) > EACH, "ray::Answerer") as killed:
            assert scores(server, data, "there.json", "--engine", "ray") == here
        assert killed
        asked = len(server.requests)
        assert len(set(server.requests)) == ROWS and ROWS < asked <= ROWS + EACH
        assert len(journalled()) == len({record["key"] for record in journalled()}) == ROWS
        assert EACH < busy.most <= 3 * EACH, "as many as threads, and what the killed worker was at"
        printed = capsys.readouterr().out
        assert scores(server, data, "again.json") == here
        assert len(server.requests) == asked, "what was answered is never asked again"
    assert f"{ROWS} of {ROWS} answers replayed" in capsys.readouterr().out
    assert "ray" not in printed.lower() and "worker" not in printed


class Busy:
    """Answers after some seconds, and remembers the most requests that it was at together."""

    def __init__(self, seconds):
        self.seconds, self.now, self.most, self.counting = seconds, 0, 0, threading.Lock()

    def __call__(self, prompt):
        with self.counting:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self.counting:
            self.now -= 1
        return uneven_planner(prompt) if "goal" in prompt else "yes"


def test_never_more_calls_under_way_than_threads_and_errors_are_those_of_this_process(cluster):
    with ChatServer(busy := Busy(0.1)) as server, spread(connect(SPEC, api_base=server.url), Cluster(1), threads=3) as lm:
        asking = [threading.Thread(target=lambda: lm(request=REQUEST)) for _ in range(15)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert len(server.requests) == 15 and 2 <= busy.most <= 3
        for server.answer, server.status in ((too_long, 200), (too_long, 401)):
            (kind, said), (same, told) = error_of(connect(SPEC, api_base=server.url)), error_of(lm)
            assert issubclass(kind, same) and said.splitlines()[0] in told


def too_long(prompt):
    raise ContextTooLong


def error_of(lm):
    with pytest.raises(LMError) as raised:
        lm(request=REQUEST)
    return type(raised.value), str(raised.value)


def test_a_key_that_the_workers_lack_is_not_sent_to_them(cluster):
    with ChatServer(key=KEY) as server, pytest.raises(UsageError, match="set it there") as raised:
        with spread(connect(SPEC, api_base=server.url, api_key=KEY), Cluster(1), 1):
            pass
    assert KEY not in str(raised.value) and not server.requests


def test_a_model_without_a_spec_is_refused(cluster):
    with pytest.raises(UsageError, match="named by a spec"), spread(scripted_lm(str), cluster, 1):
        pass


def test_online_on_workers_decides_as_without(cluster, tmp_path):
    from tests.optimizers.loop.test_online_command import RIGHT, answer

    write_runs(tmp_path / "traces", [refund_run(number) for number in range(1000, 1120)])
    decided = []
    for engine in (["--threads", "8"], ["--engine", "ray", "--workers", "1"]):
        with ChatServer(answer(RIGHT, ["send_note"])) as server:
            run = tmp_path / f"loop-{len(decided)}"
            asked = ["--module", "planner", "--lm", SPEC, "--api-base", server.url, "--traces", str(tmp_path / "traces")]
            assert online([*asked, "--run-dir", str(run), "--shadow", "--challengers", "1", "--rows", "24", *engine]) == 0
        lines = [json.loads(line) for line in (run / "gepa_history.jsonl").read_text().splitlines()]
        decided.append([{name: each for name, each in line.items() if name != "time"} for line in lines])
    assert decided[0] == decided[1] and any(line["kind"] == "decision" for line in decided[0])


def write_pairs(path, rows):
    """Write rows of which some repeat another one nearly, hold an address, or lack an output; about 0.4 kB each."""
    draw = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "rstvz"]
    asked, said = "", ""
    with path.open("w") as file:
        for number in range(rows):
            if number % 50 or not asked:
                asked = " ".join(draw.choices(words, k=12))
                said = " ".join(draw.choices(words, k=50))
            told = said + " more" * (number % 50 == 0) + f" mail bob{number}@example.com" * (number % 70 == 9)
            output = "" if number % 500 == 7 else told
            file.write(json.dumps({"instruction": asked, "output": output}) + "\n")


def test_validate_with_a_killed_worker_finds_what_one_process_finds(cluster, tmp_path, capfd):
    (tmp_path / "user").mkdir()
    write_pairs(tmp_path / "user" / "mine.jsonl", 8_000)
    found = []
    here = ["data", "validate", "-d", "mine", "--data", str(tmp_path), "--checks", "schema,length,near_dup,pii,secrets"]
    with one_killed_when(lambda: bool(processes_of("ray::check")), "ray::check") as killed:
        for name, engine in (("here", ["--processes", "1"]), ("there", ["--engine", "ray"])):
            report, clean = tmp_path / f"{name}.json", tmp_path / f"{name}.jsonl"
            assert dspy_programs([*here, "-o", str(report), "--write-clean", str(clean), *engine]) == 0
            read = json.loads(report.read_text())
            read.pop("produced_at")
            found.append((read, clean.read_bytes(), clean.with_suffix(".rejects.jsonl").read_bytes()))
    assert killed and found[0] == found[1]
    counts = found[0][0]["counts"]
    assert counts["near_dup"] > 100 and counts["pii"] > 10 and counts["schema"] == 16
    out, err = capfd.readouterr()
    assert "ray" not in out.lower() and "worker" not in out + err


def test_what_a_check_refuses_is_refused_on_workers(cluster, tmp_path, capsys):
    (tmp_path / "user").mkdir()
    write_pairs(tmp_path / "user" / "mine.jsonl", 10)
    command = ["data", "validate", "-d", "mine", "--data", str(tmp_path), "--engine", "ray"]
    assert dspy_programs([*command, "--processes", "2"]) == 2
    assert "--processes is for --engine here" in capsys.readouterr().err


def test_work_that_dies_again_and_again_ends_in_one_line(cluster):
    from dspy_programs.cluster import lost

    with joined(cluster) as ray:
        dies = ray.remote(max_retries=0)(lambda: os.kill(os.getpid(), signal.SIGKILL))
        with pytest.raises(RunError, match="lost again and again") as raised, lost():
            ray.get(dies.remote())
    assert "\n" not in str(raised.value)


def test_a_cluster_of_its_own_leaves_nothing_behind_and_tells_no_key(data, tmp_path):
    """The command as a user runs it. While the model is asked, nothing that Ray wrote or started shows the key."""
    home, told = tmp_path / "home", []
    home.mkdir()
    first, before = threading.Lock(), set(Path("/tmp").glob("ray-*"))

    def answer(prompt):
        if first.acquire(blocking=False):
            folders = [folder for folder in Path("/tmp").glob("ray-*") if folder not in before]
            logs = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
            lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.name != str(command.pid)]
            shown = [str(path) for path in logs if KEY.encode() in path.read_bytes()]
            private = all(folder.stat().st_mode & 0o077 == 0 for folder in folders)
            told.extend([len(logs) > 5, private, shown, any(KEY.encode() in line for line in lines)])
        return uneven_planner(prompt)

    with ChatServer(answer, key=KEY) as server:
        here = [sys.executable, "-m", "optimizers.evaluate", "--module", "planner", "--lm", SPEC, "--api-base", server.url]
        more = ["--data", str(data), "--rows", "4", "--engine", "ray", "--json", "there.json"]
        command = subprocess.Popen(
            [*here, *more], env={**os.environ, "HOME": str(home), "DSPY_PROGRAMS_API_KEY": KEY, "DSPY_PROGRAMS_LM": SPEC},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        out, err = command.communicate(timeout=200)
    assert command.returncode == 0 and "uncompiled" in out, err
    assert told == [True, True, [], False] and set(Path("/tmp").glob("ray-*")) <= before
    assert not list(home.iterdir()) and {path.name for path in tmp_path.iterdir()} <= {"data", "home", "runs", "there.json"}
    assert KEY not in out + err and "ray" not in (out + err).lower().replace("ray-", "")
