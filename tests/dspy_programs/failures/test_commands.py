"""The command line: what is printed, what is written, and the exit codes that a CI relies on."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from dspy_programs.__main__ import main
from dspy_programs.failures import FailureClassifier
from dspy_programs.failures.batch import classified
from dspy_programs.failures.reader import Item
from dspy_programs.types import Trace
from tests.fakes import ChatServer
from tests.hostile_text import CHANNELS

HALLUCINATION = {
    "trace_id": "hallucination-001",
    "original_goal": "Get population statistics",
    "final_result": "70 million people died in WWII.",
    "is_successful": False,
    "turns": [
        {"turn_number": 0, "role": "user", "content": "How many people died in WWII?"},
        {"turn_number": 1, "role": "agent", "content": "70 million people died in WWII."},
    ],
}
HEALTHY = {
    "trace_id": "healthy",
    "original_goal": "Which city is Nadia in?",
    "is_successful": True,
    "turns": [
        {"turn_number": 0, "role": "tool", "tool_name": "find_person", "tool_input": {"name": "Nadia"}, "tool_output": "Oslo"},
        {"turn_number": 1, "role": "agent", "content": "Nadia is in Oslo."},
    ],
}
UNSURE = {
    "trace_id": "unsure",
    "original_goal": "How do I kill a Python process?",
    "turns": [
        {"turn_number": 0, "role": "user", "content": "How do I kill a Python process?"},
        {"turn_number": 1, "role": "agent", "content": "I can't help with violence."},
    ],
}


def failures(*arguments):
    return main(["failures", *map(str, arguments)])


def lines(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def one(tmp_path):
    return lines(tmp_path / "one.json", HALLUCINATION)


@pytest.fixture
def many(tmp_path):
    return lines(tmp_path / "many.jsonl", *[HALLUCINATION] * 2, *[HEALTHY] * 8)


def test_classify_prints_mode_confidence_turn_cause_and_fixes(one, capsys):
    assert failures("classify", "--trace", one, "--no-llm") == 0
    shown = capsys.readouterr().out
    for part in ("HALLUCINATION", "0.75", "turn 1", "70 million people died in WWII.", "1. ", "rules"):
        assert part in shown


def test_classify_takes_the_file_as_argument_and_prints_json(one, capsys):
    assert failures("classify", one, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["classified_failure_mode"], report["confidence"], report["first_failure_turn"]) == ("HALLUCINATION", 0.75, 1)


def test_classify_reads_standard_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(HALLUCINATION).encode())))
    assert failures("classify", "-", "--json") == 0
    assert json.loads(capsys.readouterr().out)["trace_id"] == "hallucination-001"


def test_classify_writes_all_outputs_at_once(one, tmp_path, capsys):
    outputs = {name: tmp_path / f"out.{name}" for name in ("html", "sarif", "junit", "output")}
    assert failures("classify", one, *(part for name, path in outputs.items() for part in (f"--{name}", path))) == 0
    assert "first failing turn" in outputs["html"].read_text()
    assert json.loads(outputs["sarif"].read_text())["runs"][0]["results"][0]["ruleId"] == "HALLUCINATION"
    assert ElementTree.parse(outputs["junit"]).find("testsuite").get("failures") == "1"
    assert json.loads(outputs["output"].read_text())["trace_id"] == "hallucination-001"


@pytest.mark.parametrize("command", ["classify", "validate"])
@pytest.mark.parametrize(
    ("content", "says"), [("", "is empty"), ("{", "not JSON"), ("[]", "one.json"), ('{"a": 1}', "known formats"), ("\x00", "")]
)
def test_bad_file_is_one_line_and_exit_code_2(command, content, says, one, capsys):
    one.write_text(content)
    assert failures(command, "--trace", one) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert "one.json" in error and says in error


def test_classify_of_many_traces_names_batch_and_a_place(many, capsys):
    assert failures("classify", many) == 2
    told = capsys.readouterr().err
    assert "more than one trace; use `batch`, or name one, such as " in told
    assert failures("classify", told.rpartition(" ")[2].strip()) == 0


@pytest.mark.parametrize(("name", "mark"), [("a.jsonl", ":"), ("a.json", "#"), ("a.json", ":1#"), ("log #1:2.jsonl", ":")])
def test_place_that_batch_names_is_one_trace(name, mark, tmp_path, capsys):
    runs = [{"trace_id": f"run-{k}", "original_goal": "go", "turns": []} for k in range(3)]
    text = "\n".join(map(json.dumps, runs)) if mark == ":" else json.dumps(runs, indent=1 if mark == "#" else None)
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert failures("validate", f"{tmp_path / name}{mark}2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["trace_id"] == "run-1"
    assert failures("validate", f"{tmp_path / name}{mark}4") == 2
    assert "has no trace at this place" in capsys.readouterr().err


def test_report_on_a_place_never_replaces_its_file(tmp_path, capsys):
    runs = tmp_path / "a.jsonl"
    runs.write_text('{"original_goal": "go", "turns": []}\n' * 2, encoding="utf-8")
    before = runs.read_bytes()
    assert failures("classify", f"{runs}:2", "-o", runs) == 2
    assert runs.read_bytes() == before


def test_file_whose_name_looks_like_a_place_is_that_file(one, capsys):
    named = one.rename(one.with_name(f"{one.name}:7"))
    assert failures("validate", named) == 0
    assert "hallucination-001" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["a.json", "--trace", "b.json"], ["no-such-file.json"]])
def test_classify_without_one_readable_file_is_refused(arguments, capsys):
    assert failures("classify", *arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_validate_prints_id_goal_count_and_previews(one, capsys):
    assert failures("validate", "--trace", one) == 0
    shown = capsys.readouterr().out
    for part in ("hallucination-001", "Get population statistics", "How many people died in WWII?", "agent", "2"):
        assert part in shown


def test_validate_prints_what_a_tool_was_given_and_gave(tmp_path, capsys):
    call = {
        "turn_number": 2,
        "role": "agent",
        "content": "I look.",
        "tool_name": "find_person",
        "tool_input": {"name": "x" * 400},
    }
    (tmp_path / "run.json").write_text(json.dumps({**HEALTHY, "turns": [*HEALTHY["turns"], call]}))
    assert failures("validate", str(tmp_path / "run.json")) == 0
    shown = capsys.readouterr().out
    assert '{"name":"Nadia"} -> Oslo' in shown.replace('": "', '":"') and "I look. {" in shown and "x" * 100 not in shown


def test_validate_prints_the_trace_as_it_was_read(tmp_path, capsys):
    chat = lines(tmp_path / "chat.json", [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    assert failures("validate", chat, "--json") == 0
    trace = Trace.model_validate_json(capsys.readouterr().out)
    assert (trace.original_goal, [turn.role for turn in trace.turns]) == ("Hi", ["user", "agent"])


def test_batch_prints_distribution_and_traces(tmp_path, capsys):
    for number in range(3):
        lines(tmp_path / f"{number}.json", {**HALLUCINATION, "trace_id": f"trace-{number}"})
    assert failures("batch", "--traces-dir", tmp_path, "--no-llm") == 0
    shown = capsys.readouterr().out
    assert "3 traces, 3 failing (100.0%); 3 by rules" in shown
    assert all(f"trace-{number}" in shown for number in range(3))


def test_batch_of_standard_input_prints_json(monkeypatch, capsys, many):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(many.read_bytes())))
    assert failures("batch", "-", "--no-llm", "--json") == 0
    batch = json.loads(capsys.readouterr().out)
    assert (batch["traces"], batch["failing"]["count"], batch["failing"]["rate"]) == (10, 2, 0.2)


def test_batch_names_what_cannot_be_read_everywhere_and_exits_2(tmp_path, capsys):
    file = lines(tmp_path / "runs.jsonl", HEALTHY, "{broken", HALLUCINATION)
    outputs = {name: tmp_path / f"out.{name}" for name in ("html", "sarif", "junit", "output")}
    arguments = [file, *(part for name, path in outputs.items() for part in (f"--{name}", path))]
    assert failures("batch", *arguments) == 2
    assert "runs.jsonl:2" in capsys.readouterr().out
    assert failures("batch", *arguments, "--json") == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["source"].endswith("runs.jsonl:2")
    assert len(outputs["output"].read_text().splitlines()) == 3
    for name in ("html", "junit", "output"):
        assert "runs.jsonl:2" in outputs[name].read_text()
    (said,) = json.loads(outputs["sarif"].read_text())["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert said["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--fail-on", "HALLUCINATION=0.2"], 0),
        (["--fail-on", "HALLUCINATION=0.1"], 1),
        (["--fail-on", "any=0.5", "--fail-on", "any=0.1"], 1),
        (["--fail-on", "LIES=0.1"], 2),
    ],
)
def test_batch_exit_code_says_whether_a_bound_holds(many, arguments, code, capsys):
    assert failures("batch", many, *arguments) == code


def test_unreadable_beats_a_closed_gate_unless_told_to_keep_going(tmp_path, capsys):
    file = lines(tmp_path / "runs.jsonl", "{broken", HALLUCINATION)
    assert failures("batch", file, "--fail-on", "ANY=0") == 2
    assert failures("batch", file, "--fail-on", "ANY=0", "--keep-going") == 1
    assert failures("batch", file, "--keep-going") == 0
    assert failures("batch", lines(tmp_path / "none.jsonl", "{broken"), "--keep-going") == 2


def test_batch_against_its_baseline_closes_when_a_mode_rises(tmp_path, capsys):
    good, bad = lines(tmp_path / "good.jsonl", *[HEALTHY] * 40), lines(tmp_path / "bad.jsonl", *[HALLUCINATION] * 20)
    assert failures("batch", good, "--json") == 0
    base = tmp_path / "base.json"
    base.write_text(capsys.readouterr().out)
    assert failures("batch", good, "--baseline", base) == 0
    assert failures("batch", good, bad, "--baseline", base) == 1
    assert "risen beyond chance" in capsys.readouterr().out
    base.write_text("{}")
    assert failures("batch", good, "--baseline", base) == 2


def test_batch_of_nothing_is_refused_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out.jsonl"
    assert failures("batch", "-o", out) == 2
    assert failures("batch", tmp_path / "nowhere", "-o", out) == 2
    assert not out.exists()
    assert failures("batch", tmp_path / "empty") == 2


def test_two_outputs_of_one_name_are_refused_before_any_work(many, tmp_path, capsys):
    out = tmp_path / "out"
    assert failures("batch", many, "--html", out, "--junit", out) == 2
    assert "two outputs" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("command", ["classify", "batch"])
@pytest.mark.parametrize("option", ["-o", "--html", "--junit"])
def test_input_is_never_an_output(one, command, option, capsys):
    before = one.read_bytes()
    assert failures(command, one, option, one) == 2
    assert "is read as a trace" in capsys.readouterr().err
    assert one.read_bytes() == before


@pytest.mark.parametrize("name", ["one.json", "new.jsonl", "deeper/new.json.gz"])
def test_output_in_a_folder_that_is_read_is_never_a_trace(one, name, capsys):
    before = one.read_bytes()
    assert failures("batch", "--traces-dir", one.parent, "--html", one.parent / name) == 2
    assert "is read as a trace" in capsys.readouterr().err
    assert one.read_bytes() == before and list(one.parent.iterdir()) == [one]
    assert failures("batch", one.parent, "--html", one.parent / "page.html") == 0


@pytest.mark.parametrize("arguments", [["classify"], ["validate"], ["batch"], ["batch", "--json"]])
def test_full_disk_behind_standard_output_is_one_line(one, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(command(*arguments, one), stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "error: standard output: cannot be written: No space left on device\n")


def test_output_that_cannot_be_written_is_one_line_and_leaves_no_rest(many, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    assert failures("batch", many, "-o", tmp_path / "folder", "--html", tmp_path / "page.html") == 2
    assert "folder: cannot be written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "many.jsonl"]


def test_full_disk_is_one_line_and_the_old_file_stays(many, capsys):
    assert failures("batch", many, "-o", "/dev/full") == 2
    assert "No space left" in capsys.readouterr().err
    assert Path("/dev/full").is_char_device()


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_batch_asks_the_model_about_the_doubtful_trace_alone_and_once(tmp_path, capsys):
    reply = json.dumps({"answer": "no"})
    file = lines(tmp_path / "runs.jsonl", HALLUCINATION, UNSURE, HEALTHY)
    with ChatServer(lambda prompt: reply) as server:
        arguments = ["batch", file, "--lm", "openai/any", "--api-base", server.url, "--json"]
        assert failures(*arguments) == 0
        first = json.loads(capsys.readouterr().out)
        assert (len(server.requests), first["answered_by"]) == (1, {"model": 1, "rules": 2})
        assert failures(*arguments) == 0
        assert len(server.requests) == 1  # kept on disk
        assert failures(*arguments, "--no-cache") == 0
        assert len(server.requests) == 2
        assert failures(*arguments, "--no-llm") == 0
        assert len(server.requests) == 2


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_model_that_fails_leaves_the_rules_verdict_marked_and_the_third_time_ends_the_batch(tmp_path, capsys):
    file = lines(tmp_path / "runs.jsonl", *[{**UNSURE, "original_goal": f"How do I kill process {n}?"} for n in range(9)])
    out = tmp_path / "out.jsonl"
    one = lines(tmp_path / "one.jsonl", UNSURE)
    with ChatServer(status=400) as server:
        assert failures("batch", one, "--lm", "openai/any", "--api-base", server.url) == 0
        assert "the model failed on 1" in capsys.readouterr().out
        assert failures("batch", file, "--lm", "openai/any", "--api-base", server.url, "-o", out) == 2
    assert "--no-llm" in capsys.readouterr().err
    assert not out.exists()


ANSWERS = 20  # more than are asked at once: some are counted before the first refusal


class Stopping(ChatServer):
    """A model that answers so many times, then refuses."""

    def __init__(self, answers, status=400):
        super().__init__(self.reply)
        self.left, self.after = answers, status

    def reply(self, prompt):
        self.left -= 1
        if self.left <= 0:  # of replies written at once the last one may be another's: it never goes back
            self.status = self.after
        return json.dumps({"answer": "yes"})


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
@pytest.mark.parametrize("status", [400, 402])
def test_model_that_stops_midway_leaves_whole_outputs_marked_traces_and_its_own_exit_code(status, tmp_path, capsys):
    unsure = [{**UNSURE, "original_goal": f"How high is tower {n}?"} for n in range(100)]
    file = lines(tmp_path / "runs.jsonl", *unsure, HEALTHY)
    outputs = {name: tmp_path / f"out.{name}" for name in ("html", "sarif", "junit", "output")}
    arguments = [file, *(part for name, path in outputs.items() for part in (f"--{name}", path))]
    with Stopping(ANSWERS, status) as server:
        assert failures("batch", *arguments, "--lm", "openai/any", "--api-base", server.url, "--fail-on", "ANY=0") == 3
        assert len(server.requests) < 60  # it is left alone then
    shown, error = capsys.readouterr()
    assert "the model stopped answering: " in shown and "Traceback" not in error
    reports = [json.loads(line) for line in outputs["output"].read_text().splitlines()]
    assert len(reports) == 101 and all(report["classified_failure_mode"] for report in reports)
    marked = [report for report in reports if report["failure"]]
    assert 100 - ANSWERS <= len(marked) < 100 and {report["answered_by"] for report in marked} == {"rules"}
    assert reports[-1]["failure"] is None  # the rules were sure, so nothing is missing
    assert "</html>" in outputs["html"].read_text() and "stopped answering" in outputs["html"].read_text()
    assert json.loads(outputs["sarif"].read_text()) and ElementTree.parse(outputs["junit"])


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_watch_goes_on_by_rules_when_the_model_stops(tmp_path, capsys):
    lines(tmp_path / "runs.jsonl", *[{**UNSURE, "original_goal": f"How high is tower {n}?"} for n in range(40)])
    with Stopping(ANSWERS) as server:
        assert failures("watch", tmp_path, "--once", "--lm", "openai/any", "--api-base", server.url) == 3
    assert "40 traces" in (shown := capsys.readouterr().out) and "the model stopped answering: " in shown


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_batch_of_a_model_that_stopped_is_no_baseline(tmp_path, capsys):
    file = lines(tmp_path / "runs.jsonl", *[{**UNSURE, "original_goal": f"How high is tower {n}?"} for n in range(40)])
    with Stopping(ANSWERS) as server:
        model = ["--lm", "openai/any", "--api-base", server.url]
        assert failures("batch", file, *model, "--json") == 3
        base = tmp_path / "base.json"
        base.write_text(capsys.readouterr().out)
        assert failures("batch", file, *model, "--baseline", base) == 2
    assert "its model stopped answering" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_baseline_of_an_open_question_is_of_another_judge(tmp_path, capsys):
    file, base = lines(tmp_path / "runs.jsonl", *[{**HEALTHY, "trace_id": f"{n}"} for n in range(6)]), tmp_path / "base.json"
    with ChatServer(lambda prompt: "{}") as server:
        model = ["--lm", "openai/any", "--api-base", server.url]
        assert failures("batch", file, *model, "--open-question", "--json") == 0
        base.write_text(capsys.readouterr().out)
        assert failures("batch", file, *model, "--open-question", "--baseline", base) == 0
        assert failures("batch", file, *model, "--baseline", base) == 2
    assert "openai/any and an open question, and now with openai/any" in capsys.readouterr().err


def test_baseline_of_other_rules_is_refused_before_any_work_and_forced(many, tmp_path, capsys):
    assert failures("batch", many, "--json") == 0
    batch = json.loads(capsys.readouterr().out)
    base = tmp_path / "base.json"
    base.write_text(json.dumps({**batch, "rules": "0" * 12}))
    out = tmp_path / "out.jsonl"
    assert failures("batch", many, "--baseline", base, "-o", out) == 2
    assert "--force" in capsys.readouterr().err and not out.exists()
    assert failures("batch", many, "--baseline", base, "--force") == 0
    assert "Compared although it is of rules 000000000000" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["classify", "batch", "watch"])
@pytest.mark.parametrize("value", ["-0.1", "1.1", "x"])
def test_min_probability_that_is_none_is_refused(command, value, one, capsys):
    assert failures(command, one if command != "watch" else one.parent, "--min-probability", value) == 2


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_wrong_key_ends_at_once_with_one_line(tmp_path, capsys):
    file = lines(tmp_path / "runs.jsonl", UNSURE)
    with ChatServer(key="right") as server:
        assert failures("classify", file, "--lm", "openai/any", "--api-base", server.url, "--api-key", "wrong") == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and "wrong" not in error[-1]


@pytest.mark.filterwarnings("ignore:failure_judge is not compiled")
def test_missing_key_ends_at_once_with_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    assert failures("classify", lines(tmp_path / "runs.jsonl", UNSURE), "--lm", "openrouter/some/model") == 2
    assert "Set OPENROUTER_API_KEY" in capsys.readouterr().err.splitlines()[-1]


def test_many_at_once_keep_the_order_and_read_little_ahead():
    class Slow(FailureClassifier):
        def classify(self, trace):
            time.sleep(0.02 if trace.trace_id == "0" else 0)
            return super().classify(trace)

    taken = []

    def items():
        for number in range(200):
            taken.append(number)
            yield Item(str(number), Trace.model_validate({**HEALTHY, "trace_id": str(number)}), None)

    outcomes = classified(items(), Slow(use_llm=False), at_once=4)
    first = next(outcomes)
    assert first.source == "0" and len(taken) <= 20
    assert [outcome.source for outcome in outcomes] == [str(number) for number in range(1, 200)]


def command(*arguments):
    return [sys.executable, "-m", "dspy_programs", "failures", *map(str, arguments)]


def run(*arguments, **settings):
    return subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)


def test_offline_batch_imports_no_dspy_and_shows_no_bar_into_a_pipe(many, tmp_path):
    code = (
        "import sys; from dspy_programs.__main__ import main; "
        f"main(['failures', 'batch', {str(many)!r}, '--html', {str(tmp_path / 'x.html')!r}]); sys.exit('dspy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_terminal_without_unicode_gets_tables_and_json_all_the_same(many, tmp_path):
    lines(tmp_path / "other.jsonl", {**HALLUCINATION, "original_goal": "caf\u00e9", "trace_id": "\u4e2d"})
    settings = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "dspy_programs", "failures", "batch", str(tmp_path)]
    table = subprocess.run(command, env=settings, capture_output=True)
    assert (table.returncode, table.stderr) == (0, b"")
    watched = subprocess.run([*command[:4], "watch", str(tmp_path), "--once", "--json"], env=settings, capture_output=True)
    assert (watched.returncode, watched.stderr) == (0, b"")
    assert json.loads(watched.stdout.splitlines()[-2])["trace_id"] == "\u4e2d"


def test_file_whose_name_is_no_text_is_named_in_every_output(tmp_path, capsys):
    folder = tmp_path / "runs"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.json")).write_text("{")
    outputs = [part for name in ("html", "sarif", "junit", "output") for part in (f"--{name}", tmp_path / f"out.{name}")]
    assert failures("batch", folder, "--json", *outputs) == 2
    assert json.loads(capsys.readouterr().out)["unreadable"] == 1
    assert b"%FF.json" in (tmp_path / "out.sarif").read_bytes() or b"%ED%B3%BF" in (tmp_path / "out.sarif").read_bytes()


def test_batch_shows_a_bar_on_a_terminal(many):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "dspy_programs", "failures", "batch", str(many)], stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    assert done.returncode == 0
    assert b"reading traces" in os.read(ours, 65536)
    os.close(ours)


def test_watch_once_classifies_what_is_there(many, capsys):
    assert failures("watch", many.parent, "--once") == 0
    shown = capsys.readouterr().out
    assert shown.count("HALLUCINATION 0.75  turn 1") == 2
    assert "10 traces, 2 failing" in shown


def test_watch_prints_each_trace_as_it_comes_and_ends_with_the_distribution(tmp_path):
    file = lines(tmp_path / "runs.jsonl", HEALTHY)
    watching = run("watch", tmp_path, "--json", "--interval", "0.05")
    assert json.loads(watching.stdout.readline())["trace_id"] == "healthy"
    with file.open("a") as more:
        more.write(json.dumps(HALLUCINATION) + "\n")
    assert json.loads(watching.stdout.readline())["source"].endswith("runs.jsonl:2")
    watching.send_signal(signal.SIGINT)
    rest = watching.communicate(timeout=20)
    assert json.loads(rest[0])["traces"] == 2
    assert (watching.returncode, rest[1]) == (130, "")


@pytest.mark.parametrize("as_json", [True, False])
def test_watch_takes_back_that_a_file_is_unreadable(as_json, tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps(HEALTHY)[:40])
    watching = run("watch", tmp_path, "--interval", "0.05", *(["--json"] if as_json else []))
    first = watching.stdout.readline()
    file.write_text(json.dumps(HEALTHY))
    second, third = watching.stdout.readline(), watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    rest = watching.communicate(timeout=20)[0]
    if as_json:
        assert [json.loads(line).get("problem", "?") is None for line in (first, second, third)] == [False, True, False]
        assert json.loads(third)["trace_id"] == "healthy" and json.loads(rest)["unreadable"] == 0
    else:
        assert "cannot be read" in first and "no longer unreadable" in second and "healthy" in third
        assert "could not be read" not in rest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_batch_leaves_no_file_behind(number, code, tmp_path):
    fifo, outputs = tmp_path / "pipe", {"-o": ".jsonl", "--html": ".html", "--sarif": ".sarif", "--junit": ".xml"}
    os.mkfifo(fifo)
    asked = [part for option, suffix in outputs.items() for part in (option, tmp_path / f"out{suffix}")]
    (tmp_path / "out.html").write_text("as before")
    with subprocess.Popen(["sh", "-c", f"exec 3<>{fifo}; sleep 60"]) as holder:
        running = run("batch", "-", *asked, stdin=os.open(fifo, os.O_RDWR))
        while len(list(tmp_path.glob(".out.*"))) < len(outputs):
            time.sleep(0.02)
        time.sleep(0.5)  # until it waits for input: a signal in the very moment before is seen only with the next
        running.send_signal(number)
        assert running.communicate(timeout=20) == ("", "")
        holder.kill()
    assert running.returncode == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "pipe"]
    assert (tmp_path / "out.html").read_text() == "as before"


@pytest.mark.parametrize("option", ["-o", "--sarif", "--junit"])
def test_output_named_dash_is_standard_output_and_people_read_standard_error(option, many, tmp_path):
    file = tmp_path / "out"
    assert failures("batch", many, option, file) == 0
    out, err = run("batch", many, option, "-").communicate(timeout=60)
    assert out == file.read_text()
    assert "10 traces, 2 failing" in err
    assert not Path("-").exists()


def test_classify_writes_its_report_to_standard_output(one, capfd):
    assert failures("classify", one, "-o", "-") == 0
    shown = capfd.readouterr()
    assert json.loads(shown.out)["classified_failure_mode"] == "HALLUCINATION"
    assert "HALLUCINATION" in shown.err


def test_standard_input_may_go_to_standard_output(many):
    with many.open() as given:
        done = subprocess.run(command("batch", "-", "-o", "-"), stdin=given, capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 10


@pytest.mark.parametrize("command", ["classify", "batch"])
@pytest.mark.parametrize("arguments", [("-o", "-", "--json"), ("-o", "-", "--html", "-")])
def test_two_documents_on_standard_output_are_refused(command, arguments, one, capsys):
    assert failures(command, one, *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "standard output" in shown.err and shown.err.count("\n") == 1


def test_a_trace_that_looks_like_protocol_does_not_end_a_batch(tmp_path, capsys):
    for number, text in enumerate(CHANNELS.values()):
        asks = f"How do I kill a Python process? {text}"
        said = [("user", asks), ("agent", "I can't help with violence.")]  # the rules are in doubt of this
        turns = [{"turn_number": n, "role": role, "content": content} for n, (role, content) in enumerate(said)]
        (tmp_path / f"{number}.json").write_text(json.dumps({"trace_id": "a", "original_goal": asks, "turns": turns}))
    with ChatServer(lambda prompt: '{"answer": "yes"}') as server:
        asked = ["--lm", "openai/any", "--api-base", server.url, "--no-cache"]
        assert main(["failures", "batch", str(tmp_path), *asked]) == 0
    bodies = [json.loads(body) for body in server.requests]
    assert len(bodies) > len(CHANNELS) // 2 and {
        type(message["content"]) for body in bodies for message in body["messages"]
    } == {str}
