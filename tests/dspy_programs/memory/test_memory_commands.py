"""The commands, as a shell runs them: exit codes, one line of JSON, files whole or not there."""

import json
import os
import subprocess
import sys

import pytest

from dspy_programs.cli import run
from dspy_programs.memory import save
from dspy_programs.memory.commands import app
from tests.fakes import ChatServer

pytestmark = pytest.mark.filterwarnings("ignore:memory_summarizer is not compiled")


@pytest.fixture
def written(tmp_path, messages):
    path = tmp_path / "messages.json"
    path.write_text(json.dumps(messages))
    return path


def told(capsys, *arguments):
    """Run a command that must end well; return the last line of what it prints as JSON."""
    assert run(app, [str(argument) for argument in arguments]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refused(capsys, *arguments):
    """Run a command that must fail with one line; return it."""
    assert run(app, [str(argument) for argument in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_compress_prints_one_line_and_writes_a_smaller_file_that_restores(capsys, tmp_path, written, messages):
    small, back = tmp_path / "small.json", tmp_path / "back.json"
    line = told(capsys, "compress", written, "--budget", 700, "--output", small)
    assert line["before"] - line["after"] == line["saved"] > 0 and line["after"] <= 700
    assert line["reduction_pct"] == pytest.approx(100 * line["saved"] / line["before"], abs=0.01)
    assert line["answered_by"] == "rules" and small.stat().st_size < written.stat().st_size
    report = json.loads(small.read_text())["extra"]["last_report"]
    assert report["final_tokens"] == line["after"]
    assert told(capsys, "restore", small, "-o", back) == {"entries": 61, "tokens": line["before"]}
    entries = json.loads(back.read_text())["entries"]
    assert [entry["content"] for entry in entries] == [message["content"] for message in messages]


def test_compress_to_messages_keeps_what_is_protected_word_for_word(capsys, tmp_path, written, messages):
    out = tmp_path / "out.json"
    told(capsys, "compress", written, "--budget", 500, "-o", out, "--format", "messages", "--protected-recent", 2)
    left = json.loads(out.read_text())
    assert left[0] == messages[0] and left[-2:] == messages[-2:] and out.stat().st_size < written.stat().st_size
    assert {message["role"] for message in left} <= {"system", "user", "assistant", "tool"}


def test_a_memory_can_be_compressed_in_its_place_again_and_again(capsys, tmp_path, store):
    path = save(store, tmp_path / "m.json")
    for budget in (900, 600, 300):
        assert told(capsys, "compress", path, "--budget", budget, "-o", path)["after"] <= budget
    assert told(capsys, "restore", path, "-o", path)["entries"] == 61


def test_inspect_tells_what_is_there_and_the_top(capsys, written):
    found = told(capsys, "inspect", written, "--json")
    assert (found["total_entries"], found["roles"]["system"], found["restorable"]) == (61, 1, 0)
    assert len(found["top"]) == 5 and all(row["score"] > 0 for row in found["top"])
    assert run(app, ["inspect", str(written)]) == 0
    assert "total_entries  61" in capsys.readouterr().out


def test_what_is_shown_cannot_steer_the_terminal(capsys, tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps([{"role": "user", "content": "\x1b[2Jgone \x07\u202e"}]))
    assert run(app, ["inspect", str(path)]) == 0
    assert not set("\x1b\x07\u202e") & set(capsys.readouterr().out)


def test_context_is_within_its_tokens(capsys, written, store):
    assert run(app, ["context", str(written), "--max-tokens", "300", "--system-message", "You help."]) == 0
    text = capsys.readouterr().out.removesuffix("\n")
    assert text.startswith("system: You help.") and store.count_tokens(text) <= 300
    chat = told(capsys, "context", written, "--max-tokens", 300, "--json")
    assert chat[-1]["content"] in text


def test_demo_keeps_its_facts_and_restores(capsys):
    assert run(app, ["demo"]) == 0
    out = capsys.readouterr().out
    assert "6 of 6 facts" in out and "all originals restored" in out and json.loads(out.splitlines()[-1])["after"] <= 600


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"[\xff]", "not UTF-8"),
        (b'"hello"', "neither a memory"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"role": "user", "content": "x"}\n{"role": "us\n', "m.json:2: not JSON"),
        (b'[{"role": "user", "content": "x"}, {"role": "king"}]', r"messages[1]: role: 'king'"),
    ],
)
def test_broken_input_is_one_line_with_the_file(capsys, tmp_path, content, match):
    path, out = tmp_path / "m.json", tmp_path / "out.json"
    path.write_bytes(content)
    line = refused(capsys, "compress", path, "--budget", 9, "-o", out)
    assert line.startswith(f"error: {path}") and match in line and not out.exists()


def test_budget_below_the_protected_part_says_what_that_has(capsys, tmp_path, written):
    line = refused(capsys, "compress", written, "--budget", 20, "-o", tmp_path / "out.json")
    assert "protected part alone has" in line and os.listdir(tmp_path) == ["messages.json"]


def test_full_disk_is_one_line_and_the_input_stays(capsys, written):
    before = written.read_bytes()
    assert "/dev/full: cannot be written: No space left" in refused(
        capsys, "compress", written, "--budget", 500, "-o", "/dev/full"
    )
    assert written.read_bytes() == before


def test_model_is_used_only_where_it_is_named_and_its_failure_is_an_error_or_marked(capsys, tmp_path, written):
    out = tmp_path / "out.json"
    with ChatServer(lambda prompt: "no JSON at all") as server:
        ask = ["compress", written, "--budget", 600, "-o", out, "--lm", "openai/tiny", "--api-base", server.url, "--no-cache"]
        assert "did not summarize" in refused(capsys, *ask) and not out.exists()
        line = told(capsys, *ask, "--fallback", "extract")
        assert line["answered_by"] == "rules" and line["fallbacks"] > 0
        asked = len(server.requests)
        assert told(capsys, *ask, "--no-llm")["fallbacks"] == 0 and len(server.requests) == asked > 0


def test_model_that_is_down_is_an_error_and_with_a_fallback_an_extract(capsys, tmp_path, written):
    out = tmp_path / "out.json"
    with ChatServer(status=400) as server:
        ask = ["compress", written, "--budget", 600, "-o", out, "--lm", "openai/none", "--api-base", server.url, "--no-cache"]
        assert "--fallback extract" in refused(capsys, *ask) and not out.exists()
        assert told(capsys, *ask, "--fallback", "extract")["fallbacks"] > 0


def test_stdin_and_json_lines_are_read_by_the_real_command():
    lines = "".join(json.dumps({"role": "user", "content": f"número {number}"}) + "\n" for number in range(3))
    command = [sys.executable, "-m", "dspy_programs", "memory", "inspect", "-", "--json"]
    done = subprocess.run(command, input=lines.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["total_entries"] == 3
