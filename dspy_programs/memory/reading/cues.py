"""How to recognize facts: words that announce one, and exact values. Based on how people write, not on a list of facts.

CUE is matched at the start of a lower-case word, CJK_CUE anywhere; EXACT finds exact values, named by kind.
"""

import re
from collections.abc import Iterator

CUE = re.compile(
    # what was decided or done for good
    "decid|decision|agreed|approv|confirm|chose|choos|select|reject|denied|declin|cancel|postpon|reschedul|schedul|"
    "assign|appoint|"
    "voted|settled|conclu|resolved|signed|hired|fired|promoted|launch|merged|pinned|froze|blocked|switch|migrat|moved|"
    "instead|rather$|refund|paid|bought|sold|shipped|"
    # what must be or is planned
    "deadline|due$|must$|never$|always$|only$|important|remember|wants?$|needs?$|asked|promis|expire|rotat|renew|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june|july|august|september|october|"
    "november|"
    "december|tomorrow|tonight|"
    # attributes of things
    "budget|invoice|price|cost|salary|earn|account|password|passphrase|secret|token|key$|keys$|credential|owner|owns|charge$|"
    "responsib|limit|quota|threshold|port$|host$|endpoint|region|branch|version|release|ticket|incident|order$|contract|"
    "supplier|"
    "customer|client|vendor|backup|cluster|latency|cause|todo$|fixme$|"
    # and of people
    "prefer|favou?rite|dislike|hates?$|loves?$|likes$|allerg|birthday|born|named|called|nickname|married|lives?$|lived|works$|"
    "studied|speaks|vegetarian|vegan|wife|husband|daughter|sister|brother|mother|father|phone|e?mail|address|contact|my$|our$|"
    "she$|he$|her$|his$|"
    "\u0440\u0435\u0448\u0438\u043b|\u0434\u043e\u0433\u043e\u0432\u043e\u0440|\u0431\u044e\u0434\u0436\u0435\u0442|"
    "\u0441\u0440\u043e\u043a"
)
CJK_CUE = re.compile(
    "\u51b3\u5b9a|\u540c\u610f|\u786e\u8ba4|\u53d6\u6d88|\u6279\u51c6|\u9009\u62e9|\u622a\u6b62|\u9884\u7b97|\u5bc6\u7801|"
    "\u5bc6\u94a5|\u8d1f\u8d23|\u559c\u6b22|\u8fc7\u654f|\u6539\u5230|\u6539\u4e3a|\u8d26\u53f7|\u7aef\u53e3|\u5408\u540c|"
    "\u7535\u8bdd|\u5730\u5740|\u4ef7\u683c|\u751f\u65e5|\u540d\u53eb|\u51b3\u8bae|\u7248\u672c|\u6c7a\u5b9a|"
    "\u78ba\u8a8d|\u4e88\u7b97|"
    "\u671f\u9650|\u62c5\u5f53|\u627f\u8a8d|\u5909\u66f4|\u7de0\u5207|\u7de0\u3081\u5207|\u597d\u304d|\uacb0\uc815|"
    "\ud655\uc778|"
    "\uc608\uc0b0|\ub9c8\uac10|\ub2f4\ub2f9|\uc2b9\uc778"
)

_MONTH = "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"  # noqa: E501
_UNIT = "(?:days?|hours?|minutes?|seconds?|weeks?|months?|years?|ms|[KMGT]B|km|kg|people|users|times)"
_EXACT = re.compile(
    r"[a-z]+(?=[ ,;:!?)]|\.?$|\. )"  # a plain word, passed over at once: nothing exact begins inside it
    r"|(?P<setting>^[A-Z][A-Z0-9_]{3,}\s?[=:]\s?\S+)"
    r"|(?P<address>(?<![\w.+-])[\w.+-]++@[\w-]+\.\w[\w.-]*|\bhttps?://[^\s'\"<>)]+"
    r"|\b(?<![\w.-])[\w-]++(?:\.[\w-]++)*\.(?:com|org|net|io|dev|internal|local|example)\b)"
    r"|(?P<money>[$\u20ac\u00a3\u00a5]\s?\d[\d.,]*(?:\s?(?:[kKmMbB]\b|million|billion))?"
    r"|\b\d[\d.,]*\s?(?:%|(?:USD|EUR|GBP|CHF|JPY|dollars|euros)\b|\u7f8e\u5143|\u5143|\u5186))"
    rf"|(?P<date>\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[:h]\d{{2}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}\b"
    rf"|\b{_MONTH}\s\d{{1,4}}\b|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\bQ[1-4]\b"
    r"|\d{1,4}[\u5e74\u6708\u65e5\u53f7](?:\d{1,2}[\u6708\u65e5\u53f7])*)"
    r"|(?P<id>\+?\d+(?:[- ]\d+){2,}|\b\d+-\d+\b"
    r"|\b(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[A-Za-z0-9_][\w-]*[A-Za-z0-9_]\b|\b[A-Z]{2,6}\b|\bv?\d+\.\d+\.\d[\w.]*)"
    r"|(?P<path>(?:~|\.{0,2})/[\w.-]+(?:/[\w.-]+)+|\b(?<![\w-])[\w-]++\.(?:yaml|yml|json|toml|py|md|csv|sql|txt|log|ts|js|go|rs)\b"
    r"|[A-Z]:\\\S+)"
    r"|(?P<constant>\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b)"
    rf"|(?P<number>\b\d[\d,]*(?:\.\d+)?(?:\s?{_UNIT}\b)?)"
    r"|(?P<name>(?<=[\w,;:\"'(] )[A-Z][a-z]+(?:[ -][A-Z][a-z]+)*|\b[A-Z][a-z]+[A-Z]\w+"
    r"|[A-Z][A-Za-z]{1,60}(?=[\u3040-\u9fff])|(?<=[\u3040-\u9fff])[A-Z][A-Za-z]+)"
)
WORTH = {
    "address": 3.0,
    "money": 3.5,
    "date": 3.0,
    "id": 3.0,
    "path": 3.0,
    "setting": 5.0,
    "constant": 1.5,
    "number": 1.6,
    "name": 2.2,
}


def exact_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the exact values in a text, each with its kind, one of WORTH."""
    for match in _EXACT.finditer(text):
        if match.lastgroup is not None:
            yield match.group(), match.lastgroup


def says_something_exact(text: str) -> bool:
    return next(exact_in(text), None) is not None
