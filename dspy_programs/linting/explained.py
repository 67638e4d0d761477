"""Explain findings with the program loop_explainer: on the model in use, or by its rules.

Guarantees each finding gets an explanation: the pattern's own where its loop cannot be cut out of the file. A rewrite is
           shown only if it passes the program's checks and takes no name that the function already has; else the linter's own
           one, if it has one, or its suggestion stands, and a note says so.
Calls      one for each finding; none without a model.
"""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import dspy

from dspy_programs.lint_loops import Excerpt, Explained, Finding, Report, excerpts_of, explain_by_rules, new_names, text_of
from dspy_programs.programs.loop_explainer import LoopExplainer
from dspy_programs.registry import load


def explained_all(
    report: Report, lm: "dspy.LM | None" = None, progress: Callable[[int, int], object] | None = None
) -> dict[Finding, Explained]:
    """Explain the findings of a report, file by file. lm: whose compiled program to take; it must be in use already."""
    program = _program(lm)
    found: dict[Finding, Explained] = {}
    by_file: dict[str, list[Finding]] = {}
    for each in report.findings:
        by_file.setdefault(each.file, []).append(each)
    for file, findings in by_file.items():
        for finding, excerpt in _cut_out(file, findings, report):
            found[finding] = _explained(finding, excerpt, program)
            if progress is not None:
                progress(len(found), len(report.findings))
    return found


def _program(lm: "dspy.LM | None") -> LoopExplainer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not compiled for the model: the page of the program tells
        return load("loop_explainer", lm.model) if lm is not None else LoopExplainer()


def _cut_out(file: str, findings: list[Finding], report: Report) -> Iterable[tuple[Finding, Excerpt | None]]:
    path = Path(file)
    text = report.standard_input if file == report.STANDARD_INPUT else text_of(path.read_bytes())
    cut = excerpts_of(text, findings)
    return [(each, cut.get(each)) for each in findings]


def _explained(finding: Finding, excerpt: Excerpt | None, program: LoopExplainer) -> Explained:
    if excerpt is None:
        return Explained(finding.pattern.explanation, "rules")
    code, types, keeps = excerpt.code, excerpt.types, excerpt.keeps
    result = program(code, finding.pattern.name, finding.suggestion, types, keeps)
    refused, rewrite = result.refused, result.rewrite
    if taken := sorted(new_names(rewrite, code) & excerpt.taken):
        refused, rewrite = f"it uses the name {taken[0]}, which the function already has", ""
    if rewrite or result.answered_by == "rules":
        note = f"the model's reply could not be read ({result.failure.reason})" if result.failure else ""
        is_general = result.explanation == finding.pattern.explanation  # the file tells more than its cut-out
        text = excerpt.reason if is_general else result.explanation
        return Explained(text, result.answered_by, rewrite, result.answered_by, excerpt.first, excerpt.last, note)
    own = explain_by_rules(code, finding.pattern, finding.suggestion, types, keeps).rewrite
    own = "" if new_names(own, code) & excerpt.taken else own
    note = f"the model's rewrite is not shown: {refused}" if refused else ""
    if note and not own:
        note += "; the suggestion stands"
    return Explained(result.explanation, result.answered_by, own, "rules", excerpt.first, excerpt.last, note)
