"""Traces from other frameworks, read into one form: auto.py detects the format; one small file per family of formats.

Whatever is not part of a run is left out: token counts, model names, and the private reasoning that some models log.
"""
