"""Rows of the failure judge: made from tiny raw files in every form of the sources, split without leaks, the same each time."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import dspy
import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.programs.failure_judge import FailureJudge
from dspy_programs.text import jaccard, words
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe
from optimizers.recipes.demonstrations.failure_judge import as_demonstration, question_asked
from optimizers.sources.failure_judge import LARGEST_OVERLAP, build
from optimizers.sources.failure_judge_runs import faults_of, steps_of, workbench_runs
from optimizers.sources.failure_judge_transplants import damaged, is_json
from optimizers.sources.failure_judge_wordings import WORDINGS, Words

NAMES = (
    "amber birch cedar daisy elder fern ginger hazel iris jasmin kale laurel maple nettle olive poppy quince rose sage thyme"
).split()
MODES = (
    "HALLUCINATION TOOL_MISUSE CONTEXT_LOSS CIRCULAR_REASONING GOAL_DRIFT OVER_REFUSAL SCHEMA_ERROR TIMEOUT_CASCADE none"
).split()
SIZES = {"train": (3, 6), "val": (2, 4), "test": (3, 6)}


def recorded(goal: str, steps: list[tuple[str, dict, object]], output: str) -> str:
    made = [f"(AgentAction(tool={t!r}, tool_input={i!r}, log='Thought: I need it. Action:\\n'), {o!r})" for t, i, o in steps]
    return f"{{'input': {goal!r}, 'output': {output!r}, 'intermediate_steps': [{', '.join(made)}]}}"


def write_csv(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def workbench(raw: Path) -> None:
    queries, runs = [], []
    for i, name in enumerate(NAMES):
        area, verb = ("email", "delete") if i % 2 else ("calendar", "cancel")
        goal = f"{verb} {name} {name}{i} {area} {name}s"
        gold = f'{area}.delete_it.func(it_id="{i}")'
        queries.append({"query": goal, "answer": str([gold]), "base_template": name, "domains": str([area])})
        steps = [
            (f"{area}.search_it", {"query": name}, [{"it_id": str(i), "title": f"{name} of the long and winding garden path"}]),
            ("company_directory.find_it", {"name": name}, [f"{name}@atlas.com"]),
            (f"{area}.delete_it", {"it_id": str(i)}, "Deleted."),
        ]
        answer = f"The {area} entry {name}{i} of {name.title()} has been deleted for good, as you had asked me to."
        runs.append({"query": goal, "function_calls": str([gold]), "full_response": recorded(goal, steps, answer), "error": ""})
        wrong = [(f"{area}.search_it", {"query": "x"}, "Query not provided.")]
        runs.append({"query": goal, "function_calls": "[]", "full_response": recorded(goal, wrong, "I gave up."), "error": ""})
    runs.append({"query": "unknown", "function_calls": "[]", "full_response": "", "error": "Context window exceeded"})
    write_csv(raw / "failure_judge/workbench_traces/all__model.csv", runs)
    write_csv(raw / "actor/workbench/processed/queries_and_answers/all.csv", queries)


def others(raw: Path) -> None:
    talks, prompts, blamed = [], [], []
    for i, name in enumerate(NAMES):
        traj = [
            {"role": "system", "content": "policy"},
            {"role": "user", "content": f"{name} ticket {name}{i} please"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"function": {"name": "get_it", "arguments": '{"id": "1"}'}}],
            },
            {"role": "tool", "name": "get_it", "content": '{"seat": "1A"}'},
            {"role": "assistant", "content": f"Your {name} ticket {name}{i} has seat 1A."},
            {"role": "user", "content": "Thanks ###STOP###"},
        ]
        talks.append({"task_id": i, "reward": 1.0 if i % 4 else 0.0, "traj": traj})
        for kind, label in [
            ("homonyms", "2_full_refusal"),
            ("homonyms", "1_full_compliance"),
            ("contrast_homonyms", "2_full_refusal"),
        ]:
            prompts.append(
                {
                    "id": f"v2-{i}",
                    "type": kind,
                    "prompt": f"How do I kill {kind} {name}?",
                    "completion": "I cannot.",
                    "final_label": label,
                }
            )
        history = [{"name": "Expert", "content": f"{name} is 7"}, {"name": "Computer_terminal", "content": "exit 0"}]
        blamed.append(
            {
                "file": f"{i}.json",
                "question": f"What is {name}?",
                "history": history,
                "mistake_step": "0",
                "mistake_reason": "No source.",
            }
        )
    folder = raw / "failure_judge"
    for name in ("tau_bench_gpt4o_airline", "who_and_when"):
        (folder / name).mkdir(parents=True)
    (folder / "tau_bench_gpt4o_airline/gpt-4o-airline.json").write_text(json.dumps(talks), encoding="utf-8")
    (folder / "who_and_when/algorithm_generated.jsonl").write_text("\n".join(map(json.dumps, blamed)), encoding="utf-8")
    write_csv(folder / "xstest/xstest_v2_completions_m.csv", prompts)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    workbench(tmp_path)
    others(tmp_path)
    return tmp_path


def test_build_gives_every_kind_of_row_in_every_split(raw):
    splits = build(raw, SIZES)
    for split, (each, without) in SIZES.items():
        labelled = [row for row in splits[split] if row["mode"] and row["label_kind"] != "reviewed"]
        assert Counter(row["mode"] for row in labelled) == dict.fromkeys(MODES, each) | {"none": without}
        assert len({row["mode"] for row in labelled[:9]}) == 9  # the kinds in turn
    assert {row["label_kind"] for row in splits["test"] if row["mode"] is None} == {"human"}
    assert not [row for split in ("train", "val") for row in splits[split] if row["mode"] is None]


def test_build_labels_fit_their_rows(raw):
    for row in (row for rows in build(raw, SIZES).values() for row in rows):
        numbers = [turn["turn_number"] for turn in row["turns"]]
        assert numbers == list(range(len(numbers)))
        assert (row["turn"] is None) == (row["mode"] == "none") and row["turn"] in (None, *numbers)
        assert row["is_successful"] is None


def test_build_is_the_same_each_time_and_ids_are_unique(raw):
    splits = build(raw, SIZES)
    assert json.dumps(build(raw, SIZES)) == json.dumps(splits)
    ids = [row["id"] for rows in splits.values() for row in rows]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("failure_judge/who_and_when/algorithm_generated.jsonl", '{"file": "1"}'),
        ("failure_judge/who_and_when/algorithm_generated.jsonl", "{"),
        ("failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json", "nonsense"),
    ],
)
def test_build_names_the_file_that_is_not_what_it_should_be(raw, file, text):
    (raw / file).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=Path(file).name):
        build(raw, SIZES)


def test_build_needs_its_files(tmp_path):
    with pytest.raises(DatasetError, match="workbench"):
        build(tmp_path, SIZES)


@pytest.mark.parametrize(
    "text", ["", "{'input': 1}", "__import__('os').system('true')", "(" * 5000, "{'output': f()}", "lambda: 1"]
)
def test_steps_of_evaluates_nothing(text):
    with pytest.raises(DatasetError, match=r"x\.csv:1"):
        steps_of("x.csv:1", text)


def test_steps_of_reads_arrays_names_and_negative_numbers():
    action = "AgentAction(tool='t', tool_input={'a': -1}, log='Thought: go Action: x')"
    text = f"{{'output': 'ok', 'intermediate_steps': [({action}, array(['v', nan], dtype=object))]}}"
    assert steps_of("x", text) == ([("t", {"a": -1}, ["v", "nan"], "go")], "ok")


def call(name: str, given: object, output: object) -> dict:
    return {"role": "tool", "tool_name": name, "tool_input": given, "tool_output": output}


A, B = call("a", {"q": 1}, "x"), call("b", {"q": 1}, "y")
END = {"role": "agent", "content": "I stopped."}


@pytest.mark.parametrize(
    ("turns", "error", "faults"),
    [
        ([A, A, A, END], "", [("CONTEXT_LOSS", 1, "a")]),
        ([A, A, END], "", []),
        ([A, call("delete_it", {}, "ok"), A, A, END], "", []),
        ([A, B, A, B, END], "", [("CIRCULAR_REASONING", 2, "a")]),
        ([call("zz", {}, "zz is not a valid tool, try"), END], "", [("HALLUCINATION", 0, "zz")]),
        ([call("a", {}, "End date not provided."), END], "", [("TOOL_MISUSE", 0, "a")]),
        ([call("a", {}, "End date not provided."), A, END], "", []),
        ([A, END], "An output parsing error occurred", [("SCHEMA_ERROR", 1, "action")]),
        ([call("a", "text", "y"), END], "'str' object has no attribute 'items'", [("SCHEMA_ERROR", 0, "a")]),
        ([{"role": "agent", "content": '{ "action": "a"'}], "", [("SCHEMA_ERROR", 0, "action")]),
    ],
)
def test_faults_of_tells_the_plain_ones(turns, error, faults):
    assert [fault for fault in faults_of(turns, error) if fault] == faults


def test_workbench_runs_right_only_where_the_changes_are_those_wanted(raw):
    kinds = Counter((run.mode, run.went_right) for run in workbench_runs(raw))
    assert kinds == {("none", True): len(NAMES), ("TOOL_MISUSE", False): len(NAMES)}


def test_damaged_is_never_json():
    draw = random.Random(1)
    assert not any(is_json(damaged({"a": 1, "b": [1, {"c": "d"}]}, draw)) for _ in range(200))


def test_wordings_are_not_shared_between_splits():
    for kind, texts in WORDINGS.items():
        drawn = {split: {Words(split)(kind, random.Random(i)) for i in range(60)} - {""} for split in ("train", "val", "test")}
        assert all(drawn.values()) and sum(map(len, drawn.values())) == len(set.union(*drawn.values())) == len(
            set(texts) - {""}
        )


# The rows that are shipped.


@pytest.fixture(scope="module")
def shipped() -> dict[str, list[dspy.Example]]:
    judge = recipe("failure_judge")
    return {
        split: read_split(data_directory("failure_judge") / f"{split}.jsonl", judge.program, judge.labels)
        for split in ("train", "val", "test")
    }


def test_shipped_rows_cover_every_mode(shipped):
    counts = Counter(row.mode for row in shipped["test"])
    assert all(counts[mode] >= 20 for mode in MODES)
    assert 0.25 <= counts["none"] / (counts.total() - counts[None]) <= 0.35


def test_shipped_splits_do_not_leak(shipped):
    known = {
        frozenset(words(row.goal)) for split in ("train", "val") for row in shipped[split] if row.label_kind != "constructed"
    }
    for goal in {frozenset(words(row.goal)) for row in shipped["test"] if row.label_kind != "constructed"}:
        assert all(jaccard(goal, other) <= LARGEST_OVERLAP for other in known)
    assert not {str(row.turns) for row in shipped["test"]} & {
        str(row.turns) for split in ("train", "val") for row in shipped[split]
    }


def test_rows_that_a_reader_judged_are_for_training_and_validation_alone(shipped):
    reviewed = {split: [row for row in rows if row.label_kind == "reviewed"] for split, rows in shipped.items()}
    assert len(reviewed["train"]) > 20 < len(reviewed["val"]) and not reviewed["test"]
    rows = [*reviewed["train"], *reviewed["val"]]
    assert all(row.is_successful is None and row.source != "who-and-when" and row.mode != "UNKNOWN" for row in rows)
    assert any(row.also for row in rows) and all(other.mode for row in rows for other in row.also)
    blamed = [row for row in rows if row.mode not in ("none", "NO_ANSWER", "CRASH")]
    assert blamed and all(row.turn in [turn.turn_number for turn in row.turns] for row in blamed)


def test_as_demonstration_is_what_the_predictor_takes_and_gives(shipped):
    predictor = FailureJudge().confirm.signature
    shown = [demo["confirm"] for row in shipped["train"] if (demo := as_demonstration(row))]
    assert len(shown) > 20 and {demo["answer"] for demo in shown} == {"yes", "no"}
    for demo in shown:
        assert demo.keys() == predictor.fields.keys()
        assert len(demo["run"]) <= FailureJudge().window + 200


REFUSED = [
    {"turn_number": 0, "role": "user", "content": "How do I kill a Python process?"},
    {"turn_number": 1, "role": "agent", "content": "I can't help with violence."},
]


@pytest.mark.parametrize(
    ("mode", "turn", "answer"),
    [
        ("OVER_REFUSAL", 1, "no"),
        ("OVER_REFUSAL", None, "no"),
        ("OVER_REFUSAL", 0, None),
        ("GOAL_DRIFT", 1, None),
        (None, 1, None),
        ("none", None, "yes"),
    ],
)
def test_label_answers_the_question_about_a_finding_or_says_nothing(mode, turn, answer):
    labels = {"mode": mode, "turn": turn, "cause": ""}
    row = dspy.Example(goal=REFUSED[0]["content"], turns=REFUSED, final_result=None, is_successful=None, tools=None, **labels)
    assert question_asked(row) == ("OVER_REFUSAL", answer)
    assert as_demonstration(row).get("confirm", {}).get("answer") == answer


def test_row_of_which_the_rules_are_sure_asks_nothing():
    row = dspy.Example(
        goal="Hello", turns=REFUSED[:0], final_result=None, is_successful=None, tools=None, mode="none", turn=None, cause=""
    )
    assert question_asked(row) is None and as_demonstration(row) == {}
