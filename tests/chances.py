"""python -m tests.chances: do log-probabilities judge better than answers? The figures of two data cards.

quality_judge: two responses compared in both orders, and read in several ways; with --scores also each scored alone.
section_scorer: each pair in doubt, read by the model's answer and by its chance of "yes". Train or validation rows only.
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import dspy

from dspy_programs import load
from dspy_programs.lm import connect, use
from dspy_programs.programs.quality_judge import QualityJudge, quoted_text
from dspy_programs.programs.quality_judge.logprobs import ASK, option_probabilities
from dspy_programs.programs.quality_judge.quality_judge import TORN, better, by_rules, sharpened
from dspy_programs.programs.section_scorer import as_shown, pairs_in_doubt, shares_by_rules
from dspy_programs.rubric import rubric_of
from metrics.quality_judge import prefers_as_people_do
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe

DRAWS = 2000
Figure = tuple[str, float]


def judge_figures(row: dspy.Example, judge: QualityJudge, scores: bool) -> Iterator[Figure]:
    """Yield the metric, the agreement and the seconds of each way to judge one row."""
    rubric = rubric_of(row.rubric)
    asked = {"criteria": rubric.criteria, "instruction": quoted_text(row.instruction), "input": quoted_text(row.input)}
    texts = (row.response, row.other)
    rules = gap_of([rubric.overall(by_rules(f"{row.instruction}\n{row.input}", text, rubric).scores) for text in texts])
    start = time.monotonic()
    found = [reading(judge, asked, *pair) for pair in (texts, texts[::-1])]
    yield "seconds, compared", time.monotonic() - start
    chance, letter = ((first + 1 - turned) / 2 for first, turned in zip(*found, strict=True))
    sure = sharpened(chance) - 0.5
    ways = {
        "rules": rules,
        "chances alone": sure,
        f"chances, rules within {TORN} of a half": sure if abs(chance - 0.5) > TORN else rules,
        "letters, rules where they differ": letter - 0.5 or rules,
        "letters, a tie where they differ": letter - 0.5,
    }
    for way, gap in ways.items():
        yield from figures(way, row, gap, gap)
    if scores:
        start = time.monotonic()
        gap = gap_of([scored(judge, asked, text, rubric) for text in texts])
        yield "seconds, each scored alone", time.monotonic() - start
        yield from figures("each scored alone, rules where alike", row, gap, gap or rules)


def gap_of(overall: Sequence[float]) -> float:
    return overall[0] - overall[1]


def reading(judge: QualityJudge, asked: dict, a: str, b: str) -> tuple[float, float]:
    """Return how likely A is, and whether A was the answer."""
    reply = judge.compare(**asked, response_a=quoted_text(a), response_b=quoted_text(b), config=ASK)
    return option_probabilities(reply, "better", "AB")["A"], float(reply.better == "A")


def scored(judge: QualityJudge, asked: dict, text: str, rubric) -> float:
    return rubric.overall(judge.judged(asked, text, rubric).scores)


def figures(way: str, row: dspy.Example, gap: float, decisive: float) -> Iterator[Figure]:
    """gap: by which the first response's overall score is higher; decisive: that of who made the verdict."""
    shares = {"overall": 0.5 + gap / 2, "other_overall": 0.5 - gap / 2, "scores": {"all": 0.5}, "other_scores": {"all": 0.5}}
    said = dspy.Prediction(verdict=better(decisive, 0.0), reason="as read", failure=None, **shares)
    yield f"metric, {way}", prefers_as_people_do(row, said).value
    yield f"right, {way}", float(said.verdict == row.verdict)


def scorer_figures(row: dspy.Example, scorer: dspy.Module) -> Iterator[Figure]:
    """Yield whether each way to read a pair in doubt is right, and how far it is from the label."""
    texts = {section.name: section.content for section in row.sections}
    meanings = {criterion.name: str(criterion) for criterion in row.rubric.criteria}
    for section, criterion in pairs_in_doubt(shares_by_rules(row.sections, row.rubric), scorer.most_calls):
        start = time.monotonic()
        reply = scorer.check(**as_shown(row.task, texts[section], meanings[criterion], scorer.longest), config=ASK)
        yield "seconds, a pair", time.monotonic() - start
        chance, wanted = option_probabilities(reply, "asks", ("yes", "no"))["yes"], section in row.covering[criterion]
        yield "right, answer", float((reply.asks == "yes") == wanted)
        for threshold in (0.5, 0.6, 0.7):
            yield f"right, chance over {threshold}", float((chance > threshold) == wanted)
        yield "distance, answer", abs((reply.asks == "yes") - wanted)
        yield "distance, chance", abs(chance - wanted)


def interval(values: Sequence[float]) -> str:
    """Return the mean with its 95 % bootstrap interval, rows drawn."""
    draw = random.Random(0)
    means = sorted(sum(draw.choices(values, k=len(values))) / len(values) for _ in range(DRAWS))
    low, high = means[DRAWS // 40], means[-DRAWS // 40]
    return f"{sum(values) / len(values):7.3f} [{low:.3f}, {high:.3f}] of {len(values)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", choices=["quality_judge", "section_scorer"], default="quality_judge")
    parser.add_argument("--lm", default="local/qwen2.5-coder-1.5b")
    parser.add_argument("--split", choices=["train", "val"], default="val")
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument(
        "--scores", action="store_true", help="quality_judge: also score each response alone, which takes longer"
    )
    asked = parser.parse_args()
    program = recipe(asked.module)
    rows = read_split(data_directory(asked.module) / f"{asked.split}.jsonl", program.program, program.labels)[: asked.rows]
    found: defaultdict[str, list[float]] = defaultdict(list)
    with use(connect(asked.lm)):
        judge = QualityJudge() if asked.module == "quality_judge" else load(asked.module, asked.lm)
        for row in rows:
            told = scorer_figures(row, judge) if asked.module == "section_scorer" else judge_figures(row, judge, asked.scores)
            for name, value in told:
                found[name].append(value)
    for name in sorted(found):
        print(f"{name:54} {interval(found[name])}")


if __name__ == "__main__":
    main()
