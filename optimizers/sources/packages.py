"""Installed packages that rows are made from: their folder, version and licence."""

from collections.abc import Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

from dspy_programs.errors import DatasetError


def told_of(raw: Path, packages: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return {folder: {package, version, licence}}. packages: folder in `raw` -> the name it is published under.

    Raises DatasetError if a package is missing or says no licence.
    """
    known = {each.metadata["Name"]: each for each in distributions(path=[str(raw)])}
    told = {}
    for folder, name in packages.items():
        if name not in known or not (raw / folder).is_dir():
            raise DatasetError(f"{raw}: {name} is not installed there; install what requirements.lock names")
        told[folder] = {"package": name, "version": known[name].version, "licence": licence_of(known[name], name)}
    return told


def licence_of(package: Distribution, name: str) -> str:
    """Return the licence that an installed package says it has. Raises DatasetError if it says none."""
    headers = package.metadata
    kinds = [each.rpartition(" :: ")[2] for each in headers.get_all("Classifier") or [] if each.startswith("License")]
    expression, licence = (headers[name] if name in headers else "" for name in ("License-Expression", "License"))
    said = expression or next(iter(kinds), "") or licence
    if not said or "\n" in said:
        raise DatasetError(f"{name} says no licence")
    return str(said)
