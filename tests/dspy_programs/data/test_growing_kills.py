"""Real commands, real servers, kill -9: what is in the files afterwards, and what was asked twice."""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from dspy_programs.__main__ import main
from tests.dspy_programs.data.growing_script import answer, without_times
from tests.fakes import ChatServer
from tests.processes import Started

CYCLES = 10
RUN = ["data", "run", "-s", "rivers in spring,winter sleep of animals,bread from rye,old maps", "-d", "data"]
RUN += ["--max-cycles", str(CYCLES), "--min-pass-rate", "0.05", "--template", "QA", "--template", "REASONING"]
RUN += ["--strategy", "seed", "--strategy", "evolve", "--strategy", "persona", "--strategy", "back-translate"]
GROWN: dict[tuple[str, ...], tuple[Path, Counter[str]]] = {}  # by options: where a run that was not stopped is, what it asked


def arguments(server: ChatServer, *more: str) -> list[str]:
    return [*RUN, "--lm", "openai/scripted", "--api-base", server.url, *more]


def files_in(folder: Path) -> dict[str, str]:
    """Everything that a growth leaves, but answers, locks and times."""
    found = sorted(path for path in (folder / "data").rglob("*.json*") if ".cache" not in path.parts)
    return {str(path.relative_to(folder)): without_times(path.read_text(encoding="utf-8")) for path in found}


def unstopped(folder: Path, *more: str) -> tuple[dict[str, str], Counter[str]]:
    """Return the files and the requests of a run that nothing stops; what it leaves is then in the folder."""
    if more not in GROWN:
        whole = folder.with_name("grown")
        whole.mkdir()
        with ChatServer(answer) as server:
            command = Started(main, arguments(server, *more), whole)
            out, err = command.communicate(300)
        assert command.returncode == 0, out + err
        GROWN[more] = whole, Counter(server.requests)
    whole, asked = GROWN[more]
    shutil.copytree(whole, folder)
    return files_in(folder), asked


@pytest.mark.timeout(600)
def test_ten_cycles_killed_five_times_are_the_same_files_and_nothing_is_asked_twice(tmp_path):
    """The server kills the command instead of answering: all that was answered before has been paid for."""
    wanted, asked = unstopped(tmp_path / "whole", "--concurrency", "1")
    assert len([name for name in wanted if "checkpoint_" in name]) == CYCLES
    folder = tmp_path / "killed"
    folder.mkdir()
    drawn = random.Random(18)
    deadly = set(drawn.sample(range(2, asked.total()), 5))
    answered: Counter[str] = Counter()
    running: list[Started] = []
    count = iter(range(10_000))

    def deadly_answer(prompt: str) -> str:
        if next(count) in deadly:
            running[-1].kill()
            running[-1].process.join(10)
        else:
            answered[server.requests[-1]] += 1
        return answer(prompt)

    with ChatServer(deadly_answer) as server:
        deaths = 0
        while True:
            running.append(Started(main, arguments(server, "--concurrency", "1", "--resume"), folder))
            out, err = running[-1].communicate(300)
            if running[-1].returncode == 0:
                break
            assert running[-1].returncode == -signal.SIGKILL, out + err
            deaths += 1
    assert deaths == 5
    assert files_in(folder) == wanted
    assert answered == asked  # as often as without a death: no prompt once more


@pytest.mark.timeout(600)
def test_killed_at_any_moment_with_several_requests_at_once_the_files_are_the_same(tmp_path):
    wanted, asked = unstopped(tmp_path / "whole", "--concurrency", "1")
    folder = tmp_path / "killed"
    folder.mkdir()
    drawn = random.Random(7)
    with ChatServer(answer) as server:
        for _ in range(5):
            command = Started(main, arguments(server, "--resume"), folder)
            began = len(server.requests)
            while len(server.requests) < began + drawn.randint(5, asked.total() // 6) and command.poll() is None:
                time.sleep(0.001)
            time.sleep(drawn.random() / 20)
            command.kill()
            command.communicate(30)
        command = Started(main, arguments(server, "--resume"), folder)
        command.communicate(300)
        assert command.returncode == 0
        assert files_in(folder) == wanted
        assert len(server.requests) - asked.total() <= 5 * 5  # those in progress at each death


@pytest.mark.timeout(120)
def test_death_between_the_files_of_a_cycle_leaves_nothing_half_kept(tmp_path):
    """As if it had died before the checkpoint, which is written last: the same cycle again, from kept answers alone."""
    wanted, _ = unstopped(tmp_path / "whole", "--max-cycles", "3")
    (tmp_path / "whole" / "data" / "checkpoints" / "checkpoint_003.json").unlink()
    data = tmp_path / "whole" / "data"
    for name in (
        "checkpoints/.checkpoint_003.json",
        ".cycle_003_passed.json",
        "train/.train_cycle_003.json",
        "user/.grown.jsonl",
    ):
        (data / f"{name}.0123456789ab").write_text("half")
    others = data / "user" / ".mine.jsonl.0123456789ab"
    others.write_text("another's")
    with ChatServer(answer) as server:
        command = Started(main, arguments(server, "--resume", "--max-cycles", "3"), tmp_path / "whole")
        command.communicate(60)
        assert command.returncode == 0 and server.requests == []
    assert others.exists()
    others.unlink()
    assert files_in(tmp_path / "whole") == wanted
    assert not list(data.rglob("*.0123456789ab"))


@pytest.mark.timeout(120)
def test_server_that_dies_midway_is_one_line_and_exit_code_3(tmp_path):
    wanted, asked = unstopped(tmp_path / "whole", "--max-cycles", "2")
    (tmp_path / "dies").mkdir()
    count = iter(range(10_000))

    def dying(prompt: str) -> str:
        if next(count) >= asked.total() - 6:
            server.status = 401  # from the next one on: asked again no more
        return answer(prompt)

    with ChatServer(dying) as server:
        command = Started(main, arguments(server, "--max-cycles", "2"), tmp_path / "dies")
        out, err = command.communicate(60)
        assert command.returncode == 3 and out == ""
        (line,) = [line for line in err.splitlines() if line.startswith("error:")]
        assert "cycle 2 is not kept, but its answers are: go on with --resume" in line
        assert not list((tmp_path / "dies").rglob("*002*"))
        server.status = 200
    with ChatServer(answer) as server:
        command = Started(main, arguments(server, "--max-cycles", "2", "--resume"), tmp_path / "dies")
        command.communicate(60)
        assert command.returncode == 0 and len(server.requests) <= 12
    assert files_in(tmp_path / "dies") == wanted


@pytest.mark.timeout(120)
def test_ctrl_c_finishes_what_is_begun_and_resume_goes_on(tmp_path):
    wanted, asked = unstopped(tmp_path / "whole", "--max-cycles", "3")
    (tmp_path / "stopped").mkdir()
    with ChatServer(answer, seconds=0.02) as server:
        command = Started(main, arguments(server, "--max-cycles", "3"), tmp_path / "stopped")
        while len(server.requests) < asked.total() // 2:
            time.sleep(0.005)
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(60)
        assert command.returncode == 130 and "whose answers are kept; go on with --resume" in err
        server.seconds = 0
        command = Started(main, arguments(server, "--max-cycles", "3", "--resume"), tmp_path / "stopped")
        command.communicate(60)
        assert command.returncode == 0
        assert Counter(server.requests) == asked
    assert files_in(tmp_path / "stopped") == wanted


@pytest.mark.timeout(120)
def test_resume_needs_no_options_and_asks_the_same_server_for_the_same(tmp_path):
    wanted, _ = unstopped(tmp_path / "whole", "--max-cycles", "3")
    folder = tmp_path / "again"
    folder.mkdir()
    with ChatServer(answer) as server:
        for more in (arguments(server, "--max-cycles", "2"), ["data", "run", "-d", "data", "--resume", "--min-pass-rate", "0"]):
            command = Started(main, more, folder, MAX_CYCLES="3")
            _, err = command.communicate(60)
            assert command.returncode == 0, err
    assert files_in(folder) == wanted


@pytest.mark.filterwarnings("ignore:.*not compiled")
@pytest.mark.timeout(60)
def test_failure_is_taught_to_whoever_writes_and_noted_in_the_pair(tmp_path):
    trace = {
        "trace_id": "t-2",
        "original_goal": "Book a table for two tonight.",
        "turns": [
            {"turn_number": 0, "role": "user", "content": "Book a table for two tonight."},
            {"turn_number": 1, "role": "agent", "content": "I'm sorry, but I can't help with that request."},
        ],
    }
    (tmp_path / "trace.json").write_text(json.dumps(trace))
    classify = ["failures", "batch", str(tmp_path / "trace.json"), "--min-probability", "0", "-o", str(tmp_path / "r.json")]
    assert main(classify) == 0
    data = tmp_path / "data"
    with ChatServer(answer) as server:
        run = ["data", "run", "--failures", str(tmp_path / "r.json"), "-d", str(data), "--max-cycles", "1"]
        assert main([*run, "--lm", "openai/scripted", "--api-base", server.url, "--per-seed", "4"]) == 0
        assert "OVER_REFUSAL: The agent refused" in server.requests[0]
    (cycle,) = json.loads((data / "checkpoints" / "checkpoint_001.json").read_text())["cycles"]
    assert cycle["generated_pairs"]
    for pair in cycle["generated_pairs"]:
        assert pair["metadata"]["failures"][0].startswith("OVER_REFUSAL") and pair["source_seed"] == trace["original_goal"]


def test_replies_in_fences_and_prose_are_pairs_and_failed_ones_are_none(tmp_path):
    """PEERS bug 9."""
    files, asked = unstopped(tmp_path / "whole", "--max-cycles", "2")
    texts = [pair for name, text in files.items() if "_passed" in name for pair in json.loads(text)]
    assert texts and not [pair for pair in texts if "```" in pair["output"] or "failed" in pair["output"].lower()]
    cycles = json.loads(files["data/checkpoints/checkpoint_002.json"])["cycles"]
    refused = sum(cycle["refused_counts"].get("generation", 0) for cycle in cycles)
    replies = [answer(prompt_of(request)) for request in asked.elements()]
    assert refused == sum(reply == "[Generation failed]" for reply in replies) > 0
    assert sum(reply.startswith(("```", "Sure")) for reply in replies) > 2


def prompt_of(request: str) -> str:
    return "\n".join(str(message["content"]) for message in json.loads(request)["messages"])


def test_rules_say_that_they_wrote_and_judged(tmp_path, capsys):
    os.chdir(tmp_path)
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("The river floods the lower fields in spring, and farmers move the sheep.\nphotosynthesis\n")
    run = ["data", "run", "--seeds-file", str(seeds), "--no-llm", "--max-cycles", "1", "--template", "QA", "--json"]
    assert main(run) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["generator"] == "rules" and found["cycles"][0]["judged_by"].keys() == {"rules"}
    assert found["cycles"][0]["answered_by"] == {"rules": 2}
    assert found["cycles"][0]["refused_counts"] == {"generation": 1}
    assert main(["data", "status"]) == 0
    said = capsys.readouterr().out
    assert "passed of 2, written by rules" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "nothing to grow from"),
        (["-s", "a river", "--template", "POEM"], "unknown template 'POEM'"),
        (["-s", "a river", "--max-usd", "1"], "this is free"),
        (["-s", "a river", "--checks", "schema,bogus"], "no check 'bogus'"),
        (["--from", "nowhere"], "no data set 'nowhere'"),
        (["--seeds-file", "nowhere.txt"], "cannot be read"),
        (["-s", "a river", "-n", "../escape"], "cannot be the name of a data set"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, capsys, more, said):
    assert main(["data", "run", "-d", str(tmp_path / "data"), "--no-llm", *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line and not (tmp_path / "data").exists()
