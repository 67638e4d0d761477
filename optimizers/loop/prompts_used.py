"""What the history of a program that learns says of its prompts: which is in use, which was before, which are settled."""

from collections.abc import Iterable, Mapping

from optimizers.loop.failures_read import Instructions
from optimizers.loop.log import Line, Log


def in_use(log: Log, seed: Mapping[str, str]) -> Instructions | None:
    """Return the instructions put into use last, by whatever process; None if there are none for the predictors of `seed`."""
    line = log.warm_start()
    if line is None:
        return None
    kept = line.get("instructions")
    if not isinstance(kept, dict) or kept.keys() != seed.keys():  # GEPA-AIME's, or another program's
        kept = {next(iter(seed)): line["new_prompt"]} if len(seed) == 1 else {}
    return {name: str(text) for name, text in kept.items()} or None


def challengers_since(lines: Iterable[Line]) -> int:
    """Return how many challengers were decided on since a prompt was put into use."""
    count = 0
    for line in lines:
        count = count + 1 if line.get("kind") == "decision" else 0 if "new_prompt" in line else count
    return count


def is_settled(lines: Iterable[Line], prompt: str, shadow: bool) -> bool:
    """Return whether a prompt was refused, or was in use before: one that won in shadow mode is still to be."""
    return any(_settles(line, prompt, shadow) for line in lines)


def before_last(lines: Iterable[Line], seed: Instructions) -> Instructions:
    """Return the instructions before those put into use last, and not rolled back since; finally the program's own."""
    used = [seed]
    for line in lines:
        if line.get("kind") == "promoted" and isinstance(line.get("instructions"), dict):
            used.append(line["instructions"])
        elif line.get("kind") == "rolled back" and len(used) > 1:
            used.pop()
    return used[-2] if len(used) > 1 else seed


def _settles(line: Line, prompt: str, shadow: bool) -> bool:
    if line.get("kind") == "promoted":
        return bool(line.get("new_prompt") == prompt)
    is_decided = line.get("kind") == "decision" and (shadow or line.get("decision") != "won")
    return is_decided and bool(line.get("challenger") == prompt)
