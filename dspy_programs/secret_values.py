"""Keys, tokens and passwords in a text: where they are, and the text without them.

A key with a form of its own is found by it; any other string only if it looks drawn at random and is called a key, a token
or a password. Samples are no secrets: "your-api-key", "sk-xxxxxxxx", "${TOKEN}". Hashes, UUIDs and paths are none either.
Source     the kinds of detect-secrets 1.5 (Apache-2.0), and newer forms as their makers document them.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

LONG = 16
"""Bytes without a space: no key with a form of its own is shorter."""


class Secret(NamedTuple):
    """Where a secret is in a text, in characters."""

    kind: str
    start: int
    end: int


_FORMS = {
    "aws_key": r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b",
    "anthropic_key": r"\bsk-ant-[\w-]{20,}",
    "openai_key": r"\bsk-[A-Za-z0-9]{16,}"
    r"|\bsk-(?:proj-|svcacct-|admin-|or-v1-)?(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])[\w-]{20,}",
    "stripe_key": r"\b(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{16,}|\bwhsec_[0-9A-Za-z+/]{24,}",
    "github_token": r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{22,}",
    "gitlab_token": r"\b(?:glpat|gldt|glft|glsoat|glrt|glcbt|glptt|glagent|gloas|glimt)-[\w-]{20,}|\bGR1348941[\w-]{20,}",
    "slack_token": r"\bxox(?:[abopsr]|e(?:\.xox[bp])?)-(?:\d+-)*[\w-]{10,}|\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+"
    r"|https://hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}",
    "jwt": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",
    "google_key": r"\bAIza[\w-]{35}(?![\w-])|\bGOCSPX-[\w-]{20,}|\bya29\.[\w-]{20,}",
    "huggingface_token": r"\bhf_[A-Za-z]{30,}\b|\bhf_[A-Za-z0-9]{34,}\b",
    "npm_token": r"\bnpm_[A-Za-z0-9]{36}\b|//[\w./-]+/:_authToken=\s*(?:npm_)?[\w-]{20,}",
    "pypi_token": r"\bpypi-AgE[\w-]{50,}",
    "sendgrid_key": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "twilio_key": r"\b(?:AC|SK)[0-9a-f]{32}\b",
    "mailchimp_key": r"\b[0-9a-f]{32}-us\d{1,2}\b",
    "mailgun_key": r"\bkey-[0-9a-f]{32}\b",
    "square_key": r"\bsq0(?:atp|csp|idp)-[\w-]{22,}|\bEAAA[\w-]{60}\b",
    "telegram_token": r"\b\d{8,10}:AA[\w-]{33}(?![\w-])",
    "discord_token": r"\b[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])",
    "azure_key": r"\bAccountKey=[A-Za-z0-9+/=]{86,}",
    "digitalocean_token": r"\bdo[opr]_v1_[0-9a-f]{64}\b",
    "shopify_token": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
    "artifactory_token": r"\bAKC[a-zA-Z0-9]{50,}|\bcmVmd[A-Za-z0-9]{40,}",
    "vault_token": r"\bhv[sbr]\.[\w-]{24,}",
    "age_key": r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b",
    "url_password": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@?#\"'<>{}$]{1,64}:(?P<password>[^\s/@\"'<>{}$]{3,64})@[\w.-]+",
}
_ANY = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in _FORMS.items()))
_SPACED = re.compile(
    r"(?P<private_key>-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d)(?P<url_password>(?!))?"
)
_PEM_BODY = re.compile(r"(?:(?!-----)[\w+/=:,.\s-]|\\[nr])*-----END [A-Z0-9 ]*-----", re.ASCII)
_NAMED = re.compile(
    r"(?P<name>(?:passwor[dt]|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key"
    r"|private[_-]?key|secret[_-]?key|encryption[_-]?key|account[_-]?key|client[_-]?secret|credentials?)[\w-]{0,20})"
    r"[\"'\]]{0,3}\s{0,3}(?::=|=>|==?|:|\bis\b)\s{0,3}(?:(?:Bearer|Basic)\s)?(?P<quote>[\"'`]?)(?P<value>[^\s\"'`,;<>]{6,200})",
    re.IGNORECASE,
)
_NAME_BEGINS = re.compile("pass|pwd|secret|token|api|access|auth|priv|encr|acco|client|cred")
_BEARER = re.compile(r"\b(?:Bearer|Basic|Authorization:)\s+(?:Bearer\s+|Basic\s+)?(?P<value>[\w.+/=~-]{20,})")
_SAMPLE = re.compile(
    r"x{4,}|\*{3,}|\.{3,}|-{4,}|<|\$[{(]|\{\{|%\w+%|your|my[_-]?(?:api|secret|token|password|key)|example|sample|dummy|fake"
    r"|placeholder|changeme|change[_-]me|insert|replace|redacted|todo|(?:abc|xyz)(?:123|$)|foobar|1234567890(?:$|[a-f])"
    r"|0{8,}|(.)\1{6,}|process\.env|os\.environ|getenv|env\.|config\.|self\.|this\.|args\.|request\.|secret_here|none$|null$",
    re.IGNORECASE,
)
_BLANK = re.compile(r"x{4,}|\*{3,}|\.{3,}|your|here$", re.IGNORECASE)
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CODE = re.compile(r"[()\[\]{}|\\]|^[a-z_]+(?:\.[a-z_]+)+$|^/|^https?:", re.IGNORECASE)
_CALLED = (
    "passw",
    "passp",
    "pwd",
    "secret",
    "token",
    "_key",
    "-key",
    "apikey",
    "api key",
    "credential",
    "bearer",
    "basic",
    "authorization",
)
_LIKELY = re.compile(r"(?=[\w-]{0,40}\d)[\w-]{16,}|://[^@]*@|sk-|hf_|eyJ|[^_]Token=|AccountKey=|SG\.")


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
    named = any(name in lower for name in _CALLED)
    taken = bytearray(len(text) if named else 0)
    for each in found if named else ():
        taken[each.start : each.end] = b"\1" * (each.end - each.start)
    for pattern, kind in ((_NAMED, "password"), (_BEARER, "bearer_token")) if named else ():
        for match in _named_in(text, lower) if pattern is _NAMED else pattern.finditer(text):
            start, end = match.span("value")
            end -= len(text[start:end]) - len(text[start:end].rstrip(".)!?]}"))
            if not any(taken[start:end]) and _is_secret(match, text[start:end], kind):
                found.append(Secret(kind, start, end))
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
    if len(value) < 6 or _SAMPLE.search(value) or _CODE.search(value):
        return False
    classes = sum(any(test(letter) for letter in value) for test in (str.islower, str.isupper, str.isdigit, _is_sign))
    if kind == "bearer_token":
        return classes >= 3 and _entropy(value) > 3.5
    name = match["name"].lower()
    if "password" in name or "passw" in name or "pwd" in name or "passphrase" in name:
        return any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    if _HASH.fullmatch(value):
        return "key" in name or "secret" in name
    return len(value) >= 16 and classes >= 2 and any(map(str.isdigit, value)) and _entropy(value) > 3.3


def _is_sign(letter: str) -> bool:
    return not letter.isalnum()
