"""What the linter says about one place in the code."""

from typing import Any, NamedTuple

from dspy_programs.lint_loops.patterns import Pattern


class Finding(NamedTuple):
    """A pattern at a place.

    line and end_line: 1-based; column: 1-based, in characters. suggestion: what to write instead, with the code's own names.
    A `noqa` comment on the first or the last line dismisses it."""

    file: str
    line: int
    column: int
    end_line: int
    pattern: Pattern
    suggestion: str
    shape: str = "int"
    """The kind of the elements, for --measure: int, str or row."""

    @property
    def order(self) -> tuple[int, str, int, int, str]:
        """Sort by slow-down, worst first; then by place."""
        return -self.pattern.slowdown, self.file, self.line, self.column, self.pattern.code

    def published(self) -> dict[str, Any]:
        """Return the five keys that the pattern's publisher uses."""
        return {
            "file": self.file,
            "line": self.line,
            "pattern": self.pattern.name,
            "estimated_slowdown_pct": self.pattern.slowdown,
            "suggestion": self.suggestion,
        }
