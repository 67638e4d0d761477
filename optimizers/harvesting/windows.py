"""Windows of a conversation as rows for the memory summarizer: what the rest of it uses again is what a memory must hold.

Guarantees windows do not overlap, open with no result and leave no call open; for every row there is a memory with all terms
           within the budget and the bounds of the reply; the same seed and name give the same rows.
"""

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from dspy_programs.text import approximate_tokens, facts_in
from dspy_programs.types import Entry
from optimizers.recipes import terms_kept

LENGTHS = (700, 1000, 1300)  # characters of a window
SHARES = (0.28, 0.32, 0.36, 0.4)  # of the window's tokens: the budget
_SHORTEST_BUDGET = 60
_LARGEST_SHARE = 0.45
_PER_CONVERSATION = 3
FEWEST_TURNS, MOST_TERMS = 4, 10
FEWEST_TERMS = {True: 5, False: 3}  # with a person's answer, without

Row = dict[str, Any]


def run_from(entries: Sequence[Entry], start: int, length: int) -> list[Entry]:
    run: list[Entry] = []
    for entry in entries[start:]:
        length -= len(str(entry)) + 1
        if length < 0:
            break
        run.append(entry)
    return run


def rows_of_conversation(name: str, entries: Sequence[Entry], writes: Callable[[str], object], seed: int | str) -> list[Row]:
    """Make a few rows of a conversation. writes: whether what an assistant says is a call that changes something."""
    draw = random.Random(f"{seed}-{name}")
    starts = list(range(len(entries)))
    draw.shuffle(starts)
    rows: list[Row] = []
    used: set[int] = set()
    for start in starts:
        run = run_from(entries, start, draw.choice(LENGTHS))
        while run and run[-1].role == "assistant" and run[-1].tool_call_ids:
            run = run[:-1]
        if not run or run[0].role == "tool" or not used.isdisjoint(entry.turn for entry in run):
            continue
        later = [entry for entry in entries if entry.turn > run[-1].turn and entry.role != "tool"]
        done = [entry for entry in run if entry.role == "assistant" and writes(entry.content)]
        terms = needed_terms(run, [*done, *later])
        if row := made_row(f"{name}-{start}", run, terms, "Which ids, dates and amounts are needed again?", "", draw, done):
            rows.append(row)
            used |= {entry.turn for entry in run}
        if len(rows) == _PER_CONVERSATION:
            break
    return rows


def needed_terms(run: Sequence[Entry], uses: Sequence[Entry]) -> list[str]:
    """Return the ids, dates and amounts of a window that what comes later, or what was done, names too: the oftenest first."""
    counts: dict[str, int] = {}
    for entry in uses:
        for fact in exact_terms(entry.content):
            counts[fact] = counts.get(fact, 0) + 1
    held = {fact for entry in run for fact in exact_terms(entry.content)}
    return sorted(held & counts.keys(), key=lambda fact: (-counts[fact], fact))


@lru_cache(maxsize=1024)  # windows of one conversation overlap
def exact_terms(text: str) -> frozenset[str]:
    facts = facts_in(text)
    return facts.ids | facts.dates | {n for n in facts.numbers if n.isdigit() and len(n) > 1}


def made_row(
    id_: str,
    entries: Sequence[Entry],
    terms: Sequence[str],
    question: str,
    answer: str,
    draw: random.Random,
    done: Sequence[Entry] = (),
) -> Row | None:
    """Give the window its budget and those probes that an ideal memory can answer within it; None if too few are left."""
    tokens = approximate_tokens("\n".join(map(str, entries)))
    budget = max(_SHORTEST_BUDGET, int(draw.choice(SHARES) * tokens))
    asked = [(question, list(terms[:MOST_TERMS]))]
    for entry in done:
        action = entry.content.partition("(")[0]
        first = sorted(facts_in(entry.content).ids, key=entry.content.lower().find)[:1]  # the reservation, nearly always
        deed = action.rpartition(".")[2].partition("_")[0]
        asked.append((f"What was done by {action}?", [deed, *first]))
    wanted = [term for _, found in asked for term in found]
    if len(entries) < FEWEST_TURNS or len(wanted) < FEWEST_TERMS[bool(answer)] or budget > _LARGEST_SHARE * tokens:
        return None
    held = terms_kept(entries, budget, wanted, answer)
    probes = [{"question": q, "terms": kept} for q, found in asked if (kept := [t for t in found if t in held])]
    if sum(len(probe["terms"]) for probe in probes) < FEWEST_TERMS[bool(answer)]:
        return None
    return {
        "id": id_,
        "entries": [entry.model_dump() for entry in entries],
        "token_budget": budget,
        "probes": probes,
        "reference": answer,
    }
