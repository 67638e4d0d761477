"""Consent: the binding sentences that a smaller prompt loses, and which of them the user lets go.

Input      allow: None: propose what may go, and write nothing before the user has seen it; ["all"]; ["none"]; else numbers of
           binding sentences, as listed, a part of their text, or "statements", those that order nothing in so many words:
           only these may go, and the search holds all others.
Output     Loss: one sentence that the smaller prompt no longer says, with its number among the binding sentences of the
           original (from 1, the same in every run), why it counts as binding, why it goes, and whether it is allowed.
Raises     UsageError for an unknown number, or a text that is in no binding sentence or in several.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from dspy_programs.budget.prompts.binding import Binding, binding_sentences
from dspy_programs.budget.prompts.literals import TEMPLATE_TAG
from dspy_programs.budget.prompts.units import Unit, removals, units_of
from dspy_programs.budget.redundancy import Redundant, no_longer_said
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity
from dspy_programs.types import Section


class Loss(BaseModel):
    """One binding sentence that is gone."""

    number: int
    section: str
    text: str
    lead_in: str = ""
    kind: str
    binds_because: str
    goes_because: str
    allowed: bool


def allowed_numbers(sections: Sequence[Section], allow: Sequence[str] | None) -> set[int]:
    """Return the numbers of the binding sentences that the search may drop; all, if the user will be asked."""
    bindings = binding_sentences(sections)
    everything = set(range(1, len(bindings) + 1))
    if allow is None:
        return everything
    found: set[int] = set()
    for word in (part.strip() for part in allow):
        if word.casefold() == "all":
            found |= everything
        elif word.casefold() == "statements":
            found |= {at for at, one in enumerate(bindings, 1) if one.kind == "statement"}
        elif word.casefold() not in ("", "none"):
            found |= _numbers_in(word, bindings)
    return found


def _numbers_in(word: str, bindings: Sequence[Binding]) -> set[int]:
    if all(part.strip().isdecimal() for part in word.split(",")):
        numbers = {int(part.strip()[:9]) for part in word.split(",")}  # no prompt has that many
        if unknown := sorted(numbers - set(range(1, len(bindings) + 1))):
            raise UsageError(
                f"--allow {unknown[0]}: the prompt has {quantity(len(bindings), 'binding sentence')}; see `binding`"
            )
        return numbers
    found = {at for at, one in enumerate(bindings, 1) if " ".join(word.split()).casefold() in one.text.casefold()}
    if len(found) != 1:
        problem = f"is in {len(found)} binding sentences; give more of it" if found else "is in no binding sentence"
        raise UsageError(f"--allow {word[:60]!r}: {problem}, or give a number")
    return found


def losses(
    before: Sequence[Section], after: Sequence[Section], allow: Sequence[str] | None, reasons: dict[tuple[str, int], str]
) -> list[Loss]:
    """Return each binding sentence that is gone. reasons: place of a sentence -> why it goes."""
    bindings = binding_sentences(before)
    numbers = {(one.section, one.number): at for at, one in enumerate(bindings, 1)}
    allowed = allowed_numbers(before, allow) if allow is not None else set()
    found = []
    for one in no_longer_said(before, after):
        number = numbers[one.section, one.number]
        found.append(
            Loss(
                number=number,
                section=one.section,
                text=one.text,
                lead_in=one.lead_in,
                kind=one.kind,
                binds_because=one.why,
                goes_because=reasons.get((one.section, one.number), "its section goes"),
                allowed=number in allowed,
            )
        )
    return found


def held_units(before: Sequence[Section], now: Redundant, units: Sequence[Unit], allow: Sequence[str] | None) -> set[int]:
    """Return the units of a prompt without its redundancy that stay: what may not go, what it hangs on, tags of templates."""
    allowed = allowed_numbers(before, allow)
    shorter = {(one.unit.section, one.unit.text): one.new_text or one.unit.text for one in now.changes}
    bindings = enumerate(binding_sentences(before), 1)
    texts = {(one.section, shorter.get((one.section, one.text), one.text)) for at, one in bindings if at not in allowed}
    held = {unit.number for unit in units if (unit.section, unit.text) in texts or TEMPLATE_TAG.search(unit.text)}
    groups = [{unit.number for unit in group} for group in removals(units, now.sections)]
    return held.union(*(group for group in groups if not held.isdisjoint(group)))


def held_together(sections: Sequence[Section], allow: Sequence[str] | None) -> list[str]:
    """Say of each sentence that may go and stays, because what it hangs on, or what hangs on it, may not."""
    numbers = {(one.section, one.number): at for at, one in enumerate(binding_sentences(sections), 1)}
    allowed = allowed_numbers(sections, allow)
    found = []
    for group in removals(units_of(sections), sections):
        own = {numbers[unit.place] for unit in group if unit.place in numbers}
        if own & allowed and own - allowed:
            stays, holds = (", ".join(f"[{at}]" for at in sorted(part)) for part in (own & allowed, own - allowed))
            found.append(f"{stays} stays with {holds}: one means something else without the other; allow both, or none")
    return found


def forbidden(before: Sequence[Section], after: Sequence[Section], allow: Sequence[str] | None) -> str:
    """Say which binding sentence is gone that may not go; "" for none."""
    if len(allowed_numbers(before, allow)) == len(binding_sentences(before)):
        return ""
    lost = losses(before, after, allow, {})
    return next((f"would lose {one.text[:60]!r}, which --allow does not name" for one in lost if not one.allowed), "")


def listed(lost: Sequence[Loss]) -> str:
    """Return one line for each lost sentence; a reason that holds for all is said once."""
    reasons = {one.goes_because for one in lost}
    shared = len(reasons) == 1 < len(lost)
    lines = [f"  (each: {reason})" for reason in reasons if shared]
    for one in lost:
        why = "" if shared else f"; {one.goes_because}"
        lines.append(f"  [{one.number}] {f'{one.lead_in} ' if one.lead_in else ''}{one.text} ({one.section}; {one.kind}{why})")
    return "\n".join(lines)


def refusal(lost: Sequence[Loss]) -> str:
    """Return what to do about the sentences that are not allowed to go; "" if there are none."""
    open_ = [one.number for one in lost if not one.allowed]
    if not open_:
        return ""
    some = ",".join(map(str, open_[:3]))
    plain = (
        "plain statements with --allow statements, " if any(one.kind == "statement" and not one.allowed for one in lost) else ""
    )
    return (
        f"{quantity(len(open_), 'binding sentence')} would go, so nothing is written. Let them go with --allow all, "
        f"{plain}some of them with --allow {some}, or keep them all with --allow none."
    )
