"""A tool with the arguments that have a source: what the rules choose, and what is kept of a model's choice. Without DSPy."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.programs.actor import MissingArgument, check
from dspy_programs.programs.orchestrator.asked import Asked
from dspy_programs.programs.orchestrator.known_values import Place, known_values
from dspy_programs.programs.orchestrator.repository_tools import WHEN
from dspy_programs.programs.orchestrator.routing import route_of
from dspy_programs.types import Function

_LONGEST = 4_000  # characters of a query that the rules read


class Chosen(NamedTuple):
    """A tool, "" for none; what it is called with; why; what it needs and nobody said; what was changed or left out."""

    tool: str
    arguments: dict[str, JsonValue]
    why: str
    missing: Sequence[MissingArgument] = ()
    repairs: Sequence[str] = ()


def chosen_by_rules(place: Place, tools: Sequence[Function]) -> Chosen:
    """Choose by the words of the query."""
    by_name = {tool.name: tool for tool in tools}
    route = route_of(Asked(place.query[:_LONGEST], place), by_name)
    return checked(by_name[route.tool], route.arguments, place) if route.tool else Chosen("", {}, WHEN[""])


def checked(tool: Function, arguments: Mapping[str, JsonValue], place: Place, why: str = "") -> Chosen:
    """Keep the arguments that match the tool's schema and have a source. Problems with the schema are missing arguments."""
    repaired = check(tool, dict(arguments))
    properties = tool.parameters.get("properties")
    names = set(properties) if isinstance(properties, dict) else set()
    known = known_values(tool, {name: value for name, value in repaired.arguments.items() if name in names}, place)
    why = why or WHEN.get(tool.name, "")
    return Chosen(tool.name, known.arguments, why, known.missing, [*repaired.repairs, *known.repairs])
