"""What a message says of requests: it asks, refers back, agrees, or chooses; it asks back, announces, or says what is done.

Input      a user's text: asks, refers_back, goes_on, is_aside, begins_with_yes, chooses.
           An assistant's sentence: asks_back, announces, says_done.
Guarantees English, and the common words in German, French, Spanish, Japanese and Chinese.
"""

import re

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


def asks(text: str) -> bool:
    """Return whether a sentence asks for something."""
    return _ASKS.search(text) is not None or _DOES.match(text) is not None


def refers_back(text: str) -> bool:
    """Return whether a request refers to what was said before."""
    return _REFERS.search(text) is not None


def goes_on(text: str) -> bool:
    """Return whether a request refers to one that was done already: "do the same for Bob"."""
    return _GOES_ON.search(text) is not None


def is_aside(text: str) -> bool:
    """Return whether a question is asked while another request waits."""
    return _ASIDE.search(text) is not None


def begins_with_yes(text: str) -> bool:
    return _AGREES.match(text) is not None


def chooses(text: str) -> bool:
    """Return whether a message chooses: "the second one", "option 2, please": no id, no question."""
    return _CHOOSES.fullmatch(text) is not None


def asks_back(sentence: str) -> bool:
    """Return whether an assistant needs an answer."""
    return _ASKS_BACK.search(sentence) is not None


def announces(sentence: str) -> bool:
    """Return whether an assistant says what it will do next."""
    return _WAITS.search(sentence) is not None


def says_done(text: str) -> bool:
    """Return whether an assistant says that what was asked for is done."""
    return _COMPLETES.search(text) is not None
