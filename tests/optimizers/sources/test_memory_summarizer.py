"""Raw meetings and conversations made into rows, and every row of the shipped splits answered ideally within its bounds."""

import json
from pathlib import Path

import dspy
import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.lm.replies import CompleteJSONAdapter
from dspy_programs.programs.memory_summarizer import MemorySummarizer, read
from dspy_programs.programs.memory_summarizer.support import Sources
from dspy_programs.text import approximate_tokens, sentences
from metrics.memory_summarizer import memory_recalls
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe
from optimizers.recipes.demonstrations.memory_summarizer import as_demonstration
from optimizers.sources.memory_summarizer import MEETINGS, build, call_text, tidy
from tests.fakes import scripted_lm

RECIPE = recipe("memory_summarizer")
UNSOUND = ("dropped from the fact", "dropped from the decision", "there is no turn")
THINGS = (
    "budget remote buttons battery casing rubber titanium wheel screen voice plastic curved colour market price profit".split()
)


def meeting(n: int) -> dict:
    """A meeting of one question, whose answer names things that were said."""
    own = [THINGS[(n + k) % len(THINGS)] for k in range(6)]
    said = [f"{{vocalsound}} Um , we talked about the {thing} of design {n} and we liked it ." for thing in own]
    chat = "It was a long day and everybody was rather tired of all these slides and talks ."
    turns = [{"speaker": "Lead", "content": text} for thing in said for text in (thing, chat)]
    answer = f"They liked the {', the '.join(own)}."
    query = {"query": "What did they like?", "answer": answer, "relevant_text_span": [["0", str(len(turns) - 1)]]}
    return {"specific_query_list": [query], "meeting_transcripts": turns}


def trajectory(task: int) -> dict:
    """A conversation in which a reservation is looked up, cancelled and named again."""
    code = f"RES{task:03}"
    call = {"function": {"name": "cancel_reservation", "arguments": json.dumps({"reservation_id": code})}, "id": f"call_{task}"}
    messages = [
        {"role": "system", "content": "policy"},
        {
            "role": "user",
            "content": f"Hello, I am user_{task}_{task} and I want to cancel {code} of 2024-05-2{task % 9} please.",
        },
        {"role": "assistant", "content": "It is a long story, but may I ask why you want to do this today of all days?"},
        {"role": "user", "content": "Because the weather is bad and the children would rather stay at home with the dog."},
        {"role": "assistant", "content": f"I understand. I cancel {code} and refund 3{task:02} to you at once."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"call_{task}", "name": "cancel_reservation", "content": "ok"},
        {"role": "assistant", "content": f"{code} of user_{task}_{task} on 2024-05-2{task % 9} is cancelled, 3{task:02} back."},
        {"role": "user", "content": "###STOP###"},
    ]
    return {"task_id": task, "traj": messages}


def write_raw(folder: Path, meetings: int = 12, conversations: int = 12) -> Path:
    for k, name in enumerate(MEETINGS):
        file = folder / "memory_summarizer" / "qmsum" / name
        file.parent.mkdir(parents=True)
        rows = [meeting(n) for n in range(k, meetings, len(MEETINGS))]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tau = folder / "failure_judge" / "tau_bench_gpt4o_airline" / "gpt-4o-airline.json"
    tau.parent.mkdir(parents=True)
    tau.write_text(json.dumps([trajectory(n) for n in range(conversations)]), encoding="utf-8")
    return folder


SMALL = {"test": 6, "val": 2, "train": 6}


def test_build_gives_both_sources_to_every_split_and_splits_by_group(tmp_path):
    splits = build(write_raw(tmp_path), SMALL)
    assert {name: len(rows) for name, rows in splits.items()} == SMALL
    for rows in splits.values():
        assert {row["source"] for row in rows} == {"qmsum", "tau_bench"}
    groups = [{row["id"].rsplit("-", 1)[0] for row in rows} for rows in splits.values()]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert splits == build(tmp_path, SMALL)


def test_rows_are_cleaned_and_probed_by_what_is_said(tmp_path):
    rows = [row for split in build(write_raw(tmp_path), SMALL).values() for row in split]
    spoken = "\n".join(entry["content"] for row in rows for entry in row["entries"])
    assert "vocalsound" not in spoken and " ," not in spoken and "STOP" not in spoken
    tau = next(row for row in rows if row["source"] == "tau_bench")
    terms = {term for probe in tau["probes"] for term in probe["terms"]}
    assert any(term.startswith("res0") for term in terms)
    assert tau["label_kind"] == "rule-made"


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("memory_summarizer/qmsum/" + MEETINGS[0], "{}\n", "not a meeting of QMSum"),
        ("memory_summarizer/qmsum/" + MEETINGS[1], "{", "not JSON"),
        ("failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json", "[{}]", "is not a conversation"),
    ],
)
def test_build_names_the_file_that_is_not_what_it_should_be(tmp_path, file, content, reason):
    (write_raw(tmp_path) / file).write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=reason):
        build(tmp_path, SMALL)


def test_build_says_when_there_are_too_few_windows(tmp_path):
    with pytest.raises(DatasetError, match="not enough windows of qmsum"):
        build(write_raw(tmp_path, meetings=3), SMALL)


def test_tidy_reads_like_writing():
    assert tidy("Uh , I 'm {disfmarker} I 'm sure , um , it 's the the plan .") == "I'm sure, it's the plan."


def test_call_reads_like_a_call():
    assert call_text({"name": "book", "arguments": '{"id": "A1", "bags": [1]}'}) == "book(id=A1, bags=[1])"


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_ideal_memory_of_shipped_rows_scores_one_and_its_extracts_are_sound(split):
    rows = read_split(data_directory("memory_summarizer") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    summarizer = MemorySummarizer()
    for row in rows[::5]:
        memory = as_demonstration(row)["summarize"]["memory"]
        reply = json.dumps({"memory": memory})
        with dspy.context(lm=scripted_lm(lambda prompt, reply=reply: reply), adapter=CompleteJSONAdapter()):
            prediction = summarizer(entries=row.entries, token_budget=row.token_budget)
        assert prediction.failure is None
        assert [problem for problem in prediction.problems if problem.startswith(UNSOUND)] == []
        assert prediction.within_budget
        text = "\n".join([memory["summary"], *(f"- {f['text']} {f['turns']}" for f in memory["decisions"] + memory["facts"])])
        before = approximate_tokens("\n".join(map(str, row.entries)))
        ideal = dspy.Prediction(**memory, tokens=approximate_tokens(text), tokens_before=before, failure=None)
        assert memory_recalls(row, ideal).value == 1.0, row.id


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize(("source", "least"), [("qmsum", 0.3), ("tau", 0.85)])
def test_true_sentences_of_summaries_are_kept_as_often_as_measured(split, source, least):
    """`python -m tests.memory_support`: people's own 0.43 and 0.33 (their windows leave out much), extracts 0.97 and 0.88."""
    rows = read_split(data_directory("memory_summarizer") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    kept = []
    for row in rows:
        if row.id.startswith(source):
            sources = Sources(read(row.entries))
            kept += [sources.fault(text) == "" for text in sentences(as_demonstration(row)["summarize"]["memory"]["summary"])]
    assert sum(kept) >= least * len(kept)


def test_shipped_splits_share_no_meeting_and_no_task():
    def groups(split):
        text = (data_directory("memory_summarizer") / f"{split}.jsonl").read_text(encoding="utf-8")
        return {"-".join(json.loads(line)["id"].split("-")[:-1][:3]) for line in text.splitlines()}

    meetings = [{g for g in groups(split) if g.startswith("qmsum")} for split in ("train", "val", "test")]
    tasks = [{g.split("-")[1] for g in groups(split) if g.startswith("tau")} for split in ("train", "val", "test")]
    for sets in (meetings, tasks):
        assert all(sets) and not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]
