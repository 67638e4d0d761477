"""A talk among people that is pasted turn by turn, each turn begun with its speaker: "Dr Frank Atherton: Well, ...".

Input      the entries of a memory.
Output     is_talk: whether they are such a talk. speaker_of: who speaks in a message. densities: what each sentence is worth
           for its length, if only words can tell: the rarer its words, the more.
Guarantees linear in the text. A label of a note's lines is never a speaker.
Source     inverse document frequency (Sparck Jones 1972), a sentence as a document.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from dspy_programs.memory.entry import MemoryEntry

ANSWER = 3  # sentences after a question that answer it
DECIDED_WORTH = 2.0  # of a sentence that decides or promises, if decisions are asked for
ANSWER_WORTH, QUESTION_WORTH = 1.6, 0.6
_FEWEST = 6  # turns
_MOST_SPEAKERS = 0.5  # for each turn
_NAMED = 0.7  # of the turns
_PER_SENTENCE = 40  # characters that a sentence costs besides its own
_SPEAKER = re.compile(r"\s*([A-Z][\w.'-]*(?: [\w.'-]+){0,4})(?: \([^()\n]{1,90}\))?: ")  # "Ann Lee (Chair): "
_NO_SPEAKER = re.compile(r"(?i)(?:user|assistant|system|tool|note|done|failed|asked)|earlier\b.*")
_WORD = re.compile(r"[^\W\d_]{4,}|(?:(?<!\w)\w*)?\d\w*|[\u3040-\u9fff]{2}")
_DECISIONS = re.compile(
    r"(?i)\b(?:decisions?|decided|action (?:items?|points?)|to-?dos?|who does what|minutes|protokoll|"
    r"beschl\u00fcsse|d\u00e9cisions|proc\u00e8s-verbal|decisiones)\b"
)
_DECIDES = re.compile(
    r"\b(?:decid\w*|decisions?|agreed|approved?|settled|resolved|mandate|deadline|let'?s|go(?:ing)? with|please|"
    r"(?:i|we)(?:'ll| will)|beschlossen|entschieden|einverstanden|ich (?:werde|mache)|wir (?:werden|machen)|d\u00e9cid\u00e9|"
    r"d'accord|je vais|on va)\b",
    re.IGNORECASE,
)
_SHORTEST_DECISION = 20  # characters
_STEM = 7  # characters


def speaker_of(text: str) -> str | None:
    match = _SPEAKER.match(text[:150])
    return None if match is None or _NO_SPEAKER.fullmatch(match[1]) else match[1]


def without_speaker(text: str) -> str:
    return _SPEAKER.sub("", text, count=1)


def is_talk(entries: Sequence[MemoryEntry]) -> bool:
    turns = [entry.content for entry in entries if entry.role != "system"]
    if len(turns) < _FEWEST or any(entry.role in ("assistant", "tool") for entry in entries):
        return False
    speakers = [speaker for turn in turns if (speaker := speaker_of(turn)) is not None]
    return len(speakers) >= _NAMED * len(turns) and 1 < len(set(speakers)) <= _MOST_SPEAKERS * len(turns)


def asks_for_decisions(request: str) -> bool:
    return _DECISIONS.search(request) is not None


def decides(sentence: str) -> bool:
    """Return whether somebody decides or promises something."""
    return "?" not in sentence and len(sentence) >= _SHORTEST_DECISION and _DECIDES.search(sentence) is not None


def densities(sentences: Sequence[str]) -> list[float]:
    found = [{word.lower()[:_STEM] for word in _WORD.findall(sentence)} for sentence in sentences]
    times = Counter(word for words in found for word in words)
    return [
        sum(math.log(len(sentences) / times[word]) for word in sorted(words)) / (len(sentence) + _PER_SENTENCE)
        for words, sentence in zip(found, sentences, strict=True)
    ]
