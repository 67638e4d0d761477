"""What a deed brought about, in few parts.

Input      the parts of its result (fields.py), and the call as it is told.
Output     outcome_of: what the arguments do not say. only_says_done, says_only_done: whether a field, or a whole result, says
           no more than that the call worked.
"""

import re

from dspy_programs.memory.reading.deed_lines import Deed, cut
from dspy_programs.memory.reading.fields import Part, Parts

_LONGEST_OUTCOME = 200  # characters
_TELLING_VALUE = 3  # characters; a shorter one stands in many arguments by chance
_FEW_FIELDS = 6  # of a result that is told whole
_SHORT = 300  # characters of a result that may only repeat its call

SUCCESS = re.compile(
    r"\bsuccess|\b(?:created|updated|deleted|removed|sent|booked|cancell?ed|saved|added|scheduled|submitted|assigned|"
    r"moved|completed|"
    r"processed|applied|activated|enabled|disabled|started|stopped|written|uploaded|installed|merged|deployed|"
    r"registered|changed|edited)\b",
    re.IGNORECASE,
)
_STATE = re.compile(r"stat(?:us|e)$|result|outcome|error|message|confirm|success|warning", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?i)(?:^|[_. (])(?:amount|total|price|balance|cost|fee|refund|payment|paid|charge|count|rows|"
    r"betrag|summe|preis|kosten|montant|prix|importe|precio)(?:$|[,)s])"
)
_NEW_ID = re.compile(r"(?:id|number|code|reference|ref|url|key)$|^id\b", re.IGNORECASE)
_CODE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])(?!\d{4}-\d\d)[\w#/-]{3,40}|\d{5,}")  # A-30991, d-71, 88210
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[:.]\d\d")
_EMPTY = frozenset(("", "none", "null", "true", "ok", "done", "success", "successful", "{}", "[]", '""'))


def _is_said(part: Part, call: Deed) -> bool:
    """Return whether an argument has a part's value: a short one only under the same name."""
    key, sign, value = part.text.partition(": ")
    value = (value if sign else key).strip('"')
    named = f"{key.rpartition('.')[2]}=" if sign else ""
    return any(
        re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", argument) is not None
        for argument in call.arguments
        if value in argument and (len(value) >= _TELLING_VALUE or (named and argument.startswith(named)))
    )


def outcome_of(parts: Parts, call: Deed) -> list[Part]:
    """Return what a deed brought about that its arguments do not say: new ids, then states, amounts, of a short result
    all that is new; else its first words."""
    new = [part for part in parts.parts if not _is_said(part, call)]
    if parts.noun not in ("field", "item") or not any(": " in part.text or part.under for part in new):
        best = max(new, key=lambda part: part.worth, default=None)
        return [] if best is None else [best._replace(text=cut(best.text, _LONGEST_OUTCOME))]
    telling = [part for tells in (_is_new_id, _is_state, _is_amount, _is_id) for part in new if tells(part)]
    others = sorted(new, key=lambda part: _DATE.search(part.text) is None) if len(parts.parts) <= _FEW_FIELDS else []
    found = list(dict.fromkeys([*telling, *others]))
    chosen: list[Part] = []
    room = _LONGEST_OUTCOME
    for part in [part for part in found if not only_says_done(part)] or found:
        size = len(part.text) + len(part.under)
        if size <= room:
            chosen.append(part)
            room -= size + 2
    return chosen


def is_code(text: str) -> bool:
    """Return whether a text is a code or number of something: A-30991, 88210."""
    return _CODE.fullmatch(text) is not None


def says_nothing(text: str) -> bool:
    """Return whether a value only says that there is none, or that all is well."""
    return text.lower() in _EMPTY


def only_says_done(part: Part) -> bool:
    """Return whether a field is no more than `status: ok`."""
    return part.text.rpartition(": ")[2].lower() in _EMPTY


def _key_of(part: Part) -> str:
    return part.under or part.text.partition(": ")[0]


def _is_new_id(part: Part) -> bool:
    return not part.under and not _is_of_a_person(part) and _CODE.fullmatch(part.text.rpartition(": ")[2]) is not None


def _is_state(part: Part) -> bool:
    return _STATE.search(_key_of(part)) is not None


def _is_amount(part: Part) -> bool:
    return not part.under and _AMOUNT.search(_key_of(part)) is not None


def _is_id(part: Part) -> bool:
    return not _is_of_a_person(part) and _NEW_ID.search(_key_of(part)) is not None


def _is_of_a_person(part: Part) -> bool:
    return _key_of(part).lower().startswith(("user", "customer", "account"))


def says_only_done(result: str, call: str) -> bool:
    """Return whether a result says nothing but that the call worked."""
    text = result.strip().rstrip(".!").lower()
    if text in _EMPTY or (len(text) <= _SHORT and text in call.lower()):
        return True
    if len(text) > 120 or not SUCCESS.search(text):
        return False
    figures = re.findall(r"[\w.@-]*\d[\w.@-]*", text)
    return all(word == "1" or word in call.lower() for word in figures) and "\n" not in text
