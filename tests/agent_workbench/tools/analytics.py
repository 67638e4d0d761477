"""Visits of the web site, counted by day, and plots of them."""

from collections.abc import Callable
from typing import Any, Literal

from dspy_programs.agent.tools.tool import AgentTool, ToolError
from tests.agent_workbench.tables import Office, Record
from tests.agent_workbench.tools.arguments import Day, Source, named


def analytics(office: Office) -> list[AgentTool]:
    def by_day(day_min: str, day_max: str, value: Callable[[list[Record]], float], wanted: Callable[[Record], bool]) -> Any:
        days: dict[str, list[Record]] = {}
        for visit in office.tables["visits"]:
            day = visit["date_of_visit"]
            if day_min <= day <= (day_max or "9999"):
                days.setdefault(day, []).extend([visit] if wanted(visit) else [])
        return {day: value(visits) for day, visits in sorted(days.items())}

    def get_visitor_information_by_id(visitor_id: str) -> list[Record]:
        """Returns the analytics data for a given visitor ID."""
        if found := office.found("visits", lambda visit: visit["visitor_id"] == visitor_id):
            return found
        raise ToolError("Visitor not found.")

    def create_plot(
        time_min: Day,
        time_max: Day,
        value_to_plot: Literal[
            "total_visits",
            "session_duration_seconds",
            "user_engaged",
            "visits_direct",
            "visits_referral",
            "visits_search_engine",
            "visits_social_media",
        ],
        plot_type: Literal["bar", "line", "scatter", "histogram"],
    ) -> str:
        """Plots the analytics data for a given time range and value."""
        office.plots.append(f"plots/{time_min}_{time_max}_{value_to_plot}_{plot_type}.png")
        return office.plots[-1]

    def total_visits_count(time_min: Day = "", time_max: Day = "") -> dict[str, int]:
        """Returns the total number of visits on each day within a time range."""
        return by_day(time_min, time_max, len, lambda visit: True)

    def engaged_users_count(time_min: Day = "", time_max: Day = "") -> dict[str, int]:
        """Returns the number of engaged users on each day within a time range."""
        return by_day(time_min, time_max, len, lambda visit: visit["user_engaged"] == "True")

    def traffic_source_count(time_min: Day = "", time_max: Day = "", traffic_source: Source | None = None) -> dict[str, int]:
        """Returns the number of visits from a traffic source on each day within a time range."""
        return by_day(time_min, time_max, len, lambda visit: traffic_source in (None, visit["traffic_source"]))

    def get_average_session_duration(time_min: Day = "", time_max: Day = "") -> dict[str, float]:
        """Returns the average session duration in seconds on each day within a time range."""
        return by_day(
            time_min,
            time_max,
            lambda visits: sum(float(v["session_duration_seconds"]) for v in visits) / len(visits),
            lambda v: True,
        )

    return named(
        "analytics",
        [
            get_visitor_information_by_id,
            create_plot,
            total_visits_count,
            engaged_users_count,
            traffic_source_count,
            get_average_session_duration,
        ],
    )
