"""QMSum's meetings and tau-bench's airline conversations converted to rows: a window of a conversation, a budget, probes.

Input      raw: a folder that holds memory_summarizer/qmsum and failure_judge/tau_bench_gpt4o_airline.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, entries, token_budget, probes, reference, source,
           label_kind}. QMSum: the probe is a question that a person asked of the meeting, its terms the words of their answer
           that the window holds. tau-bench: the terms are what the rest of the conversation uses again, and what was done.
Guarantees the same input gives the same rows, bit for bit; split by meeting and by task; for every row there is a memory
           with all terms within the budget and the bounds of the reply.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/Yale-LILY/QMSum, commit 83d7768c; github.com/sierra-research/tau-bench, commit 59a200c6 (both MIT);
           see datasets/memory_summarizer/CARD.md.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.text import (
    content_stems,
    sentences,
    stem,
    words,
)
from dspy_programs.types import Entry
from optimizers.harvesting import LENGTHS, made_row, rows_of_conversation, run_from
from optimizers.sources.reading import read_json, read_jsonl

SEED = 20261127
MEETINGS = ("ALL/jsonl/val.jsonl", "Academic/jsonl/train.jsonl", "Committee/jsonl/train.jsonl")
SIZES = {"test": 250, "val": 80, "train": 200}
_PER_GROUP = {"qmsum": 8, "tau_bench": 9}  # rows of one meeting or task
_LONGEST_TURN = 400  # characters of one entry

_MARKED = re.compile(r"\{[^}]*\}")
FILLER = re.compile(r"\b(?:um|uh|hmm|mm|mm-hmm|uh-huh|er|ah)\b ?,? ?", re.IGNORECASE)
_REPEATED = re.compile(r"\b([\w']+)(?:[ ,]+\1\b)+", re.IGNORECASE)
_SPACED = re.compile(r" +([,.?!;:)]|'\w|n't)")
WRITES = re.compile(r"^(?:book|cancel|update|send|transfer)_")

Row = dict[str, Any]


def build(raw: Path, sizes: Mapping[str, int] = SIZES) -> dict[str, list[Row]]:
    """Draw the three splits, half of each from either source, in an order that mixes the sources."""
    splits: dict[str, list[Row]] = {split: [] for split in ("train", "val", "test")}
    for source, groups in (("qmsum", meetings(raw)), ("tau_bench", tasks(raw))):
        made = {name: rows[: _PER_GROUP[source]] for name, rows in groups}
        names = sorted(name for name, rows in made.items() if rows)
        random.Random(f"{SEED}-{source}").shuffle(names)
        for split, size in sizes.items():
            rows: list[Row] = []
            while len(rows) < size // 2:
                if not names:
                    raise DatasetError(f"{raw}: not enough windows of {source} for {size // 2} rows of {split}")
                rows += made[names.pop()]
            splits[split] += rows[: size // 2]
    for split, rows in splits.items():
        random.Random(f"{SEED}-{split}").shuffle(rows)
    return splits


def meetings(raw: Path) -> Iterator[tuple[str, list[Row]]]:
    for file in MEETINGS:
        for n, (where, meeting) in enumerate(read_jsonl(raw / "memory_summarizer" / "qmsum" / file)):
            try:
                name = f"{file.split('/')[0].lower()}-{n}"
                yield name, _rows_of_meeting(name, meeting)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                raise DatasetError(f"{where}: not a meeting of QMSum: {error!r}") from error


def _rows_of_meeting(name: str, meeting: Row) -> list[Row]:
    """Make a row of each question whose window overlaps no earlier one."""
    rows: list[Row] = []
    used: set[int] = set()
    for n, query in enumerate(meeting["specific_query_list"]):
        draw = random.Random(f"{SEED}-{name}-{n}")
        answer = tidy(query["answer"])
        (first, last), *_ = query["relevant_text_span"]
        terms = set(content_stems(answer)) - {stem(word) for word in words(query["query"])}
        turns = meeting["meeting_transcripts"][int(first) : int(last) + 1]
        said = [(int(first) + i, spoken(turn, terms)) for i, turn in enumerate(turns)]
        entries = window([Entry(turn=i, role="user", content=text) for i, text in said if text], terms, draw.choice(LENGTHS))
        if used.isdisjoint(entry.turn for entry in entries):
            row = made_row(f"qmsum-{name}-{n}", entries, _terms_of_answer(answer, entries, terms), query["query"], answer, draw)
            if row:
                rows.append(row | {"source": "qmsum", "label_kind": "human"})
                used |= {entry.turn for entry in entries}
    return rows


def spoken(turn: Row, terms: set[str]) -> str:
    """Return a turn as "speaker: text", from a long one the run of sentences with the most terms; "" for just "Yeah."."""
    said = [sentence for sentence in sentences(tidy(turn["content"])) if len(sentence) <= _LONGEST_TURN]
    best: list[str] = []
    for start in range(len(said)):
        run: list[str] = []
        for sentence in said[start:]:
            if sum(len(s) + 1 for s in run) + len(sentence) > _LONGEST_TURN:
                break
            run.append(sentence)
        if len(terms & set(content_stems(" ".join(run)))) > len(terms & set(content_stems(" ".join(best)))) or not best:
            best = run
    text = " ".join(best)
    return f"{turn['speaker']}: {text}" if len(words(text)) > 3 else ""


def tidy(text: str) -> str:
    """Remove a transcript's marks and hesitations, and the spaces that its tokenizer put before punctuation."""
    text = _SPACED.sub(r"\1", " ".join(_MARKED.sub(" ", text).split()))
    text = _REPEATED.sub(r"\1", FILLER.sub("", text))
    return " ".join(_SPACED.sub(r"\1", text).strip(" ,.-").replace(" - ", "-").split()) + (
        "." if text.rstrip().endswith(".") else ""
    )


def window(entries: Sequence[Entry], terms: set[str], length: int) -> list[Entry]:
    """Return the run of entries within `length` characters that holds the most of the terms."""
    best: list[Entry] = []
    most = 0
    for start in range(len(entries)):
        run = run_from(entries, start, length)
        held = len(terms & {s for entry in run for s in content_stems(entry.content)})
        if held > most:
            best, most = run, held
    return best


def _terms_of_answer(answer: str, entries: Sequence[Entry], new: set[str]) -> list[str]:
    """Return the words of a person's answer with a `new` stem that the window holds too, one for each, in their order."""
    held = new & {s for entry in entries for s in content_stems(entry.content.partition(": ")[2])}
    found: dict[str, str] = {}
    for word in words(answer):
        for s in content_stems(word):
            if s in held and len(word) > 2:
                found.setdefault(s, word)
    return list(found.values())


def tasks(raw: Path) -> Iterator[tuple[str, list[Row]]]:
    path = raw / "failure_judge" / "tau_bench_gpt4o_airline" / "gpt-4o-airline.json"
    by_task: dict[str, list[Row]] = {}
    for n, record in enumerate(read_json(path)):
        try:
            name = f"{record['task_id']:02}"
            rows = by_task.setdefault(name, [])
            rows += rows_of_talk(f"tau-{name}-{n}", conversation(record["traj"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path}: record {n} is not a conversation of tau-bench: {error!r}") from error
    yield from by_task.items()


def rows_of_talk(name: str, entries: Sequence[Entry]) -> list[Row]:
    """Make a few rows of windows of a conversation."""
    made = rows_of_conversation(name, entries, WRITES.match, SEED)
    return [row | {"source": "tau_bench", "label_kind": "rule-made"} for row in made]


def conversation(messages: Sequence[Row]) -> list[Entry]:
    """Return the messages without the system's; a call reads name(argument=value, ...), a long result is cut."""
    entries = []
    for turn, message in enumerate(messages):
        if message["role"] == "system":
            continue
        calls = message.get("tool_calls") or []
        text = (message.get("content") or "").replace("###STOP###", "").strip()
        text = "\n".join([*([text] if text else []), *(call_text(call["function"]) for call in calls)])
        ids = [call["id"] for call in calls] + ([message["tool_call_id"]] if "tool_call_id" in message else [])
        text = text if len(text) <= _LONGEST_TURN else text[: _LONGEST_TURN - 3].rsplit(" ", 1)[0] + "..."
        if text or ids:  # a result may be empty, and still answers its call
            entries.append(Entry(turn=turn, role=message["role"], content=text, tool_call_ids=ids))
    return entries


def call_text(function: Row) -> str:
    arguments = json.loads(function["arguments"])
    shown = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in arguments.items())
    return f"{function['name']}({', '.join(shown)})"
