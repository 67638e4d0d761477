"""Seeds of kinds rare among Self-Instruct's seed tasks: MBPP's programming tasks, PandaLM's requests to apps.

Input      raw: a folder with code/mbpp and data_generator/pandalm_testset; own: the program's rows. `embed` compares texts.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of data_generator.py.
Guarantees the same input gives the same rows, bit for bit; an app, and so an instruction, is in one half only; no seed's
           instruction shares more than half of its words with one of `own` or of another row here.
Raises     DatasetError if a file is missing or malformed.
Source     MBPP (CC BY 4.0), github.com/WeOpenML/PandaLM, commit 3871806e (Apache-2.0); see datasets/data_generator/CARD.md.
"""

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dspy_programs.embedding import embed_texts
from dspy_programs.errors import DatasetError
from dspy_programs.types import Pair, pair_problems
from metrics.data_generator import Embed
from optimizers.sources.data_generator import LONGEST_SEED, identifier, rows_of
from optimizers.sources.reading import read_json, read_jsonl
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked, unlike

SEED = 20261128
_PER_SOURCE = 40  # tasks of a half at most, of which rows are made
ROWS = {"mbpp": 10, "pandalm": 15}  # of a half at most

Row = dict[str, Any]
Task = dict[str, Any]


def build(raw: Path, own: Splits, embed: Embed = embed_texts) -> dict[str, list[Row]]:
    """Draw both halves: programming tasks by the task, requests by the app."""
    known = {split: [{"text": row["seed"]["instruction"]} for row in rows] for split, rows in own.items()}
    code = _unlike_tasks(_mbpp_tasks(raw / "code/mbpp/mbpp.jsonl"), known)
    asks = _unlike_tasks(_pandalm_tasks(raw / "data_generator/pandalm_testset/testset-v1.json"), known)
    apps = sorted({task["app"] for task in asks})
    random.Random(SEED).shuffle(apps)
    halves = {}
    for place, half in enumerate(HALVES):
        mine = set(apps[place :: len(HALVES)])
        made = rows_of(code[place :: len(HALVES)][:_PER_SOURCE], embed)[: ROWS["mbpp"]]
        made += rows_of([task for task in asks if task["app"] in mine], embed)[: ROWS["pandalm"]]
        halves[half] = random.Random(f"{SEED}-{half}").sample(made, len(made))
    return checked(halves, raw)


def _unlike_tasks(tasks: Iterable[Task], known: Splits) -> list[Task]:
    found = [task | {"text": task["pair"].instruction} for task in tasks]
    random.Random(f"{SEED}-tasks").shuffle(found)
    return unlike(found, known, lambda task: str(task["text"]))


def _mbpp_tasks(path: Path) -> Iterator[Task]:
    for where, record in read_jsonl(path):
        try:
            code = "\n".join(line.rstrip() for line in record["code"].splitlines()).strip()
            pair = Pair(instruction=record["text"].strip(), input="", output=code)
            id_ = f"mbpp-{record['task_id']}"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{where}: not a task of MBPP: {error!r}") from error
        if _is_usable(pair) and "http" not in pair.instruction:
            yield {"id": id_, "name": id_, "app": "mbpp", "pair": pair}


def _pandalm_tasks(path: Path) -> Iterator[Task]:
    """Yield each request with the answer that all three people preferred to another."""
    seen = set()
    try:
        for record in read_json(path):
            votes = {record[f"annotator{number}"] for number in (1, 2, 3)}
            key = (record["instruction"], record["input"])
            if votes in ({1}, {2}) and key not in seen and record["instruction"].strip():
                answer = str(record[f"response{votes.pop()}"])
                pair = Pair(instruction=key[0].strip(), input=key[1].strip(), output=answer.strip())
                if _is_usable(pair):
                    seen.add(key)
                    name = identifier(" ".join(re.findall(r"\w+", pair.instruction)[:3]))
                    app = re.sub(r"\W", "", record["motivation_app"].lower())
                    yield {"id": f"pandalm-{record['idx']}", "name": name, "app": app, "pair": pair}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: not PandaLM's test set: {error!r}") from error


def _is_usable(pair: Pair) -> bool:
    return sum(map(len, pair.model_dump().values())) <= LONGEST_SEED and not pair_problems(pair)


TRANSFER = Transfer(("code/mbpp", "data_generator/pandalm_testset"), build)
