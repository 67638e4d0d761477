"""HALLUCINATION: a value that nothing gave, in a call or in an answer. What is found word for word needs no index."""

from dspy_programs.programs.failure_judge.detectors.argument_from_nowhere import (
    Given,
    argument_from_nowhere,
    comes_from_nowhere,
    given_in,
)
from dspy_programs.programs.failure_judge.detectors.figure_from_nowhere import figure_from_nowhere, figures_in, without_source
from dspy_programs.programs.failure_judge.detectors.id_from_nowhere import id_from_nowhere, ids_in
from dspy_programs.programs.failure_judge.finding import Finding, strongest
from dspy_programs.programs.failure_judge.known_before import Told, known_before, steps_of
from dspy_programs.programs.failure_judge.trace_view import View


def detect_value_from_nowhere(view: View) -> Finding | None:
    """The strongest of the values, in calls and in answers, that come from nowhere."""
    steps = steps_of(view)
    given = {step.place: given_in(step.call, view.tool_schemas.get(step.call.name, {})) for step in steps if step.call}
    stated = {step.place: figures_in(view.turns[step.place].content) for step in steps if step.is_answer}
    named = {step.place: ids_in(view.turns[step.place].content) for step in steps if step.is_answer}
    if not any(given.values()) and not any(stated.values()) and not any(named.values()):
        return None
    told = Told(view, steps)
    given = {place: [one for one in some if not told.has(str(one.value), place)] for place, some in given.items()}
    named = {place: [one for one in some if not told.has(one, place)] for place, some in named.items()}
    known = all(told.has(one.text, place) for place, some in stated.items() for one in some)
    if known and not any(given.values()) and not any(named.values()):
        return None
    invented: list[Given] = []
    findings: list[Finding | None] = []
    for step, sources in known_before(view, steps):
        invented += [one for one in given.get(step.place, ()) if comes_from_nowhere(one, sources)]
        findings.append(figure_from_nowhere(view, step, without_source(stated.get(step.place, ()), sources)))
        findings.append(id_from_nowhere(view, step, named.get(step.place, ()), sources))
    return strongest([argument_from_nowhere(invented, view.calls), *findings])
