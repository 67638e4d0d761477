"""What `train` prints: the plan before a run, and the summary after it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dspy_programs.text import quantity

if TYPE_CHECKING:
    from optimizers.training.conclusion import Report
    from optimizers.training.settings import Training


def plan_of(training: "Training", directory: Path) -> str:
    from optimizers.search import kinds_for
    from optimizers.training.budgets import warning_of

    rows, budget = training.rows, training.budget
    named = {"metric calls": budget.metric_calls, "minutes": budget.minutes, "tokens": budget.tokens, "USD": budget.usd}
    limits = ", ".join(f"{value:g} {name}" for name, value in named.items() if value is not None)
    per_program = f", then at most {quantity(len(rows['test']), 'test row')} per program"
    on_top = per_program if budget.metric_calls else ", including the test"
    longer = "; more only if a row takes half a minute or longer" if training.patient and budget.minutes else ""
    proposers = " and ".join(kinds_for(training.reflection_lm, training.proposer))
    return "\n".join(
        [
            training.recipe.name,
            f"  rows         {len(rows['train'])} train, at most {len(rows['val'])} validation, {len(rows['test'])} test",
            f"  task model   {training.task_lm.model}, {training.threads} at a time",
            f"  reflection   {training.reflection_lm.model}, proposers: {proposers}",
            f"  budget       {limits}{on_top}{longer}",
            *(f"  note         {warning}" for warning in warning_of(training)),
            f"  run          {directory}",
            f"  result       {training.target}, if it beats the program in use",
        ]
    )


def summary_of(training: "Training", report: "Report", directory: Path) -> str:
    """Say what the search found, what it cost, what is in use now and how to use it."""
    lines = [*_search_lines(report), *test_lines(report), *_cost_lines(report), *_use_lines(training, report, directory)]
    lines += [f"note        {note}" for note in report.notes]
    return "\n".join(["", *lines, f"look        python -m optimizers.show {directory}"])


def _search_lines(report: "Report") -> list[str]:
    tried = ", ".join(f"{name} {each.accepted} of {each.tried}" for name, each in report.tried.items() if each.tried)
    seed, winner = report.candidates[0], report.candidates[report.winner]
    rows = min(len(seed.scores), len(winner.scores))
    mean = {each.index: sum(each.scores[:rows]) / rows for each in (seed, winner)}
    best = f", best {mean[winner.index]:.3f} (candidate {winner.index}, {winner.start})" if winner.index else ""
    return [
        f"search      {quantity(len(report.candidates), 'candidate')}; accepted at once: {tried or 'none tried'}",
        f"            ended by {report.ended_by}",
        f"validation  uncompiled {mean[0]:.3f}{best}, {quantity(rows, 'row')}",
    ]


def test_lines(report: "Report") -> list[str]:
    test = report.test
    if report.interrupted:
        return ["test        not run: interrupted. Run the same command again to resume"]
    if not test:
        return ["test        not run: the budget left no rows for it"]
    if "difference" not in test:
        now = f"; in use {test['in use']}" if "in use" in test else ""
        return [f"test        uncompiled {test['seed']}{now}, {quantity(test['seed'].rows, 'row')} (95 % interval)"]
    verdict = "within noise" if test["difference"].is_noise else "beyond noise"
    lines = [
        f"test        uncompiled {test['seed']} -> compiled {test['compiled']}, {quantity(test['seed'].rows, 'row')}",
        f"            difference {test['difference']}: {verdict} (paired bootstrap, 95 %)",
    ]
    if "elsewhere" in test:
        lines.append(f"            on rows from other sources, compiled - in use (else uncompiled) {test['elsewhere']}")
    if "gain" in test:
        lines.append(f"            previously in use {test['in use']}; compiled - in use {test['gain']}")
    return lines


def _cost_lines(report: "Report") -> list[str]:
    used = report.used
    replayed = f" ({used['replayed_calls']} from an earlier run)" if used["replayed_calls"] else ""
    return [
        f"cost        {quantity(used['lm_calls'], 'model call')}{replayed}, {used['tokens']:,} tokens, "
        f"{used['minutes']:.1f} minutes, {used['tokens_per_second']:.0f} tokens/s, "
        f"{used['models_at_work']:.2f} calls under way on average" + (f", {used['usd']:.4f} USD" if used["usd"] else "")
    ]


def _use_lines(training: "Training", report: "Report", directory: Path) -> list[str]:
    """Say what `load` returns from now on, or how to use the result anyway."""
    from dspy_programs.lm import address_of, is_named
    from dspy_programs.registry import is_own, load_argument
    from optimizers.training.settings import default_out

    name, model = training.recipe.name, training.task_lm.model
    path = "" if training.target == default_out(name, model) else f", path={os.fspath(training.target)!r}"
    base = address_of(training.task_lm)
    server = f", api_base={base!r}" if base else ""
    first, _, named = load_argument(training.recipe.program, name).partition(", ")
    program = f"{first}, {model!r}" + (f", {named}" if named else "")
    lm = f"{model!r}{server}" if is_named(training.task_lm) else "lm"  # the user's own object, which text cannot recreate
    use = [
        f"use         from dspy_programs import load, use; program = load({program}{path})",
        f"            with use({lm}): program(...)",
    ]
    if report.promoted:
        return [f"{'written to ' if training.out else 'in use now '} {report.promoted}", *use]
    lines = [f"unchanged:  {report.why_not}"]
    if report.winner and not report.interrupted and (report.in_use is None or report.in_use.index != report.winner):
        module = f" --module {name}" if is_own(name) else ""
        how = f"python -m optimizers.promote {directory}{module} --force"
        lines.append(f"saved       {report.saved}; to use it anyway: {how}")
    return [*lines, *use] if report.in_use else lines
