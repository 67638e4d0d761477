"""data judge as a command: models, environment, exit codes, and ends by signals in real processes."""

import asyncio
import json
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from dspy_programs.__main__ import main
from dspy_programs.data import AsyncQualityJudge, JudgmentCache, default_rubric, get_backend, read_judgments
from dspy_programs.data.judging.rubric_files import read_any_rubric
from dspy_programs.data.judging.which_model import Spec, of_backend, specs_of
from dspy_programs.errors import UsageError
from tests.dspy_programs.data.judging.judges import GOOD, by_word, number_in, pairs, write_pairs
from tests.fakes import ChatServer, scripted_lm
from tests.processes import Started


@pytest.fixture
def data(tmp_path) -> Path:
    write_pairs(tmp_path / "data", pairs(12))
    return tmp_path / "data"


@pytest.fixture
def server():
    with ChatServer(by_word) as found:
        yield found


def judge(data: Path, *argv: str) -> int:
    return main(["data", "judge", "-d", "demo", "--data", str(data), *argv])


def lines_of(data: Path, tag: str) -> list[dict]:
    return [json.loads(line) for line in (data / "judgments" / f"demo.{tag}.jsonl").read_text().splitlines()]


def test_a_model_on_a_server_judges_and_the_second_run_is_known(data, server, capsys):
    argv = ["--lm", "openai/mine", "--api-base", server.url, "--tag", "v1"]
    assert judge(data, *argv) == 0
    shown = capsys.readouterr().out
    assert "Cache              hits=0 misses=12" in shown and "6 (50.0%) of 12" in shown
    assert judge(data, *argv, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["hits"], found["misses"], found["complete"], len(server.requests)) == (12, 0, True, 12)
    assert judge(data, *argv, "--no-cache") == 0
    assert "hits=0 misses=12" in capsys.readouterr().out and len(server.requests) == 24
    assert {line["judge_model"] for line in lines_of(data, "v1")} == {"openai/mine"}


def test_without_a_model_the_rules_judge(data, capsys):
    assert judge(data) == 0
    assert "rules 12" in capsys.readouterr().out and len(lines_of(data, "rules")) == 12


def test_a_model_whose_replies_are_of_no_use_is_an_error(data, capsys):
    with ChatServer(lambda prompt: "no idea") as server:
        assert judge(data, "--lm", "openai/mine", "--api-base", server.url, "--tag", "v1", "--max-pairs", "2") == 2
    shown = capsys.readouterr().out
    assert "Failed (errors)    2" in shown and "Output             none: no pair is judged" in shown
    assert "0 (0.0%)" not in shown and "0.00 of 10" not in shown
    assert not (data / "judgments" / "demo.v1.jsonl").exists()


def test_the_flywheels_backend_is_a_model(data, server, monkeypatch):
    monkeypatch.setenv("OLLAMA_BASE_URL", server.url.removesuffix("/v1"))
    assert judge(data, "--backend", "ollama", "--model", "gemma", "--max-pairs", "3") == 0
    assert [line["judge_model"] for line in lines_of(data, "ollama")] == ["openai/gemma"] * 3
    monkeypatch.setenv("DEFAULT_JUDGE_BACKEND", "ollama")
    monkeypatch.setenv("OLLAMA_MODEL", "other")
    assert judge(data, "--max-pairs", "2") == 0
    assert [line["judge_model"] for line in lines_of(data, "ollama")] == ["openai/other"] * 2


def test_environment_reaches_the_request(data, server, monkeypatch):
    monkeypatch.setenv("JUDGE_TEMPERATURE", "0.3")
    monkeypatch.setenv("JUDGE_MAX_TOKENS", "321")
    assert judge(data, "--lm", "openai/mine", "--api-base", server.url, "--max-pairs", "1") == 0
    sent = json.loads(server.requests[0])
    assert sent["temperature"] == 0.3 and 321 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


def test_concurrency_and_timeout_of_the_environment_are_checked(data, monkeypatch, capsys):
    monkeypatch.setenv("JUDGE_CONCURRENCY", "none")
    assert judge(data) == 2
    assert "JUDGE_CONCURRENCY" in capsys.readouterr().err


def test_sample_and_output_are_followed(data, server, tmp_path):
    argv = ["--lm", "openai/mine", "--api-base", server.url, "--sample", "0.5", "-o", str(tmp_path / "deep" / "out.jsonl")]
    assert judge(data, *argv) == 0
    assert len(list(read_judgments(tmp_path / "deep" / "out.jsonl"))) == 6


def test_several_models_are_an_ensemble(data, capsys):
    with ChatServer(by_word) as one, ChatServer(lambda prompt: GOOD) as other:
        argv = ["--lm", "openai/a", "--lm", "openai/b", "--api-base", one.url, "--api-base", other.url, "--tag", "both"]
        assert judge(data, *argv) == 0
    shown = capsys.readouterr().out
    assert "Judges disagree    on 6 of 12" in shown and "openai/a + openai/b" in shown
    assert sum(line["disagreed"] for line in lines_of(data, "both")) == 6


@pytest.mark.timeout(180)
def test_a_server_that_fails_is_one_line_and_no_file(data, capsys):
    with ChatServer(by_word, status=400) as broken:
        assert judge(data, "--lm", "openai/mine", "--api-base", broken.url, "--tag", "x", "--timeout", "1") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and "nothing was judged" in error
    assert not (data / "judgments" / "demo.x.jsonl").exists()


def test_a_server_that_is_busy_is_asked_again(data, server):
    server.fail_next = 4
    assert judge(data, "--lm", "openai/mine", "--api-base", server.url, "--tag", "busy") == 0
    assert len(lines_of(data, "busy")) == 12 and len(server.requests) == 16


def test_a_key_that_is_refused_is_found_out_by_one_call(data, capsys):
    with ChatServer(by_word, key="right") as locked:
        assert judge(data, "--lm", "openai/mine", "--api-base", locked.url, "--api-key", "wrong-key") == 2
        assert len(locked.requests) == 1
    assert "wrong-key" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--rubric", "nice"], "unknown rubric 'nice'"),
        (["--rubric", "none.yaml"], "none.yaml"),
        (["--sample", "0"], "give a share above 0"),
        (["--sample", "1.5"], "give a share above 0"),
        (["--backend", "other"], "unknown backend 'other'"),
        (["--model", "gemma"], "name the server of the model too"),
        (["--lm", "openai/a", "--backend", "ollama"], "not both"),
        (["--lm", "openai/a", "--lm", "openai/a"], "given twice"),
        (["--backend", "openrouter"], "OPENROUTER_API_KEY"),
        (["--max-usd", "1"], "these judges are free"),
        (["--tag", "../x"], "cannot be the name of a tag"),
        (["-o", "."], "not a file"),
        (["-o", "data/user/demo.jsonl"], "is read, so it cannot be an output"),
    ],
)
def test_what_cannot_be_judged_is_one_line(data, capsys, monkeypatch, tmp_path, argv, said):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert judge(data, *argv) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1


def test_a_data_set_that_is_not_there_is_one_line(tmp_path, capsys):
    assert main(["data", "judge", "-d", "none", "--data", str(tmp_path)]) == 2
    assert "no data set 'none'" in capsys.readouterr().err


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def asked_or_ended(server: ChatServer, requests: int, process: Started) -> bool:
    return len(server.requests) >= requests or process.poll() is not None


def started(folder: Path, url: str, *argv: str) -> Started:
    work = folder / f"process{time.monotonic_ns()}"
    work.mkdir()
    argv = ["data", "judge", "-d", "demo", "--data", str(folder / "data"), "--lm", "openai/mine", "--api-base", url, *argv]
    return Started(main, argv, work)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("no_cache", [[], ["--no-cache"]])
def test_killed_five_times_it_pays_nothing_twice_and_ends_the_same(data, tmp_path, no_cache):
    write_pairs(data, pairs(40))
    argv = ["--tag", "k", "--concurrency", "2", *no_cache]
    with ChatServer(by_word, seconds=0.03) as server:
        for round_ in range(1, 6):
            process = started(tmp_path, server.url, *argv)
            wait_for(partial(asked_or_ended, server, 6 * round_, process))
            process.kill()
            process.communicate()
        process = started(tmp_path, server.url, *argv)
        process.communicate()
        assert process.returncode == 0
        asked = [
            number_in(json.loads(body)["messages"][-1]["content"]) for body in server.requests if body
        ]  # a kill may have cut one off
    found = lines_of(data, "k")
    assert len({line["pair_id"] for line in found}) == len(found) == 40
    assert sum(line["passed"] for line in found) == 20
    assert len(asked) <= 40 + 5 * 2  # a request that was under way at a kill has no answer that could be kept
    assert not list((data / "judgments").glob(".*.unfinished"))


@pytest.mark.timeout(120)
def test_a_second_judge_of_one_file_is_refused(data, tmp_path):
    with ChatServer(by_word, seconds=0.3) as server:
        first = started(tmp_path, server.url, "--tag", "t", "--concurrency", "1")
        wait_for((data / "judgments" / "demo.t.jsonl").exists)
        second = started(tmp_path, server.url, "--tag", "t")
        _, error = second.communicate()
        assert second.returncode == 2 and "another process is judging into it" in error
        server.seconds = 0
        other = started(tmp_path, server.url, "--tag", "u", "--max-pairs", "1")
        other.communicate()
        assert other.returncode == 0
        first.communicate()
        assert first.returncode == 0
    assert len(lines_of(data, "t")) == 12


@pytest.mark.timeout(120)
def test_first_ctrl_c_finishes_what_is_begun_and_the_next_run_goes_on(data, tmp_path):
    with ChatServer(by_word, seconds=0.3) as server:
        process = started(tmp_path, server.url, "--tag", "c", "--concurrency", "2")
        wait_for((data / "judgments" / "demo.c.jsonl").exists)
        process.send_signal(signal.SIGINT)
        said, error = process.communicate()
        assert process.returncode == 130 and "stopping: " in error and "Ctrl-C; the same command continues" in said
        kept = len(lines_of(data, "c"))
        assert 1 <= kept < 12 and len(server.requests) == kept
        server.seconds = 0
        again = started(tmp_path, server.url, "--tag", "c")
        again.communicate()
        assert again.returncode == 0 and len(server.requests) == 12 == len(lines_of(data, "c"))


@pytest.mark.timeout(120)
def test_second_ctrl_c_ends_at_once(data, tmp_path):
    with ChatServer(lambda prompt: GOOD, seconds=8) as server:
        process = started(tmp_path, server.url, "--tag", "c")
        wait_for(lambda: server.requests)
        process.send_signal(signal.SIGINT)
        wait_for(lambda: "stopping" in (process.folder / "stderr.txt").read_text())
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130 and time.monotonic() - before < 4


def test_which_models_judge():
    def found(lm=(), backend=None, model=None, bases=(), **environment):
        return specs_of(lm, backend, model, bases, None, environment)

    assert found() == [] and found(["a/b"]) == [Spec("a/b")]
    assert found(DSPY_PROGRAMS_LM="a/b", DEFAULT_JUDGE_BACKEND="ollama") == [Spec("a/b")]
    assert found(backend="anthropic", DSPY_PROGRAMS_LM="a/b", ANTHROPIC_API_KEY="its") == [
        Spec("anthropic/claude-haiku-4-5-20251001", backend="anthropic")
    ]
    assert found(["a/b", "c/d"], bases=["u"]) == [Spec("a/b", "u"), Spec("c/d", "u")]
    assert found(["a/b", "a/b"], bases=["u", "v"]) == [Spec("a/b", "u"), Spec("a/b", "v")]
    with pytest.raises(UsageError, match="3 addresses for 2 models"):
        found(["a/b", "c/d"], bases=["u", "v", "w"])


def test_the_environments_key_goes_to_its_own_model_only():
    told = {"DSPY_PROGRAMS_API_KEY": "secret", "DSPY_PROGRAMS_API_BASE": "http://here/v1"}

    def keys(lm, backend=None, **more):
        return [(spec.api_base, spec.api_key) for spec in specs_of(lm, backend, None, [], None, told | more)]

    assert keys(["a/b"]) == [("http://here/v1", "secret")]
    for more in ({"DSPY_PROGRAMS_LM": "c/d"}, {"DSPY_PROGRAMS_LM": "a/b"}):  # of the second, `connect` reads it
        assert keys(["a/b"], **more) == [(None, None)]
    assert keys(["a/b", "c/d"]) == [(None, None)] * 2
    assert keys([], "anthropic", ANTHROPIC_API_KEY="its") == [(None, None)] and keys([], "ollama") == [
        ("http://localhost:11434/v1", "none")
    ]
    with pytest.raises(UsageError, match="several providers would see it"):
        specs_of(["a/b", "c/d"], None, None, [], "typed", {})


def test_the_environments_model_has_its_address_and_key(data, monkeypatch):
    with ChatServer(by_word, key="its-own") as locked:
        for name, value in (("LM", "openai/mine"), ("API_BASE", locked.url), ("API_KEY", "its-own")):
            monkeypatch.setenv(f"DSPY_PROGRAMS_{name}", value)
        assert judge(data, "--max-pairs", "2") == 0
        assert judge(data, "--lm", "openai/mine", "--tag", "named", "--max-pairs", "2") == 0


def test_backends_read_the_flywheels_variables(monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "secret")
    told = {"OPENROUTER_MODEL": "qwen/x", "OPENROUTER_BASE_URL": "http://here/v1", "OLLAMA_BASE_URL": "http://there:1"}
    assert of_backend("openrouter", environment=told) == Spec("openai/qwen/x", "http://here/v1", "secret", "openrouter")
    assert of_backend("ollama", "m", environment=told) == Spec("openai/m", "http://there:1/v1", "none", "ollama")
    assert get_backend("ollama", model="gemma4:latest").model == "openai/gemma4:latest"


def test_a_rubric_of_the_flywheel_is_read(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "name: strict\nversion: 2.0\nprompt_template: '{{ pair.output }}'\ntemperature: 0.1\n"
        "criteria: [accuracy, helpfulness]\npass_condition: overall >= 7 and accuracy >= 6\n"
    )
    with pytest.warns(UserWarning, match="prompt_template, temperature not used"):
        rubric = read_any_rubric(path)
    assert rubric.version == "2.0" and [each.name for each in rubric.criteria] == ["accuracy", "helpfulness"]
    path.write_text("name: x\ncriteria: {accuracy: is true}\npass_condition: accuracy > 1 and rm\n")
    with pytest.raises(UsageError, match="pass_condition"):
        read_any_rubric(path)


def test_a_rubric_file_decides(data, server, tmp_path):
    path = tmp_path / "r.json"
    criteria = [{"name": name} for name in ("correctness", "helpfulness", "clarity")]
    path.write_text(json.dumps({"name": "mine", "version": "3", "criteria": criteria, "pass_condition": "overall < 0.5"}))
    assert judge(data, "--lm", "openai/mine", "--api-base", server.url, "--rubric", str(path), "--tag", "r") == 0
    found = lines_of(data, "r")
    assert found[0]["rubric"] == {"name": "mine", "version": "3"}
    assert all(line["passed"] is (line["scores"]["overall"] < 5) for line in found)


def test_the_articles_library_call(tmp_path):
    lm = scripted_lm(lambda prompt: "no scores" if number_in(prompt) == 2 else by_word(prompt), "scripted/judge")
    judge = AsyncQualityJudge(
        backend=lm, rubric=default_rubric(), cache=JudgmentCache(root=tmp_path / "judge"), backend_name="ollama"
    )
    found = asyncio.run(judge.judge_batch(pairs(6), concurrency=2))
    assert [judgment.passed for judgment in found] == [False, True, True, False, True]
    assert list(judge.failures) == [pairs(6)[2].id] and found[0].tag == "ollama"
    asyncio.run(judge.judge_batch(pairs(6), concurrency=2))
    assert len(lm.engine.prompts) == 7  # only the failure was asked again


def test_without_a_backend_the_library_judges_by_rules():
    [found] = asyncio.run(AsyncQualityJudge().judge_batch(pairs(1)))
    assert found.answered_by == "rules"


def test_judging_by_rules_does_not_wait_for_dspy(data, tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from dspy_programs.__main__ import main; "
        f"main(['data', 'judge', '-d', 'demo', '--data', {str(data)!r}]); sys.exit('dspy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}, stdout=subprocess.DEVNULL).returncode == 0
