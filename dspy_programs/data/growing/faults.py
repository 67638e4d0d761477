"""What is wrong with a pair that a model wrote, as far as rules can tell, and what can be tidied.

Rules see an answer that is cut, repeats the question, is not of the kind that was asked for, or is none but talk about an
answer. They cannot see whether a fact is true.

Input      pairs of a growth; `category` is the template in small letters.
Output     faults_of: one sentence each, [] for a pair without a fault; a sentence is also the lesson for the next cycle.
           tidied: the pair without a label before its answer, and without an input that only says the question again.
"""

import re
from collections.abc import Callable

from dspy_programs.data.growing.changes import CHANGES
from dspy_programs.data.growing.code_faults import code_fault
from dspy_programs.data.pair import DataPair
from dspy_programs.pair_quality import CODE, LABEL, SENTENCE_END, pair_faults, template_fit
from dspy_programs.programs.data_generator import MEANING, DraftPair
from dspy_programs.programs.quality_judge import worst_fault
from dspy_programs.text import jaccard, ngrams, words
from dspy_programs.types import Pair

_AT_THE_END = 2  # characters less than a field may have: the text was cut there
_FITS = 0.5  # of template_fit, which is stricter with questions and code
_SAME = 0.8  # of pairs of words: the same text
_SHORT = 5  # words
_LONG = 12  # words
_GAP = re.compile(r"\[(?:your|insert|recipient|name|date|company|address|enter|title|sender)\b[^\]\n]{0,40}\]", re.IGNORECASE)
_TALKS = re.compile(
    r"\W*(?:the|your|this) (?:\w+ )?(?:answer|output|function|response|example|task|code|program|script|instruction|query)"
    r" (?:should|must|will|can|is (?:now|complete|as follows))\b"
    r"|\W*sure\b\W*please\b|\W*(?:here is|here's) (?:the|a|an)\b[^:\n]{0,80}[.:]?\s*$"
    r"|\W*\w+(?: \w+){0,4} is (?:now )?(?:complete|done|ready)\W*$",
    re.IGNORECASE,
)
_ABOUT_THE_FORM = re.compile(
    r"\b(?:short|true|right|correct|complete)(?:,? (?:and |but )?\w+)? answers?\b(?=.*\bquestion\b)"
    r"|\banswer (?:to )?the (?:following |given )?question\b|\btraining (?:example|pair)\b|\bof the given kind\b",
    re.IGNORECASE,
)
_ASKS_YOU = re.compile(
    r"\b(?:did|have|were|are) you\b[^?]*\?|\bdo you (?:have|own|live|like|grow|prefer|want|know)\b[^?]*\?"
    r"|\b(?:what|which|how|when|where|who|why)\b[^?]*\byours?\b[^?]*\?"
    r"|\b(?:you've|you have) (?:ever |recently |just )?(?:seen|read|heard|visited|watched|been|eaten|played|met)\b"
    r"|\bwhere you are\b",
    re.IGNORECASE,
)
_HANGS = re.compile(r"\b(?:called|named|the|an?|of|and|or|to|with|by|for|such as|including)\W*$", re.IGNORECASE)
_ASKS_PYTHON = re.compile(r"\bpython\b", re.IGNORECASE)
_LOOKS_LIKE_PYTHON = re.compile(r"^(?:def|class|import|from) ?\w*", re.MULTILINE)
_ASKS_WHAT = re.compile(r"^\W*(?:what|who|where|when|how|why)\b(?!.*\bor\b)[^?]*\?\W*$", re.IGNORECASE | re.DOTALL)
_ASKS_PERCENTAGE = re.compile(r"\bwhat percentage\b|\bhow many per ?cent\b", re.IGNORECASE)
_PERCENTAGE = re.compile(r"%|\bper ?cent", re.IGNORECASE)
_ASKS_NUMBER = re.compile(r"^\W*how (?:many|much)\b|[.,;:]\s+how (?:many|much)\b", re.IGNORECASE)
_IS_NUMBER = re.compile(
    r"\d|\b(?:no|none|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|once|twice|half|dozen"
    r"|hundreds?|thousands?|millions?|depends?|varies|enough)\b",
    re.IGNORECASE,
)
_ASKS_FOR_PROSE = re.compile(r"\b(?:explain|describe|why|what|which|compare|name)\b", re.IGNORECASE)


def tidied(pair: Pair) -> Pair:
    """Return the pair without what only repeats or labels."""
    output = LABEL.sub("", pair.output, count=1) if LABEL.match(pair.output) else pair.output
    asked, given = words(pair.instruction), words(pair.input)
    is_said = bool(given) and f" {' '.join(given)} " in f" {' '.join(asked)} "
    return pair.model_copy(update={"output": output, "input": "" if is_said else pair.input})


def faults_of(pair: DataPair) -> list[str]:
    """Return what a demanding reader would send back, as far as rules can tell."""
    plain = Pair(instruction=pair.instruction, input=pair.input, output=pair.output)
    found = [fault for check in _CHECKS if (fault := check(plain, pair.category.upper()))]
    return [*pair_faults(plain), *found]


def _cut(pair: Pair, template: str) -> str:
    for name, field in DraftPair.model_fields.items():
        most = next((limit.max_length for limit in field.metadata if hasattr(limit, "max_length")), 0)
        text = getattr(pair, name).rstrip()
        if len(getattr(pair, name)) >= most - _AT_THE_END and not SENTENCE_END.search(text[-3:]):
            return f"the {name} is cut at {most} characters; write less, and end it"
    return ""


def _hangs(pair: Pair, template: str) -> str:
    text = pair.output.rstrip()
    is_open = (
        len(words(text)) >= _SHORT and not CODE.search(text) and not SENTENCE_END.search(text[-3:]) and _HANGS.search(text)
    )
    return f"the output stops in a sentence (... {text[-30:]!r}); end it" if is_open else ""


def _says_the_question(pair: Pair, template: str) -> str:
    said = ngrams(pair.output, 2)
    for name in ("instruction", "input"):
        if len(words(pair.output)) >= _SHORT and jaccard(said, ngrams(getattr(pair, name), 2)) >= _SAME:
            return f"the output is the {name} again; give the answer"
    return ""


def _says_nothing_new(pair: Pair, template: str) -> str:
    """Find an answer to an open question that has no word, and no number, besides those of the question."""
    said = words(pair.output)
    is_open = not pair.input and len(said) >= _SHORT and _ASKS_WHAT.match(pair.instruction)
    return (
        "the output says no more than the question; give the answer"
        if is_open and {*said} <= {*words(pair.instruction)}
        else ""
    )


def _is_faulty_code(pair: Pair, template: str) -> str:
    is_code = _ASKS_PYTHON.search(pair.instruction) and _LOOKS_LIKE_PYTHON.search(pair.output)
    return code_fault(pair.output, f"{pair.instruction}\n{pair.input}") if is_code else ""


def _says_the_kind(pair: Pair, template: str) -> str:
    told = set().union(*(ngrams(text, 4) for text in (_meaning(template), *CHANGES.values())))
    if told & ngrams(f"{pair.instruction}\n{pair.output}", 4) or _ABOUT_THE_FORM.search(pair.instruction):
        return "the pair repeats what it was to be; ask for the thing itself"
    return ""


def _is_talk(pair: Pair, template: str) -> str:
    return "the output talks about an answer; give the answer" if _TALKS.match(pair.output) else ""


def _asks_about_the_model(pair: Pair, template: str) -> str:
    asks = template != "CREATIVE" and not pair.input and _ASKS_YOU.search(pair.instruction)
    return "the question is about the one who answers; ask what anybody can look up" if asks else ""


def _lacks_the_number(pair: Pair, template: str) -> str:
    if _ASKS_PERCENTAGE.search(pair.instruction) and not _PERCENTAGE.search(pair.output):
        return "a percentage is asked for and there is none in the output"
    if template != "CODE" and _ASKS_NUMBER.search(pair.instruction) and not _IS_NUMBER.search(pair.output):
        return "a number is asked for and there is none in the output"
    return ""


def _is_off_the_point(pair: Pair, template: str) -> str:
    """Find a text without a word of the request; a short answer, and code, may well have none."""
    is_text = template != "CODE" and len(words(pair.output)) >= _LONG
    fault = worst_fault(f"{pair.instruction}\n{pair.input}", pair.output) if is_text else ""
    return "the output is not about what was asked" if fault == "is not about what was asked" else ""


def _has_a_gap(pair: Pair, template: str) -> str:
    gap = _GAP.search(pair.output)
    return f"the output has a gap, {gap[0]}; fill it in" if gap else ""


def _is_another_kind(pair: Pair, template: str) -> str:
    if template == "CODE" and not CODE.search(pair.output) and not _ASKS_FOR_PROSE.search(pair.instruction):
        return "code is asked for and the output is none; write the bare code"
    if template in ("QA", "CODE") or template_fit(pair, template) >= _FITS:
        return ""
    return f"it is no {template} pair; its kind is: {_meaning(template)}"


def _meaning(template: str) -> str:
    return MEANING.get(template, "")  # type: ignore[call-overload]  # any text


_CHECKS: list[Callable[[Pair, str], str]] = [
    _cut,
    _hangs,
    _says_the_question,
    _says_nothing_new,
    _says_the_kind,
    _is_talk,
    _asks_about_the_model,
    _lacks_the_number,
    _is_off_the_point,
    _has_a_gap,
    _is_another_kind,
    _is_faulty_code,
]
