"""Explain findings: by the linter's rules, or with the program loop_explainer on a model.

Guarantees each finding gets an explanation: the pattern's own where its loop cannot be cut out of the file. A rewrite is
           shown only if it passes the program's checks, takes no name that the function already has, and nothing in the file
           speaks against it; else the linter's own one, if it has one, or its suggestion stands, and a note says so.
Calls      one for each finding; none without a model, then DSPy is not even loaded.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dspy_programs.lint_loops import (
    Excerpt,
    Explained,
    Finding,
    Report,
    excerpts_of,
    explain_by_rules,
    new_names,
    text_of,
)

if TYPE_CHECKING:
    import dspy

    from dspy_programs.programs.loop_explainer import LoopExplainer


def explained_all(
    report: Report, lm: "dspy.LM | None" = None, progress: Callable[[int, int], object] | None = None
) -> dict[Finding, Explained]:
    """Explain the findings of a report, file by file. lm: whose compiled program to take; it must be in use already."""
    program = _program(lm) if lm is not None else None
    found: dict[Finding, Explained] = {}
    for finding, excerpt in _cut_out(report):
        if excerpt is None:
            found[finding] = Explained(finding.pattern.explanation, "rules")
        elif program is None:
            found[finding] = _by_rules(finding, excerpt)
        else:
            found[finding] = _by_model(finding, excerpt, program)
        if progress is not None:
            progress(len(found), len(report.findings))
    return found


def _program(lm: "dspy.LM") -> "LoopExplainer":
    from dspy_programs.registry import load, without_warning

    with without_warning():
        return load("loop_explainer", lm.model)


def _cut_out(report: Report) -> Iterator[tuple[Finding, Excerpt | None]]:
    by_file: dict[str, list[Finding]] = {}
    for each in report.findings:
        by_file.setdefault(each.file, []).append(each)
    for file, findings in by_file.items():
        text = report.standard_input if file == report.STANDARD_INPUT else text_of(Path(file).read_bytes())
        cut = excerpts_of(text, findings)
        yield from ((each, cut.get(each)) for each in findings)


def _by_rules(finding: Finding, excerpt: Excerpt, note: str = "") -> Explained:
    """Explain with the whole file in view, which may tell more than the cut-out."""
    rewrite = _own_rewrite(finding, excerpt)
    return Explained(excerpt.reason, "rules", rewrite, "rules", excerpt.first, excerpt.last, note)


def _own_rewrite(finding: Finding, excerpt: Excerpt) -> str:
    """Return the linter's mend, "" for one that takes a name of the function or is not sure in its place."""
    if excerpt.against:
        return ""
    found = explain_by_rules(excerpt.code, finding.pattern, finding.suggestion, excerpt.types, excerpt.keeps)
    return "" if new_names(found.rewrite, excerpt.code) & excerpt.taken else found.rewrite


def _by_model(finding: Finding, excerpt: Excerpt, program: "LoopExplainer") -> Explained:
    result = program(excerpt.code, finding.pattern.name, finding.suggestion, excerpt.types, excerpt.keeps)
    if result.failure is not None or result.answered_by == "rules":
        why = f"the model's reply could not be read ({result.failure.reason})" if result.failure else ""
        return _by_rules(finding, excerpt, why)
    told = Explained(result.explanation, "model", result.rewrite, "model", excerpt.first, excerpt.last)
    refused = result.refused or excerpt.against
    if taken := sorted(new_names(result.rewrite, excerpt.code) & excerpt.taken):
        refused = f"it uses the name {taken[0]}, which the function already has"
    if result.rewrite and not refused:
        return told
    own = _own_rewrite(finding, excerpt)
    note = f"the model's rewrite is not shown: {refused}{'' if own else '; the suggestion stands'}" if refused else ""
    return told._replace(rewrite=own, rewritten_by="rules", note=note)
