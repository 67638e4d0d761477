"""Tells several samples of the same request apart.

Asking a judge twice must not read one answer twice, nor must BestOfN. DSPy distinguishes its samples by a `rollout_id`
(BestOfN, Refine, `config={"rollout_id": 2, "temperature": 1.0}`) and asks for `n` of them by equal requests; none of that is in
a request. So stores of answers have the sample in their key, and an embedded model uses it as its random seed.

Guarantees a sample has the same name in every process: stored answers are found again.
"""

import contextlib
import contextvars
import itertools
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

Sample: TypeAlias = int | str
"""Names a sample; 0 for the only answer if nobody asks for more."""

_number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=0)
_samples: contextvars.ContextVar[Iterator[Sample] | None] = contextvars.ContextVar("samples", default=None)


@contextlib.contextmanager
def sample(number: int) -> Iterator[None]:
    """Ask for the `number`-th answer to the same request."""
    with setting(_number, number):
        yield


@contextlib.contextmanager
def call_of(rollout: object) -> Iterator[None]:
    """Begin a call of a model: its first request asks for the first sample of this rollout, and so on."""
    with setting(_samples, sample_names(_number.get(), rollout)):
        yield


@contextlib.contextmanager
def drawn() -> Iterator[Sample]:
    """Yield the sample that a request asks for; inner engines are asked for the same one."""
    one = next(_samples.get() or sample_names(_number.get(), None))
    with asked_as(one):
        yield one


def asked_as(one: Sample) -> AbstractContextManager[None]:
    """Ask for this sample in the block, whatever else was asked for: it was drawn in another process."""
    return setting(_samples, itertools.repeat(one))


def sample_names(number: int, rollout: object) -> Iterator[Sample]:
    for nth in itertools.count():
        yield number if rollout is None and nth == 0 else f"{number}/{rollout}/{nth}"


def seed_of(one: Sample) -> int:
    """Return a seed to draw a sample by: 0 for the one answer, and the same in every process."""
    return zlib.crc32(str(one).encode()) & 0x7FFF_FFFF if one else 0


@contextlib.contextmanager
def setting(variable: contextvars.ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
