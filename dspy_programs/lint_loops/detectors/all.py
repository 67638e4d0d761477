"""All detectors, and what they find in one file."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.tree import Loop, Tree
from dspy_programs.lint_loops.code.walk import tree_of
from dspy_programs.lint_loops.detectors import (
    appends,
    compiling,
    concatenation,
    copies,
    counting,
    input_output,
    lookups,
    membership,
    nested,
    sorting,
)
from dspy_programs.lint_loops.detectors.detector import Detector, Hit

DETECTORS: tuple[Detector, ...] = (
    nested.find,
    concatenation.find,
    appends.find,
    membership.find,
    counting.find,
    copies.find,
    sorting.find,
    lookups.find,
    compiling.find,
    input_output.find,
)


def hits_in(module: ast.Module) -> Iterator[Hit]:
    """Yield what the detectors find, each place and pattern once. Raises RecursionError where code nests beyond measure."""
    for hit, _ in located_in(tree_of(module)):
        yield hit


def located_in(tree: Tree) -> Iterator[tuple[Hit, Loop]]:
    """Yield what the detectors find, each with the loop it was found in."""
    seen: set[tuple[str, int, int]] = set()
    for loop in tree.loops:
        for detector in DETECTORS:
            for hit in detector(loop):
                key = (hit.pattern.code, hit.node.lineno, hit.node.col_offset)
                if key not in seen:
                    seen.add(key)
                    yield hit, loop
