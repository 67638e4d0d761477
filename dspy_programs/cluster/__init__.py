"""Work on the workers of a Ray cluster: one on this machine, made for a command, or one that is there."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.cluster.asking import spread as spread
    from dspy_programs.cluster.options import (
        AddressOption as AddressOption,
        Cluster as Cluster,
        EngineOption as EngineOption,
        WorkersOption as WorkersOption,
        cluster_named as cluster_named,
    )
    from dspy_programs.cluster.ray_cluster import joined as joined, lost as lost

_HOMES = {
    "spread": "asking",
    "AddressOption": "options",
    "Cluster": "options",
    "EngineOption": "options",
    "WorkersOption": "options",
    "cluster_named": "options",
    "joined": "ray_cluster",
    "lost": "ray_cluster",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
