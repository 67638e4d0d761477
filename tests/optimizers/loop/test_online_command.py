"""The whole loop against a scripted server: from recorded runs to a program in use, or not, and what is written down."""

import json
import re

import pytest

from dspy_programs import load
from optimizers.harvest import main as harvest
from optimizers.history import main as history
from optimizers.online import main
from optimizers.rollback import main as rollback
from optimizers.train import main as train
from tests.fakes import ChatServer, plan_reply
from tests.optimizers.harvesting.runs import call, refund_run, write_runs

RIGHT = ["find_order", "refund"]
LM = "openai/scripted"


def answer(with_demonstrations, without, with_instruction=None):
    """Return a planner's script; its reflector always proposes the same instruction."""

    def script(prompt):
        if "new_instruction" in prompt:
            return json.dumps({"new_instruction": "Look the order up first. IMPROVED"})
        if "[[ ## often ## ]]" in prompt:
            return json.dumps({"proposal": {"rule": "Look up every customer record before money moves"}})
        if with_instruction and "IMPROVED" in prompt:
            return plan_reply(with_instruction)
        shown = '"tool": "refund"' in prompt or '"tool":"refund"' in prompt
        return plan_reply(with_demonstrations if shown else without)

    return script


@pytest.fixture
def traces(tmp_path):
    runs = [refund_run(number) for number in range(1000, 1120)]
    wrong = call("refund", {"order": "1"}, "Error: missing argument order_id")
    runs += [refund_run(number, ok=False, extra=[wrong]) for number in range(2000, 2008)]
    write_runs(tmp_path / "traces", runs)
    return tmp_path / "traces"


def round_of(server, traces, tmp_path, *more):
    place = ["--traces", str(traces), "--run-dir", str(tmp_path / "loop")]
    return main(["--module", "planner", "--lm", LM, "--api-base", server.url, *place, *more])


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "loop" / "gepa_history.jsonl").read_text().splitlines()]


def test_the_limit_of_a_reply_reaches_the_model(traces, tmp_path):
    with ChatServer(answer(RIGHT, RIGHT)) as server:
        assert round_of(server, traces, tmp_path, "--max-reply-tokens", "777", "--challengers", "1") == 0
        assert all("777" in request for request in server.requests)


def test_a_winner_is_promoted_written_down_and_rolled_back(traces, tmp_path, capsys):
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert round_of(server, traces, tmp_path) == 0
        out = capsys.readouterr().out
        assert re.search(r"promoted +the nearest runs that went well: 0\.\d+ -> 1\.000 on \d+ rows", out)
        *_, decision, promoted = lines(tmp_path)
        assert {"prompt", "response", "score"} <= decision.keys() and "new_prompt" not in decision
        assert decision["decision"] == "won" and decision["low"] > 0 and decision["number"] == 1
        assert promoted["kind"] == "promoted" and promoted["new_prompt"]
        planner = load("planner", LM)
        assert len(planner.plan.demos) > 16
        (card,) = (tmp_path / "compiled" / "planner").glob("*.md")
        assert "Made from recorded runs: the nearest runs that went well. The gate decided after" in card.read_text()
        assert history(["--module", "planner", "--lm", LM]) == 0
        assert "1.000 [1.000, 1.000]" in capsys.readouterr().out
        assert round_of(server, traces, tmp_path) == 0  # again: the champion is now that one, and it is not beaten
        assert "now in use" not in capsys.readouterr().out
    assert rollback(["--module", "planner", "--lm", LM]) == 0
    assert "was " in capsys.readouterr().out
    assert not load("planner", LM).plan.demos


def test_what_loses_on_held_back_rows_is_refused_and_nothing_is_in_use(traces, tmp_path, capsys):
    with ChatServer(answer(["send_note"], RIGHT)) as server:
        assert round_of(server, traces, tmp_path, "--challengers", "2") == 0
    out = capsys.readouterr().out
    assert out.count("refused     ") == 2 and "now in use" not in out
    assert {line["decision"] for line in lines(tmp_path)} == {"refused"}
    assert [line["number"] for line in lines(tmp_path)] == [1, 2]
    assert lines(tmp_path)[1]["level"] < lines(tmp_path)[0]["level"]
    assert not load("planner", LM).plan.demos


def test_an_instruction_is_proposed_from_real_failures_and_wins(traces, tmp_path, capsys):
    with ChatServer(answer(["send_note"], ["send_note"], with_instruction=RIGHT)) as server:
        assert round_of(server, traces, tmp_path, "--proposer", "dspy") == 0
        asked = [body for body in server.requests if "new_instruction" in body]
    assert "missing argument order_id" in asked[0] or "An outcome on record says that the run failed" in asked[0]
    assert "promoted    instruction from" in capsys.readouterr().out
    assert "IMPROVED" in load("planner", LM).plan.signature.instructions


def test_shadow_mode_promotes_nothing(traces, tmp_path, capsys):
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert round_of(server, traces, tmp_path, "--shadow", "--challengers", "2") == 0
    assert "not promoted the nearest runs that went well" in capsys.readouterr().out
    assert not load("planner", LM).plan.demos
    line = lines(tmp_path)[0]
    assert (line["decision"], line["shadow"]) == ("won", True)


def test_what_won_in_shadow_mode_can_be_put_into_use_without_paying_again(traces, tmp_path, capsys):
    """The same holds for a winner whose process was killed before it was put into use."""
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert round_of(server, traces, tmp_path, "--shadow", "--challengers", "2") == 0
        paid = len(server.requests)
        assert round_of(server, traces, tmp_path, "--challengers", "1") == 0
        assert len(server.requests) == paid
    assert "promoted    the nearest runs that went well" in capsys.readouterr().out
    first, _, second = (line for line in lines(tmp_path) if line.get("decision") == "won")
    assert (first["number"], first["level"]) == (second["number"], second["level"])


def test_a_promotion_whose_process_was_killed_before_it_was_written_down_is_written_down_later(traces, tmp_path):
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert round_of(server, traces, tmp_path) == 0
        path = tmp_path / "loop" / "gepa_history.jsonl"
        *before, promoted = path.read_text().splitlines(keepends=True)
        path.write_text("".join(before))
        assert round_of(server, traces, tmp_path, "--challengers", "1") == 0
    (again,) = (line for line in lines(tmp_path) if line["kind"] == "promoted")
    assert {**again, "time": ""} == {**json.loads(promoted), "time": ""}


def test_a_round_after_a_cut_history_goes_on_and_keeps_what_is_there(traces, tmp_path, capsys):
    with ChatServer(answer(["send_note"], RIGHT)) as server:
        assert round_of(server, traces, tmp_path, "--challengers", "1") == 0
        path = tmp_path / "loop" / "gepa_history.jsonl"
        kept = path.read_bytes() + b'{"kind": "decision", "mod'
        path.write_bytes(kept)
        assert round_of(server, traces, tmp_path, "--challengers", "1") == 0
    assert "1 lines cannot be read and are skipped" in capsys.readouterr().out
    assert path.read_bytes().startswith(kept + b"\n")
    numbers = [json.loads(line).get("number") for line in path.read_text().splitlines() if line.endswith("}")]
    assert numbers == [1, 2]  # what was tried before counts, and is not tried again


def test_answers_are_paid_for_once(traces, tmp_path):
    with ChatServer(answer(["send_note"], RIGHT)) as server:
        assert round_of(server, traces, tmp_path, "--challengers", "1") == 0
        paid = len(server.requests)
        (tmp_path / "loop" / "gepa_history.jsonl").unlink()  # as if killed before the decision was written
        assert round_of(server, traces, tmp_path, "--challengers", "1") == 0
        assert len(server.requests) == paid


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give either --traces"),
        (["--data", "nowhere"], "no such folder"),
        (["--module", "writer"], "choose from"),
    ],
)
def test_a_wrong_call_is_one_line(tmp_path, capsys, arguments, says):
    assert main(["--module", "planner", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_too_few_held_back_rows_ask_no_model(tmp_path, capsys):
    write_runs(tmp_path / "few", [refund_run(number) for number in range(1000, 1012)])
    with ChatServer() as server:
        assert round_of(server, tmp_path / "few", tmp_path) == 2
        assert server.requests == []
    assert "too few for any challenger to win" in capsys.readouterr().err


def test_a_limit_below_what_can_decide_is_told_as_such(traces, tmp_path, capsys):
    with ChatServer() as server:
        assert round_of(server, traces, tmp_path, "--rows", "4") == 2
        assert server.requests == []
    assert "--rows 4: too few for any challenger to win; use at least 20" in capsys.readouterr().err


def test_a_dry_run_harvests_and_asks_nothing(traces, tmp_path, capsys):
    with ChatServer() as server:
        assert round_of(server, traces, tmp_path, "--dry-run") == 0
        assert server.requests == []
    assert "no model is asked" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["planner", "actor"])
def test_train_takes_harvested_rows_as_they_are(traces, tmp_path, capsys, module):
    assert harvest(["--traces", str(traces), "-o", str(tmp_path / "rows"), "--module", module]) == 0

    def acts(prompt):
        if "new_instruction" in prompt:
            return json.dumps({"new_instruction": "Call the right tool."})
        asked = int(re.findall(r"order (\d+)", prompt)[-1])
        given = {"tool": "find_order", "arguments": {"number": asked}}
        if "ord_" in prompt.rsplit("[[ ## task ## ]]", 1)[0][-400:]:
            given = {"tool": "refund", "arguments": {"order_id": f"ord_{asked}x"}}
        return json.dumps({"action": {"calls": [given], "cannot": ""}})

    with ChatServer(acts if module == "actor" else answer(RIGHT, ["send_note"])) as server:
        arguments = ["--module", module, "--lm", LM, "--api-base", server.url, "--data", str(tmp_path / "rows" / module)]
        limits = ["--max-metric-calls", "40", "--no-reasoning", "--proposer", "dspy", "--run-dir", str(tmp_path / "run")]
        code = train([*arguments, *limits])
    assert code == 0, capsys.readouterr().err
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert len(report["candidates"]) > 1 and report["test"]
    if module == "planner":
        assert report["promoted"] and report["test"]["difference"]["low"] > 0
