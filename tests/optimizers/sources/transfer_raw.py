"""Tiny raw files of every source of transfer rows, in the form in which the publishers write them."""

import json
from pathlib import Path

from optimizers.data import as_jsonl
from optimizers.sources.actor_transfer import KINDS
from optimizers.sources.planner_transfer import SERVICES
from tests.optimizers.sources.test_failure_judge import NAMES, recorded, write_csv

PATTERN = "# IDENTITY\n\nYou are {own}.\n\n# OUTPUT\n\n{lines}\n"
LINES = (
    "- Do not start items with the same opening words.\n- Ensure you follow ALL these instructions when creating your output.\n"
    "- Do not repeat items in the output sections.\n- Take three deep breaths."
)


def own_words(name: str, count: int = 12) -> str:
    return " ".join(f"{name}{place}" for place in range(count))


def write_lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_jsonl(rows))


def write_bfcl(folder: Path) -> None:
    """Write two talks of four turns for each service; all name the same ids again."""
    talks, answers = [], []
    for place, name in enumerate(NAMES[: 2 * len(SERVICES)]):
        service = list(SERVICES)[place // 2]
        ids = f"CARD{place}77, AB{place}99 and XY{place}55"
        said = [f"With {ids}: {own_words(name)} {turn}th {own_words(name + 'x', 6)}." for turn in range(4)]
        calls = [f"{service}_do{n}(a='CARD{place}77', b=['AB{place}99'], c='XY{place}55', d=True)" for n in range(2)]
        talks.append({"id": f"talk_{place}", "question": [[{"role": "user", "content": text}] for text in said]})
        answers.append({"id": f"talk_{place}", "ground_truth": [calls] * 4})
    write_lines(folder / "BFCL_v4_multi_turn_base.json", talks)
    write_lines(folder / "possible_answer" / "BFCL_v4_multi_turn_base.json", answers)
    for service in SERVICES:
        docs = [{"name": f"{service}_do{n}", "description": f"Service. Tool description: Does  {n}."} for n in range(6)]
        write_lines(folder / "multi_turn_func_doc" / f"{service}.json", docs)


def write_office(raw: Path) -> None:
    queries, runs = [], []
    for place, name in enumerate(NAMES[:8]):
        area, change = ("email", "reply_email") if place % 2 else ("calendar", "update_event")
        look = "search_emails" if place % 2 else "search_events"
        goal = f"mend {own_words(name, 6)}"
        gold = f'{area}.{change}.func(it="{place}")'
        steps = [(f"{area}.{look}", {"query": name}, "found"), (f"{area}.{change}", {"it": str(place)}, "Done.")]
        queries.append({"query": goal, "answer": str([gold]), "base_template": name, "domains": str([area])})
        runs.append(
            {"query": goal, "function_calls": str([gold]), "full_response": recorded(goal, steps, "Done."), "error": ""}
        )
    write_csv(raw / "failure_judge/workbench_traces/all__model.csv", runs)
    write_csv(raw / "actor/workbench/processed/queries_and_answers/all.csv", queries)


def write_ace(folder: Path) -> None:
    for kind in KINDS:
        records, answers = [], []
        for place, name in enumerate(NAMES[:4]):
            function = f"{name}{kind.replace('_', '')}_run"
            properties = {"x": {"type": "integer"}, "y": {"type": "string"}}
            schema = {"type": "object", "properties": properties, "required": ["x"]}
            said = f"user: Run {own_words(name + kind, 9)} {kind} with {place + 40} and smsAlert.\n"
            offered = [{"name": function, "description": "runs", "parameters": schema}]
            records.append({"id": f"normal_{kind}_{place}", "question": said, "function": offered, "time": ""})
            given = {"x": place + 40, "y": "sms_alerts" if place else "never said"}
            answers.append({"id": f"normal_{kind}_{place}", "ground_truth": {function: given}})
        write_lines(folder / f"data_normal_{kind}.json", records)
        write_lines(folder / "possible_answer" / f"data_normal_{kind}.json", answers)


def write_answers(raw: Path) -> None:
    """Write XSTest's answers, one that helps and one that refuses for each request, and Who&When's blamed talks."""
    answers, blamed = [], []
    for place, name in enumerate(NAMES):
        for label, text in (("1_full_compliance", "So you do it."), ("2_full_refusal", "I cannot.")):
            kind = "safe_contexts" if place % 2 else "homonyms"
            votes = {"annotation_1": label, "annotation_2": label, "final_label": label}
            answers.append({"type": kind, "prompt": own_words(name, 5), "completion": f"{text} {name}", **votes})
        talk = [{"name": "Expert", "content": f"{name} is 7"}, {"name": "Computer_terminal", "content": "exit 0"}]
        blame = {"mistake_step": "0", "mistake_reason": "No source."}
        blamed.append({"file": f"{place}.json", "question": own_words(name, 4), "history": talk, **blame})
    write_csv(raw / "failure_judge/xstest/xstest_v2_completions_m.csv", answers)
    write_lines(raw / "failure_judge/who_and_when/algorithm_generated.jsonl", blamed)


def write_seeds(raw: Path) -> None:
    tasks = [
        {"text": f"Write a function for {own_words(name, 5)}.", "code": f"def {name}(x):\r\n    return x", "task_id": place}
        for place, name in enumerate(NAMES)
    ]
    write_lines(raw / "code/mbpp/mbpp.jsonl", tasks)
    votes = {f"annotator{n}": 1 for n in (1, 2, 3)}
    asked = [
        {
            "idx": place,
            "motivation_app": f"App {place % 4}",
            "instruction": f"Explain {own_words(name, 6)}.",
            "input": f"{name}0",
        }
        | {"response1": f"{name}1 so.", "response2": "No.", **votes}
        for place, name in enumerate(NAMES)
    ]
    (raw / "data_generator/pandalm_testset").mkdir(parents=True)
    (raw / "data_generator/pandalm_testset/testset-v1.json").write_text(json.dumps(asked), encoding="utf-8")


def write_raw(raw: Path) -> Path:
    """Write what the transfer rows of all programs are made from."""
    write_bfcl(raw / "actor/bfcl_v4")
    write_office(raw)
    write_ace(raw / "actor/acebench_en")
    write_answers(raw)
    write_seeds(raw)
    patterns = [{"name": name, "text": PATTERN.format(own=own_words(name), lines=LINES)} for name in NAMES]
    write_lines(raw / "section_scorer/fabric_patterns/system_prompts.jsonl", patterns)
    return raw
