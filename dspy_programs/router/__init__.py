"""Choose, for each request, which of your models answers: by measured quality, price and latency.

from dspy_programs.router import Router, read_catalogue

answer = Router(read_catalogue()).chat({"messages": [{"role": "user", "content": "Hi"}]})
print(answer.model)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.router.catalogue import Catalogue, Model, Priority
    from dspy_programs.router.catalogue_file import catalogue_of, read_catalogue
    from dspy_programs.router.deciding import Decision
    from dspy_programs.router.engine import connect_router
    from dspy_programs.router.errors import AllBusy, NoModelFits, NoneAnswered
    from dspy_programs.router.figures import prometheus
    from dspy_programs.router.needs import Needs, needs_of
    from dspy_programs.router.router import Answer, Router, Stream
    from dspy_programs.router.upstreams.upstream import UpstreamError, used_in

_HOMES = {
    "AllBusy": "errors",
    "Answer": "router",
    "Catalogue": "catalogue",
    "Decision": "deciding",
    "Model": "catalogue",
    "Needs": "needs",
    "NoModelFits": "errors",
    "NoneAnswered": "errors",
    "Priority": "catalogue",
    "Router": "router",
    "Stream": "router",
    "UpstreamError": "upstreams.upstream",
    "catalogue_of": "catalogue_file",
    "connect_router": "engine",
    "needs_of": "needs",
    "prometheus": "figures",
    "read_catalogue": "catalogue_file",
    "used_in": "upstreams.upstream",
}
__all__ = [
    "AllBusy",
    "Answer",
    "Catalogue",
    "Decision",
    "Model",
    "Needs",
    "NoModelFits",
    "NoneAnswered",
    "Priority",
    "Router",
    "Stream",
    "UpstreamError",
    "catalogue_of",
    "connect_router",
    "needs_of",
    "prometheus",
    "read_catalogue",
    "used_in",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
