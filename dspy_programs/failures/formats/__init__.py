"""Traces as other frameworks write them, read into one form: auto.py finds out which; a small file for each family of formats.

What is no part of a run is left out: counts of tokens, names of models, and the private reasoning that some models log.
"""
