"""Checks for CI: rates that must not be exceeded, and a baseline that must not get worse.

Input      "MODE=RATE" as typed, ANY for all failure modes together, RATE in [0, 1]; the JSON of an earlier batch.
Output     Check: a sentence with rate, interval and limit, and whether it passes.
Raises     UsageError for an invalid limit, and for a baseline that is empty, of another format or unreadable.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from dspy_programs.errors import UsageError, first_fault
from dspy_programs.failures.batch import FORMAT, MODES, Batch, Check, Share
from dspy_programs.failures.intervals import newcombe

ANY = "ANY"
_GUARDED = (ANY, *(mode for mode in MODES if mode != "none"))


class _Bound(NamedTuple):
    mode: str
    rate: float


def bounds_of(texts: Sequence[str]) -> list[_Bound]:
    """Parse the limits as typed."""
    return [_bound_of(text) for text in texts]


def _bound_of(text: str) -> _Bound:
    mode, equals, rate = text.partition("=")
    mode = mode.strip().upper()
    if not equals or mode not in _GUARDED:
        raise UsageError(f"--fail-on {text}: write MODE=RATE, where MODE is one of {', '.join(_GUARDED)}")
    try:
        value = float(rate)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"--fail-on {text}: the rate {rate!r} is not a number from 0 to 1; write for example {mode}=0.05")
    return _Bound(mode, value)


def read_baseline(path: Path) -> Batch:
    """Read the output of an earlier `batch --json`."""
    try:
        batch = Batch.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        mend = f"a baseline is the output of `batch --json` (format {FORMAT}); create it again"
        raise UsageError(f"{path}: {first_fault(error, 'the file')}; {mend}") from error
    if fault_in := _unusable(batch):
        raise UsageError(f"{path}: {fault_in}, so it cannot be a baseline; create it again with `batch --json`")
    return batch


def _unusable(batch: Batch) -> str | None:
    """Say why a valid batch cannot be a baseline; None if it can."""
    if batch.traces == 0:
        return "it covers no traces"
    if sorted(share.mode for share in batch.modes) != sorted(MODES):
        return "it does not list every mode exactly once"
    if any(share.count > batch.traces for share in (batch.failing, *batch.modes)):
        return "it counts more traces in a mode than there are"
    return None


def checks_of(batch: Batch, bounds: Sequence[_Bound], baseline: Batch | None) -> list[Check]:
    """Check a batch against its limits, then each mode against the baseline."""
    checks = [_against_bound(bound, batch.share(bound.mode)) for bound in bounds]
    if baseline is not None:
        checks += [_against_baseline(mode, batch, baseline) for mode in _GUARDED]
    return checks


def _against_bound(bound: _Bound, now: Share) -> Check:
    holds = now.rate <= bound.rate
    words = "within" if holds else "above"
    return Check(holds=holds, text=f"{bound.mode}: {_in_words(now)}, {words} the limit of {bound.rate:.1%}")


def _against_baseline(mode: str, batch: Batch, baseline: Batch) -> Check:
    """A mode has risen if the whole 95 % interval of the difference lies above 0."""
    now, before = batch.share(mode), baseline.share(mode)
    low, high = newcombe(now.count, batch.traces, before.count, baseline.traces)
    holds = low <= 0
    words = "no more than noise explains" if holds else "risen beyond noise"
    difference = f"difference {now.rate - before.rate:+.1%} [{low:+.1%}, {high:+.1%}]"
    return Check(
        holds=holds, text=f"{mode}: {_in_words(now)}, was {before.rate:.1%} of {baseline.traces:,}, {difference}: {words}"
    )


def _in_words(share: Share) -> str:
    return f"{share.rate:.1%} [{share.low:.1%}, {share.high:.1%}]"
