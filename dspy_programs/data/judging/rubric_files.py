"""A rubric by name or from a file: in our form, or in the data flywheel's, which has a prompt of its own that is not used.

Formats    the flywheel's: criteria may be names or {name: description}; `prompt_template`, `temperature`, `scale` and the
           like are left out with a warning; `pass_condition` is kept, whatever scale it is on (verdict.py).
"""

import warnings
from pathlib import Path
from typing import Any

import yaml

from dspy_programs import strict_yaml
from dspy_programs.errors import UsageError
from dspy_programs.rubric import LARGEST_FILE, read_rubric, rubric_of, shipped_rubrics
from dspy_programs.text_stream import text_in
from dspy_programs.types import Criterion, Rubric

_USUAL_CONDITION = "overall >= 7"


def rubric_at(name: str) -> Rubric:
    """Return a shipped rubric by name, or the one in a file. Raises UsageError."""
    if name in shipped_rubrics() or not (Path(name).suffix or "/" in name or Path(name).exists()):
        return rubric_of(name)
    return read_any_rubric(Path(name))


def read_any_rubric(path: Path) -> Rubric:
    """Read a rubric. Raises UsageError, as "file: field: why"."""
    if not path.is_file():
        return read_rubric(path)  # which says why not
    try:
        content = strict_yaml.load(text_in(path, LARGEST_FILE, "a rubric"))
    except (yaml.YAMLError, ValueError, RecursionError):
        return read_rubric(path)
    if not _is_foreign(content):
        return read_rubric(path)
    left = sorted(set(content) - set(Rubric.model_fields))
    known = {name: value for name, value in content.items() if name in Rubric.model_fields and value is not None}
    known["criteria"] = [_criterion(each) for each in _listed(known.get("criteria"))]
    known.setdefault("pass_condition", _USUAL_CONDITION)
    known["version"] = str(known.get("version", "1"))
    if left:
        warnings.warn(f"{path}: {', '.join(map(str, left))} not used: quality_judge has its own prompt", stacklevel=2)
    try:
        return rubric_of(known)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _is_foreign(content: Any) -> bool:
    """Return whether it has what only the flywheel's files have."""
    if not isinstance(content, dict):
        return False
    criteria = content.get("criteria")
    named = isinstance(criteria, dict) or (isinstance(criteria, list) and all(isinstance(each, str) for each in criteria))
    return named or bool({"prompt_template", "template", "temperature", "scale"} & content.keys())


def _listed(criteria: Any) -> list[Any]:
    if isinstance(criteria, dict):
        return [{"name": name, "description": str(said)} for name, said in criteria.items()]
    return criteria if isinstance(criteria, list) else []


def _criterion(each: Any) -> Any:
    if isinstance(each, str):
        return {"name": each}
    return {name: each[name] for name in Criterion.model_fields if name in each} if isinstance(each, dict) else each
