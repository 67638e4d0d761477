"""Is a line a pair, and does it say something?"""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import first_fault


def parsed(line: bytes) -> DataPair | Finding:
    """Return the pair of a line, or why it is none."""
    try:
        return DataPair.__pydantic_validator__.validate_json(line)
    except ValidationError as error:
        return Finding("schema", "error", f"not a pair: {first_fault(error, 'the line')[:300]}")


def schema_findings(pair: DataPair) -> Iterable[Finding]:
    """Find an empty instruction or output. A conversation needs turns; its first and last one are checked by `turns`."""
    asked, said = pair.instruction, pair.output
    return () if asked and said and not asked.isspace() and not said.isspace() else _empty(pair)


def _empty(pair: DataPair) -> Iterator[Finding]:
    if pair.messages is not None:
        if not pair.messages:
            yield Finding("schema", "error", "empty messages", "messages")
        return
    if not pair.instruction or pair.instruction.isspace():
        yield Finding("schema", "error", "empty instruction", "instruction")
    if not pair.output or pair.output.isspace():
        yield Finding("schema", "error", "empty output", "output")
