"""What a reply means that only names an option: "Try 2 first" after "(1) roll back, or (2) switch off the flag".

Input      a reply's sentence, and the message that it answers.
Output     with_options: the sentence, with the text of the options that it names: "Try 2 first. [2: switch off the flag]".
Guarantees linear; a sentence that names none, or more words than a reply has, is returned as it is.
"""

import re
from itertools import zip_longest

_LONGEST_REPLY, _LONGEST_OPTION, _READ = 170, 160, 4_000  # characters
_OPTION = re.compile(r"(?:^|(?<=[\s:;(]))(?:\(([a-e1-9])\)|\**([a-e1-9])[.)]\**) +(?=\S)", re.MULTILINE | re.IGNORECASE)
_ENDS = re.compile(r"\n|[.?!](?=\s|$)|;(?=\s)|,? (?:or|oder|ou|and|und|et)\s*\(?$", re.IGNORECASE)
_NAMED = re.compile(
    r"\(([a-e1-9])\)|\b(?:option|number|variante?|nr\.?|choice|plan) ([a-e1-9])\b|"
    r"(?:^|\b(?:yes|ok|okay|then|try|do|take|use|with|not|and|or|ja|nimm|oui)\b,? )([1-9]|[b-e])"
    r"(?= ?(?:[.,;:!)]|$)| (?:first|please|but|and|then|is)\b)",
    re.IGNORECASE,
)


def with_options(sentence: str, answered: str) -> str:
    if len(sentence) > _LONGEST_REPLY:
        return sentence
    named = dict.fromkeys(name.lower() for names in _NAMED.findall(sentence) for name in names if name)
    options = _options_in(answered[:_READ]) if named else {}
    told = [f"{name}: {options[name]}" for name in named if name in options]
    return f"{sentence} [{'; '.join(told)}]" if told else sentence


def _options_in(text: str) -> dict[str, str]:
    """Return the options of a message by their letters or numbers; none if it has only one."""
    found: dict[str, str] = {}
    matches = list(_OPTION.finditer(text))
    for match, after in zip_longest(matches, matches[1:]):
        rest = text[match.end() : after.start() if after is not None else None][: 2 * _LONGEST_OPTION]
        end = _ENDS.search(rest)
        said = rest[: end.start()] if end is not None else rest
        said = said if len(said) <= _LONGEST_OPTION else said[:_LONGEST_OPTION].rpartition(" ")[0]
        found.setdefault((match[1] or match[2]).lower(), said.replace("**", "").strip(" ,;("))
    return found if len(found) > 1 else {}
