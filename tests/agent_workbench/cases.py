"""Requests of WorkBench: what is asked of the office, and the state that the gold calls leave.

Input      raw: the folder that holds actor/workbench/.
Output     sample(raw) -> 24 requests, the same every time: each domain's share, no two of one template. others(raw) -> 16 of
           other templates, to learn from.
Guarantees a gold answer is read as a syntax tree of literals, never run.
"""

import ast
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from optimizers.sources.reading import read_csv
from tests.agent_workbench.tables import NOW, Office
from tests.agent_workbench.tools import tools

SAMPLE, _ALL = 24, 40  # two domains have 8 templates each, and the domains take turns
_SEED = 20261129
_DOMAINS = ("analytics", "calendar", "customer_relationship_manager", "email", "project_management")
_PREAMBLE = (
    "Today's date is Thursday, {day} and the current time is {time}. Meetings must not start before 9am or end after 6pm."
)


class Request:
    """One request, in an office of its own. expects: some need no change, and doing nothing solves them."""

    answer = ""

    def __init__(self, raw: Path, id_: str, kind: str, query: str, gold: Sequence[str], template: str) -> None:
        self.id, self.kind, self.raw, self.gold, self.template = id_, kind, raw, gold, template
        self.expects = "change" if gold else "no change"
        self.goal = f"{preamble()} {query}"
        self.office = Office(raw)

    def lay_out(self, root: Path) -> None:
        self.office = Office(self.raw)

    def faults(self, root: Path, claimed: bool, questions: Sequence[str], said: str = "") -> list[str]:
        """Compare the end state with that of the gold calls, as the source does."""
        right, found = self.right_state(), self.office.state()
        missing = [f"missing: {record}" for record in sorted((right - found).elements())]
        return missing + [f"wrong: {record}" for record in sorted((found - right).elements())]

    def right_state(self) -> Counter[str]:
        office = Office(self.raw)
        by_name = {tool.name: tool for tool in tools(office)}
        for text in self.gold:
            call = ast.parse(text, mode="eval").body
            assert isinstance(call, ast.Call)
            arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
            by_name[ast.unparse(call.func).removesuffix(".func")].call(None, arguments)
        return office.state()

    def changed(self, root: Path) -> dict[str, str]:
        now, before = self.office.state(), Office(self.raw).state()
        return {"new": "\n".join((now - before).elements()), "gone": "\n".join((before - now).elements())}


def preamble() -> str:
    """Return what the source tells in its system prompt."""
    day, _, time = NOW.partition(" ")
    return _PREAMBLE.format(day=day, time=time)


def others(raw: Path) -> list[Request]:
    """Return the requests that are drawn after the sample."""
    return sample(raw, _ALL)[SAMPLE:]


def sample(raw: Path, count: int = SAMPLE) -> list[Request]:
    """Draw templates from each domain in turn, and one request of each."""
    rng = random.Random(_SEED)
    by_domain = {domain: _by_template(raw, domain) for domain in _DOMAINS}
    for templates in by_domain.values():
        rng.shuffle(templates)
    drawn = []
    for turn in range(count):
        domain = _DOMAINS[turn % len(_DOMAINS)]
        number, row = rng.choice(by_domain[domain].pop())
        told = (row["query"], ast.literal_eval(row["answer"]), row["base_template"])
        drawn.append(Request(raw, f"{domain}_{number}", domain, *told))
    return drawn


def _by_template(raw: Path, domain: str) -> list[list[tuple[int, dict[str, str]]]]:
    """Return the requests of a domain, with their place in the file, those of one template together."""
    templates: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for place in enumerate(read_csv(raw / f"actor/workbench/processed/queries_and_answers/{domain}_queries_and_answers.csv")):
        templates.setdefault(place[1]["base_template"], []).append(place)
    return list(templates.values())
