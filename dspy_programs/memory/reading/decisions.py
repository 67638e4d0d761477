"""Whether a sentence settles something: what people decide, confirm, refuse or prefer; what an assistant promises or refuses.

Input      a sentence, and whether an assistant says it.
Output     settles: whether it decides, confirms, refuses, prefers, promises or forbids. is_courtesy: whether it only offers
           help or wishes well. stands, looks_up: whether a person's order holds from then on, or only asks what is so.
Guarantees English best; the common words in German, French, Spanish, Japanese and Chinese. An announcement of the next step
           ("I'll check that") and a courtesy settle nothing.
"""

import re

_LONGEST = 600  # characters of a sentence that are read

_SIGNS = ("", ",", ".", "!", "?", ";", ":", ")")


def _with_signs(words: str) -> frozenset[str]:
    return frozenset(word + sign for word in words.split() for sign in _SIGNS)


_PEOPLE_SAY = _with_signs(
    "decide decided decides deciding decision decisions agree agreed agrees agreement confirm confirmed confirms confirming "
    "approve approved approves approval accept accepted reject rejected refuse refused refuses decline declined chose "
    "choose chosen settle "
    "settled conclude concluded conclusion prefer preferred prefers preference rather instead favorite favourite insist "
    "must never always only "
    "don't cannot can't won't want wants need needs let's please allergic deadline budget mustn't shouldn't "
    "yes no nope nein oui non ja "
    "entschieden entscheidung beschlossen einverstanden lieber bevorzuge m\u00f6chte m\u00f6chten nicht niemals immer "
    "nur muss m\u00fcssen bitte "
    "d\u00e9cid\u00e9 d\u00e9cision pr\u00e9f\u00e8re pr\u00e9f\u00e9rerais plut\u00f4t d'accord jamais toujours "
    "seulement voudrais veux doit "
    "decidido decidimos decisi\u00f3n prefiero preferimos mejor acuerdo nunca siempre solo s\u00f3lo quiero debe s\u00ed"
)
_PEOPLE_MAY_SAY = _with_signs("do i'll i'd would go make at by no we'll i'm we should")
_PEOPLE = re.compile(
    r"\bdo not\b|\bi'll (?:take|go|pay|use|do|have|keep)\b|\b(?:i'd|i would|we'd|we would) (?:like|prefer|rather)\b|"
    r"\bgo (?:with|for|ahead)\b|\bmake sure\b|\bno (?:more|later|less) than\b|\bat (?:most|least)\b|"
    r"\bby (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|tonight|noon|eod|the end)\b|\bwe(?:'ll| "
    r"will| should)\b|"
    r"\bi'm (?:fine|ok|okay|happy) with\b"
)
_ASSISTANT_SAYS = _with_signs(
    "cannot can't unable won't unfortunately policy refuse refused decline declined decided decision agreed confirmed "
    "approved rejected denied "
    "chose chosen selected settled concluded instead successfully promise guarantee leider storniert gebucht "
    "best\u00e4tigt beschlossen "
    "malheureusement confirm\u00e9 confirm\u00e9e r\u00e9serv\u00e9 r\u00e9serv\u00e9e annul\u00e9 annul\u00e9e "
    "lamentablemente confirmado confirmada "
    "reservado reservada cancelado cancelada"
)
_DONE = (
    "booked|cancell?ed|updated|changed|sent|created|deleted|scheduled|refunded|transferred|added|removed|paid|processed|"
    "completed|moved|"
    "assigned|upgraded|fixed|merged|deployed|installed|reserved|ordered|resolved|submitted|saved|shipped"
)
_ASSISTANT_MAY_SAY = _with_signs("i'll we'll will shall can not been was were is are have has i've we've werde puedo peux")
_ASSISTANT = re.compile(
    r"\b(?:i|we)(?:'ll| will| shall|'m going to| am going to)\b(?! (?:now |first |then |just |also |need to |have to |"
    r"quickly |go ahead and )*"
    r"(?:check|look|search|find|retrieve|review|verify|need|get|see|start|begin|try|proceed|fetch|gather|calculate|"
    r"compute|be happy|"
    r"be glad|help|assist|use|call|query|read|list|examine|analy[sz]e|explore|open|provide|walk|take a look|do that|be "
    r"able|let you)\b)|"
    r"\bcan not\b|\bnot (?:able|allowed|possible|eligible|permitted|available|sufficient|enough|be (?:refunded|changed|"
    r"modified|cancell?ed))\b|"
    rf"\b(?:has|have|was|were|is|are|i've|we've) (?:now |been |successfully |all |just |also )*(?:{_DONE})\b|"
    r"\b(?:ich|wir) werden?\b|\bno puedo\b|\bne peux pas\b"
)
_CJK = re.compile(
    "決定|決め|決まり|確認し|承認|同意|却下|拒否|お断り|できません|ません|希望|好き|嫌い|の方がいい|にします|でお願い|"
    "必ず|絶対|キャンセル|変更し|予約し|約束|"
    "决定|同意|确认|批准|拒绝|取消|选择|喜欢|不喜欢|偏好|宁愿|更想|改为|改成|必须|不要|不能|无法|只要|答应|承诺|已经|预订|抱歉"
)
_COURTESY = re.compile(
    r"\b(?:anything|something) else\b|\b(?:other|further|more|any) (?:questions?|assistance|help|concerns)\b|"
    r"\bhow (?:can|may) i (?:help|assist)\b|\b(?:feel free|don'?t hesitate|is there anything|happy to (?:help|assist)|"
    r"glad (?:to|i)|"
    r"let me know if (?:there|you (?:need|have|run into|encounter))|you'?re welcome|have a (?:\w+ )?(?:day|flight|trip|"
    r"evening))\b"
)
_STANDING = re.compile(  # English, German
    r"(?:^|[.!,;:]\s|\b(?:and|but|also|then|later|please)\s)(?:please )?"
    r"(?:do not|don't|never|always|keep|remind me|make sure|leave|be sure)\b"
    r"(?! (?:worry|mind|have|know|think|see|going|it up|me)\b)|"
    r"\bmust (?:still|not|never|always|stay|remain|keep)\b|\bmustn't\b|\bunder no circumstances\b|\bfrom now on\b|"
    r"\berinner\w* (?:mich|uns)\b|\b(?:auf keinen fall|ab jetzt|niemals|nie)\b|\b(?:darf|darfst|d\u00fcrfen) nicht\b|"
    r"\b(?:muss|m\u00fcssen) (?:weiter|immer)|"
    r"(?:^|[.!;:]\s|\b(?:und|aber)\s)(?:bitte )?(?:behalte|lass|verwende|nimm|benutze|\u00e4ndere|l\u00f6sche)\w*\b"
    r"[^.!?]*\b(?:kein\w*|nicht|bei|immer)\b"
)
_REVISES = re.compile(  # English, German, French, Spanish
    r"\b(?:now|instead|after all|correction|no longer|any ?more|not the|from (?:now|next) |change of plans?|moved to|"
    r"jetzt|doch|statt|stattdessen|korrektur|nicht mehr|en fait|finalement|au lieu|plut\u00f4t|ahora|en realidad|en lugar)\b",
    re.IGNORECASE,
)
_LOOKS_UP = re.compile(
    r"\W*(?:(?:and|also|so|but|ok(?:ay)?|now|then|hey|hi|und|aber|et|y)\b\W*)*"
    r"(?:what(?!(?: about| if)\b)(?:'s)?|which|how(?! about\b)|where|when|who|whose|why(?! (?:not|don't)\b)|"
    r"is|are|does|do|did|was|were|has|"
    r"wie|wo|wof\u00fcr|wozu|warum|wieso|welche[rsnm]?|wer|wann|ist|sind|hat|haben|gibt|"
    r"quel(?:le)?s?|o\u00f9|pourquoi|combien|qu\u00e9|cu\u00e1l|d\u00f3nde|cu\u00e1ndo|cu\u00e1nto)\b[^?]*\?\W*$",
    re.IGNORECASE,
)
_OR_ELSE = re.compile(r",? or (?:is|was|if) (?:there|you)\b.{0,20}\b(?:anything|something|any|other|further)\b.*")


def settles(sentence: str, assistant: bool = False) -> bool:
    """Return whether a sentence decides, confirms, refuses, prefers or promises something; assistant: one says it."""
    head = sentence.lower()
    if not head.isascii():
        head = head.replace("\u2019", "'")
        if _CJK.search(head):
            return True
    words = head.split()
    if not assistant:
        return not _PEOPLE_SAY.isdisjoint(words) or (not _PEOPLE_MAY_SAY.isdisjoint(words) and _PEOPLE.search(head) is not None)
    if _ASSISTANT_SAYS.isdisjoint(words) and (_ASSISTANT_MAY_SAY.isdisjoint(words) or _ASSISTANT.search(head) is None):
        return False
    return _COURTESY.search(head) is None


def stands(sentence: str) -> bool:
    """Return whether what a person says holds from then on: "Do not use X", "keep the names", "remind me to pay"."""
    return "?" not in sentence and _STANDING.search(sentence[:_LONGEST].lower().replace("\u2019", "'")) is not None


def revises(sentence: str) -> bool:
    """Return whether what a person says takes the place of what was so before: "So the total is 24,000 now"."""
    return "?" not in sentence and _REVISES.search(sentence[:_LONGEST]) is not None


def looks_up(sentence: str) -> bool:
    """Return whether a sentence only asks what is so: once answered, the answer is what counts."""
    return len(sentence) <= _LONGEST and _LOOKS_UP.match(sentence) is not None


def is_courtesy(sentence: str) -> bool:
    """Return whether a sentence only offers help or wishes well: "Would you like that, or is there anything else?" asks."""
    head = _OR_ELSE.sub("", sentence[:_LONGEST].lower().replace("\u2019", "'"))
    return _COURTESY.search(head) is not None
