"""Rows for the failure judge: the whole run without its outcome, and what the outcome says of it.

Labelled   a run that is recorded as well: "none". Of one that is recorded as failed, the outcome says that it failed and not
           how: the mode and the turn are the judge's own verdict, so the row is a guess and weighs its probability.
"""

import json
from typing import Any

from optimizers.harvesting.row import Found, LeftOut, Row, Run


def judge_rows(run: Run, min_probability: float) -> Found:
    """Return what a run gives to the failure judge."""
    outcome, trace = run.outcome, run.trace
    found = Found()
    if not trace.turns:
        found.left_out.append(LeftOut(0, "the run has no turns"))
        return found
    if not outcome.succeeded and outcome.mode in ("none", "UNKNOWN"):
        found.left_out.append(LeftOut(0, f"a {outcome} whose cause the judge does not find: there is no mode to learn"))
        return found
    if outcome.verdict_weight < min_probability:
        told = "not measured" if outcome.probability is None else f"{outcome.probability:.2f}"
        reason = f"the mode {outcome.mode} is the judge's guess, its probability ({told}) below {min_probability:g}"
        found.left_out.append(LeftOut(outcome.turn or 0, reason))
        return found
    inputs: dict[str, Any] = {
        "goal": trace.original_goal,
        "turns": [turn.model_dump(mode="json", exclude_none=True) for turn in trace.turns],
        "final_result": trace.final_result,
        "is_successful": None,
        "tools": trace.tools,
        "error": trace.error,
    }
    observed = outcome.recorded and outcome.succeeded
    kind = "human" if observed else "rule-made"
    labels = {"mode": outcome.mode, "turn": outcome.turn, "cause": "", "label_kind": kind, "source": "harvest"}
    answered, given = f"{outcome.mode} {outcome.turn}", json.dumps(inputs["turns"], ensure_ascii=False)
    label = "observed" if observed else "guess"
    weight = outcome.verdict_weight
    found.rows.append(Row(inputs, labels, outcome.turn or 0, label, weight, trace.original_goal, answered, given))  # type: ignore[arg-type]
    return found
