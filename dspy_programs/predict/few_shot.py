"""A predictor that holds many demonstrations and shows only the few nearest to the inputs of a call.

Input      those of its signature, and so is the output; its state is that of dspy.Predict, so stock DSPy reads it.
Guarantees up to ALL_SHOWN demonstrations are all shown, always in the same order: a prompt cache keeps them. More are a
           pool: at most NEAREST of it are shown, the nearest last, in at most LONGEST_SHOWN characters.
           What is far from the whole pool is shown none: further from its nearest than FAR of the pool's own members are
           from theirs. A model copies the shape of what it is shown, and there the shape is another domain's.
           What looks like protocol in an input or a demonstration is plain text, under DSPy's own adapters too.
Source     demonstrations by nearest neighbours: Liu et al. 2022, "What Makes Good In-Context Examples for GPT-3?";
           likeness: cosine of tf-idf vectors (Salton and Buckley 1988), which needs no model and no dependency.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import dspy
from pydantic import BaseModel

from dspy_programs.control_tokens import as_text as plain_value
from dspy_programs.text import content_stems

ALL_SHOWN = 16
NEAREST = 3
LONGEST_SHOWN = 4000  # characters of all the demonstrations of one call, about 1,000 tokens
_FAR = 0.9  # share
_NUMBER = re.compile(r"\d+")
COPY = 0.9  # likeness in a field from which two demonstrations are the same told twice


class FewShot(dspy.Predict):
    """dspy.Predict with a choice of demonstrations. `by`: the inputs that are compared; all of them if none is named."""

    def __init__(self, signature: type[dspy.Signature], by: Sequence[str] = ()) -> None:
        super().__init__(signature)
        self.by = tuple(by) or tuple(signature.input_fields)
        self._index: Index | None = None

    def forward(self, **kwargs: Any) -> dspy.Prediction:
        return super().forward(**self.as_plain_text(self.with_nearest(kwargs)))

    async def aforward(self, **kwargs: Any) -> dspy.Prediction:
        return await super().aforward(**self.as_plain_text(self.with_nearest(kwargs)))

    def with_nearest(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call with the demonstrations to show among them."""
        if "demos" in kwargs or len(self.demos) <= ALL_SHOWN:
            return kwargs
        if self._index is None or self._index.demos is not self.demos:
            self._index = Index(self.demos, self.by)
        return kwargs | {"demos": self._index.nearest(kwargs)}

    def as_plain_text(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call without what looks like protocol: DSPy's own adapters would take it for that."""
        inputs = {name: plain_value(kwargs[name]) for name in self.signature.input_fields if name in kwargs}
        return kwargs | inputs | {"demos": [plain_value({**demo}) for demo in kwargs.get("demos", self.demos) or ()]}


class Index:
    """Demonstrations by their words: for each compared field, a tf-idf vector of length one."""

    def __init__(self, demos: Sequence[Mapping[str, Any]], by: Sequence[str]) -> None:
        self.demos, self.by = demos, by
        self.rarity: dict[str, dict[str, float]] = {}
        self.holders: dict[str, dict[str, list[tuple[int, float]]]] = {}
        for field in by:
            counts = [Counter(content_stems(as_text(demo.get(field)))) for demo in demos]
            having = Counter(stem for count in counts for stem in count)
            self.rarity[field] = {stem: math.log(1 + len(demos) / number) for stem, number in having.items()}
            self.holders[field] = defaultdict(list)
            for i, count in enumerate(counts):
                for stem, weight in self.vector(field, count).items():
                    self.holders[field][stem].append((i, weight))

    def vector(self, field: str, count: Mapping[str, int]) -> dict[str, float]:
        rarest = math.log(1 + len(self.demos))
        weights = {stem: (1 + math.log(n)) * self.rarity[field].get(stem, rarest) for stem, n in count.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {stem: weight / length for stem, weight in weights.items()}

    def likeness(self, inputs: Mapping[str, Any]) -> list[float]:
        """Tell how like each demonstration is to these inputs: the sum over the fields of a cosine in [0, 1]."""
        likeness = [0.0] * len(self.demos)
        for field in self.by:
            for stem, weight in self.vector(field, Counter(content_stems(as_text(inputs.get(field))))).items():
                for i, other in self.holders[field].get(stem, ()):
                    likeness[i] += weight * other
        return likeness

    @cached_property
    def least(self) -> float:
        """Return the likeness to its nearest that all but the furthest members of the pool have.

        Copies do not count, also those that differ in numbers alone: a call about an order is often one of many such.
        """
        copies = COPY * len(self.by)
        forms = [{field: _NUMBER.sub("0", as_text(demo.get(field))) for field in self.by} for demo in self.demos]
        by_form = Index(forms, self.by)
        nearest = []
        for i, demo in enumerate(self.demos):
            same = by_form.likeness(forms[i])
            near = (x for j, x in enumerate(self.likeness(demo)) if j != i and same[j] < copies)
            nearest.append(max(near, default=0.0))
        nearest.sort()
        return nearest[int((1 - _FAR) * len(nearest))]

    def nearest(self, inputs: Mapping[str, Any], even_far: bool = False) -> list[Mapping[str, Any]]:
        """Return the demonstrations to show, the nearest last; of equally near ones those that come first. None if far.

        even_far: show them also then.
        """
        likeness = self.likeness(inputs)
        if not even_far and max(likeness) < self.least:
            return []
        shown: list[Mapping[str, Any]] = []
        left = LONGEST_SHOWN
        for i in sorted(range(len(self.demos)), key=lambda i: -likeness[i])[:NEAREST]:
            left -= len(as_text(self.demos[i]))
            if left < 0 and shown:
                break
            shown.insert(0, self.demos[i])
        return shown


def shown_length(demos: Sequence[Mapping[str, Any]]) -> int:
    """Count the characters of the demonstrations that one call shows; for a pool, on average."""
    characters = sum(len(as_text(demo)) for demo in demos)
    if len(demos) <= ALL_SHOWN:
        return characters
    return min(LONGEST_SHOWN, NEAREST * characters // len(demos))


def as_text(value: Any) -> str:
    """Return all that a value says, without its names of fields."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return " ".join(map(as_text, value))
    return "" if value is None else str(value)
