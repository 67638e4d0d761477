"""What a log says of a name of a secret is taken out: password=, "token": "...", --token, a header, a cookie, `curl -u`.

Stricter than what looks like a secret: a log can spare it.
"""

import re

_SHOWN = "[secret]"
_NOTHING = r"(?!none\b|null\b|true\b|false\b|[*<\[${%/])"
_SURE = r"password|passwd|pwd|passphrase"
_NAMES = rf"(?:{_SURE}|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_CALLED = re.compile(
    rf"(?P<name>(?<![\w-])[\w.-]{{0,40}}{_NAMES}[\"']?=[\"']?"
    rf"|[?&](?:sig|signature|auth|code)=|[?&;\s]session_?id=|(?<!\S)--(?:[a-z]{{1,20}}-)?(?:{_NAMES})[ =]"
    rf"|(?<!\S)(?:-u|--user)[ =][^\s:]{{1,64}}:|(?:{_SURE}|secret)(?: =|= | = )(?![\w.]+[(\[]))"
    rf"{_NOTHING}(?P<value>[^\s\"'&;,)]{{4,}})",
    re.I,
)
_QUOTED = re.compile(
    rf"(?P<name>{_NAMES}(?P<end>\\?[\"'])? ?[:=] ?(?P<quote>\\?[\"'])){_NOTHING}(?P<value>(?:(?!(?P=quote))[^\n]){{3,4000}})",
    re.I,
)
"""In JSON, also as a text in JSON, in Python and YAML. The name may be the end of a longer one."""
_LAST = re.compile(
    rf"(?P<name>(?<![\w-])(?:{_SURE}|[\w-]{{0,40}}[_-](?:token|secret)|(?:api|access|secret|private)[_-]key): ){_NOTHING}"
    r"(?P<value>[^\s\"',;]{4,})$",
    re.I | re.M,
)
_HEADER = re.compile(
    r"(?P<name>\b(?:(?:proxy-)?authorization|x-[\w-]{0,30}(?:key|token|secret))[\"']?: ?[\"']?"
    r"(?:(?:basic|bearer|token|digest) )?)"
    r"(?P<value>[^\s\"',;]{4,})",
    re.I,
)
_ELEMENT = re.compile(rf"(?P<name><(?:[\w:.-]{{0,40}}){_NAMES}>)(?P<value>[^<\n]+)", re.I)
_IN_URL = re.compile(r"(?P<name>://[^\s:/@\"'<>]{0,64}:)(?P<value>[^\s/\"'<>]{1,128})(?=@)")
_COOKIE = re.compile(r"(?i)\b(?P<name>(?:set-)?cookie2?[\"']?: ?[\"']?)(?P<value>[^\n\"']{4,})")


def without_assigned(text: str) -> str:
    """Return a text with [secret] in place of each value of a name of a secret."""
    patterns = []
    if "=" in text or "-u " in text or "--" in text:
        patterns.append(_CALLED)
    if '"' in text or "'" in text:
        patterns.append(_QUOTED)
    if ":" in text:
        patterns += [_LAST, _HEADER]
    if "://" in text:
        patterns.append(_IN_URL)
    if "</" in text:
        patterns.append(_ELEMENT)
    if "ookie" in text or "OOKIE" in text:
        patterns.append(_COOKIE)
    for pattern in patterns:
        text = pattern.sub(rf"\g<name>{_SHOWN}", text)
    return text
