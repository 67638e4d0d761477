"""python -m tests.budget_search [--raw DIR]: how often a needed section is dropped, and tokens saved at equal true quality.

Without --raw  simulated prompts of six sections, one of which costs COST of the quality, the others nothing. Examples are right
               or wrong by chance, as often as the prompt's true quality says; judges err by a normal draw. "Published" is the
               greedy ablation of other tools: one measurement of each candidate, taken as the truth. Figure: share of runs
               that return a prompt below the threshold, with its exact 95 % interval; and the tokens saved.
With --raw     prompts built from IFEval and Fabric: a task; three to five constraint sentences, each a section; a second
               wording of some; the Markdown sections of one of Fabric's patterns, with a reminder that repeats a part of the
               output instructions. Priorities tell something: 10 to 60 for what does not count, 30 to 90 for what does, 100
               for the task. Gold: weighted share of the task (3), the constraints (1 to 3) and the output instructions (2)
               that some kept section asks for: constructed, not judged. Also truncation: whole sections from the end.
               Figure: share of tokens saved, counted as 0 where the gold quality fell below the threshold; the difference to
               the published search with the 95 % interval of a paired bootstrap over prompts. --split dev was for tuning.
"""

import argparse
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dspy_programs.budget import Example, Negotiator, OutputsScorer
from dspy_programs.budget.measuring.scorers import Score, Scorer
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.errors import UsageError
from dspy_programs.tokens import counter_named
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
COST = 0.1
ACCURACY = 0.9  # share of the examples that the full prompt gets right
RUNS = 100
RESAMPLES = 10_000


Quality = Callable[[Sequence[Section]], float]
Limits = tuple[float, float, float]


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


class Outcome(NamedTuple):
    saved: float
    kept: float
    counted: float


class SimulatedOutputs(OutputsScorer):
    """Outputs that are right as often as the prompt's true quality says; one draw for each example, whatever the prompt."""

    name = "simulated outputs"

    def __init__(self, quality: Quality, examples: int, accuracy: float, seed: str) -> None:
        draw = random.Random(f"{SEED}-{seed}")
        self.quality, self.accuracy = quality, accuracy
        self.examples = [Example(input=f"x{number}", expected="y") for number in range(examples)]
        self.draws = [draw.random() for _ in range(examples)]

    def score_one(self, sections, number, rubric, task, whole):
        return Score(float(self.draws[number] < self.accuracy * self.quality(sections)), 1, answered_by="model")

    def mean(self, sections: Sequence[Section]) -> float:
        right = self.accuracy * self.quality(sections)
        return sum(draw < right for draw in self.draws) / len(self.draws)


class SimulatedJudge:
    """A judge that knows the quality and errs by a normal draw."""

    name, noisy, measures = "simulated judge", True, "opinion"

    def __init__(self, quality: Quality, sd: float, seed: str) -> None:
        self.quality, self.sd, self.draw = quality, sd, random.Random(f"{SEED}-{seed}")

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        return Score(self.mean(sections), 1, answered_by="model")

    def mean(self, sections: Sequence[Section]) -> float:
        return ACCURACY * self.quality(sections) + self.draw.gauss(0, self.sd)


def published(sections: Sequence[Section], score: Callable[[Sequence[Section]], float], limits: Limits) -> list[Section]:
    """Drop one section after the other, the lowest priority first, if one measurement reaches the target."""
    threshold, least, most = limits
    count = counter_named(None).count
    total = sum(count(s.content) for s in sections)
    kept, target = list(sections), threshold * score(sections)
    for section in sorted(sections, key=lambda section: section.priority):
        rest = [s for s in kept if s is not section]
        saved = 1 - sum(count(s.content) for s in rest) / total
        if 1 - sum(count(s.content) for s in kept) / total >= least:
            break
        if rest and saved <= most and score(rest) >= target:
            kept = rest
    return kept


def negotiated(scorer: Scorer, limits: Limits, sections: Sequence[Section]) -> list[Section]:
    """Return our prompt; the full one where the examples are refused as too few. Raises UsageError for any other reason."""
    try:
        return Negotiator(scorer, *limits, strategies=["remove"], allow=["all"]).negotiate(sections).optimized_sections
    except UsageError as error:
        if "prove at most" not in str(error):
            raise
        return list(sections)


def six_sections() -> list[Section]:
    texts = ["The shop is old and by the sea. " * 4] * 5
    sections = [Section(name=f"s{i}", content=f"{i} {text}", type="context", priority=i) for i, text in enumerate(texts)]
    return [*sections, Section(name="task", content="Answer the question.", priority=100)]


def false_drops(measure: str, size: float, threshold: float, runs: int = RUNS) -> tuple[list[Outcome], list[Outcome]]:
    """Return what the published search and ours return in simulated runs; size: examples, or a judge's noise."""
    found: tuple[list[Outcome], list[Outcome]] = ([], [])
    limits = (threshold, 0.6, 0.95)
    for run in range(runs):
        sections = six_sections()
        needed = f"s{run % 5}"

        def quality(kept: Sequence[Section], needed: str = needed) -> float:
            return 1.0 if any(section.name == needed for section in kept) else 1 - COST

        if measure == "examples":
            scorer = SimulatedOutputs(quality, int(size), ACCURACY, f"{run}-{size}")
        else:
            scorer = SimulatedJudge(quality, size, f"{run}-{size}")
        greedy = published(sections, scorer.mean, limits)
        ours = negotiated(scorer, limits, sections)
        for kept, outcomes in zip((greedy, ours), found, strict=True):
            outcomes.append(outcome(sections, kept, quality(kept), threshold))
    return found


def outcome(sections: Sequence[Section], kept: Sequence[Section], gold: float, threshold: float) -> Outcome:
    count = counter_named(None).count
    saved = 1 - sum(count(s.content) for s in kept) / sum(count(s.content) for s in sections)
    return Outcome(saved, gold, saved if gold >= threshold - 1e-9 else 0.0)


def share_below(outcomes: Sequence[Outcome], threshold: float) -> tuple[float, float, float]:
    """Return the share of runs below the threshold, with its exact 95 % interval."""
    draw = np.random.default_rng(SEED)
    wrong, runs = sum(found.kept < threshold - 1e-9 for found in outcomes), len(outcomes)
    low = float(np.quantile(draw.beta(wrong, runs - wrong + 1, 200_000), 0.025)) if wrong else 0.0
    high = float(np.quantile(draw.beta(wrong + 1, runs - wrong, 200_000), 0.975)) if wrong < runs else 1.0
    return wrong / runs, low, high


def truncated(sections: Sequence[Section], share: float) -> list[Section]:
    """Drop whole sections from the end until so much is saved, as a cut prompt would."""
    count = counter_named(None).count
    kept = list(sections)
    while len(kept) > 1 and 1 - sum(count(s.content) for s in kept) / sum(count(s.content) for s in sections) < share:
        kept.pop()
    return kept


def interval(values: np.ndarray) -> tuple[float, float]:
    draws = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def compare(found: Sequence[Case], examples: int, threshold: float) -> None:
    rows = []
    for number, case in enumerate(found):
        scorer = SimulatedOutputs(case.quality, examples, ACCURACY, f"{number}-{examples}")
        limits = (threshold, 0.95, 0.95)
        ours = negotiated(scorer, limits, case.sections)
        greedy = published(case.sections, scorer.mean, limits)
        cut = truncated(case.sections, outcome(case.sections, ours, 0, threshold).saved or 0.2)
        kept = (greedy, ours, cut)
        rows.append([outcome(case.sections, one_, case.quality(one_), threshold) for one_ in kept])
    greedy_, ours_, cut_ = (np.array(side) for side in zip(*rows, strict=True))
    low, high = interval(ours_[:, 2] - greedy_[:, 2])
    held = [float((side[:, 1] >= threshold - 1e-9).mean()) for side in (greedy_, ours_, cut_)]
    print(
        f"{examples:4} examples, threshold {threshold:4.2f} | counted: published {greedy_[:, 2].mean():6.1%} ours "
        f"{ours_[:, 2].mean():6.1%} truncation {cut_[:, 2].mean():6.1%} | ours - published "
        f"{(ours_[:, 2] - greedy_[:, 2]).mean():+7.1%} [{low:+.1%}, {high:+.1%}] | quality held {held[0]:4.0%} {held[1]:4.0%} "
        f"{held[2]:4.0%} | saved {greedy_[:, 0].mean():.1%} {ours_[:, 0].mean():.1%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--runs", type=int, default=RUNS)
    asked = parser.parse_args()
    if asked.raw:
        found = cases(asked.raw / "section_scorer", asked.split)
        print(f"{len(found)} prompts ({asked.split}), {np.mean([len(c.sections) for c in found]):.1f} sections each")
        for examples in (100, 300):
            for threshold in THRESHOLDS:
                compare(found, examples, threshold)
        return
    for measure, size in (("examples", 90), ("examples", 150), ("examples", 300), ("judge", 0.05), ("judge", 0.1)):
        for threshold in (0.95, 0.92):
            if measure == "examples" and threshold == 0.95 and size < 90:
                continue
            for name, outcomes in zip(("published", "ours"), false_drops(measure, size, threshold, asked.runs), strict=True):
                share, low, high = share_below(outcomes, threshold)
                saved = np.mean([found.counted for found in outcomes])
                said = f"below in {share:.1%} [{low:.1%}, {high:.1%}]; saved {saved:.1%}"
                print(f"{measure} {size}, threshold {threshold}, {name}: {said}")


if __name__ == "__main__":
    main()
