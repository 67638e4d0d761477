"""WorkBench's tools over an office, with the names, arguments and answers of the source, as tools of the agent."""

from collections.abc import Callable

from dspy_programs.agent.tools.tool import AgentTool, tool
from tests.agent_workbench.tables import Office
from tests.agent_workbench.tools.analytics import analytics
from tests.agent_workbench.tools.calendar import calendar
from tests.agent_workbench.tools.customers import customers
from tests.agent_workbench.tools.emails import emails
from tests.agent_workbench.tools.tasks import tasks


def tools(office: Office) -> list[AgentTool]:
    """Return all tools; each changes this office and no other."""
    return [
        *analytics(office),
        *calendar(office),
        *customers(office),
        *emails(office),
        *tasks(office),
        tool(_find_email_address(office), name="company_directory.find_email_address", effect="reads"),
    ]


def _find_email_address(office: Office) -> Callable[..., list[str]]:
    def find_email_address(name: str) -> list[str]:
        """Finds the email address of an employee by a part of the name."""
        return [address for address in office.people if name.lower() in address]

    return find_email_address
