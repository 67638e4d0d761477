"""Has a failure mode become more frequent than in an earlier batch? Exact tests, in which a rise by chance rarely closes.

Input      the JSON of an earlier `batch --json`, and the batch of now.
Output     a Check for ANY and for each mode that occurs: a mode has risen if its p-value, one-sided and corrected for all
           modes together (Holm), is at most LEVEL. Traces that pair by id, or by goal, are compared pair by pair (McNemar);
           else the rates are (Fisher).
Guarantees if nothing changed, the chance that any mode closes the gate is at most LEVEL.
Raises     UsageError for a baseline that is empty, too small, unreadable, of another format, or not comparable.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from dspy_programs.errors import UsageError, first_fault
from dspy_programs.failures.batch import FORMAT, MODES, Batch, Check, Outcome, Share
from dspy_programs.failures.rules_version import rules_version
from dspy_programs.failures.significance import fisher, holm, mcnemar
from dspy_programs.failures.verdicts import Pairs, entry_of, known_of, mode_in, pairs_of, size_of
from dspy_programs.types import FailureMode

ANY = "ANY"
GUARDED = (ANY, *(mode for mode in MODES if mode != "none"))
LEVEL = 0.05  # the chance that a gate closes although nothing changed
FEWEST = 5  # traces; of fewer pairs even the worst is as likely as 1 in 16
_LARGEST = 512_000_000  # bytes of a baseline: 16 million traces
_NAMED = 6  # traces named in a sentence
_LONGEST_NAME = 60  # characters
_MOST_NAMES = 1000  # traces kept by name for each mode


def read_baseline(path: Path) -> Batch:
    """Read the output of an earlier `batch --json`."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise UsageError(f"{path}: larger than {_LARGEST:,} bytes, so it cannot be a baseline")
        batch = Batch.model_validate_json(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        mend = f"a baseline is the output of `batch --json` (format {FORMAT}); create it again"
        raise UsageError(f"{path}: {first_fault(error, 'the file')}; {mend}") from error
    if fault := _fault_in(batch):
        raise UsageError(f"{path}: {fault}, so it cannot be a baseline; create it again with `batch --json`")
    if batch.traces < FEWEST:
        raise UsageError(f"{path}: covers {batch.traces} traces, and no rise over so few is certain; use at least {FEWEST}")
    return batch


def _fault_in(batch: Batch) -> str | None:
    """Say why a valid batch cannot be a baseline; None if it can."""
    if batch.traces == 0:
        return "it covers no traces"
    if sorted(share.mode for share in batch.modes) != sorted(MODES):
        return "it does not list every mode exactly once"
    if any(share.count > batch.traces for share in (batch.failing, *batch.modes)):
        return "it counts more traces in a mode than there are"
    try:
        sizes = {mode: size_of({mode: text}) for mode, text in batch.verdicts.items()}
    except ValueError as error:
        return f"its verdicts are damaged ({error})"
    counts = {share.mode: share.count for share in batch.modes}
    if any(sizes.get(mode, 0) != count + (batch.possible if mode == "none" else 0) for mode, count in counts.items()):
        return "its verdicts and its counts disagree"
    if sum(sizes.values()) != batch.traces or batch.failing.count != batch.traces - sizes.get("none", 0):
        return f"it says {batch.traces:,} traces and has {sum(sizes.values()):,} verdicts, or its failing are not theirs"
    return None


def compared(before: Batch, model: str | None, min_probability: float, force: bool) -> "Comparison":
    """Return the comparison with a baseline. Raises UsageError for one that is not comparable, unless forced."""
    differs = differences(before, model, min_probability)
    if differs and not force:
        raise UsageError(
            f"--baseline: {'; '.join(differs)}: a difference would say nothing about the agent; create the baseline again, "
            "or compare all the same with --force"
        )
    return Comparison(before, differs)


def differences(before: Batch, model: str | None, min_probability: float) -> list[str]:
    """Say what makes a baseline and a batch of today incomparable: whatever gives other verdicts on the same traces."""
    found = []
    if before.rules != (now := rules_version()):
        found.append(f"it is of rules {before.rules}, and these are {now}")
    if before.model != model:
        found.append(f"it was judged {_by(before.model)}, and now {_by(model)}")
    if before.min_probability != min_probability:
        found.append(f"its --min-probability is {before.min_probability:g}, and now {min_probability:g}")
    if before.model_stopped:
        found.append(f"its model stopped answering, and {before.model_failures:,} of its verdicts are the rules'")
    return found


def _by(model: str | None) -> str:
    return f"with {model}" if model else "by rules alone"


class _Named(NamedTuple):
    """A trace that counts as failing now, and may not have before."""

    name: str
    entry: bytes
    mode: FailureMode


class _Rise(NamedTuple):
    """What is tested of one mode. risen: whether it is more frequent at all; p: of the rise that was found; p_of: of any
    number in its place, from 0 to `most`; worse: how many traces it is about."""

    risen: bool
    p: float
    p_of: Callable[[int], float]
    most: int
    worse: int
    found: str


class Comparison:
    """Compares a batch with a baseline. It receives each outcome, so that it can name what got worse."""

    def __init__(self, before: Batch, differs: Sequence[str] = ()) -> None:
        """differs: what makes the two incomparable, if they are compared all the same."""
        self.before, self.differs = before, differs
        self.known = known_of(before.verdicts)
        self.names: dict[FailureMode, list[_Named]] = {mode: [] for mode in MODES}

    def add(self, outcome: Outcome) -> None:
        """Keep the name of a trace that may have got worse."""
        report = outcome.report
        if report is None or report.counts_as == "none":
            return
        mode, entry = report.counts_as, entry_of(report.trace_id, report.original_goal)
        was_so = any(mode_in(self.known, by, entry) == mode for by in self.known)
        if not was_so and len(self.names[mode]) < _MOST_NAMES:
            self.names[mode].append(_Named(report.trace_id or outcome.source, entry, mode))

    def check(self, batch: Batch) -> None:
        """Add the checks to a batch, and the sentence on how it was compared."""
        pairs = pairs_of(self.known, known_of(batch.verdicts), min(batch.traces, self.before.traces))
        rises = rises_of(batch, self.before, pairs)
        adjusted = holm({mode: rise.p for mode, rise in rises.items()})
        if ANY not in rises:
            same = "no pair differs" if pairs else "no failure then or now"
            batch.checks.append(Check(holds=True, text=f"{self.rates(ANY, batch)}: {same}"))
        batch.checks += [self.check_of(mode, rise, adjusted[mode], batch, pairs, len(rises)) for mode, rise in rises.items()]
        batch.comparison = self.in_words(batch, pairs, rises.keys())

    def rates(self, mode: str, batch: Batch) -> str:
        return f"{mode}: {in_words(batch.share(mode))}, was {self.before.share(mode).rate:.1%}"

    def check_of(self, mode: str, rise: _Rise, p: float, batch: Batch, pairs: Pairs | None, tests: int) -> Check:
        rates = self.rates(mode, batch)
        if not rise.risen:
            return Check(holds=True, text=f"{rates}: no rise ({rise.found})")
        if p > LEVEL:
            text = f"{rates}: may be chance ({rise.found}, {_p_in_words(p)}, {_closing(rise, tests)})"
            return Check(holds=True, text=text)
        names = self.worse(mode, pairs)
        text = f"{rates}: risen beyond chance ({rise.found}, {_p_in_words(p)}): {_listed(names, rise.worse)}"
        return Check(holds=False, text=text, regressed=names)

    def worse(self, mode: str, pairs: Pairs | None) -> list[str]:
        """Name the traces that have this mode now and, if they have a partner, had not before."""
        found = [named for each in self.names.values() for named in each if mode in (ANY, named.mode)]
        if pairs is not None:
            found = [named for named in found if self.got_worse(mode, named, pairs.by)]
        return [named.name for named in found]

    def got_worse(self, mode: str, named: _Named, by: str) -> bool:
        was = mode_in(self.known, by, named.entry)
        return was is not None and not _counts(mode, was)

    def in_words(self, batch: Batch, pairs: Pairs | None, tested: Set[str]) -> str:
        """Say how the batches were compared, and from where on a mode that is new would close the gate."""
        now, then = batch.traces, self.before.traces
        if pairs is None:
            how = f"{now:,} traces now, {then:,} then, not paired: too few have an id or a goal in common (Fisher's exact test)"
        else:
            how = f"{pairs.total:,} of {now:,} traces now and {then:,} then are paired by {pairs.by} (McNemar's exact test)"
        new = f"a mode that is new {_closing(_new_mode(batch, self.before, pairs), len(tested | {ANY}) + 1)}"
        corrected = f"p is corrected for {len(tested)} tests (Holm)" if tested else "nothing to test"
        forced = f". Compared although {'; '.join(self.differs)}" if self.differs else ""
        chance = f"if nothing changed, the gate closes in at most {LEVEL:.0%} of builds"
        return f"baseline: {how}; {corrected}; {new}; {chance}{forced}"


def rises_of(now: Batch, before: Batch, pairs: Pairs | None) -> dict[str, _Rise]:
    """Test ANY and each mode that could have changed: one that occurs; of pairs, one in which some differ."""
    made = {mode: _paired(mode, pairs) if pairs else _unpaired(mode, now, before) for mode in GUARDED}
    return {mode: rise for mode, rise in made.items() if rise is not None}


def _paired(mode: str, pairs: Pairs) -> _Rise | None:
    worse = sum(count for (was, is_), count in pairs.counts.items() if _counts(mode, is_) and not _counts(mode, was))
    better = sum(count for (was, is_), count in pairs.counts.items() if _counts(mode, was) and not _counts(mode, is_))
    if not worse + better:
        return None
    had = sum(count for (was, _), count in pairs.counts.items() if _counts(mode, was))
    found = f"{worse:,} of {pairs.total:,} pairs worse, {better:,} better"
    return _Rise(worse > better, mcnemar(worse, better), lambda n: mcnemar(n, better), pairs.total - had, worse, found)


def _counts(mode: str, verdict: FailureMode) -> bool:
    return verdict != "none" if mode == ANY else verdict == mode


def _unpaired(mode: str, now: Batch, before: Batch) -> _Rise | None:
    count, count_before = now.share(mode).count, before.share(mode).count
    if not count + count_before:
        return None

    def p_of(n: int) -> float:
        return fisher(n, now.traces, count_before, before.traces)

    risen = count * before.traces > count_before * now.traces
    found = f"{count:,} of {now.traces:,}, was {count_before:,} of {before.traces:,}"
    return _Rise(risen, p_of(count), p_of, now.traces, count, found)


def _new_mode(now: Batch, before: Batch, pairs: Pairs | None) -> _Rise:
    if pairs:
        return _Rise(False, 1.0, lambda n: mcnemar(n, 0), pairs.total, 0, "")
    return _Rise(False, 1.0, lambda n: fisher(n, now.traces, 0, before.traces), now.traces, 0, "")


def _closing(rise: _Rise, tests: int) -> str:
    """Say from how many on a mode closes the gate, whatever the others do."""
    counts = range(rise.most + 1)
    least = bisect_left(counts, True, key=lambda n: tests * rise.p_of(n) <= LEVEL)
    return f"closes from {least:,}" if least < len(counts) else "cannot close with so few traces"


def _listed(names: Sequence[str], count: int) -> str:
    shown = list(dict.fromkeys(" ".join(name.split())[:_LONGEST_NAME] for name in names))[:_NAMED]  # an id may occur often
    rest = count - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def _p_in_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.995 else "p = 1"


def in_words(share: Share) -> str:
    """Return a rate with its interval."""
    return f"{share.rate:.1%} [{share.low:.1%}, {share.high:.1%}]"
