"""From figures to what a page draws: bars with their labels, shares of the width, and intervals."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dspy_programs.data.reports.lengths import Lengths
from dspy_programs.data.reports.overview import Overview
from dspy_programs.failures import wilson
from dspy_programs.text import quantity

_MOST_BARS = 12
_LEAST_JUDGED = 5  # of a category; a rate of fewer says nothing
_TONES = {"approved": "good", "rejected": "bad", "needs_edit": "warn", "severity:error": "bad", "severity:warning": "warn"}

Tone = Literal["", "good", "bad", "warn"]


@dataclass(frozen=True)
class Bar:
    """share, low, high: of the width, or of the height of a column, in [0, 1]."""

    label: str
    share: float
    figure: str
    low: float | None = None
    high: float | None = None
    tone: str = ""


@dataclass(frozen=True)
class Chart:
    """kind: bars lie, columns stand."""

    title: str
    bars: list[Bar]
    kind: Literal["bars", "columns"] = "bars"
    note: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    charts: list[Chart] = field(default_factory=list)


def sections_of(found: Overview) -> list[Section]:
    """Return what there is to see, section by section."""
    made = [
        Section("Pairs", _pairs(found)),
        Section("Checks", _checks(found)),
        Section("Judgments", _judgments(found)),
        Section("Agreement of the judges", _agreement(found)),
        Section("Labels", _labels(found)),
        Section("Cycles", _cycles(found)),
    ]
    return [section for section in made if section.charts]


def _pairs(found: Overview) -> list[Chart]:
    charts = [_length_chart(name, lengths) for name, lengths in found.lengths.items() if lengths.some]
    if len(found.categories) > 1 or "(none)" not in found.categories:
        charts.append(counted("Categories", found.categories))
    if len(found.kinds) > 1:
        charts.append(counted("Kinds of rows", found.kinds))
    return charts


def _length_chart(name: str, lengths: Lengths) -> Chart:
    columns = lengths.columns()
    most = max(column.rows for column in columns)
    bars = [Bar(_short(column.low), column.rows / most, f"{column.rows:,}") for column in columns]
    median, p95 = lengths.quantile(0.5), lengths.quantile(0.95)
    note = f"Median {quantity(median, 'character')}, 95 % have at most {p95:,}, the longest {lengths.quantile(1):,}."
    return Chart(f"Length of the {name}: characters, from the number below", bars, "columns", note)


def counted(title: str, counts: Mapping[str, int], note: str = "") -> Chart:
    """Return a chart of counts, the largest first, the small ones as one."""
    ordered = Counter(counts).most_common()
    shown, rest = (ordered, []) if len(ordered) <= _MOST_BARS else (ordered[: _MOST_BARS - 1], ordered[_MOST_BARS - 1 :])
    total, most = sum(counts.values()) or 1, max(counts.values(), default=1) or 1
    said = {name: f"{count:,} ({_percent(count / total)})" for name, count in shown}
    bars = [Bar(name, count / most, said[name], tone=_TONES.get(name, "")) for name, count in shown]
    if rest:
        count = sum(count for _, count in rest)
        bars.append(Bar(f"{len(rest):,} others", min(1.0, count / most), f"{count:,} ({_percent(count / total)})"))
    return Chart(title, bars, note=note)


def _checks(found: Overview) -> list[Chart]:
    report = found.validation
    if report is None:
        return []
    by_check = {name: count for name, count in report.counts.items() if not name.startswith("severity:") and count}
    errors, warnings = quantity(report.errors, "error"), quantity(report.warnings, "warning")
    note = f"{errors}, {warnings} in {quantity(report.total_pairs, 'pair')}."
    most = max(by_check.values(), default=1)
    ordered = sorted(by_check.items(), key=lambda each: -each[1])
    charts = [Chart("Findings of each check", [Bar(name, count / most, f"{count:,}") for name, count in ordered], note=note)]
    if found.clusters:
        sizes = Counter(len(cluster.ids) for cluster in found.clusters)
        many = max(sizes.values())
        bars = [Bar(f"{size} pairs", count / many, quantity(count, "cluster")) for size, count in sorted(sizes.items())]
        left = f"; {quantity(report.issues_left_out, 'issue')} not listed in the report" if report.issues_left_out else ""
        superfluous = sum(len(cluster.ids) - 1 for cluster in found.clusters)
        said = f"{quantity(len(found.clusters), 'cluster')}, {quantity(superfluous, 'pair')} superfluous{left}."
        charts.append(Chart("Duplicates and near duplicates, by cluster", bars[:_MOST_BARS], note=said))
    return charts


def _judgments(found: Overview) -> list[Chart]:
    charts = []
    if found.judged:
        bars = [rate_bar(each.tag, each.passed, each.judged) for each in found.judged]
        models = ", ".join(
            f"{each.tag} was judged by {each.model}" for each in found.judged if each.model and each.model != each.tag
        )
        charts.append(Chart("Pass rate of each run, with 95 % intervals", bars, note=f"{models}." if models else ""))
    for each in found.judged:
        most = max(each.overall.values())
        columns = [Bar(str(score), each.overall[score] / most, f"{each.overall[score]:,}") for score in range(10)]
        charts.append(Chart(f"{each.tag}: overall score, from 0 to 10", columns, "columns"))
        means = [Bar(name, mean / 10, f"{mean:.2f}") for name, mean in each.criteria.items()]
        charts.append(Chart(f"{each.tag}: mean score by criterion, of 10", means[:_MOST_BARS]))
        rates = {name: said for name, said in each.by_category.items() if said[0] >= _LEAST_JUDGED}
        if len(rates) > 1:
            ordered = sorted(rates.items(), key=lambda rate: (rate[1][1] / rate[1][0], rate[0]))
            note = f"The lowest {_MOST_BARS} of {len(ordered):,}." if len(ordered) > _MOST_BARS else ""
            bars = [rate_bar(name, passed, judged) for name, (judged, passed) in ordered[:_MOST_BARS]]
            charts.append(Chart(f"{each.tag}: pass rate by category", bars, note=note))
    return charts


def rate_bar(label: str, passed: int, judged: int) -> Bar:
    low, high = wilson(passed, judged)
    rate = passed / judged if judged else 0.0
    return Bar(label, rate, f"{_percent(rate)} of {judged:,}", low, high)


def _agreement(found: Overview) -> list[Chart]:
    if found.agreement is None:
        return []
    twos = found.agreement.get("pairs") or [found.agreement]
    agreed, kappas = [], []
    for two in twos[:_MOST_BARS]:
        name = " and ".join(two["tags"])
        low, high = two["intervals"]["pass_agreement"]
        agreed.append(Bar(name, two["pass_agreement"], f"{_percent(two['pass_agreement'])} of {two['n_common']:,}", low, high))
        low, high = (max(0.0, each) for each in two["intervals"]["cohens_kappa"])
        kappa = two["cohens_kappa"]
        kappas.append(Bar(name, max(0.0, kappa), f"{kappa:.2f} {two['kappa_label']}", low, high, "bad" if kappa < 0 else ""))
    several = found.agreement.get("fleiss_kappa")
    note = f"Fleiss' kappa of all: {several:.3f} ({found.agreement['kappa_label']})." if several is not None else ""
    return [
        Chart("Same verdict, with 95 % intervals", agreed),
        Chart("Cohen's kappa: 0 is chance, 1 is perfect agreement", kappas, note=note),
    ]


def _labels(found: Overview) -> list[Chart]:
    if not found.labels:
        return []
    labelled = found.labels.total()
    note = f"{quantity(labelled, 'pair')} of {found.pairs:,} labelled."
    return [counted("Status", found.labels, note), counted("Who labelled", found.labelers)]


def _cycles(found: Overview) -> list[Chart]:
    if not found.cycles:
        return []
    shown = found.cycles[-20:]
    rates = [_rate_column(f"{cycle.number}", cycle.passed, cycle.total) for cycle in shown]
    most = max(cycle.passed for cycle in shown) or 1
    passed = [Bar(f"{cycle.number}", cycle.passed / most, f"{cycle.passed:,}") for cycle in shown]
    charts = [Chart("Pass rate, cycle by cycle", rates, "columns"), Chart("Pairs that passed", passed, "columns")]
    if any(cycle.quality for cycle in shown):
        quality = [Bar(f"{cycle.number}", min(1.0, cycle.quality / 10), f"{cycle.quality:.1f}") for cycle in shown]
        charts.append(Chart("Mean score, of 10", quality, "columns"))
    return charts


def _rate_column(label: str, passed: int, total: int) -> Bar:
    bar = rate_bar(label, passed, total)
    return Bar(label, bar.share, f"{100 * bar.share:.0f} %", bar.low, bar.high)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _short(number: int) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else str(number)
