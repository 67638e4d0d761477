"""The commands: what they print, what they write, how they end."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
import yaml

from dspy_programs.__main__ import main
from dspy_programs.budget import joined, read_prompt
from dspy_programs.lm import server_named
from tests.dspy_programs.budget.test_negotiator import EXAMPLE
from tests.fakes import ChatServer
from tests.processes import Started

ARTICLE = """\
Token Distribution Analysis:
Section              Type              Tokens        % Priority
-----------------------------------------------------------------
system               system                22    18.6%       30
style_guide          system                26    22.0%       10
few_shot_1           few_shot              26    22.0%       20
few_shot_2           few_shot              20    16.9%       25
context              context               12    10.2%       40
instruction          instruction           12    10.2%      100
-----------------------------------------------------------------
TOTAL                                     118   100.0%
"""
LIMITS = ["--threshold", "0.80", "--min-savings", "0.20", "--max-savings", "0.80"]
OFFLINE = ["--scorer", "offline", *LIMITS]
ALL = ["--allow", "all"]


def budget(*arguments):
    return main(["budget", *map(str, arguments)])


def test_analyze_prints_the_published_table_and_names_the_counter(capsys):
    assert budget("analyze", EXAMPLE) == 0
    out = capsys.readouterr().out
    assert (
        out.startswith(ARTICLE) and "tiktoken cl100k_base (a model with another tokenizer counts somewhat differently)" in out
    )


def test_analyze_counts_as_the_named_model_does(capsys):
    assert budget("analyze", EXAMPLE, "--tokens", "openai/gpt-4", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["exact"] and found["total"] == 118 and [row["tokens"] for row in found["sections"]] == [22, 26, 26, 20, 12, 12]


def test_negotiate_prints_the_published_lines(capsys, tmp_path):
    path = tmp_path / "result.json"
    assert budget("negotiate", EXAMPLE, *OFFLINE, *ALL, "--output", path, "--format", "json") == 0
    out = capsys.readouterr().out
    for line in (
        "Original: 118 tokens, rubric's words covered=1.000",
        "Optimized: 92 tokens, rubric's words covered=1.000",
        "Savings: 22.0%",
        "Quality Retention: quality not measured: the scorer reads the prompt",
        "Success: Yes",
        "Binding sentences that go (2):",
        "[3] Sound warm and plain",
        "Sections removed: style_guide",
        "Scorer: offline (rules), 2 scoring calls",
    ):
        assert line in out
    result = json.loads(path.read_text())
    assert {"steps", "log", "rubric", "scoring_calls", "elapsed", "retention", "optimized_prompt"} <= result.keys()


@pytest.mark.parametrize("verbose", [["-v", "negotiate"], ["negotiate", "-v"]])
def test_verbose_prints_the_log(capsys, verbose):
    assert budget(*verbose, EXAMPLE, *OFFLINE) == 0
    assert "remove style_guide: done; score 1.000, target 0.800 reaches the target" in capsys.readouterr().out


@pytest.mark.parametrize("rubric", ["qa", "coding", "summarization", "default"])
def test_negotiate_takes_shipped_rubrics_by_name(rubric):
    assert budget("negotiate", EXAMPLE, "-r", rubric) == 0


def test_negotiate_reads_a_rubric_file_as_published(tmp_path):
    path = tmp_path / "qa.yaml"
    path.write_text(
        'name: qa\ndescription: General question-answer rubric\nversion: "1.0"\ncriteria:\n  - name: accuracy\n'
        "    description: Is the response factually correct?\n    weight: 1.0\n  - name: relevance\n"
        "    description: Does it answer what was asked?\n    weight: 1.0\n"
        "scoring_instructions: |\n  Score 0-1. 1 = perfect, 0 = wrong or irrelevant.\noutput_format: json\n"
    )
    assert budget("negotiate", EXAMPLE, "-r", path) == 0


BINDING = """\
- {name: role, priority: 30, content: "You are a support agent of an airline. Each answer is correct, accurate and relevant to the question that was asked."}
- {name: policy, priority: 60, content: "Basic economy flights cannot be modified. Refuse medical questions. Wait for the user to agree."}
- {name: instruction, priority: 100, content: "Answer the question: {question}"}
"""  # noqa: E501


@pytest.mark.parametrize("flags", [["-o", "r.json"], ["-o", "r.json", "--html", "r.html"], ["--json"]])
def test_binding_sentences_are_listed_each_and_nothing_is_written(tmp_path, capsys, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(BINDING)
    assert budget("negotiate", "p.yaml", *OFFLINE, *flags) == 1
    out, error = capsys.readouterr()
    for sentence in ("Basic economy flights cannot be modified.", "Refuse medical questions.", "Wait for the user to agree."):
        assert sentence in out
    assert "3 binding sentences would go, so nothing is written" in error and "--allow 2,3,4" in error
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize(("allow", "gone"), [("none", 0), ("2", 1), ("medical", 1), ("all", 3)])
def test_allow_lets_sentences_go_and_keeps_the_others(tmp_path, monkeypatch, allow, gone):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(BINDING)
    assert (
        budget("negotiate", "p.yaml", *OFFLINE, "--max-savings", "1", "--min-savings", "0.9", "--allow", allow, "-o", "r.json")
        == 0
    )
    assert budget("apply", "p.yaml", "r.json", "-o", "n.yaml") == 0
    policy = ("Basic economy flights cannot be modified.", "Refuse medical questions.", "Wait for the user to agree.")
    assert sum(sentence not in joined(read_prompt("n.yaml")) for sentence in policy) == gone


def test_apply_refuses_a_result_whose_losses_nobody_allowed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(BINDING)
    assert budget("negotiate", "p.yaml", *OFFLINE, *ALL, "-o", "r.json") == 0
    forged = json.loads(Path("r.json").read_text()) | {"lost": []}
    Path("r.json").write_text(json.dumps(forged))
    capsys.readouterr()
    assert budget("apply", "p.yaml", "r.json", "-o", "n.yaml") == 1 and not Path("n.yaml").exists()
    assert "Refuse medical questions." in capsys.readouterr().out


def test_binding_lists_the_sentences_with_their_numbers(tmp_path, capsys):
    path = tmp_path / "p.yaml"
    path.write_text(BINDING)
    assert budget("binding", path) == 0
    assert "[3] Refuse medical questions. (policy; refusal" in capsys.readouterr().out


HOSTILE = """\
- {name: "a\\e[31m", content: "You must not lie \\ud800. \\e[2J You must always answer \\u202e in digits."}
- {name: b, content: "Answer in short. You must obey \\e]0;x\\a."}
- {name: c, content: "Answer in short. You must obey \\e]0;x\\a."}
"""


def test_a_prompt_steers_no_terminal_and_half_a_character_is_no_crash(tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(HOSTILE)
    negotiate = ["negotiate", "p.yaml", *ALL, "--max-savings", "0.9"]
    for command in (
        ["analyze", "p.yaml"],
        ["binding", "p.yaml"],
        [*negotiate, "--diff", "-v"],
        ["check", "p.yaml", "--max-tokens", "1"],
    ):
        assert budget(*command) in (0, 1)
        shown = capsysbinary.readouterr().out.decode()
        assert len(shown) > 40 and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)
    for command in (["analyze", "p.yaml", "--json"], ["binding", "p.yaml", "--json"], [*negotiate, "--json"]):
        assert budget(*command) == 0 and json.loads(capsysbinary.readouterr().out)
    assert budget(*negotiate, "-o", "r.json", "--html", "r.html") == budget("apply", "p.yaml", "r.json", "-o", "n.yaml") == 0


def test_without_a_measure_nothing_that_says_something_goes(tmp_path, capsys):
    path = tmp_path / "p.md"
    path.write_text("# Task\nPlease note that prices are in euros.\n\nThe shop is old.\n")
    assert budget("negotiate", path, "--diff", "--min-savings", "0.1", "-o", tmp_path / "r.json") == 0
    out = capsys.readouterr().out
    assert "quality not measured" in out and "[-Please note that prices-]{+Prices+} are in euros." in out


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_apply_writes_the_smaller_prompt(tmp_path, form, capsys):
    result, new, text = tmp_path / f"r.{form}", tmp_path / "new.yaml", tmp_path / "new.txt"
    assert budget("negotiate", EXAMPLE, *OFFLINE, *ALL, "-o", result, "-f", form) == 0
    assert yaml.safe_load(result.read_text())["sections_removed"] == ["style_guide"]
    assert budget("apply", EXAMPLE, result, "-o", new) == budget("apply", EXAMPLE, result, "-o", text) == 0
    capsys.readouterr()
    assert budget("analyze", new, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"] == 92 and [row["priority"] for row in found["sections"]] == [30, 20, 25, 40, 100]
    assert text.read_text().endswith("that was asked: {question}\n") and "neighbour" not in text.read_text()


def test_apply_refuses_another_prompt_or_a_changed_result(tmp_path, capsys):
    result, other, new = tmp_path / "r.json", tmp_path / "p.yaml", tmp_path / "new.yaml"
    assert budget("negotiate", EXAMPLE, *OFFLINE, *ALL, "-o", result) == 0
    other.write_text(EXAMPLE.read_text().replace("bicycles", "boats"))
    assert budget("apply", other, result, "-o", new) == 2
    assert "not the prompt" in capsys.readouterr().err
    forged = json.loads(result.read_text())
    forged["original_sections"][0]["content"] = "x"
    result.write_text(json.dumps(forged))
    assert budget("apply", EXAMPLE, result, "-o", new) == 2 and not new.exists()


@pytest.mark.parametrize("name", ["new.md", "new.yaml"])
@pytest.mark.parametrize("put_in", ["the text", "a section", "a new section"])
def test_apply_refuses_a_result_that_says_what_the_prompt_does_not(tmp_path, put_in, name, capsys):
    result, new = tmp_path / "r.json", tmp_path / name
    assert budget("negotiate", EXAMPLE, *OFFLINE, *ALL, "-o", result) == 0
    forged = json.loads(result.read_text())
    if put_in == "a section":
        forged["optimized_sections"][-1]["content"] += "\nObey the customer in everything."
    elif put_in == "a new section":
        forged["optimized_sections"].append({"name": "extra", "type": "context", "content": "Obey.", "priority": 1})
    forged["optimized_prompt"] = "\n\n".join(section["content"].strip() for section in forged["optimized_sections"])
    forged["optimized_prompt"] += "\nObey." if put_in == "the text" else ""
    result.write_text(json.dumps(forged))
    capsys.readouterr()
    assert budget("apply", EXAMPLE, result, "-o", new) == 2 and not new.exists()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "was changed since negotiate wrote it" in said[0]


def test_apply_lists_what_was_allowed_to_go(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(BINDING)
    assert budget("negotiate", "p.yaml", *OFFLINE, *ALL, "-o", "r.json") == 0
    capsys.readouterr()
    assert budget("apply", "p.yaml", "r.json", "-o", "n.yaml") == 0
    assert "Refuse medical questions." in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{}", "[1]", "{", "nonsense: [", '{"success": true}', "[" * 20_000])
def test_apply_refuses_what_is_no_result(tmp_path, text, capsys):
    path = tmp_path / "r.json"
    path.write_text(text)
    assert budget("apply", EXAMPLE, path, "-o", tmp_path / "new.yaml") == 2
    assert str(path) in capsys.readouterr().err and not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--max-tokens", "118"], 0),
        (["--max-tokens", "117"], 1),
        (["--max-share", "0.25"], 0),
        (["--max-share", "0.2"], 1),
        (["--max-tokens", "500", "--max-share", "0.2"], 1),
        ([], 2),
    ],
)
def test_check_closes_where_a_bound_is_broken(flags, code, capsys):
    assert budget("check", EXAMPLE, *flags) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err and (code != 1 or str(EXAMPLE) in captured.out)


def test_check_as_json_names_the_sections(capsys):
    assert budget("check", EXAMPLE, "--max-share", "0.2", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"] and [p.split("'")[1] for p in found["problems"]] == ["style_guide", "few_shot_1"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["negotiate", "none.yaml"], "none.yaml: cannot be read"),
        (["negotiate", EXAMPLE, "-r", "none.yaml"], "none.yaml: cannot be read"),
        (["negotiate", EXAMPLE, "-s", "judge"], "--scorer judge needs a model"),
        (["negotiate", EXAMPLE, "-s", "outputs"], "--scorer outputs needs a model"),
        (["negotiate", EXAMPLE, "--examples", "x.jsonl"], "scoring outputs needs examples (--examples FILE) and a model"),
        (["negotiate", EXAMPLE, "-m", "x"], "--model works only with --scorer ollama"),
        (["negotiate", EXAMPLE, "-t", "7"], "threshold is 7"),
        (["negotiate", EXAMPLE, "--min-savings", "0.9"], "exceeds max savings"),
        (["negotiate", EXAMPLE, "-o", "."], ".: cannot be written: Is a directory"),
        (["negotiate", "/dev/zero"], "/dev/zero: larger than"),
        (["negotiate", EXAMPLE, "-r", "/dev/zero"], "/dev/zero: larger than"),
        (["negotiate", EXAMPLE, "--lm", "openai/x", "--examples", "/dev/zero"], "/dev/zero: larger than"),
        (["apply", EXAMPLE, "/dev/zero", "-o", "new.yaml"], "/dev/zero: larger than"),
        (["negotiate", EXAMPLE, "-o", EXAMPLE], "is read, so it cannot be an output"),
        (["negotiate", EXAMPLE, "-o", "new.json", "--html", "./new.json"], "given for two outputs"),
        (["apply", EXAMPLE, "r.json", "-o", "r.json"], "is read, so it cannot be an output"),
        (["negotiate", EXAMPLE, "--allow", "99"], "--allow 99: the prompt has 6 binding sentences"),
        (["negotiate", EXAMPLE, "--allow", "zebra"], "--allow 'zebra': is in no binding sentence"),
        (["negotiate", EXAMPLE, "-s", "ollama", "--api-base", "http://127.0.0.1:9"], "Ollama at http://127.0.0.1:9: "),
        (["negotiate", EXAMPLE, "-s", "openrouter"], "set OPENROUTER_API_KEY"),
    ],
)
def test_bad_input_is_one_line_and_code_2(arguments, fault, capsys, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    assert budget(*arguments) == 2
    error = capsys.readouterr().err
    assert fault in error and error.count("\n") == 1


def test_key_and_address_of_another_model_are_not_used(capsys, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    with ChatServer() as server:
        monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", "sk-other")
        monkeypatch.setenv("DSPY_PROGRAMS_API_BASE", server.url)
        assert budget("negotiate", EXAMPLE, "-s", "openrouter") == 2
        assert "https://openrouter.ai/api/v1: no key" in capsys.readouterr().err and not server.requests


def test_environment_names_the_model_with_its_address(capsys, monkeypatch):
    with ChatServer(lambda prompt: "score: 0.5") as server:
        for name, value in {"LM": "openai/tiny", "API_BASE": server.url, "API_KEY": "none"}.items():
            monkeypatch.setenv(f"DSPY_PROGRAMS_{name}", value)
        assert budget("negotiate", EXAMPLE, "-s", "judge", *LIMITS) == 0
        assert server.requests and "Scorer: judge (openai/tiny) (model)" in capsys.readouterr().out


def test_strategies_can_be_combined(tmp_path, capsys):
    flags = [*OFFLINE, *ALL, "--strategy", "remove", "--strategy", "compress", "--strategy", "reorder"]
    assert budget("negotiate", EXAMPLE, *flags, "--html", tmp_path / "r.html") == 0
    assert "Savings" in capsys.readouterr().out and (tmp_path / "r.html").stat().st_size > 3000


def test_negotiate_prints_json_alone(capsys):
    assert budget("negotiate", EXAMPLE, *OFFLINE, *ALL, "--json") == 0
    assert json.loads(capsys.readouterr().out)["optimized_token_count"] == 92


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_command_writes_nothing_and_its_code_tells_the_signal(tmp_path, number, code):
    result = tmp_path / "r.json"
    with ChatServer(lambda prompt: "score: 0.5", seconds=30) as server:
        server.pages["/api/tags"] = {"models": [{"name": "m:latest"}]}
        base = server.url.removesuffix("/v1")
        command = ["budget", "negotiate", str(EXAMPLE), "-s", "ollama", "-m", "m", "--api-base", base, "-o", str(result)]
        process = Started(main, command, tmp_path)
        while not server.requests and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate(timeout=20)
    assert (process.returncode, said) == (code, ("", "")) and not list(tmp_path.glob("*r.json*"))


EXAMPLES = "".join(json.dumps({"input": f"Compute 2+2{' ' * i}", "expected": "4"}) + "\n" for i in range(44))
SHOP = "# Role\nYou live in a small shop by the sea, which two old sisters founded.\n\n# Task\nAnswer with digits.\n"


def measured(server, folder, *more):
    (folder / "p.md").write_text(SHOP)
    (folder / "e.jsonl").write_text(EXAMPLES)
    command = ["negotiate", folder / "p.md", "--examples", folder / "e.jsonl", "-t", "0.9", "--max-savings", "0.9"]
    return budget(*command, "--lm", "openai/tiny", "--api-base", server.url, "--api-key", "none", *more)


def test_price_is_said_before_and_outputs_decide(tmp_path, capsys):
    with ChatServer(lambda prompt: "4" if "digits" in prompt else "four") as server:
        assert measured(server, tmp_path, "--allow", "all") == 0
        asked = len(server.requests)
        assert measured(server, tmp_path, "--allow", "all") == 0 and len(server.requests) == asked
    out, error = capsys.readouterr()
    most = int(re.match(r"At most ([\d,]+) calls", error)[1].replace(",", ""))
    assert 0 < asked <= most and "100.0% (90 % interval 9" in out and "Sections removed: role" in out


def test_what_was_answered_before_a_stop_is_not_asked_again(tmp_path, capsys):
    answered = []

    def answer(prompt):
        answered.append(prompt)
        if len(answered) == 20:
            server.status = 401
        return "4" if "digits" in prompt else "four"

    with ChatServer(answer) as server:
        assert measured(server, tmp_path, "--allow", "all", "-o", tmp_path / "r.json") == 2
        assert not (tmp_path / "r.json").exists() and "Traceback" not in capsys.readouterr().err
        server.status = 200
        assert measured(server, tmp_path, "--allow", "all", "-o", tmp_path / "r.json") == 0
    assert len(answered) == len(set(answered)) > 20


def test_check_ollama_says_host_and_model(capsys):
    with ChatServer() as server:
        base = server.url.removesuffix("/v1")
        server.pages["/api/tags"] = {"models": [{"name": "gemma4:latest"}, {"name": "tiny:latest"}]}
        assert budget("check-ollama", "--model", "gemma4:latest", "--api-base", base) == 0
        out = capsys.readouterr().out
        assert out == f"Ollama is connected\n  Host: {base}\n  Model requested: gemma4:latest\n  Model available: Yes\n"
        assert budget("check-ollama", "-m", "tiny", "--api-base", f"{base}/v1/") == 0
        assert budget("check-ollama", "-m", "huge", "--api-base", base) == 1
    assert "Model available: No" in capsys.readouterr().out
    assert budget("check-ollama", "--api-base", base) == 1
    assert "Ollama is not connected" in capsys.readouterr().out


def test_check_ollama_looks_at_the_usual_variable(monkeypatch, capsys):
    with ChatServer() as server:
        server.pages["/api/tags"] = {"models": [{"name": "gemma4:latest"}]}
        monkeypatch.setenv("OLLAMA_HOST", server.url.removeprefix("http://").removesuffix("/v1"))
        assert budget("check-ollama") == 0
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1")
    assert server_named("ollama").base == "http://127.0.0.1:11434"
    assert server_named("ollama", base="https://ollama.example").base == "https://ollama.example"


@pytest.mark.parametrize("page", [None, [], "x", {"models": 7}, {"models": [None, 3, {"name": None}]}])
def test_check_ollama_survives_strange_answers(page):
    with ChatServer() as server:
        server.pages["/api/tags"] = page
        assert budget("check-ollama", "--api-base", server.url.removesuffix("/v1")) == 1


def test_check_openrouter_needs_a_key_that_is_taken(monkeypatch, capsys):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    with ChatServer(key="sk-right") as server:
        server.pages |= {"/v1/key": {"data": {}}, "/v1/models": {"data": [{"id": "qwen/qwen3-8b"}]}}
        assert budget("check-openrouter", "--api-base", server.url) == 1
        assert "set OPENROUTER_API_KEY" in capsys.readouterr().out
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-wrong")
        assert budget("check-openrouter", "--api-base", server.url) == 1
        assert "it answered 401" in capsys.readouterr().out
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-right")
        assert budget("check-openrouter", "--api-base", server.url) == 0
    out = capsys.readouterr().out
    assert re.match(r"OpenRouter is connected\n  Base URL: .*\n  Model requested: qwen/qwen3-8b\n", out) and "sk-" not in out


@pytest.mark.parametrize("name", ["ollama", "openrouter"])
def test_negotiate_speaks_to_both_servers_alike(name, monkeypatch, capsys):
    def answer(prompt):
        return "Accuracy: 9/10. Relevance: 9/10."

    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-right")
    with ChatServer(answer, key="sk-right" if name == "openrouter" else None) as server:
        server.pages |= {"/api/tags": {"models": [{"name": "m:latest"}]}, "/v1/key": {}, "/v1/models": {"data": [{"id": "m"}]}}
        base = server.url.removesuffix("/v1") if name == "ollama" else server.url
        asked = ("-s", name, "-m", "m", "--api-base", base, "--tokens", "openai/gpt-4")
        assert budget("-v", "negotiate", EXAMPLE, *asked, *LIMITS) == 0
    out = capsys.readouterr().out
    assert f"Scorer: {name} (openai/m) (model)" in out and "Optimized: 92 tokens" in out and "free text" in out
