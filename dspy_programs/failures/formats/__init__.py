"""Traces as other frameworks write them, read into one form: AutoParser, and a small file for each family of formats.

What is no part of a run is left out: counts of tokens, names of models, and the private reasoning that some models log.
"""

from dspy_programs.failures.formats.auto import FORMATS, AutoParser

__all__ = ["FORMATS", "AutoParser"]
