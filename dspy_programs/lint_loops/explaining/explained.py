"""What is reported beside a finding when an explanation is asked for."""

from typing import Literal, NamedTuple

By = Literal["model", "rules"]


class Explained(NamedTuple):
    """by: who explained it; rewrite: what to write instead of the lines from first to last, "" if none is sure.

    rewritten_by: who wrote it; note: why what a model wrote is not shown, "" if it is.
    """

    explanation: str
    by: By
    rewrite: str = ""
    rewritten_by: By = "rules"
    first: int = 0
    last: int = 0
    note: str = ""

    @property
    def who(self) -> str:
        """Say in brackets who explained and who rewrote."""
        if not self.rewrite or self.rewritten_by == self.by:
            return f"by {'a model' if self.by == 'model' else 'the rules'}"
        return "by a model, rewritten by the rules"
