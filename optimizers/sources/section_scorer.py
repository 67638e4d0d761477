"""IFEval's and FollowBench's constraints converted to rows: a task, its constraints as sections, some of them dropped.

Input      raw: a folder with ifeval/input_data.jsonl, followbench/*_constraints.json, fabric_patterns/system_prompts.jsonl.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, task, sections, rubric} and the labels gold, covering,
           overall, group, hard, source.
Guarantees the same input gives the same rows, bit for bit; the rows of a group have one task and one rubric; no prompt, no
           pattern and no borrowed sentence of one split comes from a prompt of another, and no two tasks of the data
           set share more than half of their words. No gold label was given by a person or a model: all are constructed.
Raises     DatasetError if a file is missing or malformed.
Source     IFEval (CC BY 4.0), FollowBench (Apache-2.0), Fabric (MIT); see datasets/section_scorer/CARD.md.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from dspy_programs.text import jaccard, shortened, words
from optimizers.sources.followbench_criteria import CRITERIA
from optimizers.sources.ifeval_kinds import KINDS, mentions, places, states
from optimizers.sources.reading import home, read_json, read_jsonl

SEED = 20261121
GROUPS = {"train": 80, "val": 34, "test": 100}  # of three rows each
SIZES = {"train": 240, "val": 100, "test": 300}
_DROPS = 3  # rows of a group
HARD = ("plain", "double", "decoy", "filler")
LONGEST_TASK, LONGEST_RULE, LONGEST_FILLER = 400, 200, 240  # characters
LARGEST_OVERLAP = 0.5  # of the words of two tasks (Jaccard)

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_JOINT = re.compile(
    r"^([\s.,;?!\d]+|(and|but|that|as a subtask|additionally|furthermore|moreover|lastly|also|as a final touch|"
    r"on top of all this|to crown the elegance of this request|as a format constraint|"
    r"for a comprehensive understanding)\b,?)+",
    re.IGNORECASE,
)
_OWN_SUBJECT = re.compile(
    r"\b(poems?|songs?|blog|resume|letter to|riddle|haikus?|raps?|essay|article|itinerary|story|post|jokes?|book|e-?mail|"
    r"limerick|advertisement|file|thread|outline|rubric|tweet|template|speech|summary|his|her|their|it|them)\b",
    re.IGNORECASE,
)

Row = dict[str, Any]


class Constraint(NamedTuple):
    """A sentence that requires something; `type` and `arguments` are IFEval's, "" and {} for FollowBench."""

    name: str
    text: str
    asked: tuple[str, ...]
    again: tuple[str, ...]
    decoys: tuple[str, ...]
    type: str = ""
    arguments: Mapping[str, Any] = {}  # never changed


class Prompt(NamedTuple):
    """A task without the constraints that could be told apart; `types` are all that it had."""

    id: str
    source: str
    base: str
    constraints: list[Constraint]
    types: frozenset[str]


def build(raw: Path, groups: Mapping[str, int] = GROUPS, sizes: Mapping[str, int] = SIZES) -> dict[str, list[Row]]:
    """Draw the groups of each split: every usable task of FollowBench, the rest from IFEval, evenly mixed."""
    raw = home(raw, "section_scorer")
    draw = random.Random(SEED)
    prompts = unlike([*shuffled(_read_followbench(raw), draw), *shuffled(read_ifeval(raw), draw)])[: sum(groups.values())]
    fillers = shuffled(read_fillers(raw), draw)
    if len(prompts) < sum(groups.values()) or len(fillers) < len(groups):
        raise DatasetError(
            f"{raw}: {len(prompts)} tasks and {len(fillers)} patterns can be used; {sum(groups.values())} are needed"
        )
    draw.shuffle(prompts)
    splits = {}
    for number, (split, count) in enumerate(groups.items()):
        own = [prompts.pop() for _ in range(count)]
        rows = [row for prompt in own for row in group_rows(prompt, own, fillers[number :: len(groups)])]
        splits[split] = fair_sample(rows, sizes[split])
    return splits


def shuffled(items: Sequence[Any], draw: random.Random) -> list[Any]:
    return draw.sample(items, len(items))


def unlike(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Omit every task that shares most of its words with an earlier one."""
    kept: list[Prompt] = []
    seen: list[frozenset[str]] = []
    for prompt in prompts:
        own = frozenset(words(prompt.base))
        if all(jaccard(own, other) <= LARGEST_OVERLAP for other in seen):
            kept.append(prompt)
            seen.append(own)
    return kept


def fair_sample(rows: Sequence[Row], size: int) -> list[Row]:
    """Order rows so that any beginning has all hard kinds about equally, and cut to `size`."""
    order = random.Random(f"{SEED}-order").sample(rows, len(rows))
    turns: Counter[str] = Counter()
    turn = {}
    for row in order:
        turn[row["id"]] = turns[row["hard"]]
        turns[row["hard"]] += 1
    return sorted(order, key=lambda row: turn[row["id"]])[:size]


def read_ifeval(raw: Path) -> list[Prompt]:
    path = raw / "ifeval" / "input_data.jsonl"
    prompts = []
    for where, record in read_jsonl(path):
        try:
            if prompt := ifeval_prompt(record):
                prompts.append(prompt)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{where}: not a record of IFEval: {error!r}") from error
    return prompts


def ifeval_prompt(record: Row) -> Prompt | None:
    """Take the sentences that state one constraint each out of a prompt of one paragraph; None if there are none."""
    text = record["prompt"].strip()
    sentences = SENTENCE_END.split(text)
    types = record["instruction_id_list"]
    if "\n" in text or len(text) > LONGEST_TASK:
        return None
    found = []
    for type_, arguments in zip(types, record["kwargs"], strict=True):
        if type_ in KINDS and types.count(type_) == 1:
            about = [s for s in sentences if mentions(s, type_, arguments)]
            if len(about) == 1 and about[0] != sentences[0] and states(about[0], type_, arguments) and can_stand(about[0]):
                found.append((about[0], type_, arguments))
    shared = Counter(sentence for sentence, _, _ in found)
    draw = random.Random(f"{SEED}-{record['key']}")
    constraints = [_constraint_of(*item, draw) for item in found if shared[item[0]] == 1]
    base = " ".join(s for s in sentences if s not in {c.text for c in constraints})
    return Prompt(f"if{record['key']}", "ifeval", base, constraints, frozenset(types)) if constraints else None


def can_stand(sentence: str) -> bool:
    return len(sentence) <= LONGEST_RULE and sentence.count('"') % 2 == 0 and not sentence.startswith("*")


def _constraint_of(sentence: str, type_: str, arguments: Row, draw: random.Random) -> Constraint:
    kind = KINDS[type_]

    def filled(wordings: Sequence[str]) -> tuple[str, ...]:
        return tuple(wording.format_map(places(arguments, draw)) for wording in wordings)

    return Constraint(kind.name, sentence, filled(kind.asked), filled(kind.again), filled(kind.decoys), type_, arguments)


def _read_followbench(raw: Path) -> list[Prompt]:
    prompts = []
    for category in sorted({key[0] for key in CRITERIA}):
        path = raw / "followbench" / f"{category}_constraints.json"
        levels: dict[int, dict[int, str]] = {}
        try:
            for record in read_json(path):
                levels.setdefault(int(record["example_id"]), {})[int(record["level"])] = " ".join(record["instruction"].split())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path}: not records of FollowBench: {error!r}") from error
        for example, texts in sorted(levels.items()):
            if prompt := followbench_prompt(category, example, texts):
                prompts.append(prompt)
    return prompts


def followbench_prompt(category: str, example: int, texts: Mapping[int, str]) -> Prompt | None:
    """Take the levels that only add text to the level before; None if there are none, or the task is too long."""
    constraints = []
    for (known_category, known_example, level), wording in sorted(CRITERIA.items()):
        before = texts.get(level - 1, "").rstrip(".?! ")
        added = texts.get(level, "")
        if (known_category, known_example) == (category, example) and before and added.startswith(before):
            rule = _JOINT.sub("", added[len(before) :]).strip()
            rule = f"{rule[:1].upper()}{rule[1:]}".rstrip(".?! ") + "."
            constraints.append(Constraint(wording.name, rule, (wording.asked,), (), (wording.decoy,)))
    base = texts.get(0, "")
    if not constraints or not base or len(base) > LONGEST_TASK:
        return None
    return Prompt(f"fb-{category}-{example}", "followbench", base, constraints, frozenset())


def read_fillers(raw: Path) -> list[str]:
    """Return how each of Fabric's prompts begins, in whole sentences."""
    path = raw / "fabric_patterns" / "system_prompts.jsonl"
    fillers = []
    for where, record in read_jsonl(path):
        try:
            lines = [line.strip() for line in record["text"].splitlines() if line.strip() and not line.startswith("#")]
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{where}: not a record of Fabric: {error!r}") from error
        start = shortened(" ".join(lines), LONGEST_FILLER)
        if len(start) >= LONGEST_FILLER // 2:
            fillers.append(start[: start.rfind(".") + 1] or start)
    return fillers


def group_rows(prompt: Prompt, others: Sequence[Prompt], fillers: Sequence[str]) -> list[Row]:
    """Make rows of one task and one rubric, each with other constraints kept, and each hard in another way."""
    draw = random.Random(f"{SEED}-{prompt.id}")
    constraints = with_borrowed(prompt, others, draw)
    rubric = {
        "name": "coverage",
        "criteria": [
            {"name": c.name, "description": draw.choice(c.asked), "weight": draw.choice([1, 2, 3])} for c in constraints
        ],
    }
    quiet = [text for text in fillers if not any(c.type and mentions(text, c.type, c.arguments) for c in constraints)]
    counts = _kept_counts(len(constraints), draw)
    kinds = draw.sample(HARD, _DROPS)
    rows = []
    for number, (count, hard) in enumerate(zip(counts, kinds, strict=True)):
        kept = set(draw.sample(range(len(constraints)), count))
        texts, hard = _section_texts(constraints, kept, hard, quiet, draw)
        rows.append(as_row(f"{prompt.id}-{number}", prompt, rubric, constraints, texts, hard, draw))
    return rows


def _kept_counts(size: int, draw: random.Random) -> list[int]:
    """Draw how many constraints each row of a group keeps: all or none at most once."""
    some = draw.sample(range(1, size), min(_DROPS - 1, size - 1))
    others = [count for count in range(size + 1) if count not in some]
    return shuffled([*some, *draw.sample(others, _DROPS - len(some))], draw)


def with_borrowed(prompt: Prompt, others: Sequence[Prompt], draw: random.Random) -> list[Constraint]:
    """Bring a prompt's constraints to three, four or five with sentences from other prompts of its split."""
    wanted = draw.choice([3, 3, 4, 4, 5])
    chosen = list(prompt.constraints[:5])
    pool = [
        c for other in others if other is not prompt for c in other.constraints if c.type and not _OWN_SUBJECT.search(c.text)
    ]
    for candidate in shuffled(pool, draw):
        if len(chosen) >= wanted:
            break
        if candidate.type not in prompt.types and not any(touch(candidate, c) for c in chosen):
            if not mentions(prompt.base, candidate.type, candidate.arguments):
                chosen.append(candidate)
    return shuffled(chosen, draw)


def touch(a: Constraint, b: Constraint) -> bool:
    """Return whether one constraint's texts could be mistaken for the other's."""
    clash = bool(a.type and b.type) and bool(KINDS[a.type].clash) and KINDS[a.type].clash == KINDS[b.type].clash
    about = any(mentions(text, a.type, a.arguments) for text in (b.text, *b.asked, *b.again)) if a.type else False
    other = any(mentions(text, b.type, b.arguments) for text in (a.text, *a.asked, *a.again)) if b.type else False
    return a.name == b.name or clash or about or other


def _section_texts(
    constraints: Sequence[Constraint], kept: set[int], hard: str, fillers: Sequence[str], draw: random.Random
) -> tuple[list[tuple[str, str]], str]:
    """Return (text, name of the criterion it covers or "") for every section but the task, and what makes the row hard."""
    texts = [(constraints[i].text, constraints[i].name) for i in sorted(kept)]
    missing = [c for i, c in enumerate(constraints) if i not in kept]
    twice = [constraints[i] for i in sorted(kept) if constraints[i].again]
    if hard == "double" and twice:
        constraint = draw.choice(twice)
        texts.append((draw.choice(constraint.again), constraint.name))
        if draw.random() < 0.5:  # the wording of the source has been dropped, the other one has not
            texts.remove((constraint.text, constraint.name))
    elif hard == "decoy" and missing:
        texts += [(draw.choice(c.decoys), "") for c in draw.sample(missing, min(2, len(missing)))]
    elif hard == "filler" and fillers:
        texts.append((draw.choice(fillers), ""))
    else:
        hard = "plain"
    return shuffled(texts, draw), hard


def as_row(
    id_: str,
    prompt: Prompt,
    rubric: Row,
    constraints: Sequence[Constraint],
    texts: Sequence[tuple[str, str]],
    hard: str,
    draw: random.Random,
) -> Row:
    """Number the sections in order, so that names reveal nothing."""
    sections = [{"name": "task", "type": "instruction", "content": prompt.base, "priority": 100}]
    covering: dict[str, list[str]] = {c.name: [] for c in constraints}
    for number, (text, criterion) in enumerate(texts, 1):
        name, kind = f"part_{number}", draw.choice(["system", "context", "instruction", "instruction"])
        sections.append({"name": name, "type": kind, "content": text, "priority": 10 * draw.randint(1, 9)})
        if criterion:
            covering[criterion].append(name)
    place = draw.randrange(len(sections))
    sections.insert(place, sections.pop(0))
    gold = {name: float(bool(found)) for name, found in covering.items()}
    weights = {criterion["name"]: criterion["weight"] for criterion in rubric["criteria"]}
    overall = sum(gold[name] * weight for name, weight in weights.items()) / sum(weights.values())
    return {
        "id": id_,
        "task": shortened(prompt.base, 80),
        "sections": sections,
        "rubric": rubric,
        "gold": gold,
        "covering": covering,
        "overall": round(overall, 6),
        "group": prompt.id,
        "hard": hard,
        "source": prompt.source,
    }
