"""HALLUCINATION: a value that nothing gave, in a call or in an answer. What is found word for word needs no index."""

from dspy_programs.programs.failure_judge.detectors.argument_from_nowhere import (
    Given,
    argument_from_nowhere,
    comes_from_nowhere,
    given_in,
)
from dspy_programs.programs.failure_judge.detectors.date_from_nowhere import date_from_nowhere, days_in
from dspy_programs.programs.failure_judge.detectors.figure_from_nowhere import figure_from_nowhere, figures_in, without_source
from dspy_programs.programs.failure_judge.detectors.id_from_nowhere import id_from_nowhere, ids_in
from dspy_programs.programs.failure_judge.finding import Finding, strongest
from dspy_programs.programs.failure_judge.known_before import Told, answers_in, known_before, voices_of
from dspy_programs.programs.failure_judge.trace_view import View


def detect_value_from_nowhere(view: View) -> Finding | None:
    """The strongest of the values, in calls and in answers, that come from nowhere."""
    voices = voices_of(view)
    answers = answers_in(view, voices)
    given = {call.place: given_in(call, view.tool_schemas.get(call.name, {})) for call in view.calls}
    stated = {place: figures_in(view.turns[place].content) for place in answers}
    named = {place: ids_in(view.turns[place].content) for place in answers}
    dated = {place: days_in(view.turns[place].content) for place in answers}
    if not any(given.values()) and not any(stated.values()) and not any(named.values()) and not any(dated.values()):
        return None
    told = Told(view, voices)
    given = {place: [one for one in some if not told.has(str(one.value), place)] for place, some in given.items()}
    named = {place: [one for one in some if not told.has(one, place)] for place, some in named.items()}
    dated = {place: [one for one in some if not told.has(one, place)] for place, some in dated.items()}
    known = all(told.has(one.text, place) for place, some in stated.items() for one in some)
    if known and not any(given.values()) and not any(named.values()) and not any(dated.values()):
        return None
    invented: list[Given] = []
    findings: list[Finding | None] = []
    for place, sources in known_before(view, voices):
        invented += [one for one in given.get(place, ()) if comes_from_nowhere(one, sources)]
        findings.append(figure_from_nowhere(view, place, without_source(stated.get(place, ()), sources)))
        findings.append(id_from_nowhere(view, place, named.get(place, ()), sources))
        findings.append(date_from_nowhere(view, place, dated.get(place, ()), sources))
    return strongest([argument_from_nowhere(invented, view.calls), *findings])
