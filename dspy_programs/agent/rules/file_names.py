"""A file that a goal calls by its name without the ending: "the README" is README.md where that is the only one.

Input      goal; the paths of the files that are there.
Output     the goal with the whole names. Quoted texts, and names of which there is no file or several, stand as they are.
Guarantees no model; linear in the goal and the files.
"""

import re
from collections.abc import Iterable

_KNOWN = "README|LICENSE|LICENCE|CHANGELOG|CONTRIBUTING|NOTICE|AUTHORS|HISTORY|INSTALL|SECURITY"
_BARE = re.compile(
    rf"\"[^\"\n]*\"|`[^`\n]*`|“[^”\n]*”|„[^“”\n]*[“”]|(?<!\w)'[^'\n]*'(?!\w)"
    rf"|(?<![\w./-])(?P<name>(?i:{_KNOWN})|(?<=\b[Tt]he )[A-Z_-]{{4,}}"
    rf"|(?<=\bfile )[\w-]+|(?<=\b[Dd]atei )[\w-]+)(?![\w/-]|\.\w)"
)


def with_full_names(goal: str, files: Iterable[str]) -> str:
    """Return the goal with the names of files that are there in the place of their stems. files: only read if need be."""
    if not any(match["name"] for match in _BARE.finditer(goal)):
        return goal
    named: dict[str, list[str]] = {}
    for path in files:
        named.setdefault(path.rpartition("/")[2].partition(".")[0].lower(), []).append(path)

    def full(match: re.Match[str]) -> str:
        found = named.get((match["name"] or "").lower(), [])
        found = [path for path in found if "/" not in path] or found
        return found[0] if len(found) == 1 else match[0]

    return _BARE.sub(full, goal)
