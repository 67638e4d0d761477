"""Why the router gives no answer.

* LanguageModelError
  + NoModelFits   a limit that no model of the catalogue can meet; nothing was asked
  + AllBusy       every model that fits is failing, or at its limit of requests a minute
  + NoneAnswered  the models that were asked have failed
* BudgetSpent     the catalogue's money for today
"""

from collections.abc import Sequence
from typing import NamedTuple

from dspy_programs.errors import LanguageModelError


class NoModelFits(LanguageModelError):
    pass


class AllBusy(LanguageModelError):
    def __init__(self, line: str, seconds: float) -> None:
        """seconds: after which another try is worthwhile."""
        super().__init__(line)
        self.seconds = seconds


class Attempt(NamedTuple):
    """One request to one model. problem: "" if it was answered."""

    model: str
    ms: float
    problem: str = ""


class NoneAnswered(LanguageModelError):
    def __init__(self, attempts: Sequence[Attempt], status: int | None = None) -> None:
        """status: of HTTP, where all models refused the request itself."""
        models: dict[str, list[str]] = {}  # by what was wrong with them, which is often the same: no key, no network
        for one in attempts:
            models.setdefault(one.problem, []).append(one.model)
        said = "; ".join(f"{', '.join(dict.fromkeys(names))}: {problem}" for problem, names in models.items())
        super().__init__(f"no model answered ({said})")
        self.attempts, self.status = list(attempts), status
