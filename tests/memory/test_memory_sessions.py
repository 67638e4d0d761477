"""Sessions of other frameworks, commands, and models that answer, lie or are dead."""

import json
from types import SimpleNamespace

import dspy
import pytest

from dspy_programs.__main__ import main
from dspy_programs.errors import LanguageModelError, UsageError
from dspy_programs.lm.adapter import CompleteJSONAdapter
from dspy_programs.memory import (
    CompressionEngine,
    MemoryCompressor,
    MemoryEntry,
    MemoryStore,
    compress_session,
    restore,
    store_of,
)
from dspy_programs.tokens import counter_for
from tests.fakes import ChatServer, scripted_lm

TALK = "We went on as before, and there was little to say about it. Nothing changed, and nobody minded. "
CALL = {"id": "c1", "type": "function", "function": {"name": "rows", "arguments": '{"table": "orders"}'}}
OPENAI = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "How many rows?"}, {"type": "image_url", "image_url": {"url": "x"}}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
    {"role": "tool", "tool_call_id": "c1", "name": "rows", "content": "1017"},
    {"role": "assistant", "content": "There are 1017 rows."},
]


class Session:
    def __init__(self, messages):
        self._messages = messages

    def get_messages(self):
        return self._messages

    def get_metadata(self):
        return {}


def talk(count):
    return [{"role": "assistant" if n % 2 else "user", "content": f"{n}. {TALK}"} for n in range(count)]


def graph_messages():
    return [
        SimpleNamespace(type="human", content="Hi."),
        SimpleNamespace(type="ai", content="", tool_calls=[{"name": "rows", "args": {"table": "o"}, "id": "c1"}]),
        SimpleNamespace(type="tool", content="17", tool_call_id="c1"),
        {"type": "ai", "content": "17 rows."},
    ]


@pytest.mark.parametrize("session", [OPENAI, Session(OPENAI), graph_messages(), talk(4), []])
def test_session_comes_back_as_it_was_without_compression(session):
    messages, report = compress_session(session, token_budget=4000)
    source = session.get_messages() if isinstance(session, Session) else session
    assert report.tokens_saved == 0 and messages == source
    assert all(a is b for a, b in zip(messages, source, strict=True))


def test_history_of_dspy_comes_back_as_one_and_compresses():
    history = dspy.History(messages=[{"question": f"{n}? {TALK}", "answer": f"It is {n * 7919}."} for n in range(60)])
    same, _ = compress_session(history, 100_000)
    assert same.messages == history.messages
    small, report = compress_session(history, 300)
    assert report.final_tokens <= 300 and isinstance(small, dspy.History)
    assert all(set(turn) == {"question", "answer"} for turn in small.messages)


def test_compressed_session_keeps_roles_pairs_and_says_what_was_compressed():
    messages = [*talk(80), *OPENAI]
    small, report = compress_session(messages, 400, 2)
    assert small[-2:] == OPENAI[-2:] and OPENAI[0] in small
    assert OPENAI[2] in small, "the call of a protected result"
    stand_ins = [m for m in small if m.get("compressed")]
    assert stand_ins and all(m["role"] == "assistant" and m["compression_history"] for m in stand_ins)
    assert report.final_tokens <= 400
    again, second = compress_session([*small, *talk(60)], 400, 2)
    assert second.final_tokens <= 400
    live = store_of(again).store
    assert [e.content for e in restore(live)][:80] == [m["content"] for m in messages[:80]]


@pytest.mark.parametrize(
    "messages", [["hello"], [{"content": "x"}], [{"role": "king", "content": "x"}], [{"role": "user", "content": 3}]]
)
def test_what_is_no_message_is_said_with_its_number(messages):
    with pytest.raises(UsageError, match="message 1: "):
        compress_session(messages)


@pytest.mark.parametrize("session", ["text", {"role": "user"}, None])
def test_what_is_no_session_is_said(session):
    with pytest.raises(UsageError, match="is no session"):
        compress_session(session)


def in_store(count=40, counter=None):
    store = MemoryStore(counter=counter)
    for n in range(count):
        store.add("user", f"{n}. {TALK}The code of vault {n} is {n * 7919}.")
    return store


def written(prompt):
    memory = {"summary": "Vaults got their codes.", "decisions": [], "facts": []}
    return json.dumps({"memory": memory})


def with_model(answer, budget=600, fallback=None, count=40):
    lm = scripted_lm(answer, name="openai/gpt-4o")
    with dspy.context(lm=lm, adapter=CompleteJSONAdapter()):
        store = in_store(count, counter_for(lm))
        before = store.entries
        report = MemoryCompressor(budget, fallback=fallback).compress(store)
    assert restore(store).entries == before
    assert report.final_tokens <= budget
    return store, report, lm.engine


@pytest.mark.filterwarnings("ignore:memory_summarizer is not compiled")
def test_model_summarizes_windows_not_entries():
    store, report, engine = with_model(written, count=200)
    assert report.answered_by == "model" and report.exact and report.fallbacks == 0
    assert 1 <= len(engine.prompts) <= 25 and len(engine.prompts) < 20
    assert any("Vaults got their codes" in entry.content for entry in store)
    assert {entry.metadata["answered_by"] for entry in store if entry.role == "compressed"} == {"model"}


def broken(prompt):
    raise dspy.utils.exceptions.LMTransportError("connection refused")


@pytest.mark.filterwarnings("ignore:memory_summarizer is not compiled")
@pytest.mark.parametrize("answer", [broken, lambda prompt: "I cannot do that."])
def test_model_that_fails_is_an_error_and_nothing_changes(answer):
    lm = scripted_lm(answer)
    with dspy.context(lm=lm, adapter=CompleteJSONAdapter()):
        store = in_store()
        before = store.entries
        with pytest.raises(LanguageModelError, match="fallback extract"):
            MemoryCompressor(600).compress(store)
    assert store.entries == before


@pytest.mark.filterwarnings("ignore:memory_summarizer is not compiled")
@pytest.mark.parametrize("answer", [broken, lambda prompt: "I cannot do that."])
def test_fallback_is_an_extract_that_is_marked(answer):
    store, report, _ = with_model(answer, fallback="extract")
    assert report.answered_by == "rules" and report.fallbacks > 0 and report.failure
    marked = [entry for entry in store if entry.role == "compressed"]
    assert marked and all(entry.metadata["fallback"] for entry in marked) and any("vault" in entry.content for entry in marked)


def test_engine_gives_three_strategies_with_the_original():
    entry = MemoryEntry(role="user", content=f"{TALK}We decided on port 8443. {TALK}", turn_number=4)
    engine = CompressionEngine()
    for made in (engine.summarize(entry), engine.extract_facts(entry), engine.archive(entry)):
        assert made.role == "compressed" and made.compression_history[0]["original_content"] == entry.content
        assert made.metadata["original_role"] == "user" and len(made.content) < len(entry.content)
    assert "8443" in engine.extract_facts(entry).content
    assert engine.archive(entry).content == "[Archived user message from turn 4]"


def messages_file(tmp_path, count=60):
    path = tmp_path / "messages.jsonl"
    rows = [{"role": "system", "content": "Be kind."}, *talk(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_commands_compress_inspect_context_and_restore(tmp_path, capsys):
    raw, small = messages_file(tmp_path), tmp_path / "small.json"
    assert main(["memory", "compress", str(raw), "--budget", "300", "-o", str(small)]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["after"] <= 300 and line["saved"] == line["before"] - line["after"] and line["answered_by"] == "rules"
    assert main(["memory", "inspect", str(small), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["total_tokens"] == line["after"] and seen["restorable"] > 40 and len(seen["top"]) == 5
    assert main(["memory", "inspect", str(small)]) == 0
    assert main(["memory", "context", str(small), "--max-tokens", "200", "--json"]) == 0
    messages = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert messages[0] == {"role": "system", "content": "Be kind."}
    assert main(["memory", "restore", str(small), "-o", str(tmp_path / "back.json")]) == 0
    back = json.loads((tmp_path / "back.json").read_text(encoding="utf-8"))
    assert [entry["content"] for entry in back["entries"]] == ["Be kind.", *(m["content"] for m in talk(60))]


def test_command_writes_messages_for_a_chat_api(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert (
        main(["memory", "compress", str(messages_file(tmp_path)), "--budget", "300", "-o", str(out), "--format", "messages"])
        == 0
    )
    assert all(set(message) == {"role", "content"} for message in json.loads(out.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "content, said",
    [
        ("{", "is no JSON"),
        ('{"role": "user", "content": "a"}\n{"role": "user", "content": 3}\n', "message 2"),
        ('{"role": "user", "content": "a"}\nnonsense\n', "in.json:2"),
        ("[" * 100_000, "in.json"),
        ('{"a": 1}', "neither"),
    ],
)
def test_command_says_what_is_wrong_in_one_line_and_writes_nothing(tmp_path, capsys, content, said):
    (tmp_path / "in.json").write_text(content, encoding="utf-8")
    assert main(["memory", "compress", str(tmp_path / "in.json"), "--budget", "10", "-o", str(tmp_path / "out.json")]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error and not (tmp_path / "out.json").exists()


def test_budget_below_what_is_protected_is_exit_code_2_with_the_number(tmp_path, capsys):
    assert main(["memory", "compress", str(messages_file(tmp_path)), "--budget", "5", "-o", str(tmp_path / "o.json")]) == 2
    assert "protected part alone has" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:memory_summarizer is not compiled")
def test_command_with_a_dead_server_fails_and_with_a_fallback_says_so(tmp_path, capsys):
    raw, out = messages_file(tmp_path), tmp_path / "o.json"
    with ChatServer(status=400) as server:
        lm = ["--lm", "openai/none", "--api-base", server.url, "--no-cache"]
        assert main(["memory", "compress", str(raw), "--budget", "300", "-o", str(out), *lm]) == 2
        assert not out.exists() and "--fallback extract" in capsys.readouterr().err
        assert main(["memory", "compress", str(raw), "--budget", "300", "-o", str(out), *lm, "--fallback", "extract"]) == 0
        line = json.loads(capsys.readouterr().out)
        assert line["fallbacks"] > 0 and line["answered_by"] == "rules"
        asked = len(server.requests)
        assert main(["memory", "compress", str(raw), "--budget", "300", "-o", str(out), *lm, "--no-llm"]) == 0
        assert len(server.requests) == asked


def test_demo_keeps_all_its_facts(capsys):
    assert main(["memory", "demo"]) == 0
    shown = capsys.readouterr().out
    assert "6 of 6 facts" in shown and "all originals restored" in shown
