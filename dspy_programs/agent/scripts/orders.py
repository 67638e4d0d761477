"""Orders in a text that was only to be read: sentences that tell a machine to do something else than its user asked.

A small model does what it reads last. So it is not shown these sentences, and the user is told of them.

Input      a text, as it stands in a file or a result.
Output     orders_in(text): those sentences; without_orders(text): the text without them, with "[...]" in their places.
Guarantees lines stay lines; linear in the text. An order in words of its own is not found: what a model may do is held by the
           policy, and what it made is checked, whatever it has read.
Source     the forms of indirect prompt injection: Greshake et al. 2023; its "ignore" and "escape" attacks: Liu et al. 2024
"""

import re
from collections.abc import Iterator


def _any(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


_MACHINE = _any(
    r"A\.?I\.? LLMs? language\s+models? chat\s?bots? assistants? agents? bots? copilot chatgpt claude gemini gpt(?:-\w+)? KI "
    r"Sprachmodelle?"
)
_ACT = _any(
    "write reply answer output print respond say return send delete remove run execute insert include put report use copy add "
    "create append overwrite replace open call fetch upload email mail post state mark set stop do follow finish end change "
    r"schreib\w* antworte\w* gib lösche\w* sende\w* führe\w* ersetze\w*"
)
_TOLD = _any(
    "instructions? prompts? requests? tasks? questions? goals? orders? commands? directions? guidelines? Anweisung(?:en)? "
    "Aufgaben? Fragen?"
)
_WHOSE = _any(
    r"all any every the your these those of its their user['’]?s? other previous prior preceding earlier above former original "
    "current initial alle die deine vorherigen bisherigen obigen"
)
_START = r"^\W*(?:[\w ]{1,20}:\s*)?"  # of a sentence, after the mark of a list or a comment
_FORMS = (
    rf"\b(?:ignore|disregard|forget|override|bypass|neglect|ignoriere?|vergiss)\s+(?:{_WHOSE}\s+){{1,5}}{_TOLD}\b",
    r"\b(?:ignore|disregard|forget|ignoriere?|vergiss)\s+(?:everything|all|anything|alles|what)\b[^.!?]{0,40}"
    r"\b(?:above|before|told|said|asked|earlier|else|davor|zuvor)\b",
    r"\b(?:do\s+not|don['’]t|never|rather\s+than|instead\s+of)\s+(?:answer|follow|do|complete|perform|fulfil|obey)(?:ing)?\s+"
    rf"(?:{_WHOSE}\s+){{0,4}}(?:{_TOLD}|what\s+(?:you\s+were|the\s+user|was)\b)",
    rf"{_START}(?:dear\s+|hey\s+|hello\s+|attention\s*,?\s+)?(?:AI|LLM|KI|language\s+model|chat\s?bot|assistant|agent|bot)"
    rf"(?:\s+(?:assistant|agent|model|system|reading\s+this))?\s*[:,!-]\s*(?:you|please|bitte|now|{_ACT})\b",
    r"\b(?:instructions?|notes?|messages?|attention|notice|orders?|hinweis|anweisung(?:en)?)\s*[:,]?\s+(?:for|to|an)\s+"
    rf"(?:(?:the|any|all|every|you|die|alle|automated)\s+){{0,2}}{_MACHINE}\b",
    rf"\b{_MACHINE}\s+(?:that|who|which|reading|processing|parsing|summari[sz]ing|handling|seeing)\b[^.!?]{{0,60}}"
    r"\b(?:must|should|shall|has\s+to|have\s+to|is\s+to|are\s+to|needs?\s+to|please)\b",
    rf"\b(?:if|when|since|as)\s+(?:you|du)\s+(?:are|bist)\s+(?:an?\s+|the\s+|eine?\s+)?{_MACHINE}\b(?!\s+(?:of|from|for|with)\b)",
    r"\b(?:whoever|anyone\s+who|if\s+you(?:\s+are)?)\s+(?:reads?|reading|process(?:es|ing)?|can\s+read)\s+this\b"
    rf"[^.!?]{{0,60}}\b{_ACT}\b",
    r"\byou\s+are\s+(?:now|no\s+longer)\s+(?:an?|in|the|free|bound|allowed|going)\b",
    rf"\byour\s+(?:new|real|actual|true|only|updated)\s+{_TOLD}\s+(?:is|are)\b",
    r"^\W*(?:(?:new|updated|important|urgent|hidden|secret|begin|end)\s+)?(?:system|admin\w*|developer|override|root)\s+"
    r"(?:prompt|override|message|instructions?|note|order|command)s?\s*(?:[:>\]]|--)",
    rf"^\W*(?:new|updated|real)\s+(?:instructions?|prompt|orders?)\s*:\s*{_ACT}\b",
    r"<\s*/?\s*(?:system|instructions?|admin)\s*>|\[\s*/?\s*(?:SYSTEM|INST|ADMIN)\s*\]|<\|(?:im_start|system)\|>",
)
_ORDERS = re.compile("|".join(_FORMS), re.IGNORECASE)
_GOES_ON = re.compile(
    rf"\W*(?:(?:instead|then|now|just|only|simply|also|and|please|stattdessen|bitte|dann)\b,?\s*){{0,3}}{_ACT}\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^\s](?:[^.!?\n]|[.!?](?![\"')\]]*(?:\s|$)))*[.!?]*[\"')\]]*")
_LONGEST = 400  # characters of an order, as it is told
_GAP = "[...]"


def orders_in(text: str) -> list[str]:
    """Return the sentences of a text that give orders to a machine that reads it, each at most 400 characters."""
    return [" ".join(text[start:end].split())[:_LONGEST] for start, end in _places(text)]


def without_orders(text: str) -> str:
    """Return a text without them."""
    kept, at = [], 0
    for start, end in _places(text):
        kept += [text[at:start], _GAP]
        at = end
    return "".join([*kept, text[at:]]) if kept else text


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where those sentences are, and those after them, in the same paragraph, that go on giving orders."""
    ended = None  # where the last order did
    for sentence in _SENTENCE.finditer(text):
        goes_on = ended is not None and "\n\n" not in text[ended : sentence.start()] and _GOES_ON.match(sentence.group())
        if goes_on or _ORDERS.search(sentence.group()):
            ended = sentence.end()
            yield sentence.span()
        else:
            ended = None
