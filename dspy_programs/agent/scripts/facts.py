"""A fact that a text states, copied as it stands: what a small model reads well, and what its scripts search for in vain.

Input      a request that asks one thing of prose in the workspace, such as "From report.txt: how much did the roof cost?".
Output     the words of the text that answer it.
Guarantees nothing that the text does not say, and no order in it (orders.py).
Calls      one.
"""

import re
from typing import Any

import dspy

from dspy_programs.agent.scripts.files_shown import files_in, is_named, text_at
from dspy_programs.agent.scripts.orders import without_orders
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.control_tokens import plain
from dspy_programs.predict import Failure, Program, ask
from dspy_programs.text import content_stems

_SHOWN = 4000  # characters
_LONGEST = 120  # characters of an answer
_MOST_TOKENS = 60
_OTHERWISE = 0.5  # the temperature for another answer than the likeliest
_QUESTION = re.compile(
    r"\b(?:who(?:se|m)?|when|where|what|which|how\s+(?:much|many|long|old|far|high|big|large)"
    r"|wer|wem|wen|wann|wo|was|welche[rsnm]?|wie\s+(?:viele?|lange?|alt|hoch|groß|teuer|heißt))\b[^?\n]*\?",
    re.IGNORECASE,
)
_COMPUTED = re.compile(
    r"\b(?:count\w*|total\w*|sum|add\s+up|average|mean|median|most|least|largest|smallest|longest|shortest|latest|how\s+often"
    r"|how\s+many\s+(?:\w+\s+)?(?:lines?|files?|times?|words?|entries|rows|items)|lines?|functions?|zähl\w*|zeilen|summe|wörter"
    r"|dateien|durchschnitt\w*|meisten)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^\W\d_]{2,}[,;]? [^\W\d_]{2,}[^.!?\n]*[.!?](?:\s|$)")
_SENTENCES = 2  # at least, in prose
_PROSE = (".txt", ".md", ".rst", "")


class CopyFact(dspy.Signature):
    """Answer a question from a text. Copy the answer as it stands in the text, and only that: a name, a date, or a number with its unit, never a whole sentence. If the text does not say it, reply MISSING."""  # noqa: E501

    text: str = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class FactFinder(Program):
    """Find what a text says."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.find = dspy.Predict(CopyFact)

    def forward(self, request: str, sample: int = 0) -> str:
        """Return the words of the text that answer, "" if there is no such text or no such words.

        sample: not 0 for another answer than the likeliest.
        """
        if not (text := _text_asked(request, self.workspace)):
            return ""
        otherwise = {"temperature": _OTHERWISE, "rollout_id": sample} if sample else {}
        with dspy.context(adapter=_Plain(use_json_adapter_fallback=False)):
            reply = ask(self.find, text=text, question=request, config={"max_tokens": _MOST_TOKENS} | otherwise)
        return "" if isinstance(reply, Failure) else _as_it_stands(reply.answer, text)


class _Plain(dspy.ChatAdapter):
    """The text and the question as one message, the reply as it is."""

    def format(self, signature: Any, demos: Any, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        asked = plain(f"Text:\n{inputs['text']}\n\nQuestion: {inputs['question']}")
        user = f"{asked}\nReply with the words of the text that answer it."
        return [{"role": "system", "content": signature.instructions}, {"role": "user", "content": user}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        return {"answer": completion}


def _text_asked(request: str, workspace: Workspace) -> str:
    """Return the prose that a question is about, the paragraphs with most of its words where it is long; "" for none."""
    if not _QUESTION.search(request) or _COMPUTED.search(request):
        return ""
    named = [file.path for file in files_in(workspace) if is_named(file.path, request)]
    texts = [without_orders(text_at(path, workspace) or "") for path in named]
    if not texts or not all(path.endswith(_PROSE) and _is_prose(text) for path, text in zip(named, texts, strict=True)):
        return ""
    paragraphs = [part for text in texts for part in re.split(r"\n\s*\n", text) if part.strip()]
    wanted = set(content_stems(request))
    ranked = sorted(range(len(paragraphs)), key=lambda place: -len(wanted.intersection(content_stems(paragraphs[place]))))
    kept, left = set[int](), _SHOWN
    for place in ranked:
        left -= len(paragraphs[place])
        if left < 0:
            break
        kept.add(place)
    return "\n\n".join(paragraph for place, paragraph in enumerate(paragraphs) if place in kept)


def _is_prose(text: str) -> bool:
    return len(_SENTENCE.findall(text)) >= _SENTENCES


def _as_it_stands(answer: str, text: str) -> str:
    """Return the passage of a text that an answer is, "" if it is none."""
    words = answer.strip().strip("\"'`*. \n").split()
    if not words or len(" ".join(words)) > _LONGEST:
        return ""
    found = re.search(r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)", text, re.IGNORECASE)
    return " ".join(found[0].split()) if found else ""
