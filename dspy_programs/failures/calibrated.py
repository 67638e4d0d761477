"""How often a verdict of a given confidence is right, as measured on labels.

Output     None for every mode until something was fitted.
"""


def probability_of(mode: str, confidence: float) -> float | None:
    """Return the probability in (0, 1) that a verdict of this mode and confidence is right, None where nobody knows."""
    return None
