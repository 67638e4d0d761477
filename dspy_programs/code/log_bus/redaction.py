"""Keys, tokens and passwords are taken out of lines before they are kept or shown.

What `data validate` knows as a secret, what the environment has as one, and, stricter than both because a log can spare it,
whatever is assigned to a name of one: password=, --token, a cookie, `curl -u`.
"""

import re
from collections.abc import Sequence

_SEPARATOR = "\n"
_SHOWN = "[secret]"
_CALLED = re.compile(
    r"(?P<name>(?<![\w-])[\w.-]{0,40}(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key)[\"']?=[\"']?"
    r"|[?&](?:sig|signature|auth|code)=|[?&;\s]session_?id=|(?<!\S)--(?:password|passwd|token|secret|api-key)[ =]"
    r"|(?<!\S)-u [^\s:]{1,64}:)"
    r"(?!none\b|null\b|true\b|false\b|[*<\[${%/])(?P<value>[^\s\"'&;,)]{4,})",
    re.I,
)
_COOKIE = re.compile(r"(?i)\b((?:set-)?cookie2?[\"']?: ?)[^\n\"']{4,}")


def without_secrets(lines: Sequence[str]) -> list[str]:
    """Return lines with the kind of each secret in its place: [AWS_KEY]; keys that the environment has become [key]."""
    from dspy_programs.lm import without_keys
    from dspy_programs.secret_values import secrets_in

    text = _SEPARATOR.join(lines)
    for secret in reversed(secrets_in(text)):
        text = f"{text[: secret.start]}[{secret.kind.upper()}]{text[secret.end :]}"
    if "=" in text or "-u " in text or "--" in text:
        text = _CALLED.sub(rf"\g<name>{_SHOWN}", text)
    if "ookie" in text or "OOKIE" in text:
        text = _COOKIE.sub(rf"\1{_SHOWN}", text)
    return without_keys(text).split(_SEPARATOR)
