"""The options that name a cluster, the same for every command that can use one."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from dspy_programs.errors import UsageError

Engine = Literal["here", "ray"]
EngineOption = Annotated[
    Engine,
    typer.Option(help='Where the work is done: in this process, or on workers of a Ray cluster (extra "distributed").'),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="For --engine ray: HOST:PORT of a cluster's head, or auto for the one this machine is in. "
        "Default: a cluster on this machine, made for this command."
    ),
]
WorkersOption = Annotated[int | None, typer.Option(min=1, max=1024, help="For --engine ray: how many workers. Default: 2.")]
_USUAL = 2
_CALLS = 8  # under way at once on one worker


@dataclass(frozen=True)
class Cluster:
    """How many workers, and where. address: HOST:PORT, "auto", or None for a cluster made for the command."""

    workers: int = _USUAL
    address: str | None = None

    def threads(self, is_embedded: bool) -> int:
        """Return how many calls keep the workers busy: an embedded model answers one at a time."""
        return self.workers * (1 if is_embedded else _CALLS)


def cluster_named(engine: Engine, address: str | None, workers: int | None) -> Cluster | None:
    """Return the cluster that the options name, None for work in this process. Raises UsageError."""
    if engine == "ray":
        return Cluster(workers or _USUAL, address)
    if address is not None or workers is not None:
        raise UsageError("--address and --workers are for --engine ray; add it, or leave them out")
    return None
