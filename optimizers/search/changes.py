"""The changes that a search can make to a candidate, each with its prior.

instructions      rewritten by DSPy's proposer, or by short rules from single failures (proposers.py)
near failures     swap one demonstration for a row similar to one that failed
own successes     the program's own good replies on train rows, if no label says what each predictor should write
other cover       other rows, spread over the kinds
crossing          take some of the texts from another candidate
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import dspy
from dspy.utils.exceptions import AdapterParseError, ContextWindowExceededError
from pydantic import ValidationError

from dspy_programs.lm import is_embedded
from dspy_programs.predict import ALL_SHOWN
from optimizers.calls import Meter
from optimizers.scoring import RowRun
from optimizers.search.adapter import Record, propose
from optimizers.search.bandit import Arm
from optimizers.search.candidate import SHOWN, Job, Texts, showing
from optimizers.search.demonstrations import SPREAD, choose, demonstrations_key
from optimizers.search.proposers import Choice, CountedProposer, Kind, NoNewRule, kinds_for, proposer_of

_UNREADABLE = (AdapterParseError, ContextWindowExceededError, ValidationError, ValueError)
_PRICE = 2.0  # rows that a call of the reflection model counts as
PATIENCE = 2  # consecutive unreadable proposals after which an arm that was not asked for is closed

_Seen = Callable[[Sequence[RowRun], str], list[Record]]
"""(runs, predictor) -> what a proposer sees of them."""


class Change(Protocol):
    arm: Arm
    crosses: ClassVar[bool] = False  # it needs a partner
    shows: ClassVar[bool] = False  # it changes only what is shown
    reads: ClassVar[bool] = False  # it needs a batch; otherwise it is called without one, which costs nothing

    @property
    def ready(self) -> bool:
        """Whether there is anything to propose from yet."""
        return True

    def propose(
        self, texts: Texts, batch: Sequence[RowRun], partner: Texts | None, draw: random.Random
    ) -> dict[str, str] | None:
        """Return the texts of a new candidate, or None if there is nothing to propose.

        batch: the candidate's runs on a few train rows, not all perfect, or empty; partner: another candidate.
        """
        ...


@dataclass
class Rewrite(Change):
    """Let a proposer rewrite the instruction of one predictor."""

    arm: Arm
    job: Job
    proposer: CountedProposer
    reflection_lm: dspy.LM
    seen: _Seen
    reads: ClassVar[bool] = True

    def propose(
        self, texts: Texts, batch: Sequence[RowRun], partner: Texts | None, draw: random.Random
    ) -> dict[str, str] | None:
        predictor = draw.choice(self.job.predictors)
        if not (seen := self.seen(batch, predictor)):
            return None
        try:
            return propose(self.proposer, self.reflection_lm, texts, {predictor: seen}, predictor)
        except NoNewRule:
            return None
        except Exception as error:
            self.proposer.meter.raise_if_stopped()  # DSPy wraps the error that stopped the run: a limit, a signal, a dead model
            if not isinstance(error, _UNREADABLE):
                raise
            if not self.proposer.essential and self.proposer.failed >= PATIENCE:
                self.arm.closed = "its replies could not be read"
            return None


@dataclass
class NearFailures(Change):
    """Show a row similar to one that failed, in place of another. A pool finds similar rows by itself."""

    arm: Arm
    job: Job
    shows: ClassVar[bool] = True
    reads: ClassVar[bool] = True

    def propose(
        self, texts: Texts, batch: Sequence[RowRun], partner: Texts | None, draw: random.Random
    ) -> dict[str, str] | None:
        store = self.job.store
        shown = list(store.ids(texts[self.job.predictors[0] + SHOWN]) or store.ids(demonstrations_key(SPREAD)))
        failed = [run.row for run in batch if run.score.value < 1]
        if len(shown) > ALL_SHOWN or not failed:
            return None
        new = store.nearest_to(draw.choice(failed), but=shown)
        if new is None:
            return None
        if len(shown) >= store.count:
            shown.remove(draw.choice(shown))
        return showing(texts, [*shown, new])


@dataclass
class OtherCover(Change):
    """Show one of the store's sets, or other rows, newly drawn from all kinds."""

    arm: Arm
    job: Job
    shows: ClassVar[bool] = True

    def propose(
        self, texts: Texts, batch: Sequence[RowRun], partner: Texts | None, draw: random.Random
    ) -> dict[str, str] | None:
        store = self.job.store
        rows = choose(store.rows, store.demonstrate, self.job.kind, store.count, str(draw.random()))
        return showing(texts, draw.choice([*store.sets, [row.id for row in rows]]))


@dataclass
class OwnSuccesses(Change):
    """Show a few rows with the program's own replies (DSPy's BootstrapFewShot, inside the search)."""

    arm: Arm
    job: Job
    shows: ClassVar[bool] = True

    @property
    def ready(self) -> bool:
        return bool(self.job.store.done)

    def propose(
        self, texts: Texts, batch: Sequence[RowRun], partner: Texts | None, draw: random.Random
    ) -> dict[str, str] | None:
        done = list(self.job.store.done)
        return showing(texts, draw.sample(done, min(self.job.store.count, len(done))))


@dataclass
class Crossing(Change):
    """Take each text from either of two candidates: one's instruction may suit the other's demonstrations."""

    arm: Arm
    crosses: ClassVar[bool] = True

    def propose(
        self, texts: Texts, batch: Sequence[RowRun], partner: Texts | None, draw: random.Random
    ) -> dict[str, str] | None:
        return None if partner is None else {name: draw.choice([text, partner[name]]) for name, text in texts.items()}


def changes_for(job: Job, reflection_lm: dspy.LM, choice: Choice, meter: Meter, seen: _Seen) -> list[Change]:
    """Return the changes to try. Priors depend on the model: small ones gain from demonstrations."""
    small = is_embedded(reflection_lm)
    changes: list[Change] = []
    for place, kind in enumerate(kinds_for(reflection_lm, choice)):
        essential = place == 0 and not small  # a small model may be unable to propose, but still gain from demonstrations
        proposer = proposer_of(kind, reflection_lm, meter, essential)
        changes.append(Rewrite(rewriting(kind, small, place == 0), job, proposer, reflection_lm, seen))
    if job.store.rows and job.store.count:
        likely = (2.0, 2.0) if small else (1.0, 6.0)
        changes += [NearFailures(Arm("near failures", *likely), job), OtherCover(Arm("other cover", 1.0, 6.0), job)]
    if job.store.learns and job.store.count:
        usual = small or not job.store.rows  # if nothing else can be shown
        changes.append(OwnSuccesses(Arm("own successes", *((2.0, 2.0) if usual else (1.0, 6.0))), job))
    return [*changes, Crossing(Arm("crossing", 1.0, 4.0))]


def rewriting(kind: Kind, small: bool, first: bool) -> Arm:
    likely = (1.0, 3.0) if small else (2.0, 2.0)
    return Arm(kind, *(likely if first else (1.0, 8.0)), price=_PRICE)
