"""A negotiation as JSON, YAML, a short summary, a word-level diff, or an HTML report.

Guarantees the page is self-contained and runs no script; everything from a prompt or a model is escaped.
"""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import ValidationError

from dspy_programs import strict_yaml
from dspy_programs.budget.consent import listed
from dspy_programs.budget.prompts.prompt import Blocks, joined
from dspy_programs.budget.result import NOT_MEASURED, NegotiationResult, Removal
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.text_stream import text_in

_MOST_LISTED = 12
_LARGEST_FILE = 100_000_000  # bytes; a prompt has up to 2 MB, and each step of the search is told
_LONGEST_QUOTED = 120
_STATEMENTS = re.compile(r"(?s).+?(?:(?<![.!?:;。！？])[.!?:;。！？]++\s+|\n+|$)")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST_COMPARED = 5_000  # characters compared word by word
_MOST_COMPARED = 1_000  # statements of which each is compared with all
Mark = Literal["same", "gone", "new"]


def serialize(result: NegotiationResult, form: str = "json") -> str:
    """Return the whole result as JSON or YAML."""
    if form == "json":
        return result.model_dump_json(indent=2) + "\n"
    return yaml.dump(result.model_dump(mode="json"), Dumper=Blocks, sort_keys=False, allow_unicode=True)


def read_result_file(path: Path) -> NegotiationResult:
    """Read a file made by `serialize`. Raises UsageError."""
    text = text_in(path, _LARGEST_FILE, "a result file of negotiate")
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else strict_yaml.load(text)
        return NegotiationResult.model_validate(found)
    except ValidationError as error:
        raise UsageError(f"{path}: not a result file of negotiate: {first_fault(error, 'the file')}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON or YAML: {' '.join(str(error).split())[:200]}") from error


def summary(result: NegotiationResult) -> str:
    """Return the printed summary; what is lost comes first."""
    lines = [
        *([f"Binding sentences that go ({len(result.lost)}):", listed(result.lost), ""] if result.lost else []),
        "Negotiation Result:",
        f"  Original: {result.original_token_count} tokens{_scored(result, result.original_score)}",
        f"  Optimized: {result.optimized_token_count} tokens{_scored(result, result.optimized_score)}",
        f"  Savings: {result.savings:.1%}",
        f"  Quality Retention: {result.retention.statement}",
        f"  Success: {'Yes' if result.success else 'No'}{_but(result)}",
        f"  Sections removed: {', '.join(result.sections_removed) or 'none'}",
    ]
    if result.sections_compressed:
        lines.append(f"  Sections compressed: {', '.join(result.sections_compressed)}")
    if result.reordered:
        lines.append(f"  New order: {', '.join(section.name for section in result.optimized_sections)}")
    told = {(one.section, one.text) for one in result.lost}
    if others := [change for change in result.changes if (change.section, change.text) not in told]:
        lines += ["  Other changes:" if told else "  Changes:", *(f"    {_change_line(one)}" for one in others[:_MOST_LISTED])]
        if len(others) > _MOST_LISTED:
            lines.append(f"    ... {len(others) - _MOST_LISTED} more; --output and --html have them all")
    exact = "exact" if result.exact else "approximate for other models"
    return "\n".join(
        [
            *lines,
            f"  Scorer: {result.scorer} ({result.answered_by}), {result.scoring_calls} scoring calls, {result.elapsed:.1f} s",
            f"  Token counter: {result.token_counter} ({exact})",
        ]
    )


def _scored(result: NegotiationResult, score: float | None) -> str:
    name = {"coverage": "rubric's words covered", "opinion": "score", "outputs": "score"}.get(result.measured, "")
    return f", {name}={score:.3f}" if score is not None else ""


def _but(result: NegotiationResult) -> str:
    if result.success:
        return "" if result.measured in ("outputs", "opinion") else f" ({NOT_MEASURED})"
    if result.savings < result.min_savings:
        return f" (less than --min-savings, {result.min_savings:.1%})"
    return " (the quality was not confirmed)"


def _change_line(change: Removal) -> str:
    if change.kind == "whitespace":
        return f"{change.section}: {change.reason}"
    return f"{change.section}: {'shortened' if change.new else 'gone'}: {_quoted(change.text)}: {change.reason}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_QUOTED else text[: _LONGEST_QUOTED - 3] + "...")


def word_diff(before: str, after: str) -> list[tuple[Mark, str]]:
    """Return the words of both texts in order, those that go and those that come marked; joined without either, a text."""
    found: list[tuple[Mark, str]] = []
    for gone, come in _compared(*(_STATEMENTS.findall(text) for text in (before, after))):
        if gone == come:
            found.append(("same", gone))
        elif gone and come and len(gone) + len(come) < _LONGEST_COMPARED:
            for old, new in _compared(_WORDS.findall(gone), _WORDS.findall(come)):
                found += [("same", old)] if old == new else [("gone", old), ("new", new)]
        else:
            found += [("gone", gone), ("new", come)]
    return _merged(found)


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the pieces of both that stand at one place; what repeats all over a long text is no landmark in it."""
    shorter = min(len(old), len(new))
    first = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    last = next((at for at in range(shorter - first) if old[-1 - at] != new[-1 - at]), shorter - first)
    yield "".join(old[:first]), "".join(new[:first])
    middle = old[first : len(old) - last], new[first : len(new) - last]
    matcher = difflib.SequenceMatcher(None, *middle, autojunk=shorter - first - last > _MOST_COMPARED)
    for _, a, b, c, d in matcher.get_opcodes():
        yield "".join(middle[0][a:b]), "".join(middle[1][c:d])
    yield "".join(old[len(old) - last :]), "".join(new[len(new) - last :])


def _merged(found: Sequence[tuple[Mark, str]]) -> list[tuple[Mark, str]]:
    merged: list[tuple[Mark, str]] = []
    for mark, text in found:
        if text and merged and merged[-1][0] == mark:
            merged[-1] = (mark, merged[-1][1] + text)
        elif text:
            merged.append((mark, text))
    return merged


def diff(result: NegotiationResult) -> list[tuple[Mark, str]]:
    """Return the word-level difference of the prompt before and after."""
    return word_diff(joined(result.original_sections), result.optimized_prompt)


def marked_diff(result: NegotiationResult) -> str:
    """Return the difference as text: [-what goes-] and {+what is new+}."""
    signs = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    return "".join(signs[mark].format(text) for mark, text in diff(result))


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
    return page.render(result=result, bars=_bars(result, counts), diff=diff(result), not_measured=NOT_MEASURED) + "\n"
