"""Numbers that identify a person, an account or a machine: each function yields where a text has them, as (start, end)."""

import ipaddress
import re
from collections.abc import Callable, Iterator

from dspy_programs.data.checks.pii import checksums
from dspy_programs.text import MONTH

_BEFORE = 48  # characters in which the word that names a number stands
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){2,8}(?:[ -]?[A-Z0-9]{1,3})?(?![^\W_])", re.IGNORECASE)
_CARD = re.compile(r"(?<![A-Za-z0-9_\u00c0-\u04ff.,:/#-])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9_\u00c0-\u04ff-]|[.,]\d)")
_SSN = re.compile(r"(?<![A-Za-z0-9_\u00c0-\u04ff.-])(\d{3})([- ])(\d{2})\2(\d{4})(?![A-Za-z0-9_\u00c0-\u04ff-]|\.\d)")
_SSN_BARE = re.compile(r"(?<![A-Za-z0-9_\u00c0-\u04ff.-])\d{9}(?![A-Za-z0-9_\u00c0-\u04ff-]|\.\d)")
_SSN_WORDS = re.compile(r"\bssn\b|social[ -]?security|\bsocial\b[^.]{0,20}$|seguro social|\bITIN\b", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![A-Za-z0-9_\u00c0-\u04ff.-])(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_\u00c0-\u04ff-]|\.\w)")
_IPV6 = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u04ff:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4})?(?![A-Za-z0-9_\u00c0-\u04ff:])", re.IGNORECASE
)
_VERSION = re.compile(
    r"(?:\bv(?=[\s.]{0,2}$)|\bver\b|\bversion|versi[oó]n|versione|versie|版本|バージョン|версия|release|build|firmware|driver|kernel|chapter|section"
    r"|clause|§|python|node|java|chrome/?|firefox/?|safari/?|edg/?|upgraded? (?:from|to)|updated? to|requires|==|>=|~=)"
    r"[\w\s.:#(/-]{0,16}$",
    re.IGNORECASE,
)
_IP_WORDS = re.compile(
    r"\bip\b|\bips\b|ipv4|address|host|server|client|dns|gateway|ping|from|login|адрес|地址|アドレス", re.IGNORECASE
)
_NOBODYS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220", "1.2.3.4"))
_MAC = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u04ff:-])[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?![A-Za-z0-9_\u00c0-\u04ff:-])|(?<![A-Za-z0-9_\u00c0-\u04ff])[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}(?![A-Za-z0-9_\u00c0-\u04ff])",
    re.IGNORECASE,
)
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"
    rf"|{MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|\d{{1,2}}(?:st|nd|rd|th|\.)?\s(?:of\s|de\s)?[^\W\d_]{{3,12}}\.?\s(?:de\s)?\d{{4}}"
    r"|\d{4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일])(?!\d)"
)
_BIRTH = re.compile(
    r"(?:\bd\.?o\.?b\.?\b|date of birth|birth[ -]?dat[ae]|birthday|\bborn\b(?: on)?|geboren(?: am| op)?|geburtsdatum|geburtstag"
    r"|n[ée]e?\s+le|date de naissance|nacid[oa]\s+el|fecha de nacimiento|data de nascimento|nascid[oa] em"
    r"|nat[oa] il|data di nascita"
    r"|дата рождения|родил(?:ся|ась)|geboortedatum|data urodzenia|urodzon[ya]|doğum tarihi|född|出生(?:日期|于)?"
    r"|生年月日|생년월일|तिथि)"
    rf"[\s:：=(),.\"'-]{{0,6}}(?:is\s|was\s|ist\s|est\s|es\s|el\s|le\s|am\s|on\s|der\s|é\s)?(?P<date>{_DATE})",
    re.IGNORECASE,
)
_PASSPORT = re.compile(
    r"(?:passport|reisepass|passeport|pasaporte|passaporto|passaporte|paspoort|paszport\w*|паспорт\w*|护照|パスポート|여권)"
    r"[^\d\n]{0,24}?(?P<number>(?<![A-Za-z0-9])(?=[A-Z]{0,3}\d)(?:[A-Z]{1,3}\s?\d{6,8}|\d{2}[A-Z]{2}\d{5}|\d{8,9}|\d{4}\s\d{6}"
    r"|\d{2}\s\d{2}\s\d{6}|(?=(?:[A-Z]*\d){3})[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}))(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_Test = Callable[[str], bool]
_ID_WORDS = (
    r"tax|steuer|idnr|identifikations|aadhaar|aadhar|uidai|आधार|bsn|burgerservice|pesel|cpf|\bid\b|identity|national|insurance"
    r"|dni|nie|nir|sécu|身份证|证件|fiscal|carta|nino"
)
_IDS: tuple[tuple[re.Pattern[str], _Test, bool], ...] = tuple(
    (re.compile(rf"(?<![A-Za-z0-9_\u00c0-\u04ff.-]){form}(?![A-Za-z0-9_\u00c0-\u04ff-]|\.\d)"), test, named)
    for form, test, named in (
        (r"[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]", checksums.is_nino, False),
        (r"(?:\d{8}|\d{2}\.\d{3}\.\d{3})-?[A-Z]|[XYZ]-?\d{7}-?[A-Z]", checksums.is_dni, False),
        (r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", checksums.is_codice_fiscale, False),
        (r"[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}", checksums.is_nir, False),
        (r"\d{3}\.\d{3}\.\d{3}-\d{2}", checksums.is_cpf, False),
        (r"[1-9]\d{16}[\dXx]", checksums.is_resident_id, False),
        (r"\d{11}", checksums.is_cpf, True),
        (r"\d{9}", checksums.is_bsn, True),
        (r"\d{11}", checksums.is_pesel, True),
        (r"\d{2} ?\d{3} ?\d{3} ?\d{3}", checksums.is_german_tax_id, True),
        (r"\d{4} ?\d{4} ?\d{4}", checksums.is_aadhaar, True),
    )
)
_ID_NAMES = re.compile(_ID_WORDS, re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[ .-]")


def ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN.finditer(text):
        start, end = match.span()
        length = checksums.IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
        plain = 0
        for place in range(start, end if length else start):  # what follows an IBAN may look like more of it
            plain += text[place].isalnum()
            if plain == length:
                whole = place + 1 == len(text) or not text[place + 1].isalnum()
                if whole and checksums.is_iban(_plain(text[start : place + 1]).upper()):
                    yield start, place + 1
                break


def cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        groups = re.split("[ -]", match.group())
        grouped = len(groups) == 1 or (len(groups) <= 5 and all(3 <= len(group) <= 7 for group in groups))
        if grouped and checksums.is_card(_plain(match.group())):
            yield match.span()


def ssns(text: str) -> Iterator[tuple[int, int]]:
    for match in _SSN.finditer(text):
        named = match[2] == "-" or _is_named(text, match.start(), _SSN_WORDS)
        if named and checksums.is_ssn(match[1] + match[3] + match[4]):
            yield match.span()
    for match in _SSN_BARE.finditer(text):
        if _is_named(text, match.start(), _SSN_WORDS) and checksums.is_ssn(match.group()):
            yield match.span()


def national_ids(text: str) -> Iterator[tuple[int, int]]:
    """Of the United Kingdom, Spain, Italy, France, Brazil, China, the Netherlands, Poland, Germany and India."""
    for pattern, is_one, needs_name in _IDS:
        for match in pattern.finditer(text):
            if (not needs_name or _is_named(text, match.start(), _ID_NAMES)) and is_one(_plain(match.group()).upper()):
                yield match.span()


def ips(text: str) -> Iterator[tuple[int, int]]:
    """Addresses of machines in the open: not private ones, nor those of this machine or of everybody's name servers."""
    for match in _IPV4.finditer(text):
        if _is_public(match.group()) and not _VERSION.search(text[max(0, match.start() - 40) : match.start()]):
            small = all(int(part) < 32 for part in match.group().split("."))
            if not small or _is_named(text, match.start(), _IP_WORDS):
                yield match.span()
    if "::" in text or text.count(":") >= 7:
        for match in _IPV6.finditer(text):
            if len(match.group()) > 6 and any(map(str.isdigit, match.group())) and _is_public(match.group()):
                yield match.span()


def macs(text: str) -> Iterator[tuple[int, int]]:
    for match in _MAC.finditer(text):
        plain = re.sub(r"[:.-]", "", match.group()).lower()
        if len(set(plain)) > 2 and (match[1] or not plain.isdigit()):
            yield match.span()


def birth_dates(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span("date") for match in _BIRTH.finditer(text))


def passports(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span("number") for match in _PASSPORT.finditer(text))


def _is_public(address: str) -> bool:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    if address in _NOBODYS or known.is_loopback or known.is_link_local or known.is_multicast or known.is_unspecified:
        return False
    shown = known.is_private and (
        address.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) or address.lower().startswith("2001:db8")
    )
    return shown or not (known.is_private or known.is_reserved)


def _plain(text: str) -> str:
    return _NOT_PLAIN.sub("", text)


def _is_named(text: str, start: int, words: re.Pattern[str]) -> bool:
    return words.search(text[max(0, start - _BEFORE) : start]) is not None
