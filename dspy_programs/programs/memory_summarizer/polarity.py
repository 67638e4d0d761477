"""What a text denies, and the words whose exchange turns a sentence into its opposite. English only.

Input      a text; the stems of words.
Output     denies(text); denials(text): how many; exchanged(text, other): a word of one is its opposite in the other.
"""

import re

from dspy_programs.text import stem, words

_DENIES = re.compile(
    r"\b(?:not|never|no|none|nothing|nobody|cannot|without|neither|nor|unable|denied|refused|declined|failed|isn|aren|wasn|"
    r"weren|don|doesn|didn|won|can|couldn|wouldn|shouldn|hasn|haven|hadn)(?:['\u2019]t)?\b",
    re.IGNORECASE,
)
_NO_DENIALS = (  # "can" without "'t", "No, thanks"
    r"\b(?:can|won|don)\b(?!['\u2019]t)|\bno (?:later|earlier|doubt)\b"
    r"|(?:^|(?<=[,.:;!?\u2014-])|\bor\b)\s*no\b(?=\s*(?:[,.!?;\u2014-]|$))"
)
_NO_DENIAL = re.compile(_NO_DENIALS, re.IGNORECASE)
_AFFIRMS = re.compile(rf"{_NO_DENIALS}|\bnot (?:only|just)\b", re.IGNORECASE)
_PAIRS = (
    "increase decrease,raise lower,rise fall,grow shrink,accept reject,agree disagree,like dislike,same different,"
    "similar different,good bad,better worse,best worst,cheap expensive,large small,big small,high low,"
    "easy difficult,easy hard,simple complex,allow forbid,allow prohibit,include exclude,positive negative,"
    "start end,begin end,start stop,buy sell,early late,earlier later,long short,new old,young old,open closed,"
    "strong weak,success failure,improve worsen,support oppose,cancel keep,add remove,approve refuse,approve reject,"
    "fast slow,win lose,love hate,advantage disadvantage,possible impossible,necessary unnecessary,enable disable,"
    "hot cold,inside outside,arrive depart,import export,public private,majority minority,maximum minimum,"
    "upgrade downgrade,refundable nonrefundable,useful useless,more less,before after,with without,first last,"
    "up down"
)


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for pair in _PAIRS.split(","):
        one, other = map(stem, pair.split())
        found[one] = found.get(one, frozenset()) | {other}
        found[other] = found.get(other, frozenset()) | {one}
    return found


OPPOSITES = _opposites()
"""To a stem, those that mean the opposite."""


def denies(text: str) -> bool:
    """Return whether a text denies something; `not only` and the interjection `no, ...` do not."""
    return bool(_DENIES.search(_AFFIRMS.sub(" ", text)))


def denials(text: str) -> int:
    """Return how many denials a text has, `not only` among them: for texts that should say the same in the same words."""
    return len(_DENIES.findall(_NO_DENIAL.sub(" ", text)))


def exchanged(text: str, other: str) -> bool:
    """Return whether a word of one text stands as its opposite in the other."""
    one, two = ({stem(word) for word in words(each)} for each in (text, other))
    return any(not OPPOSITES.get(word, frozenset()).isdisjoint(two - one) for word in one - two)
