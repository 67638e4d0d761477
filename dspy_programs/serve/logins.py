"""Wrong keys: each is logged with its address, and answered later and later; refused ones are logged by their number.

Guarantees a right key is never delayed, whoever else sends wrong ones from the same address; memory and waiting requests are
           bounded, whatever strangers send; no key is logged.
"""

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import LOG, Busy

_FIRST_WAIT = 0.1  # seconds; each further wrong key doubles it
_FORGOTTEN = 600.0  # seconds after the last wrong key
_ADDRESSES = 4096  # that are remembered
_WAITING = 64  # requests at once, of all addresses
_WAITING_OF_ONE = 16
_SECONDS = 1.0  # between lines about wrong keys of one address that were refused at once


@dataclass
class _Failures:
    number: int
    last: float


class WrongKeys:
    """Who sent wrong keys lately."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.longest, self.now = limits.seconds_for_wrong_key, now
        self.by_address: OrderedDict[str, _Failures] = OrderedDict()
        self._waiting: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()  # that the log does not know of yet

    async def wait(self, address: str) -> None:
        """Count a wrong key, and wait before it is answered. Raises Busy where too many already wait."""
        network = _network(address)
        wait, number = self._count(network)
        if self._waiting[network] >= _WAITING_OF_ONE or self._waiting.total() >= _WAITING:
            self._refuse(network)
            raise Busy("too many wrong keys; wait before you try another")
        LOG.warning("a wrong key from %s, number %d", address or "nowhere", number)
        self._waiting[network] += 1
        try:
            await asyncio.sleep(wait)
        finally:
            self._waiting[network] -= 1
            self._waiting += Counter()  # drops the zeros

    def _refuse(self, network: str) -> None:
        """Count a wrong key for the log: a line for each would fill the disk."""
        if not self._refused[network]:
            asyncio.get_running_loop().call_later(_SECONDS, self._tell, network)
        self._refused[network] += 1

    def _tell(self, network: str) -> None:
        number = self._refused.pop(network)
        LOG.warning("%d more wrong keys from %s, refused at once", number, network or "nowhere")

    def _count(self, network: str) -> tuple[float, int]:
        """Return how long to wait, in seconds, and how many wrong keys there were."""
        failures = self.by_address.pop(network, None)
        if failures is None or self.now() - failures.last > _FORGOTTEN:
            failures = _Failures(0, 0.0)
        failures.number, failures.last = failures.number + 1, self.now()
        self.by_address[network] = failures
        while len(self.by_address) > _ADDRESSES:
            self.by_address.popitem(last=False)
        return min(self.longest, _FIRST_WAIT * 2.0 ** min(failures.number - 1, 30)), failures.number


def _network(address: str) -> str:
    """Return what one person has: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
