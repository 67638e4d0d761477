"""Which of a user's messages still ask for something: an agent that goes on must have them word for word.

A conversation is read from its beginning. A request opens; an answer of the assistant that asks nothing back closes all that
are open; thanks close them too. What was changed since closes all but the last of them; a first request that is long stays open
until it is said to be done. The last request is open in any case until it is thanked
for, and with it those that nothing has answered, or that the last one refers to ("do the same for Bob"). "Yes" and "ok, go on"
are no requests: what they agree to, the assistant's last message, counts as open with the request; so does a long answer, while
it is the last that the user said.

Input      entries in time order.
Output     the indexes of the messages; a note's, if the request that it marks as open is still so.
Guarantees linear; at most MOST messages. Among people alone (minutes of a meeting) only the last request.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from dspy_programs.conversation import Call, call_of
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.decisions import is_courtesy
from dspy_programs.memory.reading.deeds import changes, ending_of
from dspy_programs.memory.reading.note import STILL_OPEN, is_note
from dspy_programs.memory.reading.replies import agrees_to, is_closing, is_consent, is_output, without_stop
from dspy_programs.memory.reading.sentence_breaks import lines_in
from dspy_programs.memory.reading.talk import is_talk, speaker_of

MOST = 8
_MOST_READ = 40  # messages of the user
_READ = 1500  # characters at a message's beginning and end that are read
_SHORTEST_TASK = 140  # characters
_MOST_OF_RESULT = 2_000  # characters
_LONGEST_SHORT_ANSWER = 60  # characters; a longer one that is the last that the user said says what is wanted, too
_LONGEST_ANSWER = 200
_SHORT = 600
_LONGEST_REFERENCE = 240
_LONGEST_THANKS = 400
_LONGEST_HEAD = 100

_Kind = Literal["request", "answer", "consent", "closing"]
_ASKS = re.compile(
    r"[?\uff1f]|\b(?:please|can you|could you|would you|will you|i (?:just |really |also |still |only |now |actually |"
    r"urgently |definitely )?(?:need|"
    r"want|would like|wish|was hoping|am looking|"
    r"have to|must)|"
    r"i'?d (?:also |really |still |now )?(?:like|prefer|love|rather)|i'?m (?:looking|trying|calling|hoping)|would like|"
    r"want to|need to|hoping (?:to|"
    r"for)|help me|let'?s|(?<!i'll )make sure|show "
    r"me|tell me|give me|"
    r"find me|remind me|"
    r"bitte|könn(?:en|ten|test)|kannst|ich (?:möchte|brauche|will|würde|hätte)|s'il (?:vous|te) pla[iî]t|je (?:voudrais|veux|"
    r"souhaite)|"
    r"j'(?:aimerais|ai besoin)|pou(?:vez|rriez)|por favor|quiero|necesito|quisiera|pued[eo]s?|podr[ií]as?|me gustar[ií]a)\b"
    r"|ください|下さい|お願い|たいです|してほしい|教えて|请|帮我|我想|我要|我需要|能不能|可以帮|吗",
    re.IGNORECASE,
)
_DOES = re.compile(
    r"\W*(?:also |then |now |next |and |ok(?:ay)?,? |so |first |finally |again,? )*(?:add|book|build|buy|cancel|change|"
    r"check|clean|compare|compute|"
    r"convert|copy|create|delete|describe|draft|email|explain|extract|find|fix|forward|generate|get|give|implement|"
    r"install|list|look|"
    r"make|merge|modify|move|open|order|plan|post|print|put|read|refactor|remove|rename|replace|reply|report|reschedule|"
    r"retrieve|"
    r"return|rewrite|run|save|schedule|search|send|set|show|sort|start|stop|submit|summari[sz]e|switch|take|tell|test|"
    r"transfer|translate|try|"
    r"turn|update|upgrade|use|verify|write)\b",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\b(?:it|that|this|these|those|them|same|again|instead|also|as well|too|other|another|else|rest|previous|earlier|above|"
    r"still|back|one|ones|but|actually|both|either|everything|dasselbe|auch|noch|aussi|même|también|mismo|otro)\b|同じ|"
    r"それ|また|一样|还|也|那个|这个",
    re.IGNORECASE,
)
_GOES_ON = re.compile(  # refers to a request that was done already
    r"\b(?:same|again|instead|also|as well|too|other|another|else|rest|undo|both|dasselbe|auch|noch|aussi|même|también|mismo|"
    r"otro)\b|同じ|また|一样|还|也",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"\b(?:meanwhile|in the meantime|by the way|btw|quick question|while (?:you|we|i)|inzwischen|nebenbei|en attendant|"
    r"mientras)\b",
    re.IGNORECASE,
)
_ASKS_BACK = re.compile(
    r"[?\uff1f]|\b(?:please|kindly|could you|can you) (?:\w+ ){0,2}(?:provide|confirm|share|specify|choose|select|tell|"
    r"let me know|clarify|"
    r"reply|verify|double-check|indicate|give)\b|\blet me know (?:which|what|how|your|the|who|when|where|if "
    r"you(?:'d| would| want))|"
    r"\b(?:if|once|when|until) you (?:can |could |have |are able to )?(?:provide|confirm|share|give|specify|tell|find|locate)|"
    r"\bi(?:'ll| will)? need (?:your|the|a few|some|more|to know)\b|\bawaiting\b|"
    r"\bbitte (?:geben|nennen|bestätigen)|\bveuillez\b|(?:教えて|お知らせ|確認して)ください|请(?:提供|确认|告诉|选择)",
    re.IGNORECASE,
)
_COMPLETES = re.compile(
    r"\b(?:has|have|was|were|is|are) (?:now |all |both |also )*"
    r"(?:been )?(?:successfully |now )*(?:booked|cancell?ed|updated|changed|sent|"
    r"created|"
    r"deleted|scheduled|refunded|transferred|added|removed|paid|processed|completed|moved|assigned|reassigned|upgraded|modified|"
    r"fixed|merged|deployed|installed|reserved|ordered|resolved|submitted|saved|shipped|done)\b|\bsuccessfully\b|"
    r"\b(?:gebucht|storniert|erledigt|bestellt|reserviert|verschickt|geändert|réservée?|annulée?|effectuée?|reservad[oa]|cancelad[oa])\b",
    re.IGNORECASE,
)
_WAITS = re.compile(
    r"\b(?:one moment|hold on|give me a (?:moment|second|minute)|please (?:wait|hold)|working on it|let me (?!know))|"
    r"\b(?:i'?ll|i will|i'?m going to) (?:now )?(?:check|look|search|find|retrieve|review|start|begin|proceed|get back)",
    re.IGNORECASE,
)


_AGREES = re.compile(r"\W*(?:yes|yep|yeah|yup|sure|ok(?:ay)?|ja|oui|s[ií]|はい|是|好|对)\b", re.IGNORECASE)


_CHOOSES = re.compile(r"[^\d@?]{1,80}(?:\d{1,2}\b[^\d@?]{0,40})?")  # "the second one", "option 2, please": no id, no question
_FIGURE = re.compile(r"\d")


class _Said(NamedTuple):
    """What the assistant did last before a message of the user."""

    place: int = -1
    asks: bool = False
    answers: bool = False
    works: bool = False
    """It called tools and said nothing: that is an answer only if the user speaks next."""
    proposes: bool = False
    completes: bool = False
    """It says that what was asked for is done."""
    text: str = ""


def open_requests(entries: Sequence[MemoryEntry]) -> set[int]:
    """Return the indexes of the messages that are still open."""
    if not any(entry.role == "assistant" for entry in entries):
        return _last_among_people(entries)
    waiting: list[int] = []
    calls: dict[str | None, Call] = {}
    said, agreed_to, last_request, answer, changed = _Said(), -1, -1, -1, False
    for index in range(_start(entries), len(entries)):
        entry = entries[index]
        if entry.role == "tool" and calls:
            changed = _changed(calls, entry) or changed
        elif entry.role == "assistant":
            calls = {call.id: call for raw in entry.calls if isinstance(raw, dict) for call in [call_of(raw)]} or calls
            if entry.content.strip() or entry.calls:
                said = _said(entry, index)
                agreed_to = agreed_to if said.works else -1
        elif _is_of_user(entry):
            note = entry.role == "compressed"
            if (said.answers or said.works) and not note:
                waiting = _left_open(waiting, entry.content, entries, said.completes, changed)
            kind = _note_kind(entry) if note else _kind_of(entry.content, said, not waiting and last_request < 0)
            if kind == "request":
                waiting.append(index)
                last_request = index
            elif kind == "closing":
                waiting, last_request = [], -1
            elif last_request >= 0 and last_request not in waiting:
                waiting.append(last_request)
            answer = index if kind == "answer" and len(entry.content) > _LONGEST_SHORT_ANSWER and not note else -1
            agrees = kind == "consent" or (kind == "answer" and said.proposes and _CHOOSES.fullmatch(entry.content) is not None)
            agreed_to = said.place if agrees and said.asks and waiting else -1
            said, changed = _Said(), False
    if said.answers or changed:
        meant = [index for index in (waiting[-2:] if changed else []) if index != last_request]
        meant = meant if last_request >= 0 and _AGREES.match(entries[last_request].content) else []
        waiting = [*_briefs(waiting, entries, said.completes), *meant, *([last_request] if last_request >= 0 else [])]
    waiting = list(dict.fromkeys(waiting))
    kept = [*waiting[:1], *waiting[1:][-(MOST - 1) :]]
    return {*kept, *(index for index in (agreed_to, answer) if index >= 0)}


def asks(text: str) -> bool:
    """Return whether a sentence asks for something."""
    return _ASKS.search(text) is not None or _DOES.match(text) is not None


def _changed(calls: dict[str | None, Call], result: MemoryEntry) -> bool:
    """Take the call of a result out of the calls, and return whether it changed something."""
    call = calls.pop(result.answers if result.answers in calls else next(iter(calls)))
    text = result.content[:_MOST_OF_RESULT]
    return changes(call, text) and ending_of(text, True) == "done"


def _left_open(waiting: list[int], text: str, entries: Sequence[MemoryEntry], completed: bool, changed: bool) -> list[int]:
    """Return what is open after an answer: what was set aside for a question meanwhile, and what the next message refers to."""
    if waiting and _ASIDE.search(entries[waiting[-1]].content[:_READ]):
        return waiting[:-1]
    if completed:
        return []
    refers = _GOES_ON if changed else _REFERS
    meant = waiting[-1:] if len(text) <= _LONGEST_REFERENCE and refers.search(text) else []
    return [*_briefs(waiting, entries, completed), *meant]


def _briefs(waiting: list[int], entries: Sequence[MemoryEntry], completed: bool) -> list[int]:
    """Return the first request, if it is long: what it asks for takes many steps, and what it forbids holds for all."""
    is_task = not completed and waiting and len(entries[waiting[0]].content) >= _SHORTEST_TASK
    return waiting[:1] if is_task else []


def _start(entries: Sequence[MemoryEntry]) -> int:
    """Return where the last messages of the user begin that are read: what is open is among them."""
    messages = 0
    for index in range(len(entries) - 1, -1, -1):
        messages += entries[index].role == "user"
        if messages == _MOST_READ:
            return index
    return 0


def _is_of_user(entry: MemoryEntry) -> bool:
    return (entry.role == "user" and not is_output(entry.content)) or (entry.role == "compressed" and is_note(entry.content))


def _note_kind(entry: MemoryEntry) -> _Kind:
    lines = entry.content.split("\n")
    return "request" if any(STILL_OPEN in line[:_LONGEST_HEAD] and not line.startswith(" ") for line in lines) else "answer"


def _said(entry: MemoryEntry, index: int) -> _Said:
    """Read an assistant's message: it asks something back, or it answers, or it goes on working."""
    if entry.calls:
        return _Said(index, works=True)
    found = lines_in(entry.content if len(entry.content) <= 2 * _READ else f"{entry.content[:_READ]}\n{entry.content[-_READ:]}")
    near = found if len(entry.content) <= _SHORT else [*found[:3], *found[-4:]]
    last = [sentence for sentence in near if not is_courtesy(sentence)]
    asks = any(map(_ASKS_BACK.search, last))
    answers = not asks and not (last and _WAITS.search(last[-1]))
    return _Said(
        index,
        asks,
        answers,
        completes=answers and _COMPLETES.search(entry.content[:_READ]) is not None,
        text=entry.content[-_READ:],
        proposes=len(entry.content) > _LONGEST_ANSWER and _FIGURE.search(entry.content) is not None,
    )


def _kind_of(text: str, said: _Said, is_first: bool) -> _Kind:
    whole, text = text.strip(), without_stop(text).strip()
    if text != whole and not _ASKS.search(text):
        return "closing"
    if is_consent(text) or (said.asks and agrees_to(text, said.text)):
        return "consent"
    agrees = said.asks and _AGREES.match(text) is not None
    if not agrees and _closes(text, said):
        return "closing"
    if is_first or not said.asks:
        return "request"
    read = text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}"
    if len(text) > _LONGEST_ANSWER or _ASKS.search(read) or _DOES.match(read):
        return "request"
    return "answer"


def _closes(text: str, said: _Said) -> bool:
    """Return whether a message ends the conversation: thanks alone, or at its end and nothing asked before."""
    if is_closing(text):
        return not said.asks or not text.strip().lower().startswith("no")
    if len(text) > _LONGEST_THANKS or said.asks:
        return False
    *before, last = lines_in(text) or [""]
    return is_closing(last) and not any(_ASKS.search(one) or _DOES.match(one) for one in before)


def _last_among_people(entries: Sequence[MemoryEntry]) -> set[int]:
    if is_talk(entries):  # who is no speaker before them or after them speaks to the assistant
        spoken = [index for index, entry in enumerate(entries) if speaker_of(entry.content) is not None]
        asked = [*range(spoken[0]), *range(spoken[-1] + 1, len(entries))]
        return {index for index in asked if entries[index].role == "user"}
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        if _is_of_user(entry) and (entry.role == "compressed" or not (is_closing(entry.content) or is_consent(entry.content))):
            return {index}
    return set()
