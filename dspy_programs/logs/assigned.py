"""What a log says of a name of a secret is taken out: password=, --token, a cookie, `curl -u`.

Stricter than what looks like a secret: a log can spare it.
"""

import re

_SHOWN = "[secret]"
_CALLED = re.compile(
    r"(?P<name>(?<![\w-])[\w.-]{0,40}(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key)[\"']?=[\"']?"
    r"|[?&](?:sig|signature|auth|code)=|[?&;\s]session_?id=|(?<!\S)--(?:password|passwd|token|secret|api-key)[ =]"
    r"|(?<!\S)-u [^\s:]{1,64}:)"
    r"(?!none\b|null\b|true\b|false\b|[*<\[${%/])(?P<value>[^\s\"'&;,)]{4,})",
    re.I,
)
_COOKIE = re.compile(r"(?i)\b((?:set-)?cookie2?[\"']?: ?)[^\n\"']{4,}")


def without_assigned(text: str) -> str:
    """Return a text with [secret] in place of each value of a name of a secret."""
    if "=" in text or "-u " in text or "--" in text:
        text = _CALLED.sub(rf"\g<name>{_SHOWN}", text)
    if "ookie" in text or "OOKIE" in text:
        text = _COOKIE.sub(rf"\1{_SHOWN}", text)
    return text
