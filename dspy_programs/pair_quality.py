"""A pair's quality, as far as it can be checked without a model: does the answer follow the instruction?

Input      pair: Pair, from any source.
Output     pair_faults: list[str], one sentence for each fault, with the correction; heuristic_quality: float in [0, 1],
           halved by each fault; template_fit: float in [0, 1], whether the pair matches its template.
Guarantees deterministic; never raises on a pair within the bounds of types.pair_problems. It cannot check whether
           an answer is true, only whether it can be.
"""

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from simpleeval import InvalidExpression, simple_eval

from dspy_programs.text import containment, is_json, ngrams, words
from dspy_programs.types import Pair, pair_problems

_NUMBER_WORDS = {word: n for n, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}
NUMBER = rf"(?P<n>{'|'.join(_NUMBER_WORDS)}|\d{{1,2}})"
_ASKED_ITEMS = re.compile(
    rf"\b(?:list|name|give|suggest|recommend|provide|find|write|generate|create)\b(?: me| down)?(?: the| some)? {NUMBER} "
    r"(?:[\w'-]+ ){0,3}?(?P<what>[a-z]+s)\b",
    re.IGNORECASE,
)
_ASKED_LENGTH = re.compile(
    rf"\b(?:in|into|of|with|exactly|using) (?:a single|{NUMBER})[ -](?P<what>sentence|word)s?\b", re.IGNORECASE
)
_ASKED_OPTIONS = re.compile(r"\b(yes or no|true or false|positive or negative)\b", re.IGNORECASE)
_ASKED_JSON = re.compile(r"\b(?:as|in|into|valid|return|output) (?:a |an )?(?:valid )?json\b", re.IGNORECASE)
_ASKED_PYTHON = re.compile(r"\b(?:write|create|implement|define|give|complete)\b[^.?]*\bpython\b", re.IGNORECASE)
_ASKED_WORD_COUNT = re.compile(r"\b(?:how many words|count the (?:number of )?words)\b", re.IGNORECASE)
_POINTS_TO_A_TEXT = re.compile(
    r"\b(?:the|this|these) (?:following|below)\b|\bbelow(?=\s*(?:[.,;:!?)]|\Z)| (?:is|are|and|to|into|in|for|from|by|using)\b)",
    re.IGNORECASE,
)
_SPEAKS_OF_A_TEXT = re.compile(
    r"\b(?:the|this|these) given\b(?! names?\b)"
    r"|\b(?:this|the) (?P<what>sentence|paragraph|text|passage|article|email|e-mail|document|list|code|function)\b"
    r"(?! (?:that|of|address)\b)",
    re.IGNORECASE,
)
_MAKES = (
    r"\b(?:write|create|compose|generate|draft|make|design|develop|produce|build|construct|implement|give|prepare"
    r"|come up with)\b"
)
_ASKS_FOR_CODE = re.compile(
    rf"{_MAKES}[^.?!\n]{{0,60}}?\b(?:function|program|script|method|class|code|query|algorithm|procedure|regex)", re.IGNORECASE
)
_STANDS_FOR_AN_INPUT = re.compile(
    r"\s*(?:[\[<{(]\s*)?(?:insert|enter|input|your|the given|a given)\b[^.,]{0,40}[\]>})]?\s*", re.IGNORECASE
)
LABEL = re.compile(r"\s*(?:instruction|input|output|answer|pair)\s*:\s*", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?。！？…][\"'”’)\]]*(?:\s|$)")
_EQUATION = re.compile(
    r"(?P<left>[\d(][\d.()\s]*[-+*/×÷x][-+*/×÷x\d.()\s]*)=\s*(?P<right>-?\d[\d,]*(?:\.\d+)?)(?!\s*[-+*/×÷=^\w%])"
)
_REASON = re.compile(r"\b(?:because|since|so|therefore|thus|hence|then|first|next|if|step)\b", re.IGNORECASE)
CODE = re.compile(r"[{}();=<>^$\\\[\]`#]|\bselect\b|^\s*(?:def|class|import|print|return)\b", re.IGNORECASE | re.MULTILINE)


def heuristic_quality(pair: Pair) -> float:
    return 0.0 if pair_problems(pair) else 0.5 ** len(pair_faults(pair))


def pair_faults(pair: Pair) -> list[str]:
    """Return the faults, one sentence each."""
    return [fault for check in _CHECKS if (fault := check(pair))]


def _missing_input(pair: Pair) -> str:
    if _STANDS_FOR_AN_INPUT.fullmatch(pair.input):
        return "the input stands for a text; write the text itself"
    asked = pair.instruction
    if pair.input.strip() or re.search(r"[:\n]\s*\S|[\"“'`].+[\"”'`]|\d", asked):
        return ""
    spoken_of = [match for match in _SPEAKS_OF_A_TEXT.finditer(asked) if not _is_to_be_made(match, asked)]
    if not _POINTS_TO_A_TEXT.search(asked) and not spoken_of:
        return ""
    return "the instruction speaks of a text that is not there; put it in the input"


def _is_to_be_made(spoken_of: re.Match[str], asked: str) -> bool:
    """Whether the answer brings the thing itself: code takes what is given to it, and "write an email" makes the email."""
    if _ASKS_FOR_CODE.search(asked):
        return True
    made = rf"{_MAKES}[^.?!\n]{{0,60}}?\b(?:an?|one) (?:(?!the |this )[\w'-]+ ){{0,3}}{spoken_of['what']}\b"
    return spoken_of["what"] is not None and re.search(made, asked[: spoken_of.start()], re.IGNORECASE) is not None


def repeats(pair: Pair) -> str:
    answer = ngrams(pair.output, 3)
    if pair.output.strip() == pair.input.strip():
        return "the output is the input again; give the answer"
    if len(words(pair.output)) >= 4 and containment(answer, ngrams(pair.instruction, 3)) > 0.8:
        return "the output only repeats the instruction; give the answer"
    return ""


def _labels_left(pair: Pair) -> str:
    left = [
        name for name in ("instruction", "input", "output") if re.fullmatch(rf"{name}\s*:.*", getattr(pair, name), re.I | re.S)
    ]
    return f"{left[0]!r} begins with its own name; leave it out" if left else ""


def unfinished(pair: Pair) -> str:
    text = pair.output.rstrip()
    is_prose = len(text) >= 60 and "\n" not in text and SENTENCE_END.search(text) and not CODE.search(text)
    return f"the output stops in a sentence (... {text[-30:]!r}); end it" if is_prose and text[-1].isalnum() else ""


def _wrong_count(pair: Pair) -> str:
    if match := _ASKED_LENGTH.search(pair.instruction):
        wanted = number(match["n"] or "one")
        found = {len(words(pair.output))} if match["what"].lower() == "word" else {len(SENTENCE_END.findall(f"{pair.output}."))}
        found |= {sentences(pair.output)} if match["what"].lower() == "sentence" else {len(pair.output.split())}
    elif (match := _ASKED_ITEMS.search(pair.instruction)) and match["what"].lower() not in (
        "words",
        "steps",
        "times",
        "paragraphs",
    ):
        wanted = number(match["n"])
        found = {sentences(pair.output)} if match["what"].lower() == "sentences" else _counts_of_items(pair.output)
    else:
        return ""
    if wanted in found:
        return ""
    return f"{match['n'] or 'one'} {match['what']} asked, {' or '.join(map(str, sorted(found)))} given"


def _wrong_option(pair: Pair) -> str:
    match = _ASKED_OPTIONS.search(pair.instruction)
    first = words(pair.output)[:1]
    if not match or set(first) & set(match[1].lower().split(" or ")):
        return ""
    return f"the answer must be {match[1].lower()}, it begins with {first}"


def _wrong_format(pair: Pair) -> str:
    if _ASKED_JSON.search(pair.instruction) and not is_json(pair.output):
        return "the output is asked as JSON and is none"
    if _ASKED_PYTHON.search(pair.instruction) and not _is_python(pair.output):
        return "the output is asked as Python and cannot be parsed; write bare, whole code"
    return ""


def _wrong_sum(pair: Pair) -> str:
    for match in _EQUATION.finditer(pair.output[:2000]):
        before = pair.output[: match.start()]
        if before and (before[-1].isalnum() or before[-1] in ".," or before.rstrip()[-1:] in tuple("+-*/×÷^=(")):
            continue  # the left side starts earlier
        value = _value_of(match["left"])
        right = float(match["right"].replace(",", ""))
        if value is not None and abs(value - right) > 0.01 * max(1.0, abs(value)):
            return f"{match[0].strip()} is wrong: it is {value:g}"
    return ""


def _wrong_word_count(pair: Pair) -> str:
    stated = re.findall(r"\d+", pair.output)
    if not _ASKED_WORD_COUNT.search(pair.instruction) or not pair.input.strip() or not stated:
        return ""
    right = {len(pair.input.split()), len(words(pair.input))}
    return "" if right & set(map(int, stated[:3])) else f"the input has {min(right)} words, not {stated[0]}"


_CHECKS: list[Callable[[Pair], str]] = [
    _missing_input,
    repeats,
    _labels_left,
    unfinished,
    _wrong_count,
    _wrong_option,
    _wrong_format,
    _wrong_sum,
    _wrong_word_count,
]


def template_fit(pair: Pair, template: str) -> float:
    """Return whether the pair has the form that its template requires; 1.0 for a template without one."""
    check = _TEMPLATE_CHECKS.get(template)
    return check(pair) if check else 1.0


def _fits_qa(pair: Pair) -> float:
    asked = f"{pair.instruction}\n{pair.input}"
    return (
        1.0
        if "?" in asked or "？" in asked or re.search(r"\b(?:question|answer|who|what|when|where|which)\b", asked, re.I)
        else 0.3
    )


def _fits_reasoning(pair: Pair) -> float:
    has_steps = sentences(pair.output) >= 2 or "\n" in pair.output.strip() or bool(_REASON.search(pair.output))
    return 1.0 if has_steps or len(re.findall(r"\d+", pair.output)) >= 3 else 0.3


def _fits_creative(pair: Pair) -> float:
    return min(1.0, len(words(pair.output)) / 8)


def _fits_code(pair: Pair) -> float:
    return 1.0 if CODE.search(pair.output) else 0.3


def _fits_tool_use(pair: Pair) -> float:
    call = _json_value(pair.output)
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str) or not isinstance(call.get("arguments"), dict):
        return 0.0
    offered = f"{pair.instruction}\n{pair.input}"
    return 1.0 if call["tool"] and re.search(rf"(?<!\w){re.escape(call['tool'])}(?!\w)", offered) else 0.5


_TEMPLATE_CHECKS: Mapping[str, Callable[[Pair], float]] = {
    "QA": _fits_qa,
    "REASONING": _fits_reasoning,
    "CREATIVE": _fits_creative,
    "CODE": _fits_code,
    "TOOL_USE": _fits_tool_use,
}


def number(text: str) -> int:
    return _NUMBER_WORDS.get(text.lower(), 0) or int(text)


def sentences(text: str) -> int:
    ends = len(SENTENCE_END.findall(text))
    return ends + 1 if text.strip() and not SENTENCE_END.search(text.rstrip()[-3:]) else ends


def _counts_of_items(text: str) -> set[int]:
    """Count the items of a list in each notation."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = re.findall(r"(?:^|\s)(?:\d{1,2}[.)]|[-*•])\s", text)
    parts = [part for part in re.split(r"[,;，、]|\band\b", text.strip(" .\n")) if part.strip()]
    return {len(lines), len(marked), len(parts), sentences(text)} - {0} or {0}


def _json_value(text: str) -> Any:
    return json.loads(text) if is_json(text) else None


def _is_python(text: str) -> bool:
    try:
        return bool(ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _value_of(expression: str) -> float | None:
    """Compute one side of an equation; None if it is not plain arithmetic."""
    plain = expression.translate({ord("×"): "*", ord("x"): "*", ord("÷"): "/"}).strip()
    if len(plain) > 60 or "**" in plain or "//" in plain:
        return None
    try:
        return float(simple_eval(plain))
    except (InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError):
        return None
