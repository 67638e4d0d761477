"""Fully known scripted models: a task with hidden rules, a task model that follows the rules in its instruction, a reflector.

A parcel goes on a shelf and gets a label. Which shelf, a hidden rule for its mark says: the task model knows the rules that
stand in its instruction. Which label, it takes from what it is shown: surely from parcels with the same goods, now and then
from others. Whatever it knows, one parcel in ten it gets right by luck and one in ten it reads wrong.
The reflection model reads in the feedback which rules are missing, and writes one more of them into the instruction, or
nothing of use: so a proposal is never the same text again. It knows the form of DSPy's own proposer alone, which is all that
stock asks, so that what is compared is the search (scripted_benchmark.py).
"""

import hashlib
import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dspy
from dspy import lm15

from dspy_programs.predict import Failure, FewShot, ask
from metrics.score import Component, Score, composite
from optimizers.recipes import Recipe

_TRAIN = 100  # rows
_LUCK = _READ_WRONG = 0.1  # shares of parcels
_OTHERS_HELP = 0.3  # share of parcels whose label is guessed from parcels with other goods

RULES = {"amber": "A7", "birch": "B2", "coral": "C9"}  # mark -> the name of its rule
_PADDING = "Hold to it for every parcel of that kind, large or small, early or late. "
_GOODS = (
    ("teapot", "saucer", "kettle"),
    ("violin", "bow", "rosin"),
    ("compass", "sextant", "chart"),
    ("tulip", "bulb", "trowel"),
    ("saddle", "bridle", "stirrup"),
    ("canvas", "easel", "pigment"),
    ("beaker", "pipette", "flask"),
    ("anvil", "bellows", "tongs"),
    ("lantern", "wick", "paraffin"),
    ("yarn", "needle", "thimble"),
    ("gasket", "piston", "crankshaft"),
    ("telescope", "eyepiece", "tripod"),
)


@dataclass(frozen=True)
class World:
    """What there is to find. good: share of proposals that reveal a rule; length: characters of a rule, at least; rare:
    share of parcels with the third mark; validation: rows; shelf, label: weights of the two in the score."""

    name: str
    good: float = 1.0
    length: int = 0
    rare: float = 1 / 3
    validation: int = 20
    shelf: float = 1.0
    label: float = 0.0


PERFECT = World("every proposal good")
SOME = World("30 % good proposals", good=0.3)
FEW = World("5 % good proposals", good=0.05)
LONG = World("rules of 500 characters", length=500)
WIDE = World("60 validation rows", validation=60)
RARE = World("a rare rule, 6 % of rows", rare=0.06)
SHOWN = World("only what is shown helps", shelf=0.0, label=1.0)
BOTH = World("rules and what is shown", shelf=0.5, label=0.5)


# The task --------------------------------------------------------------------------------------------------------------


class SortParcel(dspy.Signature):
    """Say on which shelf the parcel goes and which label it gets."""

    parcel: str = dspy.InputField()
    shelf: str = dspy.OutputField()
    label: str = dspy.OutputField()


class Sorter(dspy.Module):
    """Sort one parcel, in one call."""

    def __init__(self) -> None:
        super().__init__()
        self.sort = FewShot(SortParcel)

    def forward(self, parcel: str) -> dspy.Prediction:
        reply = ask(self.sort, parcel=parcel)
        if isinstance(reply, Failure):
            return dspy.Prediction(shelf="", label="", failure=reply)
        return dspy.Prediction(shelf=reply.shelf, label=reply.label, failure=None)


def share(*things: object) -> float:
    """Draw from [0, 1) by the things themselves: the same in every process."""
    return int(hashlib.sha256(repr(things).encode()).hexdigest()[:12], 16) / 16**12


def parcel(world: World, number: int) -> dspy.Example:
    """Return a row; all of it follows from its number, but for the share of the rare mark."""
    marks = list(RULES)
    place = 2 if share("rare", number) < world.rare else int(2 * share("mark", number))
    mark, goods = marks[place], int(len(_GOODS) * share("goods", number))
    inside = random.Random(f"inside-{number}").sample(_GOODS[goods], 2)
    row = dspy.Example(
        id=str(number),
        parcel=f"parcel {number} with the mark {mark}: {' and '.join(inside)}",
        mark=mark,
        goods=goods,
        shelf=f"shelf {number}",
        label=f"label {number}",
    )
    return row.with_inputs("parcel")


def rows_of(world: World, seed: int, test: int) -> dict[str, list[dspy.Example]]:
    """Draw the rows of a seed, none of them in two splits."""
    sizes = {"train": _TRAIN, "val": world.validation, "test": test}
    numbers = iter(random.Random(f"rows-{seed}").sample(range(100_000), sum(sizes.values())))
    return {split: [parcel(world, next(numbers)) for _ in range(size)] for split, size in sizes.items()}


def recipe_of(world: World) -> Recipe:
    def sorted_right(gold: dspy.Example, pred: dspy.Prediction) -> Score:
        shelf, label = pred.shelf == gold.shelf, pred.label == gold.label
        rule = "" if shelf else f"parcels with the mark {gold.mark} follow rule {RULES[gold.mark]}"
        parts = [
            Component("shelf", float(shelf), world.shelf, rule),
            Component("label", float(label), world.label, "" if label else "another label is right"),
        ]
        return composite([part for part in parts if part.weight])

    return Recipe(
        name="scripted",
        program=Sorter,
        metric=sorted_right,
        labels={},
        demonstrate=lambda row: {"sort": {"parcel": row.parcel, "shelf": row.shelf, "label": row.label}},
        kind=lambda row: row.goods,
        demonstrations=4,
        val_rows=world.validation,
    )


# The models ------------------------------------------------------------------------------------------------------------


class Engine:
    """Answers each request by a function of it, at once."""

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    def __init__(self, answer: Callable[[lm15.Request], str]) -> None:
        self.answer = answer

    def __deepcopy__(self, memo: dict[int, Any]) -> "Engine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        reply = lm15.Message.assistant(self.answer(request))
        return lm15.Response(id=None, model="scripted", message=reply, finish_reason="stop", usage=lm15.Usage())

    def stream(self, request: lm15.Request) -> Any:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """Nothing is open."""


def scripted_lm(role: str, answer: Callable[[lm15.Request], str]) -> dspy.LM:
    return dspy.LM(f"scripted/{role}", engine=Engine(answer), cache=False, num_retries=0)


def sort_parcel(request: lm15.Request) -> str:
    """Answer as the task model: the shelf by the rules of the instruction, the label by what is shown."""
    *shown, asked = [message.text or "" for message in request.messages]
    number, mark, goods = _read_parcel(asked)
    known = RULES[mark] in _rules_in(str(request.system))
    seen = [_read_parcel(text)[2] for text in shown if "parcel " in text]
    sure = goods in seen or (bool(seen) and share("other", number) < _OTHERS_HELP)
    reply = {"shelf": answer("shelf", number, known), "label": answer("label", number, sure)}
    if "reasoning" in str(request.system):
        reply = {"reasoning": "as I was told", **reply}
    return json.dumps(reply)


def answer(what: str, number: int, known: bool) -> str:
    right = (known or share("luck", what, number) < _LUCK) and share("read wrong", what, number) >= _READ_WRONG
    return f"{what} {number}" if right else f"no {what}"


def _read_parcel(text: str) -> tuple[int, str, int]:
    """Return number, mark and kind of goods of the last parcel in a text."""
    number, mark, first = re.findall(r"parcel (\d+) with the mark (\w+): (\w+)", text)[-1]
    return int(number), mark, next(kind for kind, words in enumerate(_GOODS) if first in words)


def _rules_in(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"rule (\w\d)\b", text)))


def reflector(world: World) -> Callable[[lm15.Request], str]:
    """Return a reflection model that adds, to the rules of the instruction, the first one that the feedback misses."""
    marks = {name: mark for mark, name in RULES.items()}

    def rule_text(name: str) -> str:
        text = f"Parcels with the mark {marks[name]} follow rule {name}. "
        return (text + _PADDING * math.ceil(max(0, world.length - len(text)) / len(_PADDING))).strip()

    def propose(request: lm15.Request) -> str:
        prompt = "\n".join(message.text or "" for message in request.messages)
        if "[[ ## current_instruction ## ]]" not in prompt:
            return "I write whole instructions and nothing else."
        now, _, cases = prompt.rpartition("[[ ## current_instruction ## ]]")[2].partition("[[ ## examples_with_feedback ## ]]")
        known = _rules_in(now)
        missing = [name for name in _rules_in(cases) if name not in known]
        luck = share("proposal", prompt)
        useless = [f"Take care {luck:.6f} of the time."]
        new = [*map(rule_text, missing[:1])] if luck < world.good and missing else useless
        return json.dumps({"new_instruction": " ".join([str(SortParcel.__doc__), *map(rule_text, known), *new])})

    return propose
