"""A program, its rows, its metric and its budget in one definition."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.recipes.checks import checked as checked
    from optimizers.recipes.definition import Recipe as Recipe, Rows as Rows, alike as alike
    from optimizers.recipes.demonstrations.memory_summarizer import terms_kept as terms_kept
    from optimizers.recipes.harness import results_of as results_of
    from optimizers.recipes.ours import RECIPES as RECIPES, recipe as recipe, recipes as recipes

_HOMES = {
    "Recipe": "definition",
    "Rows": "definition",
    "alike": "definition",
    "checked": "checks",
    "terms_kept": "demonstrations.memory_summarizer",
    "results_of": "harness",
    "RECIPES": "ours",
    "recipe": "ours",
    "recipes": "ours",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
