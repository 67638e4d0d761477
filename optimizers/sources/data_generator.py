"""Self-Instruct's seed tasks converted to data_generator rows: a seed, a template, failures, and human pairs like it.

Input      raw: a folder with seed_tasks.jsonl. `embed` compares texts (the extra `embed`).
Output     {"train": rows, "val": rows, "test": rows}; a row is
           {id, seed, template, failures, n, examples, others, practise}.
Guarantees the same input gives the same rows, bit for bit; splits are by seed task, and no two tasks of different splits
           share more than half of their words; `examples` are n pairs of the same template and split that score 1.0.
Raises     DatasetError if the file is missing or malformed.
Source     github.com/yizhongw/self-instruct, commit 0b26ccaa (Apache-2.0); see datasets/data_generator/CARD.md.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.embedding import embed_texts
from dspy_programs.errors import DatasetError
from dspy_programs.pair_quality import heuristic_quality
from dspy_programs.text import jaccard, words
from dspy_programs.types import Pair, pair_problems
from metrics.data_generator import Embed, novelty_of, pairs_are_useful
from optimizers.sources.reading import home, read_jsonl

SEED = 20261121
SHARES = {"test": 0.33, "val": 0.2}  # of the tasks; the rest is train
LONGEST_SEED = 1500  # characters, all three fields: a small model reads them in each call
_LONGEST_EXAMPLE = {"instruction": 190, "input": 190, "output": 290}
LARGEST_OVERLAP = 0.5  # of the words of two instructions (Jaccard) in different splits
OTHERS = 4
_SHARE_WITH_FAILURES = 0.4  # of the rows whose example shows a skill of the table; about a third of all
_EVERY_NTH_ASKS_FOR_TWO = 8

TEMPLATE_RULES = {
    "CODE": r"\b(?:python|code|sql|javascript|html|function|regular expression|program)\b",
    "REASONING": r"math|equation|reason|logic|analogy|syllogis|\bsum\b|number|\bsort|\brank|convert|largest|oldest|longest",
    "CREATIVE": r"story|poem|haiku|joke|song|creative|metaphor|tweet|lyrics|opening|make up|proverb|funny|conversation|title",
    "QA": r"^(?:answer|question|what|who|when|where|why|how|is|are|which)\b|\?\s*$",
}
_SKILLS = [  # of the example's instruction -> what to say went wrong, and words of which a pair that practises it has one
    (
        r"classif|tell (?:me )?(?:if|whether)|decide whether|detect",
        "picked the wrong label for a text",
        "classif tell detect label",
    ),
    (r"\blist\b|brainstorm|suggest", "gave one thing where a list was asked for", "list brainstorm suggest"),
    (r"math|equation|convert|\bsum\b|number", "made a slip in simple arithmetic", "math equation convert sum number calculat"),
    (r"sort|\brank|largest|oldest", "put things in the wrong order", "sort rank order largest oldest"),
    (
        r"correct the|correct gram|grammar|misspell|rewrite|replace",
        "changed the meaning when it mended a sentence",
        "correct grammar spell rewrite replace",
    ),
    (r"code|function|program|python", "wrote a function that does not run", "code function program python"),
    (r"e-?mail|letter", "wrote an e-mail without a greeting", "email e-mail letter"),
    (r"joke|funny", "told a joke without a point", "joke funny pun"),
    (r"explain|describe|definition|meaning", "named a word and did not explain it", "explain describe defin mean"),
    (r"story|haiku|poem|sentence", "wrote a text that left out the word asked for", "story haiku poem sentence"),
    (r"question", "did not answer the question that was asked", "question"),
]

Row = dict[str, Any]
Task = dict[str, Any]


def build(raw: Path, embed: Embed = embed_texts) -> dict[str, list[Row]]:
    tasks = list(_read_tasks(home(raw, "data_generator/self_instruct_seeds") / "seed_tasks.jsonl"))
    splits = _split_tasks(tasks)
    return {name: rows_of(splits[name], embed) for name in ("train", "val", "test")}


def _read_tasks(path: Path) -> Iterator[Task]:
    """Yield {id, name, pair}; skip tasks whose first answer is empty, a refusal or very long."""
    for where, record in read_jsonl(path):
        try:
            instance = record["instances"][0]
            fields = {"instruction": record["instruction"], "input": instance["input"], "output": instance["output"]}
            pair = Pair(**{name: text.strip() for name, text in fields.items()})
            task = {"id": record["id"].removeprefix("seed_task_"), "name": identifier(record["name"]), "pair": pair}
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise DatasetError(f"{where}: not a seed task of Self-Instruct: {error!r}") from error
        if sum(map(len, pair.model_dump().values())) <= LONGEST_SEED and not pair_problems(pair):
            yield task


def identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _split_tasks(tasks: Sequence[Task]) -> dict[str, list[Task]]:
    """Distribute groups of similar tasks, so that no two splits have similar tasks; each gets its share of templates."""
    groups: list[list[Task]] = []
    for task in tasks:
        near = [group for group in groups if any(alike(task, other) for other in group)]
        groups = [group for group in groups if group not in near] + [[*chain(*near), task]]
    random.Random(SEED).shuffle(groups)
    splits: dict[str, list[Task]] = {"test": [], "val": [], "train": []}
    totals, dealt = Counter(map(_template_of_group, groups)), Counter[tuple[str, str]]()
    for group in groups:
        template = _template_of_group(group)
        open_ = (name for name, share in SHARES.items() if dealt[name, template] < share * totals[template])
        split = next(open_, "train")
        dealt[split, template] += 1
        splits[split] += group
    return splits


def _template_of_group(group: Sequence[Task]) -> str:
    return template_of(group[0]["pair"])


def alike(task: Task, other: Task) -> bool:
    return jaccard(words(task["pair"].instruction), words(other["pair"].instruction)) > LARGEST_OVERLAP


def rows_of(tasks: Sequence[Task], embed: Embed) -> list[Row]:
    """Make one row of each task, and one more of each that can be asked of a tool; those without examples are left out."""
    seeds = [{"id": t["id"], "pair": t["pair"], "template": template_of(t["pair"])} for t in tasks]
    seeds += _tool_seeds(tasks)
    rows: list[Row] = []
    for seed in seeds:
        n = 2 if len(rows) % _EVERY_NTH_ASKS_FOR_TWO == _EVERY_NTH_ASKS_FOR_TWO - 1 else 1
        if row := _row_of(seed, n, seeds, embed) or _row_of(seed, 1, seeds, embed):
            rows.append(row)
    return _interleaved(rows)


def template_of(pair: Pair) -> str:
    """Assign a template by the words of the instruction; most tasks are plain instructions."""
    for template, pattern in TEMPLATE_RULES.items():
        if re.search(pattern, pair.instruction.lower()):
            return template
    return "INSTRUCTION"


def _tool_seeds(tasks: Sequence[Task]) -> list[Row]:
    """Turn every task with a short input into a request for the tool that is named after it, among three."""
    usable = [
        t for t in tasks if 0 < len(t["pair"].input) <= 80 and "\n" not in t["pair"].input and len(t["pair"].instruction) <= 100
    ]
    seeds = []
    for task in usable:
        draw = random.Random(f"{SEED}-{task['id']}-tools")
        others = sorted({t["name"] for t in tasks} - {task["name"]})
        offered = [task["name"], *draw.sample(others, min(2, len(others)))]
        draw.shuffle(offered)
        call = {"tool": task["name"], "arguments": {"text": task["pair"].input}}
        pair = Pair(
            instruction=f"{task['pair'].instruction} {task['pair'].input}",
            input="Tools: " + ", ".join(f"{name}(text)" for name in offered),
            output=json.dumps(call, ensure_ascii=False),
        )
        seeds.append({"id": f"{task['id']}-tool", "pair": pair, "template": "TOOL_USE"})
    return seeds[::2]  # half of them: they are constructed, and the others are real


def _interleaved(rows: Sequence[Row]) -> list[Row]:
    """Order by template in proportion, a rare one early, so that the first rows are a fair sample of all."""
    shuffled = list(rows)
    random.Random(SEED).shuffle(shuffled)
    totals, seen = Counter(row["template"] for row in shuffled), Counter[str]()
    placed = []
    for row in shuffled:
        seen[row["template"]] += 1
        placed.append(((seen[row["template"]] - 0.75) / totals[row["template"]], row["id"], row))
    return [row for _, _, row in sorted(placed, key=lambda item: item[:2])]


def _row_of(seed: Row, n: int, seeds: Sequence[Row], embed: Embed) -> Row | None:
    """Give a seed the n nearest pairs that would be perfect answers; None if there are fewer."""
    rest = _by_nearness(seed, [other for other in seeds if _own_task(other) != _own_task(seed)], embed)
    examples: list[Row] = []
    for other in rest:
        if other["template"] == seed["template"] and _is_short(other["pair"]) and len(examples) < n:
            if _is_perfect(seed, [*examples, other], embed):
                examples.append(other)
    if len(examples) < n:
        return None
    pairs = [example["pair"] for example in examples]
    tasks = {_own_task(example) for example in examples}
    others = [o["pair"].instruction[:200] for o in rest if _own_task(o) not in tasks and "tool" not in o["id"]]
    kept = [text for text in others if all(novelty_of(pair, [text], embed)[0] == 1 for pair in pairs)][:OTHERS]
    failures, practise = _failures_of(seed, pairs)
    return {
        "id": seed["id"],
        "seed": seed["pair"].model_dump(),
        "template": seed["template"],
        "failures": failures,
        "n": n,
        "examples": [pair.model_dump() for pair in pairs],
        "others": kept,
        "practise": practise,
    }


def _own_task(seed: Row) -> str:
    return str(seed["id"]).removesuffix("-tool")


def _by_nearness(seed: Row, others: Sequence[Row], embed: Embed) -> list[Row]:
    texts = ["\n".join(one["pair"].model_dump().values()) for one in (seed, *others)]
    vectors = embed(texts)
    cosines = [round(float(vectors[0] @ vector), 4) for vector in vectors[1:]]
    order = sorted(range(len(others)), key=lambda i: (-cosines[i], others[i]["id"]))
    return [others[i] for i in order]


def _is_short(pair: Pair) -> bool:
    return all(len(getattr(pair, name)) <= longest for name, longest in _LONGEST_EXAMPLE.items())


def _is_perfect(seed: Row, examples: Sequence[Row], embed: Embed) -> bool:
    gold = dspy.Example(seed=seed["pair"], template=seed["template"], n=len(examples), others=[], practise=[])
    answer = dspy.Prediction(pairs=[example["pair"] for example in examples], rejected=[], failure=None)
    return pairs_are_useful(heuristic_quality, embed)(gold, answer).value > 1 - 1e-9


def _failures_of(seed: Row, examples: Sequence[Pair]) -> tuple[list[str], list[str]]:
    """Mark, for some one-pair rows, that the skill of the example went wrong before."""
    draw = random.Random(f"{SEED}-{seed['id']}-failures")
    (example, *more) = examples
    text = "\n".join(example.model_dump().values()).lower()
    for pattern, told, practise in _SKILLS:
        if not more and re.search(pattern, example.instruction.lower()) and any(word in text for word in practise.split()):
            return ([f"The agent {told}."], practise.split()) if draw.random() < _SHARE_WITH_FAILURES else ([], [])
    return [], []
