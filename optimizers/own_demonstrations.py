"""Demonstrations of a user's own program, with no word from the user: from labels, and from what the program did well."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dspy
from pydantic import TypeAdapter

from dspy_programs.compiled_store import AUGMENTED, is_of_type
from dspy_programs.reasoning import FIELD as REASONING
from optimizers.demonstrations import Demonstrate, as_json

Step = tuple[str, dict[str, Any], dspy.Prediction]
"""One call of a predictor: its name in the program ("" if it is none of the program's own), its inputs, its outputs."""


def labelled(program: dspy.Module) -> Demonstrate:
    """Return a function that shows a row to each predictor whose fields it has: an input, and an output that is right.

    What the row has no value of the right type for is left out; a predictor that no label speaks of is shown nothing.
    """
    signatures = {name: predictor.signature for name, predictor in program.named_predictors()}
    readers = {name: {f: TypeAdapter(i.annotation) for f, i in each.fields.items()} for name, each in signatures.items()}

    def demonstrate(row: dspy.Example) -> Mapping[str, dict[str, Any]]:
        values = plain(row.toDict())
        made = {}
        for name, signature in signatures.items():
            shown = {f: values[f] for f, reader in readers[name].items() if f in values and is_of_type(reader, values[f])}
            if shown.keys() & signature.input_fields.keys() and shown.keys() & signature.output_fields.keys() - {REASONING}:
                made[name] = shown
        return made

    return demonstrate


def bootstrapped(program: dspy.Module, steps: Sequence[Step]) -> Mapping[str, dict[str, Any]]:
    """Show what each predictor of the program read and wrote in a run, its last call where there was more than one.

    Source     bootstrapped demonstrations: Khattab et al. 2024, "DSPy: Compiling Declarative Language Model Calls".
    """
    fields = {name: predictor.signature.fields for name, predictor in program.named_predictors()}
    made = {}
    for name, inputs, outputs in steps:
        if name in fields and "unreadable_reply" not in outputs:
            made[name] = {AUGMENTED: True, **plain({f: v for f, v in {**inputs, **outputs}.items() if f in fields[name]})}
    return made


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as JSON has them."""
    found: dict[str, Any] = json.loads(as_json(dict(values)))
    return found
