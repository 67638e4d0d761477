"""Replies that ask for nothing: "yes, go ahead" agrees, "thanks, that's all" ends a conversation.

Input      a user's message.
Output     is_consent: it agrees, or asks to go on, and says nothing besides. is_closing: it thanks, or says goodbye.
           is_output: nobody wrote it: it is what a program printed, sent with the user's role.
Guarantees a message with any other word is neither. English, and the common words in German, French, Spanish, Japanese and
           Chinese.
"""

import re

_LONGEST_CONSENT, _LONGEST_CLOSING = 120, 250  # characters
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_STOPPED = re.compile(r"#{2,}\s?\w{1,20}\s?#{2,}|\bTERMINATE\b|\[(?:DONE|END|STOP)\]")  # with which a framework ends a run

_AGREES = frozenset(
    "yes yep yeah yup sure ok okay alright right correct exactly agreed absolutely definitely certainly perfect great "
    "fine works "
    "proceed continue confirm confirmed agree approve approved lgtm understood accept accepted go "
    "ja jawohl genau gerne einverstanden passt weiter bestätigt bestätige oui d'accord sûr parfait continuez continue confirme "
    "sí si claro vale acuerdo perfecto adelante continúa continúe confirmo hazlo correcto".split()
)
_WITH_CONSENT = frozenset(
    "please thanks thank you very much so then now it that that's this with all of them the booking cancellation change "
    "changes update "
    "order plan payment refund transfer reservation upgrade purchase modification to i i'd i'm would like want can may "
    "and just "
    "everything is looks sounds good on ahead do for me keep going carry next step steps no problem got course in "
    "that'd be fine "
    "let's a y flight flights new these those details option bitte danke mach das es ist s'il vous te plaît bien merci "
    "allez vas y complete finish finalize your help are all set my "
    "pour moi c'est por favor gracias de está bien eso con".split()
)
_THANKS = re.compile(
    r"thank|\bthx\b|\bty\b|cheers|appreciat|\bbye|goodbye|good night|see you|\bhave a |take care|that(?:'s|s| is| will "
    r"be|'ll be) "
    r"(?:all|it|every)|nothing else|\bnope\b|\A\W*no\W*\Z|i'?m (?:good|all set)|all set|all good|\bdanke?\b|tschüss|ist alles|"
    r"\bmerci|au revoir|c'est tout|gracias|adiós|es todo"
)
_WITH_THANKS = frozenset(
    "thanks thank thx ty cheers bye goodbye night see you no nope nothing else that that's thats is it all will be "
    "that'll would "
    "so very much a lot bunch for your the help helping assistance support again everything this was ok okay great "
    "perfect awesome "
    "excellent wonderful amazing fantastic too and have nice good day evening weekend one i i'm i'll i've appreciate "
    "appreciated "
    "really quick information info time clarification update handling taking care of clearing up sorting out with today need "
    "anything more further at for now then safe travels got sure alright understood in advance well to as same let me know set "
    "from my side yes yeah just what needed your're you're welcome us working patience patient service explaining confirming "
    "questions question any should don't do not other stop take "
    "danke dank schön sehr vielen tschüss das ist alles für die hilfe nein merci beaucoup au revoir c'est tout pour "
    "votre ton aide non "
    "muchas gracias adiós eso es todo por tu su la ayuda".split()
)
_CONSENT_CJK = re.compile(
    r"(?:はい|うん|ええ|了解|承知|わかりました|お願い(?:します|いたします)?|続けて|ください|大丈夫|です|しました|それで|"
    r"是的?|好的?|对的?|可以|行|没问题|继续|确认|同意|嗯|请|吧|的|了|啊|就这样|ok|\W)+",
    re.IGNORECASE,
)
_CLOSING_CJK = re.compile(
    r"(?:どうも|本当に|ありがとう|ござい(?:ます|ました)|助かりました|以上です|さようなら|非常?感?谢谢?|谢谢|你|您|"
    r"的帮助|多谢|再见|"
    r"没有了|不用了|好的|\W)+"
)


_YES = frozenset("yes yep yeah yup sure ok okay ja oui s\u00ed si \u306f\u3044 \u662f \u597d".split())
_ADDS = re.compile(r"[?\uff1f@\d]|\b(?:but|also|instead|except|only|unless|if|aber|auch|mais|aussi|pero|tambi\u00e9n)\b")


_OUTPUT = re.compile(
    r"\s*(?:[\w .@-]{1,40}: ?)?(?:exit ?code:? ?-?\d|code output:|observation:|tool (?:output|result):|std(?:out|err):|"
    r"execution (?:succeeded|failed|result|output)|[\w .@-]{0,40}(?:terminal|executor|interpreter|sandbox|console): |"
    r"<(?:observation|tool_result|function_results?|stdout|stderr|output)>)",
    re.IGNORECASE,
)


def is_output(text: str) -> bool:
    """Return whether a message with the user's role is what a program printed: "exitcode: 1 ..."."""
    return _OUTPUT.match(text) is not None


def is_consent(text: str) -> bool:
    """Return whether a message only agrees, or asks to go on."""
    if len(text) > _LONGEST_CONSENT or any(map(str.isdigit, text)):
        return False
    words = _words(text)
    if words and words <= _AGREES | _WITH_CONSENT:
        return not words.isdisjoint(_AGREES) or words <= {"go", "on", "please", "do", "keep", "going", "carry", "next", "y"}
    return not text.isascii() and bool(text.strip()) and _CONSENT_CJK.fullmatch(text) is not None


def agrees_to(text: str, proposal: str) -> bool:
    """Return whether a reply says yes to a proposal in its own words: "Yes, please cancel this reservation"."""
    low = text[: _LONGEST_CONSENT + 1].lower().replace("\u2019", "'")
    first, *others = _WORD.findall(low) or [""]
    if first not in _YES or len(text) > _LONGEST_CONSENT or _ADDS.search(low):
        return False
    proposed = proposal.lower()
    return all(word in _AGREES or word in _WITH_CONSENT or word in proposed for word in others)


def is_closing(text: str) -> bool:
    """Return whether a message only thanks, or ends the conversation."""
    if len(text) > _LONGEST_CLOSING:
        return False
    text = _STOPPED.sub(" ", text)
    words = _words(text)
    if words <= _WITH_THANKS and ("?" not in text):
        return not words or _THANKS.search(text.lower().replace("\u2019", "'")) is not None
    return not text.isascii() and _CLOSING_CJK.fullmatch(text) is not None and not is_consent(text)


def without_stop(text: str) -> str:
    """Return a message without the word with which a framework ends a run."""
    return _STOPPED.sub(" ", text).strip() if "#" in text or "TERMINATE" in text or "[" in text else text


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower().replace("\u2019", "'")))
