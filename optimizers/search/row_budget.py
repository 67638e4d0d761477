"""How many more rows a search may run, whatever its limits: rows, tokens, money or minutes.

Limits in tokens, money and minutes cover search and test together. So the test's rows are reserved at the mean cost of a row so
far: the same share of the time on a slow machine as on a fast one.
"""

from dataclasses import dataclass

from optimizers.calls import Budget, Meter
from optimizers.search.race import MIN_ROWS

WITHOUT_LIMIT = 1_000_000_000
FIRST = 4  # rows from which to estimate the cost of a row
TEST_SHARE = 0.4  # of a limit in tokens, money or minutes
_TRANSFER_SHARE = 0.1  # likewise
MIN_TEST_ROWS = 6
MIN_SEARCH_ROWS = 12  # three programs on four rows: the least that is a search
SLOW = 0.5  # minutes per row from which a patient run may exceed its minutes
LONGEST = 2.0  # times the minutes


@dataclass
class RowBudget:
    """Counts the rows of a search, `spent`, against its budget.

    test_rows: how many would be tested without a limit; programs: how many are tested; transfer_rows: from other sources,
    on which two programs are tested if the budget allows; patient: run at least MIN_SEARCH_ROWS and MIN_TEST_ROWS rows,
    however long a row takes.
    """

    budget: Budget
    meter: Meter
    test_rows: int = 0
    programs: int = 2
    transfer_rows: int = 0
    patient: bool = False
    spent: int = 0

    @property
    def rows_left(self) -> int:
        return min(rows for _, rows in self._each())

    @property
    def limit(self) -> str:
        """Return the name of the limit that leaves the fewest rows."""
        name, _ = min(self._each(), key=lambda each: each[1])
        return name

    @property
    def rows_to_test(self) -> int:
        """Return how many rows each program is tested on: all, unless a limit does not allow them."""
        rows = [TEST_SHARE * limit / cost / self.programs for _, _, limit, cost in self._costly() if cost]
        return max(min([self.test_rows, *map(int, rows)]), min(MIN_TEST_ROWS, self.test_rows) if self.patient else 0)

    @property
    def rows_elsewhere(self) -> int:
        """Return how many rows from other sources each of two programs is tested on: 0 if there is no room for a few."""
        rows = [int(_TRANSFER_SHARE * limit / cost / 2) for _, _, limit, cost in self._costly() if cost]
        return fewest if (fewest := min([self.transfer_rows, *rows])) >= MIN_ROWS else 0

    def rows_to_test_now(self, programs: int) -> int:
        """Return how many rows each of this many programs is tested on, now that the search is over: they get the rest."""
        aside = 2 * self.rows_elsewhere
        rows = [int((limit - used) / cost - aside) // programs for _, used, limit, cost in self._costly() if cost]
        return max(min([self.test_rows, *rows]), min(MIN_TEST_ROWS, self.test_rows) if self.patient else 0)

    def has_room_to_test(self, tested: int) -> bool:
        """Return whether one more row may be tested: within the limits, or one of the minimum if rows are slow."""
        patient = self.patient and tested < MIN_TEST_ROWS
        return all(
            used + cost <= limit * (LONGEST if patient and cost >= SLOW else 1.0) for _, used, limit, cost in self._costly()
        )

    def longest(self, rows: int) -> float:
        """Return the maximum seconds for this many rows, including the test's: the test ends with its minutes."""
        each, minutes = self.meter.answered / max(1, self.meter.metric_calls), self.budget.minutes
        if minutes is None:
            return each * rows
        patient = self.patient and each >= 60 * SLOW
        return min(each * rows, max(60 * minutes * (LONGEST if patient else 1.0), each * (self.spent + self.rows_left)))

    def _each(self) -> list[tuple[str, int]]:
        """List (limit in words, rows it leaves for the search)."""
        calls = self.budget.metric_calls
        found = [] if calls is None else [(f"{calls:g} metric calls", max(0, calls - self.spent))]
        set_aside = self.programs * self.rows_to_test + 2 * self.rows_elsewhere
        for name, used, limit, cost in self._costly():
            rows = int((limit - used) / cost) - set_aside if cost else FIRST if limit > used else 0
            found.append((f"{limit:g} {name}", max(0, rows, MIN_SEARCH_ROWS - self.spent if self.patient else 0)))
        return found or [("without a limit", WITHOUT_LIMIT)]

    def _costly(self) -> list[tuple[str, float, float, float]]:
        """List (unit, used so far, limit, mean cost of a row) for each limit that is set."""
        meter, rows = self.meter, self.meter.metric_calls
        units = (
            ("tokens", meter.tokens, self.budget.tokens),
            ("USD", meter.usd, self.budget.usd),
            ("minutes", meter.answered / 60, self.budget.minutes),
        )
        return [(name, used, limit, used / rows if rows else 0.0) for name, used, limit in units if limit is not None]
