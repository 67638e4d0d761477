"""Is the instruction too short, or the output too long?"""

from collections.abc import Iterable, Iterator

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.pair import DataPair
from dspy_programs.text import quantity


def length_findings(pair: DataPair, options: CheckOptions) -> Iterable[Finding]:
    """Compare lengths in characters with the limits. An empty text is the schema's matter, unless that is all there is."""
    is_fine = len(pair.instruction) >= options.min_instruction_len and len(pair.output) <= options.max_output_len
    return () if is_fine else _out_of_limits(pair, options)


def _out_of_limits(pair: DataPair, options: CheckOptions) -> Iterator[Finding]:
    if pair.messages is not None and not pair.instruction:
        return
    if len(pair.instruction) < options.min_instruction_len:
        message = f"instruction has {quantity(len(pair.instruction), 'character')}, fewer than {options.min_instruction_len}"
        yield Finding("length", "warning", message, "instruction")
    if len(pair.output) > options.max_output_len:
        message = f"output has {quantity(len(pair.output), 'character')}, more than {options.max_output_len:,}"
        yield Finding("length", "warning", message, "output")
