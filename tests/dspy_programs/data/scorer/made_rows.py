"""Rows without a fault, as many as a test wants, and rows scored without a file."""

import random

from dspy_programs.data.scorer import ScorerConfig, score_rows
from dspy_programs.tables import Row

_WORDS = (
    "river bridge winter market teacher engine garden letter window doctor forest music island harbour kitchen pencil mountain "
    "village planet battery camera farmer student castle railway library painter silver copper paper glass wooden quiet heavy "
    "broken famous hidden narrow modern ancient simple careful bright distant gentle hungry lonely clever honest build carry "
    "clean draw explain follow gather improve join keep learn measure notice open plan protect reach repair save teach travel "
    "understand visit watch write before behind between during without around against because although whether"
).split()


def clean_rows(count, seed=1):
    """Return instruction pairs of which no two are alike."""
    drawn = random.Random(seed)

    def said(words):
        return " ".join(drawn.choice(_WORDS) for _ in range(words))

    return [
        {
            "instruction": f"{said(3).capitalize()}: what do you know about the {said(6)}?",
            "input": "",
            "output": f"The {said(5)} is {said(4)}, and the {said(6)} was {said(5)} when people {said(6)}.",
            "category": drawn.choice(["science", "travel", "daily life"]),
        }
        for _ in range(count)
    ]


def as_found(rows):
    return [Row(f"rows.jsonl:{number}", number, row) for number, row in enumerate(rows, 1)]


def scored(rows, **settings):
    return score_rows(as_found(rows), "rows", ScorerConfig.model_validate(settings))


def kinds(score, check):
    """Return how many rows have each kind of finding of a check."""
    counts = {}
    for finding in score.check(check).findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + finding.rows
    return counts
