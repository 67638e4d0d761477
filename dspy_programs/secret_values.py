"""Keys, tokens and passwords in a text: where they are, and the text without them.

A key with a form of its own is found by it; any other string only if it looks drawn at random and is called a key, a token
or a password. Samples are no secrets: "your-api-key", "sk-xxxxxxxx", "${TOKEN}". Hashes, UUIDs and paths are none either.
Source     the kinds of detect-secrets 1.5 (Apache-2.0), and newer forms as their makers document them.
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.secret_forms import FORMS, SERVICES

LONG = 16
"""Bytes without a space: no key with a form of its own is shorter."""


class Secret(NamedTuple):
    """Where a secret is in a text, in characters."""

    kind: str
    start: int
    end: int


_ANY = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in {**FORMS, "service_token": SERVICES}.items()))
_SPACED = re.compile(
    r"(?P<private_key>-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d)(?P<url_password>(?!))?"
)
_PEM_BODY = re.compile(r"(?:(?!-----)[\w+/=:,.\s-]|\\[nr])*-----END [A-Z0-9 ]*-----", re.ASCII)
_NAMED = re.compile(
    r"(?P<name>(?:passwor[dt]|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key"
    r"|private[_-]?key|secret[_-]?key|encryption[_-]?key|account[_-]?key|client[_-]?secret|credentials?)[\w-]{0,20}"
    r"|(?<![A-Za-z])pass(?![\w-])|(?<![A-Za-z])(?:app|fernet|signing|master|webhook)[_-]?key(?![\w-]))"
    r"[\"'\]]{0,3}\s{0,3}(?::=|=>|==?|:|\bis\b|>(?=[^<\s]{6,200}</))\s{0,3}(?:base64:|(?:Bearer|Basic)\s)?(?P<quote>[\"'`]?)(?P<value>[^\s\"'`,;<>]{6,200})",
    re.IGNORECASE,
)
_NAME_BEGINS = re.compile("pass|pwd|secret|token|api|access|auth|priv|encr|acco|client|cred|app|fernet|signing|master|webhook")
_BEARER = re.compile(r"\b(?:Bearer|Basic|Authorization:)\s+(?:(?:Bearer|Basic|Token|Key|ApiKey)\s+)?(?P<value>[\w.+/=~-]{20,})")
_PAIR = re.compile(r"(?:\bBasic\s+|\"auth\"\s{0,3}:\s{0,3}\"|_auth\s?=\s?\"?)(?P<value>[A-Za-z0-9+/]{8,400}={0,2})")
"""A name and its password in base64."""
_ARGUMENT = re.compile(
    r"(?:\s(?:-u|--user)[ =][\"']?[\w.@-]{1,40}:|\bsshpass\s-p\s?|\bmysql(?:dump|admin)?\s(?:[^\s|;]{1,40}\s){0,6}?-p"
    r"|\s--(?:password|passwd|passphrase|token|api-key|secret)\s|\bmachine\s\S{1,60}\slogin\s\S{1,60}\spassword\s"
    r"|\bthin:\w{1,40}/(?=\S{4,80}@))[\"']?(?P<value>[^\s\"'`,;<>&@]{6,200})"
)
"""A password in an argument of a command, in an address of Oracle's, or in .netrc."""
_PARAMETER = re.compile(
    r"(?:\bCookie:[^\n]{0,200}?\b\w{0,20}(?:sess|sid|token|auth)\w{0,20}=|[?&](?:code|key|\w{0,20}token|api_?key)=)"
    r"(?P<value>[\w.+/=%~-]{20,200})"
)
"""A token in an address or a cookie."""
_OWNER = re.compile(r"://(?P<value>(?=[\w.-]{0,60}[g-zA-Z_-])[\w.-]{20,100})@")
"""A token where an address has a name: https://TOKEN@host; not a number in hexadecimal."""
_SAMPLE = re.compile(
    r"x{4,}|\*{3,}|\.{3,}|-{4,}|<|\$[{(]|\{\{|%\w+%|your|my[_-]?(?:api|secret|token|password|key)|example|sample|dummy|fake"
    r"|placeholder|changeme|change[_-]me|insert|replace|redacted|todo|(?:abc|xyz)(?:123|$)|foobar|1234567890(?:$|[a-f])"
    r"|0{8,}|(.)\1{6,}|process\.env|os\.environ|getenv|env\.|config\.|self\.|this\.|args\.|request\.|secret_here|none$|null$",
    re.IGNORECASE,
)
_BLANK = re.compile(r"x{4,}|\*{3,}|\.{3,}|your|here$", re.IGNORECASE)
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CODE = re.compile(r"[()\[\]{}|\\]|^[a-z_]+(?:\.[a-z_]+)+$|^/|^https?:", re.IGNORECASE)
_CALLED = ("pass", "pwd", "secret", "token", "_key", "-key", "apikey", "api key", "accesskey", "credential")
_LIKELY = re.compile(r"(?=[\w-]{0,40}\d)[\w-]{16,}|://[^@]{0,140}@|sk-|hf_|eyJ|[^_]Token=|AccountKey=|SG\.|api_org_")

_SHOWN = {"argument": "password", "parameter": "bearer_token"}
_NAMES = (
    (_NAMED, "password", _CALLED),
    (_BEARER, "bearer_token", ("bearer", "basic", "authorization")),
    (_PAIR, "basic_auth", ("basic", '"auth"', "_auth")),
    (
        _ARGUMENT,
        "argument",
        (" -u", "--user", "--pass", "--token", "--api-key", "--secret", "sshpass", "mysql", "login", "thin:"),
    ),
    (_PARAMETER, "parameter", ("cookie:", "code=", "key=", "token=")),
    (_OWNER, "parameter", ("@",)),
)
"""How a secret is called, its kind, and what stands in a text that has one."""


def secrets_in(text: str) -> list[Secret]:
    """Return the secrets in a text in order, none inside another."""
    found: list[Secret] = []
    for match in _forms_in(text):
        kind = str(match.lastgroup if match["url_password"] is None else "url_password")
        start, end = match.span()
        if kind == "private_key" and (body := _PEM_BODY.match(text, end, end + 20_000)):
            end = body.end()
        elif kind == "url_password":
            start, end = match.span("password")
        if kind == "private_key" or not _is_sample(text[start:end], kind):
            found.append(Secret(kind, start, end))
    lower = text.lower()
    named = [each for each in _NAMES if any(sign in lower for sign in each[2])]
    taken = bytearray(len(text) if named else 0)
    for each in found if named else ():
        taken[each.start : each.end] = b"\1" * (each.end - each.start)
    for pattern, kind, _ in named:
        for match in _named_in(text, lower) if pattern is _NAMED else pattern.finditer(text):
            start, end = match.span("value")
            end -= len(text[start:end]) - len(text[start:end].rstrip(".)!?]}"))
            if not any(taken[start:end]) and _is_secret(match, text[start:end], kind):
                found.append(Secret(_SHOWN.get(kind, kind), start, end))
                taken[start:end] = b"\1" * (end - start)
    return _outermost(sorted(found, key=lambda secret: secret.start))


def _outermost(found: list[Secret]) -> list[Secret]:
    """Leave out what is inside another of them: what looks like a key in the middle of a private key."""
    kept = found[:1]
    for secret in found[1:]:
        if secret.start >= kept[-1].end:
            kept.append(secret)
    return kept


def _forms_in(text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of all forms. Only a private key has spaces in it, and hardly another is without a digit."""
    if "-----BEGIN" in text or "PuTTY" in text:
        yield from _SPACED.finditer(text)
    at = 0
    for run in text.split():
        if len(run) >= LONG and _LIKELY.search(run):
            at = text.index(run, at)
            yield from _ANY.finditer(text, at, at + len(run))
            at += len(run)


def _named_in(text: str, lower: str) -> Iterator[re.Match[str]]:
    """Yield what is called a key or a password: _NAMED's matches, looked for only where one can begin."""
    if len(lower) != len(text):  # a letter whose lower case is two
        yield from _NAMED.finditer(text)
        return
    end = 0
    for begin in _NAME_BEGINS.finditer(lower):
        if begin.start() >= end and (match := _NAMED.match(text, begin.start())):
            yield match
            end = match.end()


def without_secrets(text: str) -> str:
    """Return a text with its kind in place of each secret, "[github_token]", and as many lines as before."""
    kept, at = [], 0
    for secret in secrets_in(text):
        kept += [text[at : secret.start], f"[{secret.kind}]", "\n" * text.count("\n", secret.start, secret.end)]
        at = secret.end
    return "".join(kept) + text[at:]


def _entropy(text: str) -> float:
    """Return the entropy of a text's characters, in bits for each (Shannon)."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def _is_sample(value: str, kind: str) -> bool:
    """Return whether a form is filled in so that everybody sees it. AKIAIOSFODNN7EXAMPLE still looks like a key to learn."""
    return (_SAMPLE if kind == "url_password" else _BLANK).search(value) is not None


def _is_secret(match: re.Match[str], value: str, kind: str) -> bool:
    """Return whether what is called a key or a password looks like one: quoted or drawn at random, and no sample."""
    if kind == "basic_auth":
        return _is_pair(value)
    if len(value) < 6 or _SAMPLE.search(value) or _CODE.search(value):
        return False
    classes = sum(any(test(letter) for letter in value) for test in (str.islower, str.isupper, str.isdigit, _is_sign))
    if kind == "bearer_token":
        return (classes >= 3 and _entropy(value) > 3.5) or re.fullmatch(r"[0-9a-f]{32,64}", value) is not None
    if kind in ("argument", "parameter"):
        is_random = kind == "argument" or (classes >= 2 and _entropy(value) > 3.5)
        return is_random and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    name = match["name"].lower()
    if "pass" in name or "pwd" in name:
        return any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    if _HASH.fullmatch(value):
        return "key" in name or "secret" in name or (match["name"].isupper() and "-" not in value)
    return len(value) >= 16 and classes >= 2 and any(map(str.isdigit, value)) and _entropy(value) > 3.3


def _is_pair(value: str) -> bool:
    """Return whether a text in base64 is a name with its password, and no sample."""
    try:
        name, _, password = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return bool(name) and len(password) >= 6 and password.isprintable() and " " not in password and not _SAMPLE.search(password)


def _is_sign(letter: str) -> bool:
    return not letter.isalnum()
