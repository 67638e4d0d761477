"""Are the pairs suitable for training: valid, new, related to the seed, and right as far as can be checked?

Input      gold: Example with `seed`, `template`, `n`, and the labels `others` (instructions of nearby seeds, which must
           not be copied either) and `practise` (words of which a pair must contain one, [] if no failures were given);
           pred: a DataGenerator's Prediction (`pairs`, `rejected`, `failure`). Any field may be missing or malformed.
Output     Score: schema, novelty, leak, length, kind, quality, failures, format, each in [0, 1], and a line of feedback
           for each that is not 1. All except format are means over the n requested pairs: a pair that is missing,
           unsuitable, a copy or unrelated to the seed counts 0 in all.
Guarantees never raises unless `quality` or `embed` does, never draws at random; an unreadable reply scores 0; 1.0
           exactly for n pairs that are valid, new, near the seed, within bounds, free of faults and on the failures'
           subject: the label `example`, a human-written pair, is one in every row.
Source     novelty as overlap of n-grams and of embeddings: Self-Instruct (Wang et al. 2023) filters by the former.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dspy
import numpy as np
import numpy.typing as npt

from dspy_programs.pair_quality import pair_faults, template_fit
from dspy_programs.text import containment, jaccard, ngrams, sendable, words
from dspy_programs.types import Pair, pair_problems
from metrics.score import Component, Metric, Score, composite

WEIGHTS = {
    "schema": 0.05,
    "novelty": 0.15,
    "leak": 0.05,
    "length": 0.05,
    "kind": 0.2,
    "quality": 0.3,
    "failures": 0.15,
    "format": 0.05,
}
READ = 4000  # characters of any text of the row
MOST_PAIRS = 8
_SAME_WORDS = (0.25, 0.5)  # Jaccard of two instructions' bigrams: new up to the first value, a copy from the second
_SAME_SENSE = (0.55, 0.85)  # cosine of two instructions: the same; a paraphrase lies between 0.45 and 0.9
_TAKEN = (0.4, 0.8)  # share of the seed's n-grams in the pair
_ANSWERS = (0.02, 0.12)  # cosine of an output of at least five words with the request: 95 % of human ones are above 0.1
_FEWEST_WORDS_TO_COMPARE = 5
_RELATED = (0.03, 0.1)  # cosine of the two whole texts: unrelated, and near enough
_AT_THE_BOUND = {"instruction": 198, "input": 198, "output": 298}  # characters: the text was probably cut there
FEWEST = {"QA": 1, "INSTRUCTION": 2, "REASONING": 20, "CREATIVE": 40, "TOOL_USE": 25, "CODE": 8}  # characters of output

_Quality = Callable[[Pair], float]
Embed = Callable[[list[str]], npt.NDArray[Any]]
"""Texts -> one unit vector per text."""


@dataclass
class _Judged:
    """One pair's components, and the faults by component; all are 0 if the pair is refused."""

    values: dict[str, float]
    messages: dict[str, str]


@dataclass(frozen=True)
class _Wanted:
    """The requirements of a row."""

    seed: Pair
    template: str
    n: int
    others: list[str]
    practise: list[str]


def pairs_are_useful(quality: _Quality, embed: Embed) -> Metric:
    """Return the metric. `quality` judges one pair in [0, 1]: the heuristics of pair_quality, or a model's verdict."""

    def metric(gold: dspy.Example, pred: dspy.Prediction) -> Score:
        wanted = _wanted_of(gold)
        failure = getattr(pred, "failure", None)
        found = [] if failure is not None else _items_of(pred, "pairs")
        if not found:
            return nothing(pred, failure)
        pairs = [pair for pair in map(_pair_of, found[:MOST_PAIRS]) if pair]
        judged: list[_Judged] = []
        for number, pair in enumerate(pairs):
            judged.append(judge(pair, wanted, pairs[:number], quality, embed))
        refused = len(_items_of(pred, "rejected"))
        share = 1.0 / (1 + refused)
        message = f"{refused} of the pairs written had to be refused: {_refusals(pred)}" if refused else ""
        means = mean_components(judged, max(wanted.n, len(found)))
        return composite([*means, Component("format", share, WEIGHTS["format"], message)])

    metric.__name__ = metric.__qualname__ = pairs_are_useful.__name__
    return metric


def nothing(pred: Any, failure: Any) -> Score:
    reason = getattr(failure, "reason", None) or _refusals(pred) or "there is no pair in it"
    raw = str(getattr(failure, "raw_reply", ""))[:200]
    message = f"no pair can be used ({reason})." + (f" The reply began: {raw!r}." if raw else "")
    message += " Right: one JSON object with instruction, input and output, a task that is not the seed's"
    return composite([Component(name, 0.0, w, message if name == "format" else "") for name, w in WEIGHTS.items()])


def mean_components(judged: Sequence[_Judged], asked: int) -> list[Component]:
    """Average each component over the requested pairs; missing ones count 0 and are reported once, by schema."""
    components = []
    for name, weight in WEIGHTS.items():
        if name != "format":
            value = sum(one.values[name] for one in judged) / asked
            messages = [one.messages[name] for one in judged if one.messages.get(name)]
            if name == "schema" and len(judged) < asked:
                messages.append(f"{asked - len(judged)} of {asked} pairs are missing or are no pairs")
            components.append(Component(name, min(1.0, value), weight, "; ".join(dict.fromkeys(messages))))
    return components


def judge(pair: Pair, wanted: _Wanted, before: Sequence[Pair], quality: _Quality, embed: Embed) -> _Judged:
    names = [name for name in WEIGHTS if name != "format"]
    if problems := pair_problems(pair):
        return _Judged(dict.fromkeys(names, 0.0), {"schema": f"{_brief(pair)} must not be trained on: {'; '.join(problems)}"})
    novelty, nearest = novelty_of(pair, [wanted.seed.instruction, *wanted.others, *(p.instruction for p in before)], embed)
    leak, taken = _leak_of(pair, wanted.seed)
    near = _nearness(pair, wanted.seed, embed)
    if not novelty or not leak or not near:
        reason = (
            f"is {nearest!r} again" if not novelty else f"copies {taken}" if not leak else "has nothing to do with the seed"
        )
        return _Judged(
            dict.fromkeys(names, 0.0), {"schema": f"{_brief(pair)} {reason}; write another task near the seed's subject"}
        )
    length, length_message = _length_of(pair, wanted.template)
    fit = template_fit(pair, wanted.template)
    answers = _answers_what_is_asked(pair, embed)
    good = min(1.0, max(0.0, quality(pair))) * answers
    practised = practises(pair, wanted.practise)
    values = [1.0, novelty, leak, length, fit * near, good, practised]
    messages = {
        "novelty": "" if novelty == 1 else f"{_brief(pair)} is close to {nearest!r}; ask for something else",
        "leak": "" if leak == 1 else f"{_brief(pair)} takes over {taken}",
        "length": length_message,
        "kind": _kind_message(pair, wanted.template, fit, near),
        "quality": _quality_message(pair, good, answers),
        "failures": ""
        if practised
        else f"{_brief(pair)} does not practise what failed; right: one about {', '.join(wanted.practise)}",
    }
    return _Judged(dict(zip(names, values, strict=True)), messages)


def novelty_of(pair: Pair, known: Sequence[str], embed: Embed) -> tuple[float, str]:
    """Return how new the instruction is, in [0, 1], and the known one closest to it."""
    cosines = _cosine(pair.instruction, known, embed)
    own = ngrams(pair.instruction, 2)
    likeness = [
        max(_ramp(jaccard(own, ngrams(text, 2)), _SAME_WORDS), _ramp(value, _SAME_SENSE))
        for text, value in zip(known, cosines, strict=True)
    ]
    worst = int(np.argmax(likeness))
    return 1.0 - likeness[worst], known[worst][:80]


def _leak_of(pair: Pair, seed: Pair) -> tuple[float, str]:
    """Measure what was copied from the seed; text that the pair gives as its own input is used, not copied."""
    asked = taken(seed.instruction, f"{pair.instruction}\n{pair.input}", 4)
    answered = max(taken(seed.output, pair.output, 3, but=pair.input), taken(pair.output, seed.output, 3, but=pair.input))
    part = "the seed's instruction" if asked >= answered else "the seed's output"
    return 1.0 - _ramp(max(asked, answered), _TAKEN), part


def taken(part: str, whole: str, n: int, but: str = "") -> float:
    if len(words(part)) < 2 * n:
        return 0.0  # an answer of a few words proves nothing
    return containment(ngrams(part, n) - ngrams(but, n), ngrams(whole, n))


def _answers_what_is_asked(pair: Pair, embed: Embed) -> float:
    """Return whether a longer output is about the request: one that would fit any question has no such words."""
    if len(words(pair.output)) < _FEWEST_WORDS_TO_COMPARE:
        return 1.0
    return _ramp(_cosine(pair.output, [f"{pair.instruction}\n{pair.input}"], embed)[0], _ANSWERS)


def _nearness(pair: Pair, seed: Pair, embed: Embed) -> float:
    whole, other = ("\n".join((p.instruction, p.input, p.output)) for p in (pair, seed))
    return _ramp(_cosine(whole, [other], embed)[0], _RELATED)


def _length_of(pair: Pair, template: str) -> tuple[float, str]:
    cut = [name for name, bound in _AT_THE_BOUND.items() if len(getattr(pair, name)) >= bound]
    if cut:
        return 0.5, f"the {' and the '.join(cut)} of {_brief(pair)} was cut off at the limit; write shorter"
    value = min(1.0, len(pair.output) / FEWEST.get(template, 1), len(pair.instruction) / 8)
    return value, "" if value == 1 else f"{_brief(pair)} is too short for {template}"


def _kind_message(pair: Pair, template: str, fit: float, near: float) -> str:
    wrong = [f"is not what {template} asks for"] if fit < 1 else []
    wrong += ["is far from the seed's subject"] if near < 1 else []
    return f"{_brief(pair)} {' and '.join(wrong)}" if wrong else ""


def _quality_message(pair: Pair, good: float, answers: float) -> str:
    faults = pair_faults(pair) + (["the output hardly speaks of what was asked; answer it"] if answers < 1 else [])
    return "" if good == 1 else f"{_brief(pair)}: {'; '.join(faults) or 'judged low'}"


def practises(pair: Pair, wanted: Sequence[str]) -> float:
    text = f"{pair.instruction}\n{pair.input}\n{pair.output}".lower()
    return 1.0 if not wanted or any(word.lower() in text for word in wanted) else 0.0


def _cosine(text: str, others: Sequence[str], embed: Embed) -> list[float]:
    """Compare a text with others; one without words is similar to none."""
    if not words(text):
        return [0.0] * len(others)
    told = [other if words(other) else "" for other in others]
    vectors = embed([text, *(other or text for other in told)])
    return [float(vectors[0] @ vector) if other else 0.0 for vector, other in zip(vectors[1:], told, strict=True)]


def _ramp(value: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _brief(pair: Pair) -> str:
    return repr(pair.instruction if len(pair.instruction) <= 70 else f"{pair.instruction[:70]}...")


def _refusals(pred: Any) -> str:
    reasons = [str(getattr(item, "reason", ""))[:100] for item in _items_of(pred, "rejected")]
    return "; ".join(reason for reason in reasons if reason)


def _wanted_of(gold: Any) -> _Wanted:
    """Read a row; what is missing or malformed counts as empty."""
    n = getattr(gold, "n", 1)
    return _Wanted(
        seed=_pair_of(getattr(gold, "seed", None)) or Pair(instruction="", output=""),
        template=str(getattr(gold, "template", "INSTRUCTION")),
        n=min(MOST_PAIRS, n) if isinstance(n, int) and n > 0 else 1,
        others=[str(text)[:READ] for text in _items_of(gold, "others")],
        practise=[str(text) for text in _items_of(gold, "practise")],
    )


def _items_of(source: Any, name: str) -> list[Any]:
    value = getattr(source, name, None)
    return list(value) if isinstance(value, (list, tuple)) else []


def _pair_of(value: Any) -> Pair | None:
    try:
        pair = value if isinstance(value, Pair) else Pair.model_validate(value)
        return Pair(**{name: sendable(text, 2 * READ + 1) for name, text in pair.model_dump().items()})
    except (ValueError, TypeError, AttributeError):
        return None
