"""What the tools of WorkBench have in common: types of arguments, choices, and how a record is looked at."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from dspy_programs.agent.tools.tool import AgentTool, ToolError, tool
from tests.agent_workbench.tables import Record

Day = Annotated[str, Field(description="YYYY-MM-DD")]
Moment = Annotated[str, Field(description="YYYY-MM-DD HH:MM:SS")]
Email = Annotated[str, Field(description="full email address")]
Id = Annotated[str, Field(description="8-digit ID")]
List = Literal["Backlog", "In Progress", "In Review", "Completed"]
Board = Literal["Back end", "Front end", "Design"]
Status = Literal["Qualified", "Won", "Lost", "Lead", "Proposal"]
Product = Literal["Software", "Hardware", "Services", "Consulting", "Training"]
Source = Literal["direct", "referral", "search engine", "social media"]
MOST = 5  # records in an answer


def one_of(choices: Any) -> str:
    return f"one of: {', '.join(choices.__args__)}"


def named(domain: str, functions: Sequence[Callable[..., Any]]) -> list[AgentTool]:
    reads = ("get_", "search_", "find_")
    return [
        tool(
            function,
            name=f"{domain}.{function.__name__}",
            effect="reads" if function.__name__.startswith(reads) or function.__name__.endswith("_count") else "writes",
        )
        for function in functions
    ]


CHOICES = {"list_name": List, "board": Board, "status": Status, "product_interest": Product}


def allowed(field: str, value: str) -> str:
    choices = getattr(CHOICES.get(field), "__args__", ())
    if choices and value not in choices:
        raise ToolError(f"{field} not valid. Please choose from: {', '.join(map(repr, choices))}.")
    return value


def has(record: Record, parts: dict[str, str]) -> bool:
    return all(part.lower() in record[name].lower() for name, part in parts.items())


def field_of(record: Record, field: str) -> Record:
    if field not in record:
        raise ToolError(f"Field not found. Please choose from: {', '.join(record)}")
    return {field: record[field]}
