"""Whether a sentence settles something: what people decide, confirm, refuse or prefer; what an assistant promises or refuses.

Input      a sentence, and whether an assistant says it.
Output     settles: whether it decides, confirms, refuses, prefers, promises or forbids. is_consent: whether a message is
           nothing but "yes", "ok go on". is_closing: nothing but thanks or a goodbye.
Guarantees English best; the common words in German, French, Spanish, Japanese and Chinese. An announcement of the next step
           ("I'll check that") and a courtesy settle nothing.
"""

import re
from functools import lru_cache

_LONGEST = 600  # characters of a sentence that are read
_LONGEST_CONSENT = 80
_WORD_CONSENT = (
    r"yes|yep|yeah|yup|sure|ok|okay|alright|all right|right|correct|exactly|agreed|absolutely|definitely|of course|certainly|"
    r"perfect|great|good|fine|sounds good|that works|works for me|looks good|go|go on|go ahead|please do|do it|proceed|continue|"
    r"confirm|confirmed|i confirm|i agree|i do|approved?|lgtm|y|no problem|got it|understood|makes sense|that'?s (?:right|correct|fine|it|ok)|"
    r"carry on|keep going|next|"
    r"ja|jawohl|genau|gerne|einverstanden|passt|weiter|mach weiter|bestätigt|oui|d'accord|bien sûr|parfait|continuez?|allez-y|vas-y|"
    r"s[ií]|claro|vale|de acuerdo|perfecto|adelante|contin[uú]a|hazlo|はい|うん|ええ|了解|了解です|わかりました|お願いします|続けて|続けてください|大丈夫です|"
    r"是|是的|好|好的|对|可以|行|没问题|继续|确认|同意|嗯"
)
_FILLS_CONSENT = (
    r"please|thanks|thank you|very much|so much|then|now|it|that|this|with (?:it|that|this)|all|of them|the (?:booking|cancellation|change|changes|"
    r"update|order|plan|payment|refund|transfer|reservation|upgrade|purchase)|to proceed|i|i'd|would|like|want|you|can|may|and|just|with|"
    r"everything|is|looks|sounds|good|bitte|danke|s'il (?:vous|te) pla[iî]t|merci|por favor|gracias|ありがとう|谢谢|请"
)
_CONSENT = re.compile(rf"(?:\W*\b(?:{_WORD_CONSENT})\b)(?:\W+(?:{_WORD_CONSENT}|{_FILLS_CONSENT})\b)*\W*", re.IGNORECASE)
_CONSENT_CJK = re.compile(rf"\W*(?:(?:{_WORD_CONSENT}|{_FILLS_CONSENT})\W*)+(?:です|ます|。|！|吧|的|了|啊)*\W*", re.IGNORECASE)
_THANKS = (
    r"thanks?|thank you|thx|ty|cheers|much appreciated|i appreciate (?:it|that|your help)|you'?re welcome|bye|goodbye|good night|"
    r"see you|have a (?:\w+ )?(?:day|one|evening|weekend|night)|take care|"
    r"no,? (?:that'?s|that is|that will be|that'll be) (?:all|it|everything)|that'?s (?:all|it|everything)|that (?:is|will be|would be) all|"
    r"nothing else|nope|no|i'?m (?:good|all set)|all set|all good|"
    r"danke(?: schön| sehr)?|vielen dank|tschüss|das ist alles|merci(?: beaucoup)?|au revoir|c'est tout|"
    r"(?:muchas )?gracias|adiós|eso es todo|ありがとう(?:ございます|ございました)?|以上です|谢谢(?:你|您)?|多谢|再见|没有了|不用了"
)
_FILLS_THANKS = (
    r"so|very|much|a lot|a bunch|for|your|the|all|help|helping|assistance|support|again|you|everything|that|this|was|is|it|ok|okay|great|"
    r"perfect|awesome|excellent|wonderful|too|and|have|a|nice|good|great|day|evening|weekend|i|appreciate|have no|questions|really|"
    r"quick|information|info|time|clarification|update|handling|taking care of|clearing|up|sorting|out|out with|with|today|no|need|"
    r"anything|more|further|else|at this time|for now|now|then|safe|travels|got|yes|sure|alright|understood|bye|in advance|well|be|will|"
    r"to you|as well|same|let|me|know|i'll|i've|i'm|all set|appreciated|sehr|für|die|hilfe|pour|votre|aide|por|tu|su|ayuda"
)
_CLOSING = re.compile(rf"\W*(?:(?:{_THANKS}|{_FILLS_THANKS})\b\W*)+", re.IGNORECASE)
_CLOSING_CJK = re.compile(r"\W*(?:(?:ありがとう(?:ございま(?:す|した))?|助かりました|以上です|さようなら|谢谢(?:你|您)?(?:的帮助)?|多谢|再见|没有了|不用了|好的)\W*)+")
_HAS_THANKS = re.compile(
    r"thank|thx|\bty\b|cheers|appreciate|bye|good night|see you|welcome|have a |take care|that'?s (?:all|it|every)|will be all|nothing else|"
    r"\bnope\b|^\W*no\W*$|i'?m good|all set|all good|dank|tschüss|das ist alles|merci|au revoir|c'est tout|gracias|adiós|eso es todo|"
    r"###|\bstop\b",
    re.IGNORECASE,
)
_STOPPED = re.compile(r"#{2,}\s?\w{1,20}\s?#{2,}|\bTERMINATE\b|\[(?:DONE|END|STOP)\]")

_PEOPLE = re.compile(
    r"\b(?:decid\w+|decision|agree[ds]?|confirm\w*|approv\w+|accept\w*|reject\w*|refus\w+|declin\w+|chose|choose|chosen|settled?|"
    r"conclu\w+|prefer\w*|rather|instead|favou?rite|insist\w*|must|never|always|only|don'?t|do not|cannot|can'?t|won'?t|"
    r"let'?s|go (?:with|for|ahead)|i'?ll (?:take|go|pay|use|do|have)|i (?:want|need|would like|choose|pick|select)|i'?d (?:like|prefer|rather)|"
    r"please|make sure|no (?:more|later|less) than|at (?:most|least)|deadline|by (?:monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday|tomorrow|tonight|noon|eod)|we(?:'ll| will| shall| should)|allergic|budget|"
    r"entschied\w*|beschlossen|einverstanden|lieber|bevorzug\w+|möchte|nicht|niemals|immer|nur|muss|müssen|"
    r"décid\w+|préfèr\w*|préférer\w*|plutôt|d'accord|jamais|toujours|seulement|voudrais|doit|"
    r"decid\w+|prefier\w+|prefer\w+|mejor|acuerdo|nunca|siempre|solo|quiero|debe)\b|^\W*(?:no|yes|ja|nein|oui|non|sí|はい|いいえ)\b",
    re.IGNORECASE,
)
_ASSISTANT = re.compile(
    r"\b(?:i|we)(?:'ll| will| shall|'m going to| am going to| promise)\b(?! (?:now |first |then |just |also |need to |have to |quickly |go ahead and )*"
    r"(?:check|look|search|find|retrieve|review|verify|need|get|see|start|begin|try|proceed|fetch|gather|calculate|compute|be happy|"
    r"be glad|help|assist|use|call|query|read|list|examine|analy[sz]e|explore|open|provide|walk|take a look|do that|be able|let you))|"
    r"\b(?:cannot|can ?not|can'?t|unable|won'?t|not (?:able|allowed|possible|eligible|permitted|available|sufficient|enough)|refus\w+|declin\w+|"
    r"unfortunately|policy|not be (?:refunded|changed|modified|cancelled|canceled))\b|"
    r"\b(?:decid\w+|decision|agreed|confirmed|approved|rejected|denied|chose|chosen|selected|settled|concluded|instead)\b|"
    r"\b(?:has|have|was|were|is|are) (?:now |been |successfully |all )*(?:booked|cancell?ed|updated|changed|sent|created|deleted|scheduled|"
    r"refunded|transferred|added|removed|paid|processed|completed|moved|assigned|upgraded|fixed|merged|deployed|installed|reserved|ordered)\b|"
    r"\bsuccessfully\b|"
    r"\b(?:werde|kann nicht|leider|beschlossen|bestätigt|gebucht|storniert|ne peux pas|malheureusement|confirmé|réservé|annulé|no puedo|"
    r"lamentablemente|confirmad[oa]|reservad[oa]|cancelad[oa])\b",
    re.IGNORECASE,
)
_CJK = re.compile(
    "決定|決め|決まり|確認し|承認|同意|却下|拒否|お断り|できません|ません|希望|好き|嫌い|の方がいい|にします|でお願い|必ず|絶対|キャンセル|変更し|予約し|約束|"
    "决定|同意|确认|批准|拒绝|取消|选择|喜欢|不喜欢|偏好|宁愿|更想|改为|改成|必须|不要|不能|无法|只要|答应|承诺|已经|预订|抱歉"
)
_COURTESY = re.compile(
    r"\b(?:anything|something) else\b|\bhow (?:can|may) i (?:help|assist)\b|\b(?:feel free|don'?t hesitate|let me know if|is there anything|"
    r"happy to (?:help|assist)|glad (?:to|i)|you'?re welcome|have a (?:\w+ )?(?:day|flight|trip|evening))\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def settles(sentence: str, assistant: bool = False) -> bool:
    """Return whether a sentence decides, confirms, refuses, prefers or promises something; assistant: one says it."""
    head = sentence[:_LONGEST].replace("\u2019", "'")
    if not head.isascii() and _CJK.search(head):
        return True
    if not assistant:
        return _PEOPLE.search(head) is not None
    return _ASSISTANT.search(head) is not None and _COURTESY.search(head) is None


def is_consent(text: str) -> bool:
    """Return whether a message only agrees, or asks to go on."""
    text = text.strip()
    if not text or len(text) > _LONGEST_CONSENT:
        return False
    text = text.replace("\u2019", "'")
    return (_CONSENT if text.isascii() else _CONSENT_CJK).fullmatch(text) is not None or (
        not text.isascii() and _CONSENT.fullmatch(text) is not None
    )


def is_closing(text: str) -> bool:
    """Return whether a message only thanks, or ends the conversation."""
    text = _STOPPED.sub(" ", text[:400]).strip().replace("\u2019", "'") if len(text) <= 400 else text
    if not text:
        return True
    if len(text) > 250:
        return False
    if not text.isascii() and _CLOSING_CJK.fullmatch(text):
        return True
    return _HAS_THANKS.search(text) is not None and _CLOSING.fullmatch(text) is not None


def is_courtesy(sentence: str) -> bool:
    """Return whether a sentence only offers help or wishes well."""
    return _COURTESY.search(sentence[:_LONGEST].replace("\u2019", "'")) is not None
