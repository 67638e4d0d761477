"""What a policy in the system's text asks of the agent: what it forbids, what to look up and what to confirm before a change.

Input      the system's text, in English; at most LONGEST_POLICY characters of it are read.
Output     Policy: its rules, each with the sentence it stands in.
Guarantees pure, linear in the text. A sentence that fits no pattern is no rule: what is not understood blames nobody.
Source     constraints drawn from the policy and checked step by step, as in AgentRx (arXiv 2602.02475), here without a model.
"""

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from dspy_programs.programs.failure_judge.phrases import EMPTY_WORDS, Phrases

LONGEST_POLICY = 20_000  # characters
_MOST_RULES = 200
_LONGEST_SENTENCE = 600  # characters in which a rule is looked for

_SENTENCE = re.compile(r"[^.!?;\n]+(?:\.(?=\w)[^.!?;\n]+)*")
_FORBIDS = Phrases(
    r"\b(?:can ?not|can't|must not|mustn't|may not|should not|shouldn't|shall not|will not|won't|never|"
    r"not (?:be )?\w+ed\b|nobody|not (?:possible|available|covered|eligible)|do not|don't|cannot be|no refunds?|"
    r"only (?:if|when|within|after|for)|den(?:y|ies)|refuse|decline|but not|forbid\w*|prohibit\w*)\b"
)
_LIMITS = Phrases(
    r"\bonly (?:ever )?(?:help|assist|answer|handle|respond|discuss|talk|support)|"
    r"\b(?:help|assist|answer|respond|talk|discuss)\w* (?:\w+ ){0,3}(?:only|exclusively) (?:with|about|to|on|in)\b"
)
_FIRST = Phrases(r"\b(?:before|first|prior to|until|unless|without|beginning|always|must|have to|has to|required? to)\b")
_LOOKS_UP = Phrases(
    r"\b(?:look(?:ing)? ?up|check|verif\w+|authenticat\w+|retriev\w+|fetch\w*|read|review|inspect|search|find|locat\w+|"
    r"get(?:ting)?|query|identify)\b"
)
_CONFIRMS = Phrases(
    r"\b(?:explicit\w*|user'?s?|customer'?s?|obtain|get|ask for|wait for|without)\b.{0,60}"
    r"\b(?:confirm\w*|consent|approv\w+|yes|permission|agree\w*)\b|\bconfirm\w* (?:\w+ ){0,6}"
    r"(?:with|by) the (?:user|customer)\b"
)
_A_CHANGE = frozenset(
    "change changes changing modify modifying update updates updating delete deleting write writes writing destructive "
    "irreversible operation operations anything something database record records".split()
)
_FEW = 3  # words: so many in common are one subject; a rule on changes that names so many things is about these alone
_WORD = re.compile(r"[a-z]{3,}")
_GENERIC = frozenset(
    "user users agent agents customer customers client clients policy policies please request requests help assist tool tools "
    "call calls action actions information must should may can cannot not the and you your any all for are has have with who "
    "they them their its but only never always before first take taking make making need needs want wants provide provided "
    "given get details detail via even this that from into out per one two use using used will one's our ours also each such "
    "explicit explicitly confirmation confirm yes obtain proceed ask list ensure sure able allowed".split()
)


class Rule(NamedTuple):
    """One sentence that binds the run. `about`: the words that say what it is about."""

    sentence: str
    about: frozenset[str]

    @property
    def of_any_change(self) -> bool:
        """Whether it speaks of changes in general."""
        return not self.about.isdisjoint(_A_CHANGE) and len(self.about - _A_CHANGE) < _FEW


class Policy(NamedTuple):
    """The rules of a system's text, by what they ask for."""

    forbids: tuple[Rule, ...] = ()
    limits: tuple[Rule, ...] = ()
    looks_up_first: tuple[Rule, ...] = ()
    confirms_first: tuple[Rule, ...] = ()

    def backs(self, refused: str, asked: str) -> Rule | None:
        """Return the rule that a refusal follows: it forbids what was asked, or limits the agent to something else."""
        of_both = words_of(f"{refused}\n{asked}")
        for rule in self.forbids:
            if rule.about and len(shared(rule.about, of_both)) >= min(_FEW, math.ceil(0.6 * len(rule.about))):
                return rule
        of_asked = words_of(asked)
        return next((rule for rule in self.limits if not shared(rule.about, of_asked)), None)


@lru_cache(maxsize=256)
def policy_of(text: str) -> Policy:
    """Read the rules of a system's text."""
    found: dict[str, list[Rule]] = {name: [] for name in Policy._fields}
    for match in _SENTENCE.finditer(text[:LONGEST_POLICY]):
        sentence = " ".join(match.group()[:_LONGEST_SENTENCE].split()).lstrip("-*# ")
        kinds = list(_kinds_of(sentence))
        if kinds and sum(map(len, found.values())) < _MOST_RULES:
            rule = Rule(sentence, words_of(sentence))
            for kind in kinds:
                found[kind].append(rule)
    return Policy(**{name: tuple(rules) for name, rules in found.items()})


def _kinds_of(sentence: str) -> Iterable[str]:
    if _FORBIDS.search(sentence):
        yield "forbids"
    if _LIMITS.search(sentence):
        yield "limits"
    if _FIRST.search(sentence):
        if _CONFIRMS.search(sentence):
            yield "confirms_first"
        elif _LOOKS_UP.search(sentence):
            yield "looks_up_first"


def words_of(text: str) -> frozenset[str]:
    """Return the words that say what a text, or a tool's name, is about."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower().replace("_", " ").replace(".", " ")
    return frozenset(_WORD.findall(spaced)) - _GENERIC - EMPTY_WORDS


def shared(some: Iterable[str], others: Iterable[str]) -> set[str]:
    """Return the words of `some` that are forms of one of `others`: "refunded" and "refund", "booking" and "book"."""
    roots = {_root(word) for word in others}
    return {word for word in some if _root(word) in roots}


def _root(word: str) -> str:
    for end in ("ations", "ation", "ings", "ing", "ment", "ied", "ies", "ed", "es", "s", "y", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            word = word[: -len(end)]
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("at") if len(word) > 5 else word
