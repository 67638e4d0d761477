"""How time grows, as text: O(n*m), O(len(rows) * len(names)), O(n²) and so on, compared without their letters.

Input      text of any kind; nothing here raises.
Output     class_of: the first O(...) in a form that is equal for equal growth; None if there is none that can be read.
"""

import re
from collections import Counter
from itertools import permutations

Class = tuple[tuple[tuple[str, int], ...], ...]
"""Terms of a sum, each of them factors with exponents; sizes are a, b, ... in some order."""

_COST = re.compile(r"\bO\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
_MOST_SIZES = 4
_SAME = str.maketrans({"·": "*", "×": "*", "⋅": "*", "²": "^2", "³": "^3", "|": " ", "`": " "})
_FACTOR = re.compile(r"(log)?\s*\(?\s*([A-Za-z_][\w.\[\]']*(?:\(\s*[\w.\[\]']*\s*\))?|1)\s*\)?\s*(?:(?:\^|\*\*)\s*(\d))?")


def class_of(text: str) -> Class | None:
    """Return the class of the first O(...)."""
    found = _COST.search(text)
    terms = [_term(part) for part in _sum(found.group(1))] if found else []
    if not terms or any(term is None for term in terms):
        return None
    known = [term for term in terms if term is not None]
    sizes = sorted({name.removeprefix("log ") for term in known for name in term if name != "1"})
    if len(sizes) > _MOST_SIZES:
        return None
    letters = "abcd"[: len(sizes)]
    return min(_renamed(known, dict(zip(order, letters, strict=True))) for order in permutations(sizes))


def _sum(text: str) -> list[str]:
    return re.split(r"\+", text.translate(_SAME).replace("**", "^"))


def _term(text: str) -> Counter[str] | None:
    """Return the factors of a product with their exponents; None for what is none."""
    factors: Counter[str] = Counter()
    rest = re.sub(r"\bnm\b", "n*m", text.strip())
    while rest:
        match = _FACTOR.match(rest)
        if match is None or not match.group():
            return None
        log, name, power = match.groups()
        factors[f"log {name}" if log else name] += int(power or 1)
        rest = rest[match.end() :].lstrip(" *")
    return factors or None


def _renamed(terms: list[Counter[str]], letters: dict[str, str]) -> Class:
    def name(each: str) -> str:
        size = each.removeprefix("log ")
        return f"log {letters[size]}" if each != size else letters.get(each, each)

    return tuple(sorted(tuple(sorted((name(each), power) for each, power in term.items())) for term in terms))
