"""A negotiation as JSON, YAML, a short summary, a diff, or an HTML report with tokens before and after.

Guarantees the page is self-contained and runs no script; everything from a prompt or a model is escaped.
"""

import difflib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from dspy_programs.budget.negotiator import NegotiationResult
from dspy_programs.budget.prompt import Blocks, joined
from dspy_programs.errors import UsageError, first_fault

FORMATS = ("json", "yaml")


def serialize(result: NegotiationResult, form: str = "json") -> str:
    """Return the whole result as JSON or YAML."""
    if form == "json":
        return result.model_dump_json(indent=2) + "\n"
    return yaml.dump(result.model_dump(mode="json"), Dumper=Blocks, sort_keys=False, allow_unicode=True)


def read_result_file(path: Path) -> NegotiationResult:
    """Read a file made by `serialize`. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
        return NegotiationResult.model_validate(found)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"{path}: not a result file of negotiate: {first_fault(error, 'the file')}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON or YAML: {' '.join(str(error).split())[:200]}") from error


def summary(result: NegotiationResult) -> str:
    """Return the printed summary."""
    lines = [
        "Negotiation Result:",
        f"  Original: {result.original_token_count} tokens, score={result.original_score:.3f}",
        f"  Optimized: {result.optimized_token_count} tokens, score={result.optimized_score:.3f}",
        f"  Savings: {result.savings:.1%}",
        f"  Quality Retention: {result.retention.statement}",
        f"  Success: {'Yes' if result.success else 'No'}",
        f"  Sections removed: {', '.join(result.sections_removed) or 'none'}",
    ]
    if result.sections_compressed:
        lines.append(f"  Sections compressed: {', '.join(result.sections_compressed)}")
    if result.reordered:
        lines.append(f"  New order: {', '.join(section.name for section in result.optimized_sections)}")
    exact = "exact" if result.exact else "approximate for other models"
    return "\n".join(
        [
            *lines,
            f"  Scorer: {result.scorer} ({result.answered_by}), {result.scoring_calls} scoring calls, {result.elapsed:.1f} s",
            f"  Token counter: {result.token_counter} ({exact})",
        ]
    )


def diff(result: NegotiationResult) -> list[str]:
    """Return the lines of the prompt before and after: "- " gone, "+ " new, "  " the same."""
    before, now = (joined(sections).splitlines() for sections in (result.original_sections, result.optimized_sections))
    return [line for line in difflib.ndiff(before, now) if not line.startswith("? ")]


class _Bar(NamedTuple):
    """One section in the chart. before, now: tokens; width and new_width: percent of the longest bar."""

    name: str
    type: str
    priority: int
    before: int
    now: int
    width: float
    new_width: float
    fate: str


def _bars(result: NegotiationResult, counts: dict[str, tuple[int, int]]) -> list[_Bar]:
    longest = max([1, *(before for before, _ in counts.values())])
    found = []
    for section in result.original_sections:
        before, now = counts[section.name]
        fate = "removed" if section.name in result.sections_removed else "shortened" if now < before else "kept"
        width, new_width = 100 * before / longest, 100 * now / longest
        found.append(_Bar(section.name, section.type, section.priority, before, now, width, new_width, fate))
    return found


def as_html(result: NegotiationResult, count: Any) -> str:
    """Return one self-contained page; count: text -> tokens, as in the negotiation."""
    from jinja2 import Environment

    now = {section.name: count(section.content) for section in result.optimized_sections}
    counts = {s.name: (count(s.content), now.get(s.name, 0)) for s in result.original_sections}
    template = (files("dspy_programs.budget") / "report.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    return page.render(result=result, bars=_bars(result, counts), diff=diff(result)) + "\n"
