"""The one table that ties a program to the code that builds its rows. A checkout has it; the wheel leaves this room out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from optimizers.sources import (
    actor,
    actor_transfer,
    code_editor,
    code_summarizer,
    command_planner,
    data_generator,
    data_generator_transfer,
    document_qa,
    failure_judge,
    failure_judge_transfer,
    log_context,
    loop_explainer,
    memory_summarizer,
    memory_summarizer_transfer,
    orchestrator,
    planner,
    planner_transfer,
    quality_judge,
    quality_judge_transfer,
    section_scorer,
    section_scorer_transfer,
)
from optimizers.sources.transfer import Transfer


class Builder(NamedTuple):
    """build: a raw folder -> the rows of each split; transfer: rows from other sources in the same shape."""

    build: Callable[[Path], Mapping[str, list[dict[str, Any]]]]
    transfer: Transfer | None = None


BUILDERS = {
    "actor": Builder(actor.build, actor_transfer.TRANSFER),
    "code_editor": Builder(code_editor.build),
    "code_summarizer": Builder(code_summarizer.build),
    "command_planner": Builder(command_planner.build),
    "data_generator": Builder(data_generator.build, data_generator_transfer.TRANSFER),
    "document_qa": Builder(document_qa.build),
    "failure_judge": Builder(failure_judge.build, failure_judge_transfer.TRANSFER),
    "log_context": Builder(log_context.build),
    "loop_explainer": Builder(loop_explainer.build),
    "memory_summarizer": Builder(memory_summarizer.build, memory_summarizer_transfer.TRANSFER),
    "orchestrator": Builder(orchestrator.build),
    "planner": Builder(planner.build, planner_transfer.TRANSFER),
    "quality_judge": Builder(quality_judge.build, quality_judge_transfer.TRANSFER),
    "section_scorer": Builder(section_scorer.build, section_scorer_transfer.TRANSFER),
}
