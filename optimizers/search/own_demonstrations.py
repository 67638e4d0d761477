"""Demonstrations for a user's own program, built automatically from labels and from the program's own successes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dspy
from pydantic import TypeAdapter

from dspy_programs.predict import FIELD as REASONING
from dspy_programs.registry import AUGMENTED, is_of_type
from optimizers.json_text import as_json
from optimizers.scoring import Step
from optimizers.search.demonstrations import Demonstrate


def labelled(program: dspy.Module) -> Demonstrate:
    """Return a function that turns a row into a demonstration for each predictor whose input and output fields it has.

    Fields without a value of the right type are omitted; a predictor without labels gets no demonstration.
    """
    signatures = {name: predictor.signature for name, predictor in program.named_predictors()}
    readers = {name: {f: TypeAdapter(i.annotation) for f, i in each.fields.items()} for name, each in signatures.items()}

    def demonstrate(row: dspy.Example) -> Mapping[str, dict[str, Any]]:
        values = to_jsonable(row.toDict())
        made = {}
        for name, signature in signatures.items():
            shown = {f: values[f] for f, reader in readers[name].items() if f in values and is_of_type(reader, values[f])}
            if shown.keys() & signature.input_fields.keys() and shown.keys() & signature.output_fields.keys() - {REASONING}:
                made[name] = shown
        return made

    return demonstrate


def bootstrapped(program: dspy.Module, steps: Sequence[Step]) -> Mapping[str, dict[str, Any]]:
    """Return each predictor's inputs and outputs in a run, from its last call if there were several.

    Source     bootstrapped demonstrations: Khattab et al. 2024, "DSPy: Compiling Declarative Language Model Calls".
    """
    fields = {name: predictor.signature.fields for name, predictor in program.named_predictors()}
    made = {}
    for name, inputs, outputs in steps:
        if name in fields and "unreadable_reply" not in outputs:
            made[name] = {AUGMENTED: True, **to_jsonable({f: v for f, v in {**inputs, **outputs}.items() if f in fields[name]})}
    return made


def to_jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as plain JSON."""
    found: dict[str, Any] = json.loads(as_json(dict(values)))
    return found
