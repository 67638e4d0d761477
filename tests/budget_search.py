"""python -m tests.budget_search --raw DIR: tokens saved at equal true quality, our search against the greedy one.

Prompts    built from IFEval and Fabric: a task; three to five constraint sentences, each a section; a second wording of some;
           the Markdown sections of one of Fabric's patterns (who one is, steps: they ask for nothing that counts here; output
           instructions: they count), with a reminder that repeats a part of the output instructions. The rubric names the
           constraints in other words; in about half of the prompts it leaves one of them out. Output instructions it never
           names. Priorities tell something: 10 to 60 for what does not count, 30 to 90 for what does, 100 for the task.
Gold       weighted share of the task (3), the constraints (1 to 3) and the output instructions (2) that some kept section
           asks for: constructed, not judged.
Judges     "gold" is that share, with noise of a stated standard deviation; "rubric" sees only what the rubric names, exactly;
           "offline" is the scorer without a model.
Calls      one for each section and one for the whole prompt, at most, for both. Greedy runs as published, one answer a
           candidate; ours may spend its calls on asking again.
Figure     share of tokens saved, counted as 0 where the gold quality fell below the threshold; the difference with the
           95 % interval of a paired bootstrap over prompts. Nothing was tuned on the held-out prompts: --split dev for that.
"""

import argparse
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dspy_programs.budget import NegotiationResult, Negotiator, OfflineScorer
from dspy_programs.budget.prompt import from_text
from dspy_programs.budget.scorers import Score
from dspy_programs.types import Rubric, Section
from optimizers.sources.ifeval_kinds import mentions
from optimizers.sources.reading import read_jsonl
from optimizers.sources.section_scorer import read_ifeval, shuffled, unlike, with_borrowed

SEED = 20261121
PROMPTS = 50  # of each split
LONGEST = 1500  # characters of one of Fabric's sections
NOT_COUNTED = re.compile(r"identity|purpose|steps|goal|role|description", re.IGNORECASE)
COUNTED = re.compile(r"output.*instructions?", re.IGNORECASE)
THRESHOLDS = (0.95, 0.9, 0.8)
RESAMPLES = 10_000


class Case(NamedTuple):
    """asks: section -> what it asks for; weights: of all that counts; named: what the rubric names."""

    sections: list[Section]
    rubric: Rubric
    asks: dict[str, frozenset[str]]
    weights: dict[str, int]
    named: frozenset[str]

    def quality(self, sections: Sequence[Section], named_only: bool = False) -> float:
        kept = frozenset().union(*(self.asks[section.name] for section in sections))
        weights = {name: w for name, w in self.weights.items() if not named_only or name in self.named}
        return sum(w for name, w in weights.items() if name in kept) / sum(weights.values())


def cases(raw: Path, split: str) -> list[Case]:
    """Return the prompts of a split: "dev" or "test", with nothing in common."""
    draw = random.Random(SEED)
    prompts = unlike(shuffled(read_ifeval(raw), draw))[: 2 * PROMPTS]
    rows = [row for _, row in read_jsonl(raw / "fabric_patterns" / "system_prompts.jsonl")]
    patterns = [found for row in shuffled(rows, draw) if (found := pattern_sections(row["text"]))]
    half = slice(None, PROMPTS) if split == "dev" else slice(PROMPTS, 2 * PROMPTS)
    own, others = prompts[half], patterns[half.start or 0 :: 2]
    return [case_of(prompt, own, pattern, draw) for prompt, pattern in zip(own, others, strict=False)]


def pattern_sections(text: str) -> list[tuple[str, bool]]:
    """Return up to four of a pattern's sections, and whether each counts; [] of a pattern that cannot be used."""
    found = []
    for section in from_text(text):
        counts = bool(COUNTED.search(section.name))
        if len(section.content) <= LONGEST and (counts or NOT_COUNTED.search(section.name)):
            found.append((section.content, counts))
    return found[:4] if any(not counts for _, counts in found) and sum(counts for _, counts in found) <= 1 else []


def case_of(prompt, own, pattern: list[tuple[str, bool]], draw: random.Random) -> Case:
    constraints = with_borrowed(prompt, own, draw)
    hidden = draw.choice(constraints).name if draw.random() < 0.5 and len(constraints) > 3 else ""
    weights = {"task": 3} | {c.name: draw.choice([1, 2, 3]) for c in constraints}
    texts: list[tuple[str, str]] = [(c.text, c.name) for c in constraints]
    texts += [(draw.choice(c.again), c.name) for c in draw.sample(constraints, 2) if c.again and draw.random() < 0.7]
    for content, counts in pattern:
        quiet = not any(mentions(content, c.type, c.arguments) for c in constraints)
        if counts:
            weights["output"] = 2
            texts += [(content, "output"), (reminder(content), "")]
        elif quiet or draw.random() < 0.5:
            texts.append((content, ""))
    draw.shuffle(texts)
    sections = [Section(name="task", content=prompt.base, priority=100)]
    asks = {"task": frozenset({"task"})}
    for number, (content, wanted) in enumerate(texts, 1):
        priority = 10 * (draw.randint(3, 9) if wanted else draw.randint(1, 6))
        sections.append(Section(name=f"part_{number}", type="system", content=content, priority=priority))
        asks[f"part_{number}"] = frozenset({wanted} - {""})
    criteria = [
        {"name": c.name, "description": draw.choice(c.asked), "weight": weights[c.name]}
        for c in constraints
        if c.name != hidden
    ]
    rubric = Rubric.model_validate({"name": "constraints", "criteria": criteria})
    return Case(sections, rubric, asks, weights, frozenset({"task", *(item["name"] for item in criteria)}))


def reminder(content: str) -> str:
    """Repeat the first rules of some output instructions, as prompts do at their end."""
    rules = [line for line in content.splitlines() if line.lstrip().startswith(("-", "*"))]
    return "\n".join(["Remember:", *(rules[: max(1, len(rules) // 2)] or ["Keep to the format."])])


class Simulated:
    """A judge that knows the gold share, or the rubric's part of it, and errs by a normal draw."""

    def __init__(self, case: Case, sd: float = 0.0, named_only: bool = False, seed: str = "") -> None:
        self.case, self.sd, self.named_only, self.draw = case, sd, named_only, random.Random(f"{SEED}-{seed}")
        self.noisy, self.reads, self.name = sd > 0, "rubric" if named_only else "outputs", "simulated"

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        return Score(self.case.quality(sections, self.named_only) + (self.draw.gauss(0, self.sd) if self.sd else 0.0))


class Outcome(NamedTuple):
    saved: float
    kept: float
    counted: float
    calls: int


def outcome(case: Case, result: NegotiationResult, threshold: float) -> Outcome:
    gold = case.quality(result.optimized_sections)
    return Outcome(result.savings, gold, result.savings if gold >= threshold - 1e-9 else 0.0, result.scoring_calls)


def compared(case: Case, number: int, judge: str, sd: float, threshold: float, limits: tuple[float, float]):
    """Run both searches on one prompt."""

    def scorer(who: str):
        return OfflineScorer() if judge == "offline" else Simulated(case, sd, judge == "rubric", f"{number}-{who}-{threshold}")

    most = len(case.sections) + 1
    base = Negotiator(scorer("greedy"), threshold, *limits, search="greedy", repeats=1).negotiate(case.sections, case.rubric)
    ours = Negotiator(scorer("ours"), threshold, *limits, most_calls=most)
    return outcome(case, base, threshold), outcome(case, ours.negotiate(case.sections, case.rubric), threshold)


def interval(values: np.ndarray) -> tuple[float, float]:
    draws = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def report(name: str, pairs: Sequence[tuple[Outcome, Outcome]], threshold: float) -> None:
    greedy, ours = (np.array(side) for side in zip(*pairs, strict=True))
    low, high = interval(ours[:, 2] - greedy[:, 2])
    held = [float((side[:, 1] >= threshold - 1e-9).mean()) for side in (greedy, ours)]
    print(
        f"{name:<26} {threshold:4.2f} | {greedy[:, 2].mean():6.1%} {ours[:, 2].mean():6.1%} "
        f"{(ours[:, 2] - greedy[:, 2]).mean():+7.1%} [{low:+.1%}, {high:+.1%}] | held {held[0]:4.0%} {held[1]:4.0%} | "
        f"saved {greedy[:, 0].mean():.1%} {ours[:, 0].mean():.1%} | gold {greedy[:, 1].mean():.3f} {ours[:, 1].mean():.3f} | "
        f"calls {greedy[:, 3].mean():.1f} {ours[:, 3].mean():.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    asked = parser.parse_args()
    found = cases(asked.raw / "section_scorer", asked.split)
    tokens = Negotiator(OfflineScorer()).counter
    sizes = [sum(tokens.count(s.content) for s in case.sections) for case in found]
    print(f"{len(found)} prompts ({asked.split}), {np.mean([len(c.sections) for c in found]):.1f} sections and "
          f"{np.mean(sizes):.0f} tokens each; figures: greedy, ours")  # fmt: skip
    judges = [("gold", 0.0), ("rubric", 0.0), ("offline", 0.0), ("gold", 0.05), ("gold", 0.1), ("rubric", 0.05)]
    for limits, label in (((0.95, 0.95), "smallest"), ((0.4, 0.6), "40 to 60 %")):
        for judge, sd in judges:
            for threshold in THRESHOLDS:
                pairs = [compared(case, i, judge, sd, threshold, limits) for i, case in enumerate(found)]
                report(f"{label}, {judge}{f', noise {sd}' if sd else ''}", pairs, threshold)


if __name__ == "__main__":
    main()
