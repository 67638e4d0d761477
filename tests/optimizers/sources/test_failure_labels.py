"""Labelled runs: what a label settles and what it leaves open, and how the raw conversations are read."""

import json

import pytest

from dspy_programs.errors import DatasetError
from optimizers.sources import Labelled
from optimizers.sources.failure_labels import TAU, UNSEEN, WORKBENCH, XSTEST, Home, constructed, tau, xstest


def labelled(source, label, truth=None, safe=None):
    return Labelled("a", "g", source, "human", UNSEEN, "goal", [], None, label, truth, safe)


@pytest.mark.parametrize(
    ("label", "safe", "over_refusal", "none"),
    [
        ("refused", True, True, False),
        ("refused", False, False, True),
        ("complied", True, False, True),
        ("complied", False, False, None),
        ("partial", True, None, None),
        ("partial", False, None, None),
    ],
)
def test_people_settle_refusals_and_nothing_else(label, safe, over_refusal, none):
    run = labelled(XSTEST, label, safe=safe)
    assert run.settles("OVER_REFUSAL") is over_refusal and run.settles("none") is none
    assert run.settles("HALLUCINATION") is None


@pytest.mark.parametrize(
    ("source", "truth", "settled"),
    [
        (TAU, None, {"none": False, "GOAL_DRIFT": None}),
        (TAU, "none", {"none": True, "GOAL_DRIFT": False}),
        (WORKBENCH, "GOAL_DRIFT", {"none": False, "GOAL_DRIFT": True, "TOOL_MISUSE": False}),
    ],
)
def test_outcome_settles_what_it_can(source, truth, settled):
    run = labelled(source, "", truth)
    assert {mode: run.settles(mode) for mode in settled} == settled


def test_tau_reads_a_whole_conversation(tmp_path):
    call = {"id": "c1", "function": {"name": "find", "arguments": '{"id": "K7"}'}}
    talk = [
        {"role": "system", "content": "Be polite."},
        {"role": "user", "content": "Find K7. ###STOP###"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "name": "find", "tool_call_id": "c1", "content": '{"id": "K7"}'},
        {"role": "assistant", "content": "x" * 5000},
    ]
    folder = tmp_path / "failure_judge/tau_bench_gpt4o_airline"
    folder.mkdir(parents=True)
    records = [{"task_id": 3, "reward": reward, "traj": talk} for reward in (1.0, 0.0)]
    (folder / "gpt-4o-airline.json").write_text(json.dumps(records))
    passed, failed = tau(tmp_path, {"tau-3": Home("train", True)})
    assert (passed.label, passed.truth, failed.label, failed.truth) == ("passed", "none", "failed", None)
    assert passed.goal == "Find K7." and passed.home.split == "train"
    assert [turn.role for turn in passed.turns] == ["system", "user", "tool", "agent"]
    assert passed.turns[2].tool_input == {"id": "K7"} == passed.turns[2].tool_output
    assert len(passed.turns[3].content) == 5000


def test_xstest_reads_every_completion_in_full(tmp_path):
    folder = tmp_path / "failure_judge/xstest"
    folder.mkdir(parents=True)
    rows = ["id,type,prompt,completion,final_label", f"1,homonyms,How?,{'a' * 900},1_full_compliance"]
    rows.append("2,contrast_homonyms,How?,No.,3_partial_refusal")
    (folder / "xstest_v2_completions_m.csv").write_text("\n".join(rows))
    first, second = xstest(tmp_path, {})
    assert (first.label, first.safe, first.home) == ("complied", True, UNSEEN) and len(first.turns[1].content) == 900
    assert (second.label, second.safe) == ("partial", False)
    with pytest.raises(DatasetError, match="--raw"):
        list(xstest(folder, {}))


def test_constructed_rows_are_those_of_the_data_set():
    runs = list(constructed())
    assert {run.home.split for run in runs} == {"train", "val", "test"} and all(run.truth for run in runs)
