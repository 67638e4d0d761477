"""The commands, as a shell runs them: exit codes, one line of JSON, files whole or not there."""

import json
import os
import subprocess
import sys

import pytest

from dspy_programs.cli import run
from dspy_programs.memory import MemoryStore, load, opened, restore, save
from dspy_programs.memory.commands import app
from dspy_programs.memory.sending.sent import sent_tokens
from tests.fakes import ChatServer
from tests.processes import forks

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
    restored = told(capsys, "restore", small, "-o", back)
    assert (restored["entries"], restored["tokens"]) == (61, line["before"]) and restored["restored"] > 40
    entries = json.loads(back.read_text())["entries"]
    assert [entry["content"] for entry in entries] == [message["content"] for message in messages]


def test_restore_says_where_a_note_stays_because_its_originals_are_elsewhere(capsys, tmp_path, written):
    small, kept, back = tmp_path / "small.json", tmp_path / "kept.json", tmp_path / "back.json"
    arguments = ("compress", written, "--budget", "700", "-o", small, "--format", "messages", "--originals", kept)
    assert run(app, list(map(str, arguments))) == run(app, ["restore", str(small), "-o", str(back)]) == 0
    assert f"{small}: turn 2 is a note of a compression" in capsys.readouterr().err
    assert run(app, list(map(str, ("restore", small, "-o", back, "--originals", kept)))) == 0
    assert "note of a compression" not in capsys.readouterr().err


def test_compress_to_messages_keeps_what_is_protected_word_for_word(capsys, tmp_path, written, messages):
    out = tmp_path / "out.json"
    told(capsys, "compress", written, "--budget", 500, "-o", out, "--format", "messages", "--protected-recent", 2)
    left = json.loads(out.read_text())
    assert left[0]["content"] == messages[0]["content"] and out.stat().st_size < written.stat().st_size
    assert [message["content"] for message in left[-2:]] == [message["content"] for message in messages[-2:]]
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
    shown = capsys.readouterr().out
    assert "total_entries  61" in shown and ", system 1," in shown and "{" not in shown.partition("restorable")[0]


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


def content_of(messages):
    return [(message["role"], message["content"]) for message in messages]


def written_by(capsysbinary, *arguments):
    """Run a command that writes to standard output; return that, and the line that it prints beside it."""
    assert run(app, [str(argument) for argument in arguments]) == 0
    done = capsysbinary.readouterr()
    return json.loads(done.out), json.loads(done.err.splitlines()[-1]) if done.err else None


def test_dash_writes_to_standard_output_and_reports_beside_it(capsysbinary, tmp_path, written, messages):
    kept, line = written_by(capsysbinary, "compress", written, "--budget", 500, "-o", "-")
    assert kept["extra"]["last_report"]["final_tokens"] == line["after"] <= 500
    (tmp_path / "small.json").write_text(json.dumps(kept))
    back, line = written_by(capsysbinary, "restore", tmp_path / "small.json", "-o", "-", "--format", "messages")
    assert back == messages and line["entries"] == 61
    chat, line = written_by(capsysbinary, "context", written, "--max-tokens", 300, "--json", "-o", "-")
    assert chat[-1]["content"] == messages[-1]["content"] and line is None
    assert sorted(os.listdir(tmp_path)) == ["messages.json", "small.json"]


def test_context_replaces_no_memory_and_takes_any_number(capsys, tmp_path, written):
    before = written.read_bytes()
    assert "is read, so it cannot be an output" in refused(capsys, "context", written, "-o", written)
    assert written.read_bytes() == before
    assert run(app, ["context", str(written), "--max-tokens", "9" * 400, "-o", str(tmp_path / "c.txt")]) == 0


def test_context_goes_to_a_file_whole(capsys, tmp_path, written):
    assert run(app, ["context", str(written), "--max-tokens", "300", "-o", str(tmp_path / "c.txt")]) == 0
    assert run(app, ["context", str(written), "--max-tokens", "300"]) == 0
    assert (tmp_path / "c.txt").read_text() == capsys.readouterr().out


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_messages_and_their_originals_restore_also_after_more_was_said_and_more_rounds(capsys, tmp_path, written, strict):
    out, originals, back = tmp_path / "out.json", tmp_path / "originals.json", tmp_path / "back.json"
    said, source = content_of(json.loads(written.read_text())), written
    for round_ in range(4):
        told(capsys, "compress", source, "--budget", 500, "-o", out, "--format", "messages", "--originals", originals, *strict)
        sent = json.loads(out.read_text())
        assert {key for message in sent for key in message} <= {"role", "content", "tool_calls", "tool_call_id", "name"}
        more = [("user", f"Question {round_}? " * 30), ("assistant", f"Answer {round_}. " * 30)]
        more = more if sent[-1]["role"] == "assistant" else more[::-1]
        said += [(role, text.strip()) for role, text in more]
        out.write_text(json.dumps([*sent, *({"role": role, "content": text.strip()} for role, text in more)]))
        source = out
        told(capsys, "restore", out, "--originals", originals, "-o", back, "--format", "messages")
        assert content_of(json.loads(back.read_text())) == said, round_


def test_messages_of_another_conversation_do_not_touch_the_originals(capsys, tmp_path, written):
    out, originals = tmp_path / "out.json", tmp_path / "originals.json"
    ask = ["--budget", 500, "--format", "messages", "--originals", originals]
    told(capsys, "compress", written, *ask, "-o", out)
    kept, sent = originals.read_bytes(), json.loads(out.read_text())
    changed = [*sent[:-1], {**sent[-1], "content": "something else"}]
    for other in ([], sent[:-1], changed, [{"role": "user", "content": "Hi"}]):
        (tmp_path / "other.json").write_text(json.dumps(other))
        line = refused(capsys, "compress", tmp_path / "other.json", *ask, "-o", tmp_path / "new.json")
        assert "does not begin with the messages that were last written with" in line
    assert originals.read_bytes() == kept and not (tmp_path / "new.json").exists()


def test_a_command_that_ended_between_its_two_files_goes_on_with_them(capsys, tmp_path, written, messages):
    originals, later = tmp_path / "originals.json", [{"role": "user", "content": "One thing more: 4 chairs. " * 9}] * 9
    for more in ([], later):  # also in a later round
        written.write_text(json.dumps([*json.loads(written.read_text()), *more]))
        arguments = ("compress", written, "--budget", 700, "--format", "messages", "--originals", originals, "-o")
        refused(capsys, *arguments, "/dev/full")
        told(capsys, *arguments, written)
    told(capsys, "restore", written, "--originals", originals, "--format", "messages", "-o", tmp_path / "back.json")
    assert json.loads((tmp_path / "back.json").read_text()) == [*messages, *later]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["-o", "out.json", "--originals", "o.json"], "--originals works with --format messages"),
        (["-o", "out.json", "--strict"], "--strict works with --format messages"),
        (["-o", "out.json", "--format", "messages", "--originals", "out.json"], "give each its own file"),
        (["-o", "out.json", "--format", "messages", "--originals", "messages.json"], "give each its own file"),
        (["-o", "-", "--format", "messages", "--originals", "-"], "standard output takes only the messages"),
        (["-o", "messages.json", "--format", "messages"], "its originals would be lost"),
        (["-o", "link.json", "--format", "messages"], "its originals would be lost"),
    ],
)
def test_options_that_would_lose_something_are_refused(capsys, tmp_path, written, monkeypatch, options, match):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.json").symlink_to("messages.json")
    before = written.read_bytes()
    assert match in refused(capsys, "compress", "messages.json", "--budget", 500, *options)
    assert written.read_bytes() == before and sorted(os.listdir(tmp_path)) == ["link.json", "messages.json"]


def test_add_takes_words_standard_input_and_messages(capsys, tmp_path, messages):
    path, more = tmp_path / "m.json", tmp_path / "more.json"
    more.write_text(json.dumps(messages))
    assert told(capsys, "add", path, "--content", "First.")["entries"] == 1
    command = [sys.executable, "-m", "dspy_programs", "memory", "add", str(path), "--role", "assistant", "--content", "-"]
    done = subprocess.run(command, input="Zweitens: größer.\n".encode(), capture_output=True, timeout=60)
    assert json.loads(done.stdout)["added"] == 1
    found = told(capsys, "add", path, "--messages", more)
    assert (found["added"], found["entries"]) == (61, 63)
    store = load(path).store
    assert [entry.content for entry in store][:3] == ["First.", "Zweitens: größer.", messages[0]["content"]]
    assert [entry.turn_number for entry in store] == list(range(1, 64)) and store.entries[1].role == "assistant"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ([], "give --content TEXT or --messages FILE"),
        (["--content", "x", "--messages", "y"], "give --content TEXT or --messages FILE"),
        (["--content", ""], "empty; nothing was added"),
        (["--messages", "nothing.json"], "nothing.json: cannot be read"),
    ],
)
def test_add_of_nothing_is_one_line_and_makes_no_file(capsys, tmp_path, monkeypatch, options, match):
    monkeypatch.chdir(tmp_path)
    assert match in refused(capsys, "add", "m.json", *options)
    assert os.listdir(tmp_path) == []


def test_add_to_messages_says_how_to_make_a_memory_of_them(capsys, written):
    before = written.read_bytes()
    assert f"`memory restore {written} -o MEMORY` makes one" in refused(capsys, "add", written, "--content", "x")
    assert written.read_bytes() == before


def test_what_is_added_while_a_memory_is_compressed_in_its_place_stays(capsys, tmp_path, store):
    path = save(store, tmp_path / "m.json")
    adds = forks().Process(target=add_many, args=(path,))
    adds.start()
    while adds.is_alive():
        told(capsys, "compress", path, "--budget", 900, "-o", path, "--protected-recent", 1)
    adds.join(60)
    said = [entry.content for entry in restore(load(path).store)]
    assert said[:61] == [entry.content for entry in store] and said[61:] == [f"Added {number}." for number in range(15)]


def add_many(path):
    for number in range(15):
        with opened(path) as store:
            store.add("user", f"Added {number}.")


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_private_memory_stays_private_whatever_writes_it(capsys, tmp_path, store):
    path = save(store, tmp_path / "m.json")
    path.chmod(0o600)
    told(capsys, "compress", path, "--budget", 700, "-o", path)
    told(capsys, "add", path, "--content", "x")
    told(capsys, "restore", path, "-o", path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("option", ["--output", "--originals"])
def test_a_link_that_leads_back_to_itself_is_one_line(capsys, tmp_path, written, option):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.symlink_to(other)
    other.symlink_to(one)
    paths = {"--output": tmp_path / "out.json", "--originals": tmp_path / "originals.json"} | {option: one}
    given = [word for pair in paths.items() for word in pair]
    assert "leads back to itself" in refused(capsys, "compress", written, "--budget", 700, "--format", "messages", *given)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_the_messages_with_what_they_say_of_missing_results_are_within_the_budget(capsys, tmp_path, strict):
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": "look", "arguments": "{}"}} for n in range(4)]
    said = [{"role": "user", "content": f"The code of room {n} is {1000 + n}, as I was told at the desk."} for n in range(30)]
    path, out = tmp_path / "said.json", tmp_path / "out.json"
    path.write_text(json.dumps([*said, {"role": "assistant", "content": "I look.", "tool_calls": calls}]))
    form = ["--format", "messages", *strict]
    for budget in range(300, 420, 20):
        line = told(capsys, "compress", path, "--budget", budget, "-o", out, *form)
        left = json.loads(out.read_text())
        assert sum(message["role"] == "tool" for message in left) == 4
        counter = MemoryStore().counter
        assert sum(sent_tokens(message, counter) for message in left) <= budget
        assert line["before"] - line["after"] == line["saved"] and line["before"] > budget >= line["after"]
