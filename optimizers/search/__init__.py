"""One search: instructions and demonstrations compete under one budget."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.search.adapter import (
        ProgramAdapter as ProgramAdapter,
        Record as Record,
        propose as propose,
    )
    from optimizers.search.candidate import (
        IN_USE as IN_USE,
        REASONING as REASONING,
        SEED as SEED,
        SHOWN as SHOWN,
        Candidate as Candidate,
        InitialProgram as InitialProgram,
        Job as Job,
        Texts as Texts,
        compiled_before as compiled_before,
        demonstration_count as demonstration_count,
        given_demonstrations as given_demonstrations,
        identity as identity,
        showing as showing,
        uncompiled as uncompiled,
        uses_reasoning as uses_reasoning,
    )
    from optimizers.search.changes import changes_for as changes_for
    from optimizers.search.compile import (
        CompileResult as CompileResult,
        Tried as Tried,
        compile_job as compile_job,
        winner_of as winner_of,
    )
    from optimizers.search.demonstrations import (
        NEAREST as NEAREST,
        POOL as POOL,
        POOLED as POOLED,
        SPREAD as SPREAD,
        Demonstrate as Demonstrate,
        Demonstration as Demonstration,
        DemonstrationStore as DemonstrationStore,
        asked_by as asked_by,
        choose as choose,
        demonstrations_key as demonstrations_key,
        pooled as pooled,
        with_instructions as with_instructions,
    )
    from optimizers.search.minibatch import loss_weighted_rows as loss_weighted_rows
    from optimizers.search.own_demonstrations import labelled as labelled
    from optimizers.search.proposers import (
        Choice as Choice,
        NoNewRule as NoNewRule,
        RuleProposer as RuleProposer,
        kinds_for as kinds_for,
        longest_instruction as longest_instruction,
        proposer_of as proposer_of,
    )
    from optimizers.search.race import MIN_ROWS as MIN_ROWS, support as support
    from optimizers.search.row_budget import MIN_TEST_ROWS as MIN_TEST_ROWS, RowBudget as RowBudget
    from optimizers.search.search import Search as Search

_HOMES = {
    "ProgramAdapter": "adapter",
    "Record": "adapter",
    "propose": "adapter",
    "SHOWN": "candidate",
    "Texts": "candidate",
    "identity": "candidate",
    "with_instructions": "demonstrations",
    "RowBudget": "row_budget",
    "MIN_TEST_ROWS": "row_budget",
    "Candidate": "candidate",
    "IN_USE": "candidate",
    "Job": "candidate",
    "REASONING": "candidate",
    "SEED": "candidate",
    "InitialProgram": "candidate",
    "compiled_before": "candidate",
    "given_demonstrations": "candidate",
    "showing": "candidate",
    "demonstration_count": "candidate",
    "uses_reasoning": "candidate",
    "uncompiled": "candidate",
    "changes_for": "changes",
    "CompileResult": "compile",
    "Tried": "compile",
    "compile_job": "compile",
    "winner_of": "compile",
    "Demonstrate": "demonstrations",
    "Demonstration": "demonstrations",
    "NEAREST": "demonstrations",
    "POOL": "demonstrations",
    "POOLED": "demonstrations",
    "SPREAD": "demonstrations",
    "DemonstrationStore": "demonstrations",
    "asked_by": "demonstrations",
    "choose": "demonstrations",
    "demonstrations_key": "demonstrations",
    "pooled": "demonstrations",
    "loss_weighted_rows": "minibatch",
    "labelled": "own_demonstrations",
    "Choice": "proposers",
    "NoNewRule": "proposers",
    "RuleProposer": "proposers",
    "kinds_for": "proposers",
    "longest_instruction": "proposers",
    "proposer_of": "proposers",
    "MIN_ROWS": "race",
    "support": "race",
    "Search": "search",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
