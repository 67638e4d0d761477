"""What the commands of judging print for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from dspy_programs.data.judging.calibration import Calibration, Measured
from dspy_programs.data.judging.judge_run import Report
from dspy_programs.data.judging.statistics import kappa_in_words
from dspy_programs.text import printable, quantity, shortened

_WIDTH = 18


def lines_of_report(report: Report) -> Iterator[str]:
    totals = report.totals
    yield _row("Judge", f"{report.judge_model}, rubric {report.rubric}")
    now = f"{report.written:,} now, {report.kept:,} known before" if report.kept else f"{report.written:,}"
    yield _row("Judged", f"{now}, of {quantity(report.selected, 'selected pair')}")
    if totals.judged:
        yield _row("Passed", f"{totals.passed:,} ({totals.pass_rate:.1%}) of {totals.judged:,} in the file")
        by_criterion = ", ".join(f"{name} {mean:.2f}" for name, mean in totals.mean_scores.items())
        yield _row("Mean overall", f"{totals.mean_overall:.2f} of 10 ({by_criterion})")
    yield _row("Answered by", ", ".join(f"{who} {count:,}" for who, count in sorted(totals.answered_by.items())) or "nobody")
    if totals.answered_by.get("rules"):
        yield _row("", "rules compare words and form, and cannot tell what is true; a model can: --lm")
    if " + " in report.judge_model:
        yield _row("Judges disagree", f"on {totals.disagreed:,} of {totals.judged:,}")
    if report.failed:
        yield _row("Failed (errors)", f"{report.failed:,}; not scored, not cached: the same command asks again")
        for each in report.failures:
            reply = f": {shortened(' '.join(printable(each.reply).split()), 100)}" if each.reply else ""
            yield f"    {each.pair_id}: {shortened(printable(each.reason), 160)}{reply}"
    if report.replaced:
        yield _row("Replaced", f"{quantity(report.replaced, 'line')} of another judge or rubric, now in {report.output}.bak")
    yield _row("Output", report.output if totals.judged else "none: no pair is judged")
    yield _row("Cache", f"hits={report.hits} misses={report.misses}")
    if report.spent.model_calls:
        yield _row("Spent", f"{report.spent}, {report.spent.seconds:.0f} s")
    if report.stopped:
        yield _row("Stopped", f"{report.stopped}; the same command continues")


def lines_of_calibration(found: Calibration, path: str) -> Iterator[str]:
    yield _row("Evaluated pairs", f"{found.n_evaluated:,} ({found.left_out:,} labelled otherwise)")
    if found.by_judge:
        yield _row("Left out", f"{quantity(found.by_judge, 'label')} that judgments made")
    if found.broken_labels:
        yield _row("Left out", f"{quantity(found.broken_labels, 'broken line')} of labels")
    yield from _measured(found)
    if (threshold := found.threshold) is not None:
        on = threshold.on_the_other
        low, high = on.intervals["kappa"]
        yield _row("Best threshold", f"overall >= {threshold.overall:.2f} of 10, chosen on {threshold.chosen_on:,} pairs")
        yield _row("  on the others", f"kappa {on.kappa:.3f} [{low:.3f}, {high:.3f}], F1 {on.f1:.3f}, {on.n_evaluated:,} pairs")
    for name, each in found.slices.items():
        low, high = each.intervals["kappa"]
        figures = f"{each.n_evaluated:,} pairs, accuracy {each.accuracy:.3f}, F1 {each.f1:.3f}, kappa {each.kappa:.3f}"
        yield _row(f"  {shortened(printable(name), 15)}", f"{figures} [{low:.3f}, {high:.3f}]")
    yield _row("As a gate", "better than chance" if found.better_than_chance else "refused: no better than chance")
    yield _row("Output", path)


def _measured(found: Measured) -> Iterator[str]:
    for title, name in (("Precision", "precision"), ("Recall", "recall"), ("F1", "f1"), ("Accuracy", "accuracy")):
        low, high = found.intervals[name]
        yield _row(title, f"{getattr(found, name):.3f} [{low:.3f}, {high:.3f}]")
    low, high = found.intervals["kappa"]
    yield _row("Cohen's kappa", f"{found.kappa:.3f} [{low:.3f}, {high:.3f}] ({kappa_in_words(found.kappa)})")
    yield _row("TP/FP/TN/FN", f"{found.tp}/{found.fp}/{found.tn}/{found.fn}")


def lines_of_comparison(found: Mapping[str, Any], path: str) -> Iterator[str]:
    yield f"Judge comparison: {' vs '.join(found['tags'])}"
    if "pairs" in found:
        low, high = found["intervals"]["fleiss_kappa"]
        yield _row("Common pairs", f"{found['n_common']:,}")
        yield _row("Unanimous", f"{found['unanimous']:.1%}")
        yield _row("Fleiss' kappa", f"{found['fleiss_kappa']:.3f} [{low:.3f}, {high:.3f}] ({found['kappa_label']})")
    for two in found.get("pairs", [found]):
        yield from _two(two, titled="pairs" in found)
    yield _row("Output", path)


def _two(two: Mapping[str, Any], titled: bool) -> Iterator[str]:
    a, b = two["tags"]
    if titled:
        yield f"{a} vs {b}"
    else:
        yield _row("Common pairs", f"{two['n_common']:,}")
    intervals = {name: f"[{low:.3f}, {high:.3f}]" for name, (low, high) in two["intervals"].items()}
    yield _row(f"{a} passed / mean", f"{two['a_passed']:,} / {two['a_mean']:.2f}")
    yield _row(f"{b} passed / mean", f"{two['b_passed']:,} / {two['b_mean']:.2f}")
    low, high = two["intervals"]["pass_agreement"]
    yield _row("Pass agreement", f"{two['pass_agreement']:.1%} [{low:.1%}, {high:.1%}]")
    yield _row("Cohen's kappa", f"{two['cohens_kappa']:.3f} {intervals['cohens_kappa']} ({two['kappa_label']})")
    yield _row("Score Pearson r", f"{two['score_pearson']:.3f} {intervals['score_pearson']}")


def _row(title: str, text: str) -> str:
    return f"  {title:<{_WIDTH}} {text}"
